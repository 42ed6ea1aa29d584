// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import "github.com/spf13/cobra"

// driverCommands are those of a machine that a driver runs on.
func driverCommands(env *Env) []*cobra.Command {
	return []*cobra.Command{newServeCommand(env), newStatusCommand(env), newAskCommand(env), newDoctorCommand(env), newDemoCommand(env), newMemoryCommand(env)}
}
