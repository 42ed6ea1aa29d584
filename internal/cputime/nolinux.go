// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package cputime

import "time"

var start = time.Now()

func thread() time.Duration { return time.Since(start) }
