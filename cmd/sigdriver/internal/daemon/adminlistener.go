// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// adminListener accepts connections up to a limit. Beyond it the oldest one that nothing
// is being answered on makes room: whoever opens many, or sends half of a request on each,
// keeps no probe out.
type adminListener struct {
	net.Listener
	limit int

	mu    sync.Mutex // guards what follows
	conns []*adminConn
}

// adminConn is a connection of an adminListener.
type adminConn struct {
	net.Conn
	of        *adminListener
	answering bool // guarded by of.mu
}

// Accept implements net.Listener.
func (l *adminListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admit(conn); c != nil {
			return c, nil
		}
		conn.Close()
	}
}

// admit makes room for a connection; nil when there is none.
func (l *adminListener) admit(conn net.Conn) *adminConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.limit {
		i := slices.IndexFunc(l.conns, func(c *adminConn) bool { return !c.answering })
		if i < 0 {
			return nil
		}
		l.conns[i].Conn.Close()
		l.conns = slices.Delete(l.conns, i, i+1)
	}
	c := &adminConn{Conn: conn, of: l}
	l.conns = append(l.conns, c)
	return c
}

// Close implements net.Conn.
func (c *adminConn) Close() error {
	c.of.mu.Lock()
	if i := slices.Index(c.of.conns, c); i >= 0 {
		c.of.conns = slices.Delete(c.of.conns, i, i+1)
	}
	c.of.mu.Unlock()
	return c.Conn.Close()
}

func (c *adminConn) answers(yes bool) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.answering = yes
}

// adminConnKey is where a request's context has its adminConn.
type adminConnKey struct{}

func withAdminConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, adminConnKey{}, c)
}

// answering has the connection of a request stay while it is answered.
func answering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(adminConnKey{}).(*adminConn); ok {
			c.answers(true)
			defer c.answers(false)
		}
		h.ServeHTTP(w, r)
	})
}
