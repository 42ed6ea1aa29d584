// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// policy01 is a policy of OpenShell 0.1 with endpoints under one rule.
func policy01(endpoints ...vt.Tree) vt.Tree {
	list := vt.List{}
	for _, e := range endpoints {
		list = append(list, e)
	}
	return vt.Tree{"@type": "type.googleapis.com/" + vt.PolicySurface, "version": 1,
		"networkPolicies": vt.Tree{"web": vt.Tree{"name": "web", "endpoints": list}}}
}

// endpoint01 is an endpoint whose requests are looked into.
func endpoint01(host string, port int, path string) vt.Tree {
	e := vt.Tree{"host": host, "port": port, "ports": vt.List{port}, "protocol": "rest", "access": "NETWORK_ACCESS_PRESET_READ_ONLY",
		"enforcement": "NETWORK_ENFORCEMENT_MODE_ENFORCE"}
	if path != "" {
		e["path"] = path
	}
	return e
}

// profile01 is a profile of OpenShell 0.1, with a credential or without.
func profile01(id string, credential bool, endpoints ...vt.Tree) vt.Tree {
	p := vt.Tree{"@type": "type.googleapis.com/" + vt.ProfileSurface, "id": id, "displayName": id, "category": "PROVIDER_PROFILE_CATEGORY_OTHER"}
	if credential {
		p["credentials"] = vt.List{vt.Tree{"name": "token", "envVars": vt.List{"TOKEN"}}}
	}
	if len(endpoints) > 0 {
		list := vt.List{}
		for _, e := range endpoints {
			delete(e, "ports")
			list = append(list, e)
		}
		p["endpoints"] = list
	}
	return p
}

// compositions01 are compositions by the recipes of OpenShell 0.1.
func compositions01() []*CompositionVector {
	bound := endpoint01("svc.example.com", 8443, "")
	bound["credentialBinding"] = vt.Tree{"provider": "endless"}
	forge := func() vt.Layer {
		return vt.Layer{Provider: "My-Forge!", Profile: profile01("forge", true, endpoint01("api.forge.example", 443, "/v1/**"))}
	}
	elsewhere := forge()
	elsewhere.NoLayer = verifier.BaseURLElsewhere
	elsewhereBound := elsewhere
	elsewhereBound.Provider = "endless"
	endless := vt.Layer{Provider: "endless", Profile: profile01("endless", true)}
	open := vt.Layer{Provider: "open", Profile: profile01("open", false, endpoint01("api.forge.example", 443, ""))}
	tools := vt.Layer{Provider: "tools", Profile: profile01("tools", true, vt.Tree{"host": "mcp.example.com", "port": 443, "protocol": "mcp",
		"mcp": vt.Tree{"versions": vt.List{"2025-06-18", "2026-07-28"}}, "rules": vt.List{vt.Tree{"allow": vt.Tree{"method": "tools/list"}}}})}
	paths := policy01(endpoint01("api.forge.example", 443, "/v1/users"), endpoint01("api.forge.example", 443, "/v2"), endpoint01("api.forge.example", 443, ""),
		endpoint01("*.forge.example", 443, "/v1/a/b"), endpoint01("api.forge.example", 8443, "/v1/users"), endpoint01("api.forge.example", 443, "/v1/*"),
		endpoint01("API.Forge.Example", 443, "/v1/**"), endpoint01("other.example", 443, "/v1/users"))
	var list []*CompositionVector
	for _, r := range []struct{ recipe, suffix string }{{vt.Recipe09, "-09"}, {vt.Recipe10, "-10"}} {
		add := func(name, about string, source vt.Tree, layers ...vt.Layer) *CompositionVector {
			v := composedBy(r.recipe, name+r.suffix, about, source, layers...)
			list = append(list, v)
			return v
		}
		plain := policy01(endpoint01("api.example.com", 443, ""))
		add("inserted", "Layers are inserted without a flag.", plain, forge(), tools).holds("web", "_provider_my_forge", "_provider_tools")
		add("paths", "An endpoint of the source is marked where its host, a port and its path are a credential's.", paths, forge()).
			marks(map[string][]int{"web": {0, 3, 6}, "_provider_my_forge": {0}}).attack("PO-15")
		add("bound", "An endpoint that is bound to a provider without endpoints gets its credential, and whatever meets it.",
			policy01(bound, endpoint01("*.example.com", 8443, ""), endpoint01("svc.example.com", 443, "")), endless).
			marks(map[string][]int{"web": {0, 1}, "_provider_endless": nil})
		add("elsewhere", "A provider whose base URL is elsewhere inserts nothing, and its credentials go nowhere.", paths, elsewhere).
			marks(map[string][]int{"web": nil})
		add("elsewhere-bound", "Unless an endpoint is bound to it.", policy01(bound), elsewhereBound).marks(map[string][]int{"web": {0}})
		add("uncredentialed", "A profile without a credential marks nothing.", paths, open).marks(map[string][]int{"web": nil, "_provider_open": nil})
		add("collision", "Names that meet are numbered in attachment order.", plain, vt.Layer{Provider: "work.gh", Profile: forge().Profile}, vt.Layer{Provider: "work-gh", Profile: tools.Profile},
			vt.Layer{Provider: "WORK_GH", Profile: open.Profile}).holds("web", "_provider_work_gh", "_provider_work_gh_2", "_provider_work_gh_3")
		global := add("global", "A global policy takes no layers.", plain, forge())
		global.Source.Role = vt.RoleNames[verifier.GlobalPolicy]
		global.becomes(vt.ComposeBy(r.recipe, verifier.GlobalPolicy, plain, forge()))
	}
	return list
}

// marks panics unless exactly these endpoints of these rules are marked.
func (v *CompositionVector) marks(want map[string][]int) *CompositionVector {
	rules, _ := vt.Parse(v.Effective)["networkPolicies"].(vt.Tree)
	keys := []string{}
	for key, marked := range want {
		keys = append(keys, key)
		endpoints, _ := rules[key].(vt.Tree)["endpoints"].(vt.List)
		for i, e := range endpoints {
			is := e.(vt.Tree)["providerCredentialed"] == true
			for _, m := range marked {
				is = is != (m == i)
			}
			if is {
				panic("cases: " + v.Name + " marks other endpoints of " + key)
			}
		}
	}
	return v.holds(keys...)
}

// by01 composes two layers by a recipe of OpenShell 0.1.
func by01(recipe string) func() *vt.Scenario {
	return func() *vt.Scenario {
		s := vt.ComposeLayers()
		s.Request.Recipe, s.Request.ProvidersV2 = recipe, false
		s.Recompose()
		if recipe == vt.Recipe10 {
			s.Request.Effective = vt.Owned(s.Request.Effective)
		}
		return s
	}
}
