// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package cli

import "github.com/spf13/cobra"

// driverCommands are none here: a driver runs on Linux alone, where the kernel says who
// connects. Everything that approvers, authors of trust and auditors do is the same.
func driverCommands(*Env) []*cobra.Command { return nil }

// configuredState is none here, for the same reason.
func configuredState() string { return "" }
