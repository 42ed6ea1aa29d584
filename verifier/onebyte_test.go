// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"flag"
	"path/filepath"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

var oneByteStep = flag.Int("one-byte-step", 151, "TestOneByteEdits changes every so many bytes of a bundle")

// TestOneByteEdits changes one byte of each bundle that verifies, in two ways, and
// holds the verdict against that of sigstore-go as it comes: what it refuses is
// refused here. An edit of white space, of a key's hint or of an evidence that nobody
// knows may leave both with a yes.
func TestOneByteEdits(t *testing.T) {
	dir := outsideData(t, "sigstore")
	edits, both := 0, 0
	for _, c := range bundleCases(t, dir, filepath.Join(dir, "a.txt"), filepath.Join(dir, "trusted_root_public_good.json")) {
		if c.fails {
			continue
		}
		theirs := sigstoreVerifier(t, &c.question)
		if err := theirs(c.question.Bundle); err != nil {
			t.Fatalf("%s: sigstore-go refuses it: %v", c.name, err)
		}
		for i := 0; i < len(c.question.Bundle); i += *oneByteStep {
			for _, flip := range []byte{1, 0x20} {
				q := c.question
				q.Bundle = bytes.Clone(q.Bundle)
				q.Bundle[i] ^= flip
				edits++
				if _, err := VerifyBundle(&q); err != nil {
					continue
				}
				if err := theirs(q.Bundle); err != nil {
					t.Errorf("%s, byte %d, bit %#x: verified, and sigstore-go says %v\n%.60q", c.name, i, flip, err, q.Bundle[max(i-20, 0):])
				}
				both++
			}
		}
	}
	if edits == 0 {
		t.Fatal("no edits")
	}
	t.Logf("%d edits, %d verified by both", edits, both)
}

// sigstoreVerifier is sigstore-go, asked what the question asks.
func sigstoreVerifier(t *testing.T, q *BundleInput) func(text []byte) error {
	trusted, err := root.NewTrustedRootFromJSON(q.TrustedRoot)
	if err != nil {
		t.Fatal(err)
	}
	material := root.TrustedMaterial(trusted)
	options := []verify.VerifierOption{verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1)}
	var who verify.PolicyOption
	if len(q.Key) > 0 {
		key, err := parseBundleKey(q.Key, q.KeyAlgorithm)
		if err != nil {
			t.Fatal(err)
		}
		material, who = (&sigstoreCheck{key: key, material: trusted}).trusted(), verify.WithKey()
	} else {
		identity, err := verify.NewShortCertificateIdentity(q.Issuer, "", q.Identity, "")
		if err != nil {
			t.Fatal(err)
		}
		who = verify.WithCertificateIdentity(identity)
		if len(trusted.CTLogs()) > 0 {
			options = append(options, verify.WithSignedCertificateTimestamps(1))
		}
	}
	v, err := verify.NewVerifier(material, options...)
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) error {
		b := &bundle.Bundle{}
		if err := b.UnmarshalJSON(text); err != nil {
			return err
		}
		_, err := v.Verify(b, verify.NewPolicy(verify.WithArtifact(bytes.NewReader(q.Artifact)), who))
		return err
	}
}
