// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"maps"
	"slices"
)

// ClaimArcs are the claims of a certificate by where Fulcio writes them, below
// 1.3.6.1.4.1.57264.1.
var ClaimArcs = map[string]int{
	"buildSignerURI": 9, "buildSignerDigest": 10, "runnerEnvironment": 11, "sourceRepositoryURI": 12,
	"sourceRepositoryDigest": 13, "sourceRepositoryRef": 14, "sourceRepositoryIdentifier": 15, "sourceRepositoryOwnerURI": 16,
	"sourceRepositoryOwnerIdentifier": 17, "buildConfigURI": 18, "buildConfigDigest": 19, "buildTrigger": 20,
	"sourceRepositoryVisibilityAtSigning": 22,
}

// Claimed adds claims to a certificate as Fulcio writes them. It is for Leaf.Change.
func Claimed(claims map[string]string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, name := range slices.Sorted(maps.Keys(claims)) {
			c.ExtraExtensions = append(c.ExtraExtensions, Claim(name, Must(asn1.MarshalWithParams(claims[name], "utf8"))))
		}
	}
}

// Claim is the extension of one claim, with these bytes.
func Claim(name string, value []byte) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, ClaimArcs[name]}, Value: value}
}
