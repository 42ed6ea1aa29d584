// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"strings"
	"testing"
)

const plainSet = `{"bundleId":"stack","version":"7","scope":{"gateway":"*","workspace":"prod","name":"web-*"},` +
	`"members":[{"role":"SANDBOX_POLICY","name":"web-*","sha256":"aa"},{"role":"GLOBAL_POLICY","name":"","sha256":"bb"}],` +
	`"notBefore":"2026-01-02T15:04:05Z","notAfter":"2027-01-02T15:04:05Z","reason":"because"}`

var wholeSet = strings.NewReplacer(`"aa"`, `"`+strings.Repeat("a", 64)+`"`, `"bb"`, `"`+strings.Repeat("b", 64)+`"`).Replace(plainSet)

func TestParseSet(t *testing.T) {
	s, f := parseSet([]byte(wholeSet))
	if f != nil {
		t.Fatal(f)
	}
	if s.name.id != "stack" || s.name.version != 7 || len(s.members) != 2 || s.members[0].role != "GLOBAL_POLICY" || s.reason != "because" ||
		s.scope != (approvalScope{"*", "prod", "web-*"}) || !s.notBefore.Before(s.notAfter) {
		t.Errorf("%+v", s)
	}
	if _, f := parseSet([]byte(strings.Replace(wholeSet, `,"reason":"because"`, "", 1))); f != nil {
		t.Errorf("the reason is optional: %v", f.Detail)
	}
}

// Every other member must be there, be a string or what it is, and not be null.
func TestParseSetIsClosed(t *testing.T) {
	for _, name := range []string{"bundleId", "version", "scope", "members", "notBefore", "notAfter", "role", "name", "sha256", "gateway", "workspace"} {
		for what, text := range map[string]string{
			"missing": strings.Replace(wholeSet, `"`+name+`":`, `"was_`+name+`":`, 1),
			"folded":  strings.Replace(wholeSet, `"`+name+`":`, `"`+strings.ToUpper(name)+`":`, 1),
			"twice":   strings.Replace(wholeSet, `"`+name+`":`, `"`+name+`":"x","`+name+`":`, 1),
			"null":    strings.Replace(wholeSet, `"`+name+`":`, `"`+name+`":null,"x":`, 1),
		} {
			if text == wholeSet {
				t.Fatalf("%s %s: nothing was changed", name, what)
			}
			if s, f := parseSet([]byte(text)); f == nil || f.Reason != PredicateInvalid {
				t.Errorf("%s %s: %+v", name, what, s)
			}
		}
	}
}

// membersOfSet is a set of n documents.
func membersOfSet(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"role":"PROVIDER_PROFILE","name":"p%d","sha256":"%064x"}`, i, i))
	}
	before, _, _ := strings.Cut(wholeSet, `"members":[`)
	_, after, _ := strings.Cut(wholeSet, `],"notBefore"`)
	return before + `"members":[` + strings.Join(list, ",") + `],"notBefore"` + after
}

func TestSetLimits(t *testing.T) {
	if _, f := parseSet([]byte(membersOfSet(MaxSubjects))); f != nil {
		t.Errorf("at the limit: %v", f.Detail)
	}
	if _, f := parseSet([]byte(membersOfSet(MaxSubjects + 1))); f == nil || !strings.Contains(f.Detail, "1 to 64 documents") {
		t.Errorf("one past it: %+v", f)
	}
	if _, f := parseSet([]byte(membersOfSet(0))); f == nil {
		t.Error("a set of nothing")
	}
	id := func(n int) []byte {
		return []byte(strings.Replace(wholeSet, `"stack"`, `"`+strings.Repeat("i", n)+`"`, 1))
	}
	if _, f := parseSet(id(MaxName)); f != nil {
		t.Errorf("an id at the limit: %v", f.Detail)
	}
	if _, f := parseSet(id(MaxName + 1)); f == nil {
		t.Error("an id past the limit")
	}
}

// Two statements are about one set exactly when id, version and members are
// equal, in whatever order they are written.
func TestSetIdentity(t *testing.T) {
	name := func(text string) setName {
		s, f := parseSet([]byte(text))
		if f != nil {
			t.Fatalf("%s: %v", text, f.Detail)
		}
		return s.name
	}
	base := name(wholeSet)
	open := strings.Index(wholeSet, `[{`) + 1
	cut := strings.Index(wholeSet, `},{`) + 1
	end := strings.Index(wholeSet, `}],`) + 1
	turned := wholeSet[:open] + wholeSet[cut+1:end] + "," + wholeSet[open:cut] + wholeSet[end:]
	for what, text := range map[string]string{
		"order":  turned,
		"scope":  strings.Replace(wholeSet, `"prod"`, `"dev"`, 1),
		"window": strings.Replace(wholeSet, "2027", "2028", 1),
		"reason": strings.Replace(wholeSet, "because", "other", 1),
	} {
		if text == wholeSet || name(text) != base {
			t.Errorf("%s makes another set", what)
		}
	}
	for what, text := range map[string]string{
		"id":      strings.Replace(wholeSet, `"stack"`, `"stack2"`, 1),
		"version": strings.Replace(wholeSet, `"7"`, `"8"`, 1),
		"digest":  strings.Replace(wholeSet, strings.Repeat("a", 64), strings.Repeat("c", 64), 1),
		"role":    strings.Replace(wholeSet, "SANDBOX_POLICY", "SETTINGS", 1),
		"name":    strings.Replace(wholeSet, `"name":"web-*","sha256"`, `"name":"web-1","sha256"`, 1),
		"less":    wholeSet[:cut] + wholeSet[end:],
	} {
		if text == wholeSet || name(text) == base {
			t.Errorf("%s makes no other set", what)
		}
	}
}

// Lengths keep names apart that would run into each other.
func TestSetFingerprintIsInjective(t *testing.T) {
	a := &policySet{members: []setMember{{"SETTINGS", "ab", "c"}}}
	b := &policySet{members: []setMember{{"SETTINGS", "a", "bc"}}}
	if a.fingerprint() == b.fingerprint() {
		t.Error("two sets, one fingerprint")
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte(wholeSet))
	f.Add([]byte(membersOfSet(MaxSubjects)))
	f.Add([]byte(strings.Replace(wholeSet, "05Z", "05.123456789Z", 2)))
	f.Fuzz(func(t *testing.T, predicate []byte) {
		s, finding := parseSet(predicate)
		if (s == nil) == (finding == nil) {
			t.Fatal("half a set")
		}
		if finding != nil {
			soundFindings(t, *finding)
			if finding.Reason != PredicateInvalid {
				t.Errorf("%v", finding.Reason)
			}
			return
		}
		if s.name.id == "" || s.name.version < 1 || s.name.version > 1<<63-1 || !s.notBefore.Before(s.notAfter) ||
			len(s.members) < 1 || len(s.members) > MaxSubjects || s.name.members == [32]byte{} {
			t.Errorf("%+v", s)
		}
		for _, m := range s.members {
			if _, ok := RoleByName(m.role); !ok || !isHexSHA256(m.sha256) {
				t.Errorf("%+v", m)
			}
		}
	})
}
