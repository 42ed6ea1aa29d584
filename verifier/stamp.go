// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// credentialScope is where a credential may go: hosts, ports (none for all) and paths.
type credentialScope struct {
	host, path string
	ports      []number
}

// scopesOf returns where the credentials of attached providers go: to the endpoints of
// a credentialed profile that has a layer, and to the endpoints of the policy that are
// bound to a provider without endpoints or without a layer.
func scopesOf(p *parts, rules object) []credentialScope {
	var scopes []credentialScope
	bound := map[string]bool{}
	for _, layer := range p.layers {
		endpoints := endpointsOf(layer.tree)
		if len(endpoints) == 0 || layer.noLayer != 0 {
			bound[layer.provider] = true
			continue
		}
		if credentialed(layer.tree) {
			for _, e := range endpoints {
				scopes = append(scopes, scopeOf(e.(object)))
			}
		}
	}
	for _, r := range rules {
		for _, e := range endpointsOf(r.value.(object)) {
			value, _ := e.(object).get("credentialBinding")
			binding, _ := value.(object)
			if bound[binding.textOf("provider")] {
				scopes = append(scopes, scopeOf(e.(object)))
			}
		}
	}
	return scopes
}

func scopeOf(endpoint object) credentialScope {
	s := credentialScope{host: strings.ToLower(endpoint.textOf("host")), path: endpoint.textOf("path")}
	value, _ := endpoint.get("ports")
	ports, _ := value.(array)
	for _, p := range ports {
		if n, ok := p.(number); ok {
			s.ports = append(s.ports, n)
		}
	}
	if port, _ := endpoint.get("port"); len(s.ports) == 0 {
		if n, ok := port.(number); ok && n != "0" {
			s.ports = []number{n}
		}
	}
	return s
}

func (o object) textOf(name string) string {
	value, _ := o.get(name)
	text, _ := value.(string)
	return text
}

// maxStampSteps bounds the letters that are compared to find out which endpoints of one
// policy must be marked: some hundred profiles with a thousand endpoints each.
const maxStampSteps = 1 << 26

// stamped reports whether the gateway marks an endpoint, for a credential may go there.
// Where there is too much to compare, everything must be marked.
func (d *differences) stamped(endpoint object) bool {
	e := scopeOf(endpoint)
	if !markable(e.host) {
		return false
	}
	for i := range d.scopes {
		s := &d.scopes[i]
		if d.steps += 1 + len(s.host)*len(e.host); d.steps > maxStampSteps {
			return true
		}
		if !s.sharesPort(&e) || !markable(s.host) || !hostsMeet(s.host, e.host) {
			continue
		}
		if d.steps += len(s.path) * len(e.path); d.steps > maxStampSteps || s.covers(e.path) {
			return true
		}
	}
	return false
}

func (s *credentialScope) sharesPort(e *credentialScope) bool {
	return len(s.ports) == 0 || len(e.ports) == 0 || slices.ContainsFunc(s.ports, func(p number) bool { return slices.Contains(e.ports, p) })
}

// covers reports whether a scope's path covers an endpoint's: it is any or the same, or
// a pattern that the endpoint's path, if it is none itself, matches. What * stands for
// ends at a slash: where readers of patterns differ, no marker is demanded.
func (s *credentialScope) covers(path string) bool {
	switch {
	case s.path == "" || s.path == "**" || s.path == "/**" || s.path == path:
		return true
	case path == "" || strings.ContainsAny(path, "*?[") || strings.Contains(s.path, "["):
		return false
	}
	// fits tells of each beginning of the path whether the pattern so far matches it.
	fits := make([]bool, len(path)+1)
	fits[0] = true
	for i := 0; i < len(s.path); i++ {
		star := s.path[i] == '*'
		across := star && i+1 < len(s.path) && s.path[i+1] == '*'
		if across {
			i++
		}
		next := make([]bool, len(path)+1)
		for j := range next {
			switch {
			case across: // one letter or more
				next[j] = j > 0 && (fits[j-1] || next[j-1])
			case star: // any within a part of the path, also none
				next[j] = fits[j] || j > 0 && path[j-1] != '/' && next[j-1]
			case j > 0:
				next[j] = fits[j-1] && (s.path[i] == path[j-1] || s.path[i] == '?' && path[j-1] != '/')
			}
		}
		fits = next
	}
	return fits[len(path)]
}

// hostsMeet reports whether two hosts, patterns or not, may be one. ** stands for one
// label or more.
func hostsMeet(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	// meets[i][j]: the first i labels of one and j of the other may be the same.
	meets := make([][]bool, len(x)+1)
	for i := range meets {
		meets[i] = make([]bool, len(y)+1)
		for j := range meets[i] {
			switch {
			case i == 0 || j == 0:
				meets[i][j] = i == j
			case x[i-1] == "**" || y[j-1] == "**":
				meets[i][j] = meets[i-1][j-1] || x[i-1] == "**" && meets[i][j-1] || y[j-1] == "**" && meets[i-1][j]
			default:
				meets[i][j] = meets[i-1][j-1] && labelsMeet(x[i-1], y[j-1])
			}
		}
	}
	return meets[len(x)][len(y)]
}

// labelsMeet compares two labels in which * stands for any letters, also none.
func labelsMeet(a, b string) bool {
	if !strings.Contains(a, "*") && !strings.Contains(b, "*") {
		return a == b
	}
	meets := make([][]bool, len(a)+1)
	for i := range meets {
		meets[i] = make([]bool, len(b)+1)
		for j := range meets[i] {
			switch {
			case i == 0 && j == 0:
				meets[i][j] = true
			case i > 0 && a[i-1] == '*' && meets[i-1][j], j > 0 && b[j-1] == '*' && meets[i][j-1]:
				meets[i][j] = true
			case i > 0 && j > 0:
				meets[i][j] = meets[i-1][j-1] && a[i-1] == b[j-1] || a[i-1] == '*' && meets[i][j-1] || b[j-1] == '*' && meets[i-1][j]
			}
		}
	}
	return meets[len(a)][len(b)]
}

// grantOwner is what a gateway writes into tokenGrantOwner: nobody else can make it,
// so only its form is known.
var grantOwner = regexp.MustCompile(`^grant-owner:v1:[0-9a-f]{64}$`)

// checkOwners says what is wrong with the owners of token grants in an effective
// policy.
func (d *differences) checkOwners(rules object) {
	for _, r := range rules {
		for i, e := range endpointsOf(r.value.(object)) {
			value, found := e.(object).get(tokenGrantOwner)
			if text, ok := value.(string); found && (!ok || !grantOwner.MatchString(text)) {
				d.change("%s is no owner of a token grant as a gateway writes it", pointer("networkPolicies", r.name, "endpoints", strconv.Itoa(i), tokenGrantOwner))
			}
		}
	}
}
