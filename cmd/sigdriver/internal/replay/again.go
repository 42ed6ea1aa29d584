// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"errors"
	"slices"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// replay decides one entry again.
func (r *replayer) replay(out *Result) {
	err := r.decide(out)
	if err == nil {
		return
	}
	out.Outcome, out.Why = Unreplayable, err.Error()
	var recall *verifier.ReplayError
	if errors.As(err, &recall) && recall.Contradiction {
		out.Outcome = Different
	}
}

func (r *replayer) decide(out *Result) error {
	e := out.Entry
	left, err := r.archive.Reconstruct(e, r.Documents)
	if err != nil {
		return err
	}
	out.Decision = left.Record.Decision
	if err := sameEntry(e, left.Record.Decision); err != nil {
		return err
	}
	line, err := r.trusts.find(e)
	if err != nil {
		return err
	}
	trust, err := r.trusts.trust(parsedKey{line, e.Driver, false})
	if err != nil {
		return err
	}
	floors, err := r.floors(out)
	if err != nil {
		return err
	}
	if why, ok := r.log.wrong[out.Seq]; ok {
		return contradiction("%s", why)
	}
	q, err := verifier.NewReplay(left.Summary, left.Request, left.Record.Decision, r.memo)
	if err != nil {
		return err
	}
	got, err := q.Decide(trust, floors, e.Time)
	if err != nil {
		return err
	}
	out.Unread, out.Assumed = got.Unread, got.Assumed
	out.Outcome, out.Why, err = compare(e, left.Record.DecisionJSON, got.JSON(), verifier.RulesVersion)
	if err != nil {
		return err
	}
	if (out.Outcome == Identical || out.Outcome == OtherRules) && got.Verdict == verifier.Allow {
		out.Today = r.today(q, out, line, floors)
	}
	return nil
}

// sameEntry holds an entry against its decision record: the one is what the log
// proves, the other what is decided again.
func sameEntry(e *record.Entry, d *verifier.Decision) error {
	var wrong []string
	note := func(same bool, member string) {
		if !same {
			wrong = append(wrong, member)
		}
	}
	note(e.Verdict == d.Verdict.String(), "verdict")
	note(e.Reason == d.Reason.String(), "reason")
	note(e.EffectiveSHA256 == d.EffectiveSHA256, "effectiveSha256")
	note(slices.EqualFunc(e.Documents, d.Documents, func(a record.Digest, b verifier.DocumentResult) bool { return a == b.SHA256 }), "documents")
	note(e.Bound == (d.Binding != nil), "bound")
	note(e.Trust.Stale == d.Stale, "trust.stale")
	note(e.Counts.Findings == len(d.Findings) && e.Counts.Shadow == len(d.Shadow), "counts")
	note(slices.Contains(e.Elided, record.ElidedRaised) || slices.EqualFunc(e.Raised, d.Raises, sameRaise), "raised")
	if len(wrong) > 0 {
		return contradiction("the entry and its decision record disagree about %s", sentence(wrong))
	}
	return nil
}

func sameRaise(a record.FloorChange, b verifier.Raise) bool {
	return a.Role == b.Key.Role.String() && a.Workspace == b.Key.Workspace && a.Name == b.Key.Name && a.After.Version == b.Floor.Version && a.After.SHA256 == b.Floor.SHA256
}

// floors are those that the decision saw, held against the journal.
func (r *replayer) floors(out *Result) (verifier.MapFloors, error) {
	e, d := out.Entry, out.Decision
	f := verifier.MapFloors{Versions: map[verifier.FloorKey]verifier.Floor{}, Places: map[verifier.SandboxKey]verifier.Place{}}
	for _, seen := range d.Consulted {
		var lost error // what orders to lower it there were
		orders := func() (list []reset) {
			list, lost = r.trusts.resetsBy(e.Time)
			return list
		}
		switch r.log.judge(out.Seq, e, seen, orders) {
		case lowered:
			if lost != nil {
				return f, lost
			}
			stood, _ := r.log.before(out.Seq, seen.Key)
			return f, contradiction("it saw the floor of %s at version %d, where the journal shows version %d: the driver had forgotten, or ran on an old copy", keyText(seen.Key), seen.Floor.Version, stood.Version)
		case unexplained:
			out.Unexplained++
		}
		f.Versions[seen.Key] = seen.Floor
	}
	key := verifier.SandboxKey{GatewayID: e.Target.GatewayID, SandboxID: e.Target.SandboxID}
	if e.Purpose != verifier.Compose.String() || refusedTrust(d.Reason) {
		return f, nil // it looked up no place
	}
	switch r.log.judgePlace(out.Seq, e, key, d.Place) {
	case lowered:
		return f, contradiction("it saw its sandbox in another place than the journal shows")
	case unexplained:
		out.Unexplained++
	}
	if d.Place != nil {
		f.Places[key] = d.Place.Place
	}
	return f, nil
}

func refusedTrust(r verifier.Reason) bool {
	return r == verifier.TrustUnavailable || r == verifier.TrustStale || r == verifier.DriverTooOld
}
