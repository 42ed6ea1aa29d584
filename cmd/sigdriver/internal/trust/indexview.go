// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// IndexView is the index at one instant. It never changes; a nil IndexView is empty.
type IndexView struct {
	generation uint64
	subjects   map[[32]byte]offer
	entries    int
	files      int
	built      bool
	waiting    int        // files and targets that are not checked yet
	follows    *following // the trust it is for
	passed     map[Reason]int
}

// offer is what the index has about one document.
type offer struct {
	list [][]byte
	sum  [32]byte // of the list
}

// Generation rises whenever what the index offers changes, and only then.
func (v *IndexView) Generation() uint64 {
	if v == nil {
		return 0
	}
	return v.generation
}

// Built reports whether everything that was found first has been checked since the start.
// Before that what is missing may only not have been read yet.
func (v *IndexView) Built() bool { return v != nil && v.built }

// For returns the attestations about a document, at most verifier.MaxIndexed, in
// a fixed order. The caller must not change them.
func (v *IndexView) For(sha256 [32]byte) [][]byte {
	if v == nil {
		return nil
	}
	return v.subjects[sha256].list
}

// Sum changes when what For returns does; zero for nothing.
func (v *IndexView) Sum(sha256 [32]byte) [32]byte {
	if v == nil {
		return [32]byte{}
	}
	return v.subjects[sha256].sum
}

// Size returns the number of proofs kept and of files looked at.
func (v *IndexView) Size() (entries, files int) {
	if v == nil {
		return 0, 0
	}
	return v.entries, v.files
}

// PassedOver counts the paths of the local folder that are not used, by reason.
func (v *IndexView) PassedOver() map[Reason]int {
	if v == nil {
		return nil
	}
	return v.passed
}

// publish makes a new IndexView of everything that is kept, where that or time
// changed something. Its generation is a new one only if it offers something else.
// The caller holds the lock.
func (x *Index) publish() {
	now := x.now()
	before := x.current.Load()
	v := &IndexView{follows: x.follows, built: x.built, generation: before.Generation(), entries: len(x.proofs), passed: map[Reason]int{}}
	for _, s := range x.sources {
		v.count(s)
	}
	if before != nil && !x.changed && (x.next.IsZero() || now.Before(x.next)) {
		v.subjects = before.subjects
	} else {
		v.subjects = x.arrange(now)
		x.changed, x.next = false, x.nextChange(now)
		if before == nil || !maps.EqualFunc(before.subjects, v.subjects, func(a, b offer) bool { return a.sum == b.sum }) {
			v.generation++
		}
	}
	x.current.Store(v)
}

// count counts a source.
func (v *IndexView) count(s *source) {
	if s.due {
		v.waiting++
	}
	if s.target {
		return
	}
	v.files++
	if s.passed.Reason != "" {
		v.passed[s.passed.Reason]++
	}
}

// nextChange is when time alone changes what can count.
func (x *Index) nextChange(now time.Time) (next time.Time) {
	for _, k := range x.proofs {
		for _, at := range k.proof.Changes() {
			if at.After(now) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}

// candidate is a proof about one document.
type candidate struct {
	*verifier.Proof
	class   int // what can count comes first
	fromTUF bool
}

// What can count now is offered before what the trust in use may judge otherwise, and
// both before what is revoked or outside its window: that is there to be named.
const (
	counts = iota
	mayCount
	countsNot
)

func (k *kept) candidate(now time.Time) candidate {
	c := candidate{Proof: k.proof}
	switch {
	case !k.proof.Counts(now):
		c.class = countsNot
	case k.unsure:
		c.class = mayCount
	}
	for s := range k.sources {
		c.fromTUF = c.fromTUF || s.target
	}
	return c
}

// arrange sorts proofs by the documents they are about, so that the order does not
// depend on where and when they were found.
func (x *Index) arrange(now time.Time) map[[32]byte]offer {
	bySubject := map[[32]byte][]candidate{}
	for _, k := range x.proofs {
		c := k.candidate(now)
		seen := map[string]bool{}
		for _, text := range k.proof.SubjectSHA256 {
			var subject [32]byte
			if n, err := hex.Decode(subject[:], []byte(text)); err == nil && n == len(subject) && !seen[text] {
				seen[text] = true
				bySubject[subject] = append(bySubject[subject], c)
			}
		}
	}
	out := make(map[[32]byte]offer, len(bySubject))
	for subject, list := range bySubject {
		o := offer{list: choose(list)}
		h := sha256.New()
		for _, raw := range o.list {
			sum := sha256.Sum256(raw)
			h.Write(sum[:])
		}
		h.Sum(o.sum[:0])
		out[subject] = o
	}
	return out
}

// choose keeps the best of each predicate type and principal, and puts the best of each
// before the second of any, so that no principal crowds out another.
func choose(list []candidate) [][]byte {
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(a.PredicateType, b.PredicateType),
			cmp.Compare(a.Principal, b.Principal),
			cmp.Compare(a.class, b.class),
			cmp.Compare(b.Version, a.Version), // newest first
			compareBool(a.fromTUF, b.fromTUF),
			bytes.Compare(a.SHA256[:], b.SHA256[:]),
			bytes.Compare(a.Signer[:], b.Signer[:]))
	})
	type ranked struct {
		rank int
		candidate
	}
	var best []ranked
	rank := 0
	for i, c := range list {
		if i > 0 && (c.PredicateType != list[i-1].PredicateType || c.Principal != list[i-1].Principal) {
			rank = 0
		}
		if rank < perGroup {
			best = append(best, ranked{rank, c})
			rank++
		}
	}
	slices.SortStableFunc(best, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.rank, b.rank)) })
	var out [][]byte
	for _, b := range best {
		for _, raw := range b.Encodings() {
			if len(out) < verifier.MaxIndexed {
				out = append(out, raw)
			}
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
