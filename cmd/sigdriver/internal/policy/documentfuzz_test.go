// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// FuzzDocument: whatever can be read is shown, in text that no terminal obeys and
// in YAML that is YAML, and does not differ from itself.
func FuzzDocument(f *testing.F) {
	seeds := 0
	for _, v := range cases.DocumentVectors() {
		if !v.Refused {
			f.Add([]byte(v.Document))
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Add([]byte(`{"@type":"type.googleapis.com/openshell.v1.ProviderProfile","a":[[],[[{}]],{"b":{}}],"a":null}`))
	other, err := Read([]byte(policyWith()))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Read(text)
		if err != nil {
			if d != nil {
				t.Fatal("half a document beside an error")
			}
			return
		}
		var b strings.Builder
		d.View().Print(&b)
		yamlText := d.YAML()
		b.WriteString(yamlText)
		if changes, err := Diff(other, d); err == nil {
			PrintChanges(&b, changes)
		}
		for _, r := range b.String() {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("%U stands in the output", r)
			}
		}
		again, err := Read(text)
		if err != nil {
			t.Fatal(err)
		}
		if changes, err := Diff(d, again); err != nil || len(changes) > 0 && !doubled(d.root) {
			t.Fatalf("differs from itself: %v %v", changes, err)
		}
		var node yaml.Node
		if err := yaml.Unmarshal([]byte(yamlText), &node); err != nil && !doubled(d.root) {
			t.Fatalf("%v\n%s", err, yamlText)
		}
	})
}

// doubled reports whether any object has a member twice.
func doubled(n *value) bool {
	for i, e := range n.items {
		if n.kind == jsonObject && n.twice(n.names[i]) || doubled(e) {
			return true
		}
	}
	return false
}
