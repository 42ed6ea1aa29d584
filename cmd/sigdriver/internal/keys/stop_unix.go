// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package keys

import (
	"os"
	"os/signal"
	"syscall"
)

// stopSignals are those by which a terminal stops a process, as Ctrl-Z does.
var stopSignals = []os.Signal{syscall.SIGTSTP}

// stopSelf stops the process until somebody continues it.
func stopSelf() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	if syscall.Kill(os.Getpid(), syscall.SIGSTOP) == nil {
		<-continued
	}
}
