// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package tuf carries trust: a client that follows a repository of The Update
// Framework from a pinned root, and the author side that makes one.
//
// go-tuf judges every signature, threshold, version and expiry; nothing of that is
// written here. Around it the client keeps what go-tuf alone does not:
//
//   - Form. Metadata is read strictly before go-tuf decodes it: no duplicate and
//     no case-folded names, integers only, bounded depth, keys of the right
//     length, and nothing that is dropped or changed in decoding. A panic in a
//     library is an error of that one refresh.
//   - Memory. The state folder holds the verified root chain and the versions that
//     may never be undercut. A start replays the chain from the pinned root, so a
//     source that is rolled back to a revoked root is not believed; a damaged file
//     is fetched again; lost floors stop the start until an operator accepts it.
//   - History. Every verified file is archived by digest and every acceptance is
//     one durable line. AsOf proves what was in force at any time again, from the
//     pinned root, offline.
//
// What the client hands out is bytes and what TUF proved about them, a Snapshot. It
// is in force when the caller has accepted it:
//
//	source, err := tuf.NewSource("https://trust.example/")
//	client, err := tuf.Open(tuf.Config{Root: pinned, Source: source, Dir: "state/trust"})
//	update, err := client.Refresh(ctx)
//	if update.Changed {
//		// … parse update.Targets["authorities.json"], check it …
//		err = client.Accept(update, tuf.Note{Epoch: client.LastEpoch() + 1})
//	}
//
// A repository is two folders behind any web server: metadata/ with
// timestamp.json and N.<role>.json, and targets/ with <folder>/<sha256>.<name>
// (consistent snapshots; specification, section 6.2). Besides the four top-level
// roles there are two delegated ones: revocation, which lists revocations.json, and
// attestations, which lists attestations/<sha256>/<name>. The expiry of revocation
// never stops a refresh, it is handed out with the rest: a list of what is revoked
// only takes away. Attestations that cannot be taken, for whatever reason, leave
// those accepted before in force, so that the least trusted key cannot hold back
// the others.
//
// Sections refer to the TUF specification 1.0.
package tuf
