// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"fmt"

	"github.com/sigdriver/sigdriver/verifier"
)

// CompositionFormat names the format of a composition vector.
const CompositionFormat = "sigdriver.composition-vector/v1"

// CompositionVector is one source, its layers, and the effective policy that the
// recipe makes of them. A reader that composes must come to the same bytes; one
// that compares must find no difference.
type CompositionVector struct {
	Format  string             `json:"format"`
	Name    string             `json:"name"`
	About   string             `json:"about"`
	Attacks []string           `json:"attacks,omitempty"`
	Recipe  string             `json:"recipe"`
	Source  CompositionSource  `json:"source"`
	Layers  []CompositionLayer `json:"layers"`
	// ProvidersV2 reports whether layers are inserted.
	ProvidersV2 bool   `json:"providersV2Enabled"`
	Effective   Bytes  `json:"effective"`
	SHA256      string `json:"sha256"`
}

// CompositionSource is the policy that layers are inserted into.
type CompositionSource struct {
	Role     string `json:"role"`
	Document Bytes  `json:"document"`
}

// CompositionLayer is one attached provider.
type CompositionLayer struct {
	Provider string `json:"provider"`
	Document Bytes  `json:"document"`
}

// CompositionVectors are the compositions. They are made by Compose, and those
// that turn on one letter of the recipe say by hand what must be in them.
func CompositionVectors() []*CompositionVector {
	named := func(n int, providers ...string) []Layer {
		var layers []Layer
		for i, p := range providers {
			profile := MirrorProfile()
			profile["id"] = fmt.Sprintf("mirror-%d", n+i)
			layers = append(layers, Layer{p, profile})
		}
		return layers
	}
	hosts := func(list ...string) []Layer {
		profile, endpoints := ForgeProfile(), List{}
		for _, h := range list {
			endpoints = append(endpoints, Tree{"host": h, "port": 443})
		}
		profile["endpoints"] = endpoints
		return []Layer{{"forge", profile}}
	}
	bare := Tree{"@type": surface(PolicySurface), "version": 1}
	signing := MirrorProfile()
	signing["endpoints"] = List{
		Tree{"host": "bedrock.example", "port": 443, "credentialSigning": "sigv4", "signingService": "bedrock"},
		Tree{"host": "plain.example", "port": 443},
	}
	blank := MirrorProfile()
	blank["endpoints"] = List{Tree{"host": "plain.example", "port": 443, "credentialSigning": " \t"}}
	taken := clone(bare)
	taken["networkPolicies"] = Tree{"my_rule": Tree{"name": "_provider_forge"}}
	unnamedRules := clone(bare)
	unnamedRules["networkPolicies"] = Tree{"": Tree{"endpoints": List{Tree{"host": "a.example", "port": 443}}}, "b": Tree{"name": ""}}
	bound := clone(bare)
	bound["networkPolicies"] = Tree{"model": Tree{"name": "model", "endpoints": List{
		Tree{"host": "model.example", "port": 443, "credentialBinding": Tree{"provider": "bridge"}}}}}
	return []*CompositionVector{
		composition("name-empty", "Rules of the source without a name, or a key, are the source's: nobody names them.", unnamedRules, Layer{"mirror", MirrorProfile()}).
			holds("", "b", "_provider_mirror"),
		composition("credential-binding", "An endpoint of the source is bound to a credential whose provider has no endpoints: both rules are there.", bound, Layer{"bridge", BridgeProfile()}).
			holds("model", "_provider_bridge"),
		composition("no-layers", "Without providers the effective policy is the source.", Policy()),
		composition("two-layers", "A layer with credentials and one without.", Policy(), Layer{"my-forge", ForgeProfile()}, Layer{"Mirror 2", MirrorProfile()}),
		composition("two-layers-reversed", "The same in the other order: keys do not depend on it.", Policy(), Layer{"Mirror 2", MirrorProfile()}, Layer{"my-forge", ForgeProfile()}).attack("PO-12"),
		composition("bare-source", "A source without network rules gets its first ones.", bare, Layer{"mirror", MirrorProfile()}).holds("_provider_mirror"),
		composition("no-endpoints", "A profile without endpoints and binaries inserts its rule.", bare, Layer{"bridge", BridgeProfile()}).holds("_provider_bridge"),
		composition("collision", "Names that meet are numbered in attachment order; the rule's name stays.", bare, named(0, "my-github", "my_github", "MY.GITHUB")...).
			attack("SE-18").holds("_provider_my_github", "_provider_my_github_2", "_provider_my_github_3"),
		composition("collision-numbered", "A numbered key that is taken is skipped.", bare, named(0, "a_2", "a", "A")...).
			holds("_provider_a_2", "_provider_a", "_provider_a_3"),
		composition("name-taken-by-name", "A rule of the source with the name, but not the key, is in nobody's way.", taken, Layer{"forge", ForgeProfile()}).holds("my_rule", "_provider_forge"),
		composition("name-unicode", "One underscore a character: an accent, a Kelvin sign, an emoji.", bare, named(0, "Café x", "\u212aube", "a\U0001f600b")...).
			attack("SE-18").holds("_provider_caf__x", "_provider_ube", "_provider_a_b"),
		composition("name-trimmed", "Outer underscores are trimmed, also those that were there.", bare, named(0, "__x__", "-y-", " z ")...).
			holds("_provider_x", "_provider_y", "_provider_z"),
		composition("name-unnamed", "A name of which nothing is left.", bare, named(0, "---", "日本")...).holds("_provider_unnamed", "_provider_unnamed_2"),
		composition("marked-hosts", "Hosts that the gateway marks: labels of letters, digits, _, - and *, or ** alone.", bare,
			hosts("api.example", "*.example", "**.example", "a*b.example", "UPPER.example", "under_score.example", "-", "*", "**", "10.0.0.1")...).attack("PO-15"),
		composition("unmarked-hosts", "Hosts that it does not: an empty label, ** inside a label, anything else.", bare,
			hosts("", "a..b", ".example", "example.", "a**.example", "***.example", "::1", "[::1]", "exa mple", "café.example", "a/b")...).attack("PO-15"),
		composition("marked-by-signing", "One endpoint with credentialSigning marks all of a profile without credentials.", bare, Layer{"signing", signing}).attack("PO-15"),
		composition("unmarked-blank-signing", "A credentialSigning of white space is none.", bare, Layer{"blank", blank}).attack("PO-15"),
		composition("providers-off", "Providers v2 is off: nothing is inserted.", Policy(), Layer{"my-forge", ForgeProfile()}).off(),
		composition("global", "A global policy takes no layers.", Policy(), Layer{"my-forge", ForgeProfile()}).global(),
	}
}

