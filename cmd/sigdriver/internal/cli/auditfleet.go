// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// statesFlag takes a state folder or a pack, once for each driver of a fleet.
type statesFlag []string

func (s *statesFlag) String() string { return "" }
func (s *statesFlag) Type() string   { return "string" }
func (s *statesFlag) Set(path string) error {
	*s = append(*s, path)
	return nil
}

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
type unpacked struct {
	dir     string
	missing int // objects that the pack's evidence names and it does not have
	done    func()
}

func unpackState(path string) (*unpacked, error) {
	if !isPack(path) {
		return &unpacked{dir: path, done: func() {}}, nil
	}
	dir, err := temporaryFolder("sigdriver-pack-")
	if err != nil {
		return nil, err
	}
	done := func() { os.RemoveAll(dir) }
	r, err := unpack(path, dir)
	if err != nil {
		done()
		return nil, err
	}
	return &unpacked{dir, len(r.Missing), done}, nil
}

// eachState has a function look at each journal of a fleet, as a folder, and then holds
// them together. hear has to hear the entries in their order. From the pinned root, nil
// for none, the keys are proven that the drivers sign their rows with.
func eachState(paths []string, root []byte, look func(path string, u *unpacked, hear func(record.Stored) error) error) (*evidence.FleetReport, error) {
	var fleet evidence.Fleet
	for _, path := range paths {
		u, err := unpackState(path)
		if err != nil {
			return nil, err
		}
		err = look(path, u, fleet.Journal(path))
		if err == nil && root != nil && len(paths) > 1 {
			err = trustRows(&fleet, path, u.dir, root)
		}
		u.done()
		if err != nil {
			return nil, err
		}
	}
	return fleet.Judge(), nil
}

// trustRows takes the keys of drivers that the history of trust in a folder has.
func trustRows(fleet *evidence.Fleet, path, dir string, root []byte) error {
	list, err := replay.ReceiptKeys(dir, root)
	if err != nil {
		return replayFault(path, err)
	}
	for _, k := range list {
		fleet.Trust(k.Driver, k.Public)
	}
	return nil
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
	report := &fleetReport{MediaType: "application/vnd.sigdriver.fleet-audit.v1+json"}
	worst := error(nil)
	root, err := optionalRoot(env, f.root)
	if err != nil {
		return err
	}
	report.Fleet, err = eachState(paths, root, func(path string, u *unpacked, hear func(record.Stored) error) error {
		o.Entry = hear
		r, err := evidence.Verify(u.dir, o)
		if err != nil {
			return auditError(path, err)
		}
		if u.missing > 0 {
			r.Unchecked = append(r.Unchecked, plural(u.missing, "object", "objects")+" that the evidence names: the pack was made without")
		}
		report.Members = append(report.Members, memberReport{Name: path, Log: r})
		worst = worse(worst, auditExit(r))
		return nil
	})
	if err != nil {
		return err
	}
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
	report := &fleetReport{MediaType: "application/vnd.sigdriver.fleet-replay.v1+json"}
	replays, o, worst, err := f.runFleet(env)
	if err != nil {
		return err
	}
	for i, r := range replays.members {
		report.Members = append(report.Members, memberReport{Name: r.Name, Replay: newReplayReport(r.Report, o[i])})
	}
	report.Fleet = replays.fleet
	print := func(p *printer) {
		for _, m := range report.Members {
			p.line("The journal in %s", printable(m.Name))
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

// fleetReplay is the replays of several journals, and what they say together.
type fleetReplay struct {
	members []replay.Named
	fleet   *evidence.FleetReport
}

// runFleet replays each journal alone. worst is how the worst of these ends.
func (f *replayFlags) runFleet(env *Env) (all *fleetReplay, options []*replay.Options, worst, err error) {
	root, err := readPinnedRoot(env, f.root)
	if err != nil {
		return nil, nil, nil, err
	}
	all = &fleetReplay{}
	all.fleet, err = eachState(f.states, root, func(path string, u *unpacked, hear func(record.Stored) error) error {
		r, o, err := f.run(env, path, u.dir)
		if err != nil {
			return err
		}
		all.members, options = append(all.members, replay.Named{Name: path, Report: r}), append(options, o)
		worst = worse(worst, replayExit(r))
		return replayed(path, eachEntry(u.dir, hear))
	})
	return all, options, worst, err
}

// replayed is the fault of a journal that was replayed and cannot be read again.
func replayed(path string, err error) error {
	if err == nil {
		return nil
	}
	return replayFault(path, err)
}

// eachEntry has a function hear the entries of a journal.
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
