// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

func TestSplitAttestations(t *testing.T) {
	wire := string(vt.Provenance([]byte("x")).Seal(vt.Person("dave")).Bundle("0.3", vt.Person("dave")).Proto())
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"nothing", " \n", nil},
		{"one", `{"a":1}`, []string{`{"a":1}`}},
		{"one over several lines", "{\n \"a\":\n1}\n", []string{"{\n \"a\":\n1}"}},
		{"lines", "{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}\n", []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
		{"without a line between", `{"a":1}{"b":2}`, []string{`{"a":1}`, `{"b":2}`}},
		{"an array", `[{"a":1}, {"b":2}]`, []string{`{"a":1}`, `{"b":2}`}},
		{"a byte order mark", "\xef\xbb\xbf{\"a\":1}", []string{`{"a":1}`}},
		{"a torn line", "{\"a\":1}\n{\"b\":\n{\"c\":3}\n", []string{`{"a":1}`, "{\"b\":\n", `{"c":3}`}},
		{"text", "hello\n{\"a\":1}", []string{"hello\n", `{"a":1}`}},
		{"members twice are for others to refuse", `{"a":1,"a":2}`, []string{`{"a":1,"a":2}`}},
		{"protobuf", wire, []string{wire}},
	} {
		var got []string
		for _, piece := range verifier.SplitAttestations([]byte(c.file)) {
			got = append(got, string(piece))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Lines that are no JSON are not each read to the end of the file.
func TestSplitIsBounded(t *testing.T) {
	file := []byte(strings.Repeat("[1,\n", 1<<18))
	pieces := verifier.SplitAttestations(file)
	if len(pieces) > 20 || !bytes.Equal(bytes.Join(pieces, nil), file) {
		t.Errorf("%d pieces", len(pieces))
	}
}
