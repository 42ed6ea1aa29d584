// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/printable"
)

// sortedKeys gives a map an order that does not change.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// roleOfFile is the role of an entry in a snapshot.
func roleOfFile(name string) string { return strings.TrimSuffix(name, ".json") }

// escapeRole makes a role's name one segment of a path.
func escapeRole(role string) string { return url.PathEscape(role) }

// loader brings the bytes of a targets role at the version that the snapshot
// names, from wherever the workflow gets its files.
type loader func(ctx context.Context, role string, file *metadata.MetaFiles) ([]byte, error)

// search finds targets in the tree of delegations: specification, section 5.6.7.
// What was loaded stays loaded, but each (role, delegator) pair is verified on its
// own: a role that is valid through one delegator is worth nothing through another.
type search struct {
	*workflow
	load loader
	// tolerated are the roles whose expiry the caller judges.
	tolerated map[string]bool
}

// find returns what the first role in pre-order that lists the path says about
// it, and that role. Nothing found is a *DelegationError without a role.
func (s *search) find(ctx context.Context, target string) (*metadata.TargetFiles, string, error) {
	visited := map[string]bool{}
	stack := [][2]string{{RoleTargets, RoleRoot}}
	for len(stack) > 0 {
		next := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if visited[next[0]] {
			continue // also ends cycles
		}
		if len(visited) > MaxDelegations {
			return nil, "", &DelegationError{Path: target, Role: next[0], Text: "is one delegation too many"}
		}
		visited[next[0]] = true
		if err := s.verifyDelegation(ctx, next[0], next[1], target); err != nil {
			return nil, "", err
		}
		role := s.trusted.Targets[next[0]]
		if info := role.Signed.Targets[target]; info != nil {
			return info, next[0], nil
		}
		children, terminating := childrenFor(role.Signed.Delegations, target)
		if terminating {
			stack = nil
		}
		for _, child := range slices.Backward(children) {
			stack = append(stack, [2]string{child, next[0]})
		}
	}
	return nil, "", &DelegationError{Path: target, Text: "no role that may list it does"}
}

// childrenFor returns the roles that may list a path, in order, up to and with the
// first terminating one.
func childrenFor(d *metadata.Delegations, target string) (children []string, terminating bool) {
	if d == nil {
		return nil, false
	}
	if d.SuccinctRoles != nil {
		return []string{d.SuccinctRoles.GetRolesForTarget(target)[0].Name}, true
	}
	for i := range d.Roles {
		if !mayList(&d.Roles[i], target) {
			continue
		}
		children = append(children, d.Roles[i].Name)
		if d.Roles[i].Terminating {
			return children, true
		}
	}
	return children, false
}

// mayList reports whether a delegation covers a path. In patterns * does not match
// a slash. Hash prefixes are hexadecimal as in the specification; go-tuf compares
// them with base64.
func mayList(role *metadata.DelegatedRole, target string) bool {
	if len(role.Paths) > 0 {
		ok, err := role.IsDelegatedPath(target)
		return err == nil && ok
	}
	sum := sha256.Sum256([]byte(target))
	return slices.ContainsFunc(role.PathHashPrefixes, func(prefix string) bool {
		return prefix != "" && strings.HasPrefix(hex.EncodeToString(sum[:]), prefix)
	})
}

// enter verifies a role through one delegator, loading it if need be.
func (s *search) verifyDelegation(ctx context.Context, role, delegator, target string) error {
	pair := [2]string{role, delegator}
	if verdict, done := s.paths[pair]; done {
		return verdict
	}
	err := s.loadAndVerify(ctx, role, delegator)
	var unsigned *SignatureError
	if errors.As(err, &unsigned) && s.raw[role] != nil {
		err = &DelegationError{Path: target, Role: role, Text: "is not what " + printable.Quote(delegator) + " delegates to, only another role's"}
	}
	var delegation *DelegationError
	if errors.As(err, &delegation) && delegation.Path == "" {
		delegation.Path = target
	}
	// A failed download may succeed next time; a verdict on bytes stays.
	if err == nil || Code(err) != CodeDownload && ctx.Err() == nil {
		s.paths[pair] = err
	}
	return err
}

func (s *search) loadAndVerify(ctx context.Context, role, delegator string) error {
	data := s.raw[role]
	if data == nil {
		file := s.trusted.Snapshot.Signed.Meta[role+".json"]
		if file == nil {
			return &DelegationError{Role: role, Text: "is not in the snapshot"}
		}
		var err error
		if data, err = s.load(ctx, role, file); err != nil {
			return err
		}
	}
	if s.tolerated[role] {
		return s.updateTargetsTolerant(data, role, delegator)
	}
	return s.updateTargets(data, role, delegator)
}

// rolesBelow visits every role that may list paths in a folder, in pre-order from
// the top-level targets role, and returns their names.
func (s *search) rolesBelow(ctx context.Context, folder string) ([]string, error) {
	var names []string
	visited := map[string]bool{}
	var visit func(role, delegator string) error
	visit = func(role, delegator string) error {
		if visited[role] {
			return nil
		}
		if len(visited) > MaxDelegations {
			return &DelegationError{Path: folder, Role: role, Text: "is one delegation too many"}
		}
		visited[role] = true
		if err := s.verifyDelegation(ctx, role, delegator, folder); err != nil {
			return err
		}
		names = append(names, role)
		for _, child := range delegatesInto(s.trusted.Targets[role].Signed.Delegations, folder) {
			if err := visit(child, role); err != nil {
				return err
			}
		}
		return nil
	}
	return names, visit(RoleTargets, RoleRoot)
}

// delegatesInto returns the roles with a pattern that reaches into a folder.
// Hashed delegations name no folder, so nothing can be enumerated through them.
func delegatesInto(d *metadata.Delegations, folder string) []string {
	var names []string
	if d == nil {
		return nil
	}
	for _, role := range d.Roles {
		if slices.ContainsFunc(role.Paths, func(pattern string) bool {
			first, _, nested := strings.Cut(pattern, "/")
			ok, err := path.Match(first, folder)
			return nested && err == nil && ok
		}) {
			names = append(names, role.Name)
		}
	}
	return names
}
