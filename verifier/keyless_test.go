// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// The lines SB-01 to SB-24 of the attack catalogue are vectors; here is what
// they do not reach.

const (
	ciSAN    = "https://ci.test.example/build@refs/heads/main"
	ciIssuer = "https://issuer.test.example"
)

var artifact = []byte("an artifact")

// logged is a bundle about an artifact, by a key, that a first-generation log has seen.
func logged(sigstore *vt.Sigstore, key *vt.Key, artifact []byte) vt.Bundle {
	return sigstore.Gather(vt.Provenance(artifact).Seal(key), vt.Signer{Key: key}, vt.Now, vt.Evidence{Rekor1: true})
}

// TestLoggedKeys: a key of every algorithm gets its time from a log, and its
// bundle fails with another's entry.
func TestLoggedKeys(t *testing.T) {
	sigstore := vt.NewSigstore("logged", vt.Now)
	for _, algorithm := range []verifier.KeyAlgorithm{verifier.ECDSAP256, verifier.ECDSAP384, verifier.Ed25519, verifier.RSAPKCS1v15, verifier.RSAPSSSHA256} {
		key := vt.NewKey("logged "+string(algorithm), algorithm)
		b := logged(sigstore, key, artifact)
		q := &verifier.BundleInput{Bundle: b.JSON(), TrustedRoot: sigstore.TrustedRoot(), Key: []byte(key.PEM()), KeyAlgorithm: algorithm, Artifact: artifact}
		answer, err := verifier.VerifyBundle(q)
		if err != nil || len(answer.Times) != 1 || !answer.Times[0].Equal(vt.Now) || answer.Algorithm != algorithm {
			t.Fatalf("%s: %+v, %v", algorithm, answer, err)
		}
		q.Bundle = b.Proto()
		if _, err := verifier.VerifyBundle(q); err != nil {
			t.Errorf("%s in protobuf: %v", algorithm, err)
		}
		other := logged(sigstore, key, []byte("another"))
		b.VerificationMaterial.TlogEntries[0] = other.Entry(0)
		q.Bundle = b.JSON()
		_, err = verifier.VerifyBundle(q)
		var refused *verifier.BundleError
		if !errors.As(err, &refused) || refused.Reason != verifier.TlogMismatch {
			t.Errorf("%s with another's entry: %v", algorithm, err)
		}
	}
}

