// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package verifier decides whether a policy may be enforced: documents,
// attestations, trust, floors and a time in, a Decision out. It does no I/O,
// reads no clock and logs nothing; equal arguments give equal decisions.
package verifier
