// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package receipt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/receipt"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// vectors reads the committed vectors by name.
func vectors(t testing.TB) map[string]*cases.ReceiptVector {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/vectors/receipts/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	all := map[string]*cases.ReceiptVector{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v, err := cases.ParseReceiptVector(data)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if v.Name+".json" != filepath.Base(path) {
			t.Errorf("%s is named %q inside", path, v.Name)
		}
		all[v.Name] = v
	}
	return all
}

// wantOf reads what the reader of a vector wants.
func wantOf(t testing.TB, v *cases.ReceiptVector) receipt.Want {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
	}
	when := func(s string) (at time.Time) {
		if s != "" {
			var err error
			at, err = time.Parse(time.RFC3339, s)
			check(err)
		}
		return at
	}
	digest := func(s string) (d [32]byte) {
		_, err := hex.Decode(d[:], []byte(s))
		check(err)
		return d
	}
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 64)
		check(err)
		return n
	}
	in := &v.Want
	w := receipt.Want{
		Target:          receipt.Target{GatewayID: in.Target.Gateway, Workspace: in.Target.Workspace, SandboxID: in.Target.Sandbox, Name: in.Target.Name},
		EffectiveSHA256: digest(in.EffectiveSHA256), SettingsSHA256: digest(in.SettingsSHA256),
		MinEpoch: number(in.MinEpoch), MinSequence: number(in.MinSequence), Now: when(in.Now),
	}
	var err error
	w.Nonce, err = hex.DecodeString(in.Nonce)
	check(err)
	for _, k := range in.Keys {
		key, err := receipt.ParseKey([]byte(k.PEM))
		check(err)
		key.Driver, key.NotBefore, key.NotAfter = k.Driver, when(k.NotBefore), when(k.NotAfter)
		w.Keys = append(w.Keys, key)
	}
	return w
}

// outcome is what a vector calls it.
func outcome(t testing.TB, s *receipt.Statement, err error) string {
	t.Helper()
	if err == nil {
		return "VERIFIED"
	}
	var refusal *receipt.Refusal
	if !errors.As(err, &refusal) || s != nil || refusal.Text == "" {
		t.Fatalf("%v comes with %v", err, s)
	}
	return refusal.Finding
}

// TestVectors reads every vector as a reader in another language does. RC-01, RC-02,
// RC-03, RC-05.
func TestVectors(t *testing.T) {
	all := vectors(t)
	count := map[string]int{}
	for name, v := range all {
		s, err := receipt.Verify(v.Receipt, wantOf(t, v))
		if got := outcome(t, s, err); got != v.Expect {
			t.Errorf("%s: %v, want %s", name, err, v.Expect)
		}
		count[v.Expect]++
		if v.Expect != "VERIFIED" && (all[v.Positive] == nil || all[v.Positive].Expect != "VERIFIED") {
			t.Errorf("%s: its positive %q does not verify", name, v.Positive)
		}
	}
	for _, kind := range []string{"VERIFIED", receipt.FindingSignature, receipt.FindingNonce, receipt.FindingScope, receipt.FindingStale, receipt.FindingDigest} {
		if count[kind] == 0 {
			t.Errorf("no vector comes to %s", kind)
		}
		delete(count, kind)
	}
	if len(count) > 0 {
		t.Errorf("outcomes that are none: %v", count)
	}
}

// Every finding has its page.
func TestFindingsHavePages(t *testing.T) {
	pages := map[string]bool{}
	for _, doc := range verifier.AuditDocs() {
		if strings.HasPrefix(doc.Code, "RECEIPT_") {
			pages[doc.Code] = true
		}
	}
	for _, f := range []string{receipt.FindingSignature, receipt.FindingNonce, receipt.FindingScope, receipt.FindingStale, receipt.FindingDigest} {
		if !pages[f] {
			t.Errorf("%s has no page", f)
		}
		delete(pages, f)
	}
	if len(pages) > 0 {
		t.Errorf("pages without a finding: %v", pages)
	}
}

