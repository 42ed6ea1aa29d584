// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// What is put while another object is on its way to the disk waits for it, and is then
// written together with all that waited: to make a file costs more than anything else
// about an object of a few kilobytes. A group is a file of its own, made as objects are,
// whole or not at all, and it never changes either.
const (
	groups     = "groups" // their folder
	maxGrouped = 64 << 10 // a larger object gets a file of its own
	maxGroup   = 1 << 20  // bytes of objects in one group
	groupHead  = 32 + 4   // what stands before each object: its sha256, and its length
	groupLimit = 4 << 20  // a longer file is no group of ours
)

// putting is an object on its way.
type putting struct {
	sum  [32]byte
	data []byte
	done chan struct{}
	err  error
}

// enqueue puts an object with those that come meanwhile.
func (s *Store) enqueue(sum [32]byte, data []byte) error {
	p := &putting{sum: sum, data: data, done: make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, p)
	idle := !s.writing
	s.writing = true
	s.mu.Unlock()
	if idle {
		go s.writeWaiting()
	}
	<-p.done
	return p.err
}

// writeWaiting writes until nothing waits.
func (s *Store) writeWaiting() {
	for {
		s.mu.Lock()
		n, size := 0, 0
		for n < len(s.waiting) && (n == 0 || size+len(s.waiting[n].data) <= maxGroup) {
			size += len(s.waiting[n].data)
			n++
		}
		batch := s.waiting[:n:n]
		s.waiting = s.waiting[n:]
		s.writing = n > 0
		s.mu.Unlock()
		if n == 0 {
			return
		}
		s.putTogether(batch)
		for _, p := range batch {
			close(p.done)
		}
	}
}

// putTogether makes objects durable: what has a file already, and what is alone, by itself.
func (s *Store) putTogether(batch []*putting) {
	var fresh []*putting
	seen := map[[32]byte]*putting{}
	for _, p := range batch {
		if seen[p.sum] != nil {
			continue
		}
		seen[p.sum] = p
		if _, err := s.read(p.sum); errors.Is(err, fs.ErrNotExist) {
			fresh = append(fresh, p)
		} else {
			p.err = s.putAlone(p.sum, p.data)
		}
	}
	switch len(fresh) {
	case 0:
	case 1:
		fresh[0].err = s.putAlone(fresh[0].sum, fresh[0].data)
	default:
		err := s.putGroup(fresh)
		for _, p := range fresh {
			if p.err = err; err == nil {
				s.remember(p.sum)
			}
		}
	}
	for _, p := range batch {
		p.err = seen[p.sum].err
	}
}

// putGroup writes a group. Its name is its sha256.
func (s *Store) putGroup(objects []*putting) error {
	var data []byte
	for _, p := range objects {
		data = append(data, p.sum[:]...)
		data = binary.BigEndian.AppendUint32(data, uint32(len(p.data)))
		data = append(data, p.data...)
	}
	dir := filepath.Join(s.dir, groups)
	if err := s.makeFolder(dir); err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	if err := disk.Put(s.fs, s.tmp, filepath.Join(dir, hex.EncodeToString(sum[:])), data, 0o600); err != nil {
		return err
	}
	return s.fs.SyncDir(dir)
}

// grouped is what the groups of an archive hold, as far as it has been looked for. A
// driver looks for nothing there.
type grouped struct {
	mu      sync.Mutex
	looked  map[string]bool // names of groups
	at      map[[32]byte]location
	damaged []*CorruptError // of groups that are not what their names say
	settled bool            // no group comes any more that anybody asks about
}

// Settle says that whatever is asked for from here on had been put before, so that what is
// not found is not looked for again in the groups that came since.
func (s *Store) Settle() error {
	s.grouped.mu.Lock()
	defer s.grouped.mu.Unlock()
	if err := s.lookAtNew(); err != nil {
		return err
	}
	s.grouped.settled = true
	return nil
}

// location is where a group has an object.
type location struct {
	group        string
	offset, size int64
}

// find looks for an object in the groups, and again in those that came since.
func (s *Store) find(sum [32]byte) (location, error) {
	g := &s.grouped
	g.mu.Lock()
	defer g.mu.Unlock()
	if at, ok := g.at[sum]; ok {
		return at, nil
	}
	if !g.settled {
		if err := s.lookAtNew(); err != nil {
			return location{}, err
		}
	}
	if at, ok := g.at[sum]; ok {
		return at, nil
	}
	if len(g.damaged) > 0 { // it may have been there
		return location{}, g.damaged[0]
	}
	return location{}, &MissingError{SHA256: sum}
}

// lookAtNew lists what those groups hold that came since it last did.
func (s *Store) lookAtNew() error {
	names, err := s.fs.List(filepath.Join(s.dir, groups))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range names {
		if s.grouped.looked[name] {
			continue
		}
		if err := s.grouped.look(s.fs, filepath.Join(s.dir, groups, name), name); err != nil {
			return err
		}
	}
	return nil
}

// look lists what a group holds. Of a damaged one that is what can be told.
func (g *grouped) look(fsys disk.FS, path, name string) error {
	data, err := disk.Read(fsys, path, groupLimit)
	var long *disk.TooLongError
	if err != nil && !errors.As(err, &long) {
		return err
	}
	if g.looked == nil {
		g.looked, g.at = map[string]bool{}, map[[32]byte]location{}
	}
	g.looked[name] = true
	if have := sha256.Sum256(data); hex.EncodeToString(have[:]) != name {
		g.damaged = append(g.damaged, &CorruptError{Path: path, Have: have})
	}
	for offset := int64(0); int64(len(data))-offset >= groupHead; {
		size := int64(binary.BigEndian.Uint32(data[offset+32:]))
		sum := [32]byte(data[offset:])
		offset += groupHead
		if size > int64(len(data))-offset {
			break
		}
		g.at[sum] = location{path, offset, size}
		offset += size
	}
	return nil
}

// fromGroup reads an object out of its group.
func (s *Store) fromGroup(sum [32]byte) ([]byte, error) {
	at, err := s.find(sum)
	if err != nil {
		return nil, err
	}
	f, err := s.fs.Open(at.group, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, at.size)
	if _, err := f.ReadAt(data, at.offset); err != nil {
		return nil, err
	}
	if have := sha256.Sum256(data); have != sum {
		return nil, &CorruptError{Path: at.group, Have: have}
	}
	return data, nil
}

// File returns the file that has an object, or would have it.
func (s *Store) File(sum [32]byte) string {
	if !s.alone(sum) {
		if at, err := s.find(sum); err == nil {
			return at.group
		}
	}
	return s.path(sum)
}
