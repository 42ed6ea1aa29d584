// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/daemon"
)

// statusFlags are the options of status.
type statusFlags struct {
	operatorFlags
	wait    string
	ready   bool
	floors  int
	outputs []string
}

func newStatusCommand(env *Env) *cobra.Command {
	f := &statusFlags{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Ask a running driver how it is",
		Long: `Shows what a running driver stands on and what troubles it: its trust and how long
that lasts, its journal and log, its index, who may call, how many versions it
remembers, the approvals in force that end within 30 days, and the last refusals.

Exit codes: 0 well, 1 it refuses, 2 usage, 4 it decides and somebody has to look, or
no driver answers.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return status(env, f) },
	}
	f.register(cmd)
	cmd.Flags().StringVar(&f.wait, "wait", "", "wait this long for a driver that is well, such as 30s")
	cmd.Flags().BoolVar(&f.ready, "ready", false, "for probes: end well unless the driver refuses")
	cmd.Flags().IntVar(&f.floors, "floors", 0, "list so many of the versions below which documents are refused, at most 10000")
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func status(env *Env, f *statusFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	s, err := f.awaited()
	if err != nil {
		return err
	}
	if err := out.writeAll(env, s, func(p *printer) { printStatus(p, s) }); err != nil {
		return err
	}
	if f.ready && s.Condition == daemon.StatusDegraded {
		return nil
	}
	return conditionCode(s.Condition)
}

// conditionCode ends a command by how the driver is.
func conditionCode(condition string) error {
	switch condition {
	case daemon.StatusWell:
		return nil
	case daemon.StatusRefuses:
		return &ExitError{Code: ExitDenied}
	}
	return &ExitError{Code: ExitInconclusive}
}

// awaited looks until the driver is well or the time to wait is over.
func (f *statusFlags) awaited() (*daemon.Status, error) {
	var end time.Time
	if f.wait != "" {
		wait, err := readDuration("--wait", f.wait)
		if err != nil {
			return nil, err
		}
		end = time.Now().Add(wait)
	}
	for {
		s, err := f.look()
		var usage *ExitError
		if err == nil && s.Condition == daemon.StatusWell || !time.Now().Before(end) || errors.As(err, &usage) && usage.Code == ExitUsage {
			return s, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// look asks once.
func (f *statusFlags) look() (*daemon.Status, error) {
	path := "/status"
	if !f.ready {
		path += fmt.Sprintf("?floors=%d", max(f.floors, 0))
	}
	answer, err := f.call("GET", path, nil)
	if err != nil {
		return nil, err
	}
	var s daemon.Status
	if err := json.Unmarshal(answer, &s); err != nil || s.MediaType != daemon.StatusMediaType {
		return nil, &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("what answers is no driver of this release: media type %.80q", s.MediaType), Remedy: "use the sigdriver of the driver's release"}
	}
	return &s, nil
}

func printStatus(p *printer, s *daemon.Status) {
	p.line("Driver %s is %s, up since %s", s.Driver.Version, map[string]string{
		daemon.StatusWell: "well", daemon.StatusDegraded: "degraded: it decides, and somebody has to look", daemon.StatusRefuses: "refusing",
	}[s.Condition], s.Driver.Started.Format(time.RFC3339))
	for _, problem := range s.Problems {
		mark := unseen
		if problem.Refuses {
			mark = failed
		}
		p.check(mark, printable(problem.Text), "")
		p.line("    %s", printable(problem.Remedy))
	}
	until := ""
	if s.Trust.RefusedFrom != nil {
		until = ", with nothing renewed refused from " + s.Trust.RefusedFrom.Format(time.RFC3339)
	}
	p.line("trust    epoch %d, %s, maxStale %s%s", s.Trust.Epoch, printable(s.Trust.Condition), time.Duration(s.Trust.MaxStaleSeconds)*time.Second, until)
	for _, r := range s.Trust.Roles {
		p.line("         %s v%d: %s, %.0f%% of its life", printable(r.Role), r.Version, leftText(r.SecondsLeft), 100*r.LifeLeft)
	}
	p.line("journal  %s", plural(int(s.Journal.Entries), "entry", "entries"))
	if s.Log != nil {
		p.line("log      %d in tiles, %d covered by the checkpoint", s.Log.Entries, s.Log.Covered)
	}
	p.line("index    %s from %s%s", plural(s.Index.Attestations, "attestation", "attestations"), plural(s.Index.Files, "file", "files"), passedOver(s.Index.PassedOver))
	p.line("serving  %s, %s cached", plural(s.Connections, "connection", "connections"), plural(s.Cache.Entries, "answer", "answers"))
	for _, peer := range s.Peers {
		p.line("peer     %s for %s: %s", peerName(peer), printable(strings.Join(peer.GatewayIDs, ", ")), plural(peer.Connections, "connection", "connections"))
	}
	printFloors(p, s.Floors)
	for _, e := range s.Ending {
		p.line("ends %s: %s %s in %s:%s as version %d, approved by %s", e.NotAfter.Format(time.RFC3339), printable(e.Role), printable(e.Name),
			printable(e.GatewayID), printable(e.Workspace), e.Version, printable(strings.Join(e.Principals, ", ")))
	}
	for _, r := range s.Refusals {
		index := ""
		if r.Index != nil {
			index = fmt.Sprintf(" (entry %d)", *r.Index)
		}
		p.line("refused %s: %s:%s/%s %s%s: %s", r.Time.Format(time.RFC3339), printable(r.GatewayID), printable(r.Workspace), printable(r.Name), printable(r.Reason), index, printable(r.Finding))
	}
}

func peerName(p daemon.StatusPeer) string {
	if p.UID != nil {
		return fmt.Sprintf("uid %d", *p.UID)
	}
	return fmt.Sprintf("gid %d", *p.GID)
}

func printFloors(p *printer, f *daemon.StatusFloors) {
	if f == nil {
		return
	}
	p.line("floors   %s", plural(int(f.Total), "version is remembered", "versions are remembered"))
	for _, row := range f.Listed {
		digest := "a signed reset"
		if row.SHA256 != "" {
			digest = "sha256:" + printable(row.SHA256)
		}
		p.line("         %s %s:%s/%s version %d, %s", printable(row.Role), printable(row.GatewayID), printable(row.Workspace), printable(row.Name), row.Version, digest)
	}
}

// passedOver counts the files that are not used.
func passedOver(counts map[string]int) string {
	var parts []string
	for reason, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, printable(reason)))
	}
	if len(parts) == 0 {
		return ""
	}
	sort.Strings(parts)
	return "; passed over: " + strings.Join(parts, ", ")
}
