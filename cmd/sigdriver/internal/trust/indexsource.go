// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// source is what attestations come from: a file of the folder, or a TUF target.
type source struct {
	name    string
	target  bool
	content []byte     // of a target
	stamp   disk.Stamp // of a file

	due    bool
	read   bool // its checks are known
	failed bool // to be read again at the next pass
	checks int  // public-key operations that it may take
	proofs []proofName
	passed PassedOver // Reason is empty when it is used, or not known yet
	said   string     // what was logged of it
}

// again has a source checked anew. What it proved stays until then.
func (s *source) again() {
	if s.passed.Reason.fileIsRead() {
		s.due, s.read = true, false
	}
}

// proofName names a proof: one signer, one statement.
type proofName struct{ signer, sha256 [32]byte }

// kept is a proof with the sources that it was found in.
type kept struct {
	proof   *verifier.Proof
	sources map[*source]bool
	unsure  bool // trust could judge it otherwise, and it has not been proven again yet
}

// isAttestationTarget reports whether a target is one of ours.
func isAttestationTarget(name string) bool { return strings.HasPrefix(path.Clean(name), TargetPrefix) }

// takeTargets makes sources of the targets of trust, and drops those that are gone.
func (x *Index) takeTargets(targets map[string][]byte) {
	for _, s := range x.sources {
		if _, there := targets[s.name]; s.target && !there {
			x.drop(s)
		}
	}
	for name, content := range targets {
		if !isAttestationTarget(name) {
			continue
		}
		s := x.sources[targetKey(name)]
		if s == nil {
			s = &source{name: name, target: true, due: true}
			x.sources[targetKey(name)] = s
		}
		if !bytes.Equal(s.content, content) || s.content == nil {
			s.content, s.due, s.read = content, true, false
		}
	}
}

// targetKey tells a target from a file, whose path is absolute.
func targetKey(name string) string { return "target:" + name }

func (s *source) key() string {
	if s.target {
		return targetKey(s.name)
	}
	return s.name
}

// sync takes over what the folder has now.
func (x *Index) sync(found []found, err error) {
	x.note(err)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return // what is known stays until the folder says otherwise
	}
	there := make(map[string]bool, len(found))
	for _, f := range found {
		there[f.path] = true
		s := x.sources[f.path]
		if s == nil {
			s = &source{name: f.path}
			x.sources[f.path] = s
		}
		if f.passed != "" {
			x.let(s, f.passed, f.detail)
			s.due, s.stamp = false, disk.Stamp{}
			continue
		}
		if s.stamp != f.stamp || s.failed {
			s.stamp, s.due, s.read = f.stamp, true, false
		}
	}
	for _, s := range x.sources {
		if !s.target && !there[s.name] {
			x.drop(s)
		}
	}
}

// drop forgets a source and what only it proved.
func (x *Index) drop(s *source) {
	x.link(s, nil)
	delete(x.sources, s.key())
}

// let passes a source over.
func (x *Index) let(s *source, why Reason, detail string) {
	x.link(s, nil)
	s.passed = PassedOver{Path: s.name, Reason: why, Detail: detail}
}

// link makes a list of proofs what a source proves. It reports whether one of them
// is kept.
func (x *Index) link(s *source, proofs []*verifier.Proof) (kept bool) {
	var names []proofName
	for _, p := range proofs {
		name := proofName{p.Signer, p.SHA256}
		if x.keep(name, p, s) {
			names = append(names, name)
		}
	}
	for _, name := range s.proofs {
		if k := x.proofs[name]; k != nil && !slices.Contains(names, name) {
			delete(k.sources, s)
			if len(k.sources) == 0 {
				x.forget(name)
			}
		}
	}
	s.proofs = names
	return len(names) > 0
}

// keep unites a proof with what is known of it already.
func (x *Index) keep(name proofName, p *verifier.Proof, s *source) bool {
	k := x.proofs[name]
	next := p
	if k != nil && !k.unsure {
		if next = x.follows.trust.Unite(k.proof, p); next == k.proof {
			k.sources[s] = true
			return true
		}
	}
	more := sizeOf(next)
	if k != nil {
		more -= sizeOf(k.proof)
	}
	if !x.makeRoom(next.Principal, more) {
		return false
	}
	if k == nil {
		k = &kept{sources: map[*source]bool{}}
	} else {
		x.forget(name)
	}
	k.proof, k.unsure, k.sources[s] = next, false, true
	x.proofs[name] = k
	x.bytes += sizeOf(next)
	x.used[next.Principal] += sizeOf(next)
	x.changed = true
	return true
}

func (x *Index) forget(name proofName) {
	p := x.proofs[name].proof
	x.bytes -= sizeOf(p)
	if x.used[p.Principal] -= sizeOf(p); x.used[p.Principal] <= 0 {
		delete(x.used, p.Principal)
	}
	delete(x.proofs, name)
	x.changed = true
}

// makeRoom lets go of what the principal with the most in the index can miss best, so
// that nobody fills it for the others. It reports whether there is room for so much
// more by a principal.
func (x *Index) makeRoom(principal string, more int) bool {
	for x.bytes+more > x.most {
		most := principal
		for p, n := range x.used {
			if n > x.used[most] || n == x.used[most] && p < most {
				most = p
			}
		}
		if most == principal || x.used[principal]+more > x.used[most] {
			return false
		}
		x.evict(most)
	}
	return true
}

// evict lets go of the proof that a principal can miss best: one that cannot count, else the
// oldest version.
func (x *Index) evict(principal string) {
	now := x.now()
	var worst *kept
	for _, k := range x.proofs {
		if k.proof.Principal == principal && (worst == nil || k.missable(worst, now)) {
			worst = k
		}
	}
	name := proofName{worst.proof.Signer, worst.proof.SHA256}
	for s := range worst.sources {
		if s.proofs = slices.DeleteFunc(s.proofs, func(n proofName) bool { return n == name }); len(s.proofs) == 0 {
			s.passed = PassedOver{Path: s.name, Reason: NoRoom}
		}
	}
	x.forget(name)
}

func (k *kept) missable(other *kept, now time.Time) bool {
	a, b := k.proof, other.proof
	return cmp.Or(compareBool(b.Counts(now), a.Counts(now)), cmp.Compare(a.Version, b.Version), bytes.Compare(a.SHA256[:], b.SHA256[:])) < 0
}

// overhead is what a proof costs beside its encodings, rounded up.
const overhead = 1 << 10

func sizeOf(p *verifier.Proof) int {
	n := overhead
	for _, raw := range p.Encodings() {
		n += 2 * len(raw) // the payload and what vouches for it are kept decoded too
	}
	return n
}
