// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// trustReport is what every verb below trust ends with, as text or as JSON.
type trustReport struct {
	Schema  string              `json:"schema"`
	Action  string              `json:"action"` // published, staged, signed, not-due or status
	Dir     string              `json:"dir"`
	Pin     *pinnedRoot         `json:"pin,omitempty"`
	Changes []author.Difference `json:"changes,omitempty"`
	Roles   []trustRole         `json:"roles,omitempty"`
	Staged  []stagedQuorum      `json:"staged,omitempty"`
	Notes   []string            `json:"notes,omitempty"`
	Lives   *trustLives         `json:"lives,omitempty"`
	Ending  []endingApproval    `json:"endingApprovals,omitempty"`
}

// endingApproval is a published approval in force that ends soon.
type endingApproval struct {
	File        string    `json:"file"`
	Principal   string    `json:"principal"`
	About       string    `json:"about"` // a role, or a set
	Gateway     string    `json:"gateway"`
	Workspace   string    `json:"workspace"`
	Name        string    `json:"name"`
	Version     uint64    `json:"version,string"`
	NotAfter    time.Time `json:"notAfter"`
	SecondsLeft int64     `json:"secondsLeft"`
	text        string
}

// pinnedRoot is the root that drivers are configured with.
type pinnedRoot struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

type trustRole struct {
	Role        string     `json:"role"`
	Version     int64      `json:"version"`
	Expires     time.Time  `json:"expires"`
	SecondsLeft int64      `json:"secondsLeft"` // negative: since when it is expired
	Threshold   int        `json:"threshold,omitempty"`
	Signed      []namedKey `json:"signed,omitempty"`
	Missing     []namedKey `json:"missing,omitempty"`
}

type stagedQuorum struct {
	Role      string     `json:"role"`
	By        string     `json:"by"`
	Threshold int        `json:"threshold"`
	Complete  bool       `json:"complete"`
	Signed    []namedKey `json:"signed"`
	Missing   []namedKey `json:"missing"`
}

type namedKey struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	text string
}

const trustReportSchema = "application/vnd.sigdriver.trust.v1+json"

func newTrustReport(action, dir string) *trustReport {
	return &trustReport{Schema: trustReportSchema, Action: action, Dir: dir}
}

func registerOutputs(cmd *cobra.Command, outputs *[]string) {
	cmd.Flags().StringArrayVarP(outputs, "output", "o", []string{"text"}, "text or json, with =FILE to write to a file (repeatable)")
}

func (r *trustReport) addRepository(base *author.Repository, notes *ceremony.Notes, now time.Time) {
	for _, s := range base.States() {
		line := roleLine(s.Role, s.Version, s.Expires, now)
		line.Threshold, line.Signed, line.Missing = s.Threshold, named(notes, s.Signed), named(notes, s.Missing)
		r.Roles = append(r.Roles, line)
	}
}

func roleLine(role string, version int64, expires, now time.Time) trustRole {
	return trustRole{Role: role, Version: version, Expires: expires.UTC(), SecondsLeft: int64(expires.Sub(now) / time.Second)}
}

func (r *trustReport) addStage(s *author.Stage, notes *ceremony.Notes) {
	for _, q := range s.Quorums() {
		r.Staged = append(r.Staged, stagedQuorum{q.Role, q.By, q.Threshold, q.Complete(), named(notes, q.Signed), named(notes, q.Missing)})
	}
}

func named(notes *ceremony.Notes, ids []string) []namedKey {
	list := make([]namedKey, len(ids))
	for i, id := range ids {
		name := notes.Names[id]
		text := id[:min(12, len(id))]
		if name != "" {
			text = clip(printable(name), 40) + " (" + text + ")"
		}
		list[i] = namedKey{id, name, text}
	}
	return list
}

// expired reports whether a role is over that drivers cannot do without. The
// expiry of attestations only stops new ones.
func (r *trustReport) expired() bool {
	for _, role := range r.Roles {
		if role.SecondsLeft <= 0 && role.Role != tuf.RoleAttestations {
			return true
		}
	}
	return false
}

