// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// rule says which authorities must have approved which documents, where.
type rule struct {
	name    string
	surface string // of a document, or anySurface
	roles   []Role // empty: any
	// Globs; nil matches anything. The first three match where the document
	// would be enforced, subject matches the name of what it is about.
	gateway, workspace, target, subject *string
	shadow                              bool
	require                             []requirement
	sets                                bool // a requirement asks for one set over all documents
	distinct                            [][2]*authority
	pinned                              map[[32]byte]bool
	maxAge                              time.Duration // 0: any age
	algorithms                          map[KeyAlgorithm]bool
	// subjectName: a Statement counts only where its subject has the document's name.
	subjectName bool
	// allowWithoutProfile: an attached provider may have no profile where this rule holds.
	allowWithoutProfile bool
}

// requirement is one authority that must have made one kind of statement.
type requirement struct {
	authority     *authority
	predicateType string
}

// The wire form of a rule.
type (
	ruleFile struct {
		Name       string            `json:"name"`
		Surface    string            `json:"surface"`
		Roles      []string          `json:"roles"`
		Gateway    *string           `json:"gateway"`
		Workspace  *string           `json:"workspace"`
		Target     *string           `json:"target"`
		Subject    *string           `json:"subject"`
		Mode       string            `json:"mode"`
		Require    []requirementFile `json:"require"`
		Distinct   [][]string        `json:"distinct"`
		Pinned     []string          `json:"pinned"`
		MaxAge     string            `json:"maxAge"`
		Algorithms []KeyAlgorithm    `json:"algorithms"`
		// SubjectName asks that a Statement's subject is named as the document is.
		SubjectName bool `json:"subjectName"`
		// AllowWithoutProfile gives a sandbox the credentials of a provider without a profile.
		AllowWithoutProfile bool `json:"allowWithoutProfile"`
	}
	requirementFile struct {
		Authority     string `json:"authority"`
		PredicateType string `json:"predicateType"`
	}
)

// surfaceRoles says which roles a surface can play.
var surfaceRoles = map[string][]Role{
	surfaceSandboxPolicy:   {SandboxPolicy, GlobalPolicy},
	surfaceProviderProfile: {ProviderProfile},
	surfaceSettings:        {Settings},
}

// anySurface stands for every surface: documents that are approved together are
// of different ones.
const anySurface = "*"

var everyRole = []Role{SandboxPolicy, GlobalPolicy, ProviderProfile, Settings}

// rolesOf lists the roles that a rule's surface can play, nil for an unknown one.
func rolesOf(surface string) []Role {
	if surface == anySurface {
		return everyRole
	}
	return surfaceRoles[surface]
}

func (a *authorities) readRules(f *authoritiesFile) error {
	if len(f.Rules) == 0 || len(f.Rules) > MaxRules {
		return refuseAuthorities("rules", "needs 1 to %d rules: without one every document is denied", MaxRules)
	}
	names := map[string]bool{}
	for i, w := range f.Rules {
		at := fmt.Sprintf("rules[%d]", i)
		if err := checkName(at+".name", w.Name); err != nil {
			return err
		}
		if names[w.Name] {
			return refuseAuthorities(at+".name", "%s is taken by another rule", quote(w.Name))
		}
		names[w.Name] = true
		r, err := a.readRule(&w, at)
		if err != nil {
			return err
		}
		a.rules = append(a.rules, r)
	}
	return nil
}

func (a *authorities) readRule(w *ruleFile, at string) (*rule, error) {
	r := &rule{
		name: w.Name, surface: w.Surface,
		gateway: w.Gateway, workspace: w.Workspace, target: w.Target, subject: w.Subject,
	}
	for _, read := range []func(*ruleFile, *authorities) error{
		r.readPlace, r.readRequire, r.readDistinct, r.readConditions,
	} {
		if err := read(w, a); err != nil {
			if e := (*TrustError)(nil); errors.As(err, &e) {
				e.Path = at + e.Path
			}
			return nil, err
		}
	}
	return r, nil
}

func (r *rule) readPlace(w *ruleFile, _ *authorities) error {
	possible := rolesOf(w.Surface)
	if possible == nil {
		return refuseAuthorities(".surface", "unknown surface %s", quote(w.Surface))
	}
	for _, name := range w.Roles {
		role, ok := RoleByName(name)
		if !ok || !slices.Contains(possible, role) {
			return refuseAuthorities(".roles", "invalid role %s: not one of %s", quote(name), w.Surface)
		}
		r.roles = append(r.roles, role)
	}
	for _, glob := range []struct {
		member  string
		pattern *string
	}{{".workspace", w.Workspace}, {".target", w.Target}, {".subject", w.Subject}} {
		if fault := nameGlobFault(glob.pattern); fault != "" {
			return refuseAuthorities(glob.member, "%s; the rule would match nothing, and another might decide", fault)
		}
	}
	switch w.Mode {
	case "enforce":
	case "shadow":
		r.shadow = true
	default:
		return refuseAuthorities(".mode", "must be enforce or shadow")
	}
	return nil
}

