// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/sigdriver/sigdriver/verifier"
)

// Difference is what must be said of an effective policy.
type Difference struct {
	Reason verifier.Reason // Allowed for none
	Text   []string        // parts of the finding's detail
}

// Differs says what must be said when a gateway's effective policy is got and
// the recipe makes want. The markers in want are those that must be there. Providers
// are the names of those who insert a rule, by the rule's key. It is written
// from the rules and shares no code with the verifier.
func Differs(recipe string, want Tree, got any, providers map[string]string) Difference {
	tree, fault := shaped(got)
	if fault != "" {
		return Difference{verifier.DocumentSurface, []string{fault}}
	}
	owner := func(key string) string {
		if p, ok := providers[key]; ok {
			return fmt.Sprintf("the rule %s of the provider %s", quoted(key), quoted(p))
		}
		return fmt.Sprintf("the rule %s of the source policy", quoted(key))
	}
	wantRules, _ := want["networkPolicies"].(Tree)
	gotRules, stated := tree["networkPolicies"].(Tree)
	for _, key := range sortedNames(wantRules) {
		if _, ok := gotRules[key]; !ok {
			return Difference{verifier.CompositionPartMissing, []string{owner(key)}}
		}
	}
	for _, key := range sortedNames(gotRules) {
		if _, ok := wantRules[key]; !ok {
			return Difference{verifier.CompositionPartExtra, []string{"the effective policy has the rule " + quoted(key)}}
		}
	}
	mismatch := func(text ...string) Difference { return Difference{verifier.CompositionMismatch, text} }
	if recipe == Recipe10 && badOwner(tree) {
		return mismatch("is no owner of a token grant")
	}
	if at, differs := staticDifference(want, tree, stated); differs {
		return mismatch("the field "+pointerTo(at), "is not the source policy's")
	}
	for _, key := range sortedNames(wantRules) {
		if at, differs := firstDifferent(unmarkedRule(recipe, wantRules[key]), unmarkedRule(recipe, gotRules[key])); differs {
			return mismatch(owner(key), "differs at "+pointerTo(append([]string{"networkPolicies", key}, at...)))
		}
		if i := unmarkedEndpoint(wantRules[key], gotRules[key]); i >= 0 {
			return mismatch(owner(key), "its endpoint "+pointerTo([]string{"networkPolicies", key, "endpoints", strconv.Itoa(i)})+" is not marked")
		}
	}
	return Difference{Reason: verifier.Allowed}
}

// shaped names the first place where an effective policy has not the shape that
// composition stands on.
func shaped(got any) (Tree, string) {
	tree, ok := got.(Tree)
	if !ok {
		return nil, "no JSON object"
	}
	if tree["@type"] != surface(PolicySurface) {
		return nil, "@type"
	}
	rules, found := tree["networkPolicies"]
	if !found {
		return tree, ""
	}
	if _, ok := rules.(Tree); !ok {
		return nil, pointerTo([]string{"networkPolicies"})
	}
	for key, r := range rules.(Tree) {
		rule, ok := r.(Tree)
		if !ok {
			return nil, pointerTo([]string{"networkPolicies", key})
		}
		list, found := rule["endpoints"]
		endpoints, ok := list.(List)
		if found && !ok {
			return nil, pointerTo([]string{"networkPolicies", key, "endpoints"})
		}
		for i, e := range endpoints {
			if _, ok := e.(Tree); !ok {
				return nil, pointerTo([]string{"networkPolicies", key, "endpoints", strconv.Itoa(i)})
			}
		}
	}
	return tree, ""
}

// staticDifference compares what is no rule. An empty map of rules is one only
// where there are none.
func staticDifference(want, got Tree, stated bool) (at []string, differs bool) {
	a, b := maps.Clone(want), maps.Clone(got)
	rules, wanted := want["networkPolicies"].(Tree)
	if wanted == stated || len(rules) > 0 {
		delete(a, "networkPolicies")
		delete(b, "networkPolicies")
	}
	return firstDifferent(a, b)
}

func unmarkedRule(recipe string, rule any) any {
	r := maps.Clone(rule.(Tree))
	endpoints, ok := r["endpoints"].(List)
	if !ok {
		return r
	}
	list := List{}
	for _, e := range endpoints {
		e := maps.Clone(e.(Tree))
		delete(e, "providerCredentialed")
		if recipe == Recipe10 {
			delete(e, "tokenGrantOwner")
		}
		list = append(list, e)
	}
	r["endpoints"] = list
	return r
}

// unmarkedEndpoint is the first endpoint that must carry a marker and does not.
func unmarkedEndpoint(want, got any) int {
	have, _ := got.(Tree)["endpoints"].(List)
	for i, e := range have {
		if want.(Tree)["endpoints"].(List)[i].(Tree)["providerCredentialed"] == true && e.(Tree)["providerCredentialed"] != true {
			return i
		}
	}
	return -1
}

// firstDifferent is where two values first differ, in canonical order.
func firstDifferent(a, b any) (at []string, differs bool) {
	if reflect.DeepEqual(a, b) {
		return nil, false
	}
	var names []string
	member := func(v any, name string) (any, bool) {
		if t, ok := v.(Tree); ok {
			x, found := t[name]
			return x, found
		}
		i, _ := strconv.Atoi(name)
		if l := v.(List); i < len(l) {
			return l[i], true
		}
		return nil, false
	}
	x, isTree := a.(Tree)
	y, bothTrees := b.(Tree)
	l, isList := a.(List)
	m, bothLists := b.(List)
	switch {
	case isTree && bothTrees:
		all := maps.Clone(x)
		maps.Copy(all, y)
		names = sortedNames(all)
	case isList && bothLists:
		for i := range max(len(l), len(m)) {
			names = append(names, strconv.Itoa(i))
		}
	default:
		return nil, true
	}
	for _, name := range names {
		v, inA := member(a, name)
		w, inB := member(b, name)
		if inA != inB {
			return []string{name}, true
		}
		if at, differs := firstDifferent(v, w); differs {
			return append([]string{name}, at...), true
		}
	}
	return nil, false
}

// sortedNames are the names of an object in the order of RFC 8785.
func sortedNames(t Tree) []string {
	return slices.SortedFunc(maps.Keys(t), func(a, b string) int {
		return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
	})
}

func pointerTo(at []string) string {
	var b strings.Builder
	for _, s := range at {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
	}
	return strconv.QuoteToASCII(b.String())
}

func quoted(s string) string { return strconv.QuoteToASCII(s) }

// check says how a decision is not what must be said, "" when it is.
func (w Difference) check(d *verifier.Decision) string {
	if d.Reason != w.Reason || (d.Verdict == verifier.Allow) != (w.Reason == verifier.Allowed) {
		return fmt.Sprintf("%v %v, want %v %q", d.Verdict, d.Reason, w.Reason, w.Text)
	}
	if w.Reason == verifier.Allowed {
		return ""
	}
	for _, f := range d.Findings {
		if f.Reason == w.Reason && f.Document == -1 && containsAll(f.Detail, w.Text) {
			return ""
		}
	}
	return fmt.Sprintf("no finding %v with %q in %+v", w.Reason, w.Text, d.Findings)
}

func containsAll(s string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) })
}
