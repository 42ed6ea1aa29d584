// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// FloorPattern names the subjects that a signed floor or reset is about, as
// authorities.json writes them. The globs are those of the rules; nil matches
// any name. The zero value matches nothing, since no subject has role zero.
type FloorPattern struct {
	Role      Role
	GatewayID *string
	Workspace *string
	Name      *string
}

// Matches reports whether the subject is meant.
func (p FloorPattern) Matches(k FloorKey) bool {
	f := signedFloor{role: p.Role, gateway: p.GatewayID, workspace: p.Workspace, subject: p.Name}
	return p.Role != RoleUnspecified && f.matches(k)
}

// Pattern returns the subjects that the order is about, so that it can be recorded
// and carried out again from the record.
func (r SignedReset) Pattern() FloorPattern {
	return FloorPattern{r.floor.role, r.floor.gateway, r.floor.workspace, r.floor.subject}
}
