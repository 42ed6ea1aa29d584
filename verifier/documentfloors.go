// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// DefaultVersionStep is how far a version may be above the floor where
// authorities.json has no maxVersionStep.
const DefaultVersionStep = 1_000_000

// floorKeys names the floors that a document is judged by: that of its subject,
// and for what may be shared by workspaces another beside it.
type floorKeys struct {
	own FloorKey
	// other is, for a subject of the whole gateway, what was raised in the target's
	// workspace alone; for a profile of one workspace, the gateway's of that name.
	// nil for none.
	other *FloorKey
}

// floorKeysOf names the floors of a document about a subject at a target.
func floorKeysOf(role Role, about documentSubject, where *Target) floorKeys {
	keys := floorKeys{own: FloorKey{about.gateway, role, about.workspace, about.name}}
	switch {
	case about.workspace == "" && where.Workspace != "" && (role == GlobalPolicy || role == ProviderProfile):
		keys.other = &FloorKey{about.gateway, role, where.Workspace, about.name}
	case about.workspace != "" && role == ProviderProfile:
		keys.other = &FloorKey{about.gateway, role, "", about.name}
	}
	return keys
}

// documentFloors are the floors that a document is judged by, as one decision sees
// them. The zero value is none.
type documentFloors struct {
	own    Raise
	other  *Raise
	signed uint64 // the highest signed floor that matches the subject, 0 for none
	// signedOther is the highest that matches a profile of the same name of the
	// whole gateway, for a profile of one workspace.
	signedOther uint64
	step        uint64
}

func newDocumentFloors(keys floorKeys, trust *Trust, floors Floors) documentFloors {
	f := documentFloors{
		own:    Raise{keys.own, floors.Floor(keys.own)},
		signed: trust.signedFloor(keys.own),
		step:   trust.authorities.maxStep,
	}
	if keys.other != nil {
		f.other = &Raise{*keys.other, floors.Floor(*keys.other)}
		if keys.other.Workspace == "" {
			f.signedOther = trust.signedFloor(*keys.other)
		}
	}
	return f
}

// highest is the highest version that may be in force next. SPEC: R8 a version is
// at most maxVersionStep above the floor, so that nobody spends the number space.
func (f *documentFloors) highest() uint64 {
	base := max(f.own.Floor.Version, f.signed, f.signedOther)
	if f.other != nil {
		base = max(base, f.other.Floor.Version)
	}
	return base + f.step // neither is above 2^63-1
}

// next is the lowest version that every floor accepts for this very document.
func (f *documentFloors) next(sha256 [32]byte) uint64 {
	v := max(f.signed, f.signedOther, 1)
	for _, seen := range f.seen() {
		least := seen.Floor.Version
		if seen.Floor.binds(sha256) {
			least++
		}
		v = max(v, least)
	}
	return v
}

// binds reports whether the floor's version stands for another document.
func (f Floor) binds(sha256 [32]byte) bool {
	return f.Version > 0 && f.SHA256 != [32]byte{} && f.SHA256 != sha256
}

func (f *documentFloors) seen() []Raise {
	if f.other == nil {
		return []Raise{f.own}
	}
	return []Raise{f.own, *f.other}
}

// stands reports whether a floor stands already, there or for the whole gateway.
func (f *documentFloors) stands(raise Raise) bool {
	return slices.ContainsFunc(f.seen(), func(seen Raise) bool {
		return seen.Floor == raise.Floor && (seen.Key == raise.Key || seen.Key == f.own.Key && seen.Key.Workspace == "")
	})
}

// reach names the floor that a version raises where it is allowed.
//
// SPEC: R8 a raise reaches as far as the rules that agreed to it: the whole gateway
// when none of them is limited to a workspace or target, else the target's workspace.
func (d *documentAt) reach(c *combinedResult) FloorKey {
	keys := d.parsed.floors
	if keys.own.Workspace != "" || keys.other == nil || c.version == 0 {
		return keys.own
	}
	for _, r := range d.results {
		if !r.pinned && r.rule.asksVersion() && (limits(r.rule.workspace) || limits(r.rule.target)) {
			return *keys.other
		}
	}
	return keys.own
}

// asksVersion reports whether the rule requires a kind of statement that names a version.
func (r *rule) asksVersion() bool {
	return slices.ContainsFunc(r.require, func(q requirement) bool { return versioned(q.predicateType) })
}

// limits reports whether a glob leaves any name out.
func limits(glob *string) bool {
	return glob != nil && (*glob == "" || strings.Trim(*glob, "*") != "")
}

// checkVersion checks the version that was approved against the floors.
func (d *documentAt) checkVersion(c *combinedResult) *Finding {
	if c.version == 0 { // SPEC: R8 … it has no version and no floor.
		return nil
	}
	// SPEC: R8 below the floor (signed floors, then the driver's own) it is denied.
	if f := d.floors.own.check(c.version, d.floors.signed, d.sha256); f != nil {
		return f
	}
	// SPEC: R8 … by the higher of the two. What is approved for its own workspace
	// alone has nothing to do with the gateway's profile of that name.
	if d.floors.other != nil && (d.floors.own.Key.Workspace == "" || c.gatewayWide()) {
		if f := d.floors.other.check(c.version, d.floors.signedOther, d.sha256); f != nil {
			f.Detail += d.floors.other.where()
			return f
		}
	}
	if high := d.floors.highest(); c.version > high {
		return &Finding{Reason: VersionStep, Attestation: -1,
			Detail: fmt.Sprintf("approved at version %d, and the highest that may follow here is %d", c.version, high)}
	}
	return nil
}

// gatewayWide reports whether an approval that counted is for the whole gateway too.
func (c *combinedResult) gatewayWide() bool {
	return slices.ContainsFunc(c.counted, func(a *approval) bool { return a.versioned && a.gatewayWide })
}

// check checks a version against one floor, signed or the driver's own.
func (r *Raise) check(version, signed uint64, sha256 [32]byte) *Finding {
	switch {
	case version < signed:
		return &Finding{Reason: VersionRollback, Attestation: -1,
			Detail: fmt.Sprintf("approved at version %d, and the signed floor is %d", version, signed)}
	case version < r.Floor.Version:
		return &Finding{Reason: VersionRollback, Attestation: -1,
			Detail: fmt.Sprintf("approved at version %d, and version %d has been in force", version, r.Floor.Version)}
	case version == r.Floor.Version && r.Floor.binds(sha256): // SPEC: R8 a version already bound to another digest is equivocation.
		return &Finding{Reason: VersionEquivocation, Attestation: -1,
			Detail: fmt.Sprintf("version %d has been in force with another document, sha256:%s", version, hex.EncodeToString(r.Floor.SHA256[:]))}
	}
	return nil
}

// where says which floor it is, for people.
func (r *Raise) where() string {
	if r.Key.Workspace == "" {
		return ", for the whole gateway"
	}
	return ", in workspace " + quote(r.Key.Workspace)
}
