// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package socket

import "fmt"

// OverflowID is the uid and gid that Linux reports for a peer whose own id has
// no meaning in our user namespace. Nobody may be called that.
const OverflowID = 65534

// Credentials are what the kernel says of the process that connected.
type Credentials struct {
	UID uint32
	GID uint32
	PID int32 // for the log alone; 0 in another PID namespace
}

func (c Credentials) String() string {
	return fmt.Sprintf("uid %d gid %d pid %d", c.UID, c.GID, c.PID)
}

// named reports whether both ids mean somebody in our user namespace. The pid says
// nothing about that: it is 0 where the peer is of another PID namespace, as the other
// containers of a Kubernetes pod are.
func (c Credentials) named() bool { return c.UID != OverflowID && c.GID != OverflowID }
