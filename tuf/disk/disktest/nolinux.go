// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package disktest

import "testing"

// SmallDisk skips the test: nobody mounts one here.
func SmallDisk(t testing.TB, _ int) string {
	t.Skip("a small tmpfs cannot be mounted here")
	return ""
}

// Fill is not reached.
func Fill(testing.TB, string, int) (free func()) { return func() {} }
