// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// objects is an Archive without a disk.
type objects struct {
	mu  sync.Mutex
	has map[[32]byte][]byte
	err error
}

func (m *objects) Put(data []byte) ([32]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return [32]byte{}, m.err
	}
	if m.has == nil {
		m.has = map[[32]byte][]byte{}
	}
	sum := sha256.Sum256(data)
	m.has[sum] = data
	return sum, nil
}

func (m *objects) Has(sum [32]byte) bool {
	_, err := m.Get(sum)
	return err == nil
}

func (m *objects) Get(sum [32]byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, ok := m.has[sum]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func (m *objects) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.has)
}

func key(name string) verifier.FloorKey {
	return verifier.FloorKey{GatewayID: "gw", Role: verifier.SandboxPolicy, Workspace: "prod", Name: name}
}

func floor(version uint64, digest byte) verifier.Floor {
	return verifier.Floor{Version: version, SHA256: [32]byte{digest}}
}

func binding(name string) *verifier.Binding {
	return &verifier.Binding{
		Key:   verifier.SandboxKey{GatewayID: "gw", SandboxID: "sb-" + name},
		Place: verifier.Place{Workspace: "prod", Name: name},
	}
}

// proposal is a decision that was made and is not committed yet.
type proposal struct {
	req *verifier.Request
	d   *verifier.Decision
}

// compose is the ALLOW for one sandbox at a version, made from what f knows.
func compose(f verifier.Floors, name string, to verifier.Floor) proposal {
	body := []byte("policy of " + name)
	req := &verifier.Request{
		Purpose: verifier.Compose, Target: verifier.Target{GatewayID: "gw", Workspace: "prod", SandboxID: "sb-" + name, Name: name},
		Documents: []verifier.Document{{Role: verifier.SandboxPolicy, Body: body, Attestations: [][]byte{[]byte("attestation of " + name)}}},
	}
	d := &verifier.Decision{
		Verdict: verifier.Allow, Reason: verifier.Allowed,
		Documents: []verifier.DocumentResult{{SHA256: sha256.Sum256(body), Version: to.Version, Passed: true}},
		Consulted: []verifier.Raise{{Key: key(name), Floor: f.Floor(key(name))}},
		Evidence:  [][2]int{{0, 0}},
	}
	if d.Consulted[0].Floor != to {
		d.Raises = []verifier.Raise{{Key: key(name), Floor: to}}
	}
	b := binding(name)
	if p, ok := f.Place(b.Key); ok {
		d.Place = &verifier.Binding{Key: b.Key, Place: p}
	} else {
		d.Binding = b
	}
	return proposal{req, d}
}

// refusal is a DENY of the same question.
func refusal(f verifier.Floors, name string) proposal {
	p := compose(f, name, f.Floor(key(name)))
	p.d.Verdict, p.d.Reason, p.d.Raises, p.d.Binding, p.d.Evidence = verifier.Deny, verifier.Threshold, nil, nil, nil
	return p
}

func (p proposal) entry() Entry {
	e := NewEntry(p.req, p.d)
	e.Time, e.Driver, e.Peer = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), "0.2.0", Peer{UID: 998, GID: 998}
	return e
}

func commit(s *Store, p proposal) (uint64, Digest, error) { return s.Commit(p.entry(), p.req, p.d) }

// allow raises a floor, or fails.
func allow(t testing.TB, s *Store, name string, to verifier.Floor) uint64 {
	t.Helper()
	seq, _, err := commit(s, compose(s.View(), name, to))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func openStore(t testing.TB, dir string, opts Options) *Store {
	t.Helper()
	if opts.Archive == nil {
		opts.Archive = &objects{}
	}
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func reopen(t testing.TB, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return openStore(t, s.dir, s.opts)
}

// order lowers floors of names that match the glob.
func lower(t testing.TB, s *Store, id, glob string, version uint64) bool {
	t.Helper()
	first, err := s.reset(id, verifier.FloorPattern{Role: verifier.SandboxPolicy, Name: &glob}, version, 41, time.Unix(1e9, 0))
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// folded is what the journal in a state folder adds up to, from its first entry.
func folded(t testing.TB, dir string, archive Archive) *State {
	t.Helper()
	state := NewState(archive.Get)
	for e, err := range Read(disk.OS{}, filepath.Join(dir, dirJournal), 0) {
		var torn *TornError
		if errors.As(err, &torn) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := state.Apply(&e); err != nil {
			t.Fatal(err)
		}
	}
	return state
}
