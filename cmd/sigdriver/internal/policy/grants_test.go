// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// full is a value of a message with every field that the tables know of a line, each
// text its own.
func full(l Line, m *message) *value {
	n := &value{kind: jsonObject}
	for i := range m.fields {
		if f := &m.fields[i]; f.in(l) && f == m.byMember(l, nameOf(f)) {
			n.put(nameOf(f), fullField(l, f))
		}
	}
	return n
}

// thin has no field of more than one value.
func thin(l Line, m *message) *value {
	n := &value{kind: jsonObject}
	for i := range m.fields {
		f := &m.fields[i]
		if !f.in(l) || f != m.byMember(l, nameOf(f)) {
			continue
		}
		switch f.kind {
		case textKind, enumKind, boolKind, intKind, wideKind, durationKind:
			n.put(nameOf(f), fullField(l, f))
		}
	}
	return n
}

// nameOf is the member that a row is about; empty for what has none of its own.
func nameOf(f *field) string { return cmp.Or(f.member, f.writes) }

var made int

func newText() *value {
	made++
	return &value{kind: jsonString, value: fmt.Sprint("w", made)}
}

func fullField(l Line, f *field) *value {
	list := func(items ...*value) *value { return &value{kind: jsonArray, items: items} }
	switch f.kind {
	case intKind, wideKind:
		return &value{kind: jsonNumber, value: "7"}
	case boolKind:
		return &value{kind: jsonTrue}
	case textList, intList:
		return list(newText(), newText())
	case messageKind:
		return full(l, f.of)
	case messageList, binaryList:
		return list(full(l, f.of), thin(l, f.of))
	case messageMap, matcherMap, paramMap:
		return &value{kind: jsonObject, names: []string{newText().value, newText().value}, items: []*value{full(l, f.of), thin(l, f.of)}}
	case textMap, freeMap, freeKind:
		return &value{kind: jsonObject, names: []string{newText().value}, items: []*value{newText()}}
	}
	if f.exact {
		return &value{kind: jsonString, value: f.words[f.names()[0]]}
	}
	if f.kind == durationKind {
		return &value{kind: jsonString, value: itoa(made) + "s"}
	}
	if len(f.ranks) > 0 {
		return &value{kind: jsonString, value: f.ranks[0]}
	}
	return newText()
}

// fullDocuments are one document of each surface in each line.
func fullDocuments(t *testing.T) []*Document {
	t.Helper()
	var all []*Document
	for _, l := range Lines {
		for _, surface := range []string{policySurface, profileSurface, settingsSurface} {
			root := full(l, schemaOf(surface))
			root.drop("@type")
			root.put("@type", &value{kind: jsonString, value: "type.googleapis.com/" + surface})
			d := read(t, root.json())
			if d.line != l && surface != settingsSurface {
				t.Fatalf("the full %s of %s is shown as of %s", surface, l, d.line)
			}
			all = append(all, d)
		}
	}
	if len(all) != len(types)*len(Lines) {
		t.Fatal("a surface has no document here")
	}
	return all
}

