// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// block is how many numbers one write reserves. A start skips what is left of
// the last block, so that no number is given twice whatever was lost in memory.
const block = 4096

// maxFile bounds what is read back; a number and its seal take 86 bytes at most.
const maxFile = 128

// ReceiptSequence gives each receipt of a driver a number of its own: higher than any
// before, also across restarts, with gaps. It is safe for concurrent use.
//
// Its file holds the first number that has never been reserved. A copy of the
// state folder that is put back goes back with it, and whoever remembers a
// higher number notices.
type ReceiptSequence struct {
	fsys disk.FS
	path string

	mu       sync.Mutex
	next     uint64
	reserved uint64 // numbers below it may be given
	failed   error  // a write that failed is not tried again
}

// OpenReceiptSequence reads where a sequence has come to. No file is its beginning, 1.
func OpenReceiptSequence(fsys disk.FS, path string) (*ReceiptSequence, error) {
	data, err := disk.Read(fsys, path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &ReceiptSequence{fsys: fsys, path: path, next: 1, reserved: 1}, nil
	}
	if err != nil {
		return nil, err
	}
	var n uint64
	if _, err := fmt.Sscanf(string(data), "%d", &n); err != nil || n == 0 || string(data) != string(seal(n)) {
		return nil, fmt.Errorf("%q is damaged: restore the folder from a backup", path)
	}
	return &ReceiptSequence{fsys: fsys, path: path, next: n, reserved: n}, nil
}

// seal is the content of the file: a number, and its digest against damage.
func seal(n uint64) []byte {
	text := fmt.Sprintf("%d", n)
	return fmt.Appendf(nil, "%s %x\n", text, sha256.Sum256([]byte("sigdriver receipts "+text)))
}

// Next returns the next number. After an error there are no more until the driver
// starts again: what is on the disk is then unknown.
func (s *ReceiptSequence) Next() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return 0, s.failed
	}
	if s.next == s.reserved {
		if err := s.reserve(s.reserved + block); err != nil {
			s.failed = fmt.Errorf("numbering receipts: %w; mend the disk and restart the driver", err)
			return 0, s.failed
		}
		s.reserved += block
	}
	s.next++
	return s.next - 1, nil
}

// reserve makes it durable that all numbers below n may have been given.
func (s *ReceiptSequence) reserve(n uint64) error {
	fresh := s.path + ".new"
	f, err := s.fsys.Open(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := disk.WriteAll(f, seal(n)); err != nil {
		return err
	}
	if err := s.fsys.Rename(fresh, s.path); err != nil {
		return err
	}
	return s.fsys.SyncDir(filepath.Dir(s.path))
}

// Err returns what stopped the sequence, nil while it works.
func (s *ReceiptSequence) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}
