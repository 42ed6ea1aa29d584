// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import "github.com/sigdriver/sigdriver/verifier"

// Types of Statements and predicates.
const (
	StatementV1    = "https://in-toto.io/Statement/v1"
	StatementV01   = "https://in-toto.io/Statement/v0.1"
	ApprovalType   = "https://sigdriver.dev/policy-approval/v1"
	ProvenanceType = "https://slsa.dev/provenance/v1"
)

// Statement is an in-toto Statement, in the order in which it is written.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     any       `json:"predicate"`
}

// Subject is one subject of a Statement.
type Subject struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

// SubjectOf is the subject that names a document by its sha256.
func SubjectOf(document []byte) Subject {
	return Subject{Name: "policy.json", Digest: map[string]string{"sha256": SHA256(document)}}
}

// JSON returns the payload.
func (s Statement) JSON() []byte { return Compact(s) }

// Approval is the predicate https://sigdriver.dev/policy-approval/v1.
type Approval struct {
	Surface   string `json:"surface"`
	Role      string `json:"role"`
	Scope     Scope  `json:"scope"`
	Version   string `json:"version"`
	NotBefore string `json:"notBefore"`
	NotAfter  string `json:"notAfter"`
	Reason    string `json:"reason,omitempty"`
}

// Scope is where an approval holds: globs.
type Scope struct {
	Gateway   string `json:"gateway"`
	Workspace string `json:"workspace"`
	Name      string `json:"name"`
}

// RoleNames are the contract's names of the roles.
var RoleNames = map[verifier.Role]string{
	verifier.SandboxPolicy:   "SANDBOX_POLICY",
	verifier.GlobalPolicy:    "GLOBAL_POLICY",
	verifier.ProviderProfile: "PROVIDER_PROFILE",
	verifier.Settings:        "SETTINGS",
}

// ApprovalFor is an approval of a role anywhere, at version 42, in force all
// over 2026.
func ApprovalFor(role verifier.Role) Approval {
	return Approval{
		Surface:   Surfaces[role],
		Role:      RoleNames[role],
		Scope:     Scope{Gateway: "*", Workspace: "*", Name: "*"},
		Version:   "42",
		NotBefore: "2026-01-01T00:00:00Z",
		NotAfter:  "2027-01-01T00:00:00Z",
		Reason:    "reviewed",
	}
}

// Of returns the Statement that approves a document.
func (a Approval) Of(document []byte) Statement {
	return Statement{Type: StatementV1, Subject: []Subject{SubjectOf(document)}, PredicateType: ApprovalType, Predicate: a}
}

// Provenance is a Statement of another predicate type about a document.
func Provenance(document []byte) Statement {
	return Statement{
		Type: StatementV1, Subject: []Subject{SubjectOf(document)}, PredicateType: ProvenanceType,
		Predicate: Tree{
			"buildDefinition": Tree{"buildType": "https://ci.corp.example/policy/v1", "externalParameters": Tree{"ref": "refs/heads/main"}},
			"runDetails":      Tree{"builder": Tree{"id": "https://ci.corp.example/builder"}},
		},
	}
}
