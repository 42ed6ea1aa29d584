// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package tuf is a client of The Update Framework: it follows a repository from a
// pinned root, and keeps what it verified so that any past state can be proven again.
// Package author makes such a repository, package archive keeps files by digest.
//
// go-tuf checks every signature, threshold, version and expiry. Around it this
// package adds strict parsing, rollback protection that outlives its cache, and a
// history. Sections refer to the TUF specification 1.0,
// https://theupdateframework.github.io/specification/.
//
// # Use
//
// What the client hands out is a [Snapshot]: target files, and the metadata that
// proves them. A snapshot is in force once the caller has accepted it:
//
//	client, err := tuf.Open(tuf.Config{Root: pinned, Source: source, Dir: "state/trust"})
//	update, err := client.Refresh(ctx)
//	if update.Changed {
//		// … parse update.Targets["authorities.json"] and check it …
//		err = client.Accept(update, tuf.Note{Epoch: client.LastEpoch() + 1})
//	}
//
// [Client.Accepted] returns what is in force, also after a restart without network.
// [AsOf] and [OpenHistory] prove what was in force at a time, [LoadOffline] what a
// folder or an export holds; none of them takes a lock or uses the network.
//
// # Repository
//
// A repository is two folders behind any web server, or on a disk:
//
//	metadata/timestamp.json
//	metadata/<version>.<role>.json               root, snapshot, targets, delegated roles
//	targets/<folder>/<sha256>.<name>             consistent snapshots, section 6.2
//
// Beside the four top-level roles, targets may delegate to two more:
//
//	revocation      lists revocations.json
//	attestations    lists attestations/<sha256>/<name>
//
// The top-level targets role itself must list authorities.json, trusted_root.json and
// drivers.json; the same names in a delegated role have no effect. Of all these files
// a repository may have any.
//
// # Refresh
//
// [Client.Refresh] is the client workflow of section 5, at one reference time: the
// root chain one version at a time (5.3), timestamp (5.4), snapshot (5.5), targets and
// delegated roles in pre-order (5.6), target files (5.7). It differs from section 5
// only where it is stricter, and in two tolerances:
//
//   - Metadata is parsed strictly before go-tuf sees it: JSON without duplicate or
//     case-folded names, integers below 2^53 only, bounded depth, keys of the right
//     type and length, and a signed part that decodes to exactly what was received.
//   - The reference time is the caller's clock, but never before the last acceptance.
//   - The expiry of revocation stops nothing; it is reported in [Update.Faults] and
//     handed out, because a list of revocations only takes away.
//   - Attestations that cannot be taken, for whatever reason, leave those accepted
//     before in force, and the reason in Faults. The key that is trusted least cannot
//     hold back the others.
//
// While the source still serves the timestamp of the last refresh, that one request
// is the whole refresh, once the root chain was asked for after that timestamp was
// seen: a root that is published while a refresh is under way is found by the next.
// After [MaxIdlePolls] of these the root chain is asked for in any case. What was
// verified before an error counts for the next refresh.
//
// # State
//
// The state folder belongs to one client at a time. Each file is replaced whole:
//
//	lock                 locked while a Client is open
//	floors.json          the versions that may never be undercut
//	roots/N.root.json    the verified root chain
//	current              the metadata that was verified last, by digest
//	history.jsonl        what was accepted, and when
//	tmp/                 files under way, swept by Open
//
// The archive holds every verified metadata and target file by its SHA-256 (see
// package archive). This package keeps two more names there: tmp-trust/ for what is
// under way, and trust.started, which says that the state folder has been in use.
//
// A refresh writes in the order archive, roots, current, floors.json; an acceptance
// the archive, then history.jsonl, then floors.json. A crash between any two leaves a
// state from which the next refresh goes on. What is damaged is fetched again, with
// three exceptions that stop [Open] until an operator accepts the loss
// ([Config.AcceptLostFloors]): lost floors, a damaged history, and a damaged ratchet.
//
// floors.json is JSON. A version is refused below its floor as long as the role has
// the same keys and threshold (section 5.3.11, fast-forward recovery); "keys" is the
// SHA-256 that identifies these.
//
//	{"schema": "sigdriver.floors/v1",
//	 "root": {"version": 2, "sha256": "…"},
//	 "timestamp": {"version": 7, "snapshot": 5, "keys": "…"},
//	 "snapshot": {"meta": {"targets.json": 3}, "keys": "…"},
//	 "history": {"lines": 4, "sha256": "…", "epoch": 3}}
//
// A line of history.jsonl is one JSON object, in force from acceptedAt until the next
// line's. "previous" is the SHA-256 of the line before, without its newline, and all
// zeros in the first. A last line without its newline is an append that was never
// reported, and does not count.
//
//	{"schema": "sigdriver.history/v1", "line": 4, "epoch": 3,
//	 "acceptedAt": "2026-06-01T12:00:00Z",
//	 "roots": [{"version": 2, "sha256": "…"}],     roots new since the line before
//	 "root": 2,                                     the version in force
//	 "roles": {"targets": {"version": 3, "sha256": "…"}, …},
//	 "targets": {"authorities.json": "…", …},       without attestations/
//	 "attestations": "…",                           the archived list {path: sha256}
//	 "carried": 2,                                  the line it was carried over from
//	 "ratchet": "…", "revocationsExpire": "…",      those of the Note
//	 "previous": "…"}
//
// An as-of evaluation runs the client workflow again over these files, from the pinned
// root and at acceptedAt. Which files were taken, and when, is the claim of whoever
// kept the history; all else is proven.
//
// An export ([Export]) is a USTAR file: history.jsonl, then sha256/<hex> for every file
// that it names, sorted, with mode 0644 and time zero. The same history gives the same
// bytes.
//
// # Limits
//
// Whatever somebody else could make large is bounded: [MaxRoot], [MaxTimestamp],
// [MaxSnapshot] and [MaxTargets] for metadata whose length is not signed,
// [MaxTargetFile] and [MaxAttestationFile] for target files, [MaxRootRotations] for the
// root chain, [MaxDelegations] for a search, [FileDeadline] for a download. A signed
// length may be smaller, never larger.
//
// # Errors
//
// Every error of a refresh has a code, see [Code] and docs/reasons.md, and leaves what
// is in force as it was. A panic in a library is a [PanicError].
//
//	TUF_SIGNATURE     SignatureError, FormatError, KeyError
//	TUF_VERSION       VersionError
//	TUF_EXPIRED       ExpiredError
//	TUF_LENGTH        LengthError
//	TUF_HASH          HashError
//	TUF_DELEGATION    DelegationError
//	TUF_DOWNLOAD      DownloadError, StoreError
//	TUF_NOT_METADATA  NotMetadataError
//	TRUST_ROLLBACK    RollbackError, FloorsLostError
//	TRUST_STALE       RootLimitError
//	TRUST_CORRUPT     CorruptError, OtherRootError, NoHistoryError, PanicError
//	CONFIG_INVALID    LockedError
package tuf
