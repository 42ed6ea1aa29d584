// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/verifier"
)

// explainFlags are the options of explain.
type explainFlags struct{ state string }

func newExplainCommand(env *Env) *cobra.Command {
	f := &explainFlags{}
	cmd := &cobra.Command{
		Use:   "explain [CODE|INDEX|KEY|LINE]",
		Short: "Say what a code or a configuration key means, or why an entry was decided so",
		Long: `Prints the page of a decision reason, call fault, trust event or audit finding, or of
a key of the driver's configuration. A whole line of an error, an answer or the
driver's log will do as well: every code and key in it is explained. A number is the
index of a journal entry: its decision is shown, then the page of its reason. Without
an argument it lists all codes and keys. Works offline.`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return append(allCodes(), allKeys()...), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			if _, err := strconv.ParseUint(text, 10, 63); err == nil {
				return f.entry(env, text)
			}
			if len(args) == 0 {
				listCodes(env.Stdout)
				return nil
			}
			return explainAll(env.Stdout, text)
		},
	}
	cmd.Flags().StringVar(&f.state, "state", "", "for an index: a driver's state folder, or a copy of it (default: the one of "+defaultConfigFile+")")
	return cmd
}

// entry shows the decision of a journal entry and explains its reason.
func (f *explainFlags) entry(env *Env, index string) error {
	if f.state == "" {
		f.state = configuredState()
	}
	if f.state == "" {
		return usageError(fmt.Errorf("which journal has entry %s is not known", index), "name the driver's state folder with --state")
	}
	show := &auditShowFlags{state: f.state}
	found, err := show.find(index)
	if err != nil {
		return err
	}
	kept, err := show.record(found)
	if err != nil {
		return err
	}
	printShown(&printer{w: env.Stdout, colour: env.colour(env.Stdout)}, found, kept)
	fmt.Fprintln(env.Stdout)
	return explain(env.Stdout, kept.Reason.String())
}

// What may be a code, or a key of the configuration, in a line.
var (
	codeInText = regexp.MustCompile(`[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,}`)
	keyInText  = regexp.MustCompile(`[a-z0-9_]+(?:\[[0-9]+\])?(?:\.[a-z0-9_]+(?:\[[0-9]+\])?)*`)
)

// explainAll explains a code or a key, or each that a line names.
func explainAll(w io.Writer, text string) error {
	if !strings.ContainsAny(text, " \t=:") {
		if page := configPageOf(text); page != nil {
			page.print(w)
			return nil
		}
		return explain(w, text)
	}
	var pages []func() error
	seen := map[string]bool{}
	for _, word := range codeInText.FindAllString(text, -1) {
		if _, ok := verifier.Explain(word); ok && !seen[word] {
			seen[word] = true
			pages = append(pages, func() error { return explain(w, word) })
		}
	}
	for _, word := range keyInText.FindAllString(text, -1) {
		// A word of a sentence is no key: "trust", "socket".
		if page := configPageOf(word); page != nil && strings.ContainsAny(word, "._") && !seen[page.key] {
			seen[page.key] = true
			pages = append(pages, func() error { page.print(w); return nil })
		}
	}
	if len(pages) == 0 {
		return usageError(errors.New("nothing in this line is a code, or a key of the configuration"), "run `sigdriver explain` for all of them")
	}
	for i, page := range pages {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := page(); err != nil {
			return err
		}
	}
	return nil
}

func explain(w io.Writer, code string) error {
	wanted := strings.ToUpper(strings.ReplaceAll(code, "-", "_"))
	doc, ok := verifier.Explain(wanted)
	if !ok {
		remedy := "run `sigdriver explain` for all of them"
		near := nearest(wanted, allCodes())
		if strings.ToLower(code) == code {
			near = append(near, nearest(code, allKeys())...)
		}
		if len(near) > 0 {
			remedy = "did you mean " + strings.Join(near, ", ") + "?"
		}
		return usageError(fmt.Errorf("no code and no key of the configuration is called %.60q", code), remedy)
	}
	fmt.Fprintln(w, doc.Code)
	fmt.Fprintf(w, "  %s\n", listOf(doc))
	fmt.Fprintf(w, "\n%s\n\nWho fixes it: %s. %s\n", doc.Meaning, doc.Fixer, doc.Remedy)
	if doc.Command != "" {
		fmt.Fprintf(w, "\n    %s\n", doc.Command)
	}
	return nil
}

// codeLists are the four lists, in the order of docs/reasons.md.
func codeLists() []struct {
	title string
	docs  []verifier.Doc
} {
	return []struct {
		title string
		docs  []verifier.Doc
	}{
		{"decision reason", verifier.ReasonDocs()},
		{"call fault", verifier.FaultDocs()},
		{"trust event", verifier.EventDocs()},
		{"audit finding", verifier.AuditDocs()},
	}
}

// listOf says which list a page is from, with what only that list has.
func listOf(doc verifier.Doc) string {
	for _, list := range codeLists() {
		if !slices.Contains(list.docs, doc) {
			continue
		}
		switch {
		case list.title == "decision reason":
			return fmt.Sprintf("decision reason %d, stage: %s", doc.Reason, doc.Stage)
		case doc.Status != "":
			return list.title + ": " + doc.Status
		}
		return list.title
	}
	return ""
}

func listCodes(w io.Writer) {
	for i, list := range codeLists() {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%ss\n", list.title)
		for _, d := range list.docs {
			first, _, _ := strings.Cut(d.Meaning, ". ")
			fmt.Fprintf(w, "  %-27s %s\n", d.Code, strings.TrimSuffix(first, "."))
		}
	}
	fmt.Fprintf(w, "\nkeys of the configuration\n")
	for _, page := range configPages {
		first, _, _ := strings.Cut(page.text, ". ")
		fmt.Fprintf(w, "  %-31s %s\n", page.key, strings.TrimSuffix(first, "."))
	}
}

func allCodes() []string {
	var all []string
	for _, list := range codeLists() {
		for _, d := range list.docs {
			all = append(all, d.Code)
		}
	}
	return all
}

// nearest returns at most three codes that begin with the word, or are a few
// typing mistakes away from it; the closest first.
func nearest(word string, codes []string) []string {
	type candidate struct {
		code     string
		distance int
	}
	var near []candidate
	for _, code := range codes {
		d := editDistance(clip(word, 60), code)
		if strings.HasPrefix(code, word) && word != "" {
			d = 0
		}
		if d <= max(2, len(code)/4) {
			near = append(near, candidate{code, d})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, c := range near[:min(3, len(near))] {
		names = append(names, c.code)
	}
	return names
}

// editDistance is the number of single-byte edits between two short words.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(above+1, row[j]+1, diagonal+change)
			diagonal = above
		}
	}
	return row[len(b)]
}
