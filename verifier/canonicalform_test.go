// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// plainSeeds are texts near the edge of what PlainlyCanonical takes.
var plainSeeds = map[string]bool{
	`{}`: true, `[]`: true, `"a"`: true, `0`: true, `-1`: true, `true`: true, `null`: true, `"é"`: true, "\"\x7f\u2028\"": true,
	`{"":1,"a":[1,{"b":false}],"ab":"c"}`: true, `[123456789012345]`: true, `{"a":"é"}`: true, `"a\"\\\b\f\n\r\t"`: true,
	strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth): true,

	``: false, ` {}`: false, `{} `: false, `{"a":1,"a":2}`: false, `{"b":1,"a":2}`: false, `{"a" :1}`: false, `{"a":1,}`: false, `[1,]`: false,
	`{"é":1}`: false, `"\u0061"`: false, `"\u0001"`: false, `"\/"`: false, `"\`: false, `"\"`: false, `{"\n":1}`: false, "\"\n\"": false, `1.0`: false, `1e3`: false, `-0`: false, `01`: false, `-`: false, `1234567890123456`: false,
	"\"\xff\"": false, `tru`: false, `nul`: false, `"a`: false, `{"a"}`: false, `{"a":1`: false, `{}{}`: false, `[1 2]`: false, `{1:2}`: false,
	strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1): false,
}

// heldPlain holds PlainlyCanonical against the readers that it spares.
func heldPlain(t *testing.T, text []byte) {
	t.Helper()
	if !PlainlyCanonical(text) {
		return
	}
	if err := checkTokens(text); err != nil {
		t.Errorf("%q is not strict: %v", text, err)
	}
	if again, err := Canonical(text); err != nil || !bytes.Equal(again, text) {
		t.Errorf("%q has the form %q, %v", text, again, err)
	}
}

func TestPlainlyCanonical(t *testing.T) {
	for text, want := range plainSeeds {
		if got := PlainlyCanonical([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
		heldPlain(t, []byte(text))
	}
}

func FuzzPlainlyCanonical(f *testing.F) {
	for text := range plainSeeds {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { heldPlain(t, text) })
}

// TestFormsAreDeclaredInOrder: a form whose members are in another order is right too, and
// read and written in twice the time.
func TestFormsAreDeclaredInOrder(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var look func(reflect.Type)
	look = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice:
			look(of.Elem())
		case reflect.Struct:
			if seen[of] || of == reflect.TypeFor[time.Time]() {
				return
			}
			seen[of] = true
			var names []string
			for i := range of.NumField() {
				name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
				names = append(names, name)
				look(of.Field(i).Type)
			}
			if !slices.IsSorted(names) {
				t.Errorf("%v is declared as %v", of, names)
			}
		}
	}
	look(reflect.TypeFor[decisionFile]())
	look(reflect.TypeFor[requestSummary]())
	if len(seen) != 9 {
		t.Errorf("%d forms: %v", len(seen), seen)
	}
}

// TestMarshalCanonicalOutOfOrder: what is declared in no order, or needs an escape, is put
// in order.
func TestMarshalCanonicalOutOfOrder(t *testing.T) {
	got, err := MarshalCanonical(struct {
		B string         `json:"b"`
		A map[string]int `json:"a"`
	}{"<\n\xff>", map[string]int{"é": 1, "z": 2, "\U0001F600": 3, "\uFB33": 4}})
	const want = "{\"a\":{\"z\":2,\"é\":1,\"\U0001F600\":3,\"\uFB33\":4},\"b\":\"<\\n\uFFFD>\"}"
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := MarshalCanonical(make(chan int)); err == nil {
		t.Error("a channel has a form")
	}
	if err := json.Unmarshal(got, &map[string]any{}); err != nil {
		t.Error(err)
	}
}
