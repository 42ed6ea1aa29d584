// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"slices"
	"strings"
)

// What `openshell policy get` prints: some lines about the revision, then "---"
// and the policy as YAML; or JSON with the policy inside.

// printedLabels start the lines about the revision.
var printedLabels = []string{"Scope", "Version", "Hash", "Status", "Active", "Created", "Loaded", "Error", "Source", "Config rev", "Global"}

const noPolicyPrinted = "is what `openshell policy get` prints without a policy: ask for it with --base"

// cutPrinted returns the policy's YAML and how many lines stood before it.
func (r *reader) cutPrinted(input []byte) (text []byte, skipped int, err error) {
	if r.schema != &policyMessage || !printedLine(firstLine(input)) {
		return input, 0, nil
	}
	rest, inError := input, false
	for line := 1; len(rest) > 0; line++ {
		text, after, _ := bytes.Cut(rest, []byte("\n"))
		text = bytes.TrimSuffix(text, []byte("\r"))
		if string(text) == "---" {
			r.notePrinted()
			return after, line, nil
		}
		switch {
		case printedLine(text):
			inError = bytes.HasPrefix(text, []byte("Error:"))
		case !inError: // an error is printed with its line breaks
			return nil, 0, &CanonicalizeError{Line: line, Column: 1, Text: "is no line that `openshell policy get` prints"}
		}
		rest = after
	}
	return nil, 0, &CanonicalizeError{Line: 1, Column: 1, Text: noPolicyPrinted}
}

func firstLine(input []byte) []byte {
	line, _, _ := bytes.Cut(input, []byte("\n"))
	return line
}

func printedLine(line []byte) bool {
	label, value, found := strings.Cut(string(line), ":")
	return found && strings.HasPrefix(value, " ") && slices.Contains(printedLabels, label)
}

// printedJSON returns the policy in the JSON that the gateway's client prints, nil
// if this is not such JSON.
func (r *reader) printedJSON(root *node) (*node, error) {
	if r.schema != &policyMessage || root.get("hash") == nil {
		return nil, nil
	}
	policy := root.get("policy")
	if policy == nil || policy.null() {
		return nil, root.fail(place{}, noPolicyPrinted)
	}
	r.notePrinted()
	return policy, nil
}

func (r *reader) notePrinted() {
	r.notes = append(r.notes, "read what `openshell policy get` prints, which is not all that a gateway stores (docs/documents.md): compare the digest with the one it asks about")
}
