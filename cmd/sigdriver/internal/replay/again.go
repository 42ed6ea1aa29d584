// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/journal"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/verifier"
)

// replay decides one entry again.
func (r *replayer) replay(out *Result) {
	err := r.decide(out)
	if err == nil {
		return
	}
	out.Outcome, out.Why = Unreplayable, err.Error()
	var recall *verifier.RecallError
	if errors.As(err, &recall) && recall.Contradiction {
		out.Outcome = Different
	}
}

func (r *replayer) decide(out *Result) error {
	e := out.Entry
	left, err := r.archive.Recall(e, r.Documents)
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
	q, err := verifier.Recall(left.Summary, left.Request, left.Record.Decision, r.memo)
	if err != nil {
		return err
	}
	got, err := q.Again(trust, floors, e.Time)
	if err != nil {
		return err
	}
	out.Unread, out.Assumed = got.Unread, got.Assumed
	if was, is := left.Record.DecisionJSON, got.JSON(); !bytes.Equal(was, is) {
		out.Outcome, out.Why = Different, difference(e, was, is)
		return nil
	}
	out.Outcome = Identical
	if got.Verdict == verifier.Allow {
		out.Today = r.today(q, out, line, floors)
	}
	return nil
}

// sameEntry holds an entry against its decision record: the one is what the log
// proves, the other what is decided again.
func sameEntry(e *journal.Entry, d *verifier.Decision) error {
	var wrong []string
	note := func(same bool, member string) {
		if !same {
			wrong = append(wrong, member)
		}
	}
	note(e.Verdict == d.Verdict.String(), "verdict")
	note(e.Reason == d.Reason.String(), "reason")
	note(e.EffectiveSHA256 == d.EffectiveSHA256, "effectiveSha256")
	note(slices.EqualFunc(e.Documents, d.Documents, func(a journal.Digest, b verifier.DocumentResult) bool { return a == b.SHA256 }), "documents")
	note(e.Bound == (d.Binding != nil), "bound")
	note(e.Trust.Stale == d.Stale, "trust.stale")
	note(e.Counts.Findings == len(d.Findings) && e.Counts.Shadow == len(d.Shadow), "counts")
	note(slices.Contains(e.Elided, journal.ElidedRaised) || slices.EqualFunc(e.Raised, d.Raises, sameRaise), "raised")
	if len(wrong) > 0 {
		return contradiction("the entry and its decision record disagree about %s", sentence(wrong))
	}
	return nil
}

func sameRaise(a journal.FloorChange, b verifier.Raise) bool {
	return a.Role == b.Key.Role.String() && a.Workspace == b.Key.Workspace && a.Name == b.Key.Name && floorOf(a.After) == b.Floor
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
		switch r.log.judge(out.Seq, e.Time, seen, orders) {
		case lowered:
			if lost != nil {
				return f, lost
			}
			return f, contradiction("it saw the floor of %s at version %d, below what the journal shows: the driver had forgotten, or ran on an old copy", keyText(seen.Key), seen.Floor.Version)
		case unexplained:
			out.Unexplained++
		}
		f.Versions[seen.Key] = seen.Floor
	}
	key := verifier.SandboxKey{GatewayID: e.Target.GatewayID, SandboxID: e.Target.SandboxID}
	if e.Purpose != verifier.Compose.String() || refusedTrust(d.Reason) {
		return f, nil // it looked up no place
	}
	switch r.log.judgePlace(out.Seq, e.Time, key, d.Place) {
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

// difference names the members of two decisions that differ.
func difference(e *journal.Entry, was, now []byte) string {
	var a, b map[string]jsontext.Value
	if json.Unmarshal(was, &a) != nil || json.Unmarshal(now, &b) != nil {
		return "the decision cannot be compared"
	}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if !bytes.Equal(a[name], b[name]) {
			wrong = append(wrong, name)
		}
		delete(b, name)
	}
	wrong = append(wrong, slices.Sorted(maps.Keys(b))...)
	text := fmt.Sprintf("recorded as %s %s, decided again as %s %s; what differs: %s", e.Verdict, e.Reason, memberOf(now, "verdict"), memberOf(now, "reason"), sentence(wrong))
	if e.Driver != version.Driver {
		text += fmt.Sprintf("; the driver was %.40q, this is %s", e.Driver, version.Driver)
	}
	return text
}

// memberOf is one member of a decision.
func memberOf(decision []byte, member string) string {
	var m map[string]jsontext.Value
	var s string
	if json.Unmarshal(decision, &m) == nil {
		_ = json.Unmarshal(m[member], &s) // anything else stays empty
	}
	return s
}
