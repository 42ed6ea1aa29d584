// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package socket

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// OverflowID is the uid and gid that Linux reports for a peer whose own id has
// no meaning in our user namespace. Nobody may be called that.
const OverflowID = 65534

// Credentials are what the kernel says of the process that connected.
type Credentials struct {
	UID uint32
	GID uint32
	PID int32
}

func (c Credentials) String() string {
	return fmt.Sprintf("uid %d gid %d pid %d", c.UID, c.GID, c.PID)
}

// valid reports whether the credentials name a process that we can see. Pid 0 is
// a process outside our pid namespace, the overflow id one outside our users.
func (c Credentials) valid() bool {
	return c.PID > 0 && c.UID != OverflowID && c.GID != OverflowID
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
