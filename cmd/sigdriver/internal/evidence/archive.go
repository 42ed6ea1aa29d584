// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"crypto/sha256"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/verifier"
)

// Archive is the archive of a state folder, and what it has been asked for
// before. It is safe for concurrent use.
type Archive struct {
	store *archive.Store
	known sync.Map // record.Digest → *attestation
	count atomic.Int64
}

// OpenArchive reads from a state folder. Nothing in it is touched.
func OpenArchive(state string) *Archive {
	return &Archive{store: archive.Reader(filepath.Join(state, "archive"))}
}

// Settle says that the journal has been read: an object that one of its entries names was
// archived before the entry was written. Many attestations are in no archive, and looking
// for each of them anew in what a driver at work adds would have no end.
func (a *Archive) Settle() error { return a.store.Settle() }

// maxRemembered bounds how many attestations are kept in memory.
const maxRemembered = 1 << 14

// attestation is an encoded attestation with its digest. Decisions share them, and reading
// one for its digest costs more than anything else that a replay does with it.
type attestation struct {
	raw    []byte
	digest string
}

// attestation returns one of the archive, nil for one that is not there.
func (a *Archive) attestation(sum record.Digest) (*attestation, error) {
	if known, ok := a.known.Load(sum); ok {
		return known.(*attestation), nil
	}
	data, err := a.store.Get(sum)
	var none *archive.MissingError
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	read := &attestation{data, verifier.AttestationDigest(data)}
	if a.count.Add(1) <= maxRemembered {
		a.known.Store(sum, read)
	}
	return read, nil
}

// Object reads one object.
func (a *Archive) Object(sum [32]byte) ([]byte, error) { return a.store.Get(sum) }

// Record reads the decision record of an entry. It is the one that was written:
// its digest is in the entry.
func (a *Archive) Record(e *record.Entry) (*record.DecisionRecord, error) {
	data, err := a.store.Get(e.Record)
	if err != nil {
		return nil, err
	}
	record, err := record.ParseDecisionRecord(data)
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(record.Request) != e.RequestSHA256 {
		return nil, errors.New("its decision record is about another request")
	}
	return record, nil
}

// objectName is where the archive keeps an object that has a file of its own, as all have in
// a pack.
func objectName(sum record.Digest) string {
	name := sum.String()
	return "archive/sha256/" + name[:2] + "/" + name
}
