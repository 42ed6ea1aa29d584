// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// ApprovalInForce is an approval, of a document or of a set, that counts at an instant
// and that no newer one of the same principal for the same place has taken over from.
type ApprovalInForce struct {
	File      string // the name that it was given under
	Principal string
	// What it is about: a role, or the id of a set, and the globs of its scope.
	About                    string
	Gateway, Workspace, Name string
	Version                  uint64
	NotAfter                 time.Time
	SHA256                   [32]byte // of its DSSE PAE
}

// place is what an approval takes over in.
func (a *ApprovalInForce) place() [5]string {
	return [5]string{a.Principal, a.About, a.Gateway, a.Workspace, a.Name}
}

// ApprovalsInForce returns the approvals in force at now among attestations by name,
// those that end first first. It looks at who signed, at revocation and at windows; which
// rules ask for them is for a decision to judge.
func (t *Trust) ApprovalsInForce(attestations map[string][]byte, now time.Time) []ApprovalInForce {
	if t == nil {
		return nil
	}
	newest := map[[5]string]ApprovalInForce{}
	for file, raw := range attestations {
		good, _ := t.verifySignatures(0, raw, newSignatureBudget())
		for i := range good {
			a := t.approvalInForce(&good[i], now)
			if a == nil {
				continue
			}
			a.File = file
			if known, ok := newest[a.place()]; !ok || a.after(&known) {
				newest[a.place()] = *a
			}
		}
	}
	list := make([]ApprovalInForce, 0, len(newest))
	for _, a := range newest {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b ApprovalInForce) int {
		return cmp.Or(a.NotAfter.Compare(b.NotAfter), cmp.Compare(a.File, b.File), slices.Compare(placeOf(a), placeOf(b)))
	})
	return list
}

func placeOf(a ApprovalInForce) []string { p := a.place(); return p[:] }

// after reports whether an approval takes over from another one for its place.
func (a *ApprovalInForce) after(b *ApprovalInForce) bool {
	return cmp.Or(cmp.Compare(a.Version, b.Version), a.NotAfter.Compare(b.NotAfter), -cmp.Compare(a.File, b.File)) > 0
}

// approvalInForce reads what one signature approves at now; nil for nothing.
func (t *Trust) approvalInForce(signed *verifiedSignature, now time.Time) *ApprovalInForce {
	c, f := t.newClaim(signed)
	if f != nil || !c.from.IsZero() && now.Before(c.from) || !c.until.IsZero() && !now.Before(c.until) {
		return nil
	}
	a := &ApprovalInForce{Principal: c.principal.name, SHA256: c.digest}
	var from time.Time
	var scope approvalScope
	switch c.statement.predicateType {
	case ApprovalPredicateType:
		p, f := parseApprovalPredicate(c.statement.predicate)
		if f != nil {
			return nil
		}
		a.About, scope, a.Version, from, a.NotAfter = p.role, p.scope, p.version, p.notBefore, p.notAfter
	case SetPredicateType:
		set, f := parseSetStatement(c.statement)
		if f != nil {
			return nil
		}
		a.About, scope, a.Version, from, a.NotAfter = "set "+set.name.id, set.scope, set.name.version, set.notBefore, set.notAfter
	default:
		return nil // it has no window
	}
	if now.Before(from) || !now.Before(a.NotAfter) {
		return nil
	}
	a.Gateway, a.Workspace, a.Name = scope.gateway, scope.workspace, scope.name
	return a
}

// LintApprovals reports the approvals in force that end within the given time.
func (t *Trust) LintApprovals(attestations map[string][]byte, now time.Time, within time.Duration) []LintFinding {
	l := &linter{trust: t, now: now, within: within}
	for _, a := range t.ApprovalsInForce(attestations, now) {
		if l.soon(a.NotAfter) {
			l.find(LintApprovalExpires, LintWarning, a.File, "notAfter", a.String()+" ends at "+stamp(a.NotAfter),
				"Let "+plain(a.Principal)+" approve it again with sigdriver sign before that, and publish the new approval.")
		}
	}
	return l.found
}

// String says whose approval it is, and of what.
func (a *ApprovalInForce) String() string {
	return fmt.Sprintf("the approval by %s of %s %s in gateway %s, workspace %s as version %d",
		plain(a.Principal), plain(a.About), quote(a.Name), quote(a.Gateway), quote(a.Workspace), a.Version)
}
