// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// proofWorld is a scenario whose trust has a Sigstore, and its only requirement is dave's.
type proofWorld struct {
	*vt.Scenario
	t        *testing.T
	sigstore *vt.Sigstore
}

func newProofWorld(t *testing.T) *proofWorld {
	w := &proofWorld{Scenario: vt.AdmitPolicy(), t: t, sigstore: vt.NewSigstore("proof", vt.Now)}
	w.TrustedRoot, w.Authorities.Keyless = w.sigstore.TrustedRoot(), &vt.Keyless{Tlogs: 1, Timestamps: 1}
	return w
}

func (w *proofWorld) trust() *verifier.Trust {
	w.t.Helper()
	trust, err := verifier.ParseTrust(w.Source())
	if err != nil {
		w.t.Fatal(err)
	}
	return trust
}

// one proves an attestation that proves one thing.
func (w *proofWorld) one(raw []byte) *verifier.Proof {
	w.t.Helper()
	list, findings := w.trust().Prove(raw)
	if len(list) != 1 {
		w.t.Fatalf("%d proofs, %v", len(list), findings)
	}
	return list[0]
}

// alice's approval of the policy, in an envelope of its own.
func (w *proofWorld) approval() vt.Envelope {
	return w.Approval(0).Of(w.Body(0)).Seal(vt.Person("alice"))
}

// gather bundles her approval with what was seen of it at a time.
func (w *proofWorld) gather(at time.Time, e vt.Evidence) vt.Bundle {
	return w.sigstore.Gather(w.approval(), vt.Signer{Key: vt.Person("alice")}, at, e)
}

// However a statement is encoded and padded, what is kept of it are the same bytes,
// and they are read like any other attestation.
func TestProofIsNormalised(t *testing.T) {
	w := newProofWorld(t)
	e := w.approval()
	first := w.one(e.JSON())
	junk := w.approval()
	junk.Signatures = append([]vt.Signature{{KeyID: "x", Sig: "AAAA"}}, junk.Signatures...)
	padded := append(bytes.Repeat([]byte(" "), 1000), e.JSON()...)
	unnamed := w.approval()
	unnamed.Signatures[0].KeyID = ""
	extra := vt.Edit(e.JSON(), `{"payload":`, `{"padding":"`+string(bytes.Repeat([]byte("x"), 1000))+`","payload":`)
	for name, raw := range map[string][]byte{
		"padded": padded, "with another signature": junk.JSON(), "without a key id": unnamed.JSON(), "with another member": extra,
		"as a bundle": e.Bundle("0.3", vt.Person("alice")).JSON(), "in protobuf": e.Bundle("0.1", vt.Person("alice")).Proto(),
	} {
		p := w.one(raw)
		if p.Signer != first.Signer || p.SHA256 != first.SHA256 || len(p.Encodings()) != 1 || !bytes.Equal(p.Encodings()[0], first.Encodings()[0]) {
			t.Errorf("%s: kept as %s, not %s", name, p.Encodings(), first.Encodings())
		}
	}
	again := w.one(first.Encodings()[0])
	if !bytes.Equal(again.Encodings()[0], first.Encodings()[0]) {
		t.Error("what is kept is encoded otherwise when it is proven again")
	}
}