func (r *trustReport) print(w io.Writer) {
	switch r.Action {
	case "published":
		fmt.Fprintf(w, "Published in %s\n", printable(filepath.Join(r.Dir, "published")))
	case "staged":
		fmt.Fprintf(w, "Staged in %s\n", printable(filepath.Join(r.Dir, "staged")))
	case "signed":
		fmt.Fprintf(w, "Signed in %s\n", printable(filepath.Join(r.Dir, "staged")))
	case "not-due":
		fmt.Fprintf(w, "Nothing due in %s\n", printable(filepath.Join(r.Dir, "published")))
	default:
		fmt.Fprintf(w, "Trust in %s\n", printable(r.Dir))
	}
	if r.Action == "published" {
		printSummary(w, r.Changes)
	} else {
		printChanges(w, r.Changes)
	}
	r.printRoles(w)
	r.printStaged(w)
	for i, a := range r.Ending {
		if i == 0 {
			fmt.Fprintln(w, "\nin force and ending soon")
		}
		fmt.Fprintf(w, "– %s: %s left\n", a.text, leftText(a.SecondsLeft))
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "note: %s\n", printable(note))
	}
	if r.Pin != nil {
		fmt.Fprintf(w, "Drivers pin %s\n  sha256:%s\n", printable(r.Pin.File), r.Pin.SHA256)
	}
	if r.Lives != nil {
		r.Lives.print(w, r.Dir)
	}
}

func (r *trustReport) printRoles(w io.Writer) {
	if len(r.Roles) == 0 {
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "\nrole\tversion\texpires\tleft")
	if r.Roles[0].Threshold > 0 { // a snapshot does not say who signed it
		fmt.Fprint(table, "\tsigned by")
	}
	fmt.Fprintln(table)
	for _, role := range r.Roles {
		signed := ""
		if role.Threshold > 0 {
			signed = fmt.Sprintf("\t%d of %d: %s", len(role.Signed), role.Threshold, keyTexts(role.Signed))
		}
		fmt.Fprintf(table, "%s\tv%d\t%s\t%s%s\n", role.Role, role.Version, role.Expires.Format(time.RFC3339), leftText(role.SecondsLeft), signed)
	}
	table.Flush()
}

func (r *trustReport) printStaged(w io.Writer) {
	if len(r.Staged) == 0 {
		return
	}
	fmt.Fprintln(w, "\nstaged")
	for _, q := range r.Staged {
		mark, missing := "✓", ""
		if !q.Complete {
			mark, missing = "–", "; not yet by "+keyTexts(q.Missing)
		}
		fmt.Fprintf(w, "%s %s: %d of %d signatures by the keys of %s: %s%s\n", mark, q.Role, len(q.Signed), q.Threshold, q.By, keyTexts(q.Signed), missing)
	}
}

func keyTexts(keys []namedKey) string {
	text := ""
	for i, k := range keys {
		if i > 0 {
			text += ", "
		}
		text += k.text
	}
	if text == "" {
		return "nobody"
	}
	return text
}

// leftText says how long a role still lives, or since when it does not.
func leftText(seconds int64) string {
	text := func(s int64) string {
		if s >= 48*3600 {
			return plural(int(s/86400), "day", "days")
		}
		if s >= 3600 {
			return plural(int(s/3600), "hour", "hours")
		}
		return plural(int(s/60), "minute", "minutes")
	}
	if seconds <= 0 {
		return "EXPIRED " + text(-seconds) + " ago"
	}
	return text(seconds)
}

// printSummary prints which files differ.
func printSummary(w io.Writer, changes []author.Difference) {
	for _, c := range changes {
		switch {
		case c.From == "":
			fmt.Fprintf(w, "  %s: new, %s\n", printable(c.File), c.To)
		case c.To == "":
			fmt.Fprintf(w, "  %s: removed, was %s\n", printable(c.File), c.From)
		default:
			fmt.Fprintf(w, "  %s: %s → %s\n", printable(c.File), c.From, c.To)
		}
	}
}

// printChanges prints every line of the differences.
func printChanges(w io.Writer, changes []author.Difference) {
	for _, c := range changes {
		printSummary(w, []author.Difference{c})
		for _, line := range c.Lines {
			fmt.Fprintf(w, "    %s\n", printable(line))
		}
	}
}
