// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/verifier"
)

// trustLintFlags are the options of trust lint.
type trustLintFlags struct {
	ceremonyFlags
	trust   trustFlags
	within  string
	outputs []string
}

func newTrustLintCommand(env *Env) *cobra.Command {
	f := &trustLintFlags{}
	cmd := &cobra.Command{
		Use:   "lint --dir DIR | --trust DIR --root FILE",
		Short: "Look for rules nobody can satisfy, or one person can, and for what ends soon",
		Long: `Looks for what is legal and wrong in trust: thresholds that can no longer be
reached, rules that match nothing or that no document can satisfy, places where one
person is enough, keys, roles and published approvals that end within --within, principals that overlap,
authorities that no rule asks for; and for what a staged change takes away from what is
published: kinds of documents, rules, roles, and places that a rule now leaves open.

--dir is a ceremony's folder, of which it takes what is staged, or else what is
published; or a published repository. With --trust and --root it is trust as
sigdriver verify reads it.

Its codes, of which docs/trust.md has the meaning: ` + lintCodes() + `.

Exit codes: 0 nothing or warnings only, 3 an error was found, 2 usage, 4 the trust
cannot be used.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustLint(env, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.dir, "dir", "", "a ceremony's folder or a published repository")
	f.trust.register(cmd)
	fl.StringVar(&f.within, "within", "30d", "report what ends within this time")
	registerOutputs(cmd, &f.outputs)
	cmd.MarkFlagsOneRequired("dir", "trust")
	cmd.MarkFlagsMutuallyExclusive("dir", "trust")
	cmd.MarkFlagsRequiredTogether("trust", "root")
	return cmd
}

// lintCodes lists every code, a few in a line.
func lintCodes() string {
	var b strings.Builder
	for i, code := range verifier.LintCodes() {
		switch {
		case i == 0:
		case i%3 == 0:
			b.WriteString(",\n")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(code))
	}
	return b.String()
}

func trustLint(env *Env, f *trustLintFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	within, err := readDuration("--within", f.within)
	if err != nil {
		return err
	}
	subject, err := f.subject(env)
	if err != nil {
		return err
	}
	now := env.Now().UTC()
	r := &lintReport{Schema: lintSchema, Trust: subject.name, At: now.Truncate(time.Second), WithinSeconds: int64(within / time.Second), Findings: []lintLine{}}
	for _, found := range append(subject.trust.Lint(now, within, subject.roles...), subject.trust.LintApprovals(subject.attestations, now, within)...) {
		r.add(found)
	}
	if before := subject.before; before != nil {
		for _, found := range subject.trust.LintChange(before.trust, subject.roles, before.roles) {
			r.add(found)
		}
	}
	if subject.trust == nil {
		r.Notes = append(r.Notes, "there is no authorities.json yet: only the roles were looked at")
	}
	if err := out.writeAll(env, r, r.print); err != nil {
		return err
	}
	if r.Errors > 0 {
		return &ExitError{Code: ExitBreakage}
	}
	return nil
}

// lintSubject is the trust to look at.
type lintSubject struct {
	name  string // for people
	trust *verifier.Trust
	roles []verifier.LintRole
	// attestations are those that travel with trust, by target path.
	attestations map[string][]byte
	// before is what is published, where what is staged is looked at; else nil.
	before *lintSubject
}

func (f *trustLintFlags) subject(env *Env) (*lintSubject, error) {
	switch {
	case f.trust.dir != "":
		return f.offline(env)
	case f.folder(env).Begun():
		return f.ceremony(env)
	case exists(filepath.Join(f.dir, "metadata")):
		r, err := author.OpenRepository(nil, f.dir)
		if err != nil {
			return nil, trustError(err)
		}
		return lintOf(f.dir, r, &ceremony.Notes{})
	}
	return nil, usageError(fmt.Errorf("%q is neither a ceremony's folder nor a published repository", f.dir),
		"for a driver's state folder or an export give --trust and --root")
}

// ceremony looks at what is staged, or else at what is published.
func (f *trustLintFlags) ceremony(env *Env) (*lintSubject, error) {
	folder := f.folder(env)
	notes, err := folder.Notes()
	if err != nil {
		return nil, trustError(err)
	}
	dir, p, err := folder.Latest()
	if err != nil {
		return nil, trustError(err)
	}
	s, err := lintOf(dir, p, notes)
	if err != nil || dir == folder.Published() || !exists(folder.Published()) {
		return s, err
	}
	base, err := folder.MustRepository()
	if err != nil {
		return nil, trustError(err)
	}
	s.before, err = lintOf(folder.Published(), base, notes)
	return s, err
}

func lintOf(name string, p ceremony.Publication, notes *ceremony.Notes) (*lintSubject, error) {
	src := verifier.TrustSource{DriverVersion: version.Driver}
	if err := ceremony.ReadTargets(p, &src); err != nil {
		return nil, trustError(err)
	}
	s := &lintSubject{name: name}
	lives, err := notes.Lives()
	if err != nil {
		return nil, trustError(err)
	}
	for _, state := range p.States() {
		s.roles = append(s.roles, verifier.LintRole{Name: state.Role, Expires: state.Expires, Threshold: state.Threshold,
			Keys: slices.Concat(state.Signed, state.Missing), Validity: lives[state.Role]})
	}
	if src.Authorities == nil {
		return s, nil
	}
	if s.trust, err = verifier.ParseTrust(src); err != nil {
		return nil, refusedTrust(name, err)
	}
	if s.attestations, err = ceremony.Attestations(p); err != nil {
		return nil, trustError(err)
	}
	return s, nil
}

// refusedTrust is trust that drivers would not take: the worst breakage there is.
func refusedTrust(name string, err error) error {
	return &ExitError{Code: ExitBreakage, Err: fmt.Errorf("drivers would refuse the trust in %q: %w", name, err), Remedy: "mend the file"}
}

// offline looks at trust as offline commands read it.
func (f *trustLintFlags) offline(env *Env) (*lintSubject, error) {
	snapshot, note, err := f.trust.read(env, tuf.LoadOffline, env.Now())
	if err != nil {
		return nil, err
	}
	held, err := author.OfflineKeyholders(f.trust.dir, snapshot)
	if err != nil {
		return nil, unavailable(f.trust.dir, err)
	}
	trust, err := verifier.ParseTrust(trustSource(snapshot, note))
	if err != nil {
		return nil, refusedTrust(f.trust.dir, err)
	}
	s := &lintSubject{name: f.trust.dir, trust: trust, attestations: map[string][]byte{}}
	for _, a := range trustAttestations(snapshot) {
		s.attestations[a.name] = a.raw
	}
	for _, role := range tuf.Roles() {
		h, ok := held[role]
		if !ok {
			continue
		}
		line := verifier.LintRole{Name: role, Expires: snapshot.Roles[role].Expires, Threshold: h.Threshold, Validity: author.DefaultValidity(role)}
		for _, key := range h.Keys {
			id, err := author.KeyID(key)
			if err != nil {
				return nil, err
			}
			line.Keys = append(line.Keys, id)
		}
		s.roles = append(s.roles, line)
	}
	return s, nil
}

const lintSchema = "application/vnd.sigdriver.lint.v1+json"

// lintReport is what trust lint prints.
type lintReport struct {
	Schema        string     `json:"schema"`
	Trust         string     `json:"trust"`
	At            time.Time  `json:"at"`
	WithinSeconds int64      `json:"withinSeconds"`
	Errors        int        `json:"errors"`
	Warnings      int        `json:"warnings"`
	Findings      []lintLine `json:"findings"`
	Notes         []string   `json:"notes,omitempty"`
}

type lintLine struct {
	Code     verifier.LintCode `json:"code"`
	Severity verifier.Severity `json:"severity"`
	File     string            `json:"file"`
	Path     string            `json:"path,omitempty"`
	Text     string            `json:"text"`
	Remedy   string            `json:"remedy"`
}

func (r *lintReport) add(f verifier.LintFinding) {
	r.Findings = append(r.Findings, lintLine(f))
	if f.Severity == verifier.LintError {
		r.Errors++
	} else {
		r.Warnings++
	}
}

func (r *lintReport) print(p *printer) {
	p.line("Trust in %s, looked at %s and %s ahead", r.Trust, r.At.Format(time.RFC3339), span(time.Duration(r.WithinSeconds)*time.Second))
	for _, f := range r.Findings {
		mark := unseen
		if f.Severity == verifier.LintError {
			mark = failed
		}
		p.check(mark, printable(strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Code, f.File, f.Path))), "")
		p.line("    %s", f.Text)
		p.line("    %s", f.Remedy)
	}
	for _, note := range r.Notes {
		p.line("note: %s", note)
	}
	if len(r.Findings) == 0 {
		p.check(passed, "nothing found", "")
		return
	}
	p.line("%s, %s", plural(r.Errors, "error", "errors"), plural(r.Warnings, "warning", "warnings"))
}
