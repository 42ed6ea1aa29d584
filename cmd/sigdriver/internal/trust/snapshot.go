// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// Snapshot is the trust in use, whole. It never changes.
type Snapshot struct {
	// Trust is nil while there is none, and then refuses.
	Trust *verifier.Trust
	// Generation rises with every epoch that is swapped in. A swap that only moves
	// expiries keeps it, so that what was decided stands. It is of this process; the
	// epoch is for ever.
	Generation uint64
	// Roles are the TUF metadata files that the trust came from.
	Roles map[string]record.RoleFile
}
