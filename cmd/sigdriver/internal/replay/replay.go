// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package replay decides again what a driver has decided, from its journal, its
// archive and a pinned first root, and compares. It needs no driver, no gateway and no
// network, and it writes nothing.
//
// For each entry the trust of its time is proven again from the pinned root, and
// the request is reconstructed from its record and given to the verifier, at the time
// and with the floors that the entry has. A decision is
//
//	identical       the same, but for texts and hints
//	different       another decision, or an entry that no driver could have written
//	other rules     what older rules decided otherwise than today's
//	unreplayable    something that bore on it is not there any more
//
// Policy bodies never leave the gateway. Without an export of them the record is
// believed about what only a body can show; see verifier.Replay. Floors are
// believed too, but not when they are lower than the journal shows.
//
// [WritePage] makes one HTML page of a replay. [Reconcile] compares what a driver's log
// says was allowed with what sandboxes reported that they enforce.
package replay

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// Outcome is what becomes of one decision.
type Outcome string

// The outcomes.
const (
	Identical    Outcome = "identical"
	Different    Outcome = "different"
	Unreplayable Outcome = "unreplayable"
	// OtherRules is a decision by older rules that today's rules make otherwise. It
	// says nothing against the evidence; the release of that time replays it.
	OtherRules Outcome = "other rules"
)

// Options say what to replay. Dir and Root are required.
type Options struct {
	Dir       string // a state folder
	Root      []byte // the pinned first root
	Documents *evidence.Documents
	// Since and Until bound the times of decisions, until exclusive; zero is open.
	Since, Until time.Time
	// Gateway, Workspace and Sandbox choose by target when they are not empty; a
	// sandbox by its id or its name.
	Gateway, Workspace, Sandbox string
	// Now is when "valid now?" is asked.
	Now time.Time
	// Progress hears how many decisions are done; nil for nobody.
	Progress func(done, total int)
}

// chosen reports whether an entry is to be replayed.
func (o *Options) chosen(e *record.Entry) bool {
	switch {
	case e.Time.Before(o.Since), !o.Until.IsZero() && !e.Time.Before(o.Until),
		o.Gateway != "" && o.Gateway != e.Target.GatewayID,
		o.Workspace != "" && o.Workspace != e.Target.Workspace,
		o.Sandbox != "" && o.Sandbox != e.Target.SandboxID && o.Sandbox != e.Target.Name:
		return false
	}
	return true
}

// Result is one decision, decided again.
type Result struct {
	Journal string // that it is in, by name; empty where there is one alone
	Seq     uint64
	Entry   *record.Entry
	Outcome Outcome
	Why     string // one sentence, unless identical
	// Decision is the recorded one; nil when the record is not there.
	Decision *verifier.Decision
	// Unread tells that bodies were not at hand, Assumed counts the attestations
	// that were not, and Unexplained the floors that the journal does not show.
	Unread      bool
	Assumed     int
	Unexplained int
	// Today is set for an ALLOW that today's rules give too, by the trust of then.
	Today *Today
}

// Report is what a replay comes to.
type Report struct {
	Results []Result // in the order of the journal, or of the revisions that several share
	Counts  map[Outcome]int
	// Entries are all of the journal, chosen or not; Suppressed counts refusals
	// that it holds as a number only.
	Entries    int
	Suppressed uint64
	// Torn tells that the journal ends inside an entry that nobody was told of.
	Torn  bool
	Lines []Line // the trust that decisions were made by, and the last
	Head  record.Digest
	// Fleet is what several journals say together; nil for one alone.
	Fleet *evidence.FleetReport
}

// Run replays. The error is about the journal or the history as a whole: a
// *record.CorruptError, or one of package tuf.
func Run(ctx context.Context, o Options) (*Report, error) {
	log, err := readLog(o.Dir)
	if err != nil {
		return nil, err
	}
	trusts, err := openTrusts(o.Dir, o.Root)
	if err != nil {
		return nil, err
	}
	r := &replayer{Options: o, log: log, trusts: trusts, archive: evidence.OpenArchive(o.Dir), memo: &verifier.SignatureCache{}}
	if err := r.archive.Settle(); err != nil {
		return nil, err
	}
	r.current = sync.OnceValue(func() verifier.MapFloors {
		resets, _ := trusts.resets() // trust that cannot be read lowers nothing
		return log.floors(resets)
	})
	report := &Report{Counts: map[Outcome]int{}, Entries: log.entries, Suppressed: log.suppressed, Torn: log.torn, Head: log.head}
	for _, e := range log.decisions {
		if o.chosen(e.Decision) {
			report.Results = append(report.Results, Result{Seq: e.Seq, Entry: e.Decision})
		}
	}
	if err := r.all(ctx, report.Results); err != nil {
		return nil, err
	}
	for i := range report.Results {
		report.Counts[report.Results[i].Outcome]++
	}
	report.Lines = trusts.used()
	return report, nil
}

// replayer is what the workers share.
type replayer struct {
	Options
	log     *log
	trusts  *trusts
	archive *evidence.Archive
	memo    *verifier.SignatureCache
	current func() verifier.MapFloors // of today
}

// all replays every result in place, on as many processors as there are.
func (r *replayer) all(ctx context.Context, results []Result) error {
	const batch = 64
	var next, done atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for ctx.Err() == nil {
				from := int(next.Add(batch)) - batch
				if from >= len(results) {
					return
				}
				part := results[from:min(from+batch, len(results))]
				for i := range part {
					r.replay(&part[i])
				}
				r.tell(int(done.Add(int64(len(part)))), len(results))
			}
		})
	}
	workers.Wait()
	return ctx.Err()
}

func (r *replayer) tell(done, total int) {
	if r.Progress != nil {
		r.Progress(done, total)
	}
}

// Of returns the results of an outcome.
func (r *Report) Of(outcome Outcome) []Result {
	return slices.DeleteFunc(slices.Clone(r.Results), func(x Result) bool { return x.Outcome != outcome })
}

// sentence joins parts of a list for people.
func sentence(parts []string) string { return strings.Join(parts, ", ") }
