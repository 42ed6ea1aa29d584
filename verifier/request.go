// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// Purpose says why the gateway asks. The zero value is no purpose and is refused.
type Purpose int

// The purposes. The numbers are the contract's.
const (
	PurposeUnspecified Purpose = 0
	// Admit is early feedback on one document before it is stored.
	Admit Purpose = 1
	// Compose is the security boundary: the effective policy of one sandbox,
	// just composed from its parts, about to be served.
	Compose Purpose = 2
)

// Role is the part a document plays in a request. The zero value is refused.
type Role int

// The roles. The numbers are the contract's.
const (
	RoleUnspecified Role = 0
	SandboxPolicy   Role = 1
	GlobalPolicy    Role = 2
	ProviderProfile Role = 3
	Settings        Role = 4
)

var roleNames = map[Role]string{
	SandboxPolicy:   "SANDBOX_POLICY",
	GlobalPolicy:    "GLOBAL_POLICY",
	ProviderProfile: "PROVIDER_PROFILE",
	Settings:        "SETTINGS",
}

// String returns the contract's name for the role.
func (r Role) String() string {
	if s, ok := roleNames[r]; ok {
		return s
	}
	return "ROLE_UNSPECIFIED"
}

// RoleByName returns the role of the contract's name, false for none.
func RoleByName(name string) (Role, bool) {
	for r, s := range roleNames {
		if s == name {
			return r, true
		}
	}
	return RoleUnspecified, false
}

// String returns the contract's name for the purpose.
func (p Purpose) String() string {
	switch p {
	case Admit:
		return "ADMIT"
	case Compose:
		return "COMPOSE"
	}
	return "PURPOSE_UNSPECIFIED"
}

// Target is the sandbox where the policy would be enforced.
type Target struct {
	GatewayID string // never empty
	Workspace string // empty only where the gateway has none
	SandboxID string // required in COMPOSE
	Name      string // the sandbox's name
}

// Document is one stored object of the gateway as it would be used: its
// canonical bytes, what it is about, and the attestations offered for it.
type Document struct {
	Role Role
	// Workspace is the workspace a profile is scoped to; empty for a profile
	// of the whole gateway, and for every other role empty or the target's.
	Workspace string
	// Provider is the provider record's name, for a PROVIDER_PROFILE in
	// COMPOSE: the layer's rule is named after it.
	Provider string
	// NoLayer says of a PROVIDER_PROFILE in COMPOSE why its provider inserts nothing.
	NoLayer      NoLayer
	Body         []byte
	Attestations [][]byte
}

// Request is everything that can change a decision. What a
// caller sends besides (request id, host hints) never reaches the verifier.
type Request struct {
	Purpose     Purpose
	Target      Target
	Documents   []Document // COMPOSE: the source, then the profiles in attachment order, SETTINGS anywhere
	Effective   []byte     // COMPOSE only: the canonical effective policy
	Recipe      string     // COMPOSE only
	ProvidersV2 bool       // COMPOSE only: whether layers are inserted
	// WithoutProfile names the attached providers that have no profile, in COMPOSE only.
	WithoutProfile []string
}
