// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "math"

// The sandbox policy, as OpenShell's openshell-policy reads it.

var policyMessage = message{
	name: "SandboxPolicy",
	fields: []field{
		number("version", "version", "yaml-policy", 0, math.MaxUint32).must().till(Line01),
		number("version", "version", "yaml-policy-01", 1, 1).must().from(Line01),
		section("filesystem_policy", "filesystem", "yaml-policy", &filesystemMessage).present().removal(Widens).because("without it the policy restricts no path"),
		section("landlock", "landlock", "yaml-policy", &landlockMessage),
		section("process", "process", "yaml-policy", &processMessage),
		mapping("network_policies", "networkPolicies", "yaml-policy", &ruleMessage).opens(),
		mapping("network_middlewares", "networkMiddlewares", "yaml-middleware", &middlewareMessage).removal(Widens).because(unseen),
	},
	finish: nameByKey,
	check:  checkPolicy,
}

var filesystemMessage = message{name: "FilesystemPolicy", judge: judgePaths, check: checkPaths, fields: []field{
	boolean("include_workdir", "includeWorkdir", "yaml-policy").opens(),
	texts("read_only", "readOnly", "yaml-policy").opens(),
	texts("read_write", "readWrite", "yaml-policy").opens(),
}}

var landlockMessage = message{name: "LandlockPolicy", fields: []field{
	compatibility(text("compatibility", "compatibility", "yaml-policy")).till(Line01),
	compatibility(field{key: "compatibility", member: "compatibility", kind: enumKind, exact: true, vector: "yaml-landlock-01",
		words: map[string]string{"best_effort": "best_effort", "hard_requirement": "hard_requirement"}}).
		materialised("best_effort").becomes("`best_effort` if left out").from(Line01),
}}

func compatibility(f field) field {
	return f.ranked("best_effort", "hard_requirement", "best_effort").because("a sandbox starts even where paths cannot be restricted")
}

var processMessage = message{name: "ProcessPolicy", check: checkProcess, fields: []field{
	text("run_as_user", "runAsUser", "yaml-policy").judged(widensTo("0", "root")),
	text("run_as_group", "runAsGroup", "yaml-policy").judged(widensTo("0", "root")),
}}

var ruleMessage = message{name: "NetworkPolicyRule", judge: judgeRule, fields: []field{
	text("name", "name", "yaml-rule-names").becomes("the key, if it is empty or left out"),
	list("endpoints", "endpoints", "yaml-policy", &endpointMessage).opens(),
	list("binaries", "binaries", "yaml-policy", &policyBinaryMessage).opens(),
}}

var policyBinaryMessage = message{name: "NetworkBinary, in a policy", pair: pairBy("path"), fields: []field{
	text("path", "path", "yaml-policy").must(),
	boolean("harness", "", "yaml-binary-harness").as("harness").becomes("left out: the host ignores it").till(Line01),
}}

// unseen is said of a middleware that is gone or asked less often.
const unseen = "the middleware no longer sees this traffic"

var middlewareMessage = message{name: "NetworkMiddlewareConfig", check: checkMiddleware, fields: []field{
	text("name", "name", "yaml-middleware").becomes("the key, if it is empty or left out"),
	text("middleware", "middleware", "yaml-middleware").must(),
	{key: "config", member: "config", kind: freeMap, presence: true, fallback: &value{kind: jsonObject}, vector: "yaml-middleware-config", how: "any JSON; `{}` if left out"},
	text("on_error", "onError", "yaml-middleware").ranked("fail_closed", "fail_closed", "fail_open").because("traffic passes while the middleware is away"),
	section("endpoints", "endpoints", "yaml-middleware", &selectorMessage).present(),
	number("order", "order", "yaml-middleware", math.MinInt32, math.MaxInt32),
}}

var selectorMessage = message{name: "MiddlewareEndpointSelector", fields: []field{
	texts("include", "include", "yaml-middleware").removal(Widens).because(unseen),
	texts("exclude", "exclude", "yaml-middleware").addition(Widens).because(unseen),
}}
