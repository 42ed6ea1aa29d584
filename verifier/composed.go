// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "slices"

// Composed returns the effective document that the recipe makes of the other
// documents of a COMPOSE, with the markers that a gateway must set and no others.
// It is the one Verify compares with, up to markers that may stand elsewhere. The
// finding says why nothing can be composed.
func Composed(req *Request) ([]byte, *Finding) {
	if req.Recipe != recipe {
		return nil, refuseDocument(CompositionRecipe, "the recipe %s is unknown; this driver knows %s", quote(req.Recipe), recipe)
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
	d := differences{layers: map[string]*parsedDocument{}}
	rules := d.compose(p, req.ProvidersV2)
	for i, m := range rules {
		if layer := d.layers[m.name]; layer != nil && credentialed(layer.tree) {
			rules[i].value = marked(m.value.(object))
		}
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

// marked returns a layer's rule with a marker on every endpoint that can carry one.
func marked(rule object) object {
	out := slices.Clone(rule)
	for i, m := range out {
		if m.name != "endpoints" {
			continue
		}
		endpoints := slices.Clone(m.value.(array))
		for j, e := range endpoints {
			endpoint := e.(object)
			value, _ := endpoint.get("host")
			if host, _ := value.(string); !markable(host) {
				continue
			}
			at, _ := slices.BinarySearchFunc(endpoint, providerCredentialed, func(m member, name string) int { return compareNames(m.name, name) })
			endpoints[j] = slices.Insert(slices.Clone(endpoint), at, member{providerCredentialed, true})
		}
		out[i].value = endpoints
	}
	return out
}
