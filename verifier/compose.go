// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxDifferences bounds the findings of one comparison. One is enough to refuse;
// the rest is for people.
const maxDifferences = 32

// checkComposition compares the effective policy with what the recipe makes of
// the other documents. Its findings are ordered by reason, then by place; none
// means that the two are equal. It expects a request that CheckRequest accepts
// and refuses any other.
//
// SPEC: R9 the effective document equals the recipe applied to the other documents.
func checkComposition(req *Request, docs []*parsedDocument) []Finding {
	recipe := recipeByName(req.Recipe)
	if recipe == nil {
		return []Finding{*unknownRecipe(req.Recipe)}
	}
	p, fault := sortParts(docs)
	if fault != nil {
		return []Finding{*fault}
	}
	if faults := p.checkSettings(recipe, req.ProvidersV2); len(faults) > 0 {
		return faults
	}
	effective, fault := parseEffective(req.Effective)
	if fault != nil {
		return []Finding{*fault}
	}
	d := differences{recipe: recipe, layers: map[string]*parsedDocument{}}
	expected := d.compose(p, req.ProvidersV2)
	d.checkNoLayers(p)
	d.compareStatic(p.source.tree, effective, len(expected) == 0)
	if recipe.owners {
		d.checkOwners(rulesOf(effective))
	}
	d.compareRules(expected, rulesOf(effective))
	return d.findings()
}

func unknownRecipe(name string) *Finding {
	return refuseDocument(CompositionRecipe, "the recipe %s is unknown; this driver knows %s", quote(name), strings.Join(Recipes(), ", "))
}

// checkNoLayers refuses a reason to insert nothing that a profile without endpoints
// cannot have.
func (d *differences) checkNoLayers(p *parts) {
	for _, layer := range p.layers {
		if layer.noLayer == BaseURLElsewhere && len(endpointsOf(layer.tree)) == 0 {
			d.change("the provider %s is said to have a base URL elsewhere, but its profile has no endpoints", quote(layer.provider))
		}
	}
}

// parseEffective reads the effective policy as strictly as a document. Its own
// faults are those of a document; only the markers are allowed in it.
func parseEffective(body []byte) (object, *Finding) {
	tree, fault := parseBody(body, surfaceSandboxPolicy)
	if fault == nil {
		fault = checkPolicy(tree, false)
	}
	if fault != nil {
		fault.Detail = clip("the effective policy: "+fault.Detail, MaxDetail-4)
		return nil, fault
	}
	return tree, nil
}

// parts are the documents of a request by what they are for.
type parts struct {
	source   *parsedDocument
	layers   []*parsedDocument // in attachment order
	settings *parsedDocument   // nil: not sent
}

func sortParts(docs []*parsedDocument) (*parts, *Finding) {
	p := &parts{}
	for i, doc := range docs {
		switch {
		case doc == nil:
			return nil, refuseDocument(CompositionPartMissing, "document %d was refused, so nothing can be composed from it", i)
		case doc.role == ProviderProfile:
			p.layers = append(p.layers, doc)
		case doc.role == Settings && p.settings == nil:
			p.settings = doc
		case doc.role != Settings && p.source == nil:
			p.source = doc
		default:
			return nil, refuseDocument(CompositionSource, "document %d is a second %s; there is one source policy and at most one SETTINGS", i, doc.role)
		}
	}
	if p.source == nil {
		return nil, refuseDocument(CompositionSource, "there is no source policy to compose from")
	}
	return p, nil
}

// policySources are the spellings of policySource: the roles' own names, and
// OpenShell's enum and label.
var policySources = map[string]Role{
	"SANDBOX_POLICY": SandboxPolicy, "POLICY_SOURCE_SANDBOX": SandboxPolicy, "sandbox": SandboxPolicy,
	"GLOBAL_POLICY": GlobalPolicy, "POLICY_SOURCE_GLOBAL": GlobalPolicy, "global": GlobalPolicy,
}

// checkSettings checks that the settings, when they were sent, say what was done.
func (p *parts) checkSettings(recipe *Recipe, providersV2 bool) []Finding {
	if p.settings == nil {
		return nil
	}
	var faults []Finding
	value, _ := p.settings.tree.get("policySource")
	name, _ := value.(string)
	if policySources[name] != p.source.role {
		faults = append(faults, *refuseDocument(CompositionSource,
			"the source is a %s, the settings say policySource %s", p.source.role, quote(name)))
	}
	if !recipe.flag {
		return faults
	}
	value, found := p.settings.tree.get("providersV2Enabled")
	if enabled, ok := value.(bool); enabled != providersV2 || found && !ok {
		faults = append(faults, *refuseDocument(CompositionRecipe,
			"the request says providers_v2_enabled %t, the settings do not", providersV2))
	}
	return faults
}

