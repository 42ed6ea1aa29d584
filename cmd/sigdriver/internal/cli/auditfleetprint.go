// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// auditExit is how the check of one log ends.
func auditExit(r *evidence.Report) error {
	switch {
	case !r.Well():
		return &ExitError{Code: ExitDenied}
	case len(r.Unchecked) > 0 || r.Entries == 0:
		return &ExitError{Code: ExitInconclusive}
	}
	return nil
}

func fleetExit(r *evidence.FleetReport) error {
	switch {
	case !r.Well():
		return &ExitError{Code: ExitDenied}
	case len(r.Unchecked) > 0:
		return &ExitError{Code: ExitInconclusive}
	}
	return nil
}

// worse is the exit of two that weighs more: something wrong, then something unchecked.
func worse(a, b error) error {
	var exit *ExitError
	if a == nil || errors.As(b, &exit) && exit.Code == ExitDenied {
		return cmp.Or(b, a)
	}
	return a
}

// printFleet says what several journals say together.
func printFleet(p *printer, r *evidence.FleetReport) {
	p.line("The fleet, by the memory that it shares")
	for _, j := range r.Journals {
		if j.Driver != "" {
			p.check(passed, "journal", "%s is of %s: %s, %d of them lost, learned up to row %d", j.Name, printable(j.Driver), plural(j.Asked, "raise asked for", "raises asked for"), j.Lost, j.Learned)
		}
	}
	for _, m := range r.Missing {
		here := ""
		if m.Here != "" {
			here = fmt.Sprintf("; %s does not have them", printable(m.Here))
		}
		p.check(failed, "missing", "%s: a journal of driver %s, which raised rows %s of the memory%s", record.LogGap, printable(m.Driver), m.Revisions, here)
	}
	for _, g := range r.GivenUp {
		p.check(unseen, "given up", "rows %s: the database went back, and every driver that had learned them joined it anew", g.Revisions)
	}
	for _, f := range r.Findings {
		p.line("%s %s: %s", f.Code, f.File, printable(f.Detail))
	}
	if r.More > 0 {
		p.line("and %d more", r.More)
	}
	if r.Signed > 0 {
		p.check(passed, "signatures", "%s by a key of the driver that it names", plural(r.Signed, "row is signed", "rows are signed, each"))
	}
	for _, u := range r.Unsigned {
		p.check(unseen, "unsigned", "rows %s of driver %s: it has no key, or its release signs none", u.Revisions, printable(u.Driver))
	}
	for _, sentence := range r.Unchecked {
		p.check(unseen, "not checked", "%s", printable(sentence))
	}
	if r.Shares() && r.Well() {
		p.line("Each of the %d rows of the memory is explained by an entry that asked for it.", r.Rows)
	}
}
