// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package socket

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func id(n uint32) *uint32 { return &n }

func TestListAllowsOnlyListedIDs(t *testing.T) {
	l := NewPeerList([]PeerEntry{
		{UID: id(990), GatewayIDs: []string{"gw-a"}},
		{UID: id(990), GatewayIDs: []string{"gw-b"}},
		{GID: id(500), GatewayIDs: []string{"gw-c"}},
	})
	for _, c := range []struct {
		name string
		cred Credentials
		gw   string
		call bool
		say  bool
	}{
		{"uid", Credentials{990, 1, 7}, "gw-a", true, true},
		{"second entry of a uid", Credentials{990, 1, 7}, "gw-b", true, true},
		{"uid, gateway of a gid", Credentials{990, 1, 7}, "gw-c", true, false},
		{"uid and gid", Credentials{990, 500, 7}, "gw-c", true, true},
		{"gid", Credentials{1, 500, 7}, "gw-c", true, true},
		{"gid used as uid", Credentials{500, 1, 7}, "gw-c", false, false},
		{"other uid", Credentials{991, 1, 7}, "gw-a", false, false},
		{"no gateway", Credentials{990, 1, 7}, "", true, false},
		{"another PID namespace", Credentials{990, 1, 0}, "gw-a", true, true},
	} {
		if got := l.Allows(c.cred); got != c.call {
			t.Errorf("%s: Allows = %v", c.name, got)
		}
		if got := l.MaySpeakFor(c.cred, c.gw); got != c.say {
			t.Errorf("%s: MaySpeakFor(%q) = %v", c.name, c.gw, got)
		}
	}
}

func TestOverflowIDsAreNobody(t *testing.T) {
	l := NewPeerList([]PeerEntry{{UID: id(OverflowID), GatewayIDs: []string{"gw"}}, {GID: id(OverflowID), GatewayIDs: []string{"gw"}}, {UID: id(1), GatewayIDs: []string{"gw"}}})
	if !l.Allows(Credentials{1, 1, 7}) {
		t.Fatal("uid 1 is listed")
	}
	if l.Allows(Credentials{OverflowID, 1, 7}) || l.Allows(Credentials{1, OverflowID, 7}) {
		t.Error("an unmapped id was let in")
	}
}

func TestNilListLetsNobodyIn(t *testing.T) {
	var l *PeerList
	if l.Allows(Credentials{0, 0, 1}) || l.MaySpeakFor(Credentials{0, 0, 1}, "gw") {
		t.Error("nil list allows")
	}
}

func TestSameUserSpeaksForEveryGateway(t *testing.T) {
	l := SameUser(5)
	if !l.MaySpeakFor(Credentials{5, 5, 7}, "anything") {
		t.Error("own uid refused")
	}
	if l.Allows(Credentials{6, 5, 7}) || l.MaySpeakFor(Credentials{6, 5, 7}, "anything") {
		t.Error("another uid allowed")
	}
}

// fixture is a PeerListener on a real socket, and the refusals it reported.
type fixture struct {
	*PeerListener
	path    string
	mu      sync.Mutex
	refused []Refusal
}

func listen(t *testing.T, list *PeerList, max int) *fixture {
	t.Helper()
	dir, err := os.MkdirTemp("", "peer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := &fixture{path: filepath.Join(dir, "s")}
	inner, err := net.ListenUnix("unix", &net.UnixAddr{Name: f.path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	f.PeerListener = NewPeerListener(inner, list, max, func(r Refused) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.refused = append(f.refused, r.Why)
	})
	t.Cleanup(func() { f.PeerListener.Close() })
	return f
}

func (f *fixture) refusals() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.refused)
}

func (f *fixture) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", f.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// closedUnread reports whether the other side closed without a byte.
func closedUnread(c net.Conn) bool {
	c.SetDeadline(time.Now().Add(time.Minute))
	_, err := c.Read(make([]byte, 1))
	if err == io.EOF {
		return true
	}
	ne, ok := err.(net.Error)
	return err != nil && !(ok && ne.Timeout())
}

