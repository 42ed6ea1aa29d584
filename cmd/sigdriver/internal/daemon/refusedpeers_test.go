// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/verifier"
)

// A driver and a gateway in two PID namespaces, as in two containers of one pod: the
// kernel has no pid for the gateway, and its uid counts all the same.
func TestAnotherPIDNamespace(t *testing.T) {
	if file := os.Getenv("SIGDRIVER_TEST_CONTAINER"); file != "" {
		if err := Run(context.Background(), Options{ConfigFile: file, Log: os.Stderr}); err != nil {
			t.Fatal(err)
		}
		return
	}
	w := newWorld(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestAnotherPIDNamespace$")
	cmd.Env = append(os.Environ(), "SIGDRIVER_TEST_CONTAINER="+w.path("sigdriver.toml"))
	cmd.Stdout, cmd.Stderr = &w.log, &w.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	if err := cmd.Start(); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("no namespaces here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	w.eventually("the driver serves", func() bool { return strings.Contains(w.log.String(), "serving") })
	w.dial(w.path("run/s"))
	w.expect(compose(5), verifier.Allowed)

	w.uid++
	w.configure("")
	cmd.Process.Signal(syscall.SIGHUP)
	w.eventually("what to change is said", func() bool {
		return strings.Contains(w.log.String(), "add a [[peer]] with uid = ")
	})
}

// What a refused peer has to change is said once a uid and minute, and each refusal
// is counted.
func TestRefusedPeerIsSaidOnceAMinute(t *testing.T) {
	w := newWorld(t)
	w.uid++
	w.configure("")
	w.start()
	said := func() int { return strings.Count(w.log.String(), "[WARN]  sigdriver: a connection was refused") }
	for range 5 {
		conn, err := net.Dial("unix", w.path("run/s"))
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		conn.Read(make([]byte, 1))
		conn.Close()
	}
	if got := w.metric(`sigdriver_connections_refused_total{why="not_allowed"}`); got != "5" {
		t.Errorf("%q refusals counted", got)
	}
	if n := said(); n < 1 || n > 2 { // a minute may turn meanwhile
		t.Errorf("said %d times", n)
	}
}

func TestOneWarningAUIDAndMinute(t *testing.T) {
	now := time.Unix(600, 0)
	p := &refusedPeers{now: func() time.Time { return now }}
	if !p.first(7) || p.first(7) || !p.first(8) {
		t.Error("within a minute")
	}
	now = now.Add(time.Minute)
	if !p.first(7) {
		t.Error("a minute later")
	}
	said := 0
	for uid := range uint32(10000) {
		if p.first(uid) {
			said++
		}
	}
	if said >= maxRefusedUIDs {
		t.Errorf("%d uids made a line each", said)
	}
}

func TestRemedies(t *testing.T) {
	for _, c := range []struct {
		refused socket.Refused
		text    string
	}{
		{socket.Refused{Peer: socket.Credentials{UID: 990, GID: 5}, Why: socket.NotAllowed}, "uid = 990"},
		{socket.Refused{Peer: socket.Credentials{UID: socket.OverflowID, GID: 5}, Why: socket.NotAllowed}, "user namespace"},
		{socket.Refused{Peer: socket.Credentials{UID: 5, GID: socket.OverflowID}, Why: socket.NotAllowed}, "user namespace"},
		{socket.Refused{Peer: socket.Credentials{UID: 990}, Why: socket.TooMany}, "connections"},
	} {
		if got := remedy(c.refused); !strings.Contains(got, c.text) {
			t.Errorf("%v: %s", c.refused, got)
		}
	}
}
