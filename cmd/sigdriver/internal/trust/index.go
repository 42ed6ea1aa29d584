// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/verifier"
)

// Limits of the index.
const (
	// perGroup bounds what is offered of one document, predicate type and principal.
	perGroup = 16
	// maxFiles bounds the entries of the local folder that are looked at, and
	// maxLinked those behind one link that leads out of it.
	maxFiles  = 1 << 16
	maxLinked = 1 << 10
	// maxDepth bounds how deep folders are looked into.
	maxDepth = 8
	// maxFile bounds one file: many attestations.
	maxFile = 16 * verifier.MaxAttestation
	// maxBytes bounds what is kept.
	maxBytes = 64 << 20
	// passTime and passChecks are the budget of one pass, for the targets of trust and
	// the folder together: how long it works, and the public-key operations it
	// makes. The rest waits for the next, so that a flood keeps neither the lock
	// nor a processor.
	passTime   = 250 * time.Millisecond
	passChecks = verifier.MaxSignatureChecks
	// cheapChecks is what an attestation may cost to be checked when it is first
	// read. Dearer ones wait until all cheap ones are done.
	cheapChecks = 64
	// yieldTime is how long a pass rests after each file at least while something is
	// decided, and yieldShare how many times as long as it worked beside that.
	yieldTime  = time.Millisecond
	yieldShare = 3
	// settleTime is how long decisions wait after the start for the index to be built,
	// whoever fills the folder.
	settleTime = 2 * time.Second
	// ScanInterval is how often the folder is looked at.
	ScanInterval = 2 * time.Second
)

// TargetPrefix is where attestations are among the TUF targets.
const TargetPrefix = "attestations/"

// Index finds attestations by the document they are about: those that came as TUF
// targets, and those in a local folder. It is safe for concurrent use.
//
// Neither is trusted: the index keeps what a signature proves to the trust in use,
// one proof for each signer and statement, in bytes of its own, and forgets the rest.
// It judges nothing else: every decision checks again what it is offered, so an
// index that lags behind the trust does no harm. All work is done by passes in the
// background, each with one budget; trust does not wait for them, nor does a decision,
// which reads an IndexView.
type Index struct {
	// Busy, if set before Run, reports whether something is being decided. A pass that no
	// decision waits for then leaves the processors to that, most of the time.
	Busy func() bool

	dir     string // "" for none
	logger  hclog.Logger
	now     func() time.Time
	pass    time.Duration // passTime, but in tests
	most    int           // maxBytes, but in tests
	current atomic.Pointer[IndexView]
	wanted  atomic.Pointer[following]
	rescan  chan struct{}
	settled chan struct{}
	settle  sync.Once

	mu      sync.Mutex // one pass at a time; guards what follows
	follows *following
	sources map[string]*source
	proofs  map[proofName]*kept
	bytes   int            // of the proofs
	used    map[string]int // the same by principal
	changed bool
	owed    map[string]bool // what the first pass with trust found and is not checked yet
	built   bool            // once nothing is owed
	next    time.Time       // when time alone changes what is offered; zero for never
	spent   int             // public-key operations, for tests
	trouble string
	mention mentions
}

// following is the trust that the index follows, and the targets that came with it.
type following struct {
	trust   *verifier.Trust
	targets map[string][]byte
}

// NewIndex makes an empty index. dir is the local folder, "" for none. The time
// only orders what is offered.
func NewIndex(dir string, now func() time.Time, logger hclog.Logger) *Index {
	return &Index{dir: dir, logger: logger, now: now, pass: passTime, most: maxBytes, rescan: make(chan struct{}, 1), settled: make(chan struct{}),
		sources: map[string]*source{}, proofs: map[proofName]*kept{}, used: map[string]int{}}
}

// Current returns the index as of now.
func (x *Index) Current() *IndexView { return x.current.Load() }

// Settled returns a channel that is closed once the index has been built, or Run has
// worked on that for a while: whoever decides may wait for it.
func (x *Index) Settled() <-chan struct{} { return x.settled }

func (x *Index) isSettled() { x.settle.Do(func() { close(x.settled) }) }

// Waiting returns the number of files and targets that are known and not checked yet.
func (x *Index) Waiting() int {
	w, v := x.wanted.Load(), x.current.Load()
	switch {
	case v == nil && w == nil:
		return 0
	case v == nil:
		return len(w.targets)
	case v.follows != w:
		return v.waiting + len(w.targets) // an estimate until the next pass
	}
	return v.waiting
}

