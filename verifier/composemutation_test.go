// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
)

// Whatever single thing is changed in an effective policy, it shows, but for a
// marker where none is needed.
func TestCompositionNoticesEveryMutation(t *testing.T) {
	c := sampleComposition()
	effective := encoded(t, gatewayCompose(t, c, c.names()))
	c.effective = effective
	allowed(t, "unchanged", c)
	req, docs := c.request(t)
	value, _, _ := readCanonical(string(effective))
	noticed, masked := 0, 0
	mutateEach(value, func(at string, mutated any) {
		if req.Effective = appendTree(nil, mutated); string(req.Effective) == string(effective) {
			t.Fatalf("%s: nothing was changed", at)
		}
		findings := checkComposition(req, docs)
		free := freeMarker.MatchString(at)
		switch {
		case len(findings) > 0 && !free:
			noticed++
		case len(findings) == 0 && free:
			masked++
		default:
			t.Errorf("%s: %v", at, findings)
		}
	})
	if noticed < 500 || masked != 4 {
		t.Errorf("%d mutations noticed, %d masked", noticed, masked)
	}
}

// freeMarker matches a marker on an endpoint that needs none.
var freeMarker = regexp.MustCompile(`^/networkPolicies/(ledger|tools_mcp|_provider_mirror)/endpoints/\d/providerCredentialed new$`)

// mutateEach changes one thing of a tree at a time and calls visit: every value,
// every name, every member and element gone or new.
func mutateEach(value any, visit func(at string, mutated any)) {
	var walk func(at string, v any, set func(any))
	walk = func(at string, v any, set func(any)) {
		try := func(what string, other any) {
			set(other)
			visit(at+" "+what, value)
			set(v)
		}
		switch v := v.(type) {
		case nil:
			try("no longer null", false)
		case bool:
			try("flipped", !v)
			try("null", nil)
		case string:
			try("longer", v+"x")
			try("a list", array{})
			try("an object", object{})
			try("null", nil)
			if v != "" {
				try("empty", "")
				try("shorter", v[1:])
			}
		case number:
			try("another", v[:len(v)-1]+number("1234567898"[v[len(v)-1]-'0']))
			try("as text", string(v))
			try("a list", array{v})
		case array:
			try("an object", object{})
			try("one more", append(slices.Clone(v), number("1")))
			for i := range v {
				try(fmt.Sprintf("without %d", i), slices.Delete(slices.Clone(v), i, i+1))
				try(fmt.Sprintf("with %d twice", i), slices.Insert(slices.Clone(v), i, v[i]))
				walk(fmt.Sprintf("%s/%d", at, i), v[i], func(x any) { v[i] = x })
			}
		case object:
			try("a list", array{})
			for _, name := range []string{"zz", providerCredentialed} {
				if _, found := v.get(name); !found {
					set(withMember(v, name))
					visit(at+"/"+name+" new", value)
					set(v)
				}
			}
			for i, m := range v {
				try("without "+m.name, slices.Delete(slices.Clone(v), i, i+1))
				renamed := slices.Delete(slices.Clone(v), i, i+1)
				try("renamed "+m.name, withMember(renamed, m.name+"z"))
				walk(at+"/"+m.name, m.value, func(x any) { v[i].value = x })
			}
		}
	}
	walk("", value, func(x any) { value = x })
}

// withMember returns the object with one member more, in order.
func withMember(o object, name string) object {
	o = append(slices.Clone(o), member{name, true})
	slices.SortFunc(o, func(a, b member) int { return compareNames(a.name, b.name) })
	return o
}
