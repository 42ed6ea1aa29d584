// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// impactFlags are the options of trust plan.
type impactFlags struct {
	candidate string
	trust     trustFlags
	requests  []string
	state     string
	documents string
	since     string
	at        string
	outputs   []string
}

func newTrustPlanCommand(env *Env) *cobra.Command {
	f := &impactFlags{}
	cmd := &cobra.Command{
		Use:   "plan --candidate DIR (--request FILE … | --state DIR --root FILE --documents DIR)",
		Short: "Decide requests again under trust that is not published yet",
		Long: `Decides requests twice, by the trust of today and by the candidate, with the code
that the driver runs, and says what would change: what would break and why, what would
newly be allowed, and where from then on nobody may be missing: a requirement that
exactly as many people can meet as it asks for.

--candidate is a ceremony's folder, of which it takes what is staged; a published
repository; or a plain folder with any of authorities.json, trusted_root.json,
revocations.json and drivers.json, the others staying as they are today.

Today's trust is what --trust and --root name, or the driver's in --state, or what
the ceremony of the candidate has published.

Requests are files, ProtoJSON of a VerifyRequest each, or folders of *.json; and
those in the journal of a driver's state folder, whose bodies are looked for, by
their digests, below --documents. A recorded request of which something is missing is
listed as not decidable. The driver's floors are those that the journal shows.

Whether trust is still fresh is set aside: sigdriver trust status shows that.

Exit codes: 0 nothing breaks, 2 usage, 3 something would break, 4 nothing could be
decided.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustImpact(env, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.candidate, "candidate", "", "the trust to try: a ceremony's folder, a repository or a folder of trust files")
	f.trust.register(cmd)
	fl.StringArrayVar(&f.requests, "request", nil, "ProtoJSON of a VerifyRequest, or a folder of such files (repeatable)")
	fl.StringVar(&f.state, "state", "", "a driver's state folder: decide again what its journal holds")
	fl.StringVar(&f.documents, "documents", "", "folder of bodies exported from the gateway, for --state")
	fl.StringVar(&f.since, "since", "", "only what was last asked within this time, as 30d")
	fl.StringVar(&f.at, "at", "", "decide at this time, as 2026-01-02T15:04:05Z (default: now)")
	registerOutputs(cmd, &f.outputs)
	_ = cmd.MarkFlagRequired("candidate") // fails only for a flag that does not exist
	cmd.MarkFlagsOneRequired("request", "state")
	return cmd
}

func trustImpact(env *Env, f *impactFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	at := env.Now().UTC()
	if f.at != "" {
		if at, err = readTime("--at", f.at); err != nil {
			return err
		}
	}
	asked, err := f.collect(env)
	if err != nil {
		return err
	}
	today, candidate, err := f.sides(env, at)
	if err != nil {
		return err
	}
	r := newImpactReport(today, candidate, at)
	r.Suppressed = asked.suppressed
	after := lowered(asked.floors, today.trust, candidate.trust)
	for i := range asked.list {
		r.add(compare(&asked.list[i], today, candidate, asked.floors, after, at))
	}
	if err := out.writeAll(env, r, r.print); err != nil {
		return err
	}
	switch {
	case r.Counts[wouldBreak] > 0:
		return &ExitError{Code: ExitBreakage}
	case r.decided() == 0:
		return &ExitError{Code: ExitInconclusive}
	}
	return nil
}

// asked is every request to decide again, and what the driver remembers.
type asked struct {
	list       []candidateRequest
	floors     verifier.MapFloors
	suppressed uint64
}

// candidateRequest is one request to decide again.
type candidateRequest struct {
	name       string // for people
	given      bool   // a file, not a record
	request    *verifier.Request
	lost       string // why it cannot be decided; empty when it can
	unarchived int
}

// collect reads the requests that were given and those that were recorded.
func (f *impactFlags) collect(env *Env) (*asked, error) {
	a := &asked{}
	for _, path := range f.requests {
		files, err := requestFiles(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if err := a.read(env, file); err != nil {
				return nil, err
			}
		}
	}
	if f.state == "" {
		if f.documents != "" || f.since != "" {
			return nil, usageError(errors.New("--documents and --since are about recorded requests"), "name a driver's state folder with --state")
		}
		return a, nil
	}
	return a, f.recorded(env, a)
}

// requestFiles is a file, or the *.json files of a folder, which must have some.
func requestFiles(path string) ([]string, error) {
	if st, err := (disk.OS{}).Stat(path); err != nil || !st.IsDir() {
		return []string{path}, nil // reading it says what is wrong
	}
	names, err := disk.OS{}.List(path)
	if err != nil {
		return nil, cannotRead(path, "folder of requests", err)
	}
	files := []string{}
	for _, name := range names {
		if strings.HasSuffix(name, ".json") {
			files = append(files, filepath.Join(path, name))
		}
	}
	if len(files) == 0 {
		return nil, usageError(fmt.Errorf("the folder %q has no request", path), "put ProtoJSON of VerifyRequests there, named *.json")
	}
	return files, nil
}

// maxRequestFile bounds a request in ProtoJSON, where bytes take a third more.
const maxRequestFile = 2 * verifier.MaxRequest

func (a *asked) read(env *Env, file string) error {
	text, err := readFile(env, file, "request", maxRequestFile)
	if err != nil {
		return err
	}
	req, err := server.ParseRequest(text)
	if err != nil {
		return usageError(fmt.Errorf("%q is no request: %w", file, err), "give the ProtoJSON of an openshell.signing.v1.VerifyRequest")
	}
	a.list = append(a.list, candidateRequest{name: file, given: true, request: req})
	return nil
}

// recorded adds what a driver's journal holds.
func (f *impactFlags) recorded(env *Env, a *asked) error {
	var documents *evidence.Documents
	if f.documents != "" {
		var err error
		if documents, err = evidence.OpenDocuments(f.documents); err != nil {
			return cannotRead(f.documents, "folder of documents", err)
		}
	}
	since := time.Time{}
	if f.since != "" {
		d, err := readDuration("--since", f.since)
		if err != nil {
			return err
		}
		since = env.Now().Add(-d)
	}
	asked, err := evidence.ReadRequests(f.state, documents, since)
	if err != nil {
		return journalFault(f.state, err)
	}
	a.floors, a.suppressed = asked.Floors, asked.Suppressed
	for _, q := range asked.List {
		a.list = append(a.list, candidateRequest{name: fmt.Sprintf("entry %d", q.Seq), request: q.Asked, lost: q.Lost, unarchived: q.Unarchived})
	}
	return nil
}

// journalFault says why the journal cannot be used.
func journalFault(dir string, err error) error {
	remedy := "check the journal with the driver stopped, and keep the folder as evidence"
	switch {
	case errors.Is(err, fs.ErrNotExist) && !exists(filepath.Join(dir, "audit")):
		return auditError(dir, &evidence.NoStateError{Dir: dir})
	case errors.Is(err, fs.ErrPermission):
		return auditError(dir, err)
	}
	return &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("the journal in %q cannot be read: %w", dir, err), Remedy: remedy}
}

// lowered applies the resets that the candidate would bring to the driver's
// floors. SPEC: R8 … sets it once, when it is first accepted.
func lowered(floors verifier.MapFloors, today, candidate *verifier.Trust) verifier.MapFloors {
	known := map[string]bool{}
	for _, r := range today.Resets() {
		known[r.ID] = true
	}
	next := verifier.MapFloors{Versions: map[verifier.FloorKey]verifier.Floor{}, Places: floors.Places}
	for k, floor := range floors.Versions {
		for _, r := range candidate.Resets() {
			if !known[r.ID] && r.Matches(k) {
				floor = verifier.Floor{Version: r.Version}
			}
		}
		next.Versions[k] = floor
	}
	return next
}

// outcome is what becomes of one request.
type outcome string

const (
	stillAllowed outcome = "stillAllowed"
	wouldBreak   outcome = "wouldBreak"
	newlyAllowed outcome = "newlyAllowed"
	stillDenied  outcome = "stillDenied"
	notDecidable outcome = "notDecidable"
)

// compare decides one request on both sides.
func compare(c *candidateRequest, today, candidate *impactSide, before, after verifier.MapFloors, at time.Time) impactLine {
	line := impactLine{Name: c.name, given: c.given, Outcome: notDecidable, Note: c.lost}
	if c.lost != "" {
		return line
	}
	was, will := today.ask(c, candidate), candidate.ask(c, today)
	line.Purpose, line.Target = c.request.Purpose.String(), targetText(c.request.Target)
	had := verifier.Verify(was, today.trust, before, at)
	has := verifier.Verify(will, candidate.trust, after, at)
	line.Before, line.After = decisionText(&had), decisionText(&has)
	allowed := [2]bool{had.Verdict == verifier.Allow, has.Verdict == verifier.Allow}
	line.Outcome = map[[2]bool]outcome{
		{true, true}: stillAllowed, {true, false}: wouldBreak, {false, true}: newlyAllowed, {false, false}: stillDenied,
	}[allowed]
	if c.unarchived > 0 {
		line.Note = plural(c.unarchived, "attestation that did not count then is", "attestations that did not count then are") + " not in the archive"
		if line.Outcome == stillDenied {
			line.Outcome = notDecidable // what is missing might have changed either answer
		}
	}
	if line.Outcome == stillAllowed {
		line.NoSpare = noSpare(today.trust.Quorums(was, at), candidate.trust.Quorums(will, at))
	}
	return line
}

// noSpare lists the requirements that exactly those can meet who must, on
// documents of which that was not so before.
func noSpare(before, after []verifier.Quorum) []spareLine {
	tight := map[int]bool{}
	for _, s := range before {
		tight[s.Document] = tight[s.Document] || s.Margin() <= 0
	}
	var list []spareLine
	for _, s := range after {
		if s.Margin() <= 0 && !tight[s.Document] {
			list = append(list, spareLine{s.Document, s.Rule, s.Authority, s.Threshold, append([]string{}, s.Able...)})
		}
	}
	return list
}

func targetText(t verifier.Target) string {
	return t.GatewayID + ":" + t.Workspace + "/" + t.Name
}

// decisionText keeps of a decision what a plan shows.
func decisionText(d *verifier.Decision) *impactDecision {
	short := &impactDecision{Verdict: d.Verdict.String(), Reason: d.Reason.String()}
	if d.Verdict == verifier.Allow {
		return short
	}
	for _, f := range d.Findings {
		if f.Reason == d.Reason && (short.Detail == "" || f.Document == d.NearestMiss.Document && !short.placed) {
			short.Detail, short.placed = f.Detail, f.Document == d.NearestMiss.Document
		}
	}
	short.NearestMiss, short.Command = strings.TrimSpace(d.NearestMiss.Text), d.NearestMiss.Command
	return short
}
