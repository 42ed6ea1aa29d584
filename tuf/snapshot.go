// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"time"
)

// Snapshot is what TUF proved at one instant. It is immutable once handed out.
type Snapshot struct {
	// Targets are the verified target files by path: "authorities.json",
	// "trusted_root.json", "drivers.json" and "revocations.json" as far as they
	// are published, and "attestations/<sha256>/<name>".
	Targets map[string][]byte
	// Roles are the roles it came from: root, timestamp, snapshot, targets and
	// the delegated roles that were consulted. Their expiry is not judged again
	// when time passes; that is up to whoever decides with the Targets.
	Roles map[string]RoleInfo
	// AcceptedAt is the reference time of the proof, UTC: the client's clock,
	// but never before an earlier Snapshot's.
	AcceptedAt time.Time
}

// RoleInfo is one version of one role's metadata.
type RoleInfo struct {
	Version int64
	Expires time.Time
	SHA256  [32]byte // of the file as received
}

// Note is what the caller wants to remember with an accepted Snapshot.
type Note struct {
	Epoch   uint64 // never decreases
	Ratchet []byte // opaque, at most MaxNote; nil for none
	// RevocationsExpire is the expiry of the last revocations that the caller could
	// read, which may be older than these; zero for none.
	RevocationsExpire time.Time
}

func (n Note) clone() Note {
	n.Ratchet = bytes.Clone(n.Ratchet)
	return n
}

// Update is the outcome of a refresh. It is in force only after Client.Accept.
type Update struct {
	*Snapshot
	// Changed reports whether it differs from what was accepted last. Metadata
	// that was signed anew is a change too: expiries moved.
	Changed bool
	// Behind reports whether attestations are published that were not fetched yet,
	// because they are many: those in force stay. Client.FetchAttestations brings
	// them, and the next Refresh has them.
	Behind bool
	// Faults are errors that did not stop the refresh: an expired revocation
	// role, attestations that could not be taken (the ones accepted before then
	// stay), target paths that no role may list. Each has a Code.
	Faults []error

	line line
}

// attestations returns the snapshot's attestations if they are those of a list.
func (s *Snapshot) attestations(list []listed) (map[string][]byte, bool) {
	have := map[string][]byte{}
	for path, data := range s.Targets {
		if isAttestationPath(path) {
			have[path] = data
		}
	}
	for _, l := range list {
		if data, ok := have[l.path]; !ok || checkTarget(l, data) != nil {
			return nil, false
		}
	}
	return have, len(have) == len(list)
}

// roleInfo describes a verified role.
func (w *workflow) roleInfo(role string) RoleInfo {
	info := RoleInfo{SHA256: digestOf(w.raw[role])}
	switch role {
	case RoleRoot:
		info.Version, info.Expires = w.trusted.Root.Signed.Version, w.trusted.Root.Signed.Expires
	case RoleTimestamp:
		info.Version, info.Expires = w.trusted.Timestamp.Signed.Version, w.trusted.Timestamp.Signed.Expires
	case RoleSnapshot:
		info.Version, info.Expires = w.trusted.Snapshot.Signed.Version, w.trusted.Snapshot.Signed.Expires
	default:
		info.Version, info.Expires = w.trusted.Targets[role].Signed.Version, w.trusted.Targets[role].Signed.Expires
	}
	return info
}