// accepted accepts everything in the background and reports what came.
func (f *fixture) accepted() <-chan net.Conn {
	ch := make(chan net.Conn, 256)
	go func() {
		for {
			c, err := f.Accept()
			if err != nil {
				close(ch)
				return
			}
			ch <- c
		}
	}()
	return ch
}

func self() *PeerList { return SameUser(uint32(os.Getuid())) }

func TestStrangersAreClosedUnread(t *testing.T) {
	f := listen(t, NewPeerList([]PeerEntry{{UID: id(uint32(os.Getuid()) + 1), GatewayIDs: []string{"gw"}}}), 8)
	conns := f.accepted()
	stranger := f.dial(t)
	stranger.Write([]byte("PRI * HTTP/2.0"))
	if !closedUnread(stranger) {
		t.Fatal("the stranger's connection is open")
	}
	f.SetList(self())
	f.dial(t)
	select {
	case c := <-conns:
		if got := c.(*PeerConn).peer; got.UID != uint32(os.Getuid()) || got.PID != int32(os.Getpid()) {
			t.Errorf("peer is %v", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("a listed peer was not let in")
	}
}

func TestConnectionsPerUIDAreBounded(t *testing.T) {
	f := listen(t, self(), 1000)
	conns := f.accepted()
	var first net.Conn
	for i := range MaxConnsPerUID {
		f.dial(t)
		c := <-conns
		if i == 0 {
			first = c
		}
	}
	if !closedUnread(f.dial(t)) {
		t.Fatalf("connection %d was let in", MaxConnsPerUID+1)
	}
	first.Close()
	f.dial(t)
	select {
	case <-conns:
	case <-time.After(time.Minute):
		t.Fatal("a closed connection did not give its slot back")
	}
	if f.Open() != MaxConnsPerUID {
		t.Errorf("%d open, want %d", f.Open(), MaxConnsPerUID)
	}
}

func TestAFullListenerKeepsASlotForAUIDWithNone(t *testing.T) {
	f := listen(t, self(), 2)
	conns := f.accepted()
	f.dial(t)
	f.dial(t)
	<-conns
	c := <-conns
	if !closedUnread(f.dial(t)) {
		t.Fatal("a third connection was let in")
	}
	f.list.Store(NewPeerList([]PeerEntry{{UID: id(7), GatewayIDs: nil}}))
	got, refusal := f.admit(c.(*PeerConn).UnixConn, Credentials{UID: 7, GID: 7, PID: 7})
	if got == nil {
		t.Fatalf("a uid without a connection was refused: %s", refusal)
	}
	if got, _ := f.admit(c.(*PeerConn).UnixConn, Credentials{UID: 7, GID: 7, PID: 7}); got != nil {
		t.Error("the reserved slot was given twice")
	}
}

func TestSetListClosesWhoMayNoLongerCall(t *testing.T) {
	f := listen(t, self(), 8)
	conns := f.accepted()
	c := f.dial(t)
	<-conns
	f.SetList(self())
	if f.refusals() != 0 || f.Open() != 1 {
		t.Fatal("a peer still listed was closed")
	}
	f.SetList(NewPeerList(nil))
	if !closedUnread(c) {
		t.Error("the connection of a removed peer is open")
	}
	if f.Open() != 0 {
		t.Errorf("%d open", f.Open())
	}
}

func TestTransportTakesOnlyConnsOfAListener(t *testing.T) {
	f := listen(t, self(), 8)
	conns := f.accepted()
	raw := f.dial(t)
	c := <-conns
	_, info, err := Transport{}.ServerHandshake(c)
	if err != nil || info.(PeerInfo).Credentials.UID != uint32(os.Getuid()) {
		t.Fatalf("handshake: %v, %v", info, err)
	}
	if _, _, err := (Transport{}).ServerHandshake(raw); err == nil {
		t.Error("a connection without credentials was taken")
	}
	if _, ok := PeerFromContext(context.Background()); ok {
		t.Error("a context without a peer has credentials")
	}
}
