// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package printable

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// looksLikeNothing are characters that a reader does not see, or that move others.
var looksLikeNothing = []rune{
	0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2028, 0x2029,
	0x202A, 0x202D, 0x202E, 0x2060, 0x2061, 0x2065, 0x2066, 0x2069, 0x206A, 0x2800, 0x3000, 0x3164, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF0,
	0xFFF9, 0xFFFC, 0x1BCA0, 0x1D159, 0x1D173, 0xE0001, 0xE0041, 0xE0100, 0xE0FFF, 0x05D0, 0x0627, 0x0301, 0x00A0, 0x2003, 0x0085, 0x009B, 0x7F, 0x1B,
	0xE000, 0x10FFFF,
}

func TestShows(t *testing.T) {
	for _, r := range looksLikeNothing {
		if Shows(r) {
			t.Errorf("U+%04X shows", r)
		}
	}
	for _, r := range "aZ0 \"\\<&~éΩя中あア한–…✓→█½²" {
		if !Shows(r) {
			t.Errorf("U+%04X %q does not show", r, r)
		}
	}
	// Whatever Go does not print does not show, and nothing that Unicode hides does.
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if Shows(r) && (!unicode.IsPrint(r) || unicode.In(r, unicode.Cf, unicode.Zs, unicode.M) && r != ' ' || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)) {
			t.Fatalf("U+%04X shows", r)
		}
	}
}

// TestNothingHides puts each of them through every way out.
func TestNothingHides(t *testing.T) {
	for _, r := range looksLikeNothing {
		in := "a" + string(r) + "b"
		for name, out := range map[string]string{"Text": Text(in), "Quote": Quote(in), "Clip": Clip(in)} {
			if strings.ContainsRune(out, r) || !strings.Contains(out, `\`) {
				t.Errorf("%s of U+%04X is %q", name, r, out)
			}
		}
		if out := Escape([]byte(in)); r >= utf8.RuneSelf && bytes.ContainsRune(out, r) {
			t.Errorf("Escape of U+%04X is %q", r, out)
		}
	}
	if got := Text("web-1 é"); got != "web-1 é" {
		t.Errorf("a harmless text became %q", got)
	}
	if got := Text("a\xffb"); got != `a\xffb` {
		t.Errorf("a byte that is no UTF-8 became %q", got)
	}
}

// TestEscapeKeepsJSON: escaped JSON means what it meant.
func TestEscapeKeepsJSON(t *testing.T) {
	for _, r := range looksLikeNothing {
		want := map[string]string{"name\u3164": "a" + string(r) + "b"}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(Escape(text), &got); err != nil || got["name\u3164"] != want["name\u3164"] {
			t.Errorf("U+%04X: %q, %v", r, got, err)
		}
	}
	plain := []byte(`{"a":"é"}`)
	if got := Escape(plain); &got[0] != &plain[0] {
		t.Error("what shows was copied")
	}
}

// TestWriter cuts a text at every byte.
func TestWriter(t *testing.T) {
	text := "é\u3164–\U000E0041\u202Eend\n"
	want := "é\\u3164–\\udb40\\udc41\\u202eend\n"
	for cut := range len(text) {
		var b bytes.Buffer
		w := &Writer{W: &b}
		for _, part := range []string{text[:cut], text[cut:]} {
			if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		if b.String() != want {
			t.Errorf("cut at %d: %q", cut, b.String())
		}
	}
}

// TestInert is what CI systems obey, and what only looks like it; and cuts each at
// every byte.
func TestInert(t *testing.T) {
	for in, want := range map[string]string{
		"::error::x":                     "::\\u0065rror::x",
		"a\n \t::Add-mask::x\nb":         "a\n \t::\\u0041dd-mask::x\nb",
		"a\r::stop-commands::x":          "a\r::\\u0073top-commands::x",
		"a: ##[set-output name=x]y":      "a: ##\\u005bset-output name=x]y",
		"a ###[group]":                   "a ###\\u005bgroup]",
		"##vso[task.setvariable]":        "##vso\\u005btask.setvariable]",
		"##teamcity[x] ##[y]":            "##teamcity\\u005bx] ##\\u005by]",
		"##a##vso[x]":                    "##a##vso\\u005bx]",
		`{"a":"##[error]"}`:              `{"a":"##\u005berror]"}`,
		"a ::error::x, #[x] # [ ##  [x]": "a ::error::x, #[x] # [ ##  [x]",
		"::/0 and\n::1, ::\n: :a\n:::a":  "::/0 and\n::1, ::\n: :a\n:::a",
		"## Heading\n[x]":                "## Heading\n[x]",
	} {
		if got := string(Inert([]byte(in))); got != want {
			t.Errorf("%q is %q", in, got)
		}
		for cut := range len(in) {
			var b bytes.Buffer
			w := &Writer{W: &b}
			w.Write([]byte(in[:cut]))
			w.Write([]byte(in[cut:]))
			if b.String() != want {
				t.Errorf("%q cut at %d is %q", in, cut, b.String())
			}
		}
	}
}

// FuzzInert looks for a command that is left, or one that is not there.
func FuzzInert(f *testing.F) {
	for _, seed := range []string{"::a", "\n::a##[", "##vso[#", ":::b::", "# ##\r\n ::"} {
		f.Add(seed)
	}
	command := regexp.MustCompile(`##[A-Za-z]*\[|(?:^|[\r\n])[ \t\v\f]*::[A-Za-z]`)
	f.Fuzz(func(t *testing.T, in string) {
		escaped := Escape([]byte(in))
		out := Inert([]byte(in))
		if command.Match(out) {
			t.Fatalf("%q is %q", in, out)
		}
		if !command.Match(escaped) && !bytes.Equal(out, escaped) {
			t.Fatalf("%q is %q", in, out)
		}
	})
}
