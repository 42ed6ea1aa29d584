// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

func open(t *testing.T, fsys disk.FS, path string) *ReceiptSequence {
	t.Helper()
	s, err := OpenReceiptSequence(fsys, path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func next(t *testing.T, s *ReceiptSequence) uint64 {
	t.Helper()
	n, err := s.Next()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Numbers rise, within a process and from one to the next, and a write reserves
// many of them.
func TestSequence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "receipts")
	fsys := &disktest.FS{}
	s := open(t, fsys, path)
	last := uint64(0)
	for range block {
		n := next(t, s)
		if n != last+1 {
			t.Fatalf("%d after %d", n, last)
		}
		last = n
	}
	one := len(fsys.Operations())
	if one == 0 {
		t.Fatal("nothing was written")
	}
	last = next(t, s)
	if got := len(fsys.Operations()); got != 2*one {
		t.Errorf("%d operations for the first %d numbers, %d for one more", one, block, got-one)
	}
	for range 3 {
		again := open(t, disk.OS{}, path)
		n := next(t, again)
		if n <= last {
			t.Fatalf("%d after a restart, %d before", n, last)
		}
		last = n
	}
}

func TestSequenceIsShared(t *testing.T) {
	s := open(t, disk.OS{}, filepath.Join(t.TempDir(), "receipts"))
	var mu sync.Mutex
	var all []uint64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range block / 4 {
				n, err := s.Next()
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				all = append(all, n)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	slices.Sort(all)
	if len(slices.Compact(all)) != 8*(block/4) {
		t.Error("a number was given twice")
	}
}

// A fault at each operation of a write: no number is given by it, none is given
// again afterwards, and a new start finds numbers that nobody has had.
func TestSequenceFaults(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for n := 1; ; n++ {
			path := filepath.Join(t.TempDir(), "receipts")
			fsys := &disktest.FS{}
			s := open(t, fsys, path)
			for range block {
				next(t, s)
			}
			done := len(fsys.Operations())
			fsys.Arm(n, fault)
			_, err := s.Next()
			if len(fsys.Operations()) < done+n {
				if err != nil || n < 5 {
					t.Fatalf("only %d operations, %v", n-1, err)
				}
				break // past the last operation
			}
			if !errors.Is(err, fault) || !errors.Is(s.Err(), fault) {
				t.Errorf("operation %d: %v, want %v", n, err, fault)
			}
			if _, err := s.Next(); !errors.Is(err, fault) {
				t.Errorf("operation %d: afterwards %v", n, err)
			}
			if got := next(t, open(t, disk.OS{}, path)); got <= block {
				t.Errorf("operation %d: %d is given again", n, got)
			}
		}
	}
}

// A file with any bit flipped, or cut short, is not believed.
func TestSequenceDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "receipts")
	next(t, open(t, disk.OS{}, path))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := OpenReceiptSequence(disk.OS{}, path); err == nil {
			t.Errorf("%q is read as %d", data, s.next)
		}
	}
	for i := range good {
		for bit := range 8 {
			bad := slices.Clone(good)
			bad[i] ^= 1 << bit
			refused(bad)
		}
		refused(good[:i])
	}
	refused(append(slices.Clone(good), '\n'))
	refused(seal(0))
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, disk.OS{}, path)
}

// The attester says who signs, and numbers what it signs.
func TestReceiptSigner(t *testing.T) {
	fsys := &disktest.FS{}
	sequence := open(t, fsys, filepath.Join(t.TempDir(), "receipts"))
	for _, algorithm := range []string{keys.Ed25519, keys.ECDSAP256} {
		key, err := keys.Generate(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		pin, err := receipt.ParseKey(key.PublicPEM())
		if err != nil {
			t.Fatal(err)
		}
		a := NewReceiptSigner(receipt.Driver{ID: "d", Version: "1"}, key, sequence)
		now := time.Unix(1e9, 0).UTC()
		nonce := make([]byte, receipt.MinNonce)
		p := receipt.Predicate{Driver: receipt.Driver{ID: "somebody else"}, Sequence: 1 << 40, Verdict: "ALLOW", Purpose: "COMPOSE",
			Nonce: nonce, Inputs: []receipt.Input{}, IssuedAt: now, NotAfter: now.Add(time.Minute)}
		data, err := a.Sign(p, [32]byte{7})
		if err != nil {
			t.Fatal(err)
		}
		s, err := receipt.Verify(data, receipt.Want{Keys: []receipt.Key{pin}, Nonce: nonce, Now: now, EffectiveSHA256: [32]byte{7}})
		if err != nil {
			t.Fatal(err)
		}
		if s.Predicate.Driver.ID != "d" || s.Predicate.Sequence > 2 {
			t.Errorf("it says %+v", s.Predicate)
		}
	}
	// Without a number there is no receipt.
	for sequence.next != sequence.reserved {
		next(t, sequence)
	}
	fsys.Arm(1, syscall.EIO)
	key, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	a := NewReceiptSigner(receipt.Driver{}, key, sequence)
	if data, err := a.Sign(receipt.Predicate{}, [32]byte{}); data != nil || !errors.Is(err, syscall.EIO) || a.Err() == nil {
		t.Errorf("%q, %v", data, err)
	}
}
