// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package author makes and changes a TUF repository as package tuf describes it. It
// works on folders and on any [crypto.Signer], and uses no network.
//
// A [Change] says what the next publication changes: target files, who holds a role
// (its [Keyholders]), which roles to sign anew. [NewStage] turns it into unsigned
// metadata on top of the [Repository] that is published. A [Stage] collects
// signatures, from one process or from many, until every role meets its threshold; a
// new root needs the threshold of the root before it as well. [Stage.Seal] then adds
// the snapshot and the timestamp, and [Stage.Publish] writes all of it:
//
//	base, err := author.OpenRepository(nil, "published")
//	stage, err := author.NewStage(base, author.Change{
//		Files: map[string][]byte{"authorities.json": rules},
//	}, now)
//	roles, err := stage.Sign(key)                    // or Complete with all keys at hand
//	err = stage.Save(nil, "staged")                  // for the next signer
//	stage, err = author.OpenStage(nil, "staged", base)
//	err = stage.Publish(nil, "published", now)
//
// Nobody has to sign what they have not read: [Stage.Diff] is every member that a stage
// changes, [Stage.Warnings] what is legal and unwise about it.
//
// # A stage on disk
//
//	<role>.json                       the metadata to be signed, without signatures
//	signatures/<role>.<key id>.json   one signature each: keyholders who sign at the
//	                                  same time do not touch the same file
//	files/<target path>               the target files that the change brings
//
// Nothing in it is believed when it is opened: a signature that does not verify, by a
// key that may not sign, over other bytes, or a version that does not follow the
// published one, is a [StageError].
//
// # Publication
//
// Files are written one by one, each under another name, synced and renamed: target
// files, delegated roles, targets, snapshot, root, and the timestamp last. Until it is
// there clients see the publication before. An interrupted publication is completed by
// publishing the same stage again; a published root is never replaced.
//
// Keys are Ed25519 or ECDSA P-256. Roles are root, targets, snapshot and timestamp, and
// the delegated revocation and attestations; other delegations are refused.
package author
