// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/verifier"
)

// ApprovalSet is documents that somebody is about to approve together, under one name
// and version.
type ApprovalSet struct {
	ID      string // 1 to verifier.MaxName bytes
	Members []Member
	// Gateway, Workspace and Name are globs over the sandbox where the set may be
	// enforced.
	Gateway, Workspace, Name string
	Version                  uint64    // 1 … 2^63−1
	NotBefore, NotAfter      time.Time // whole seconds; NotAfter is exclusive
	Reason                   string    // optional, for people
}

// Member is one document of a set, in the role that it was read in.
type Member struct {
	Document *Subject
	Name     string // glob over the name of what it is about: a sandbox's, a profile's id; a global policy has none
}

// Check refuses a set that no verifier would count.
func (s *ApprovalSet) Check() error {
	switch {
	case s.ID == "" || len(s.ID) > verifier.MaxName:
		return &ApprovalError{fmt.Sprintf("the set's id must have 1 to %d bytes", verifier.MaxName), "give it a short name, like --bundle-id web-stack"}
	case len(s.Members) == 0 || len(s.Members) > verifier.MaxSubjects:
		return &ApprovalError{fmt.Sprintf("a set has 1 to %d members", verifier.MaxSubjects), "give --member ROLE:NAME:FILE for each document"}
	}
	for i, m := range s.Members {
		if err := m.check(); err != nil {
			return err
		}
		if slices.ContainsFunc(s.Members[:i], func(o Member) bool { return o.Document.Role == m.Document.Role && o.Name == m.Name }) {
			return &ApprovalError{
				Text:   fmt.Sprintf("two members are the %s %.80q, and a set has one document for each", m.Document.Role, m.Name),
				Remedy: "leave one of them out, or name them apart",
			}
		}
	}
	if err := checkScope(s.Workspace, s.Name); err != nil {
		return err
	}
	return checkTerms(s.Version, s.NotBefore, s.NotAfter)
}

func (m Member) check() error {
	switch role := m.Document.Role; {
	case role == verifier.GlobalPolicy && !verifier.GlobMatches(m.Name, ""):
		return &ApprovalError{"a global policy has no name, so this member would match nothing", "leave its name empty: --member GLOBAL_POLICY::FILE"}
	case role == verifier.ProviderProfile && !verifier.GlobMatches(m.Name, m.Document.Name):
		return &ApprovalError{
			Text:   fmt.Sprintf("the profile's id is %.80q, so a member of the name %.80q would match nothing", m.Document.Name, m.Name),
			Remedy: "leave its name empty to take its id: --member PROVIDER_PROFILE::FILE",
		}
	case role != verifier.GlobalPolicy && m.Name == "":
		return &ApprovalError{fmt.Sprintf("the member %s has no name", role), "say which sandbox it is for, as --member SANDBOX_POLICY:NAME:FILE"}
	}
	if fault := verifier.NameGlobFault(m.Name); fault != "" && m.Name != m.Document.Name {
		return &ApprovalError{fmt.Sprintf("the member %s would match nothing: %s", m.Document.Role, fault), "give --member a name, or a glob like 'web-*'"}
	}
	return nil
}

// Statement returns the in-toto Statement, in its canonical form: one subject a
// document.
func (s *ApprovalSet) Statement() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	var members []any
	var documents []*Subject
	for _, m := range s.Members {
		members = append(members, map[string]any{"role": m.Document.Role.String(), "name": m.Name, "sha256": hex.EncodeToString(m.Document.SHA256[:])})
		if !slices.ContainsFunc(documents, func(d *Subject) bool { return d.SHA256 == m.Document.SHA256 }) {
			documents = append(documents, m.Document)
		}
	}
	fields := map[string]any{
		"bundleId":  s.ID,
		"version":   strconv.FormatUint(s.Version, 10),
		"scope":     map[string]any{"gateway": s.Gateway, "workspace": s.Workspace, "name": s.Name},
		"members":   members,
		"notBefore": s.NotBefore.UTC().Format(timeFormat),
		"notAfter":  s.NotAfter.UTC().Format(timeFormat),
	}
	if s.Reason != "" {
		fields["reason"] = s.Reason
	}
	return writeStatement(verifier.SetPredicateType, fields, documents...)
}

// Sign signs the approval of the set. Equal sets and keys give equal bytes.
func (s *ApprovalSet) Sign(key *keys.Key) (*Signed, error) {
	payload, err := s.Statement()
	if err != nil {
		return nil, err
	}
	return seal(payload, key)
}