// What a log and an authority say about one signature, in two bundles, is one proof; what
// neither of them says is not kept.
func TestProofsAreUnited(t *testing.T) {
	w := newProofWorld(t)
	seen := w.gather(vt.Now, vt.Evidence{Rekor1: true})
	logged := w.one(seen.JSON())
	stamped := w.one(w.gather(vt.Now.Add(time.Minute), vt.Evidence{TSAs: 1}).JSON())
	bare := w.one(w.approval().JSON())
	stranger := vt.NewSigstore("stranger", vt.Now)
	padded := seen.Clone()
	padded.AddEntry(stranger.Rekor1.Record(w.approval(), vt.Signer{Key: vt.Person("alice")}, vt.Now))
	padded.AddTimestamp(stranger.TSAs[0].Stamp(w.approval().Sig(0), vt.Now))
	if p := w.one(padded.JSON()); !bytes.Equal(p.Encodings()[0], logged.Encodings()[0]) {
		t.Error("an entry of an unknown log is kept")
	}
	trust := w.trust()
	var first [][]byte
	for i, order := range [][]*verifier.Proof{{bare, logged, stamped}, {stamped, logged, bare}, {logged, bare, stamped}, {stamped, bare, logged}} {
		p := order[0]
		for _, next := range order[1:] {
			p = trust.Unite(p, next)
		}
		got := p.Encodings()
		if first == nil {
			first = got
		}
		if len(got) != 1 || !bytes.Equal(got[0], first[0]) {
			t.Fatalf("order %d: another result", i)
		}
	}
	a, err := verifier.VerifyBundle(&verifier.BundleInput{Bundle: first[0], TrustedRoot: w.sigstore.TrustedRoot(), Key: []byte(vt.Person("alice").PEM()),
		Artifact: w.Body(0)})
	if err != nil || len(a.Times) != 2 {
		t.Errorf("the united bundle has the times %+v, %v", a, err)
	}
}

// A timestamp that anybody can get, from when the key was not valid any more, does
// not come between an approval and the log entry that makes it count.
func TestLateTimestampDoesNotSilence(t *testing.T) {
	w := newProofWorld(t)
	w.Authorities.Principals["alice"].Keys[0].NotAfter = vt.Now.Add(-time.Minute).UTC().Format(time.RFC3339)
	late := w.gather(vt.Now.Add(-time.Hour), vt.Evidence{Rekor1: true})
	good := w.one(late.JSON())
	late.AddTimestamp(w.sigstore.TSAs[0].Stamp(w.approval().Sig(0), vt.Now))
	spoiled := w.one(late.JSON())
	if !good.Counts(vt.Now) || !spoiled.Counts(vt.Now) {
		t.Fatal("neither counts")
	}
	trust := w.trust()
	for _, p := range []*verifier.Proof{spoiled, trust.Unite(good, spoiled), trust.Unite(spoiled, good)} {
		if len(p.Encodings()) != 1 || !bytes.Equal(p.Encodings()[0], good.Encodings()[0]) {
			t.Errorf("%d encodings, not the one that counts", len(p.Encodings()))
		}
	}
	if w.one(w.approval().JSON()).Counts(vt.Now) {
		t.Error("without the log entry it counts too")
	}
}

// An approval that begins after a timestamp of it ages from its beginning; the
// timestamp, which anybody can get, does not make it older.
func TestEarlyTimestampDoesNotAge(t *testing.T) {
	w := newProofWorld(t)
	stamped := w.one(w.gather(vt.Now.AddDate(-1, 0, 0), vt.Evidence{TSAs: 1}).JSON())
	if len(stamped.Encodings()) != 2 {
		t.Errorf("%d encodings, want the bundle and the envelope", len(stamped.Encodings()))
	}
}

