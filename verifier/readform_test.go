// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// strictDecision is ParseDecisionJSON by the library: read strictly, written again, compared.
func strictDecision(text []byte) (*Decision, error) {
	var f decisionFile
	if err := unmarshalClosed(text, &f); err != nil {
		return nil, fmt.Errorf("decision: %w", err)
	}
	if f.MediaType != DecisionMediaType {
		return nil, fmt.Errorf("decision: media type %s, this build reads %s", quote(f.MediaType), DecisionMediaType)
	}
	d, err := f.decision()
	if err != nil {
		return nil, fmt.Errorf("decision: %w", err)
	}
	if !bytes.Equal(DecisionJSON(d), text) {
		return nil, fmt.Errorf("decision: the text is not in its one canonical form")
	}
	return d, nil
}

// anyForm has a member of every type that a form may have, and of some that none has.
type anyForm struct {
	A *formPart           `json:"a,omitempty"`
	B bool                `json:"b,omitzero"`
	D digestFile          `json:"d"`
	E [2]int              `json:"e"`
	F float64             `json:"f,omitzero"`
	I int8                `json:"i,omitzero"`
	J ownJSON             `json:"j,omitzero"`
	L []string            `json:"l,omitempty"`
	M map[string]formPart `json:"m,omitempty"`
	N uint64              `json:"n,string"`
	P *int                `json:"p,omitzero"`
	R []byte              `json:"r,omitzero"`
	S string              `json:"s,omitempty"`
	T time.Time           `json:"t,omitzero"`
	U uint32              `json:"u"`
	V jsontext.Value      `json:"v"`
	Z []formPart          `json:"z"`
}

// ownJSON is written as a number, whatever it is.
type ownJSON string

func (ownJSON) MarshalJSON() ([]byte, error) { return []byte("7"), nil }

type formPart struct {
	S string `json:"s,omitzero"`
	V int64  `json:"v,omitzero,string"`
}

// heldForm holds UnmarshalCanonical against the library, in a type.
func heldForm[T any](t *testing.T, text []byte) bool {
	t.Helper()
	var got, want T
	if !UnmarshalCanonical(text, &got) {
		return false
	}
	err := unmarshalClosed(text, &want)
	again, failed := MarshalCanonical(&got)
	if err != nil || !reflect.DeepEqual(got, want) || failed != nil || !bytes.Equal(again, text) {
		t.Errorf("%T: %q is read as %+v, strictly as %+v, %v, and written as %q, %v", got, text, got, want, err, again, failed)
	}
	return true
}

// heldForms holds all that is read by it against the library.
func heldForms(t *testing.T, text []byte) {
	t.Helper()
	heldForm[anyForm](t, text)
	heldForm[decisionFile](t, text)
	heldForm[requestSummary](t, text)
	got, err := ParseDecisionJSON(text)
	want, strictly := strictDecision(text)
	if fmt.Sprint(err) != fmt.Sprint(strictly) || !reflect.DeepEqual(got, want) {
		t.Errorf("%q is the decision %+v, %v, and strictly %+v, %v", text, got, err, want, strictly)
	}
}

// formSeeds are texts in their one form, with whether it is plain enough.
func formSeeds() map[string]bool {
	zero := 0
	at := time.Date(2026, 9, 1, 12, 0, 0, 120, time.UTC)
	seeds := map[string]bool{}
	add := func(f anyForm, plain bool) {
		f.V, f.Z = jsontext.Value(`{"x":[1,null,"\n"]}`), slices.Concat([]formPart{}, f.Z)
		text, err := MarshalCanonical(&f)
		if err != nil {
			panic(err)
		}
		seeds[string(text)] = plain
	}
	add(anyForm{}, true)
	add(anyForm{B: true, D: digestFile{1, 0xab}, E: [2]int{3, 1 << 30}, I: 127, L: []string{"", "é\"\n"}, M: map[string]formPart{"a": {}, "ab": {"s", 1}}, N: 1 << 60, P: &zero, S: "s", T: at, U: 1<<32 - 1, Z: []formPart{{}, {"t", 2}, {"", 3}}}, true)
	add(anyForm{A: &formPart{"a", 1}, T: at.Truncate(time.Second)}, true)
	for _, f := range []anyForm{{F: 1}, {R: []byte{1}}, {I: -1}, {S: "\x01"}, {N: 1<<64 - 1}, {M: map[string]formPart{"é": {}}}, {E: [2]int{-1, 0}}, {R: []byte{}}} {
		add(f, false)
	}
	return seeds
}

