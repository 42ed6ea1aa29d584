// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"flag"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var apart = flag.Int("apart", 4000, "how many mutated files the readers of the two lines are held against each other with")

// TestLinesApart mutates files and reads each as both lines do. Where the two come to
// different ends, a row of the tables or a rule of reading has to say so.
func TestLinesApart(t *testing.T) {
	var seeds []seed
	all := vectors(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if v := all[name]; !v.Refused && typeOf(t, v) != Settings && len(v.Input) < 3000 {
			seeds = append(seeds, seed{typeOf(t, v), string(v.Input)})
		}
	}
	r := rand.New(rand.NewPCG(12, 1))
	ends, known := map[string]int{}, map[string]int{}
	for range *apart {
		s := seeds[r.IntN(len(seeds))]
		text := s.text
		for range 1 + r.IntN(2) {
			text = mutate(r, text)
		}
		end, why := compareLines(s.as, text)
		ends[end]++
		if end == "unexplained" {
			t.Errorf("%s: %s\n%s", s.as, why, text)
			if ends[end] > 10 {
				t.FailNow()
			}
		}
		known[why]++
	}
	t.Logf("%v", ends)
	for _, end := range []string{"same", "another document", "refused by 0.0 alone", "refused by 0.1 alone"} {
		if ends[end] == 0 {
			t.Errorf("no file ended as %s", end)
		}
	}
}

type seed struct {
	as   Type
	text string
}

// compareLines says how the two lines differ in a file, and by which rule.
func compareLines(as Type, text string) (end, why string) {
	before, errBefore := Canonicalize(as, Line00, []byte(text))
	after, errAfter := Canonicalize(as, Line01, []byte(text))
	switch {
	case errBefore != nil && errAfter != nil:
		return "refused", ""
	case errBefore != nil:
		return explained("refused by 0.0 alone", errBefore, only01)
	case errAfter != nil:
		return explained("refused by 0.1 alone", errAfter, only00)
	case string(before.Document) == string(after.Document):
		return "same", ""
	}
	d, err := Read(before.Document)
	if err != nil {
		return "unexplained", err.Error()
	}
	if want, err := readTree(after.Document); err == nil && raised(d.message(), d.root).sorted() == want.sorted() {
		return "another document", ""
	}
	return "unexplained", string(before.Document) + "\n" + string(after.Document)
}

func explained(end string, err error, reasons []*regexp.Regexp) (string, string) {
	for _, reason := range reasons {
		if reason.MatchString(err.Error()) {
			return end, reason.String()
		}
	}
	return "unexplained", err.Error()
}

func patterns(texts ...string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, text := range texts {
		all = append(all, regexp.MustCompile(text))
	}
	return all
}

// What line 0.0 refuses and 0.1 takes: docs/documents.md, "Two lines of OpenShell".
var only01 = patterns(
	`is (octal|a number|true or false|a date|a special value) .*to (some|others)`, // scalars that are one thing there
	`is an anchor`, `is an alias`, `is a tag`, `is a YAML directive`, `is a byte order mark`,
	`is a key that is no text`,
	`must be a whole number`, // 443.0
	`(versions|grant_type|subject_token|requested_token_type|files|refresh_before|max_lifetime|cache_ttl) is no key that this build knows here`,
)

// What line 0.1 refuses and 0.0 takes: the same, and what a gateway refuses.
var only00 = patterns(
	`is (empty|null|Null|NULL|"~").* and must be`, // null
	`must be a text: put it into quotes`, `must be a duration like`, `must be 1$`,
	`is a number to some readers of YAML`, `out of the range that a document can hold`,
	`\(OpenShell 0\.1\.5 of 2026-10-20\)`, // a word or key that is gone
	`stands beside`, `is overlooked`, `goes on with the text above`, `which only some readers of YAML take: `, `an element of a list to others`,
	`must be a whole number from 0 to 315576000000`, `must be a whole number from`,
	`begins with _provider_`, `and must be (sandbox or|an absolute path|one of|fail_closed|begin with|must begin|sigv4|deny|basic|https|a DNS|lower-case|an https|a port|provider_credential|one name)`,
	`(needs|needs rules|needs an operation_type|needs a strategy|needs one)`, `is missing`, `has no port`, `has [0-9]+ and must be a port`, `write it without \.\.`, `root of the file system`,
	`all of a top-level domain`, `is any host at all`, `stands only for`, `behind the first dot`, `means nothing for`, `allows nothing at all`, `takes away from nothing`, `must begin with /`,
	`cannot be enforce`, `has the order`, `selects .* whose traffic`, `includes no endpoint`, `is empty: name the middleware`, `has no name$`, `as another (file|variable) is`, `keeps for itself`,
	`gets credentials where nothing looks`, `must be another credential`, `is 0s and must be longer`, `no version of MCP`, `is an empty list`, `a second time`,
	`is one more than`, `OpenShell takes`, `has more than`, `nests too deep`,
	`is a number that changes its value`, // integers between 2^63 and 2^64
)

