// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:generate go test -run ^TestDocumentsPage$ . -update-documents

var updateDocuments = flag.Bool("update-documents", false, "write the tables of docs/documents.md anew")

// What stands around the tables in docs/documents.md.
const (
	tablesBegin = "<!-- The tables are made from cmd/sigdriver/internal/policy by \"go generate\". Do not edit them. -->\n"
	tablesEnd   = "<!-- End of the tables. -->\n"
)

// TestDocumentsPage compares the tables of docs/documents.md with the schema;
// -update-documents writes them.
func TestDocumentsPage(t *testing.T) {
	path := filepath.Join("..", "..", "..", "..", "docs", "documents.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := bytes.Cut(page, []byte(tablesBegin))
	got, after, ends := bytes.Cut(rest, []byte(tablesEnd))
	if !begins || !ends {
		t.Fatalf("%s has no place for the tables", path)
	}
	want := tables()
	if *updateDocuments {
		page = bytes.Join([][]byte{before, []byte(tablesBegin), want, []byte(tablesEnd), after}, nil)
		if err := os.WriteFile(path, page, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not current: run go generate ./cmd/sigdriver/internal/policy", path)
	}
}

func tables() []byte {
	var b bytes.Buffer
	for typ := SandboxPolicy; typ <= Settings; typ++ {
		fmt.Fprintf(&b, "\n## `--type %s`\n", typ)
		types[typ].schema.each(0, func(m *message) {
			fmt.Fprintf(&b, "\n### %s\n\n| key | member | line | what may stand there | becomes | vector |\n|---|---|---|---|---|---|\n", m.name)
			for i := range m.fields {
				f := &m.fields[i]
				if f.key == "" {
					continue
				}
				fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s | %s | %s |\n", f.key, star(f), code(cmp.Or(f.member, written(f))), f.bounds(), f.what(), f.how, f.vector)
			}
		})
	}
	b.WriteString("\n")
	return b.Bytes()
}

// bounds says which lines have the row; nothing if all have.
func (f *field) bounds() string {
	switch {
	case f.since != 0:
		return "from " + f.since.String()
	case f.until != 0:
		return "before " + f.until.String()
	}
	return ""
}

func star(f *field) string {
	if f.required {
		return " \\*"
	}
	return ""
}

// written is the member that finish writes, unless it is never written.
func written(f *field) string {
	if strings.HasPrefix(f.how, "left out: ") {
		return ""
	}
	return f.writes
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// what says what may stand in a field.
func (f *field) what() string {
	of := ""
	if f.of != nil {
		of = f.of.name
	}
	text := map[kind]string{
		textKind: "text", boolKind: "true or false", intKind: "number", wideKind: "number", secondsKind: "number", durationKind: "duration", enumKind: "word",
		messageKind: of, matcherKind: "text or " + of, binaryKind: "text or " + of, freeKind: "anything",
		textList: "list of texts", intList: "list of numbers", messageList: "list of " + of, binaryList: "list of texts or " + of,
		textMap: "mapping of texts", messageMap: "mapping of " + of, matcherMap: "mapping of texts or " + of,
		paramMap: "mapping of texts, " + of + " or mappings", freeMap: "mapping of anything",
	}[f.kind]
	switch f.kind {
	case durationKind:
		text += fmt.Sprintf(", %ds to %ds", f.low, f.high)
	case intKind, wideKind, secondsKind, intList:
		text += fmt.Sprintf(", %d to %d", f.low, f.high)
	case enumKind:
		text = "`" + strings.Join(f.names(), "`, `") + "`"
	}
	return text
}

// TestEveryFieldHasAVector takes each field out of the schema, and then its member,
// and its vector has to notice. A field whose vector does not set it is not covered.
func TestEveryFieldHasAVector(t *testing.T) {
	all, fields := vectors(t), 0
	for typ := range types {
		types[typ].schema.each(0, func(m *message) {
			for i := range m.fields {
				if m.fields[i].key == "" {
					continue
				}
				fields++
				v := all[m.fields[i].vector]
				if v == nil || v.Refused || !m.fields[i].in(lineOf(t, v)) || typeOf(t, v) != typ && m != &matcherMessage && m != &operationMessage {
					t.Fatalf("%s of %s has no vector of its type: %q", m.fields[i].key, m.name, m.fields[i].vector)
				}
				checkField(t, typeOf(t, v), lineOf(t, v), m, i, v.Input, v.Document)
			}
		})
	}
	if fields < 150 {
		t.Errorf("only %d fields", fields)
	}
}

func checkField(t *testing.T, typ Type, l Line, m *message, i int, input, want []byte) {
	whole := m.fields[i]
	defer func() { m.fields[i] = whole }()
	at := fmt.Sprintf("%s: %s of %s", typ, whole.key, m.name)
	if got, err := Canonicalize(typ, l, input); err != nil || !bytes.Equal(got.Document, want) {
		t.Fatalf("%s: %v", at, err)
	}
	m.fields[i].key = "taken out"
	if _, err := Canonicalize(typ, l, input); err == nil {
		t.Errorf("%s: %s does not write it", at, whole.vector)
	}
	m.fields[i] = whole
	if whole.member == "" || strings.HasPrefix(whole.how, "left out: ") {
		return
	}
	m.fields[i].member = "anotherName"
	if got, err := Canonicalize(typ, l, input); err == nil && bytes.Equal(got.Document, want) {
		t.Errorf("%s: %s has nothing of it in its document", at, whole.vector)
	}
}

// each calls f for each message that an author can write below m in a line, and m
// itself, once. The line 0 stands for all lines.
func (m *message) each(l Line, f func(*message)) {
	seen := map[*message]bool{}
	var walk func(*message)
	walk = func(m *message) {
		if seen[m] {
			return
		}
		seen[m] = true
		f(m)
		for _, field := range m.fields {
			if field.of != nil && !field.internal && (l == 0 || field.in(l)) {
				walk(field.of)
			}
		}
	}
	walk(m)
}