// compose applies the recipe: it returns the rules that the effective policy must
// have, ordered by key, and remembers which of them a layer inserted.
func (d *differences) compose(p *parts, providersV2 bool) object {
	rules := slices.Clone(rulesOf(p.source.tree))
	if d.recipe.inserts(p.source.role, providersV2) {
		rules = d.insert(p.layers, rules)
	}
	if d.recipe.stamps {
		d.scopes = scopesOf(p, rules)
	}
	return rules
}

// insert adds a rule for each layer, in the order of attachment.
func (d *differences) insert(layers []*parsedDocument, rules object) object {
	for _, layer := range layers {
		if layer.noLayer != 0 {
			continue
		}
		name := providerRuleName(layer.provider)
		key := d.freeKey(name)
		d.layers[key] = layer
		rules = append(rules, member{key, layerRule(name, layer.tree)})
	}
	slices.SortFunc(rules, func(a, b member) int { return compareNames(a.name, b.name) })
	return rules
}

// providerRuleName names the rule that a provider inserts. OpenShell counts in
// Unicode scalars and lower-cases ASCII only, so `Café x` is `_provider_caf__x`.
func providerRuleName(provider string) string {
	clean := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_':
			return c
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '_'
	}, provider)
	clean = strings.Trim(clean, "_")
	if clean == "" {
		clean = "unnamed"
	}
	return reservedPrefix + clean
}

// freeKey returns the first of name, name_2, name_3 … that no layer before has
// taken. The source has no such key: checkReservedNames saw to that.
func (d *differences) freeKey(name string) string {
	key := name
	for n := 2; d.layers[key] != nil; n++ {
		key = name + "_" + strconv.Itoa(n)
	}
	return key
}

// layerRule is the rule that a profile inserts: its endpoints and binaries as
// they are, and nothing else of it.
func layerRule(name string, profile object) object {
	rule := object{}
	for _, list := range []string{"binaries", "endpoints"} {
		if v, found := profile.get(list); found {
			rule = append(rule, member{list, v})
		}
	}
	return append(rule, member{"name", name})
}

// credentialed reports whether a credential follows the endpoints of a profile.
func credentialed(profile object) bool {
	value, _ := profile.get("credentials")
	if credentials, _ := value.(array); len(credentials) > 0 {
		return true
	}
	for _, e := range endpointsOf(profile) {
		signing, found := e.(object).get("credentialSigning")
		if text, ok := signing.(string); found && (!ok || strings.TrimSpace(text) != "") {
			return true
		}
	}
	return false
}

// markable reports whether the gateway can mark an endpoint with this host: the
// labels are each `**`, or letters, digits, `_`, `-` and `*` without `**`. It
// takes any other host for no pattern at all and leaves it unmarked.
func markable(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if label == "**" {
			continue
		}
		if label == "" || strings.Contains(label, "**") || strings.ContainsFunc(label, outsideLabel) {
			return false
		}
	}
	return true
}

func outsideLabel(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '*')
}

// rulesOf returns the network policies of a policy that checkPolicy accepted.
func rulesOf(policy object) object {
	value, _ := policy.get("networkPolicies")
	rules, _ := value.(object)
	return rules
}

// endpointsOf returns the endpoints of a rule or a profile; checkEndpoints saw
// that they are objects.
func endpointsOf(holder object) array {
	value, _ := holder.get("endpoints")
	endpoints, _ := value.(array)
	return endpoints
}

// unmarked returns a rule without the markers of its endpoints, and without the owners
// of token grants where the recipe has them. A document has none, so this is needed on
// the effective side only.
func (d *differences) unmarked(rule object) object {
	own := func(m member) bool {
		return m.name == providerCredentialed || d.recipe.owners && m.name == tokenGrantOwner
	}
	out := slices.Clone(rule)
	for i, m := range out {
		if m.name != "endpoints" {
			continue
		}
		endpoints := slices.Clone(m.value.(array))
		for j, e := range endpoints {
			if slices.ContainsFunc(e.(object), own) {
				endpoints[j] = slices.DeleteFunc(slices.Clone(e.(object)), own)
			}
		}
		out[i].value = endpoints
	}
	return out
}

// differences collects what is not as it should be.
type differences struct {
	recipe                  *Recipe
	steps                   int                        // letters compared to tell which endpoints they are
	scopes                  []credentialScope          // where credentials go, if the recipe stamps by them
	layers                  map[string]*parsedDocument // by the key of the rule it inserts
	missing, extra, changed []Finding
}

