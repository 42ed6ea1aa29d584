// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// TreeEdit is a document with one thing changed.
type TreeEdit struct {
	At, What string // where, as a JSON pointer without escapes, and what was done there
	Tree     any    // valid until the next edit
}

// EachEdit changes one thing of a document at a time: every value, every name,
// every member and element gone, doubled, moved or new.
func EachEdit(document []byte, visit func(TreeEdit)) {
	var root any = Parse(document)
	e := &editor{visit: func(at, what string) { visit(TreeEdit{at, what, root}) }}
	e.walk("", root, func(v any) { root = v })
}

type editor struct{ visit func(at, what string) }

// walk edits a value and all below it. set replaces the value where it stands.
func (e *editor) walk(at string, value any, set func(any)) {
	try := func(what string, other any) {
		set(other)
		e.visit(at, what)
		set(value)
	}
	try("a list", List{List{}})
	switch v := value.(type) {
	case Tree:
		e.walkTree(at, v)
	case List:
		try("an object", Tree{})
		e.walkList(at, v, try)
	case string:
		try("longer", v+"x")
		try("null", nil)
		try("an object", Tree{})
		try("a number", 7)
		if v != "" {
			try("empty", "")
			try("shorter", v[:len(v)-len(lastRune(v))])
		}
	case float64:
		try("one more", v+1)
		try("half", v/2+0.25)
		try("as text", fmt.Sprint(v))
	case bool:
		try("flipped", !v)
		try("as text", fmt.Sprint(v))
	case nil:
		try("false", false)
	}
}

func lastRune(s string) string {
	runes := []rune(s)
	return string(runes[len(runes)-1])
}

func (e *editor) walkTree(at string, v Tree) {
	for _, name := range []string{"zz", "providerCredentialed", "provider_credentialed", "advisorProposed", "name"} {
		if _, found := v[name]; !found {
			v[name] = true
			e.visit(at+"/"+name, "new")
			delete(v, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		value := v[name]
		delete(v, name)
		e.visit(at+"/"+name, "gone")
		if _, taken := v[name+"z"]; !taken {
			v[name+"z"] = value
			e.visit(at+"/"+name, "renamed")
			delete(v, name+"z")
		}
		v[name] = value
		e.walk(at+"/"+name, value, func(x any) { v[name] = x })
	}
}

func (e *editor) walkList(at string, v List, try func(string, any)) {
	try("one more", append(slices.Clone(v), 1.0))
	for i := range v {
		here := fmt.Sprintf("%s/%d", at, i)
		try(fmt.Sprintf("without %d", i), slices.Delete(slices.Clone(v), i, i+1))
		try(fmt.Sprintf("%d twice", i), slices.Insert(slices.Clone(v), i, v[i]))
		if i > 0 && !reflect.DeepEqual(v[i-1], v[i]) {
			swapped := slices.Clone(v)
			swapped[i-1], swapped[i] = v[i], v[i-1]
			try(fmt.Sprintf("%d before %d", i, i-1), swapped)
		}
		e.walk(here, v[i], func(x any) { v[i] = x })
	}
}
