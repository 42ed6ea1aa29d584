// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package cases is the catalogue that package verifier is tested against, and
// the vector files made of it in testdata/vectors.
//
// A Case is an allowed scenario of package verifiertest, or one with a single
// change and what must become of it:
//
//	denies("threshold-one-of-two", admitPolicy, "One of two approvals is missing.",
//		func(s *verifiertest.Scenario) { s.Approve(0, "alice") }, at(verifier.Threshold, 0, -1))
//
// What a case expects is written down here, never taken from the verifier.
// Documents, compositions, receipts and request digests have catalogues of their
// own; Files returns all of them as they are committed.
package cases
