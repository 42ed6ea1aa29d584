// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Command sigdriver is OpenShell's PolicySigningDriver: the daemon that a
// gateway asks whether a policy may be enforced, and the tools of the people
// who approve policies, publish trust and audit decisions.
package main

import (
	"os"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
