// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
)

// The recipes of OpenShell 0.1.
const (
	Recipe09 = "openshell.compose/2026-09"
	Recipe10 = "openshell.compose/2026-10"
)

// GrantOwner is what a gateway may write as the owner of a token grant.
const GrantOwner = "grant-owner:v1:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"

var ownerForm = regexp.MustCompile(`^grant-owner:v1:[0-9a-f]{64}$`)

// ComposeBy applies any recipe the way its gateways do. A global policy takes no
// layers, and still its endpoints are marked.
func ComposeBy(recipe string, role verifier.Role, source Tree, layers ...Layer) []byte {
	var inserted []Layer
	for _, l := range layers {
		if l.NoLayer == 0 && role == verifier.SandboxPolicy {
			inserted = append(inserted, l)
		}
	}
	effective := Compose(source, inserted...)
	if recipe == Recipe {
		return effective
	}
	tree := Parse(effective)
	reach := reachOf(tree, layers)
	eachEndpoint(tree, func(e Tree) {
		delete(e, "providerCredentialed")
		if slices.ContainsFunc(reach, func(r Tree) bool { return reaches(r, e) }) {
			e["providerCredentialed"] = true
		}
	})
	return Canonical(tree)
}

// reachOf are the endpoints that credentials go to.
func reachOf(effective Tree, layers []Layer) (reach []Tree) {
	unbound := map[string]bool{}
	for _, l := range layers {
		endpoints, _ := l.Profile["endpoints"].(List)
		credentials, _ := l.Profile["credentials"].(List)
		signs := len(credentials) > 0
		for _, e := range endpoints {
			signing, _ := e.(Tree)["credentialSigning"].(string)
			signs = signs || strings.TrimSpace(signing) != ""
		}
		if l.NoLayer != 0 || len(endpoints) == 0 {
			unbound[l.Provider] = true
			continue
		}
		for _, e := range endpoints {
			if signs {
				reach = append(reach, e.(Tree))
			}
		}
	}
	eachEndpoint(effective, func(e Tree) {
		binding, _ := e["credentialBinding"].(Tree)
		provider, _ := binding["provider"].(string)
		if unbound[provider] {
			reach = append(reach, e)
		}
	})
	return reach
}

func eachEndpoint(policy Tree, f func(Tree)) {
	rules, _ := policy["networkPolicies"].(Tree)
	for _, rule := range rules {
		endpoints, _ := rule.(Tree)["endpoints"].(List)
		for _, e := range endpoints {
			f(e.(Tree))
		}
	}
}

// reaches reports whether a credential that goes to one endpoint goes to another.
func reaches(from, to Tree) bool {
	a, _ := from["host"].(string)
	b, _ := to["host"].(string)
	a, b = strings.ToLower(a), strings.ToLower(b)
	if !markable(a) || !markable(b) || !(hostFits(a, b) || hostFits(b, a)) {
		return false
	}
	p, q := portsOf(from), portsOf(to)
	if len(p) > 0 && len(q) > 0 && !slices.ContainsFunc(p, func(s string) bool { return slices.Contains(q, s) }) {
		return false
	}
	scope, _ := from["path"].(string)
	path, _ := to["path"].(string)
	switch {
	case scope == "" || scope == "**" || scope == "/**" || scope == path:
		return true
	case path == "" || strings.ContainsAny(path+scope, "[") || strings.ContainsAny(path, "*?"):
		return false
	}
	r := strings.NewReplacer(`\*\*`, ".+", `\*`, "[^/]*", `\?`, "[^/]")
	return regexp.MustCompile("(?s)^" + r.Replace(regexp.QuoteMeta(scope)) + "$").MatchString(path)
}

// hostFits tries hosts that a pattern stands for against another pattern.
func hostFits(pattern, host string) bool {
	r := strings.NewReplacer(`\*\*`, `[^.]+(\.[^.]+)*`, `\*`, `[^.]*`)
	form := regexp.MustCompile("^" + r.Replace(regexp.QuoteMeta(pattern)) + "$")
	for _, many := range []string{"x", "x.x", "x.x.x"} {
		for _, one := range []string{"", "x"} {
			if form.MatchString(strings.ReplaceAll(strings.ReplaceAll(host, "**", many), "*", one)) {
				return true
			}
		}
	}
	return false
}

func portsOf(endpoint Tree) (ports []string) {
	list, _ := endpoint["ports"].(List)
	for _, p := range list {
		ports = append(ports, fmt.Sprint(p))
	}
	if port, ok := endpoint["port"]; ok && len(ports) == 0 && fmt.Sprint(port) != "0" {
		ports = append(ports, fmt.Sprint(port))
	}
	return ports
}

// Owned is an effective policy whose endpoints have owners of token grants, as gateways
// from 0.1.3 on write them.
func Owned(effective []byte) []byte {
	tree := Parse(effective)
	eachEndpoint(tree, func(e Tree) { e["tokenGrantOwner"] = GrantOwner })
	return Canonical(tree)
}

// badOwner reports whether an endpoint has an owner that no gateway writes.
func badOwner(policy Tree) (bad bool) {
	eachEndpoint(policy, func(e Tree) {
		owner, there := e["tokenGrantOwner"]
		text, _ := owner.(string)
		bad = bad || there && !ownerForm.MatchString(text)
	})
	return bad
}
