// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package verifiertest makes the world that package verifier is tested in: keys
// that are always the same, documents, approvals, envelopes, bundles, trust
// files, and a small Sigstore with a clock of its own. The cases that are played
// in it are in package cases.
//
// A test starts from a Scenario that is allowed and changes one thing:
//
//	s := verifiertest.AdmitPolicy() // approved by alice and bob
//	s.Approve(0, "alice")
//	decision, err := s.Decide() // THRESHOLD
//
// Everything here is a function of its arguments: equal calls give equal bytes.
// A builder that is used wrongly panics; nothing here may be linked into a
// product.
package verifiertest
