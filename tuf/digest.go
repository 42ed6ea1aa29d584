// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/sigdriver/sigdriver/tuf/archive"
)

// digest is the SHA-256 of some bytes; in text, 64 lower-case hex digits.
type digest [sha256.Size]byte

func digestOf(data []byte) digest { return sha256.Sum256(data) }

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *digest) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(d) || hex.EncodeToString(raw) != string(text) {
		return errors.New("not 64 lower-case hex digits")
	}
	copy(d[:], raw)
	return nil
}

// archiveTemp is the folder of the archive for objects under way. It is not shared
// with the other store that a driver keeps in the archive.
const archiveTemp = "tmp-trust"

// archived returns an object of an archive. Missing and damaged are a *CorruptError.
func archived(dir string, d digest, get func([32]byte) ([]byte, error)) ([]byte, error) {
	data, err := get(d)
	if err != nil {
		return nil, &CorruptError{archive.Path(dir, d), "missing or not what its name says"}
	}
	return data, nil
}

// archiveFolder is an archive that is only read, perhaps beside a driver at work.
type archiveFolder string

func (f archiveFolder) object(d digest) ([]byte, error) {
	return archived(string(f), d, func(sum [32]byte) ([]byte, error) { return archive.Read(string(f), sum) })
}

// batch is an archive.Batch with this package's errors.
type batch struct{ *archive.Batch }

func (b batch) put(data []byte) (digest, error) {
	sum, err := b.Put(data)
	return sum, storeFault("archive", digest(sum).String(), err)
}

func (b batch) sync() error { return storeFault("sync", "archive", b.Sync()) }
