// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// TestAuthorityNames: authorities are one by key, whatever they are called; one
// without a certificate of its own is all that stamp below its root.
func TestAuthorityNames(t *testing.T) {
	cert := func(spki string) *x509.Certificate {
		if spki == "" {
			return nil
		}
		return &x509.Certificate{RawSubjectPublicKeyInfo: []byte(spki)}
	}
	tsa := func(uri, leaf, root_ string) *root.SigstoreTimestampingAuthority {
		return &root.SigstoreTimestampingAuthority{URI: uri, Leaf: cert(leaf), Root: cert(root_)}
	}
	for name, c := range map[string]struct {
		list []*root.SigstoreTimestampingAuthority
		want int
	}{
		"two under one uri":              {[]*root.SigstoreTimestampingAuthority{tsa("u", "a", "r"), tsa("u", "b", "r")}, 2},
		"one under two uris":             {[]*root.SigstoreTimestampingAuthority{tsa("u", "a", "r"), tsa("v", "a", "s")}, 1},
		"one by its root alone":          {[]*root.SigstoreTimestampingAuthority{tsa("u", "a", "r"), tsa("u", "", "r")}, 1},
		"two by their roots":             {[]*root.SigstoreTimestampingAuthority{tsa("u", "", "r"), tsa("u", "", "s")}, 2},
		"two, and the root of both":      {[]*root.SigstoreTimestampingAuthority{tsa("u", "a", "r"), tsa("v", "b", "r"), tsa("w", "", "r")}, 1},
		"the same with the root between": {[]*root.SigstoreTimestampingAuthority{tsa("u", "a", "r"), tsa("w", "", "r"), tsa("v", "b", "r")}, 1},
		"no roots":                       {[]*root.SigstoreTimestampingAuthority{tsa("u", "", ""), tsa("u", "", "")}, 2},
	} {
		names := authorityNames(c.list)
		slices.Sort(names)
		if got := len(slices.Compact(names)); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestOneIDEach: a log's key counts under one id, that of RFC 6962 where there is one.
func TestOneIDEach(t *testing.T) {
	key := func() *ecdsa.PublicKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return &k.PublicKey
	}
	a, b := key(), key()
	digest := keyDigest(a)
	own := hex.EncodeToString(digest[:])
	once := oneIDEach(map[string]*root.TransparencyLog{"00": {PublicKey: a}, own: {PublicKey: a}, "zz": {PublicKey: a}, "b2": {PublicKey: b}, "b1": {PublicKey: b}})
	if len(once) != 2 || once[own] == nil || once["b1"] == nil {
		t.Errorf("%v", once)
	}
}
