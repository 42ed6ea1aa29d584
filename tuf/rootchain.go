// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// rootChain is the verified roots from the pinned one on.
type rootChain struct {
	first int64 // version of the pinned root
	data  [][]byte
}

func (c *rootChain) add(data []byte) { c.data = append(c.data, data) }

func (c *rootChain) latest() []byte { return c.data[len(c.data)-1] }

// newest is the version of the latest root.
func (c *rootChain) newest() int64 { return c.first + int64(len(c.data)) - 1 }

// root returns one version, nil if the chain does not have it.
func (c *rootChain) root(version int64) []byte {
	if i := version - c.first; i >= 0 && i < int64(len(c.data)) {
		return c.data[i]
	}
	return nil
}

// fork returns a chain that can grow on its own.
func (c *rootChain) fork() *rootChain { return &rootChain{c.first, slices.Clip(c.data)} }

// refs names the roots above a version.
func (c *rootChain) refs(above int64) []fileRef {
	var refs []fileRef
	for i, data := range c.data {
		if v := c.first + int64(i); v > above {
			refs = append(refs, fileRef{v, digestOf(data)})
		}
	}
	return refs
}

// outdated looks closer at a timestamp without enough signatures: signed by the
// keys of a root that has been replaced, it comes from a source that kept, or was
// rolled back to, the time before the rotation. A revoked key is just that case.
func (c *rootChain) outdated(timestamp []byte, err error) error {
	var unsigned *SignatureError
	if !errors.As(err, &unsigned) {
		return err
	}
	newest := c.newest()
	for v := newest - 1; v >= c.first; v-- {
		w, rootErr := newWorkflow(c.root(v), time.Time{}) // before every expiry
		if rootErr != nil {
			continue
		}
		if _, tsErr := w.updateTimestamp(timestamp); tsErr == nil {
			return &RollbackError{RoleRoot, newest, v}
		}
	}
	return err
}

// loadRootChain verifies the stored chain from the pinned root. It stops where the chain
// stops or does not hold; the source then has to bring what is missing, and the
// floor says how far.
func loadRootChain(s *store, w *workflow) (*rootChain, error) {
	c := &rootChain{first: w.rootVersion(), data: [][]byte{w.raw[RoleRoot]}}
	for {
		data, err := s.storedRoot(w.rootVersion() + 1)
		var tooLong *LengthError
		if err != nil && !errors.As(err, &tooLong) {
			return nil, err
		}
		if data == nil && err == nil {
			return c, nil
		}
		if err == nil {
			err = w.updateRoot(data)
		}
		if err != nil {
			s.log.Warn("a stored root is damaged, fetched again", "code", CodeCorrupt, "version", w.rootVersion()+1, "error", err)
			return c, nil
		}
		c.add(data)
	}
}

// logger returns a logger that is never nil.
func logger(l hclog.Logger) hclog.Logger {
	if l == nil {
		return hclog.NewNullLogger()
	}
	return l
}
