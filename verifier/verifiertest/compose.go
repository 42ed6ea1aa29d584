// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
)

// Recipe is the composition recipe of the scenarios.
const Recipe = "openshell.compose/2026-08"

// Layer is one attached provider: its record's name and its profile.
type Layer struct {
	Provider string
	Profile  Tree
	NoLayer  verifier.NoLayer // why it inserts nothing, if it does not
}

var (
	unnamed    = regexp.MustCompile(`[^a-z0-9_]`)
	markedHost = regexp.MustCompile(`^(\*\*|[A-Za-z0-9_*-]+)(\.(\*\*|[A-Za-z0-9_*-]+))*$`)
)

// Compose applies the recipe the way the gateway does, written a second time so
// that the verifier's own reading of it has something to differ from.
func Compose(source Tree, layers ...Layer) []byte {
	effective := clone(source)
	rules, _ := effective["networkPolicies"].(Tree)
	if rules == nil {
		rules = Tree{}
	}
	for _, l := range layers {
		name := RuleName(l.Provider)
		key := name
		for i := 2; rules[key] != nil; i++ {
			key = name + "_" + strconv.Itoa(i)
		}
		rules[key] = LayerRule(name, clone(l.Profile))
	}
	if len(rules) > 0 {
		effective["networkPolicies"] = rules
	}
	return Canonical(effective)
}

// RuleName is the name of the rule that a provider inserts.
func RuleName(provider string) string {
	lower := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, provider)
	name := strings.Trim(unnamed.ReplaceAllString(lower, "_"), "_")
	if name == "" {
		name = "unnamed"
	}
	return "_provider_" + name
}

// LayerRule is the rule that a profile inserts.
func LayerRule(name string, profile Tree) Tree {
	rule := Tree{"name": name}
	if binaries, ok := profile["binaries"]; ok {
		rule["binaries"] = binaries
	}
	endpoints, ok := profile["endpoints"].(List)
	if !ok {
		return rule
	}
	credentials, _ := profile["credentials"].(List)
	credentialed := len(credentials) > 0
	for _, e := range endpoints {
		signing, _ := e.(Tree)["credentialSigning"].(string)
		credentialed = credentialed || strings.TrimSpace(signing) != ""
	}
	for _, e := range endpoints {
		host, _ := e.(Tree)["host"].(string)
		if credentialed && markable(host) {
			e.(Tree)["providerCredentialed"] = true
		}
	}
	rule["endpoints"] = endpoints
	return rule
}

// markable reports whether the gateway marks an endpoint of this host.
func markable(host string) bool {
	if !markedHost.MatchString(host) {
		return false
	}
	for _, label := range strings.Split(host, ".") {
		if label != "**" && strings.Contains(label, "**") {
			return false
		}
	}
	return true
}

// clone copies a tree deeply.
func clone(t Tree) Tree {
	var out Tree
	if err := json.Unmarshal(Compact(t), &out); err != nil {
		panic("verifiertest: " + err.Error())
	}
	return out
}
