// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
	"github.com/sigdriver/sigdriver/verifier"
)

const diffSchema = "application/vnd.sigdriver.diff.v1+json"

// diffReport is what lies between two documents.
type diffReport struct {
	Schema  string          `json:"schema"`
	Old     diffSide        `json:"old"`
	New     diffSide        `json:"new"`
	Changes []policy.Change `json:"changes"`
}

type diffSide struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	// OpenShell are the lines of releases that the document may be of.
	OpenShell []policy.Line `json:"openshell,omitempty"`
	doc       *policy.Document
	body      []byte
}

func newDiffCommand(env *Env) *cobra.Command {
	var outputs []string
	var typeName, line string
	cmd := &cobra.Command{
		Use:   "diff [--type TYPE] OLD NEW",
		Short: "Show what a change of a document widens and narrows",
		Long: `Compares two documents field by field. Each difference is judged alone, without what
attached providers add: it widens, if more may be granted after it; it narrows, if
certainly no more is; everything else changes. It verifies nothing. With --type the files are what authors write, and what
is compared is what canonicalize makes of them.

Ends with 0 if the documents are the same bytes, with 1 if they differ.`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			out, err := readOutputs(outputs)
			if err != nil {
				return err
			}
			r, err := diff(env, typeName, line, args[0], args[1])
			if err != nil {
				return err
			}
			if err := out.writeAll(env, r, func(p *printer) { r.print(p.w) }); err != nil {
				return err
			}
			if len(r.Changes) > 0 {
				return &ExitError{Code: ExitDenied}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&typeName, "type", "", "the files are no documents yet: sandbox-policy, provider-profile or settings")
	registerLine(cmd, &line)
	registerOutputs(cmd, &outputs)
	return cmd
}

func diff(env *Env, typeName, line, oldPath, newPath string) (*diffReport, error) {
	if oldPath == "-" && newPath == "-" {
		return nil, usageError(errors.New("only one of the two can be the standard input"), "give the other one as a file")
	}
	was, err := readSide(env, typeName, line, oldPath)
	if err != nil {
		return nil, err
	}
	is, err := readSide(env, typeName, line, newPath)
	if err != nil {
		return nil, err
	}
	return was.compare(is)
}

// readSide reads a document, or makes it of what an author wrote.
func readSide(env *Env, typeName, line, path string) (*diffSide, error) {
	if typeName != "" {
		body, err := readAuthored(env, typeName, line, path)
		if err != nil {
			return nil, err
		}
		return newSide(path, body)
	}
	body, err := readFile(env, path, "document", verifier.MaxBody)
	if err != nil {
		return nil, err
	}
	return newSide(path, body)
}

// readAuthored makes the document of a file, as canonicalize does.
func readAuthored(env *Env, typeName, line, path string) ([]byte, error) {
	as, ok := policy.ParseType(typeName)
	if !ok {
		return nil, usageError(fmt.Errorf("--type %q is no type", typeName), "use sandbox-policy, provider-profile or settings")
	}
	l, err := readLine(line)
	if err != nil {
		return nil, err
	}
	data, err := readFile(env, path, "file", policy.MaxInput)
	if err != nil {
		return nil, err
	}
	result, err := policy.Canonicalize(as, l, data)
	if err != nil {
		return nil, noDocument(path, err)
	}
	return result.Document, nil
}

func newSide(path string, body []byte) (*diffSide, error) {
	doc, err := readGrants(path, body)
	if err != nil {
		return nil, err
	}
	return &diffSide{path, fmt.Sprintf("%x", sha256.Sum256(body)), doc.Lines(), doc, body}, nil
}

// ofLine says which line of OpenShell a document is of.
func ofLine(doc *policy.Document) string {
	if !doc.HasLine() {
		return ""
	}
	return ", " + doc.LineText()
}

func (was *diffSide) compare(is *diffSide) (*diffReport, error) {
	r := &diffReport{Schema: diffSchema, Old: *was, New: *is, Changes: []policy.Change{}}
	if bytes.Equal(was.body, is.body) {
		return r, nil
	}
	changes, err := policy.Diff(was.doc, is.doc)
	if err != nil {
		return nil, usageError(fmt.Errorf("%q and %q cannot be compared: %w", was.File, is.File, err), "give two documents of one kind")
	}
	if len(changes) == 0 {
		changes = []policy.Change{{Class: policy.Changes, Says: "only the spelling of the JSON differs"}}
	}
	r.Changes = changes
	return r, nil
}

func (r *diffReport) print(w io.Writer) {
	fmt.Fprintln(w, "Not verified: this compares what two files say, not whether either is true.")
	fmt.Fprintf(w, "old: %s, sha256:%s%s\n", printable(r.Old.File), r.Old.SHA256, ofLine(r.Old.doc))
	fmt.Fprintf(w, "new: %s, sha256:%s%s\n\n", printable(r.New.File), r.New.SHA256, ofLine(r.New.doc))
	r.printChanges(w)
}

func (r *diffReport) printChanges(w io.Writer) {
	if len(r.Changes) == 0 {
		fmt.Fprintln(w, "They are the same, byte for byte.")
		return
	}
	policy.PrintChanges(w, r.Changes)
	fmt.Fprintf(w, "\n%s: %s\n", plural(len(r.Changes), "difference", "differences"), policy.Tally(r.Changes))
	fmt.Fprintln(w, "Each is judged alone, and without what attached providers add.")
}