func read(t *testing.T, text string) *Document {
	t.Helper()
	d, err := Read([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d
}

// visit calls f with every value of a document and how to replace it.
func visit(n *value, at string, f func(at string, holder *value, i int)) {
	for i, e := range n.items {
		here := pointer(at, strconv.Itoa(i))
		if n.kind == jsonObject {
			here = pointer(at, n.names[i])
		}
		f(here, n, i)
		visit(e, here, f)
	}
}

func (n *value) nameAt(i int) string {
	if n.kind == jsonObject {
		return n.names[i]
	}
	return ""
}

func (n *value) copied() *value {
	c := &value{kind: n.kind, value: n.value, names: slices.Clone(n.names)}
	for _, e := range n.items {
		c.items = append(c.items, e.copied())
	}
	return c
}

// edits are all documents that one edit makes of a document: another value, an
// element less, an element twice, a member more, two neighbours swapped.
// -short makes every seventh.
func edits(t *testing.T, d *Document, kinds []string, f func(what string, edited *Document)) {
	t.Helper()
	var places []string
	visit(d.root, "", func(at string, _ *value, _ int) { places = append(places, at) })
	if len(places) < 15 {
		t.Fatalf("only %d places", len(places))
	}
	for n, place := range places {
		if testing.Short() && n%7 != 0 {
			continue
		}
		for _, what := range kinds {
			edited := &Document{Surface: d.Surface, root: d.root.copied(), line: d.line}
			var there *value
			var which int
			visit(edited.root, "", func(at string, holder *value, i int) {
				if at == place {
					there, which = holder, i
				}
			})
			edit(what, there, which)
			f(what+" "+place, edited)
		}
	}
}

func edit(what string, holder *value, i int) {
	e := holder.items[i]
	switch what {
	case "value":
		switch e.kind {
		case jsonTrue:
			e.kind = jsonFalse
		case jsonString:
			e.value += "x"
		case jsonNumber:
			e.value += "1"
		default:
			holder.items[i] = &value{kind: jsonString, value: "instead"}
		}
	case "less":
		holder.items = append(holder.items[:i:i], holder.items[i+1:]...)
		if holder.kind == jsonObject {
			holder.names = append(holder.names[:i:i], holder.names[i+1:]...)
		}
	case "twice":
		holder.items = append(holder.items, e)
		if holder.kind == jsonObject {
			holder.names = append(holder.names, holder.names[i])
		}
	case "more":
		if holder.kind == jsonObject {
			holder.put("stranger", &value{kind: jsonTrue})
		} else {
			holder.items = append(holder.items, &value{kind: jsonString, value: "stranger"})
		}
	case "swap":
		if j := (i + 1) % len(holder.items); holder.kind == jsonArray {
			holder.items[i], holder.items[j] = holder.items[j], holder.items[i]
		}
	}
}

// TestEveryEditIsSeen: there is no edit of a document that Diff is silent about,
// and none that is said to narrow in both directions.
func TestEveryEditIsSeen(t *testing.T) {
	seen := 0
	for _, d := range fullDocuments(t) {
		base := read(t, d.root.json())
		edits(t, d, []string{"value", "less", "twice", "more", "swap"}, func(what string, edited *Document) {
			if edited.root.json() == base.root.json() {
				return // nothing to swap with
			}
			seen++
			there, err := Diff(base, edited)
			if err != nil || len(there) == 0 {
				t.Fatalf("%s: %v, %v", what, there, err)
			}
			back, err := Diff(edited, base)
			if err != nil || len(back) == 0 {
				t.Fatalf("%s back: %v, %v", what, back, err)
			}
			if only(there, Narrows) && only(back, Narrows) {
				t.Errorf("%s narrows in both directions", what)
			}
		})
	}
	if seen < 1000 && !testing.Short() || seen == 0 {
		t.Errorf("only %d edits", seen)
	}
	t.Logf("%d edits", seen)
}

func only(changes []Change, class Class) bool {
	for _, c := range changes {
		if c.Class != class {
			return false
		}
	}
	return len(changes) > 0
}

// TestNothingIsHidden: every text of a document stands in its YAML, and whatever
// is strange in the view.
func TestNothingIsHidden(t *testing.T) {
	for _, d := range fullDocuments(t) {
		yaml := d.YAML()
		texts := 0
		visit(d.root, "", func(at string, holder *value, i int) {
			e := holder.items[i]
			if e.kind == jsonString && at != "/@type" {
				texts++
				if !strings.Contains(yaml, yamlText(e.value)) && !strings.Contains(yaml, ": "+modeOf(holder, holder.nameAt(i))) {
					t.Errorf("%s: the YAML lacks %s", d.Surface, at)
				}
			}
		})
		if texts == 0 {
			t.Errorf("%s: no texts", d.Surface)
		}
		edits(t, d, []string{"more"}, func(what string, edited *Document) {
			if !strings.Contains(edited.root.json(), "stranger\":") {
				return
			}
			anything := slices.ContainsFunc([]string{"/config/", "/annotations/", "/settings/", "/volumes/", "/drivers/"}, func(free string) bool { return strings.Contains(what, free) })
			entry := strings.Contains(edited.root.json(), "\"stranger\":true") && onMap(what)
			if anything || entry {
				return
			}
			var b strings.Builder
			edited.View().Print(&b)
			if !strings.Contains(b.String(), "is not known to this build") {
				t.Errorf("%s: the view is silent about it", what)
			}
			if !strings.Contains(edited.YAML(), "stranger: true # not known to this build") {
				t.Errorf("%s: the YAML is silent about it", what)
			}
		})
	}
}

// unsaid are the members that a view may be silent about: they grant nothing.
var unsaid = []string{"@type", "version", "name", "order", "harness", "description", "material", "graphqlMaxBodyBytes", "jsonRpcMaxBodyBytes",
	"refreshBeforeSeconds", "maxLifetimeSeconds", "cacheTtlSeconds", "refreshBefore", "maxLifetime", "cacheTtl", "annotations", "resourceVersion", "scope", "source"}

// TestTheViewIsNotSilent: who approves reads the view, so no edit of what grants
// something leaves it as it was.
func TestTheViewIsNotSilent(t *testing.T) {
	seen := 0
	show := func(d *Document) string {
		var b strings.Builder
		d.View().Print(&b)
		return b.String()
	}
	for _, d := range fullDocuments(t) {
		base := show(d)
		edits(t, d, []string{"value", "less"}, func(what string, edited *Document) {
			seen++
			parts := strings.Split(what, "/")
			silent := slices.ContainsFunc(parts[1:], func(name string) bool { return slices.Contains(unsaid, name) })
			byDefault := strings.HasPrefix(what, "less ") && (strings.HasSuffix(what, "/strictToolNames") || strings.HasSuffix(what, "/onError") || isDefault(d, strings.TrimPrefix(what, "less ")))
			if !silent && !byDefault && show(edited) == base {
				t.Errorf("%s: %s, and the view is the same", d.Surface, what)
			}
		})
	}
	if seen == 0 {
		t.Error("no edits")
	}
}

// isDefault reports whether a document holds, at a place, what the view says of a
// document that holds nothing there.
func isDefault(d *Document, place string) (is bool) {
	visit(d.root, "", func(at string, holder *value, i int) {
		if at == place {
			is = map[string]string{"landlock": `{"compatibility":"best_effort"}`, "compatibility": `"best_effort"`,
				"enforcement": `"NETWORK_ENFORCEMENT_MODE_AUDIT"`}[path.Base(place)] == holder.items[i].json()
		}
	})
	return is
}

// onMap reports whether an edit was made to a map, whose keys are free.
func onMap(what string) bool {
	parts := strings.Split(what, "/")
	if len(parts) < 2 {
		return false
	}
	switch parts[len(parts)-2] {
	case "networkPolicies", "networkMiddlewares", "graphqlPersistedQueries", "query", "params", "tokenGrantOwners":
		return true
	}
	return false
}

// hostile is text that a terminal or a reader would stumble over.
const hostile = "a\x1b[31m\u202eb\u200b\u00ad\r\nc\"\\\u05d0\u0301\u2028"

// TestInert puts hostile text everywhere and looks for what a terminal obeys.
func TestInert(t *testing.T) {
	for _, d := range fullDocuments(t) {
		base := read(t, d.root.json())
		visit(d.root, "", func(at string, holder *value, i int) {
			if at == "/@type" {
				return
			}
			if holder.kind == jsonObject && onMap(at) {
				holder.names[i] += hostile
			}
			if holder.items[i].kind == jsonString {
				holder.items[i].value += hostile
			}
		})
		d.root.put(hostile, &value{kind: jsonString, value: hostile})
		changes, err := Diff(base, d)
		if err != nil || len(changes) == 0 {
			t.Fatal(changes, err)
		}
		var b strings.Builder
		d.View().Print(&b)
		PrintChanges(&b, changes)
		b.WriteString(d.YAML())
		if strings.Count(b.String(), "202") < 10 {
			t.Errorf("%s: the text did not arrive", d.Surface)
		}
		for _, r := range b.String() {
			if r != '\n' && (!unicode.IsPrint(r) || unicode.Is(unicode.Hebrew, r) || unicode.Is(unicode.M, r)) {
				t.Errorf("%s: %U stands in the output", d.Surface, r)
			}
		}
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"plain":      `"plain"`,
		"Zürich 東京":  `"Zürich 東京"`,
		"\xff\ufffd": "\"\\xFF\ufffd\"",
		"\U000e0041": `"\U000E0041"`,
		"a\u0301":    `"a\u0301"`,
		`"`:          `"\""`,
	} {
		if got := quoted(in); got != want {
			t.Errorf("quoted(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	if _, err := Read([]byte(`{"a":` + deep(maxDepth) + "}")); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"", "[]", "1", "{", "{} {}", `{"a":` + deep(maxDepth+1) + "}"} {
		if d, err := Read([]byte(text)); err == nil {
			t.Errorf("%.20q is read as %v", text, d)
		}
	}
}

// TestOfUnknownSurface: nothing is claimed of a message that is not known.
func TestOfUnknownSurface(t *testing.T) {
	d := read(t, `{"@type":"type.googleapis.com/x.Y","hosts":["*"]}`)
	v := d.View()
	if len(v.Grants) != 0 || len(v.Unusual) != 1 || v.Surface != "" {
		t.Errorf("%+v", v)
	}
	if got, want := d.YAML(), "\"@type\": type.googleapis.com/x.Y\nhosts: [\"*\"]\n"; got != want {
		t.Errorf("%s", got)
	}
	changes, err := Diff(d, read(t, `{"@type":"type.googleapis.com/x.Y","hosts":[]}`))
	if err != nil || fmt.Sprint(changes[0].Class) != "changes" {
		t.Errorf("%v %v", changes, err)
	}
}
