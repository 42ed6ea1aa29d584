// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package socket

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	grpcpeer "google.golang.org/grpc/peer"
)

// Limits of a PeerListener.
const (
	// MaxConnsPerUID bounds the open connections of one uid. A gateway needs one.
	MaxConnsPerUID = 64
	// MaxConns bounds open connections over all uids, as far as file
	// descriptors allow.
	MaxConns = 1024
)

// PeerListener accepts connections of listed peers only. A stranger's connection is
// closed before a byte of it is read, inside the accept loop, so that strangers
// hold neither descriptors nor goroutines.
type PeerListener struct {
	inner    unixListener
	list     atomic.Pointer[PeerList]
	max      int
	refused  func(Refused)
	mu       sync.Mutex
	open     map[*PeerConn]bool
	openUIDs map[uint32]int
}

// unixListener is a *Socket.
type unixListener interface {
	AcceptUnix() (*net.UnixConn, error)
	Close() error
	Addr() net.Addr
}

// NewPeerListener guards inner. At most max connections are open at once, except
// that a uid with none may always open one more. The function refused hears
// about every connection that is about to be closed; it must not block.
func NewPeerListener(inner unixListener, list *PeerList, max int, refused func(Refused)) *PeerListener {
	l := &PeerListener{inner: inner, max: max, refused: refused, open: map[*PeerConn]bool{}, openUIDs: map[uint32]int{}}
	l.list.Store(list)
	return l
}

// List returns the list in use.
func (l *PeerListener) List() *PeerList { return l.list.Load() }

// SetList changes who may call, and closes the connections of whoever may not any more.
func (l *PeerListener) SetList(list *PeerList) {
	l.mu.Lock()
	l.list.Store(list)
	var gone []*PeerConn
	for c := range l.open {
		if !list.Allows(c.peer) {
			gone = append(gone, c)
		}
	}
	l.mu.Unlock()
	for _, c := range gone {
		l.refused(Refused{c.peer, NotAllowed, c.UnixConn})
		c.Close()
	}
}

// Accept implements net.Listener.
func (l *PeerListener) Accept() (net.Conn, error) {
	for {
		raw, err := l.inner.AcceptUnix()
		if err != nil {
			return nil, err
		}
		cred, err := credentialsOf(raw)
		if err != nil {
			l.refused(Refused{cred, Unknown, raw})
			raw.Close()
			continue
		}
		conn, refusal := l.admit(raw, cred)
		if conn == nil {
			l.refused(Refused{cred, refusal, raw})
			raw.Close()
			continue
		}
		return conn, nil
	}
}

// admit decides under the lock, so that a list that changes meanwhile closes
// what it has to.
func (l *PeerListener) admit(raw *net.UnixConn, cred Credentials) (*PeerConn, Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.list.Load().Allows(cred) {
		return nil, NotAllowed
	}
	n := l.openUIDs[cred.UID]
	if n >= MaxConnsPerUID || (n > 0 && len(l.open) >= l.max) {
		return nil, TooMany
	}
	c := &PeerConn{UnixConn: raw, peer: cred, owner: l}
	l.open[c] = true
	l.openUIDs[cred.UID]++
	return c, ""
}

// OpenBy returns the number of open connections of the peers that are meant.
func (l *PeerListener) OpenBy(meant func(Credentials) bool) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for c := range l.open {
		if meant(c.peer) {
			n++
		}
	}
	return n
}

// Open returns the number of open connections.
func (l *PeerListener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// Close implements net.Listener.
func (l *PeerListener) Close() error { return l.inner.Close() }

// Addr implements net.Listener.
func (l *PeerListener) Addr() net.Addr { return l.inner.Addr() }

// PeerConn is a connection whose peer is known and listed.
type PeerConn struct {
	*net.UnixConn
	peer   Credentials
	owner  *PeerListener
	closed atomic.Bool
	frames frames
}

// Read implements net.Conn. A peer that cuts what it sends into crumbs is cut off.
func (c *PeerConn) Read(p []byte) (int, error) {
	n, err := c.UnixConn.Read(p)
	if !c.frames.take(p[:n]) {
		return 0, errCrumbs
	}
	return n, err
}

// Close implements net.Conn and gives the slot back.
func (c *PeerConn) Close() error {
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

// PeerInfo is what gRPC carries about a connection: who is at the other end.
type PeerInfo struct {
	credentials.CommonAuthInfo
	Credentials Credentials
}

// AuthType implements credentials.AuthInfo.
func (PeerInfo) AuthType() string { return "unix-peercred" }

// PeerFromContext returns the caller of an RPC; false when it did not come through
// a PeerListener.
func PeerFromContext(ctx context.Context) (Credentials, bool) {
	p, ok := grpcpeer.FromContext(ctx)
	if !ok {
		return Credentials{}, false
	}
	info, ok := p.AuthInfo.(PeerInfo)
	return info.Credentials, ok
}

// Transport hands the credentials of a PeerConn to gRPC. It takes no connection
// that did not come through a PeerListener, and dials none.
type Transport struct{}

// ServerHandshake implements credentials.TransportCredentials.
func (Transport) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, ok := conn.(*PeerConn)
	if !ok {
		return nil, nil, errors.New("connection without peer credentials")
	}
	// A Unix socket never leaves the kernel.
	level := credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}
	return conn, PeerInfo{CommonAuthInfo: level, Credentials: c.peer}, nil
}

// ClientHandshake implements credentials.TransportCredentials.
func (Transport) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("Transport serves only")
}

// PeerInfo implements credentials.TransportCredentials.
func (Transport) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "unix-peercred"}
}

// Clone implements credentials.TransportCredentials.
func (t Transport) Clone() credentials.TransportCredentials { return t }

// OverrideServerName implements credentials.TransportCredentials.
func (Transport) OverrideServerName(string) error { return nil }