// TestOneEntryTwice: an entry that is there twice is nobody's mistake, even where
// one would do. SB-03.
func TestOneEntryTwice(t *testing.T) {
	sigstore := vt.NewSigstore("twice", vt.Now)
	b := logged(sigstore, vt.Person("dave"), artifact)
	ask := func() error {
		_, err := verifier.VerifyBundle(&verifier.BundleInput{Bundle: b.JSON(), TrustedRoot: sigstore.TrustedRoot(), Key: []byte(vt.Person("dave").PEM()), Artifact: artifact})
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	b.AddEntry(b.Entry(0))
	var refused *verifier.BundleError
	if err := ask(); !errors.As(err, &refused) || refused.Reason != verifier.TlogThreshold {
		t.Errorf("%v, want %v", err, verifier.TlogThreshold)
	}
}

// TestVerifyBundleOfAKey: what a key-signed bundle is asked, one change each.
func TestVerifyBundleOfAKey(t *testing.T) {
	dave := vt.Person("dave")
	bundle := func(e vt.Envelope) []byte { return e.Bundle("0.3", dave).JSON() }
	good := verifier.BundleInput{Bundle: bundle(vt.Provenance(artifact).Seal(dave)), Key: []byte(dave.PEM()), Artifact: artifact}
	if answer, err := verifier.VerifyBundle(&good); err != nil || len(answer.Times) != 0 || answer.PredicateType != vt.ProvenanceType {
		t.Fatalf("%+v, %v", answer, err)
	}
	for name, c := range map[string]struct {
		change func(q *verifier.BundleInput)
		field  string          // of a wrong question
		reason verifier.Reason // of a bundle that does not hold
	}{
		"a key and an identity": {func(q *verifier.BundleInput) { q.Identity = ciSAN }, "Key", 0},
		"a key and an issuer":   {func(q *verifier.BundleInput) { q.IssuerRegexp = ".*" }, "Key", 0},
		"nothing trusted":       {func(q *verifier.BundleInput) { q.Key = nil }, "TrustedRoot", 0},
		"another key":           {func(q *verifier.BundleInput) { q.Key = []byte(vt.Person("bob").PEM()) }, "", verifier.SignatureInvalid},
		"another payload type": {func(q *verifier.BundleInput) {
			q.Bundle = bundle(vt.SealType("application/json", vt.Provenance(artifact).JSON(), dave))
		}, "", verifier.PayloadType},
		"another artifact": {func(q *verifier.BundleInput) { q.Artifact = []byte("another") }, "", verifier.SubjectMismatch},
		"a spoiled subject": {func(q *verifier.BundleInput) {
			st := vt.Provenance(artifact)
			st.Subject[0].Digest["sha512"] = vt.SHA512([]byte("another"))
			q.Bundle = bundle(st.Seal(dave))
		}, "", verifier.SubjectMismatch},
		"a bare envelope": {func(q *verifier.BundleInput) { q.Bundle = vt.Provenance(artifact).Seal(dave).JSON() }, "", verifier.BundleMalformed},
	} {
		q := good
		c.change(&q)
		answer, err := verifier.VerifyBundle(&q)
		var wrong *verifier.BundleInputError
		var refused *verifier.BundleError
		switch {
		case answer != nil:
			t.Errorf("%s: an answer", name)
		case c.field != "" && (!errors.As(err, &wrong) || wrong.Field != c.field):
			t.Errorf("%s: %v, want a question error about %s", name, err, c.field)
		case c.field == "" && (!errors.As(err, &refused) || refused.Reason != c.reason):
			t.Errorf("%s: %v, want %v", name, err, c.reason)
		}
	}
}

// TestLeafAlgorithms: certificates for keys of other kinds.
func TestLeafAlgorithms(t *testing.T) {
	sigstore := vt.NewSigstore("leaves", vt.Now)
	for _, algorithm := range []verifier.KeyAlgorithm{verifier.ECDSAP256, verifier.ECDSAP384, verifier.Ed25519} {
		b := sigstore.Keyless(vt.Provenance(artifact).JSON(), vt.Leaf{SAN: ciSAN, Issuer: ciIssuer, At: vt.Now, Algorithm: algorithm}, vt.Evidence{Rekor1: true, TSAs: 1})
		answer, err := verifier.VerifyBundle(&verifier.BundleInput{Bundle: b.JSON(), TrustedRoot: sigstore.TrustedRoot(), Identity: ciSAN, Issuer: ciIssuer, Artifact: artifact})
		if err != nil || answer.Algorithm != algorithm || answer.Identity != ciSAN || answer.Issuer != ciIssuer || answer.PredicateType != vt.ProvenanceType {
			t.Errorf("%s: %+v, %v", algorithm, answer, err)
		}
	}
}

// keylessTrust is trust with one robot.
func keylessTrust(t testing.TB, sigstore *vt.Sigstore) *verifier.Trust {
	t.Helper()
	s := vt.AdmitProfile()
	s.TrustedRoot = sigstore.TrustedRoot()
	s.Authorities.Principals["robot"] = &vt.Principal{Identities: []vt.Identity{{Issuer: ciIssuer, SAN: ciSAN}}}
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// TestKeylessPayload: sigstore-go looks into no Statement, so what is wrong with
// one is ours to say.
func TestKeylessPayload(t *testing.T) {
	sigstore := vt.NewSigstore("payload", vt.Now)
	trust := keylessTrust(t, sigstore)
	good := vt.Provenance(artifact).JSON()
	for name, c := range map[string]struct {
		payload []byte
		want    verifier.Reason
	}{
		"a Statement":         {good, 0},
		"no JSON":             {[]byte("junk"), verifier.StatementMalformed},
		"a duplicate subject": {vt.Edit(good, `"subject":`, `"subject":[],"subject":`), verifier.StatementMalformed},
		"SUBJECT":             {vt.Edit(good, `"subject":`, `"SUBJECT":[],"subject":`), verifier.StatementMalformed},
		"unknown members":     {vt.Edit(good, `"subject":`, `"note":1,"subject":`), 0},
	} {
		b := sigstore.Keyless(c.payload, vt.Leaf{SAN: ciSAN, Issuer: ciIssuer, At: vt.Now}, vt.Evidence{Rekor1: true})
		list, findings := trust.Evidence(b.JSON())
		switch {
		case c.want == 0 && (len(list) != 1 || len(findings) != 0 || list[0].Principal != "robot"):
			t.Errorf("%s: %v, %v", name, list, findings)
		case c.want != 0 && (len(list) != 0 || len(findings) != 1 || findings[0].Reason != c.want):
			t.Errorf("%s: %v, %v", name, list, findings)
		}
	}
	b := sigstore.Gather(vt.SealType("application/json", good, signerKey(sigstore)), certified(sigstore), vt.Now.Add(time.Minute), vt.Evidence{Rekor1: true})
	if list, findings := trust.Evidence(b.JSON()); len(list) != 0 || len(findings) != 1 || findings[0].Reason != verifier.PayloadType {
		t.Errorf("another payload type: %v, %v", list, findings)
	}
	b = sigstore.Keyless(good, vt.Leaf{SAN: ciSAN + "-evil", Issuer: ciIssuer, At: vt.Now}, vt.Evidence{Rekor1: true})
	if list, findings := trust.Evidence(b.JSON()); len(list) != 0 || len(findings) != 1 || findings[0].Reason != verifier.CertIdentity {
		t.Errorf("nobody's identity: %v, %v", list, findings)
	}
}

func certified(s *vt.Sigstore) vt.Signer {
	cert, key := s.Issue(vt.Leaf{SAN: ciSAN, Issuer: ciIssuer, At: vt.Now})
	return vt.Signer{Certificate: cert, Key: key}
}

func signerKey(s *vt.Sigstore) *vt.Key { return certified(s).Key }

// TestConcurrentEvidence: one trust and one text serve many at a time.
func TestConcurrentEvidence(t *testing.T) {
	sigstore := vt.NewSigstore("concurrent", vt.Now)
	trust := keylessTrust(t, sigstore)
	leaf := vt.Leaf{SAN: ciSAN, Issuer: ciIssuer, At: vt.Now}
	texts := [][]byte{
		sigstore.Keyless(vt.Provenance(artifact).JSON(), leaf, vt.Evidence{Rekor1: true, TSAs: 2}).JSON(),
		sigstore.Keyless(vt.Provenance(artifact).JSON(), leaf, vt.Evidence{Rekor2: true, TSAs: 1}).Proto(),
		logged(sigstore, vt.Person("dave"), artifact).JSON(),
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, text := range texts {
				if list, findings := trust.Evidence(text); len(list) != 1 || len(findings) != 0 {
					t.Errorf("%v, %v", list, findings)
				}
			}
		})
	}
	all.Wait()
}

