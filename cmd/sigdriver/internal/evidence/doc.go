// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package evidence reads what a driver left behind: it checks a state folder,
// reconstructs the requests that were recorded, and puts all of it into one file.
// It changes nothing; a driver at work in the folder is not disturbed.
//
// [Verify] checks the journal entry by entry, the tile log over it byte by byte, the
// checkpoint's signature, and whether the archive has everything that the entries
// name.
//
// [Archive.Reconstruct] puts a recorded request together again from its decision
// record and the archive, with the bodies, which a driver never keeps, from an export
// of the gateway.
//
// [Fleet] holds the journals of drivers that share a memory together, by its rows: each
// needs the entry that asked for it and, where its driver has a key, its signature.
//
// [WritePack] and [Unpack] put the evidence into one file for an auditor, and take it
// out again: the journal, the tile log with its checkpoint, the history of trust, and
// the objects of the archive that these name. No body is in it, for none is in the
// archive; nor is the snapshot or a key. A pack is a tar file (POSIX ustar, uncompressed)
// with one possible form. Its first member is manifest.json, RFC 8785 JSON that lists
// all others in the order of their names, which is their order in the file:
//
//	{"entries":"3","head":"<64 hex>","members":[{"name":"archive/sha256/…","sha256":"<64 hex>","size":"412"},…],
//	 "missing":[],"schema":"sigdriver.pack/v1"}
//
// Every header and every padding byte is the one that writing the members again
// gives, so a pack that differs in one byte is another pack or none. The same
// evidence makes the same bytes.
//
// The manifest guards against accidents. Whoever makes up a pack makes up a
// manifest too: what binds the evidence is the checkpoint's signature, the chain
// of the journal, and the signatures of trust from a root the auditor has pinned.
package evidence
