// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memorytest

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// socketName is what PostgreSQL calls its socket.
const socketName = ".s.PGSQL.5432"

// Proxy stands between a driver and its database.
type Proxy struct {
	dir    string
	to     atomic.Pointer[string]
	delay  atomic.Int64 // of each piece, in nanoseconds
	closed atomic.Bool  // takes no connection

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// NewProxy makes a proxy to the server whose socket is in a folder.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "sdpx")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{dir: dir, conns: map[net.Conn]bool{}}
	p.To(to)
	l, err := net.Listen("unix", filepath.Join(dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); p.Cut(); os.RemoveAll(dir) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

// URL is the database as a driver behind the proxy names it.
func (p *Proxy) URL() string { return URL(p.dir) }

// To leads connections from now on to another server.
func (p *Proxy) To(folder string) { p.to.Store(&folder) }

// Delay holds back each piece that passes.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Cut ends every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// Close ends every connection and takes no other until Open.
func (p *Proxy) Close() { p.closed.Store(true); p.Cut() }

// Open takes connections again.
func (p *Proxy) Open() { p.closed.Store(false) }

func (p *Proxy) serve(from net.Conn) {
	defer from.Close()
	if p.closed.Load() {
		return
	}
	to, err := net.Dial("unix", filepath.Join(*p.to.Load(), socketName))
	if err != nil {
		return
	}
	defer to.Close()
	p.mu.Lock()
	p.conns[from], p.conns[to] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, from)
		delete(p.conns, to)
	}()
	done := make(chan struct{}, 2)
	pass := func(dst, src net.Conn) {
		defer func() { done <- struct{}{} }()
		buf := make([]byte, 32<<10)
		for {
			n, err := src.Read(buf)
			if d := time.Duration(p.delay.Load()); d > 0 {
				time.Sleep(d)
			}
			if _, werr := dst.Write(buf[:n]); err != nil || werr != nil {
				return
			}
		}
	}
	go pass(to, from)
	go pass(from, to)
	<-done
}
