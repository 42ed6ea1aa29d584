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

// today asks "valid now?" and, if not, for the first event that changed it: a trust
// accepted since, time, or a later version.
func (r *replayer) today(q *verifier.Replay, out *Result, line int, then verifier.MapFloors) *Today {
	trust, err := r.trusts.trust(parsedKey{len(r.trusts.lines) - 1, version.Driver, true})
	if err != nil {
		return &Today{Change: Unknown, Text: err.Error()}
	}
	verdict, reason := q.Verdict(trust, r.current(), r.Now)
	if verdict == verifier.Allow {
		return &Today{Change: StillValid, Reason: reason}
	}
	first := r.ended(q, out, line, then)
	if later := superseded(r.log, out); later != nil && (first == nil || later.At.Before(first.At)) {
		first = later
	}
	if first == nil {
		first = &Today{Change: Unknown, Text: "no single event explains it"}
	}
	first.Reason = reason
	return first
}

// ended goes through the trust accepted since for what ended something allowed,
// whatever the floors are; nil for nothing.
func (r *replayer) ended(q *verifier.Replay, out *Result, line int, then verifier.MapFloors) *Today {
	held, err := r.ask(q, line, then, out.Entry.Time)
	if err != nil {
		return &Today{Change: Unknown, At: out.Entry.Time, Text: err.Error()}
	}
	for i := line + 1; i < len(r.trusts.lines); i++ {
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
	return expiredBy(held, r.Now)
}

// ask decides by the trust of a line, taken to be fresh.
func (r *replayer) ask(q *verifier.Replay, line int, floors verifier.Floors, at time.Time) (*verifier.ReplayedDecision, error) {
	trust, err := r.trusts.trust(parsedKey{line, version.Driver, true})
	if err != nil {
		return nil, err
	}
	return q.Decide(trust, floors, at)
}

// expiredBy reports whether time alone had ended what held, by some instant.
func expiredBy(held *verifier.ReplayedDecision, at time.Time) *Today {
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
func (r *replayer) changed(next *verifier.ReplayedDecision, line int) *Today {
	l := r.trusts.lines[line]
	t, what, why := &Today{Change: Ruled, At: l.AcceptedAt}, "the rules changed", leadingDetail(next)
	if text := detailOf(next, revocations); text != "" {
		t.Change, what, why = Revoked, "revoked", text
	} else if text := detailOf(next, rotations); text != "" {
		t.Change, what, why = Rotated, "signers rotated", text
	}
	t.Text = fmt.Sprintf("%s by epoch %d, accepted at %s: %s", what, l.Epoch, stamp(l.AcceptedAt), why)
	return t
}

// detailOf is what the first finding for one of some reasons says, with the key or the
// reason of a revocation that it names; "" for none.
func detailOf(d *verifier.ReplayedDecision, reasons []verifier.Reason) string {
	for _, f := range d.Findings {
		if slices.Contains(reasons, f.Reason) {
			return findingText(&f)
		}
	}
	return ""
}

// leadingDetail is what the finding for the reason of the refusal says.
func leadingDetail(d *verifier.ReplayedDecision) string {
	if text := detailOf(d, []verifier.Reason{d.Reason}); text != "" {
		return text
	}
	return d.Reason.String()
}

func findingText(f *verifier.Finding) string {
	if f.Detail == "" {
		return f.Reason.String()
	}
	return f.Reason.String() + ", " + f.Detail
}

// subjectOf returns the index of the document that an ALLOW looked at a floor for:
// the first floors are of the documents' own subjects, and those after them, of one
// that workspaces share, have its role and name.
func subjectOf(d *verifier.Decision, key verifier.FloorKey) int {
	return slices.IndexFunc(d.Consulted, func(r verifier.Raise) bool { return r.Key.Role == key.Role && r.Key.Name == key.Name })
}

// superseded names the entry that put a later version of one of the documents in
// force; nil for none.
func superseded(l *log, out *Result) *Today {
	var t *Today
	for _, seen := range out.Decision.Consulted {
		i := subjectOf(out.Decision, seen.Key)
		if i >= len(out.Decision.Documents) || out.Decision.Documents[i].Version == 0 {
			continue
		}
		for _, raised := range l.raises[seen.Key] {
			if raised.seq > out.Seq && raised.after.Version > out.Decision.Documents[i].Version && (t == nil || raised.at.Before(t.At)) {
				t = &Today{Change: Superseded, At: raised.at,
					Text: fmt.Sprintf("superseded by version %d in entry %d, %s", raised.after.Version, raised.seq, stamp(raised.at))}
			}
		}
	}
	return t
}