// TestTrustedRootFaults: a trusted_root.json that is no good refuses trust whole,
// and says which file it is about.
func TestTrustedRootFaults(t *testing.T) {
	good := vt.NewSigstore("root", vt.Now).TrustedRoot()
	padded := func(n int) []byte { return append(bytes.Repeat([]byte{' '}, n-len(good)), good...) }
	for name, c := range map[string]struct {
		file []byte
		ok   bool
	}{
		"the base":          {good, true},
		"at the limit":      {padded(verifier.MaxTrustFile), true},
		"past the limit":    {padded(verifier.MaxTrustFile + 1), false},
		"nothing":           {[]byte{}, false},
		"no JSON":           {[]byte("root"), false},
		"trailing":          {append(bytes.Clone(good), " {}"...), false},
		"a duplicate":       {vt.Edit(good, `"mediaType":`, `"mediaType":"x","mediaType":`), false},
		"an unknown member": {vt.Edit(good, `"mediaType":`, `"media":"x","mediaType":`), false},
	} {
		s := vt.AdmitProfile()
		s.TrustedRoot = c.file
		_, err := verifier.ParseTrust(s.Source())
		var refused *verifier.TrustError
		if c.ok && err != nil || !c.ok && (!errors.As(err, &refused) || refused.File != "trusted_root.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
