// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// outsideFiles reads every file of a folder of outside data, by base name.
func outsideFiles(t testing.TB, parts ...string) map[string][]byte {
	t.Helper()
	dir := outsideData(t, filepath.Join(parts...))
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s (%v)", dir, err)
	}
	files := map[string][]byte{}
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(p)] = data
	}
	return files
}

func nestedArrays(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

// strictCases says what checkJSON finds; 0 is nothing.
var strictCases = []struct {
	text string
	want jsonFault
}{
	{`{}`, 0},
	{" {\t\"a\" :\r\n[1] } \n", 0},
	{`null`, 0},
	{`{"a":{"b":1},"c":{"b":1}}`, 0},
	{`{"a":1,"A":2}`, 0},
	{`"\ud83d\ude00"`, 0},
	{`"\\ud800"`, 0},
	{`"\\\ud83d\ude00"`, 0},
	{nestedArrays(MaxDepth), 0},

	{``, jsonMalformed},
	{` `, jsonMalformed},
	{`{`, jsonMalformed},
	{`{"a":}`, jsonMalformed},
	{`{"a":1,}`, jsonMalformed},
	{`{'a':1}`, jsonMalformed},
	{`{a:1}`, jsonMalformed},
	{`[1 2]`, jsonMalformed},
	{`1.`, jsonMalformed},
	{`NaN`, jsonMalformed},
	{`-Infinity`, jsonMalformed},
	{"\"a\nb\"", jsonMalformed},
	{`"\x"`, jsonMalformed},
	{`"\u12"`, jsonMalformed},
	{`/**/1`, jsonMalformed},

	{`{"a":1,"a":1}`, jsonDuplicate},
	{`{"a":1,"\u0061":1}`, jsonDuplicate},
	{`{"x":[{"a":{},"b":0,"a":{}}]}`, jsonDuplicate},

	{"\xef\xbb\xbf{}", jsonUTF8},
	{"\"\xff\"", jsonUTF8},
	{"\"\xc0\xaf\"", jsonUTF8},
	{"\"\xed\xa0\x80\"", jsonUTF8},
	{`"\ud800"`, jsonUTF8},
	{`"\udc00"`, jsonUTF8},
	{`"\ud800\u0041"`, jsonUTF8},
	{`"\ud800\ud800"`, jsonUTF8},
	{`"\\\ud800"`, jsonUTF8},
	{`{"\uDFFF":1}`, jsonUTF8},

	{`{}{}`, jsonTrailing},
	{`{} x`, jsonTrailing},
	{"{}\x00", jsonTrailing},
	{"{}\n{}", jsonTrailing},
	{"1 2", jsonTrailing},
	{"01", jsonTrailing},

	{nestedArrays(MaxDepth + 1), jsonTooDeep},
	{strings.Repeat(`{"a":`, MaxDepth+1) + "1" + strings.Repeat("}", MaxDepth+1), jsonTooDeep},
	{strings.Repeat("[", 100_000), jsonTooDeep},
}

func TestCheckJSON(t *testing.T) {
	for _, c := range strictCases {
		var got jsonFault
		if err := checkJSON([]byte(c.text)); err != nil {
			fault, ok := errors.AsType[*jsonError](err)
			if !ok {
				t.Errorf("checkJSON(%.60q) returned a %T", c.text, err)
				continue
			}
			got = fault.Fault
		}
		if got != c.want {
			t.Errorf("checkJSON(%.60q) found %d, want %d", c.text, got, c.want)
		}
	}
}

// RFC 7493 is stricter than the suite in one way only: no duplicate names.
func TestCheckJSONOutside(t *testing.T) {
	for name, data := range outsideFiles(t, "json", "test_parsing") {
		err := checkJSON(data)
		fault, _ := errors.AsType[*jsonError](err)
		duplicate := fault != nil && fault.Fault == jsonDuplicate
		switch {
		case strings.HasPrefix(name, "n_") && err == nil:
			t.Errorf("%s is accepted", name)
		case strings.HasPrefix(name, "y_") && err != nil && !duplicate:
			t.Errorf("%s is refused: %v", name, err)
		case strings.HasPrefix(name, "y_object_duplicated_key") != duplicate:
			t.Errorf("%s: duplicate is %t", name, duplicate)
		}
	}
}

func TestCanonicalOutside(t *testing.T) {
	inputs, outputs := outsideFiles(t, "json", "jcs", "input"), outsideFiles(t, "json", "jcs", "output")
	for name, in := range inputs {
		want, ok := outputs[name]
		if !ok {
			t.Errorf("%s has no output", name)
			continue
		}
		got, err := Canonical(in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(got) != string(want) {
			t.Errorf("%s is\n%s, want\n%s", name, got, want)
		}
		if !isCanonical(got) || isCanonical(in) {
			t.Errorf("%s: isCanonical is %t after, %t before", name, isCanonical(got), isCanonical(in))
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{` { "b" : 1 , "a" : [ ] } `, `{"a":[],"b":1}`},
		{`{"\u20ac":"\u20ac\/\u000f\u000A","\ud83d\ude00":1,"\ufb33":2}`, "{\"€\":\"€/\\u000f\\n\",\"😀\":1,\"\ufb33\":2}"},
		{`[-0,0e5,1.0,100,1e2,1E-7,0.000001,1e21,123456789012345680000]`, `[0,0,1,100,100,1e-7,0.000001,1e+21,123456789012345680000]`},
	} {
		got, err := Canonical([]byte(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("Canonical(%s) = %s, %v, want %s", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{`{`, `{"a":1,"a":1}`, `9007199254740993`, `{"a":[1e400]}`, `1e-400`} {
		if got, err := Canonical([]byte(in)); err == nil {
			t.Errorf("Canonical(%s) = %s", in, got)
		}
	}
}

// A reader that decodes only what it verified: our own canonical reader accepts
// exactly the texts that the library would not change.
func TestReadCanonicalAgrees(t *testing.T) {
	texts := []string{
		`"\u001f"`, `"\u001F"`, `"\u000a"`, `"\n"`, `"\/"`, `"/"`, `"\u007f"`, "\"\x7f\"", `"\u0022"`, `"\""`, "\"\u2028\"", `"\u2028"`,
		"\"\xff\"", "\"\ufffd\"", `"\b\t\n\f\r\"\\"`, "\"a\\", `"`, `"\`, `"\u00`, `"\u0001`, `"\u0008"`, `"\u000`, `"\u0020"`, `"\u0012"`,
		`0`, `-0`, `00`, `-`, `1`, `-1`, `01`, `1.0`, `1.5`, `1e5`, `1e21`, `1e+21`, `1E+21`, `1e-7`, `0.000001`, `0.0000001`,
		`999999999999999`, `9999999999999999`, `10000000000000000`, `9007199254740993`, `9007199254740992`, `1e400`, `+1`, `.5`, `5.`, `1e`,
		`123456789012345680000`, `1180591620717411303424`,
		`{}`, `[]`, `[1,2]`, `[1, 2]`, `[1,]`, `[,1]`, `[1`, `{"a":1,"b":2}`, `{"b":1,"a":2}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`,
		`{"a":1,}`, `{,}`, `{"a"}`, `{"a" :1}`, `{"a":}`, `{1:2}`, "{\"😀\":1,\"\ufb33\":2}", "{\"\ufb33\":2,\"😀\":1}", "{\"€\":1,\"😀\":2}",
		`{"":1,"a":2}`, `{"a":1,"aa":2}`, `{"aa":1,"a":2}`, `{"A":1,"a":2}`,
		`true`, `tru`, `truee`, `True`, `false`, `null`, `nul`, ` null`, `null `, ``, "\xef\xbb\xbf1", `NaN`, `1 2`, `{}{}`,
		nestedArrays(MaxDepth), nestedArrays(MaxDepth + 1), `[` + nestedArrays(MaxDepth-1) + `,` + nestedArrays(MaxDepth-1) + `]`,
	}
	for _, text := range texts {
		sameJSON(t, text)
	}
	for _, c := range strictCases {
		sameJSON(t, c.text)
	}
}

// sameJSON compares readCanonical with the library and with what it read.
func sameJSON(t *testing.T, text string) {
	t.Helper()
	value, offset, ok := readCanonical(text)
	want := checkJSON([]byte(text)) == nil && isCanonical([]byte(text))
	if ok != want {
		t.Errorf("readCanonical(%.80q) is %t at %d, the library says %t", text, ok, offset, want)
	}
	if offset < 0 || offset > len(text) {
		t.Errorf("readCanonical(%.80q) stopped at %d of %d", text, offset, len(text))
	}
	if !ok {
		if value != nil {
			t.Errorf("readCanonical(%.80q) refuses and returns a value", text)
		}
		return
	}
	if again := appendTree(nil, value); string(again) != text {
		t.Errorf("readCanonical(%.80q) is written back as %.80q", text, again)
	}
}

func TestReadCanonicalOutside(t *testing.T) {
	for name, data := range outsideFiles(t, "json", "test_parsing") {
		sameJSON(t, string(data))
		canonical, err := Canonical(data)
		if err != nil {
			continue
		}
		if _, offset, ok := readCanonical(string(canonical)); !ok {
			t.Errorf("%s: its canonical form is refused at %d", name, offset)
		}
	}
}

func FuzzReadCanonical(f *testing.F) {
	for _, c := range strictCases {
		f.Add(c.text)
	}
	f.Add(`{"a":[1,-2.5,1e-7,"\u001f\n€😀",null,true,false],"b":{}}`)
	f.Fuzz(func(t *testing.T, text string) { sameJSON(t, text) })
}

func TestCompareNames(t *testing.T) {
	ascending := []string{"", "\x00", "1", "10", "A", "a", "aa", "aé", "b", "é", "€", "€a", "\ud7ff", "😀", "😀a", "😁", "\U0010ffff", "\ue000", "\ufb33", "\uffff"}
	for i, a := range ascending {
		for j, b := range ascending {
			got := compareNames(a, b)
			if (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("compareNames(%q, %q) = %d", a, b, got)
			}
		}
	}
}

func TestPointer(t *testing.T) {
	if got, want := pointer("a/b", "c~d", "0"), `"/a~1b/c~0d/0"`; got != want {
		t.Errorf("pointer = %s, want %s", got, want)
	}
	hostile := pointer("\x1b[31m\u202e", strings.Repeat("x", 1<<20), strings.Repeat("é", 500))
	if len(hostile) > 5*maxPointer || strings.ContainsFunc(hostile, func(c rune) bool { return c < ' ' || c > '~' }) {
		t.Errorf("pointer lets through %d bytes: %s", len(hostile), fmt.Sprintf("%.100q", hostile))
	}
}

// isCanonical reports whether a text that checkJSON accepts is its own RFC 8785 form.
func isCanonical(data []byte) bool {
	v := jsontext.Value(bytes.Clone(data))
	return v.Canonicalize() == nil && bytes.Equal(v, data)
}
