// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Class says what a change does to what is granted, judged alone.
type Class int

const (
	// Changes is every change that is not one of the others for certain.
	Changes Class = iota + 1
	// Narrows is a change after which certainly no more is granted.
	Narrows
	// Widens is a change after which more may be granted.
	Widens
)

func (c Class) String() string {
	switch c {
	case Narrows:
		return "narrows"
	case Widens:
		return "widens"
	}
	return "changes"
}

// MarshalText writes the class as String does.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Change is one difference between two documents.
type Change struct {
	Class Class `json:"class"`
	// Path is the JSON pointer of what differs: in the new document, or in the old
	// one for what is gone. It is foreign text.
	Path string `json:"path"`
	// Was and Is are compact JSON; empty for absent.
	Was string `json:"was,omitempty"`
	Is  string `json:"is,omitempty"`
	// Says is what it means, where that is not plain.
	Says string `json:"says,omitempty"`
}

// Diff compares two documents of one surface, field by field. Documents that
// differ in anything have at least one change.
func Diff(was, is *Document) ([]Change, error) {
	if was.Surface != is.Surface {
		return nil, errors.New("the two are documents of different messages")
	}
	d := &differ{line: max(was.line, is.line), was: was.root, is: is.root}
	changes := d.message(is.message(), "", was.root, is.root)
	return d.complete(changes, "", was.root, is.root), nil
}

// differ compares the parts of two documents.
type differ struct {
	line    Line
	was, is *value
	looked  int // at pairs of endpoints, for what leads to one place
}

// maxLooks bounds how many pairs of endpoints are looked at; of the rest it is
// assumed that they lead to one place.
const maxLooks = 1 << 20

// complete adds a change for a difference of which no field spoke.
func (d *differ) complete(changes []Change, at string, was, is *value) []Change {
	if len(changes) == 0 && !same(was, is) {
		return []Change{change(Changes, at, was, is, "only the form differs, or the order")}
	}
	return changes
}

func change(class Class, at string, was, is *value, says string) Change {
	c := Change{Class: max(class, Changes), Path: at, Says: says}
	if was != nil {
		c.Was = was.json()
	}
	if is != nil {
		c.Is = is.json()
	}
	return c
}

// message compares two values of a message; an absent one is an empty one.
func (d *differ) message(m *message, at string, was, is *value) []Change {
	if bad := wrongKind(jsonObject, was, is); bad {
		return []Change{change(Changes, at, was, is, "it is no message of the kind that this build knows")}
	}
	var changes []Change
	for _, name := range unionNames(was, is) {
		w, i := was.get(name), is.get(name)
		if same(w, i) && !was.twice(name) && !is.twice(name) {
			continue
		}
		here := pointer(at, name)
		f := m.byMember(d.line, name)
		switch {
		case was.twice(name) || is.twice(name):
			changes = append(changes, change(Changes, here, w, i, "the member is there twice"))
		case f == nil:
			changes = append(changes, change(Changes, here, w, i, "not known to this build"))
		default:
			changes = append(changes, d.complete(d.field(f, here, w, i), here, w, i)...)
		}
	}
	if m.judge != nil {
		m.judge(d, was, is, changes)
	}
	return changes
}

// wrongKind reports whether one of two values is there and not of a kind.
func wrongKind(kind byte, values ...*value) bool {
	return slices.ContainsFunc(values, func(n *value) bool { return n != nil && n.kind != kind })
}

