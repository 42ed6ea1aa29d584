// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package tilelog

import "context"

// run has no journal to follow: a driver runs on Linux alone. What it left is read
// everywhere.
func (l *Log) run(ctx context.Context) { <-ctx.Done() }
