// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	grpcpeer "google.golang.org/grpc/peer"
)

// Limits of a Listener.
const (
	// MaxConnsPerUID bounds the open connections of one uid. A gateway needs one.
	MaxConnsPerUID = 64
	// MaxConns bounds open connections over all uids, as far as file
	// descriptors allow.
	MaxConns = 1024
)

// Refusal says why a connection was closed unread.
type Refusal string

// The refusals.
const (
	NotAllowed Refusal = "not_allowed"  // not on the list
	TooMany    Refusal = "too_many"     // over MaxConnsPerUID or MaxConns
	Unknown    Refusal = "unidentified" // the kernel did not say who it is
)

// Listener accepts connections of listed peers only. A stranger's connection is
// closed before a byte of it is read, inside the accept loop, so that strangers
// hold neither descriptors nor goroutines.
type Listener struct {
	inner    *net.UnixListener
	list     atomic.Pointer[List]
	max      int
	refused  func(Credentials, Refusal)
	mu       sync.Mutex
	open     map[*Conn]bool
	openUIDs map[uint32]int
}

// NewListener guards inner. At most max connections are open at once, except
// that a uid with none may always open one more. The function refused hears
// about every connection that is about to be closed; it must not block.
func NewListener(inner *net.UnixListener, list *List, max int, refused func(Credentials, Refusal)) *Listener {
	l := &Listener{inner: inner, max: max, refused: refused, open: map[*Conn]bool{}, openUIDs: map[uint32]int{}}
	l.list.Store(list)
	return l
}

// List returns the list in use.
func (l *Listener) List() *List { return l.list.Load() }

// SetList changes who may call, and closes the connections of whoever may not any more.
func (l *Listener) SetList(list *List) {
	l.mu.Lock()
	l.list.Store(list)
	var gone []*Conn
	for c := range l.open {
		if !list.Allows(c.peer) {
			gone = append(gone, c)
		}
	}
	l.mu.Unlock()
	for _, c := range gone {
		l.refused(c.peer, NotAllowed)
		c.Close()
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.inner.AcceptUnix()
		if err != nil {
			return nil, err
		}
		cred, err := credentialsOf(raw)
		if err != nil {
			l.refused(cred, Unknown)
			raw.Close()
			continue
		}
		conn, refusal := l.admit(raw, cred)
		if conn == nil {
			l.refused(cred, refusal)
			raw.Close()
			continue
		}
		return conn, nil
	}
}

// admit decides under the lock, so that a list that changes meanwhile closes
// what it has to.
func (l *Listener) admit(raw *net.UnixConn, cred Credentials) (*Conn, Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.list.Load().Allows(cred) {
		return nil, NotAllowed
	}
	n := l.openUIDs[cred.UID]
	if n >= MaxConnsPerUID || (n > 0 && len(l.open) >= l.max) {
		return nil, TooMany
	}
	c := &Conn{UnixConn: raw, peer: cred, owner: l}
	l.open[c] = true
	l.openUIDs[cred.UID]++
	return c, ""
}

// Open returns the number of open connections.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// Close implements net.Listener.
func (l *Listener) Close() error { return l.inner.Close() }

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Conn is a connection whose peer is known and listed.
type Conn struct {
	*net.UnixConn
	peer   Credentials
	owner  *Listener
	closed atomic.Bool
}

// Close implements net.Conn and gives the slot back.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	err := c.UnixConn.Close()
	l := c.owner
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
	if l.openUIDs[c.peer.UID]--; l.openUIDs[c.peer.UID] == 0 {
		delete(l.openUIDs, c.peer.UID)
	}
	return err
}

// Info is what gRPC carries about a connection: who is at the other end.
type Info struct {
	credentials.CommonAuthInfo
	Credentials Credentials
}

// AuthType implements credentials.AuthInfo.
func (Info) AuthType() string { return "unix-peercred" }

// FromContext returns the caller of an RPC; false when it did not come through
// a Listener.
func FromContext(ctx context.Context) (Credentials, bool) {
	p, ok := grpcpeer.FromContext(ctx)
	if !ok {
		return Credentials{}, false
	}
	info, ok := p.AuthInfo.(Info)
	return info.Credentials, ok
}

// Transport hands the credentials of a Conn to gRPC. It takes no connection
// that did not come through a Listener, and dials none.
type Transport struct{}

// ServerHandshake implements credentials.TransportCredentials.
func (Transport) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, ok := conn.(*Conn)
	if !ok {
		return nil, nil, errors.New("connection without peer credentials")
	}
	// A Unix socket never leaves the kernel.
	level := credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}
	return conn, Info{CommonAuthInfo: level, Credentials: c.peer}, nil
}

// ClientHandshake implements credentials.TransportCredentials.
func (Transport) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("peer.Transport serves only")
}

// Info implements credentials.TransportCredentials.
func (Transport) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "unix-peercred"}
}

// Clone implements credentials.TransportCredentials.
func (t Transport) Clone() credentials.TransportCredentials { return t }

// OverrideServerName implements credentials.TransportCredentials.
func (Transport) OverrideServerName(string) error { return nil }