// raised is what a document of line 0.0 is in line 0.1, by the tables.
func raised(m *message, n *value) *value {
	out := &value{kind: jsonObject}
	for i, name := range n.names {
		old, now := m.byMember(Line00, name), rowFor(m, name)
		switch item := n.items[i]; {
		case old == nil || now == nil:
			out.put(name, item)
		case now.exact && now.kind == enumKind:
			out.put(name, textValue(cmp.Or(now.words[item.string()], item.string())))
		case now.kind == durationKind:
			if item.value != "0" {
				out.put(now.member, textValue(item.value+"s"))
			}
		default:
			out.put(name, raisedIn(old, item))
		}
	}
	for i := range m.fields {
		if f := &m.fields[i]; f.since == Line01 && f.fallback != nil && out.get(f.member) == nil {
			out.put(f.member, f.fallback)
		}
	}
	if isMCP(out.text("protocol")) {
		if out.get("mcp") == nil {
			out.put("mcp", &value{kind: jsonObject})
		}
		if out.get("mcp").get("versions") == nil {
			out.get("mcp").put("versions", versionsOf(mcpDefault))
		}
	}
	return out
}

// rowFor is the row of line 0.1 that takes the place of a member of 0.0.
func rowFor(m *message, member string) *field {
	name := strings.TrimSuffix(member, "Seconds")
	if f := m.byMember(Line01, name); f != nil && f.in(Line01) && name != member {
		return f
	}
	return m.byMember(Line01, member)
}

func raisedIn(f *field, n *value) *value {
	if f.of == nil {
		return n
	}
	if f.kind == messageKind {
		return raised(f.of, n)
	}
	out := &value{kind: n.kind, names: n.names}
	for _, e := range n.items {
		out.items = append(out.items, raised(f.of, e))
	}
	return out
}

// sorted is a value with its members in order.
func (n *value) sorted() string {
	c := &value{kind: n.kind, value: n.value}
	order := slices.Collect(maps.Keys(map[int]bool{}))
	for i := range n.items {
		order = append(order, i)
	}
	if n.kind == jsonObject {
		slices.SortFunc(order, func(a, b int) int { return strings.Compare(n.names[a], n.names[b]) })
	}
	var b strings.Builder
	b.WriteByte(n.kind)
	for _, i := range order {
		if n.kind == jsonObject {
			b.WriteString(quoteJSON(n.names[i]))
		}
		b.WriteString(n.items[i].sorted() + ",")
	}
	if len(n.items) == 0 {
		return c.json()
	}
	return b.String()
}

// oddities are scalars that readers of YAML stumble over.
var oddities = strings.Fields(`0 1 -1 443 443.0 1e3 0x1BB 0X1BB 0o17 0O17 017 0b1 1_000 1:30 yes no on true True false null ~ .inf .nan 2026-01-01
	18446744073709551615 9223372036854775808 9007199254740993 0x8000000000000000 1e400 1.5 "" "a" 'b' '443' skip terminate Skip enforce audit full read-only read_only
	best_effort hard_requirement mcp MCP rest tcp graphql sql json-rpc 300s 1.5s 5m 0s {} [] [a] {a: b} &a *a !!str ! = root sandbox /usr usr _provider_x *.example.com **`)

// keysToAdd are lines that somebody may add.
var keysToAdd = []string{"tls: skip", "mcp: {}", "mcp: {versions: [2025-03-26]}", "harness: true", "grant_type: token_exchange", "files: []", "refresh_before: 1s",
	"refresh_before_seconds: 5", "<<: {}", "1: a", "~: {}", "rules:", "access: full", "landlock: {}", "process:", "- a", "# so", "---", "%YAML 1.2", "compatibility: best_effort"}

var scalarValue = regexp.MustCompile(`(: |- |\[|, )([^\s,\]\}\[\{]+)`)

// mutate makes one change of a file.
func mutate(r *rand.Rand, text string) string {
	lines := strings.Split(text, "\n")
	i := r.IntN(len(lines))
	switch r.IntN(8) {
	case 0, 1, 2: // another value
		places := scalarValue.FindAllStringSubmatchIndex(text, -1)
		if len(places) == 0 {
			return text
		}
		p := places[r.IntN(len(places))]
		return text[:p[4]] + oddities[r.IntN(len(oddities))] + text[p[5]:]
	case 3:
		return strings.Join(slices.Delete(lines, i, i+1), "\n")
	case 4:
		return strings.Join(slices.Insert(lines, i, lines[r.IntN(len(lines))]), "\n")
	case 5:
		indent := len(lines[i]) - len(strings.TrimLeft(lines[i], " "))
		return strings.Join(slices.Insert(lines, i, strings.Repeat(" ", indent)+keysToAdd[r.IntN(len(keysToAdd))]), "\n")
	case 6:
		lines[i] = strings.Repeat(" ", r.IntN(3)) + strings.TrimPrefix(lines[i], " ")
		return strings.Join(lines, "\n")
	}
	if text == "" {
		return "a"
	}
	at := r.IntN(len(text))
	return text[:at] + string(" \t\n:-{}[]\"'#&*!?,0aX_\u00e9\ufeff"[r.IntN(22)]) + text[at+1:]
}
