// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestSigstoreIsOne checks our small Sigstore against the library that judges
// the real one: every shape of evidence it makes must be good there.
func TestSigstoreIsOne(t *testing.T) {
	leaf := verifiertest.Leaf{SAN: "https://ci.corp.example/release@refs/heads/main", Issuer: "https://issuer.test.example", At: verifiertest.Now}
	document := verifiertest.Canonical(verifiertest.Policy())
	statement := verifiertest.Provenance(document).JSON()
	shapes := map[string]verifiertest.Evidence{
		"rekor v1":               {Rekor1: true},
		"rekor v1 and timestamp": {Rekor1: true, TSAs: 1},
		"rekor v2 and timestamp": {Rekor2: true, TSAs: 1},
		"two timestamps":         {TSAs: 2},
		"bundle v0.1":            {Rekor1: true, Version: "0.1"},
		"bundle v0.2":            {Rekor1: true, Version: "0.2"},
	}
	for name, evidence := range shapes {
		t.Run(name, func(t *testing.T) {
			s := verifiertest.NewSigstore("one", verifiertest.Now)
			b := s.Keyless(statement, leaf, evidence)
			if again := verifiertest.NewSigstore("one", verifiertest.Now).Keyless(statement, leaf, evidence); !bytes.Equal(again.JSON(), b.JSON()) {
				t.Error("the same call made another bundle")
			}
			if err := judge(t, s.TrustedRoot(), b.JSON(), document, evidence); err != nil {
				t.Fatal(err)
			}
			other := verifiertest.NewSigstore("two", verifiertest.Now).TrustedRoot()
			if judge(t, other, b.JSON(), document, evidence) == nil {
				t.Error("another Sigstore's root took it")
			}
		})
	}
}

func judge(t *testing.T, trusted, bundleJSON, document []byte, e verifiertest.Evidence) error {
	t.Helper()
	material, err := root.NewTrustedRootFromJSON(trusted)
	if err != nil {
		t.Fatal(err)
	}
	b := new(bundle.Bundle)
	if err := b.UnmarshalJSON(bundleJSON); err != nil {
		t.Fatal(err)
	}
	options := []verify.VerifierOption{verify.WithSignedCertificateTimestamps(1)}
	if e.Rekor1 || e.Rekor2 {
		options = append(options, verify.WithTransparencyLog(1))
	}
	if e.Rekor1 {
		options = append(options, verify.WithIntegratedTimestamps(1))
	} else {
		options = append(options, verify.WithSignedTimestamps(e.TSAs))
	}
	v, err := verify.NewVerifier(material, options...)
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := hex.DecodeString(verifiertest.SHA256(document))
	who, err := verify.NewShortCertificateIdentity("https://issuer.test.example", "", "https://ci.corp.example/release@refs/heads/main", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(b, verify.NewPolicy(verify.WithArtifactDigest("sha256", digest), verify.WithCertificateIdentity(who)))
	return err
}
