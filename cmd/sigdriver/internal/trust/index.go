// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/verifier"
)

// Limits of the index.
const (
	// perGroup bounds what is kept of one document, predicate type and principal.
	perGroup = 16
	// perPayload bounds the encodings that are kept of one statement by one
	// principal: a bare signature by each of two keys and a bundle or two.
	perPayload = 4
	// maxFiles bounds the entries of the local folder that are looked at.
	maxFiles = 1 << 16
	// maxBytes bounds what is kept of them.
	maxBytes = 64 << 20
	// passTime is how long one pass checks signatures. The rest waits for the next,
	// so that a flood of files keeps neither the lock nor a processor.
	passTime = 250 * time.Millisecond
	// ScanInterval is how often the folder is looked at.
	ScanInterval = 2 * time.Second
)

// TargetPrefix is where attestations are among the TUF targets.
const TargetPrefix = "attestations/"

// Index finds attestations by the document they are about: those that came as TUF
// targets, and those in a local folder. It is safe for concurrent use.
//
// The folder is only a cache and is not trusted: the index keeps what a signature
// proves to the trust in use, and forgets the rest. It judges nothing else. Windows,
// revocation and age are for every decision to judge, so an index that lags behind
// the trust does no harm. All of it happens off the path of a decision, which only
// reads an IndexView.
type Index struct {
	dir     string // "" for none
	logger  hclog.Logger
	pass    time.Duration // passTime, but in tests
	current atomic.Pointer[IndexView]
	rescan  chan struct{}

	mu      sync.Mutex // guards what follows
	trust   *verifier.Trust
	targets []*item
	files   map[string]*file
	kept    int // bytes of files
	trouble string
}

// item is one attestation that proves something.
type item struct {
	raw      []byte
	evidence []verifier.Evidence
	fromTUF  bool
}

// NewIndex makes an empty index. dir is the local folder, "" for none.
func NewIndex(dir string, logger hclog.Logger) *Index {
	return &Index{dir: dir, logger: logger, pass: passTime, rescan: make(chan struct{}, 1), files: map[string]*file{}}
}

// Current returns the index as of now.
func (x *Index) Current() *IndexView { return x.current.Load() }

// SetTrust checks the attestations among the TUF targets by a trust, which is
// about to be used, and forgets what it knew of the local folder's; the next
// pass checks those anew.
func (x *Index) SetTrust(trust *verifier.Trust, targets map[string][]byte) {
	var items []*item
	for name, raw := range targets {
		if !strings.HasPrefix(path.Clean(name), TargetPrefix) {
			continue
		}
		if evidence, _ := trust.Evidence(raw); len(evidence) > 0 {
			items = append(items, &item{raw: raw, evidence: evidence, fromTUF: true})
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.trust, x.targets = trust, items
	for _, f := range x.files {
		f.checked = false // what was kept stays until it is checked again
	}
	x.publish()
	x.Rescan()
}

// Rescan asks for a pass over the local folder at once.
func (x *Index) Rescan() {
	select {
	case x.rescan <- struct{}{}:
	default: // one is due already
	}
}

// Run looks at the local folder until the context ends.
func (x *Index) Run(ctx context.Context) {
	tick := time.NewTicker(ScanInterval)
	defer tick.Stop()
	for {
		x.Scan()
		select {
		case <-tick.C:
		case <-x.rescan:
		case <-ctx.Done():
			return
		}
	}
}

// Fill makes one pass over the local folder that goes on until everything that it
// found is checked, or the context ends. It reports whether everything is.
func (x *Index) Fill(ctx context.Context) bool {
	return x.scan(func() bool { return ctx.Err() != nil })
}

// publish makes a new IndexView of everything that is kept. Its generation is a new one
// only if it offers something else: answers are cached by generation, and a pass
// that finds what was there before must not have them decided again. The caller
// holds the lock.
func (x *Index) publish() {
	all := slices.Clone(x.targets)
	for _, f := range x.files {
		if f.item != nil {
			all = append(all, f.item)
		}
	}
	before := x.current.Load()
	v := &IndexView{generation: before.Generation(), subjects: arrange(all), entries: len(all), files: len(x.files)}
	if before == nil || !sameOffer(before.subjects, v.subjects) {
		v.generation++
	}
	x.current.Store(v)
}

func sameOffer(a, b map[[32]byte][][]byte) bool {
	return maps.EqualFunc(a, b, func(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) })
}

// candidate is one signature about one document.
type candidate struct {
	item *item
	*verifier.Evidence
	sum [32]byte // of the encoding
}

// arrange sorts items by the documents they are about, so that the order does
// not depend on where and when they were found.
func arrange(items []*item) map[[32]byte][][]byte {
	bySubject := map[[32]byte][]candidate{}
	for _, it := range items {
		sum := sha256.Sum256(it.raw)
		for i := range it.evidence {
			for _, text := range it.evidence[i].SubjectSHA256 {
				var subject [32]byte
				if n, err := hex.Decode(subject[:], []byte(text)); err == nil && n == len(subject) {
					bySubject[subject] = append(bySubject[subject], candidate{it, &it.evidence[i], sum})
				}
			}
		}
	}
	out := make(map[[32]byte][][]byte, len(bySubject))
	for subject, list := range bySubject {
		out[subject] = choose(list)
	}
	return out
}

// choose keeps the best of each predicate type and principal, and puts the best
// of each before the second of any, so that no principal crowds out another.
func choose(list []candidate) [][]byte {
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(a.PredicateType, b.PredicateType),
			cmp.Compare(a.Principal, b.Principal),
			cmp.Compare(b.Version, a.Version), // newest first
			compareBool(a.item.fromTUF, b.item.fromTUF),
			bytes.Compare(a.SHA256[:], b.SHA256[:]),
			bytes.Compare(a.sum[:], b.sum[:]))
	})
	type ranked struct {
		rank int
		candidate
	}
	var kept []ranked
	rank, payload := 0, 0
	for i, c := range list {
		if i > 0 {
			last := list[i-1]
			switch {
			case c.PredicateType != last.PredicateType || c.Principal != last.Principal:
				rank, payload = 0, 0
			case c.SHA256 != last.SHA256:
				payload = 0
			}
			if c.sum == last.sum {
				continue
			}
		}
		if rank < perGroup && payload < perPayload {
			kept = append(kept, ranked{rank, c})
			rank++
		}
		payload++
	}
	slices.SortStableFunc(kept, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	var out [][]byte
	seen := map[[32]byte]bool{}
	for _, k := range kept {
		if !seen[k.sum] {
			seen[k.sum] = true
			out = append(out, k.item.raw)
		}
	}
	return out
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
