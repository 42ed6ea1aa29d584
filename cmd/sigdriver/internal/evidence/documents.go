// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"crypto/sha256"
	"errors"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// Documents is a folder of bodies exported from a gateway, by their digests. A
// nil Documents is empty.
type Documents struct {
	paths map[[32]byte]string
}

// OpenDocuments looks at every regular file below a folder, whatever its name. A
// file too large for any document is passed over.
func OpenDocuments(dir string) (*Documents, error) {
	d := &Documents{paths: map[[32]byte]string{}}
	return d, disk.Files(disk.OS{}, dir, d.file)
}

func (d *Documents) file(path string) error {
	data, err := readBounded(path)
	if err == nil && data != nil {
		d.paths[sha256.Sum256(data)] = path
	}
	return err
}

// Len is the number of different documents.
func (d *Documents) Len() int {
	if d == nil {
		return 0
	}
	return len(d.paths)
}

// Get returns the document of a digest, nil for none.
func (d *Documents) Get(sum [32]byte) []byte {
	if d == nil || d.paths[sum] == "" {
		return nil
	}
	data, err := readBounded(d.paths[sum])
	if err != nil || sha256.Sum256(data) != sum {
		return nil // gone or changed since
	}
	return data
}

// readBounded reads a file, nil when no document is as large.
func readBounded(path string) ([]byte, error) {
	data, err := disk.Read(disk.OS{}, path, verifier.MaxEffective)
	var tooLong *disk.TooLongError
	if errors.As(err, &tooLong) {
		return nil, nil
	}
	return data, err
}