// The zero value takes nothing, nor does a want that lacks any one part.
func TestWantIsWhole(t *testing.T) {
	v := vectors(t)["verified-settings"]
	whole := wantOf(t, v)
	if _, err := receipt.Verify(v.Receipt, whole); err != nil {
		t.Fatal(err)
	}
	for name, drop := range map[string]func(*receipt.Want){
		"all":       func(w *receipt.Want) { *w = receipt.Want{} },
		"keys":      func(w *receipt.Want) { w.Keys = nil },
		"a key":     func(w *receipt.Want) { w.Keys = []receipt.Key{{}} },
		"nonce":     func(w *receipt.Want) { w.Nonce = nil },
		"gateway":   func(w *receipt.Want) { w.Target.GatewayID = "" },
		"workspace": func(w *receipt.Want) { w.Target.Workspace = "" },
		"sandbox":   func(w *receipt.Want) { w.Target.SandboxID = "" },
		"name":      func(w *receipt.Want) { w.Target.Name = "" },
		"effective": func(w *receipt.Want) { w.EffectiveSHA256 = [32]byte{} },
		"settings":  func(w *receipt.Want) { w.SettingsSHA256 = [32]byte{} },
		"now":       func(w *receipt.Want) { w.Now = time.Time{} },
	} {
		w := whole
		drop(&w)
		if _, err := receipt.Verify(v.Receipt, w); err == nil {
			t.Errorf("without %s it is taken", name)
		}
	}
	for _, data := range [][]byte{nil, {}, []byte("null"), []byte("{}"), []byte("[]"), bytes.Repeat([]byte("["), receipt.MaxEnvelope)} {
		s, err := receipt.Verify(data, whole)
		if got := outcome(t, s, err); got != receipt.FindingSignature {
			t.Errorf("%.20q: %s", data, got)
		}
	}
	if _, err := receipt.Verify(append(bytes.Clone(v.Receipt), make([]byte, receipt.MaxEnvelope)...), whole); err == nil {
		t.Error("longer than the limit")
	}
}

// everyByte makes TestFlips try all 255 other values at each place.
var everyByte = flag.Bool("every-byte", false, "try every other value of every byte, not only its bits")

// RC-01: no bit of a receipt can be flipped, at any place, and the receipt be taken.
func TestFlips(t *testing.T) {
	for _, name := range []string{"verified-ed25519", "verified"} {
		v := vectors(t)[name]
		w := wantOf(t, v)
		if _, err := receipt.Verify(v.Receipt, w); err != nil {
			t.Fatal(err)
		}
		var others []byte
		for x := 1; x < 256; x++ {
			if *everyByte || x&(x-1) == 0 {
				others = append(others, byte(x))
			}
		}
		flipped := flips(t, v.Receipt, w, others)
		t.Logf("%s: %d changed bytes in %d places, all found", name, flipped, len(v.Receipt))
		if flipped != len(v.Receipt)*len(others) {
			t.Errorf("%s: only %d were tried", name, flipped)
		}
	}
}

// flips checks a receipt with each place changed by each difference, and returns
// how many were refused.
func flips(t *testing.T, good []byte, w receipt.Want, differences []byte) (refused int) {
	var group sync.WaitGroup
	var mu sync.Mutex
	for part := range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			data := bytes.Clone(good)
			n := 0
			for i := part; i < len(data); i += runtime.GOMAXPROCS(0) {
				for _, x := range differences {
					data[i] ^= x
					_, err := receipt.Verify(data, w)
					data[i] ^= x
					var refusal *receipt.Refusal
					if !errors.As(err, &refusal) || refusal.Finding != receipt.FindingSignature {
						t.Errorf("byte %d, xor %#x: %v", i, x, err)
						continue
					}
					n++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			refused += n
		})
	}
	group.Wait()
	return refused
}

// Truncated at any length, or with any one byte taken out or put in twice.
func TestCuts(t *testing.T) {
	v := vectors(t)["verified"]
	w := wantOf(t, v)
	for i := range v.Receipt {
		for _, data := range [][]byte{v.Receipt[:i], append(bytes.Clone(v.Receipt[:i]), v.Receipt[i+1:]...), append(bytes.Clone(v.Receipt[:i+1]), v.Receipt[i:]...)} {
			s, err := receipt.Verify(data, w)
			if got := outcome(t, s, err); got != receipt.FindingSignature {
				t.Errorf("at byte %d: %s", i, got)
			}
		}
	}
}

