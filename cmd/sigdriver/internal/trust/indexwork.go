// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"

	"github.com/sigdriver/sigdriver/verifier"
)

// work reads what is new and checks what is due, cheapest first, until nothing is or the pass
// is over. It reports whether nothing is.
func (x *Index) work(checks int, over func() bool) bool {
	limit := x.spent + checks
	done := 0
	exhausted := func() bool { // every pass makes some progress
		done++
		return done > 1 && (x.spent >= limit || over())
	}
	for _, s := range x.unread() {
		if exhausted() {
			return false
		}
		if pieces := x.look(s); s.due && s.checks <= cheapChecks {
			x.check(s, pieces)
		}
	}
	for _, s := range x.dear() {
		if exhausted() {
			return false
		}
		if pieces := x.look(s); s.due {
			x.check(s, pieces)
		}
	}
	return true
}

// unread lists what is due and was not read yet: by turns the newest file of the
// folder, a target of trust, and the oldest file. A flood of old files must not hide
// the one that was just put there, nor one of new files those that were there
// before, nor either what came with trust.
func (x *Index) unread() []*source {
	var files, targets []*source
	for _, s := range x.sources {
		switch {
		case !s.due || s.read:
		case s.target:
			targets = append(targets, s)
		default:
			files = append(files, s)
		}
	}
	slices.SortFunc(files, func(a, b *source) int {
		return cmp.Or(cmp.Compare(b.stamp.Changed(), a.stamp.Changed()), cmp.Compare(a.name, b.name))
	})
	slices.SortFunc(targets, byName)
	out := make([]*source, 0, len(files)+len(targets))
	for len(files)+len(targets) > 0 {
		if len(files) > 0 {
			out, files = append(out, files[0]), files[1:]
		}
		if len(targets) > 0 {
			out, targets = append(out, targets[0]), targets[1:]
		}
		if last := len(files) - 1; last >= 0 {
			out, files = append(out, files[last]), files[:last]
		}
	}
	return out
}

func byName(a, b *source) int { return cmp.Compare(a.name, b.name) }

// dear lists what is due and was read, by what it costs: what is cheap does not wait
// for what is dear, however much there is of that.
func (x *Index) dear() []*source {
	var out []*source
	for _, s := range x.sources {
		if s.due && s.read {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *source) int { return cmp.Or(cmp.Compare(a.checks, b.checks), byName(a, b)) })
	return out
}

// look reads a source, cuts it into attestations and estimates what they cost.
func (x *Index) look(s *source) [][]byte {
	raw := s.content
	s.failed = false
	if !s.target {
		var why Reason
		var err error
		if raw, why, err = read(s.name); err != nil {
			s.due, s.failed = false, why == Unreadable
			if len(s.proofs) == 0 || why != Unreadable || errors.Is(err, fs.ErrPermission) {
				x.let(s, why, cause(err))
			} // else what it proved is still so
			return nil
		}
	}
	pieces := verifier.SplitAttestations(raw)
	s.read, s.checks = true, 0
	for _, piece := range pieces {
		if x.follows != nil {
			s.checks += x.follows.trust.Checks(piece)
		}
	}
	if x.follows == nil { // nobody can say yet what it proves
		s.due = false
		s.passed = PassedOver{}
		return nil
	}
	return pieces
}

// check finds out what a source proves.
func (x *Index) check(s *source, pieces [][]byte) {
	s.due, s.read = false, false
	x.spent += s.checks
	var proofs []*verifier.Proof
	var why *verifier.Finding
	known := false // one of the pieces is an attestation at all
	for _, piece := range pieces {
		list, findings := x.follows.trust.Prove(piece)
		proofs = append(proofs, list...)
		for i := range findings {
			known = known || findings[i].Reason.Stage() > verifier.StageParse
		}
		if why == nil && len(list) == 0 && len(findings) > 0 {
			why = &findings[0]
		}
	}
	detail := ""
	if why != nil {
		detail = why.Reason.String() + ": " + why.Detail
	}
	switch {
	case x.link(s, proofs):
		s.passed = PassedOver{}
	case len(proofs) > 0:
		x.let(s, NoRoom, "")
	case !known:
		x.let(s, NotAttestation, detail)
	default:
		x.let(s, Unproven, detail)
	}
}
