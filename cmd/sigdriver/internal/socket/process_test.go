// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package socket

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// The log names the very process that connected.
func TestProcessIsNamed(t *testing.T) {
	said := make(chan string, 1)
	f := listen(t, NewPeerList(nil), 8)
	f.PeerListener.refused = func(r Refused) { said <- r.Process() }
	f.accepted()
	f.dial(t)
	if got := <-said; !strings.HasPrefix(got, fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("the process is %s", got)
	}
}

// Without a pid, and without a descriptor for the process, it is said as it is.
func TestProcessWithoutPID(t *testing.T) {
	var conn net.UnixConn // not open
	if got := processOf(&conn, 0); !strings.Contains(got, "another PID namespace") {
		t.Errorf("pid 0 is %s", got)
	}
	if got := processOf(&conn, 7); got != "pid 7" {
		t.Errorf("pid 7 is %s", got)
	}
}
