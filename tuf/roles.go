// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import "github.com/theupdateframework/go-tuf/v2/metadata"

// The roles of a repository. The last two are delegated by targets.
const (
	RoleRoot         = metadata.ROOT
	RoleTargets      = metadata.TARGETS
	RoleSnapshot     = metadata.SNAPSHOT
	RoleTimestamp    = metadata.TIMESTAMP
	RoleRevocation   = "revocation"
	RoleAttestations = "attestations"
)

// Roles returns every role that a repository may have, in the order in which
// people sign them.
func Roles() []string {
	return []string{RoleRoot, RoleTargets, RoleRevocation, RoleAttestations, RoleSnapshot, RoleTimestamp}
}
