// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"
)

// A field that differs between lines of OpenShell has a row for each, and a file is
// read with those of one line.
func TestLines(t *testing.T) {
	const first, next = Line00, Line01
	gone := text("mode", "mode", "").must()
	gone.until = next
	words := enum("mode", "mode", "", "MODE_", "", "skip").materialised("MODE_NONE")
	words.since = next
	added := text("extra", "extra", "")
	added.since = next
	m := &message{fields: []field{text("name", "name", ""), gone, words, added}}
	for _, c := range []struct {
		line            Line
		text, want, err string
	}{
		{first, "mode: skip", `{"mode":"skip"}`, ""},
		{first, "mode: skip\nextra: a", "", "extra is no key that this build knows here"},
		{first, "mode: skip\nextr: a", "", "(" + Line00.Schema() + ")$"},
		{first, "name: a", "", "has no mode"},
		{first, "- a", "", "of name, mode$"},
		{next, "mode: skip\nextra: a", `{"mode":"MODE_SKIP","extra":"a"}`, ""},
		{next, "name: a", `{"name":"a","mode":"MODE_NONE"}`, ""},
		{next, "mode: other", "", "mode is other, which this build"},
		{next, "- a", "", "of name, mode, extra$"},
	} {
		r := &reader{schema: m, line: c.line}
		root, err := r.parseYAML([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.message(m, root, place{})
		if c.err != "" {
			want, end := strings.CutSuffix(c.err, "$")
			if err == nil || !strings.Contains(err.Error(), want) || end && !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%d, %q: %v", c.line, c.text, err)
			}
		} else if err != nil || got.json() != c.want {
			t.Errorf("%d, %q: %v, %v", c.line, c.text, got.json(), err)
		}
	}
	if m.byMember(first, "extra") == nil {
		t.Error("a document of a later line is not looked up")
	}
}

// Within a line each key and each member has one row, and each row is either written
// by authors, with a vector, or derived.
func TestRowsAreApart(t *testing.T) {
	rows := 0
	for typ := range types {
		for _, l := range Lines {
			types[typ].schema.each(l, func(m *message) { rows += checkRows(t, l, m) })
		}
	}
	if rows < 2*160 {
		t.Errorf("only %d rows", rows)
	}
}

func checkRows(t *testing.T, l Line, m *message) (rows int) {
	keys, members := map[string]bool{}, map[string]bool{}
	for i := range m.fields {
		f := &m.fields[i]
		if !f.in(l) {
			continue
		}
		rows++
		if f.key != "" && keys[f.key] || f.member != "" && members[f.member] {
			t.Errorf("%s has two rows of %q, %q in %s", m.name, f.key, f.member, l)
		}
		keys[f.key], members[f.member] = true, true
		if f.internal && f.key != "" || (f.key == "") != (f.vector == "") {
			t.Errorf("%s: %q, %q has the vector %q", m.name, f.key, f.member, f.vector)
		}
	}
	return rows
}