func TestUnmarshalCanonical(t *testing.T) {
	for text, plain := range formSeeds() {
		if got := heldForm[anyForm](t, []byte(text)); got != plain {
			t.Errorf("%s is read: %v", text, got)
		}
	}
	for _, text := range formTexts() {
		if _, err := ParseDecisionJSON([]byte(text)); err != nil {
			continue
		}
		if !heldForm[decisionFile](t, []byte(text)) {
			t.Errorf("%s is left to the library", text)
		}
	}
}

// What a reader had before is gone, whichever of the two reads.
func TestReadCanonicalClosedBeginsAnew(t *testing.T) {
	v := formPart{S: "before"}
	if canonical, err := readCanonicalClosed([]byte(`{ "v":"1"}`), &v); canonical || err != nil || v != (formPart{V: 1}) {
		t.Errorf("read as %+v, canonical %v, %v", v, canonical, err)
	}
}

// A text that is none that could be written is left to the library.
func TestUnmarshalCanonicalLeavesOthers(t *testing.T) {
	const least = `{"d":"0000000000000000000000000000000000000000000000000000000000000000","e":[0,0],"n":"0","u":0,"v":null,"z":[]}`
	if !heldForm[anyForm](t, []byte(least)) {
		t.Fatal("it is not read")
	}
	for _, edit := range [][2]string{
		{`"d":`, `"b":false,"d":`}, {`"n":`, `"i":0,"n":`}, {`"n":`, `"j":"7","n":`}, {`"n":`, `"j":7,"n":`}, {`"n":`, `"l":[],"n":`}, {`"n":`, `"m":{},"n":`},
		{`"n":`, `"m":{"b":{},"a":{}},"n":`}, {`"n":`, `"m":{"a":{},"a":{}},"n":`}, {`"n":`, `"m":{"a":{"v":"0"}},"n":`}, {`"n":`, `"m":{"a":{"s":""}},"n":`},
		{`"u":`, `"r":[1],"u":`}, {`"u":`, `"r":[],"u":`}, {`"u":`, `"s":"","u":`}, {`"u":`, `"t":"0001-01-01T00:00:00Z","u":`}, {`"u":`, `"t":"2026-09-01T12:00:00.10Z","u":`},
		{`"u":`, `"t":"2026-09-01T12:00:00+00:00","u":`}, {`"u":`, `"t":"2026-09-01T14:00:00+02:00","u":`}, {`"u":`, `"t":"2026-09-01T12:00:00,5Z","u":`},
		{`"u":0`, `"u":4294967296`}, {`"u":0`, `"u":-0`}, {`"u":0`, `"u":00`}, {`"u":0`, `"u":0.0`}, {`"u":0`, `"u":"0"`}, {`"u":0,`, ``}, {`"u":0`, `"u":0,"u":0`}, {`"u":0`, `"U":0`},
		{`"n":"0"`, `"n":0`}, {`"n":"0"`, `"n":"00"`}, {`"n":"0"`, `"n":""`}, {`"n":"0"`, `"n":"18446744073709551616"`}, {`"n":"0"`, `"n":"36893488147419103232"`},
		{`"d":"00`, `"d":"0A`}, {`"d":"00`, `"d":"0`}, {`"e":[0,0]`, `"e":[0]`}, {`"e":[0,0]`, `"e":[0,0,0]`}, {`"e":[0,0]`, `"e":null`}, {`"z":[]`, `"z":null`}, {`"z":[]`, `"z":[null]`}, {`"z":[]`, `"z":[{},]`},
		{`"v":null`, `"v":`}, {`"v":null`, `"v":{"b":1,"a":2}`}, {`"v":null`, `"v":"\u0061"`}, {`{"d"`, `{,"d"`}, {`}`, `} `}, {`}`, `,}`}, {`"z":[]`, `"z":[{"s":"\/"}]`}, {`"z":[]`, "\"z\":[{\"s\":\"\xff\"}]"},
	} {
		text := bytes.Replace([]byte(least), []byte(edit[0]), []byte(edit[1]), 1)
		if string(text) == least || heldForm[anyForm](t, text) {
			t.Errorf("%s is read", text)
		}
	}
}

