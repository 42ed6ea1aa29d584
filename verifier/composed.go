// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "slices"

// Composed returns the effective document that the recipe makes of the other
// documents of a COMPOSE, with the markers that a gateway must set and no others.
// It is the one Verify compares with, up to markers that may stand elsewhere. The
// finding says why nothing can be composed.
func Composed(req *Request) ([]byte, *Finding) {
	recipe := recipeByName(req.Recipe)
	if recipe == nil {
		return nil, unknownRecipe(req.Recipe)
	}
	docs := make([]*parsedDocument, len(req.Documents))
	for i := range req.Documents {
		var fault *Finding
		if docs[i], fault = parseDocument(&req.Documents[i], &req.Target); fault != nil {
			fault.Document = i
			return nil, fault
		}
	}
	p, fault := sortParts(docs)
	if fault != nil {
		return nil, fault
	}
	d := differences{recipe: recipe, layers: map[string]*parsedDocument{}}
	rules := d.compose(p, req.ProvidersV2)
	for i, m := range rules {
		rules[i].value = d.marked(m.name, m.value.(object))
	}
	effective := slices.Clone(p.source.tree)
	at, found := slices.BinarySearchFunc(effective, "networkPolicies", func(m member, name string) int { return compareNames(m.name, name) })
	switch {
	case found:
		effective[at].value = rules
	case len(rules) > 0:
		effective = slices.Insert(effective, at, member{"networkPolicies", rules})
	}
	return appendTree(nil, effective), nil
}

// marked returns a rule with a marker on every endpoint that must carry one.
func (d *differences) marked(key string, rule object) object {
	out := slices.Clone(rule)
	for i, m := range out {
		if m.name != "endpoints" {
			continue
		}
		endpoints := slices.Clone(m.value.(array))
		for j, e := range endpoints {
			endpoint := e.(object)
			if !d.mustMark(key, endpoint) {
				continue
			}
			at, _ := slices.BinarySearchFunc(endpoint, providerCredentialed, func(m member, name string) int { return compareNames(m.name, name) })
			endpoints[j] = slices.Insert(slices.Clone(endpoint), at, member{providerCredentialed, true})
		}
		out[i].value = endpoints
	}
	return out
}
