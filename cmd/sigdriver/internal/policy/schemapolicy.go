// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "math"

// The sandbox policy, as OpenShell's openshell-policy reads it.

var policyMessage = message{
	name: "SandboxPolicy",
	fields: []field{
		number("version", "version", "yaml-policy", 0, math.MaxUint32).must(),
		section("filesystem_policy", "filesystem", "yaml-policy", &filesystemMessage).present().removal(Widens).because("without it the policy restricts no path"),
		section("landlock", "landlock", "yaml-policy", &landlockMessage),
		section("process", "process", "yaml-policy", &processMessage),
		mapping("network_policies", "networkPolicies", "yaml-policy", &ruleMessage).opens(),
		mapping("network_middlewares", "networkMiddlewares", "yaml-middleware", &middlewareMessage).removal(Widens).because(unseen),
	},
	finish: nameByKey,
}

var filesystemMessage = message{name: "FilesystemPolicy", judge: judgePaths, fields: []field{
	boolean("include_workdir", "includeWorkdir", "yaml-policy").opens(),
	texts("read_only", "readOnly", "yaml-policy").opens(),
	texts("read_write", "readWrite", "yaml-policy").opens(),
}}

var landlockMessage = message{name: "LandlockPolicy", fields: []field{
	text("compatibility", "compatibility", "yaml-policy").ranked("best_effort", "hard_requirement", "best_effort").because("a sandbox starts even where paths cannot be restricted"),
}}

var processMessage = message{name: "ProcessPolicy", fields: []field{
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
	boolean("harness", "", "yaml-binary-harness").as("harness").becomes("left out: the host ignores it"),
}}

// unseen is said of a middleware that is gone or asked less often.
const unseen = "the middleware no longer sees this traffic"

var middlewareMessage = message{name: "NetworkMiddlewareConfig", fields: []field{
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