// unionNames are the members of two objects, in order and once each.
func unionNames(was, is *value) []string {
	var names []string
	for _, n := range []*value{was, is} {
		if n != nil {
			names = append(names, n.names...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// field compares one field that differs.
func (d *differ) field(f *field, at string, was, is *value) []Change {
	if bad := f.wrong(was) || f.wrong(is); bad {
		return []Change{change(Changes, at, was, is, "it is not of the type that this build knows")}
	}
	if f.exact {
		was, is = f.asWord(was), f.asWord(is)
		return []Change{f.text(at, was, is)}
	}
	switch f.kind {
	case messageKind:
		if f.means && (was == nil) != (is == nil) {
			return []Change{f.appearance(at, was, is)}
		}
		return d.message(f.of, at, was, is)
	case textList, intList:
		return f.set(at, was, is)
	case messageList, binaryList:
		return d.list(f, at, was, is)
	case messageMap, matcherMap, paramMap:
		return d.mapped(f, at, was, is)
	case boolKind:
		return []Change{f.flag(at, was, is)}
	case textKind, enumKind:
		return []Change{f.text(at, was, is)}
	case intKind, wideKind:
		if f.more == Widens && is != nil {
			return []Change{f.change(Widens, at, was, is)}
		}
	}
	return []Change{change(Changes, at, was, is, "")}
}

// wrong reports whether a value that is there has another shape than the field's.
func (f *field) wrong(n *value) bool {
	if n == nil {
		return false
	}
	switch f.kind {
	case textKind, enumKind, durationKind:
		return n.kind != jsonString
	case intKind, wideKind:
		return n.kind != jsonNumber && n.kind != jsonString
	case boolKind:
		return n.kind != jsonTrue && n.kind != jsonFalse
	case textList, intList, messageList, binaryList:
		return n.kind != jsonArray
	case messageKind, messageMap, matcherMap, paramMap, textMap:
		return n.kind != jsonObject
	}
	return false
}

// appearance compares a message that means something by being there.
func (f *field) appearance(at string, was, is *value) Change {
	if was == nil {
		return f.change(f.added(false), at, was, is)
	}
	return f.change(f.removed(false), at, was, is)
}

func (f *field) flag(at string, was, is *value) Change {
	w, i := f.on, f.on
	if was != nil {
		w = was.kind == jsonTrue
	}
	if is != nil {
		i = is.kind == jsonTrue
	}
	class := Changes // a default that is written out, or no longer
	switch {
	case i && !w:
		class = f.added(true)
	case w && !i:
		class = f.removed(true)
	}
	return f.change(class, at, was, is)
}

// asWord returns a value of an exact enumeration as its author writes it.
func (f *field) asWord(n *value) *value {
	if n == nil {
		return nil
	}
	return textValue(f.spoken(n.string()))
}

func (f *field) text(at string, was, is *value) Change {
	w, i := was.string(), is.string()
	class := Changes
	switch {
	case w == i:
	case f.classify != nil:
		class = f.classify(w, i)
	case f.ranks != nil:
		class = f.byRank(w, i)
	case i == "":
		class = f.removed(false)
	default:
		class = f.added(w != "")
	}
	return f.change(class, at, was, is)
}

// byRank classes a change between two values of an order.
func (f *field) byRank(was, is string) Class {
	rank := func(s string) int {
		if s == "" {
			s = f.zero
		}
		return slices.Index(f.ranks, s)
	}
	w, i := rank(was), rank(is)
	switch {
	case i == len(f.ranks)-1 && w != i:
		return Widens
	case w < 0 || i < 0 || w == i:
		return Changes
	case i > w:
		return Widens
	}
	return Narrows
}

// set compares lists of strings whose order says nothing.
func (f *field) set(at string, was, is *value) []Change {
	w, i := itemsOf(was), itemsOf(is)
	old, now := texted(w), texted(i)
	var changes []Change
	for n, e := range i {
		if len(old[e.json()]) == 0 {
			changes = append(changes, f.change(f.added(len(w) > 0), pointer(at, strconv.Itoa(n)), nil, e))
		}
	}
	for n, e := range w {
		if len(now[e.json()]) == 0 {
			changes = append(changes, f.change(f.removed(len(i) > 0), pointer(at, strconv.Itoa(n)), e, nil))
		}
	}
	return changes
}

// texted finds the places of values by their text.
func texted(list []*value) map[string][]int {
	places := map[string][]int{}
	for n, e := range list {
		places[e.json()] = append(places[e.json()], n)
	}
	return places
}

func itemsOf(n *value) []*value {
	if n == nil {
		return nil
	}
	return n.items
}

// mapped compares maps of messages, key by key.
func (d *differ) mapped(f *field, at string, was, is *value) []Change {
	var changes []Change
	for _, name := range unionNames(was, is) {
		w, i := was.get(name), is.get(name)
		here := pointer(at, name)
		switch {
		case was.twice(name) || is.twice(name):
			changes = append(changes, change(Changes, here, w, i, "the member is there twice"))
		case same(w, i):
		case w == nil:
			changes = append(changes, f.change(f.added(len(itemsOf(was)) > 0), here, nil, i))
		case i == nil:
			changes = append(changes, d.gone(f, here, w, len(itemsOf(is)) > 0))
		default:
			changes = append(changes, d.complete(d.message(f.of, here, w, i), here, w, i)...)
		}
	}
	return changes
}

// gone is the change of an element that is no longer there.
func (d *differ) gone(f *field, at string, was *value, some bool) Change {
	class, says := f.removed(some), ""
	if class == Narrows && d.exposes(f, was) {
		class, says = Changes, governed
	}
	if says == "" {
		says = f.explain(class)
	}
	return change(class, at, was, nil, says)
}

// list compares lists of messages: elements are paired by what names them, and
// what is left over was added or removed.
func (d *differ) list(f *field, at string, was, is *value) []Change {
	w, i := itemsOf(was), itemsOf(is)
	partner := pairUp(f.of, w, i)
	var changes []Change
	if moved(partner) {
		changes = append(changes, change(Changes, at, nil, nil, "what both have stands in another order"))
	}
	taken := map[int]bool{}
	for n, e := range i {
		here := pointer(at, strconv.Itoa(n))
		if p := partner[n]; p >= 0 {
			taken[p] = true
			if !same(w[p], e) {
				changes = append(changes, d.complete(d.message(f.of, here, w[p], e), here, w[p], e)...)
			}
			continue
		}
		changes = append(changes, f.change(f.added(len(w) > 0), here, nil, e))
	}
	for n, e := range w {
		if !taken[n] {
			changes = append(changes, d.gone(f, pointer(at, strconv.Itoa(n)), e, len(i) > 0))
		}
	}
	return changes
}

// moved reports whether paired elements changed their order.
func moved(partner []int) bool {
	paired := slices.DeleteFunc(slices.Clone(partner), func(p int) bool { return p < 0 })
	return !slices.IsSorted(paired)
}

// pairUp finds for each new element the old one that it continues, -1 for none:
// first the equal ones, then those of one name.
func pairUp(m *message, was, is []*value) []int {
	partner := slices.Repeat([]int{-1}, len(is))
	taken := make([]bool, len(was))
	pair := func(key func(*value) string) {
		places := map[string][]int{}
		for n, e := range was {
			if !taken[n] {
				places[key(e)] = append(places[key(e)], n)
			}
		}
		for n, e := range is {
			if queue := places[key(e)]; partner[n] < 0 && len(queue) > 0 {
				partner[n], taken[queue[0]] = queue[0], true
				places[key(e)] = queue[1:]
			}
		}
	}
	pair((*value).json)
	for _, key := range m.pair {
		pair(key)
	}
	return partner
}

// Tally counts changes by class: "2 widen, 1 narrows".
func Tally(changes []Change) string {
	count := map[Class]int{}
	for _, c := range changes {
		count[c.Class]++
	}
	var parts []string
	for _, c := range []Class{Widens, Narrows, Changes} {
		if n := count[c]; n == 1 {
			parts = append(parts, fmt.Sprintf("1 %s", c))
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.TrimSuffix(c.String(), "s")))
		}
	}
	return strings.Join(parts, ", ")
}
