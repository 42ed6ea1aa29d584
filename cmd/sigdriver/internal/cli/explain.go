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
	"strings"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/verifier"
)

func newExplainCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CODE|LINE]",
		Short: "Say what a code means and who fixes it",
		Long: `Prints the page of a decision reason, call fault, trust event or audit finding.
A whole line of an error, an answer or the driver's log will do as well: every code
in it is explained. Without a code it lists all of them. Works offline.`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return allCodes(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				listCodes(env.Stdout)
				return nil
			}
			return explainAll(env.Stdout, strings.Join(args, " "))
		},
	}
}

// codeInText is what may be a code in a line.
var codeInText = regexp.MustCompile(`[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,}`)

// explainAll explains a code, or each that a line names.
func explainAll(w io.Writer, text string) error {
	var codes []string
	if strings.ContainsAny(text, " \t=:") {
		for _, word := range codeInText.FindAllString(text, -1) {
			if _, ok := verifier.Explain(word); ok && !slices.Contains(codes, word) {
				codes = append(codes, word)
			}
		}
		if len(codes) == 0 {
			return usageError(errors.New("nothing in this line is a code"), "run `sigdriver explain` for all of them")
		}
	} else {
		codes = []string{text}
	}
	for i, code := range codes {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := explain(w, code); err != nil {
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
		if near := nearest(wanted, allCodes()); len(near) > 0 {
			remedy = "did you mean " + strings.Join(near, ", ") + "?"
		}
		return usageError(fmt.Errorf("no code is called %.60q", code), remedy)
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
