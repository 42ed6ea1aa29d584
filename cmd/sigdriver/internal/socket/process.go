// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package socket

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// processOf names the process that connected. A pid alone may have been given to
// another process meanwhile; the descriptor that newer kernels hand out for a peer
// (SO_PEERPIDFD, Linux 6.5) stands for one process only.
func processOf(conn *net.UnixConn, pid int32) string {
	without := fmt.Sprintf("pid %d", pid)
	if pid == 0 {
		without = "a process of another PID namespace"
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return without
	}
	pidfd := -1
	var optErr error
	err = raw.Control(func(fd uintptr) {
		pidfd, optErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	})
	if errors.Join(err, optErr) != nil {
		return without
	}
	defer unix.Close(pidfd)
	switch seen, ok := pidOf(pidfd); {
	case !ok:
		return without
	case seen < 0:
		return "a process that has ended"
	case seen == 0:
		return "a process of another PID namespace"
	default:
		return withName(pidfd, seen)
	}
}

// withName adds what the process calls itself, if it still is the one of that pid.
func withName(pidfd, pid int) string {
	name, err := disk.Read(disk.OS{}, fmt.Sprintf("/proc/%d/comm", pid), 64)
	if again, ok := pidOf(pidfd); err != nil || !ok || again != pid {
		return fmt.Sprintf("pid %d", pid)
	}
	return fmt.Sprintf("pid %d, %q", pid, bytes.TrimSpace(name))
}

// pidOf reads the pid that a descriptor stands for: 0 outside our PID namespace, -1
// once the process has ended.
func pidOf(pidfd int) (int, bool) {
	info, err := disk.Read(disk.OS{}, fmt.Sprintf("/proc/self/fdinfo/%d", pidfd), 4096)
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(info) {
		if value, ok := bytes.CutPrefix(line, []byte("Pid:")); ok {
			n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			return n, err == nil
		}
	}
	return 0, false
}

// credentialsOf reads SO_PEERCRED, which the kernel fixed at connect.
func credentialsOf(conn *net.UnixConn) (Credentials, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Credentials{}, err
	}
	var cred *unix.Ucred
	var optErr error
	err = raw.Control(func(fd uintptr) {
		cred, optErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return Credentials{}, err
	}
	if optErr != nil {
		return Credentials{}, fmt.Errorf("read SO_PEERCRED: %w", optErr)
	}
	return Credentials{UID: cred.Uid, GID: cred.Gid, PID: cred.Pid}, nil
}