func (r *rule) readRequire(w *ruleFile, a *authorities) error {
	seen := map[requirementFile]bool{}
	for i, q := range w.Require {
		at := fmt.Sprintf(".require[%d]", i)
		got, ok := a.named[q.Authority]
		if !ok {
			return refuseAuthorities(at, "names the authority %s, which is not defined", quote(q.Authority))
		}
		if q.PredicateType == "" {
			return refuseAuthorities(at, "needs a predicateType")
		}
		if seen[q] {
			return refuseAuthorities(at, "is listed twice")
		}
		seen[q] = true
		r.require = append(r.require, requirement{got, q.PredicateType})
		r.sets = r.sets || q.PredicateType == SetPredicateType
	}
	return nil
}

// readDistinct reads the pairs of authorities that must be different people. An
// authority is in at most one pair and in exactly one requirement, so that
// the union in checkDistinct is over two sets and no more.
func (r *rule) readDistinct(w *ruleFile, a *authorities) error {
	used := map[*authority]bool{}
	for i, pair := range w.Distinct {
		at := fmt.Sprintf(".distinct[%d]", i)
		if len(pair) != 2 || pair[0] == pair[1] {
			return refuseAuthorities(at, "must name two different authorities")
		}
		var got [2]*authority
		for j, name := range pair {
			got[j] = a.named[name]
			uses := 0
			for _, q := range r.require {
				if q.authority == got[j] {
					uses++
				}
			}
			if got[j] == nil || uses != 1 {
				return refuseAuthorities(at, "%s must be in exactly one requirement of this rule", quote(name))
			}
			if used[got[j]] {
				return refuseAuthorities(at, "%s is in another pair already", quote(name))
			}
			used[got[j]] = true
		}
		r.distinct = append(r.distinct, got)
	}
	return nil
}

func (r *rule) readConditions(w *ruleFile, _ *authorities) error {
	for i, p := range w.Pinned {
		if !isHexSHA256(p) {
			return refuseAuthorities(fmt.Sprintf(".pinned[%d]", i), "must be 64 lower-case hex digits")
		}
		raw, _ := hex.DecodeString(p)
		if r.pinned == nil {
			r.pinned = map[[32]byte]bool{}
		}
		r.pinned[[32]byte(raw)] = true
	}
	if w.MaxAge != "" {
		d, err := time.ParseDuration(w.MaxAge)
		if err != nil || d <= 0 {
			return refuseAuthorities(".maxAge", "must be a duration above zero, like 72h")
		}
		r.maxAge = d
	}
	for _, alg := range w.Algorithms {
		if !alg.known() {
			return refuseAuthorities(".algorithms", "unknown algorithm %s", quote(string(alg)))
		}
		if r.algorithms == nil {
			r.algorithms = map[KeyAlgorithm]bool{}
		}
		r.algorithms[alg] = true
	}
	if r.subjectName = w.SubjectName; r.subjectName && r.sets {
		return refuseAuthorities(".subjectName", "is not for a policy bundle, whose members have names of their own")
	}
	if r.allowWithoutProfile = w.AllowWithoutProfile; r.allowWithoutProfile && !r.isAbout(ProviderProfile) {
		return refuseAuthorities(".allowWithoutProfile", "is for a rule about PROVIDER_PROFILE")
	}
	if w.Algorithms != nil && len(w.Algorithms) == 0 {
		return refuseAuthorities(".algorithms", "must not be empty: leave it out to accept every algorithm")
	}
	return nil
}

// possibleRoles are the roles that the rule may be about.
func (r *rule) possibleRoles() []Role {
	if len(r.roles) > 0 {
		return r.roles
	}
	return rolesOf(r.surface)
}

// isAbout reports whether the rule may be about documents of a role. A role has one
// surface, so that nothing else tells which rules are about a document.
func (r *rule) isAbout(role Role) bool { return slices.Contains(r.possibleRoles(), role) }

// matches reports whether the rule is about the document where it would be
// enforced.
func (r *rule) matches(doc *parsedDocument, where *Target) bool {
	return r.isAbout(doc.role) && r.holdsAt(where) && globOrAny(r.subject, doc.subject.name)
}

// holdsAt reports whether the rule is about anything that would be enforced there.
func (r *rule) holdsAt(where *Target) bool {
	return globOrAny(r.gateway, where.GatewayID) && globOrAny(r.workspace, where.Workspace) && globOrAny(r.target, where.Name)
}

// firstEnforced returns the first rule in force that fits, nil for none.
func (t *Trust) firstEnforced(fits func(*rule) bool) *rule {
	for _, r := range t.authorities.rules {
		if !r.shadow && fits(r) {
			return r
		}
	}
	return nil
}

// Governs reports whether a document of the role could meet an enforced rule
// anywhere in a gateway, in some workspace and for some sandbox. Missing trust
// governs everything.
func (t *Trust) Governs(role Role, gatewayID string) bool {
	if t == nil {
		return true
	}
	return slices.ContainsFunc(t.authorities.rules, func(r *rule) bool {
		return !r.shadow && r.isAbout(role) && globOrAny(r.gateway, gatewayID)
	})
}
