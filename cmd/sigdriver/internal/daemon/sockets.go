// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
)

// socketTick is how often it is looked whether the sockets are in their places.
const socketTick = 250 * time.Millisecond

// sockets lists the sockets of this driver that have a path.
func (d *driver) sockets() []*socket.Socket {
	list := []*socket.Socket{d.socket}
	if d.second != nil {
		list = append(list, d.second.socket)
	}
	if d.adminSocket != nil {
		list = append(list, d.adminSocket)
	}
	return list
}

// socketsInPlace reports whether whoever may call finds every socket.
func (d *driver) socketsInPlace() bool {
	for _, s := range d.sockets() {
		if !s.InPlace() {
			return false
		}
	}
	return true
}

// keepSockets makes a socket again that is gone, until the context ends. Connections
// that are open stay.
func (d *driver) keepSockets(ctx context.Context) {
	tick := time.NewTicker(socketTick)
	defer tick.Stop()
	said := map[*socket.Socket]string{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, s := range d.sockets() {
			made, err := s.Restore()
			switch {
			case made:
				d.logger.Warn("a socket was gone and is made again", "socket", s.Addr().String())
				said[s] = ""
			case err == nil:
				said[s] = ""
			case said[s] != err.Error():
				d.logger.Error("a socket is gone and cannot be made again: the driver is not ready", "error", err)
				said[s] = err.Error()
			}
		}
	}
}
