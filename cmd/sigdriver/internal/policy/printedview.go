// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"io"
)

// headings are the headings of a view, in their order.
var headings = []struct{ kind, title string }{
	{"profile", "provider profile"},
	{"network", "network"},
	{"credential", "credentials"},
	{"file", "files"},
	{"middleware", "middleware"},
	{"filesystem", "filesystem"},
	{"process", "process"},
	{"setting", "settings"},
}

// nameWidth is the column of names; a longer one has a line of its own.
const nameWidth = 16

// Print writes the view for people. Nothing in it is obeyed by a terminal.
func (v *View) Print(w io.Writer) {
	for _, k := range headings {
		before := ""
		headed := false
		for _, g := range v.Grants {
			if g.Kind != k.kind {
				continue
			}
			if !headed {
				fmt.Fprintf(w, "  %s\n", k.title)
			}
			g.print(w, headed && g.Name == before)
			headed, before = true, g.Name
		}
	}
	if len(v.Unusual) == 0 {
		return
	}
	fmt.Fprintf(w, "  look twice\n")
	for _, n := range v.Unusual {
		fmt.Fprintf(w, "    ! %s %s\n", placeText(n.Path), n.Text)
	}
}

// print writes one grant; again leaves out the name, which stands above.
func (g *Grant) print(w io.Writer, again bool) {
	name := g.Name
	switch {
	case name == "":
		fmt.Fprintf(w, "    %s\n", g.Text)
	case again:
		fmt.Fprintf(w, "    %-*s %s\n", nameWidth, "", g.Text)
	case len(name) > nameWidth:
		fmt.Fprintf(w, "    %s\n    %-*s %s\n", name, nameWidth, "", g.Text)
	default:
		fmt.Fprintf(w, "    %-*s %s\n", nameWidth, name, g.Text)
	}
	for _, d := range g.Details {
		fmt.Fprintf(w, "    %-*s   %s\n", nameWidth, "", d)
	}
}

// placeText is a JSON pointer on a line.
func placeText(at string) string {
	if at == "" {
		return "the document"
	}
	return word(at)
}

// PrintChanges writes changes for people, what widens first.
func PrintChanges(w io.Writer, changes []Change) {
	for _, class := range []Class{Widens, Changes, Narrows} {
		for _, c := range changes {
			if c.Class == class {
				c.print(w)
			}
		}
	}
}

func (c *Change) print(w io.Writer) {
	fmt.Fprintf(w, "  %-8s %s\n", c.Class, placeText(c.Path))
	switch {
	case c.Was != "" && c.Is != "":
		fmt.Fprintf(w, "             was %s\n             is  %s\n", c.Was, c.Is)
	case c.Is != "":
		fmt.Fprintf(w, "           + %s\n", c.Is)
	case c.Was != "":
		fmt.Fprintf(w, "           - %s\n", c.Was)
	}
	if c.Says != "" {
		fmt.Fprintf(w, "             %s\n", c.Says)
	}
}
