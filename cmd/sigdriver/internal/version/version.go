// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package version says which sigdriver this is.
package version

import "runtime/debug"

// Driver is the version that authorities.json's minDriverVersion is compared
// with. It follows semantic versioning.
const Driver = "0.1.0"

// Revision is the commit the binary was built from, empty when unknown; with
// local changes it ends in "+dirty".
func Revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + dirty
}
