// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
)

const (
	// fileReserve is how many file descriptors connections leave alone: one for
	// each of the evaluations under way, which archive, and as many again for the
	// journal, the transparency log, whose writer ends the process when it gets
	// none, floors, the index and trust.
	fileReserve = 256
	// minFiles is what the process has to be allowed at least.
	minFiles = fileReserve + 64
	// maxAdminConns bounds the connections of the admin listener; they come out of
	// the reserve.
	maxAdminConns = 16
)

// connections is how many connections each socket of this configuration may have.
func connections(conf *Config) (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	sockets := 1
	if conf.Interceptor.Path != "" {
		sockets = 2
	}
	return share(limit.Cur, sockets)
}

// share splits what a limit on open files leaves to connections.
func share(limit uint64, sockets int) (int, error) {
	if limit < minFiles {
		return 0, fmt.Errorf("the process may open %d files and needs %d: raise LimitNOFILE= of its unit, or `ulimit -n`", limit, minFiles)
	}
	return int(min((limit-fileReserve)/uint64(sockets), socket.MaxConns)), nil
}
