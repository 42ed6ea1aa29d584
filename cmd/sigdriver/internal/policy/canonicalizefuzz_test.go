// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// FuzzDocument reads anything as a file of each type. Either there is a document,
// which is its own document and, in protobuf's opinion, the JSON of a message; or
// there is an error, and nothing else.
func FuzzCanonicalize(f *testing.F) {
	seeds := 0
	for _, v := range vectors(f) {
		f.Add(int(typeOf(f, v)), int(lineOf(f, v)), []byte(v.Input))
		seeds++
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	known := map[Line]map[Type]protoreflect.MessageDescriptor{Line00: descriptors(f, Line00), Line01: descriptors(f, Line01)}
	f.Fuzz(func(t *testing.T, number, line int, input []byte) {
		typ, l := Type(number), Line(line)
		got, err := Canonicalize(typ, l, input)
		if err != nil {
			checkFuzzError(t, got, err)
			return
		}
		again, err := Canonicalize(typ, l, got.Document)
		if err != nil || string(again.Document) != string(got.Document) {
			t.Errorf("the document is not its own: %v\n%s", err, got.Document)
		}
		for _, note := range got.Notes {
			checkPrintable(t, note)
		}
		// Only what was written by hand has been held against the schema.
		if descriptor := known[l][typ]; descriptor != nil && !isProtoJSON(t, typ, l, input) {
			checkSecond(t, descriptor, got.Document)
		}
	})
}

func isProtoJSON(t *testing.T, typ Type, l Line, input []byte) bool {
	root, err := (&reader{schema: types[typ].schema, line: l}).parse(input)
	if err != nil {
		t.Fatal(err)
	}
	return root == nil
}

func checkSecond(t *testing.T, descriptor protoreflect.MessageDescriptor, document []byte) {
	if second := secondRoute(t, descriptor, document); string(second) != string(document) {
		t.Errorf("1st %s\n2nd %s", document, second)
	}
}

func checkFuzzError(t *testing.T, got *Result, err error) {
	var refused *CanonicalizeError
	if got != nil || !errors.As(err, &refused) || refused.Line < 0 || refused.Column < 0 || refused.Text == "" {
		t.Errorf("%v beside %#v", got, err)
	}
	checkPrintable(t, err.Error())
}

// checkPrintable wants foreign text quoted.
func checkPrintable(t *testing.T, text string) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		t.Errorf("%q cannot be shown", text)
	}
}