// SetTrust has the index follow trust that is in use, with the attestations among its
// TUF targets. It does no work: the next pass does, and until then the index offers
// what it did, behind which every decision looks for itself.
func (x *Index) SetTrust(trust *verifier.Trust, targets map[string][]byte) {
	x.wanted.Store(&following{trust, targets})
	x.Rescan()
}

// Rescan asks for a pass at once.
func (x *Index) Rescan() {
	select {
	case x.rescan <- struct{}{}:
	default: // one is due already
	}
}

// Run makes passes until the context ends: every ScanInterval, when asked to, and
// while something is left to check, for half of the time, or less while something is
// decided; all of the time while decisions wait for the index.
func (x *Index) Run(ctx context.Context) {
	late := time.AfterFunc(settleTime, x.isSettled)
	defer late.Stop()
	for ctx.Err() == nil {
		begun, pause := time.Now(), ScanInterval
		if !x.Scan() {
			pause = min(time.Since(begun), ScanInterval)
			select {
			case <-x.settled:
			default:
				pause = 0
			}
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-x.rescan:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// Scan makes one pass. It reports whether everything that it found is checked.
func (x *Index) Scan() bool {
	begun := time.Now()
	end := begun.Add(x.pass)
	return x.scan(passChecks, func() bool {
		x.yield(time.Since(begun))
		begun = time.Now()
		return begun.After(end)
	})
}

// yield rests after so much work where something is being decided. An epoch that makes
// everything due would otherwise keep a processor just when every answer is cold, and each
// decision waits for one again whenever the disk has answered.
func (x *Index) yield(worked time.Duration) {
	if x.Busy == nil || !x.Busy() {
		return
	}
	select {
	case <-x.settled:
		time.Sleep(yieldTime + min(yieldShare*worked, x.pass))
	default: // decisions wait for it
	}
}

// Fill makes one pass that goes on until everything that it found is checked, or
// the context ends. It reports whether everything is.
func (x *Index) Fill(ctx context.Context) bool {
	const unbounded = 1 << 60
	return x.scan(unbounded, func() bool { return ctx.Err() != nil })
}

// scan makes one pass until it is over or has made so many checks.
func (x *Index) scan(checks int, over func() bool) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.follow()
	if x.dir != "" {
		x.sync(list(x.dir))
	}
	x.publish() // what is gone or judged otherwise does not wait for what is new
	all := x.work(checks, over)
	x.settleDebts()
	x.publish()
	x.mentionPassed()
	if x.built {
		x.isSettled()
	}
	return all
}

// settleDebts finds out whether what the first pass with trust found has been checked.
// What comes later does not count, nor, once nobody waits any more, what costs as much as
// no honest attestation: whoever fills the folder, or publishes attestations, must not keep
// refusals from being given and recorded.
func (x *Index) settleDebts() {
	if x.built || x.follows == nil {
		return
	}
	if x.owed == nil {
		x.owed = map[string]bool{}
		for name, s := range x.sources {
			x.owed[name] = s.due
		}
	}
	late := false
	select {
	case <-x.settled:
		late = true
	default:
	}
	maps.DeleteFunc(x.owed, func(name string, _ bool) bool {
		s := x.sources[name]
		return s == nil || !s.due || late && s.read && s.checks > cheapChecks
	})
	x.built = len(x.owed) == 0
}

// follow takes over trust that is new. No signature is checked again for it: what its
// signers proved stays, as the new trust has it, and only what that could judge
// otherwise is due.
func (x *Index) follow() {
	w := x.wanted.Load()
	if w == nil || w == x.follows {
		return
	}
	var before *verifier.Trust
	if x.follows != nil {
		before = x.follows.trust
	}
	more := w.trust.MayProveMore(before)
	x.follows, x.changed = w, true
	for name, k := range x.proofs {
		again, sure := k.proof.Again(w.trust)
		x.forget(name)
		if again == nil {
			continue
		}
		k.proof, k.unsure = again, k.unsure || !sure
		x.proofs[name] = k
		x.bytes += sizeOf(again)
		x.used[again.Principal] += sizeOf(again) // who may be another principal now
	}
	for _, s := range x.sources {
		if more || x.doubtful(s) {
			s.again()
		}
	}
	x.takeTargets(w.targets)
}

// doubtful reports whether something that a source proved is gone or unsure.
func (x *Index) doubtful(s *source) bool {
	for _, name := range s.proofs {
		if k := x.proofs[name]; k == nil || k.unsure {
			return true
		}
	}
	return false
}
