// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
)

// What a gateway of the line 0.1 refuses when a policy arrives, though it could be
// read. What cannot be stored need not be signed. A gateway also looks at what is not
// in the file (whether two endpoints are ambiguous, what a middleware's service says
// of its configuration): that is not checked here.

// Limits of a policy.
const (
	maxPaths       = 256
	maxPathBytes   = 4096
	maxMiddlewares = 10
	maxPatterns    = 32
)

// reservedRule begins the names of the rules that providers insert.
const reservedRule = "_provider_"

// failKey blames the value of a key, or the mapping where it is missing.
func (n *node) failKey(at place, key, format string, args ...any) error {
	if v := n.get(key); v != nil {
		return v.fail(at.key(key), format, args...)
	}
	return n.fail(at, format, args...)
}

// checkPolicy checks what concerns a policy as a whole.
func checkPolicy(_ *reader, n *node, at place, out *value) error {
	if rules := n.get("network_policies"); rules != nil {
		for _, key := range rules.keys {
			if strings.HasPrefix(key.text, reservedRule) {
				fault := key.fail(at.key("network_policies").key(key.text), "begins with %s, which OpenShell keeps for the rules of providers", reservedRule)
				fault.Reason = verifier.DocumentReservedName
				return fault
			}
		}
	}
	return checkMiddlewares(n, at, out)
}

func checkMiddlewares(n *node, at place, out *value) error {
	all, here := n.get("network_middlewares"), at.key("network_middlewares")
	orders := map[string]bool{}
	for i, m := range itemsOf(out.get("networkMiddlewares")) {
		key, one := all.keys[i], all.items[i]
		at := here.key(key.text)
		order := "0"
		if written := m.get("order"); written != nil {
			order = written.value
		}
		switch {
		case i >= maxMiddlewares:
			return key.fail(at, "is one more than %d middlewares, which OpenShell takes", maxMiddlewares)
		case m.text("name") == "":
			return key.fail(at, "has no name")
		case orders[order]:
			return one.failKey(at, "order", "has the order %s, as another middleware has", order)
		}
		orders[order] = true
		if m.text("onError") == "fail_open" {
			continue
		}
		if host := uninspectedHost(out, m.get("endpoints")); host != "" {
			return one.failKey(at, "endpoints", "selects %s, whose traffic nothing looks into (tls: skip): exclude it, or let on_error be fail_open", printable(host))
		}
	}
	return nil
}

// uninspectedHost returns a host of the policy that a selector selects and that is not
// inspected; empty if there is none.
func uninspectedHost(policy, selector *value) string {
	for _, rule := range itemsOf(policy.get("networkPolicies")) {
		for _, e := range rule.list("endpoints") {
			host := e.text("host")
			if modeOf(e, "tls") != "skip" {
				continue
			}
			selects := func(pattern string) bool { return hostsMeet(pattern, host) }
			if slices.ContainsFunc(selector.texts("include"), selects) && !slices.ContainsFunc(selector.texts("exclude"), selects) {
				return host
			}
		}
	}
	return ""
}

// checkMiddleware checks one middleware; its name comes later, from its key.
func checkMiddleware(_ *reader, n *node, at place, out *value) error {
	selector := out.get("endpoints")
	patterns := len(selector.list("include")) + len(selector.list("exclude"))
	switch {
	case out.text("middleware") == "":
		return n.failKey(at, "middleware", "is empty: name the middleware")
	case !slices.Contains([]string{"", "fail_closed", "fail_open"}, out.text("onError")):
		return n.failKey(at, "on_error", "is %s and must be fail_closed or fail_open", printable(out.text("onError")))
	case len(selector.list("include")) == 0:
		return n.failKey(at, "endpoints", "includes no endpoint: name at least one host under include")
	case patterns > maxPatterns:
		return n.failKey(at, "endpoints", "has %d patterns, OpenShell takes %d", patterns, maxPatterns)
	}
	return nil
}

// checkPaths checks the paths of the file system.
func checkPaths(_ *reader, n *node, at place, out *value) error {
	seen := 0
	for _, list := range []struct{ key, member string }{{"read_only", "readOnly"}, {"read_write", "readWrite"}} {
		for i, path := range out.texts(list.member) {
			what := ""
			switch seen++; {
			case seen > maxPaths:
				what = "is one more than the " + itoa(maxPaths) + " paths that OpenShell takes"
			case len(path) > maxPathBytes:
				what = "has more than " + itoa(maxPathBytes) + " bytes"
			case !strings.HasPrefix(path, "/"):
				what = "is " + printable(path) + " and must be an absolute path"
			case slices.Contains(strings.Split(path, "/"), ".."):
				what = "is " + printable(path) + ": write it without .."
			case list.key == "read_write" && strings.Trim(path, "/") == "":
				what = "is the root of the file system, which OpenShell lets nobody write to"
			}
			if what != "" {
				return n.get(list.key).items[i].fail(at.key(list.key).item(i), "%s", what)
			}
		}
	}
	return nil
}

var decimal = regexp.MustCompile(`^\+?[0-9]+$`)

// checkProcess checks who a process runs as: the one user that the image has, or a
// number that is not root's.
func checkProcess(_ *reader, n *node, at place, out *value) error {
	for _, id := range []struct{ key, member string }{{"run_as_user", "runAsUser"}, {"run_as_group", "runAsGroup"}} {
		text := out.text(id.member)
		if text == "" || text == "sandbox" {
			continue
		}
		number, err := strconv.ParseUint(strings.TrimPrefix(text, "+"), 10, 32)
		if !decimal.MatchString(text) || err != nil || number == 0 || number == 1<<32-1 {
			return n.get(id.key).fail(at.key(id.key), "is %s and must be sandbox or a number from 1 to 4294967294 in quotes", printable(text))
		}
	}
	return nil
}

// hostsMeet reports whether two hosts, either of them a pattern, may be one.
func hostsMeet(a, b string) bool {
	return labelsMeet(strings.Split(lowerASCII(a), "."), strings.Split(lowerASCII(b), "."))
}

// labelsMeet compares label by label: ** stands for one or more.
func labelsMeet(a, b []string) bool {
	switch {
	case len(a) == 0 || len(b) == 0:
		return len(a) == len(b)
	case a[0] == "**" || b[0] == "**":
		return labelsMeet(a[1:], b[1:]) || len(b) > 1 && a[0] == "**" && labelsMeet(a, b[1:]) || len(a) > 1 && b[0] == "**" && labelsMeet(a[1:], b)
	}
	return labelMeets(a[0], b[0]) && labelsMeet(a[1:], b[1:])
}

// labelMeets compares two labels, in which * stands for any letters.
func labelMeets(a, b string) bool {
	switch {
	case a == "" && b == "":
		return true
	case strings.HasPrefix(a, "*"):
		return labelMeets(a[1:], b) || b != "" && labelMeets(a, b[1:])
	case strings.HasPrefix(b, "*"):
		return labelMeets(a, b[1:]) || a != "" && labelMeets(a[1:], b)
	}
	return a != "" && b != "" && a[0] == b[0] && labelMeets(a[1:], b[1:])
}
