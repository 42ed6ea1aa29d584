// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// FuzzMembers compares our cutting up of JSON with the library's reading of it,
// and that it survives text that nobody checked.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{
		plainEnvelope, plainStatement, plainApproval, `{}`, `[]`, ` { "a" : [ 1 , {"b":"]}"} ] , "\u0062":"\"\\" } `,
		`[1,-2.5e3,true,null,"x",[[]],{}]`, `{"":{"":""}}`, `{"a":"\ud83d\ude00\n"}`, `{`, `{"a"`, `{"a":`, `["`, `{"a":1,}`, `[,]`, `"\`, `{"a" "b"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		members, isObject := membersOf(text)
		elements, isArray := elementsOf(text, len(text))
		manySignatures(text)
		if checkJSON(text) != nil {
			return
		}
		want := map[string]jsontext.Value{}
		if err := json.Unmarshal(text, &want); (err == nil) != isObject && string(jsontext.Value(text).Kind()) != "n" {
			t.Fatalf("an object: %v, the library says %v", isObject, err)
		}
		if isObject {
			if len(members) != len(want) {
				t.Fatalf("%d members, want %d", len(members), len(want))
			}
			for _, m := range members {
				if string(want[m.name]) != string(m.value) {
					t.Errorf("%q is %s, want %s", m.name, m.value, want[m.name])
				}
			}
		}
		var list []jsontext.Value
		if err := json.Unmarshal(text, &list); isArray && (err != nil || len(list) != len(elements)) {
			t.Fatalf("%d elements, want %d (%v)", len(elements), len(list), err)
		}
		for i := range list {
			if string(list[i]) != string(elements[i]) {
				t.Errorf("element %d is %s, want %s", i, elements[i], list[i])
			}
		}
		var s string
		if got, ok := stringOf(jsontext.Value(text)); ok && (json.Unmarshal(text, &s) != nil || got != s) {
			t.Errorf("the string %q, want %q", got, s)
		}
	})
}

// TestElementsLimit: no more is read than one element past the limit.
func TestElementsLimit(t *testing.T) {
	for limit, want := range []int{1, 2, 3, 3} {
		if list, ok := elementsOf([]byte(`[1,2,3]`), limit); !ok || len(list) != want {
			t.Errorf("limit %d: %d elements, want %d", limit, len(list), want)
		}
	}
}
