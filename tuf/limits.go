// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"time"

	"github.com/sigdriver/sigdriver/tuf/archive"
)

// Limits of the client. Each bounds work that somebody else could cause. Sizes
// are in bytes.
const (
	// MaxRoot, MaxTimestamp, MaxSnapshot and MaxTargets bound one file of
	// metadata whose length nobody has signed yet. A signed length may be
	// smaller, never larger.
	MaxRoot      = 512 << 10
	MaxTimestamp = 16 << 10
	MaxSnapshot  = 2 << 20
	MaxTargets   = 8 << 20
	// MaxRootRotations bounds the new roots of one refresh; a client that is
	// further behind needs several.
	MaxRootRotations = 256
	// MaxDelegations bounds the delegated roles that are looked at for one path.
	MaxDelegations = 32
	// MaxTargetFile bounds one target file.
	MaxTargetFile = 4 << 20
	// MaxAttestationFile bounds one file below attestations/: what the verifier
	// takes as one attestation.
	MaxAttestationFile = 256 << 10
	// MaxAttestationFiles and MaxAttestationBytes bound all of them together.
	MaxAttestationFiles = 4096
	MaxAttestationBytes = 64 << 20
	// promptFiles and promptBytes bound the attestations that one Refresh fetches
	// before the rest of trust is there to be used: what a publication usually adds.
	promptFiles = 64
	promptBytes = 1 << 20
	// MaxNote bounds the ratchet of a Note, which grows with every revocation and
	// is the largest file of the archive.
	MaxNote = archive.MaxObject
	// MaxMetadataDepth bounds the nesting of metadata, and MaxSignatures the
	// signatures on it.
	MaxMetadataDepth = 32
	MaxSignatures    = 256
	// MaxRoleName bounds the name of a delegated role.
	MaxRoleName = 512
	// MaxIdlePolls is how many refreshes in a row may end after the timestamp
	// turned out unchanged; the next one looks for a new root in any case.
	MaxIdlePolls = 9
	// FileDeadline bounds the download of one file, retries included.
	FileDeadline = 10 * time.Second
	// MaxExport bounds an export that is read back.
	MaxExport = 1 << 30

	maxRedirects     = 3
	maxAttempts      = 3
	maxValidator     = 256
	maxHistoryLine   = 1 << 20
	maxStateFile     = 1 << 20
	parallelDownload = 8
)