// What Seal makes is the form of the vectors: RFC 8785, by another implementation.
func TestSealIsCanonical(t *testing.T) {
	key := verifiertest.NewKey("east-1", verifier.ECDSAP256)
	names := []string{"", "plain", "<a>&b", "\u2028\u2029", `\u2028`, `\\u2029`, "\"\\/\b\f\n\r\t\x00\x1f\x7f", "é\U0001f600\ufffd", `\`, `\"`}
	for _, a := range names {
		for _, b := range names {
			p := receipt.Predicate{
				Driver: receipt.Driver{ID: a, Revision: b, Version: "1"}, Recipe: b, Sequence: 1 << 63, Nonce: receipt.Nonce{0xab},
				IssuedAt: verifiertest.Now, NotAfter: verifiertest.Now.Add(time.Second), SettingsSHA256: receipt.Digest{1},
				Target: receipt.Target{GatewayID: a, Workspace: b, SandboxID: a + b, Name: b + a},
				Inputs: []receipt.Input{{Role: a, Provider: b, Workspace: a, Version: 3, Principals: []string{a, b}, Omitted: 2}, {Principals: []string{}}},
			}
			envelope, err := receipt.Seal(p, sha256.Sum256([]byte(a)), key.Hint(), func(m []byte) ([]byte, error) { return key.Sign(m), nil })
			if err != nil {
				t.Fatal(err)
			}
			var e verifiertest.Envelope
			if err := json.Unmarshal(envelope, &e); err != nil {
				t.Fatal(err)
			}
			for _, text := range [][]byte{envelope, e.PayloadBytes()} {
				again := jsontext.Value(bytes.Clone(text))
				if err := again.Canonicalize(); err != nil || !bytes.Equal(again, text) {
					t.Errorf("not canonical, %v:\n%s\n%s", err, text, again)
				}
			}
			w := receipt.Want{Keys: []receipt.Key{{Public: key.Public()}}, Now: verifiertest.Now}
			if _, err := receipt.Verify(envelope, w); err == nil || outcome(t, nil, err) == receipt.FindingSignature {
				t.Errorf("%q, %q: %v", a, b, err)
			}
		}
	}
	failed := errors.New("no token")
	if out, err := receipt.Seal(receipt.Predicate{}, [32]byte{}, "", func([]byte) ([]byte, error) { return nil, failed }); out != nil || !errors.Is(err, failed) {
		t.Errorf("%v, %v", out, err)
	}
}

func TestParseKey(t *testing.T) {
	good := verifiertest.NewKey("east-1", verifier.Ed25519)
	if k, err := receipt.ParseKey([]byte(good.PEM())); err != nil || k.Driver != "" {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing": "", "private": string(good.PrivatePEM()), "two": good.PEM() + good.PEM(), "trailing": good.PEM() + "x",
		"P-384": verifiertest.Person("carol").PEM(), "RSA": verifiertest.Person("rita").PEM(),
		"no key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
	} {
		if _, err := receipt.ParseKey([]byte(text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// FuzzVerify: what is taken is, byte for byte, something that the driver signed.
func FuzzVerify(f *testing.F) {
	all := vectors(f)
	for _, v := range all {
		f.Add([]byte(v.Receipt))
	}
	w := wantOf(f, all["verified"])
	taken := map[string]bool{}
	for _, v := range all {
		taken[string(v.Receipt)] = true
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := receipt.Verify(data, w)
		if outcome(t, s, err) == "VERIFIED" && !taken[string(data)] {
			t.Errorf("taken: %s", data)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v := vectors(b)["verified"]
	w := wantOf(b, v)
	for b.Loop() {
		if _, err := receipt.Verify(v.Receipt, w); err != nil {
			b.Fatal(err)
		}
	}
}
