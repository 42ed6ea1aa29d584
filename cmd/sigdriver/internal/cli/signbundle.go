// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
	"github.com/sigdriver/sigdriver/verifier"
)

// setFlags are the options of sign that approve several documents together.
type setFlags struct {
	id      string
	members []string
}

func (f *setFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.id, "bundle-id", "", "approve the members together, as the set of this name")
	fl.StringArrayVar(&f.members, "member", nil, "a canonical document of the set, as ROLE:NAME:FILE; without NAME it is a profile's id or the set's --name")
	cmd.MarkFlagsRequiredTogether("bundle-id", "member")
	cmd.MarkFlagsOneRequired("document", "manifest", "bundle-id")
	cmd.MarkFlagsMutuallyExclusive("document", "manifest", "bundle-id")
	cmd.MarkFlagsMutuallyExclusive("role", "bundle-id")
	cmd.MarkFlagsMutuallyExclusive("previous", "bundle-id")
}

// signSet approves several documents together.
func signSet(env *Env, f *signFlags) error {
	s, err := f.approvalSet(env)
	if err != nil {
		return err
	}
	printSet(env.Stderr, s)
	for _, m := range s.Members {
		if err := f.show(env, m.Document); err != nil {
			return err
		}
	}
	return f.finish(env, s, verifier.SetPredicateType)
}

// approvalSet reads the options into a set and checks it.
func (f *signFlags) approvalSet(env *Env) (*policy.ApprovalSet, error) {
	if !f.workspaceGiven || f.name == "" {
		return nil, usageError(errors.New("the set needs a workspace and a name: where it may be enforced"), "give --workspace NAME and --name NAME, or globs like --name 'web-*'")
	}
	s := &policy.ApprovalSet{ID: f.set.id, Gateway: f.gateway, Workspace: f.workspace, Name: f.name, Reason: f.reason}
	for _, spec := range f.set.members {
		m, err := f.member(env, spec)
		if err != nil {
			return nil, err
		}
		s.Members = append(s.Members, *m)
	}
	var err error
	if s.Version, err = readVersion(f.version); err != nil {
		return nil, err
	}
	if s.NotBefore, s.NotAfter, err = f.window(env.Now()); err != nil {
		return nil, err
	}
	return s, approvalError(s.Check())
}

// member reads one document of the set.
func (f *signFlags) member(env *Env, spec string) (*policy.Member, error) {
	parts := strings.SplitN(spec, ":", 3)
	if len(parts) != 3 || parts[2] == "" {
		return nil, usageError(fmt.Errorf("--member %.80q is not ROLE:NAME:FILE", spec), "write it like PROVIDER_PROFILE:github:github.json, or PROVIDER_PROFILE::github.json to take the name from the document")
	}
	role, err := readRole("--member", parts[0])
	if err != nil {
		return nil, err
	}
	body, err := readFile(env, parts[2], "document", verifier.MaxBody)
	if err != nil {
		return nil, err
	}
	doc, err := policy.ReadSubject(filepath.Base(parts[2]), role, body)
	if err != nil {
		return nil, approvalError(err)
	}
	m := &policy.Member{Document: doc, Name: parts[1]}
	if m.Name == "" {
		switch role {
		case verifier.ProviderProfile:
			m.Name = doc.Name
		case verifier.SandboxPolicy, verifier.Settings:
			m.Name = f.name
		}
	}
	return m, nil
}

func printSet(w io.Writer, s *policy.ApprovalSet) {
	fmt.Fprintln(w, "You are approving together:")
	for _, m := range s.Members {
		name := printable(m.Name)
		if name == "" {
			name = "of the gateway"
		}
		fmt.Fprintf(w, "  document   %s, %s\n", printable(m.Document.File), plural(m.Document.Size, "byte", "bytes"))
		fmt.Fprintf(w, "  digest     sha256:%x\n", m.Document.SHA256)
		fmt.Fprintf(w, "  as         %s %s (%s)\n", m.Document.Role, name, m.Document.Surface)
	}
	fmt.Fprintf(w, "  set        %s\n", printable(s.ID))
	fmt.Fprintf(w, "  for        gateway %s, workspace %s, name %s\n", printable(s.Gateway), printable(s.Workspace), printable(s.Name))
	fmt.Fprintf(w, "  version    %d\n", s.Version)
	fmt.Fprintf(w, "  from       %s\n", s.NotBefore.UTC().Format(time.RFC3339))
	fmt.Fprintf(w, "  until      %s\n", s.NotAfter.UTC().Format(time.RFC3339))
	if s.Reason != "" {
		fmt.Fprintf(w, "  reason     %s\n", printable(s.Reason))
	}
}
