// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package disk

import "io/fs"

// identity is what only a driver needs, which runs on Linux.
func identity(fs.FileInfo) (inode uint64, changed int64) { return 0, 0 }
