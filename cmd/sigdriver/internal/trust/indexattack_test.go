// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package trust

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// Somebody writes into the folder what turned an ALLOW into a DENY before. Each test
// has the decision with the index's attestations alone.

// expect decides the request with what the index has about it.
func (w *indexWorld) expect(t *testing.T, want verifier.Reason) {
	t.Helper()
	w.scan(t)
	w.Offer(0, w.found()...)
	d, err := w.Decide()
	if err != nil {
		t.Fatal(err)
	}
	if d.Reason != want {
		t.Errorf("%v, want %v: %+v", d.Reason, want, d.Findings)
	}
}

// Copies of one valid approval with so much white space that they fill what the
// index may keep.
func TestPaddingFillsNothing(t *testing.T) {
	w := newIndexWorld(t)
	w.dir = disktest.MemoryDir(t)
	w.Index.dir = w.dir
	good := w.approval("alice", 5)
	padded := append(bytes.Clone(good), bytes.Repeat([]byte(" "), verifier.MaxAttestation-len(good))...)
	for i := range maxBytes/len(padded) + 1 {
		w.put(t, fmt.Sprintf("copy-%03d", i), padded)
	}
	w.scan(t)
	w.put(t, "bob", w.approval("bob", 5))
	w.expect(t, verifier.Allowed)
	if w.bytes > 1<<14 {
		t.Errorf("%d bytes are kept of two approvals", w.bytes)
	}
}

// Approvals that cannot count outrank the one that can: by a revoked key of the same
// person, revoked themselves, and outside their windows.
func TestWhatCannotCountDisplacesNothing(t *testing.T) {
	window := func(from, until time.Time) func(*verifiertest.Approval) {
		return func(a *verifiertest.Approval) {
			a.NotBefore, a.NotAfter = from.Format(time.RFC3339), until.Format(time.RFC3339)
		}
	}
	lost := verifiertest.NewKey("alice's lost", verifier.ECDSAP256)
	for name, c := range map[string]struct {
		by     *verifiertest.Key
		change func(*verifiertest.Approval)
	}{
		"a revoked key": {lost, func(*verifiertest.Approval) {}},
		"over":          {verifiertest.Person("alice"), window(verifiertest.Now.AddDate(-1, 0, 0), verifiertest.Now)},
		"not yet":       {verifiertest.Person("alice"), window(verifiertest.Now.Add(time.Second), verifiertest.Now.AddDate(1, 0, 0))},
	} {
		w := newIndexWorld(t)
		alice := w.Authorities.Principals["alice"]
		alice.Keys = append(alice.Keys, lost.Listed())
		w.Revocations = verifiertest.Revocations(verifiertest.Revoke("key", lost.SHA256()))
		w.SetTrust(w.parse(t), nil)
		for v := range 2 * perGroup {
			a := w.Approval(0)
			a.Version = fmt.Sprint(100 + v)
			c.change(&a)
			w.put(t, fmt.Sprintf("%s-%d", name, v), a.Of(w.Body(0)).Seal(c.by).JSON())
		}
		w.put(t, "alice", w.approval("alice", 5))
		w.put(t, "bob", w.approval("bob", 5))
		w.expect(t, verifier.Allowed)
	}
}

// What time alone changes is offered when it has: an approval whose window opens comes
// before those whose window has closed.
func TestOfferFollowsTheClock(t *testing.T) {
	w := newIndexWorld(t)
	opens := verifiertest.Now.Add(time.Hour)
	for v := range 2 * perGroup { // until then these count
		a := w.Approval(0)
		a.Version, a.NotAfter = fmt.Sprint(100+v), opens.Format(time.RFC3339)
		w.put(t, fmt.Sprint(v), a.Of(w.Body(0)).Seal(verifiertest.Person("alice")).JSON())
	}
	a := w.Approval(0)
	a.NotBefore = opens.Format(time.RFC3339)
	later := a.Of(w.Body(0)).Seal(verifiertest.Person("alice")).JSON()
	w.put(t, "later", later)
	w.scan(t)
	before := w.Current().Generation()
	if w.has(later) {
		t.Fatal("it is offered before it counts")
	}
	w.at = opens
	w.scan(t)
	if !w.has(later) || w.Current().Generation() == before {
		t.Error("it is not offered although it counts")
	}
}

