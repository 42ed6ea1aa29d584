// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"fmt"
	"slices"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/verifier"
)

// Change is what ended the validity of something that was allowed.
type Change string

// The changes.
const (
	StillValid Change = "valid"
	Revoked    Change = "revoked"    // trust took back a document, an attestation or a signer
	Rotated    Change = "rotated"    // trust names other signers
	Ruled      Change = "rules"      // trust asks for something else
	Expired    Change = "expired"    // time alone
	Superseded Change = "superseded" // a later version has been in force since
	Unknown    Change = "unknown"    // trust of then or now cannot be read
)

// Today says whether what was allowed would be allowed now, by the last trust that
// the driver accepted. Whether that trust is still fresh is set aside: an archive
// ages.
type Today struct {
	Change Change
	At     time.Time // when it changed; zero while it holds
	Reason verifier.Reason
	Text   string
}

// today asks "valid now?" and, if not, goes through the trust accepted since for
// the event that changed it.
func (r *replayer) today(q *verifier.Recalled, out *Result, line int, then verifier.MapFloors) *Today {
	last := len(r.trusts.lines) - 1
	now, err := r.ask(q, last, r.current(), r.Now)
	switch {
	case err != nil:
		return &Today{Change: Unknown, Text: err.Error()}
	case now.Verdict == verifier.Allow:
		return &Today{Change: StillValid, Reason: now.Reason}
	}
	held, err := r.ask(q, line, then, out.Entry.Time)
	if err != nil {
		return &Today{Change: Unknown, Text: err.Error()}
	}
	for i := line + 1; i <= last; i++ {
		if r.trusts.lines[i].Epoch == r.trusts.lines[i-1].Epoch {
			continue // signed anew, nothing else
		}
		at := r.trusts.lines[i].AcceptedAt
		if t := expiredBy(held, at); t != nil {
			return t
		}
		next, err := r.ask(q, i, then, at)
		if err != nil {
			continue // the driver could not use it either
		}
		if next.Verdict != verifier.Allow {
			return r.changed(next, i)
		}
		held = next
	}
	if t := expiredBy(held, r.Now); t != nil {
		return t
	}
	return superseded(now, r.log, out)
}

// ask decides by the trust of a line, taken to be fresh.
func (r *replayer) ask(q *verifier.Recalled, line int, floors verifier.Floors, at time.Time) (*verifier.Recollection, error) {
	trust, err := r.trusts.trust(parsedKey{line, version.Driver, true})
	if err != nil {
		return nil, err
	}
	return q.Again(trust, floors, at)
}

// expiredBy tells whether time alone had ended what held, by some instant.
func expiredBy(held *verifier.Recollection, at time.Time) *Today {
	if held.ValidUntil.IsZero() || held.ValidUntil.After(at) || held.ValidUntil.Equal(far) {
		return nil
	}
	return &Today{Change: Expired, At: held.ValidUntil, Text: fmt.Sprintf("expired at %s", stamp(held.ValidUntil))}
}

// revocations are the findings of what was taken back, rotations those of signers
// that trust names no more.
var (
	revocations = []verifier.Reason{verifier.DocumentRevoked, verifier.AttestationRevoked, verifier.SignerRevoked}
	rotations   = []verifier.Reason{verifier.SignerUnknown, verifier.SignatureInvalid, verifier.SignerOutOfScope}
)

// changed names the trust that ended it, and in which way.
func (r *replayer) changed(next *verifier.Recollection, line int) *Today {
	l := r.trusts.lines[line]
	t := &Today{Change: Ruled, At: l.AcceptedAt, Reason: next.Reason}
	d, err := verifier.ParseDecisionJSON(next.JSON)
	if err != nil {
		return &Today{Change: Unknown, Text: err.Error()}
	}
	found := func(reasons []verifier.Reason) bool {
		return slices.ContainsFunc(d.Findings, func(f verifier.Finding) bool { return slices.Contains(reasons, f.Reason) })
	}
	what := "the rules changed"
	switch {
	case found(revocations):
		t.Change, what = Revoked, "revoked"
	case found(rotations):
		t.Change, what = Rotated, "signers rotated"
	}
	t.Text = fmt.Sprintf("%s by epoch %d, accepted at %s", what, l.Epoch, stamp(l.AcceptedAt))
	return t
}

// superseded names the entry that put a later version in force.
func superseded(now *verifier.Recollection, l *log, out *Result) *Today {
	t := &Today{Change: Superseded, Reason: now.Reason, Text: "floors have risen since"}
	for _, seen := range out.Decision.Consulted {
		for _, raised := range l.raises[seen.Key] {
			if raised.seq > out.Seq && (t.At.IsZero() || raised.at.Before(t.At)) {
				t.At = raised.at
				t.Text = fmt.Sprintf("superseded by version %d in entry %d, %s", raised.after.Version, raised.seq, stamp(raised.at))
			}
		}
	}
	return t
}
