// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
)

// maxEvents bounds one file of events in bytes.
const maxEvents = 256 << 20

// reconcileFlags are the options of audit reconcile.
type reconcileFlags struct {
	root         string
	gateway      string
	states       statesFlag
	events       []string
	skew, window string
	outputs      []string
}

func newAuditReconcileCommand(env *Env) *cobra.Command {
	f := &reconcileFlags{}
	cmd := &cobra.Command{
		Use:   "reconcile --state DIR --events FILE",
		Short: "Compare what was allowed with what sandboxes report that they enforce",
		Long: `Compares a driver's log with what sandboxes reported that they loaded. A gateway that
skips the driver, or serves something else than it asked about, shows here only.

Events are OpenShell's OCSF JSON lines (/var/log/openshell-ocsf.*.log in a sandbox): a
load is a successful Device Config State Change, class 5019, with unmapped.policy_hash;
container.uid is the sandbox. unmapped.effective_sha256, gateway_id, receipt_index and
receipt_sha256 are read where they are. Or they are CSV with a line of column names:
time and sandbox_id; policy_hash or effective_sha256; and, if they are known, gateway_id,
sandbox_name, receipt_index, receipt_sha256. The two sides meet by the digest that the
gateway itself gives a policy, which it tells the driver in host.policy_hash.

  ENFORCED_WITHOUT_RECEIPT  the log knows nothing of this sandbox
  ENFORCED_SOMETHING_ELSE   what was loaded is not what was allowed
  ENFORCED_AFTER_DENIAL     it was refused, and not allowed since
  ENFORCED_RECEIPT_LOST     the log ends before the entry that the sandbox was shown
  ENFORCED_RECEIPT_FORKED   the log has another entry there
  UNESTABLISHED             neither right nor wrong can be shown, and why

With --state once for each driver of a fleet that shares a memory, the logs are taken
together, in the order of the rows of their memory. What the journal of a driver that is
missing could have allowed is UNESTABLISHED, and the journal is named.

Exit codes: 0 every load is accounted for, 1 any is not, the log is damaged or a journal
is missing, 4 something could not be established, or nothing was reported.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return auditReconcile(env, f) },
	}
	fl := cmd.Flags()
	fl.Var(&f.states, "state", "a driver's state folder, a copy of it, or a pack; again for each driver of a fleet")
	fl.StringVar(&f.root, "root", "", "the pinned root.json, to check who signed the rows of a fleet")
	fl.StringArrayVar(&f.events, "events", nil, "what sandboxes reported: OCSF JSON lines or CSV; - is the standard input (repeatable)")
	fl.StringVar(&f.gateway, "gateway", "", "the gateway_id of events that name none")
	fl.StringVar(&f.skew, "skew", "2m", "how far the clocks of gateway and sandboxes may be apart")
	fl.StringVar(&f.window, "window", "15m", "how long after an answer a load of it is no surprise")
	for _, name := range []string{"state", "events"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func auditReconcile(env *Env, f *reconcileFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	var o replay.ReconcileOptions
	if o.Skew, err = readDuration("--skew", f.skew); err != nil {
		return err
	}
	if o.Window, err = readDuration("--window", f.window); err != nil {
		return err
	}
	events, err := f.read(env)
	if err != nil {
		return err
	}
	logs, fleet, err := f.logs(env)
	if err != nil {
		return err
	}
	var missing []string
	for _, m := range fleet.Missing {
		missing = append(missing, m.Driver)
	}
	p := newReconcileReport(f.states, logs, events, replay.Reconcile(logs, missing, events.Loads, o))
	end := p.exit()
	if len(logs) > 1 {
		p.Fleet, end = fleet, worse(end, fleetExit(fleet))
	}
	if err := out.writeAll(env, p, p.print); err != nil {
		return err
	}
	return end
}

// logs reads what each journal says about compositions.
func (f *reconcileFlags) logs(env *Env) (logs []*replay.DecisionLog, fleet *evidence.FleetReport, err error) {
	root, err := optionalRoot(env, f.root)
	if err != nil {
		return nil, nil, err
	}
	fleet, err = eachState(f.states, root, func(path string, u *unpacked, hear func(record.Stored) error) error {
		name := ""
		if len(f.states) > 1 {
			name = path
		}
		log, err := replay.ReadDecisionLog(name, u.dir)
		if err == nil {
			err = eachEntry(u.dir, hear)
		}
		logs = append(logs, log)
		var corrupt *record.CorruptError
		switch {
		case errors.As(err, &corrupt):
			return &ExitError{Code: ExitDenied, Err: err, Remedy: "nothing was compared: what was lost or changed there cannot be told from what was never asked; run `sigdriver audit verify`"}
		case err != nil:
			return journalFault(path, err)
		}
		return nil
	})
	return logs, fleet, err
}

// read reads all files of events.
func (f *reconcileFlags) read(env *Env) (*replay.Events, error) {
	all := &replay.Events{}
	for _, path := range f.events {
		data, err := readFile(env, path, "events", maxEvents)
		if err != nil {
			return nil, err
		}
		e, err := replay.ParseEvents(path, data)
		if err != nil {
			return nil, usageError(fmt.Errorf("the events in %q cannot be read: %w", path, err), "give OCSF JSON lines, or CSV that begins with time,sandbox_id,policy_hash")
		}
		for _, l := range e.Loads {
			if l.Gateway == "" {
				l.Gateway = f.gateway
			}
			all.Loads = append(all.Loads, l)
		}
		all.Faults, all.Others = append(all.Faults, e.Faults...), all.Others+e.Others
	}
	return all, nil
}

const reconcileSchema = "application/vnd.sigdriver.reconcile.v1+json"

// reconcileReport is what audit reconcile prints.
type reconcileReport struct {
	Schema     string                  `json:"schema"`
	State      string                  `json:"state"`            // the first
	States     []string                `json:"states,omitempty"` // all, of several
	Entries    uint64                  `json:"entries"`
	Loads      int                     `json:"loads"`
	Others     int                     `json:"otherEvents"`
	Counts     map[replay.LoadKind]int `json:"counts"`
	Results    []reconcileLine         `json:"results"`
	Unreadable []reconcileFault        `json:"unreadable"`
	Unreported []reconcileDecision     `json:"unreported"`
	Fleet      *evidence.FleetReport   `json:"fleet,omitempty"` // nil for one journal
}

type (
	reconcileLine struct {
		Source    string          `json:"source"`
		Line      int             `json:"line"`
		Time      time.Time       `json:"time"`
		Gateway   string          `json:"gateway,omitempty"`
		Sandbox   string          `json:"sandbox"`
		Policy    string          `json:"policyHash,omitempty"`
		Effective string          `json:"effectiveSha256,omitempty"`
		Kind      replay.LoadKind `json:"kind"`
		Entry     *int64          `json:"entry,omitempty"`
		Journal   string          `json:"journal,omitempty"` // of several
		Text      string          `json:"text"`
	}
	reconcileFault struct {
		Source string `json:"source"`
		Line   int    `json:"line"`
		Text   string `json:"text"`
	}
	reconcileDecision struct {
		Entry   uint64    `json:"entry,string"`
		Time    time.Time `json:"time"`
		Gateway string    `json:"gateway"`
		Sandbox string    `json:"sandbox"`
		Journal string    `json:"journal,omitempty"` // of several
	}
)

func newReconcileReport(states []string, logs []*replay.DecisionLog, e *replay.Events, r *replay.Reconciliation) *reconcileReport {
	p := &reconcileReport{Schema: reconcileSchema, State: states[0], Loads: len(e.Loads), Others: e.Others,
		Counts: map[replay.LoadKind]int{}, Results: []reconcileLine{}, Unreadable: []reconcileFault{}, Unreported: []reconcileDecision{}}
	if len(states) > 1 {
		p.States = states
	}
	for _, log := range logs {
		p.Entries += log.Size
	}
	for _, k := range append(replay.LoadFindings(), replay.Matched, replay.Unestablished) {
		p.Counts[k] = r.Count(k)
	}
	for _, x := range r.Results {
		l := x.Load
		line := reconcileLine{Source: l.Source, Line: l.Line, Time: l.Time, Gateway: l.Gateway, Sandbox: l.Sandbox, Policy: l.PolicyHash, Effective: l.Effective, Kind: x.Kind, Text: x.Text, Journal: x.Journal}
		if x.Entry >= 0 {
			line.Entry = &x.Entry
		}
		p.Results = append(p.Results, line)
	}
	for _, fault := range e.Faults {
		p.Unreadable = append(p.Unreadable, reconcileFault(fault))
	}
	for _, d := range r.Unreported {
		p.Unreported = append(p.Unreported, reconcileDecision{d.Index, d.Time, d.Gateway, d.Sandbox, d.Journal})
	}
	return p
}

// wrong counts the loads that nothing allowed.
func (p *reconcileReport) wrong() (n int) {
	for _, k := range replay.LoadFindings() {
		n += p.Counts[k]
	}
	return n
}

// exit is how a comparison ends: never well with nothing compared.
func (p *reconcileReport) exit() error {
	switch {
	case p.wrong() > 0:
		return &ExitError{Code: ExitDenied}
	case p.Counts[replay.Unestablished] > 0 || len(p.Unreadable) > 0 || p.Loads == 0:
		return &ExitError{Code: ExitInconclusive}
	}
	return nil
}

func (p *reconcileReport) print(w *printer) {
	w.line("Compared: %s with %s of the log in %s", plural(p.Loads, "load", "loads"), plural(int(p.Entries), "entry", "entries"), printable(p.names()))
	mark := unseen
	if p.Counts[replay.Matched] > 0 {
		mark = passed
	}
	w.check(mark, "accounted for", "%d", p.Counts[replay.Matched])
	for _, k := range append(replay.LoadFindings(), replay.Unestablished) {
		p.printKind(w, k)
	}
	if n := len(p.Unreadable); n > 0 {
		w.check(unseen, "unreadable", "%s", plural(n, "line", "lines"))
		for _, fault := range p.Unreadable[:min(n, mostListed)] {
			w.line("  %s line %d: %s", printable(fault.Source), fault.Line, printable(fault.Text))
		}
	}
	if n := len(p.Unreported); n > 0 {
		w.check(unseen, "unreported", "%s that no sandbox reported to have loaded", plural(n, "allowed policy", "allowed policies"))
		for _, d := range p.Unreported[:min(n, mostListed)] {
			in := ""
			if d.Journal != "" {
				in = " of " + printable(d.Journal)
			}
			w.line("  entry %d%s, %s, sandbox %s", d.Entry, in, stampOf(d.Time), printable(d.Sandbox))
		}
	}
	if p.Loads == 0 {
		w.line("Nothing was compared: no event says that a policy was loaded.")
	}
	if p.Fleet != nil {
		w.line("")
		printFleet(w, p.Fleet)
	}
}

// names are the folders and packs.
func (p *reconcileReport) names() string {
	if p.States == nil {
		return p.State
	}
	return strings.Join(p.States, ", ")
}

// printKind lists the first loads that came to a kind.
func (p *reconcileReport) printKind(w *printer, k replay.LoadKind) {
	if p.Counts[k] == 0 {
		return
	}
	mark := failed
	if k == replay.Unestablished {
		mark = unseen
	}
	w.check(mark, string(k), "%d", p.Counts[k])
	listed := 0
	for _, x := range p.Results {
		if x.Kind != k {
			continue
		}
		if listed++; listed > mostListed {
			w.line("  and %d more; -o json lists them all", p.Counts[k]-mostListed)
			return
		}
		w.line("  %s line %d: sandbox %s at %s", printable(x.Source), x.Line, printable(x.Sandbox), stampOf(x.Time))
		w.line("    %s", printable(x.Text))
	}
}
