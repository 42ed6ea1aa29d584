// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/tuf"
)

// trustLives says, after a repository was made, how long it lasts by itself.
type trustLives struct {
	Roles           map[string]int64 `json:"roles"` // seconds
	MaxStaleSeconds *int64           `json:"maxStaleSeconds,omitempty"`
	Refused         *time.Time       `json:"refused,omitempty"` // when drivers refuse everything unless something is renewed
}

func newTrustLives(l *ceremony.Lives) *trustLives {
	out := &trustLives{Roles: map[string]int64{}}
	for _, role := range tuf.Roles() {
		out.Roles[role] = int64(l.Roles[role] / time.Second)
	}
	if l.HasRules {
		stale := int64(l.MaxStale / time.Second)
		out.MaxStaleSeconds = &stale
	}
	if !l.Refused.IsZero() {
		refused := l.Refused.UTC()
		out.Refused = &refused
	}
	return out
}

// meansOfLife say what the life of a role means.
var meansOfLife = map[string]string{
	tuf.RoleRoot:         "its holders sign it anew before that, or drivers refuse",
	tuf.RoleTargets:      "so do those who answer for the rules",
	tuf.RoleRevocation:   "a machine signs it anew",
	tuf.RoleAttestations: "a machine signs it anew; without, drivers take no new approvals from here",
	tuf.RoleSnapshot:     "a machine signs it anew",
	tuf.RoleTimestamp:    "a machine signs it anew",
}

func (l *trustLives) print(w io.Writer, dir string) {
	fmt.Fprintf(w, "\nHow long it lasts by itself; `sigdriver trust renew --dir %s`, by a timer, keeps it alive\n", printable(dir))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, role := range tuf.Roles() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", role, leftText(l.Roles[role]), meansOfLife[role])
	}
	switch {
	case l.MaxStaleSeconds == nil:
	case *l.MaxStaleSeconds == 0:
		fmt.Fprintf(table, "maxStale\tnone\tdrivers refuse once timestamp or revocation has expired; \"maxStale\": \"72h\" in authorities.json gives them three days more\n")
	default:
		fmt.Fprintf(table, "maxStale\t%s\tso long drivers go on once timestamp or revocation has expired\n", leftText(*l.MaxStaleSeconds))
	}
	table.Flush()
	if l.Refused != nil {
		fmt.Fprintf(w, "With nothing renewed, drivers refuse everything from %s on\n", l.Refused.Format(time.RFC3339))
	}
}