// formTexts are decisions, requests and forms, each in its one text.
func formTexts() []string {
	at := time.Date(2026, 9, 1, 12, 0, 0, 5, time.UTC)
	place := &Binding{SandboxKey{"gw", "sb"}, Place{"w", "n"}}
	raise := Raise{FloorKey{"gw", ProviderProfile, "w", "n"}, Floor{3, [32]byte{3}}}
	texts := []string{
		string(DecisionJSON(&Decision{})),
		string(DecisionJSON(&Decision{Verdict: Allow, Reason: Allowed, NearestMiss: NearestMiss{Document: -1}, Documents: []DocumentResult{{}}, Consulted: []Raise{{raise.Key, Floor{}}}})),
		string(DecisionJSON(&Decision{
			Verdict: Deny, Reason: Threshold, NearestMiss: NearestMiss{0, "text \"quoted\"", "command"},
			Findings:        []Finding{{Threshold, 0, 0, "d\n", "h"}, {Threshold, -1, -1, "", ""}},
			Shadow:          []Finding{{Distinct, 1, -1, "s", "i"}},
			Documents:       []DocumentResult{{[32]byte{1}, 1 << 62, []string{"a", "é"}, at, true}},
			EffectiveSHA256: [32]byte{2}, Stale: true, ValidUntil: at, Recheck: at,
			Consulted: []Raise{raise}, Place: place, Raises: []Raise{raise}, Binding: place, Evidence: [][2]int{{0, 1}, {10, 2}},
		})),
		string(RequestJSON(&Request{Purpose: Compose, Target: Target{"gw", "w", "sb", "n"}, Documents: []Document{{Role: SandboxPolicy, Attestations: [][]byte{{1}}}, {Role: ProviderProfile, Workspace: "w", Provider: "p", NoLayer: BaseURLElsewhere}}, WithoutProfile: []string{"x"}})),
	}
	for text := range formSeeds() {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return texts
}

// Whatever is changed in a text: what is read is what the library reads, and what the library
// refuses is refused in its words.
func TestEveryEditOfAFormIsReadAsByTheLibrary(t *testing.T) {
	pieces := []string{"", `"`, `\`, `\"`, `\u0061`, "0", "9", "-", ".0", "e1", " ", ",", ":", "{", "}", "[", "]", "{}", "[]", `""`, "null", "true", "false", "\xff", "é", "\x01", `,"a":1`, `"a":1,`, "A", "Z", "+00:00"}
	random := rand.New(rand.NewPCG(1, 2))
	for _, text := range formTexts() {
		for at := range len(text) + 1 {
			for range 4 {
				piece := pieces[random.IntN(len(pieces))]
				to := min(len(text), at+random.IntN(3))
				heldForms(t, []byte(text[:at]+piece+text[to:]))
			}
		}
		for range 2000 { // a part goes, or is put elsewhere
			from, to, at := random.IntN(len(text)+1), random.IntN(len(text)+1), random.IntN(len(text)+1)
			from, to = min(from, to), max(from, to)
			heldForms(t, []byte(text[:from]+text[to:]))
			heldForms(t, []byte(text[:at]+text[from:to]+text[at:]))
		}
	}
	for _, edit := range [][2]string{ // what only an edit with a meaning shows
		{`"nearestMiss":{"command":"command","document":0,"text":"text \"quoted\""}`, `"nearestMiss":{"document":0,"text":""}`},
		{`"nearestMiss":{"command":"command","document":0,"text":"text \"quoted\""}`, `"nearestMiss":{"text":""}`},
		{`"document":0,"hint":"h"`, `"document":-1,"hint":"h"`},
		{`"consulted":[`, `"consulted":null,"x":[`},
		{`:120Z`, `,00Z`},
	} {
		for _, text := range formTexts() {
			heldForms(t, bytes.Replace([]byte(text), []byte(edit[0]), []byte(edit[1]), 1))
		}
	}
}

func FuzzUnmarshalCanonical(f *testing.F) {
	for _, text := range formTexts() {
		f.Add([]byte(text))
	}
	f.Fuzz(heldForms)
}
