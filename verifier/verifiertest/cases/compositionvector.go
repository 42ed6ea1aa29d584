// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"fmt"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
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
	// NoLayer says why it inserts nothing; absent where it does.
	NoLayer  string `json:"noLayer,omitempty"`
	Document Bytes  `json:"document"`
}

// CompositionVectors are the compositions. They are made by Compose, and those
// that turn on one letter of the recipe say by hand what must be in them.
func CompositionVectors() []*CompositionVector { return append(compositions08(), compositions01()...) }

func compositions08() []*CompositionVector {
	named := func(providers ...string) []vt.Layer {
		var layers []vt.Layer
		for i, p := range providers {
			profile := vt.MirrorProfile()
			profile["id"] = fmt.Sprintf("mirror-%d", i)
			layers = append(layers, vt.Layer{Provider: p, Profile: profile})
		}
		return layers
	}
	hosts := func(list ...string) []vt.Layer {
		profile, endpoints := vt.ForgeProfile(), vt.List{}
		for _, h := range list {
			endpoints = append(endpoints, vt.Tree{"host": h, "port": 443})
		}
		profile["endpoints"] = endpoints
		return []vt.Layer{{Provider: "forge", Profile: profile}}
	}
	bare := vt.Tree{"@type": "type.googleapis.com/" + vt.PolicySurface, "version": 1}
	signing := vt.MirrorProfile()
	signing["endpoints"] = vt.List{
		vt.Tree{"host": "bedrock.example", "port": 443, "credentialSigning": "sigv4", "signingService": "bedrock"},
		vt.Tree{"host": "plain.example", "port": 443},
	}
	blank := vt.MirrorProfile()
	blank["endpoints"] = vt.List{vt.Tree{"host": "plain.example", "port": 443, "credentialSigning": " \t"}}
	taken := vt.Parse(vt.Canonical(bare))
	taken["networkPolicies"] = vt.Tree{"my_rule": vt.Tree{"name": "_provider_forge"}}
	unnamedRules := vt.Parse(vt.Canonical(bare))
	unnamedRules["networkPolicies"] = vt.Tree{"": vt.Tree{"endpoints": vt.List{vt.Tree{"host": "a.example", "port": 443}}}, "b": vt.Tree{"name": ""}}
	bound := vt.Parse(vt.Canonical(bare))
	bound["networkPolicies"] = vt.Tree{"model": vt.Tree{"name": "model", "endpoints": vt.List{
		vt.Tree{"host": "model.example", "port": 443, "credentialBinding": vt.Tree{"provider": "bridge"}}}}}
	return []*CompositionVector{
		composition("name-empty", "Rules of the source without a name, or a key, are the source's: nobody names them.", unnamedRules, vt.Layer{Provider: "mirror", Profile: vt.MirrorProfile()}).
			holds("", "b", "_provider_mirror"),
		composition("credential-binding", "An endpoint of the source is bound to a credential whose provider has no endpoints: both rules are there.", bound, vt.Layer{Provider: "bridge", Profile: vt.BridgeProfile()}).
			holds("model", "_provider_bridge"),
		composition("no-layers", "Without providers the effective policy is the source.", vt.Policy()),
		composition("two-layers", "A layer with credentials and one without.", vt.Policy(), vt.Layer{Provider: "my-forge", Profile: vt.ForgeProfile()}, vt.Layer{Provider: "Mirror 2", Profile: vt.MirrorProfile()}),
		composition("two-layers-reversed", "The same in the other order: keys do not depend on it.", vt.Policy(), vt.Layer{Provider: "Mirror 2", Profile: vt.MirrorProfile()}, vt.Layer{Provider: "my-forge", Profile: vt.ForgeProfile()}).attack("PO-12"),
		composition("bare-source", "A source without network rules gets its first ones.", bare, vt.Layer{Provider: "mirror", Profile: vt.MirrorProfile()}).holds("_provider_mirror"),
		composition("no-endpoints", "A profile without endpoints and binaries inserts its rule.", bare, vt.Layer{Provider: "bridge", Profile: vt.BridgeProfile()}).holds("_provider_bridge"),
		composition("collision", "Names that meet are numbered in attachment order; the rule's name stays.", bare, named("my-github", "my_github", "MY.GITHUB")...).
			attack("SE-18").holds("_provider_my_github", "_provider_my_github_2", "_provider_my_github_3"),
		composition("collision-numbered", "A numbered key that is taken is skipped.", bare, named("a_2", "a", "A")...).
			holds("_provider_a_2", "_provider_a", "_provider_a_3"),
		composition("name-taken-by-name", "A rule of the source with the name, but not the key, is in nobody's way.", taken, vt.Layer{Provider: "forge", Profile: vt.ForgeProfile()}).holds("my_rule", "_provider_forge"),
		composition("name-unicode", "One underscore a character: an accent, a Kelvin sign, an emoji.", bare, named("Café x", "\u212aube", "a\U0001f600b")...).
			attack("SE-18").holds("_provider_caf__x", "_provider_ube", "_provider_a_b"),
		composition("name-trimmed", "Outer underscores are trimmed, also those that were there.", bare, named("__x__", "-y-", " z ")...).
			holds("_provider_x", "_provider_y", "_provider_z"),
		composition("name-unnamed", "A name of which nothing is left.", bare, named("---", "日本")...).holds("_provider_unnamed", "_provider_unnamed_2"),
		composition("marked-hosts", "Hosts that the gateway marks: labels of letters, digits, _, - and *, or ** alone.", bare,
			hosts("api.example", "*.example", "**.example", "a*b.example", "UPPER.example", "under_score.example", "-", "*", "**", "10.0.0.1")...).attack("PO-15"),
		composition("unmarked-hosts", "Hosts that it does not: an empty label, ** inside a label, anything else.", bare,
			hosts("", "a..b", ".example", "example.", "a**.example", "***.example", "::1", "[::1]", "exa mple", "café.example", "a/b")...).attack("PO-15"),
		composition("marked-by-signing", "One endpoint with credentialSigning marks all of a profile without credentials.", bare, vt.Layer{Provider: "signing", Profile: signing}).attack("PO-15"),
		composition("unmarked-blank-signing", "A credentialSigning of white space is none.", bare, vt.Layer{Provider: "blank", Profile: blank}).attack("PO-15"),
		composition("providers-off", "Providers v2 is off: nothing is inserted.", vt.Policy(), vt.Layer{Provider: "my-forge", Profile: vt.ForgeProfile()}).off(),
		composition("global", "A global policy takes no layers.", vt.Policy(), vt.Layer{Provider: "my-forge", Profile: vt.ForgeProfile()}).global(),
	}
}