func (d *differences) findings() []Finding {
	all := slices.Concat(d.missing, d.extra, d.changed)
	if len(all) > maxDifferences {
		more := len(all) - maxDifferences + 1
		all = all[:maxDifferences]
		all[maxDifferences-1].Detail = fmt.Sprintf("and %d more differences, of this kind or the next", more)
	}
	return all
}

// compareStatic compares everything but the rules. Where no rule is expected
// that includes whether there is an empty map of them: layers bring theirs along.
func (d *differences) compareStatic(source, effective object, noRules bool) {
	mergeNames(source, effective, func(name string, want, got any, both bool) {
		if name == "networkPolicies" {
			if empty, _ := got.(object); !both && noRules && len(empty) == 0 {
				d.change("the field %s is not the source policy's", pointer(name))
			}
			return
		}
		if at, differs := firstDifference(want, got); !both || differs {
			d.change("the field %s is not the source policy's", pointer(append([]string{name}, at...)...))
		}
	})
}

// compareRules compares the rules by key.
func (d *differences) compareRules(want, got object) {
	mergeNames(want, got, func(key string, rule, effective any, both bool) {
		switch {
		case both:
			d.compareRule(key, rule.(object), effective.(object))
		case rule != nil:
			d.missing = append(d.missing, *refuseDocument(CompositionPartMissing, "%s is not in the effective policy", d.describe(key)))
		default:
			d.extra = append(d.extra, *refuseDocument(CompositionPartExtra, "the effective policy has the rule %s, which no part brings", quote(key)))
		}
	})
}

func (d *differences) compareRule(key string, want, got object) {
	if at, differs := firstDifference(want, d.unmarked(got)); differs {
		d.change("%s differs at %s", d.describe(key), pointer(append([]string{"networkPolicies", key}, at...)...))
		return
	}
	for i, e := range endpointsOf(got) {
		if mark, _ := e.(object).get(providerCredentialed); mark != true && d.mustMark(key, e.(object)) {
			d.change("%s follows a credential, but its endpoint %s is not marked %s", d.describe(key),
				pointer("networkPolicies", key, "endpoints", strconv.Itoa(i)), providerCredentialed)
			return
		}
	}
}

// mustMark reports whether an endpoint of a rule must carry the marker.
func (d *differences) mustMark(key string, endpoint object) bool {
	if d.recipe.stamps {
		return d.stamped(endpoint)
	}
	layer := d.layers[key]
	return layer != nil && credentialed(layer.tree) && markable(endpoint.textOf("host"))
}

func (d *differences) change(format string, args ...any) {
	d.changed = append(d.changed, *refuseDocument(CompositionMismatch, format, args...))
}

// describe names a rule and who brings it.
func (d *differences) describe(key string) string {
	if layer := d.layers[key]; layer != nil {
		return fmt.Sprintf("the rule %s of the provider %s", quote(key), quote(layer.provider))
	}
	return fmt.Sprintf("the rule %s of the source policy", quote(key))
}

// mergeNames visits the members of two objects in order, by name.
func mergeNames(a, b object, visit func(name string, x, y any, both bool)) {
	for len(a) > 0 || len(b) > 0 {
		var order int
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = compareNames(a[0].name, b[0].name)
		}
		switch {
		case order < 0:
			visit(a[0].name, a[0].value, nil, false)
			a = a[1:]
		case order > 0:
			visit(b[0].name, nil, b[0].value, false)
			b = b[1:]
		default:
			visit(a[0].name, a[0].value, b[0].value, true)
			a, b = a[1:], b[1:]
		}
	}
}

// firstDifference returns where two trees first differ, in canonical order.
func firstDifference(a, b any) (at []string, differs bool) {
	switch x := a.(type) {
	case object:
		y, ok := b.(object)
		if !ok {
			return nil, true
		}
		mergeNames(x, y, func(name string, v, w any, both bool) {
			if differs {
				return
			}
			at, differs = firstDifference(v, w)
			if !both {
				at, differs = nil, true
			}
			if differs {
				at = append([]string{name}, at...)
			}
		})
		return at, differs
	case array:
		y, ok := b.(array)
		if !ok {
			return nil, true
		}
		for i := range max(len(x), len(y)) {
			if i >= len(x) || i >= len(y) {
				return []string{strconv.Itoa(i)}, true
			}
			if at, differs := firstDifference(x[i], y[i]); differs {
				return append([]string{strconv.Itoa(i)}, at...), true
			}
		}
		return nil, false
	}
	return nil, a != b // never two lists: a is neither an object nor an array
}
