// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "slices"

// Governs reports whether a document of the role could meet an enforced rule
// anywhere in a gateway, in some workspace and for some sandbox. Missing trust
// governs everything.
func (t *Trust) Governs(role Role, gatewayID string) bool {
	if t == nil {
		return true
	}
	return slices.ContainsFunc(t.authorities.rules, func(r *rule) bool {
		return !r.shadow && r.surface == roleSurface[role] &&
			(len(r.roles) == 0 || slices.Contains(r.roles, role)) && globOrAny(r.gateway, gatewayID)
	})
}
