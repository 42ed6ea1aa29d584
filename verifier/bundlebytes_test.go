// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// TestBundleBase64 gives every base64 text of a bundle another spelling: spare
// bits, no padding, a line break. None of them is read.
func TestBundleBase64(t *testing.T) {
	sigstore := vt.NewSigstore("base64", vt.Now)
	q := &verifier.BundleInput{TrustedRoot: sigstore.TrustedRoot(), Identity: ciSAN, Issuer: ciIssuer, Artifact: artifact}
	text := certifiedWithSpareBits(t, sigstore)
	q.Bundle = text
	if _, err := verifier.VerifyBundle(q); err != nil {
		t.Fatal(err)
	}
	refused := func(name string, changed []byte, want verifier.Reason) {
		q.Bundle = changed
		_, err := verifier.VerifyBundle(q)
		var e *verifier.BundleError
		if !errors.As(err, &e) || e.Reason != want {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`"(\w+)":"([A-Za-z0-9+/]{24,})(=+)"`).FindAllSubmatchIndex(text, -1) {
		name, last := string(text[m[2]:m[3]]), m[5]-1
		if seen[name] = true; name == "sig" || name == "payload" {
			continue // the envelope's own parser refuses these
		}
		spare := bytes.Clone(text)
		spare[last] = base64Letters[bytes.IndexByte([]byte(base64Letters), text[last])|1]
		refused(name+" with spare bits", spare, verifier.EnvelopeBase64)
		refused(name+" without padding", append(bytes.Clone(text[:m[6]]), text[m[7]:]...), verifier.EnvelopeBase64)
		refused(name+" with a line break", append(append(bytes.Clone(text[:last]), '\\', 'n'), text[last:]...), verifier.EnvelopeBase64)
	}
	for _, name := range []string{"rawBytes", "keyId", "rootHash"} {
		if !seen[name] {
			t.Errorf("no %s was changed", name)
		}
	}
	// Where something worse is wrong, that is the reason.
	leaf := vt.Leaf{SAN: ciSAN, Issuer: ciIssuer, At: vt.Now}
	cert, key := sigstore.Issue(leaf)
	late := sigstore.Gather(vt.Provenance(artifact).Seal(key), vt.Signer{Certificate: cert, Key: key}, vt.Now.Add(time.Hour), vt.Evidence{Rekor2: true, TSAs: 1}).JSON()
	refused("late", late, verifier.CertTime)
	stamp := regexp.MustCompile(`"signedTimestamp":"....`).FindIndex(late)
	refused("late, and a line break", append(append(bytes.Clone(late[:stamp[1]]), '\\', 'n'), late[stamp[1]:]...), verifier.CertTime)
}

// certifiedWithSpareBits is a bundle whose certificate's base64 has spare bits: its
// length is not a multiple of three, which depends on its signature.
func certifiedWithSpareBits(t *testing.T, sigstore *vt.Sigstore) []byte {
	for i := range 32 {
		b := sigstore.Keyless(vt.Provenance(artifact).JSON(), vt.Leaf{SAN: ciSAN, Issuer: ciIssuer, At: vt.Now.Add(time.Duration(i) * time.Second)}, vt.Evidence{Rekor1: true})
		if len(b.VerificationMaterial.GetCertificate().GetRawBytes())%3 != 0 {
			return b.JSON()
		}
	}
	t.Fatal("32 certificates whose lengths are multiples of three")
	return nil
}

// TestSHA512Subjects: where the file is given a subject may name it by sha512 alone.
func TestSHA512Subjects(t *testing.T) {
	dave := vt.Person("dave")
	for name, c := range map[string]struct {
		digest map[string]string
		byFile verifier.Reason // 0: verified
		byHash verifier.Reason
	}{
		"sha512":                       {map[string]string{"sha512": vt.SHA512(artifact)}, 0, verifier.SubjectMismatch},
		"sha256 and sha512":            {map[string]string{"sha256": vt.SHA256(artifact), "sha512": vt.SHA512(artifact)}, 0, 0},
		"another sha512":               {map[string]string{"sha512": vt.SHA512([]byte("another"))}, verifier.SubjectMismatch, verifier.SubjectMismatch},
		"sha512 beside another sha1":   {map[string]string{"sha512": vt.SHA512(artifact), "sha1": "00"}, verifier.SubjectMismatch, verifier.SubjectMismatch},
		"sha512 beside another sha256": {map[string]string{"sha512": vt.SHA512(artifact), "sha256": vt.SHA256([]byte("another"))}, verifier.SubjectMismatch, verifier.SubjectMismatch},
		"a digest nobody knows":        {map[string]string{"goModuleH1": "x"}, verifier.SubjectMismatch, verifier.SubjectMismatch},
	} {
		st := vt.Provenance(artifact)
		st.Subject[0].Digest = c.digest
		q := verifier.BundleInput{Bundle: st.Seal(dave).Bundle("0.3", dave).JSON(), Key: []byte(dave.PEM()), Artifact: artifact}
		byHash := q
		byHash.Artifact = nil
		copy(byHash.SHA256[:], vt.Must(hex.DecodeString(vt.SHA256(artifact))))
		for how, ask := range map[string]struct {
			q    *verifier.BundleInput
			want verifier.Reason
		}{"by file": {&q, c.byFile}, "by hash": {&byHash, c.byHash}} {
			_, err := verifier.VerifyBundle(ask.q)
			var e *verifier.BundleError
			if ask.want == 0 && err != nil || ask.want != 0 && (!errors.As(err, &e) || e.Reason != ask.want) {
				t.Errorf("%s %s: %v, want %v", name, how, err, ask.want)
			}
		}
	}
}

// TestVerifyBundleAhead: times that lie ahead of the caller's clock.
func TestVerifyBundleAhead(t *testing.T) {
	sigstore := vt.NewSigstore("ahead", vt.Now)
	leaf := vt.Leaf{SAN: ciSAN, Issuer: ciIssuer, At: vt.Now.Add(-2 * time.Minute)}
	for name, e := range map[string]vt.Evidence{"log": {Rekor1: true}, "stamp": {Rekor2: true, TSAs: 1}} {
		q := &verifier.BundleInput{Bundle: sigstore.Keyless(vt.Provenance(artifact).JSON(), leaf, e).JSON(), TrustedRoot: sigstore.TrustedRoot(),
			Identity: ciSAN, Issuer: ciIssuer, Artifact: artifact}
		for _, c := range []struct {
			now time.Time
			ok  bool
		}{{time.Time{}, true}, {vt.Now, true}, {vt.Now.Add(-5 * time.Minute), true}, {vt.Now.Add(-5*time.Minute - time.Second), false}} {
			q.Now = c.now
			_, err := verifier.VerifyBundle(q)
			var refused *verifier.BundleError
			if c.ok && err != nil || !c.ok && (!errors.As(err, &refused) || refused.Reason != verifier.TimestampInvalid) {
				t.Errorf("%s at %v: %v", name, c.now, err)
			}
		}
	}
}