// Proofs follow trust without a signature being checked again, and say when they cannot.
func TestProofAgain(t *testing.T) {
	w := newProofWorld(t)
	bare, logged := w.one(w.approval().JSON()), w.one(w.gather(vt.Now, vt.Evidence{Rekor1: true}).JSON())
	before := w.trust()
	follow := func(what string, p *verifier.Proof, kept, sure, counts bool) {
		t.Helper()
		got, isSure := p.Again(w.trust())
		if (got != nil) != kept || isSure != sure || got != nil && got.Counts(vt.Now) != counts {
			t.Errorf("%s: %v, sure %v", what, got, isSure)
		}
	}
	more := func(what string, want bool) {
		t.Helper()
		if got := w.trust().MayProveMore(before); got != want {
			t.Errorf("%s: MayProveMore is %v", what, got)
		}
	}
	follow("the same trust", bare, true, true, true)
	follow("the same trust, logged", logged, true, true, true)
	more("the same trust", false)

	w.Revocations = vt.Revocations(vt.Revoke("attestation", w.approval().SHA256()))
	follow("revoked", bare, true, true, false)
	more("a revocation", false)
	w.Revocations = vt.Revocations(vt.Revoke("key", vt.Person("alice").SHA256()))
	follow("her key revoked", logged, true, true, false)
	w.Revocations = vt.Revocations()

	root := w.sigstore.Trusted()
	root.Tlogs = root.Tlogs[1:]
	w.TrustedRoot = vt.TrustedRootJSON(root)
	follow("another root", bare, true, true, true)
	follow("another root, logged", logged, true, false, true)
	more("another root", true)
	w.TrustedRoot = w.sigstore.TrustedRoot()

	w.Authorities.Principals["alice"].Keys[0].NotAfter = vt.Now.Add(-time.Minute).UTC().Format(time.RFC3339)
	follow("a closed window", bare, true, true, false)
	follow("a closed window, logged", logged, true, false, true)
	w.Authorities.Principals["alice"] = vt.HeldBy(vt.Person("somebody else"))
	follow("she left", bare, false, true, false)
	more("another key", true)
	delete(w.Authorities.Principals, "carol")
	w.Authorities.Principals["alice"] = vt.HeldBy(vt.Person("alice"))
	w.Authorities.Authorities["security"].Principals = []string{"alice", "bob"}
	more("somebody left", false)
}

// A certificate's proof is read again with what it needs, whatever the version of its bundle.
func TestProofOfCertificates(t *testing.T) {
	w := newProofWorld(t)
	w.Authorities.Principals["ci"] = &vt.Principal{Identities: []vt.Identity{{Issuer: ciIssuer, SAN: ciSAN}}}
	trust := w.trust()
	for name, e := range map[string]vt.Evidence{
		"0.3": {Rekor1: true}, "0.2": {Rekor1: true, Version: "0.2"}, "0.1": {Rekor1: true, Version: "0.1"},
		"two logs and a timestamp": {Rekor1: true, Rekor2: true, TSAs: 1},
	} {
		raw := w.sigstore.Keyless(vt.Provenance(artifact).JSON(), vt.Leaf{SAN: ciSAN, Issuer: ciIssuer, At: vt.Now}, e).JSON()
		list, findings := trust.Prove(raw)
		if len(list) != 1 || len(list[0].Encodings()) != 1 {
			t.Fatalf("%s: %d proofs: %v", name, len(list), findings)
		}
		again, findings := trust.Prove(list[0].Encodings()[0])
		if len(again) != 1 || !bytes.Equal(again[0].Encodings()[0], list[0].Encodings()[0]) || again[0].Signer != list[0].Signer {
			t.Errorf("%s: proven again: %v", name, findings)
		}
	}
}

// What Prove will cost is known before it is spent.
func TestChecks(t *testing.T) {
	w := newProofWorld(t)
	trust := w.trust()
	all := 0 // keys that make signatures like alice's
	junk := w.approval()
	junk.Signatures = nil
	for i := range verifier.MaxSignatures {
		junk.Signatures = append(junk.Signatures, vt.Signature{KeyID: fmt.Sprint(i), Sig: w.approval().Signatures[0].Sig})
	}
	for _, p := range w.Authorities.Principals {
		all += len(p.Keys)
	}
	unnamed := w.approval()
	unnamed.Signatures[0].KeyID = ""
	n := trust.Checks(unnamed.JSON())
	if named := trust.Checks(w.approval().JSON()); named != 1 || n < 2 || n > all || trust.Checks(junk.JSON()) != verifier.MaxSignatures*n {
		t.Errorf("named %d, unnamed %d, junk %d", named, n, trust.Checks(junk.JSON()))
	}
	if trust.Checks([]byte("junk")) != 0 || trust.Checks(w.gather(vt.Now, vt.Evidence{Rekor1: true, TSAs: 2}).JSON()) != 1+2*3 {
		t.Error("text and bundles are estimated otherwise")
	}
}
