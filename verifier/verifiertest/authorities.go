// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import "github.com/sigdriver/sigdriver/verifier"

// Authorities is authorities.json.
type Authorities struct {
	Schema           string                `json:"schema"`
	Principals       map[string]*Principal `json:"principals"`
	Authorities      map[string]*Authority `json:"authorities"`
	Rules            []*Rule               `json:"rules"`
	Keyless          *Keyless              `json:"keyless,omitempty"`
	Floors           []SignedFloor         `json:"floors,omitempty"`
	Restored         []Revocation          `json:"restored,omitempty"`
	MaxStale         string                `json:"maxStale,omitempty"`
	MaxVersionStep   string                `json:"maxVersionStep,omitempty"`
	MaxFloorLag      string                `json:"maxFloorLag,omitempty"`
	MinDriverVersion string                `json:"minDriverVersion,omitempty"`
}

// Principal is one person, team or robot.
type Principal struct {
	Keys       []PublicKey `json:"keys,omitempty"`
	Identities []Identity  `json:"identities,omitempty"`
}

// PublicKey is a principal's key with its window.
type PublicKey struct {
	PEM       string                `json:"pem"`
	Algorithm verifier.KeyAlgorithm `json:"algorithm,omitempty"`
	NotBefore string                `json:"notBefore,omitempty"`
	NotAfter  string                `json:"notAfter,omitempty"`
}

// Identity is a principal's OIDC identity.
type Identity struct {
	Issuer    string            `json:"issuer"`
	SAN       string            `json:"san,omitempty"`
	SANRegexp string            `json:"sanRegexp,omitempty"`
	Claims    map[string]string `json:"claims,omitempty"`
}

// Authority is a set of principals and a threshold.
type Authority struct {
	Principals []string `json:"principals"`
	Threshold  int      `json:"threshold"`
}

// Rule says which authorities must have spoken for which documents, where.
type Rule struct {
	Name        string                  `json:"name"`
	Surface     string                  `json:"surface"`
	Roles       []string                `json:"roles,omitempty"`
	Gateway     string                  `json:"gateway,omitempty"`
	Workspace   string                  `json:"workspace,omitempty"`
	Target      string                  `json:"target,omitempty"`
	Subject     string                  `json:"subject,omitempty"`
	Mode        string                  `json:"mode"`
	Require     []Requirement           `json:"require"`
	Distinct    [][]string              `json:"distinct,omitempty"`
	Pinned      []string                `json:"pinned,omitempty"`
	MaxAge      string                  `json:"maxAge,omitempty"`
	Algorithms  []verifier.KeyAlgorithm `json:"algorithms,omitempty"`
	SubjectName bool                    `json:"subjectName,omitempty"`

	AllowWithoutProfile bool `json:"allowWithoutProfile,omitempty"`
}

// Requirement is one authority and the type of what it must have said.
type Requirement struct {
	Authority     string `json:"authority"`
	PredicateType string `json:"predicateType"`
}

// Keyless says how much evidence a certificate needs beside its chain.
type Keyless struct {
	Tlogs      int `json:"tlogs"`
	Timestamps int `json:"timestamps"`
	SCTs       int `json:"scts"`
}

// SignedFloor is a floor set by trust.
type SignedFloor struct {
	Role      string `json:"role"`
	Gateway   string `json:"gateway,omitempty"`
	Workspace string `json:"workspace,omitempty"`
	Subject   string `json:"subject,omitempty"`
	Version   string `json:"version"`
	Reset     bool   `json:"reset,omitempty"`
}

// Revocation is one entry of revocations.json, of `restored` and of a ratchet.
type Revocation struct {
	Kind   string `json:"kind"`
	SHA256 string `json:"sha256,omitempty"`
	Issuer string `json:"issuer,omitempty"`
	SAN    string `json:"san,omitempty"`
	Reason string `json:"reason"`
}

// Revoke names a document, an attestation or a key by its hex sha256.
func Revoke(kind, sha256 string) Revocation {
	return Revocation{Kind: kind, SHA256: sha256, Reason: "withdrawn"}
}

// Revocations is the bytes of revocations.json.
func Revocations(entries ...Revocation) []byte {
	return revocationFile("sigdriver.revocations/v1", entries)
}

// Ratchet is what an earlier trust remembered.
func Ratchet(entries ...Revocation) []byte {
	return revocationFile("sigdriver.ratchet/v1", entries)
}

func revocationFile(schema string, entries []Revocation) []byte {
	if entries == nil {
		entries = []Revocation{}
	}
	return Compact(struct {
		Schema  string       `json:"schema"`
		Entries []Revocation `json:"entries"`
	}{schema, entries})
}

// JSON returns authorities.json.
func (a *Authorities) JSON() []byte { return Compact(a) }

// Rule returns the rule of a name, to be changed in place.
func (a *Authorities) Rule(name string) *Rule {
	for _, r := range a.Rules {
		if r.Name == name {
			return r
		}
	}
	panic("verifiertest: no rule " + name)
}

// HeldBy is a principal that holds these keys for ever.
func HeldBy(keys ...*Key) *Principal {
	p := &Principal{}
	for _, k := range keys {
		p.Keys = append(p.Keys, k.Listed())
	}
	return p
}

// Listed is the key as authorities.json lists it.
func (k *Key) Listed() PublicKey {
	listed := PublicKey{PEM: k.PEM()}
	if k.Algorithm == verifier.RSAPKCS1v15 || k.Algorithm == verifier.RSAPSSSHA256 {
		listed.Algorithm = k.Algorithm
	}
	return listed
}

// BaseAuthorities is the trust of the base scenarios: two of three security
// people approve sandbox policies of workspace prod and the global policy, one
// of two platform people approves provider profiles and settings.
func BaseAuthorities() *Authorities {
	return &Authorities{
		Schema: "sigdriver.authorities/v1",
		Principals: map[string]*Principal{
			"alice": HeldBy(Person("alice")),
			"bob":   HeldBy(Person("bob")),
			"carol": HeldBy(Person("carol")),
			"dave":  HeldBy(Person("dave")),
			"erin":  HeldBy(Person("erin")),
		},
		Authorities: map[string]*Authority{
			"security": {Principals: []string{"alice", "bob", "carol"}, Threshold: 2},
			"platform": {Principals: []string{"dave", "erin"}, Threshold: 1},
		},
		Rules: []*Rule{
			{Name: "prod sandboxes", Surface: PolicySurface, Roles: []string{"SANDBOX_POLICY"}, Workspace: "prod",
				Mode: "enforce", Require: []Requirement{{"security", ApprovalType}}},
			{Name: "global policy", Surface: PolicySurface, Roles: []string{"GLOBAL_POLICY"},
				Mode: "enforce", Require: []Requirement{{"security", ApprovalType}}},
			{Name: "profiles", Surface: ProfileSurface,
				Mode: "enforce", Require: []Requirement{{"platform", ApprovalType}}},
		},
		MaxStale: "24h",
	}
}

// SettingsRule asks for approved settings in prod.
func SettingsRule() *Rule {
	return &Rule{Name: "settings", Surface: SettingsSurface, Workspace: "prod", Mode: "enforce",
		Require: []Requirement{{"platform", ApprovalType}}}
}
