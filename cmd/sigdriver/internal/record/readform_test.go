// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/verifier"
)

// strictEntry is Parse by the library: read strictly, written again, compared.
func strictEntry(entry []byte) (Stored, error) {
	var s stored
	if err := json.Unmarshal(entry, &s, json.RejectUnknownMembers(true)); err != nil {
		return Stored{}, err
	}
	if s.Schema != schema {
		return Stored{}, fmt.Errorf("schema %q: this build reads %s", clip(s.Schema), schema)
	}
	content := s.content()
	if err := content.check(s.Seq); err != nil {
		return Stored{}, err
	}
	again, err := canonical(&s)
	if err != nil {
		return Stored{}, err
	}
	if !bytes.Equal(again, entry) {
		return Stored{}, fmt.Errorf("it is not in canonical form")
	}
	return Stored{s.Seq, s.Prev, sha256.Sum256(entry), entry, content}, nil
}

// strictRecord is ParseDecisionRecord by the library, likewise.
func strictRecord(data []byte) (*DecisionRecord, error) {
	var f recordFile
	if err := json.Unmarshal(data, &f, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("decision record: %w", err)
	}
	if f.Schema != recordSchema {
		return nil, fmt.Errorf("decision record: schema %q, this build reads %s", clip(f.Schema), recordSchema)
	}
	d, err := verifier.ParseDecisionJSON(f.Decision)
	if err != nil {
		return nil, fmt.Errorf("decision record: %w", err)
	}
	if again, err := canonical(&f); err != nil || !bytes.Equal(again, data) {
		return nil, fmt.Errorf("decision record: the text is not in its one canonical form")
	}
	return &DecisionRecord{Request: f.Request, Attestations: f.Attestations, Decision: d, DecisionJSON: f.Decision}, nil
}

// heldStrict holds both readers against the library.
func heldStrict(t *testing.T, data []byte) {
	t.Helper()
	e, err := Parse(data)
	strict, want := strictEntry(data)
	if fmt.Sprint(err) != fmt.Sprint(want) || !reflect.DeepEqual(e, strict) {
		t.Errorf("%q is the entry %+v, %v, and strictly %+v, %v", data, e, err, strict, want)
	}
	r, err := ParseDecisionRecord(data)
	strictly, want := strictRecord(data)
	if fmt.Sprint(err) != fmt.Sprint(want) || !reflect.DeepEqual(r, strictly) {
		t.Errorf("%q is the record %+v, %v, and strictly %+v, %v", data, r, err, strictly, want)
	}
}

// formTexts are an entry of each kind and some decision records, and whether each is read
// without the library.
func formTexts(t testing.TB) (texts [][]byte, plain []bool) {
	add := func(k kind, v any, quick bool) {
		body, err := canonical(v)
		if err != nil {
			t.Fatal(err)
		}
		texts, plain = append(texts, frame(k, body, 17, Digest{1})), append(plain, quick)
	}
	full := allowed("web-1")
	full.Host, full.Bound, full.Peer.Name = Host{PolicyHash: "h", PolicyVersion: 3}, true, "gateway"
	full.Memory = &Known{Driver: "d", Revision: 4, Age: 5, Ask: &AskID{1, 2}, Signed: true}
	full.Trust.Roles = map[string]RoleFile{"root": {Digest{1}, 3}, "targets": {Digest{2}, 4}}
	full.Raised = []FloorChange{{Role: "SANDBOX_POLICY", Name: "a \"b\"", After: Floor{Digest{3}, 1 << 63}}}
	for _, e := range []Entry{allowed("web-1"), denied("web-1"), full} {
		add(kindDecision, e, true)
	}
	add(kindSuppressed, &Suppressed{Peer: Peer{UID: 1}, Target: Target{GatewayID: "gw"}, Count: 3}, true)
	for _, k := range otherKinds() {
		add(k.kind, k.value, k.kind != kindTakeover)
	}
	for _, p := range []proposal{compose(verifier.MapFloors{}, "web-1", floor(1, 2)), refusal(verifier.MapFloors{}, "web-2"), {&verifier.Request{}, &verifier.Decision{}}} {
		data, err := NewDecisionRecord(p.req, p.d).JSON()
		if err != nil {
			t.Fatal(err)
		}
		texts, plain = append(texts, data), append(plain, true)
	}
	return texts, plain
}

// Whatever is changed in an entry or a record: what is read is what the library reads, and
// what it refuses is refused in its words.
func TestEveryEditIsReadAsByTheLibrary(t *testing.T) {
	pieces := []string{"", `"`, `\`, `\"`, `\u0061`, "0", "9", "-", ".0", " ", ",", ":", "{", "}", "[", "]", "{}", "[]", `""`, "null", "true", "false", "\xff", "é", "\x01", `,"a":1`, "A", "Z"}
	random := rand.New(rand.NewPCG(1, 2))
	texts, plain := formTexts(t)
	for i, text := range texts {
		var s stored
		var f recordFile
		if got := verifier.UnmarshalCanonical(text, &s) || verifier.UnmarshalCanonical(text, &f); got != plain[i] {
			t.Errorf("%s is read without the library: %v", text, got)
		}
		heldStrict(t, text)
		for at := range len(text) + 1 {
			piece := pieces[random.IntN(len(pieces))]
			heldStrict(t, append(append(bytes.Clone(text[:at]), piece...), text[min(len(text), at+random.IntN(3)):]...))
		}
		for range 300 { // a part goes
			from, to := random.IntN(len(text)+1), random.IntN(len(text)+1)
			heldStrict(t, append(bytes.Clone(text[:min(from, to)]), text[max(from, to):]...))
		}
	}
}

func FuzzStrict(f *testing.F) {
	texts, _ := formTexts(f)
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(heldStrict)
}