// Re-encodings of an approval do not push out the bundle whose log entry makes it
// count: its key was valid when it was logged, and is not any more.
func TestReencodingsDoNotPushOutTheLoggedOne(t *testing.T) {
	w := newIndexWorld(t)
	sigstore := verifiertest.NewSigstore("index", verifiertest.Now)
	w.TrustedRoot, w.Authorities.Keyless = sigstore.TrustedRoot(), &verifiertest.Keyless{Tlogs: 1, Timestamps: 1}
	w.Authorities.Principals["alice"].Keys[0].NotAfter = verifiertest.Now.Add(-time.Minute).Format(time.RFC3339)
	w.SetTrust(w.parse(t), nil)
	alice := verifiertest.Person("alice")
	e := w.Approval(0).Of(w.Body(0)).Seal(alice)
	for i := range 2 * perGroup {
		w.put(t, fmt.Sprintf("bare-%d", i), append(e.JSON(), bytes.Repeat([]byte(" "), i)...))
		w.put(t, fmt.Sprintf("late-%d", i), sigstore.Gather(e, verifiertest.Signer{Key: alice}, verifiertest.Now.Add(time.Duration(i)*time.Second), verifiertest.Evidence{TSAs: 1}).JSON())
	}
	w.put(t, "logged", sigstore.Gather(e, verifiertest.Signer{Key: alice}, verifiertest.Now.Add(-time.Hour), verifiertest.Evidence{Rekor1: true}).JSON())
	w.put(t, "bob", w.approval("bob", 5))
	w.expect(t, verifier.Allowed)
}

// Signatures that are nobody's, beside valid ones, do not spend the checks of the request.
func TestJunkSignaturesSpendNothing(t *testing.T) {
	w := newIndexWorld(t)
	for i := range 8 {
		name := fmt.Sprintf("clerk-%d", i)
		w.Authorities.Principals[name] = verifiertest.HeldBy(verifiertest.NewKey(name, verifier.ECDSAP256))
	}
	w.SetTrust(w.parse(t), nil)
	shaped := append([]byte{0x30, 68, 2, 32}, bytes.Repeat([]byte{0x11}, 32)...)
	shaped = append(append(shaped, 2, 32), bytes.Repeat([]byte{0x22}, 32)...)
	junk := verifiertest.Signature{Sig: base64.StdEncoding.EncodeToString(shaped)}
	for i, name := range []string{"alice", "bob", "carol"} {
		for v := range perGroup / 2 {
			a := w.Approval(0)
			a.Version = fmt.Sprint(v + 1)
			e := a.Of(w.Body(0)).Seal(verifiertest.Person(name))
			e.Signatures = append(slices.Repeat([]verifiertest.Signature{junk}, verifier.MaxSignatures-1), e.Signatures...)
			e.Signatures[verifier.MaxSignatures-1].KeyID = ""
			w.put(t, fmt.Sprintf("%d-%d", i, v), e.JSON())
		}
	}
	w.expect(t, verifier.Allowed)
	for _, raw := range w.found() {
		if strings.Count(string(raw), `"sig"`) != 1 {
			t.Fatalf("a signature that proves nothing is offered: %s", raw)
		}
	}
}

// A principal that fills the index makes no room for more of its own, and takes none from
// others.
func TestNobodyFillsTheIndexForOthers(t *testing.T) {
	w := newIndexWorld(t)
	w.put(t, "alice", w.approval("alice", 1))
	w.scan(t)
	one := w.bytes
	w.most = 10 * one
	for v := range 30 {
		w.put(t, fmt.Sprintf("alice-%d", v), w.approval("alice", v+2))
	}
	w.scan(t)
	for v := range 4 {
		w.put(t, fmt.Sprintf("bob-%d", v), w.approval("bob", v+1))
	}
	w.scan(t)
	if w.bytes > w.most || w.used["bob"] < 4*one*9/10 {
		t.Errorf("%d bytes of at most %d are kept, %v", w.bytes, w.most, w.used)
	}
	if n := w.Current().PassedOver()[NoRoom]; n < 20 {
		t.Errorf("%d files are passed over for want of room", n)
	}
}
