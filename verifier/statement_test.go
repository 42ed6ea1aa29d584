// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"strings"
	"testing"
)

const plainStatement = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"n","digest":{"sha256":"aa","sha512":"bb"}}],"predicateType":"https://example.test/p","predicate":{"a":1}}`

func TestParseStatement(t *testing.T) {
	const digest = `{"sha256":"aa","sha512":"bb"}`
	const one = `{"name":"n","digest":` + digest + `}`
	subjects := func(n int) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	for _, c := range []struct {
		name, old, new string
		want           Reason
	}{
		{"as it is", "", "", 0},
		{"v0.1", "Statement/v1", "Statement/v0.1", 0},
		{"v9", "Statement/v1", "Statement/v9", StatementType},
		{"type with a space", "Statement/v1", "Statement/v1 ", StatementType},
		{"type in another case", "Statement/v1", "statement/v1", StatementType},
		{"empty type", "https://in-toto.io/Statement/v1", "", StatementType},
		{"no type", `"_type":"https://in-toto.io/Statement/v1",`, "", StatementType},
		{"type a number", `"https://in-toto.io/Statement/v1"`, "1", StatementMalformed},
		{"unknown version with another shape", `"https://in-toto.io/Statement/v1","subject":[` + one + `]`, `"x","subject":1`, StatementType},
		{"unknown members", `"_type"`, `"note":1,"_type"`, 0},
		{"unknown member of a subject", `"name"`, `"note":1,"name"`, 0},
		{"no predicate", `,"predicate":{"a":1}`, "", 0},
		{"no predicateType", `"predicateType":"https://example.test/p",`, "", 0}, // "" is what no rule asks for
		{"predicateType a number", `"https://example.test/p"`, "1", StatementMalformed},
		{"SUBJECT beside", `"subject"`, `"SUBJECT":[],"subject"`, StatementMalformed},
		{"long s", `"subject"`, "\"\u017fubject\":[],\"subject\"", StatementMalformed},
		{"PredicateType", `"predicateType"`, `"PredicateType"`, StatementMalformed},
		{"Predicate", `"predicate"`, `"Predicate"`, StatementMalformed},
		{"_TYPE", `"_type"`, `"_TYPE":1,"_type"`, StatementMalformed},
		{"Digest", `"digest"`, `"Digest"`, StatementMalformed},
		{"Digest beside", `"digest"`, `"Digest":{"sha256":"cc"},"digest"`, StatementMalformed},
		{"subject twice", `"subject"`, `"subject":[],"subject"`, StatementMalformed},
		{"predicateType twice", `"predicateType"`, `"predicateType":"x","predicateType"`, StatementMalformed},
		{"sha256 twice", `"sha256"`, `"sha256":"cc","sha256"`, StatementMalformed},
		{"duplicate in the predicate", `{"a":1}`, `{"a":1,"a":1}`, StatementMalformed},
		{"SHA256", `"sha256"`, `"SHA256"`, SubjectDigestAlg},
		{"SHA256 beside", `"sha256"`, `"SHA256":"cc","sha256"`, SubjectDigestAlg},
		{"long s in sha256", `"sha256"`, "\"\u017fha256\"", SubjectDigestAlg},
		{"gitcommit", `"sha512"`, `"gitcommit"`, SubjectDigestAlg},
		{"an algorithm nobody knows", `"sha512"`, `"Whirlpool"`, 0},
		{"digest a number", `"bb"`, `1`, StatementMalformed},
		{"digest an array", digest, `[]`, StatementMalformed},
		{"empty digest", digest, `{}`, SubjectMissing},
		{"no digest", `,"digest":` + digest, ``, SubjectMissing},
		{"second subject without digest", one, one + `,{"name":"m"}`, SubjectMissing},
		{"no subject", `"subject":[` + one + `],`, ``, SubjectMissing},
		{"empty subject", one, ``, SubjectMissing},
		{"subject an object", `[` + one + `]`, one, StatementMalformed},
		{"a subject is a string", one, `"x"`, StatementMalformed},
		{"a name is a number", `"n"`, `1`, StatementMalformed},
		{"64 subjects", one, subjects(MaxSubjects), 0},
		{"65 subjects", one, subjects(MaxSubjects + 1), StatementMalformed},
		{"trailing", `{"a":1}}`, `{"a":1}} {}`, StatementMalformed},
		{"an array", plainStatement, `[]`, StatementMalformed},
		{"not UTF-8", `"n"`, "\"\xff\"", StatementMalformed},
		{"too deep", `{"a":1}`, strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), EnvelopeTooDeep},
	} {
		text := strings.Replace(plainStatement, c.old, c.new, 1)
		if c.old != "" && text == plainStatement {
			t.Fatalf("%s: the edit changes nothing", c.name)
		}
		s, f := parseStatement([]byte(text))
		switch {
		case (s == nil) == (f == nil):
			t.Errorf("%s: %v with %v", c.name, s, f)
		case f == nil && c.want != 0:
			t.Errorf("%s parses, want %v", c.name, c.want)
		case f != nil && f.Reason != c.want:
			t.Errorf("%s: %v (%s), want %v", c.name, f.Reason, f.Detail, c.want)
		}
	}
}

func TestStatementContent(t *testing.T) {
	s, f := parseStatement([]byte(plainStatement))
	if f != nil {
		t.Fatal(f)
	}
	if got, want := fmt.Sprintf("%s %v %s", s.predicateType, s.subjects, s.predicate), `https://example.test/p [{n map[sha256:aa sha512:bb]}] {"a":1}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