func composition(name, about string, source Tree, layers ...Layer) *CompositionVector {
	v := &CompositionVector{
		Format: CompositionFormat, Name: name, About: about, Recipe: Recipe, ProvidersV2: true,
		Source: CompositionSource{RoleNames[verifier.SandboxPolicy], Canonical(source)}, Layers: []CompositionLayer{},
	}
	for _, l := range layers {
		v.Layers = append(v.Layers, CompositionLayer{l.Provider, Canonical(l.Profile)})
	}
	return v.becomes(Compose(source, layers...))
}

func (v *CompositionVector) becomes(effective []byte) *CompositionVector {
	v.Effective, v.SHA256 = effective, SHA256(effective)
	return v
}

func (v *CompositionVector) attack(ids ...string) *CompositionVector { v.Attacks = ids; return v }

func (v *CompositionVector) off() *CompositionVector {
	v.ProvidersV2 = false
	return v.becomes(v.Source.Document)
}

func (v *CompositionVector) global() *CompositionVector {
	v.Source.Role = RoleNames[verifier.GlobalPolicy]
	return v.becomes(v.Source.Document)
}

// holds panics unless the effective policy has exactly these rules: a mistake
// that Compose and the verifier share would otherwise pass.
func (v *CompositionVector) holds(keys ...string) *CompositionVector {
	rules, _ := Parse(v.Effective)["networkPolicies"].(Tree)
	for _, k := range keys {
		if _, ok := rules[k]; !ok {
			panic(fmt.Sprintf("verifiertest: %s has no rule %q", v.Name, k))
		}
	}
	if len(rules) != len(keys) {
		panic(fmt.Sprintf("verifiertest: %s has %d rules, not %d", v.Name, len(rules), len(keys)))
	}
	return v
}

// Scenario asks whether the effective policy may be enforced, with every
// document pinned: composition alone decides.
func (v *CompositionVector) Scenario() *Scenario {
	s := base()
	s.Request = verifier.Request{Purpose: verifier.Compose, Target: WebOne, Recipe: v.Recipe, ProvidersV2: v.ProvidersV2, Effective: v.Effective}
	policy := &Rule{Name: "policies", Surface: PolicySurface, Mode: "enforce", Require: []Requirement{}, Pinned: []string{SHA256(v.Source.Document)}}
	profiles := &Rule{Name: "profiles", Surface: ProfileSurface, Mode: "enforce", Require: []Requirement{}}
	s.Request.Documents = []verifier.Document{{Role: roles[v.Source.Role], Body: v.Source.Document}}
	for _, l := range v.Layers {
		s.Request.Documents = append(s.Request.Documents, verifier.Document{Role: verifier.ProviderProfile, Provider: l.Provider, Body: l.Document})
		profiles.Pinned = append(profiles.Pinned, SHA256(l.Document))
	}
	s.Authorities.Rules = []*Rule{policy, profiles}
	return s
}
