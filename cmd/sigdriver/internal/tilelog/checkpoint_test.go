// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

func testKey(t testing.TB, origin, name string) *Key {
	t.Helper()
	k, err := keys.Parse(verifiertest.NewKey(name, verifier.Ed25519).PrivatePEM(), nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(origin, k)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

const testOrigin = "example.com/log"

// signed is a checkpoint by these keys.
func signed(t testing.TB, c Checkpoint, by ...note.Signer) []byte {
	t.Helper()
	data, err := note.Sign(&note.Note{Text: c.Text()}, by...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParseCheckpoint(t *testing.T) {
	k, other := testKey(t, testOrigin, "log"), testKey(t, "witness.example", "witness")
	want := Checkpoint{Origin: testOrigin, Size: 20852163, Root: [32]byte{1, 2, 3}}
	data := signed(t, want, k, other)
	c, err := ParseCheckpoint(data, k)
	if err != nil || c.Origin != want.Origin || c.Size != want.Size || c.Root != want.Root || !slices.Equal(c.Signers, []string{testOrigin}) || !slices.Equal(c.Unknown, []string{"witness.example"}) {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := ParseCheckpoint(data, k, other); err != nil || len(c.Signers) != 2 || len(c.Unknown) != 0 {
		t.Errorf("with both keys: %+v, %v", c, err)
	}
	if c, err := ParseCheckpoint(data); err != nil || len(c.Signers) != 0 || len(c.Unknown) != 2 {
		t.Errorf("with no key: %+v, %v", c, err)
	}
	// A stranger of the same name is not the log.
	if c, err := ParseCheckpoint(data, testKey(t, testOrigin, "stranger")); err != nil || len(c.Signers) != 0 {
		t.Errorf("with a stranger's key: %+v, %v", c, err)
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	k := testKey(t, testOrigin, "log")
	good := string(signed(t, Checkpoint{Origin: testOrigin, Size: 12, Root: [32]byte{9}}, k))
	if _, err := ParseCheckpoint([]byte(good), k); err != nil {
		t.Fatal(err)
	}
	text, sigs, _ := strings.Cut(good, "\n\n")
	lines := strings.Split(text, "\n")
	join := func(lines ...string) string { return strings.Join(lines, "\n") + "\n\n" + sigs }
	for what, bad := range map[string]string{
		"nothing":              "",
		"no signatures":        text + "\n",
		"an empty signature":   text + "\n\n",
		"a line less":          join(lines[:2]...),
		"an extension line":    join(append(slices.Clone(lines), "more")...),
		"no name":              join("", lines[1], lines[2]),
		"a size with a zero":   join(lines[0], "012", lines[2]),
		"a size with a plus":   join(lines[0], "+12", lines[2]),
		"a negative size":      join(lines[0], "-1", lines[2]),
		"a huge size":          join(lines[0], "18446744073709551616", lines[2]),
		"a short root":         join(lines[0], lines[1], base64.StdEncoding.EncodeToString(make([]byte, 31))),
		"a root without pad":   join(lines[0], lines[1], strings.TrimRight(lines[2], "=")),
		"a root's spare bits":  join(lines[0], lines[1], strings.Replace(lines[2], "A=", "B=", 1)),
		"another size":         join(lines[0], "13", lines[2]),
		"twice":                good + sigs,
		"white space":          good + "\n",
		"text after":           good + "more",
		"no dash":              text + "\n\n" + strings.TrimPrefix(sigs, "— "),
		"a hyphen for a dash":  text + "\n\n-" + strings.TrimPrefix(sigs, "—"),
		"no line feed":         strings.TrimSuffix(good, "\n"),
		"carriage return":      strings.Replace(good, "\n\n", "\r\n\r\n", 1),
		"a signature cut off":  text + "\n\n— " + testOrigin + " AAAA\n",
		"a signature's spaces": text + "\n\n" + strings.Replace(sigs, "=\n", "= \n", 1),
		"too long":             good + strings.Repeat("— x AAAAAAAA\n", 6000),
	} {
		if bad == good {
			t.Fatalf("%s: nothing was changed", what)
		}
		var wrong *CheckpointError
		if c, err := ParseCheckpoint([]byte(bad), k); !errors.As(err, &wrong) || c != nil {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
	}
}

// Spare bits of base64: what a lax decoder takes for the same bytes is refused,
// also where the key itself signed it.
func TestSpareBits(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	spare := func(text string) string {
		at := strings.LastIndex(text, "=") - 1
		return text[:at] + string(alphabet[strings.IndexByte(alphabet, text[at])+1]) + text[at+1:]
	}
	k := testKey(t, testOrigin, "log")
	c := Checkpoint{Origin: testOrigin, Size: 12, Root: [32]byte{9}}
	if _, err := ParseCheckpoint([]byte(spare(string(signed(t, c, k)))), k); err == nil {
		t.Error("in a signature")
	}
	odd, err := note.Sign(&note.Note{Text: spare(c.Text())}, k)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(odd, note.VerifierList(k)); err != nil {
		t.Fatal(err) // others take it
	}
	if _, err := ParseCheckpoint(odd, k); err == nil {
		t.Error("in a root that the key signed")
	}
}

func TestNewKey(t *testing.T) {
	k := testKey(t, testOrigin, "log")
	v, err := note.NewVerifier(k.VKey())
	if err != nil {
		t.Fatal(err)
	}
	sig, err := k.Sign([]byte("text"))
	if err != nil || !v.Verify([]byte("text"), sig) || v.Name() != k.Name() || v.KeyHash() != k.KeyHash() {
		t.Error("the public half is another key's", err)
	}
	var wrong *KeyError
	for _, name := range []string{"", "a name", "a+b", "a\nb", "\xff"} {
		private, err := keys.Generate(keys.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewKey(name, private); !errors.As(err, &wrong) || !wrong.Origin || wrong.Remedy == "" {
			t.Errorf("%q: %v", name, err)
		}
	}
	ec, err := keys.Generate(keys.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewKey(testOrigin, ec); !errors.As(err, &wrong) || wrong.Origin {
		t.Error("an ECDSA key signs a log:", err)
	}
}

// What the log's key signed has one encoding: no other bytes are taken for it.
func FuzzParseCheckpoint(f *testing.F) {
	k := testKey(f, testOrigin, "log")
	for _, c := range []Checkpoint{{Origin: testOrigin}, {Origin: testOrigin, Size: 1, Root: [32]byte{1}}, {Origin: testOrigin, Size: 1 << 40, Root: [32]byte{255}}} {
		f.Add(signed(f, c, k))
		f.Add(signed(f, c, k, testKey(f, "witness.example", "witness")))
	}
	f.Add([]byte("example.com/log\n1\n\n— x AAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCheckpoint(data, k)
		if err != nil {
			if c != nil {
				t.Error("a checkpoint beside an error")
			}
			return
		}
		if len(c.Signers) == 1 && len(c.Unknown) == 0 && !bytes.Equal(data, signed(t, Checkpoint{Origin: c.Origin, Size: c.Size, Root: c.Root}, k)) {
			t.Errorf("another encoding: %q", data)
		}
	})
}
