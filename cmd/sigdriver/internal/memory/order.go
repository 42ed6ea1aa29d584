// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// Orders reports whether trust orders exactly this reset. Whoever owns the database could
// put an order's id on another pattern.
func Orders(t *verifier.Trust, r *record.AskedReset) bool {
	if t == nil {
		return false
	}
	for _, o := range t.Resets() {
		p := o.Pattern()
		if o.ID == r.ID && o.Version == r.Version && p.Role.String() == r.Pattern.Role &&
			same(p.GatewayID, r.Pattern.GatewayID) && same(p.Workspace, r.Pattern.Workspace) && same(p.Name, r.Pattern.Name) {
			return true
		}
	}
	return false
}

func same(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