func composition(name, about string, source vt.Tree, layers ...vt.Layer) *CompositionVector {
	return composedBy(vt.Recipe, name, about, source, layers...)
}

func composedBy(recipe, name, about string, source vt.Tree, layers ...vt.Layer) *CompositionVector {
	v := &CompositionVector{
		Format: CompositionFormat, Name: name, About: about, Recipe: recipe, ProvidersV2: recipe == vt.Recipe,
		Source: CompositionSource{vt.RoleNames[verifier.SandboxPolicy], vt.Canonical(source)}, Layers: []CompositionLayer{},
	}
	for _, l := range layers {
		v.Layers = append(v.Layers, CompositionLayer{l.Provider, l.NoLayer.String(), vt.Canonical(l.Profile)})
	}
	return v.becomes(vt.ComposeBy(recipe, verifier.SandboxPolicy, source, layers...))
}

func (v *CompositionVector) becomes(effective []byte) *CompositionVector {
	v.Effective, v.SHA256 = effective, vt.SHA256(effective)
	return v
}

func (v *CompositionVector) attack(ids ...string) *CompositionVector { v.Attacks = ids; return v }

func (v *CompositionVector) off() *CompositionVector {
	v.ProvidersV2 = false
	return v.becomes(v.Source.Document)
}

func (v *CompositionVector) global() *CompositionVector {
	v.Source.Role = vt.RoleNames[verifier.GlobalPolicy]
	return v.becomes(v.Source.Document)
}

// holds panics unless the effective policy has exactly these rules: a mistake
// that Compose and the verifier share would otherwise pass.
func (v *CompositionVector) holds(keys ...string) *CompositionVector {
	rules, _ := vt.Parse(v.Effective)["networkPolicies"].(vt.Tree)
	for _, k := range keys {
		if _, ok := rules[k]; !ok {
			panic(fmt.Sprintf("cases: %s has no rule %q", v.Name, k))
		}
	}
	if len(rules) != len(keys) {
		panic(fmt.Sprintf("cases: %s has %d rules, not %d", v.Name, len(rules), len(keys)))
	}
	return v
}

func noLayer(name string) verifier.NoLayer {
	n, ok := verifier.NoLayerByName(name)
	if !ok {
		panic("cases: no reason " + name)
	}
	return n
}

// Scenario asks whether the effective policy may be enforced, with every
// document pinned: composition alone decides.
func (v *CompositionVector) Scenario() *vt.Scenario {
	s := vt.NewScenario()
	s.Request = verifier.Request{Purpose: verifier.Compose, Target: vt.WebOne, Recipe: v.Recipe, ProvidersV2: v.ProvidersV2, Effective: v.Effective}
	policy := &vt.Rule{Name: "policies", Surface: vt.PolicySurface, Mode: "enforce", Require: []vt.Requirement{}, Pinned: []string{vt.SHA256(v.Source.Document)}}
	profiles := &vt.Rule{Name: "profiles", Surface: vt.ProfileSurface, Mode: "enforce", Require: []vt.Requirement{}}
	s.Request.Documents = []verifier.Document{{Role: roles[v.Source.Role], Body: v.Source.Document}}
	for _, l := range v.Layers {
		s.Request.Documents = append(s.Request.Documents, verifier.Document{Role: verifier.ProviderProfile, Provider: l.Provider, NoLayer: noLayer(l.NoLayer), Body: l.Document})
		profiles.Pinned = append(profiles.Pinned, vt.SHA256(l.Document))
	}
	s.Authorities.Rules = []*vt.Rule{policy, profiles}
	return s
}
