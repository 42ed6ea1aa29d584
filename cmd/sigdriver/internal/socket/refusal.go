// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package socket

import "net"

// Refusal says why a connection was closed unread.
type Refusal string

// The refusals.
const (
	NotAllowed Refusal = "not_allowed"  // not on the list, or no id that our user namespace has
	TooMany    Refusal = "too_many"     // over MaxConnsPerUID or MaxConns
	Unknown    Refusal = "unidentified" // the kernel did not say who it is
)

// Refused is a connection that is about to be closed.
type Refused struct {
	Peer Credentials
	Why  Refusal
	conn *net.UnixConn
}

// Process says for the log which process it is, as far as can be said. It costs some
// system calls, and decides nothing.
func (r Refused) Process() string { return processOf(r.conn, r.Peer.PID) }
