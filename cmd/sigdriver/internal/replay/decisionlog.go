// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// LoggedDecision is one entry of the log about a composition.
type LoggedDecision struct {
	Index            uint64
	SHA256           string // of the entry
	Time             time.Time
	Gateway, Sandbox string
	PolicyHash       string // as the gateway called it; may be empty
	Effective        string
	Allow            bool
	Reason           string
	Journal          string       // that it is in, by name; empty where there is one alone
	ask              record.AskID // of a shared memory; zero for none
	place            revision
}

// entry names the entry of the decision.
func (d *LoggedDecision) entry() string { return entryOf(d.Index, d.Journal) }

func entryOf(index uint64, journal string) string {
	if journal == "" {
		return fmt.Sprint("entry ", index)
	}
	return fmt.Sprintf("entry %d of %s", index, journal)
}

// ServedAgain is that an answer was given again in (From, To].
type ServedAgain struct {
	From, To time.Time
	Index    uint64 // of the entry that made it
}

// DecisionLog is a driver's log.
type DecisionLog struct {
	Name      string           // empty where there is one alone
	Size      uint64           // entries
	Sums      []string         // sha256 of each entry, by index
	Begins    time.Time        // of the first decision; zero for none
	Decisions []LoggedDecision // about compositions, ascending
	Served    []ServedAgain
	// Suppressed counts, by gateway and sandbox, the refusals that the log holds
	// as a number only.
	Suppressed map[[2]string]uint64
	memory     string // that the driver shares at the last entry
}

// ReadDecisionLog reads a driver's journal for what it says about compositions. It has a
// name where it is one of several. A journal that was damaged is a *record.CorruptError.
func ReadDecisionLog(name, dir string) (*DecisionLog, error) {
	log := &DecisionLog{Name: name, Suppressed: map[[2]string]uint64{}}
	for e, err := range record.Read(disk.OS{}, filepath.Join(dir, "audit"), 0) {
		var torn *record.TornError
		if errors.As(err, &torn) {
			return log, nil // an entry that is being written
		}
		if err != nil {
			return nil, err
		}
		log.add(&e)
	}
	return log, nil
}

// drop leaves out the latest decision that made an ask. A memory that went back counts its
// sessions from an earlier one on, so that one before it may have the same name.
func (l *DecisionLog) drop(ask record.AskID) {
	for i := len(l.Decisions) - 1; i >= 0; i-- {
		if l.Decisions[i].ask == ask {
			l.Decisions = slices.Delete(l.Decisions, i, i+1)
			return
		}
	}
}

// revision is where a decision stands among those of all that share its memory.
func (l *DecisionLog) revision(e *record.Entry) revision {
	r := revision{time: e.Time}
	if e.Memory != nil {
		r.memory, r.number = l.memory, e.Memory.Revision
	}
	return r
}

func (l *DecisionLog) add(e *record.Stored) {
	l.Size = e.Seq + 1
	l.Sums = append(l.Sums, e.Sum.String())
	switch d := e.Decision; {
	case e.Joined != nil:
		l.memory = e.Joined.Memory
	case e.Lost != nil: // what a shared memory refused did not leave
		for _, a := range e.Lost.Asks {
			l.drop(a.AskID)
		}
	case e.Suppressed != nil:
		t := e.Suppressed.Target
		l.Suppressed[[2]string{t.GatewayID, t.SandboxID}] += e.Suppressed.Count
	case e.Served != nil:
		for _, a := range e.Served.Answers {
			l.Served = append(l.Served, ServedAgain{From: e.Served.From, To: e.Served.To, Index: a.Index})
		}
	case d != nil:
		if l.Begins.IsZero() {
			l.Begins = d.Time
		}
		if d.Purpose != verifier.Compose.String() {
			return
		}
		var ask record.AskID
		if d.Memory != nil && d.Memory.Ask != nil {
			ask = *d.Memory.Ask
		}
		l.Decisions = append(l.Decisions, LoggedDecision{
			ask: ask, place: l.revision(d), Journal: l.Name, Index: e.Seq, SHA256: e.Sum.String(), Time: d.Time, Gateway: d.Target.GatewayID, Sandbox: d.Target.SandboxID,
			PolicyHash: trimHash(d.Host.PolicyHash), Effective: d.EffectiveSHA256.String(),
			Allow: d.Verdict == verifier.Allow.String(), Reason: d.Reason,
		})
	}
}
