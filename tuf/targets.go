// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// The target files that sigdriver knows, and which of them the top-level targets
// role must list itself.
const (
	authoritiesFile = "authorities.json"
	trustedRootFile = "trusted_root.json"
	driversFile     = "drivers.json"
	revocationsFile = "revocations.json"

	attestationsFolder = "attestations"
)

var ownTargets = []string{authoritiesFile, trustedRootFile, driversFile}

// isAttestationPath reports whether a path is attestations/<64 lower-case hex>/<name>.
func isAttestationPath(target string) bool {
	parts := strings.Split(target, "/")
	var d digest
	return len(parts) == 3 && parts[0] == attestationsFolder && d.UnmarshalText([]byte(parts[1])) == nil && safePath(target)
}

// safePath refuses paths that mean something to a file system or a URL.
func safePath(target string) bool {
	for part := range strings.SplitSeq(target, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsAny(part, "\x00\\") {
			return false
		}
	}
	return true
}

// collection is what a search found and its targets' bytes.
type collection struct {
	listed       []listed
	roles        map[string]bool // consulted, beside the top-level ones
	targets      map[string][]byte
	attestations map[string][]byte
	faults       []error

	sameAttestations bool        // they are those in force
	attestationList  *collection // what is listed below attestations/; nil when that failed
}

// fixedTargets finds the targets with fixed names. Who may list what: the top-level
// role for all but revocations.json, which is found through delegations.
func (s *search) fixedTargets(ctx context.Context) (*collection, error) {
	c := &collection{roles: map[string]bool{}, targets: map[string][]byte{}}
	for _, name := range ownTargets {
		if info := s.trusted.Targets[RoleTargets].Signed.Targets[name]; info != nil {
			c.listed = append(c.listed, listed{name, info})
		}
	}
	info, role, err := s.find(ctx, revocationsFile)
	switch {
	case err == nil:
		c.listed = append(c.listed, listed{revocationsFile, info})
		c.roles[role] = true
	case !notListed(err):
		return nil, err
	}
	// Its expiry counts also while it lists nothing.
	if s.delegates(RoleRevocation) {
		if err := s.verifyDelegation(ctx, RoleRevocation, RoleTargets, revocationsFile); err != nil {
			return nil, err
		}
		c.roles[RoleRevocation] = true
		if d := s.trusted.Targets[RoleRevocation].Signed; d.IsExpired(s.now) {
			c.faults = append(c.faults, &ExpiredError{RoleRevocation, d.Expires, s.now})
		}
		c.faults = append(c.faults, s.strayTargets(RoleRevocation, func(p string) bool { return p == revocationsFile })...)
	}
	return c, nil
}

// notListed reports whether a search ended with nothing found.
func notListed(err error) bool {
	var d *DelegationError
	return errors.As(err, &d) && d.Role == ""
}

// strayTargets are the targets that a role lists although they are not delegated to it.
func (s *search) strayTargets(role string, mine func(string) bool) []error {
	var faults []error
	for _, p := range sortedKeys(s.trusted.Targets[role].Signed.Targets) {
		if !mine(p) && len(faults) < MaxDelegations {
			faults = append(faults, &DelegationError{Path: p, Role: role, Text: "lists it without effect: that path is not delegated to it"})
		}
	}
	return faults
}

// attestations finds every file below attestations/ that the role in charge lists.
func (s *search) attestations(ctx context.Context) (*collection, error) {
	roles, err := s.rolesBelow(ctx, attestationsFolder)
	if err != nil {
		return nil, err
	}
	c := &collection{roles: map[string]bool{}}
	paths := map[string]bool{}
	for _, role := range roles[1:] { // the first is the top-level role
		c.roles[role] = true
		for p := range s.trusted.Targets[role].Signed.Targets {
			paths[p] = true
		}
		inside := func(p string) bool { return strings.HasPrefix(p, attestationsFolder+"/") }
		c.faults = append(c.faults, s.strayTargets(role, inside)...)
	}
	for p := range s.trusted.Targets[RoleTargets].Signed.Targets {
		paths[p] = true
	}
	var total int64
	for _, p := range sortedKeys(paths) {
		if !isAttestationPath(p) {
			continue
		}
		if ctx.Err() != nil {
			return nil, ctx.Err() // there may be thousands
		}
		info, _, err := s.find(ctx, p)
		if notListed(err) {
			c.faults = append(c.faults, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		// Counted before anything is downloaded.
		total += info.Length
		switch {
		case info.Length > MaxAttestationFile:
			return nil, &LengthError{File: p, Want: MaxAttestationFile, Got: info.Length}
		case total > MaxAttestationBytes:
			return nil, &LengthError{File: attestationsFolder, Want: MaxAttestationBytes, Got: total}
		case len(c.listed) >= MaxAttestationFiles:
			return nil, &LengthError{File: attestationsFolder, Text: fmt.Sprintf("more than %d files", MaxAttestationFiles)}
		}
		c.listed = append(c.listed, listed{p, info})
	}
	return c, nil
}

// delegates reports whether the top-level targets role names a delegated role.
func (w *workflow) delegates(role string) bool {
	d := w.trusted.Targets[RoleTargets].Signed.Delegations
	if d == nil {
		return false
	}
	for i := range d.Roles {
		if d.Roles[i].Name == role {
			return true
		}
	}
	return false
}

// listed is a target as the role in charge of its path lists it.
type listed struct {
	path string
	info *metadata.TargetFiles
}

// checkTarget is checkTarget for what was fetched, which may be something else.
func (c *Content) checkTarget(file File, l listed) error {
	err := checkTarget(l, c.Data)
	if err == nil {
		return nil
	}
	return cmp.Or(c.foreign(file, false), c.rewrittenLines(file, l.info), err)
}

// checkTarget verifies the bytes of a target.
func checkTarget(l listed, data []byte) error {
	if int64(len(data)) != l.info.Length {
		return &LengthError{File: l.path, Want: l.info.Length, Got: int64(len(data))}
	}
	if err := l.info.VerifyLengthHashes(data); err != nil {
		return &HashError{l.path, "its hash is not the signed one"}
	}
	return nil
}
