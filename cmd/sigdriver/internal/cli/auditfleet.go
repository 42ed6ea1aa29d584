// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// fleetReport is what -o json writes about several journals.
type fleetReport struct {
	MediaType string                `json:"mediaType"`
	Members   []memberReport        `json:"members"`
	Fleet     *evidence.FleetReport `json:"fleet"`
}

type memberReport struct {
	Name   string           `json:"name"`
	Log    *evidence.Report `json:"log,omitempty"`
	Replay *replayReport    `json:"replay,omitempty"`
}

// unpacked is a state folder, or a pack taken apart for as long as it is looked at.
func unpacked(path string) (dir string, done func(), err error) {
	if !isPack(path) {
		return path, func() {}, nil
	}
	if dir, err = os.MkdirTemp("", "sigdriver-pack-"); err != nil {
		return "", nil, err
	}
	done = func() { os.RemoveAll(dir) }
	if _, err := unpack(path, dir); err != nil {
		done()
		return "", nil, err
	}
	return dir, done, nil
}

// auditVerifyFleet checks several folders or packs, each alone and then together.
func auditVerifyFleet(env *Env, f *auditVerifyFlags, paths []string) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	o, err := f.options(env)
	if err != nil {
		return err
	}
	var fleet evidence.Fleet
	report := &fleetReport{MediaType: "application/vnd.sigdriver.fleet-audit.v1+json"}
	worst := error(nil)
	for _, path := range paths {
		dir, done, err := unpacked(path)
		if err != nil {
			return err
		}
		o.Entry = fleet.Journal(path)
		r, err := evidence.Verify(dir, o)
		done()
		if err != nil {
			return auditError(path, err)
		}
		report.Members = append(report.Members, memberReport{Name: path, Log: r})
		worst = worse(worst, auditExit(r))
	}
	report.Fleet = fleet.Judge()
	print := func(p *printer) {
		for _, m := range report.Members {
			printAudit(p, m.Name, m.Log)
			p.line("")
		}
		printFleet(p, report.Fleet)
	}
	if err := out.writeAll(env, report, print); err != nil {
		return err
	}
	return worse(worst, fleetExit(report.Fleet))
}

// auditReplayFleet replays several folders or packs, each alone, and holds them together.
func auditReplayFleet(env *Env, f *replayFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	var fleet evidence.Fleet
	report := &fleetReport{MediaType: "application/vnd.sigdriver.fleet-replay.v1+json"}
	worst := error(nil)
	for _, path := range f.states {
		one := *f
		one.state, one.entry = path, fleet.Journal(path)
		r, options, err := one.run(env)
		if err != nil {
			return err
		}
		report.Members = append(report.Members, memberReport{Name: path, Replay: newReplayReport(r, options)})
		worst = worse(worst, replayExit(r))
	}
	report.Fleet = fleet.Judge()
	print := func(p *printer) {
		for _, m := range report.Members {
			m.Replay.print(p)
			p.line("")
		}
		printFleet(p, report.Fleet)
	}
	if err := out.writeAll(env, report, print); err != nil {
		return err
	}
	return worse(worst, fleetExit(report.Fleet))
}

// eachEntry has a function hear the entries of a journal that was replayed.
func eachEntry(dir string, hear func(record.Stored) error) error {
	for e, err := range record.Read(disk.OS{}, filepath.Join(dir, "audit"), 0) {
		var torn *record.TornError
		if errors.As(err, &torn) {
			return nil
		}
		if err := cmp.Or(err, hear(e)); err != nil {
			return err
		}
	}
	return nil
}

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
	for _, sentence := range r.Unchecked {
		p.check(unseen, "not checked", "%s", printable(sentence))
	}
	if r.Shares() && r.Well() {
		p.line("Each of the %d rows of the memory is explained by an entry that asked for it.", r.Rows)
	}
}
