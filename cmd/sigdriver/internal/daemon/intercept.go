// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"

	"google.golang.org/grpc"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/interceptor"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/verifier"
)

// intercepting is the second listener, for a gateway without the hook.
type intercepting struct {
	socket   *socket.Socket
	listener *socket.PeerListener
	grpc     *grpc.Server
}

// intercept makes the interceptor's socket, if there is to be one.
func (d *driver) intercept(context.Context) error {
	conf := d.conf.Interceptor
	if conf.Path == "" {
		return nil
	}
	gid, err := d.conf.Socket.GID()
	if err != nil {
		return err
	}
	s, err := socket.Listen(socket.Options{Path: conf.Path, GID: gid, Mode: 0o660})
	if err != nil {
		return d.conf.Fault("interceptor.path", err, "choose a path of its own")
	}
	conns, err := connections(d.conf)
	if err != nil {
		return err
	}
	service := interceptor.New(interceptor.Config{
		Driver: d.server, GatewayID: conf.GatewayID, Metrics: d.metrics, Logger: d.logger.Named("interceptor"),
		Governed: func() bool { return d.keeper.Current().Trust.Governs(verifier.Settings, conf.GatewayID) },
	})
	d.second = &intercepting{
		socket:   s,
		listener: socket.NewPeerListener(s, d.peers(d.conf), conns, d.strangers.refused),
		grpc:     service.GRPC(d.server.Admission),
	}
	return nil
}

// serve answers on the second socket until it is closed. The error is nil then.
func (i *intercepting) serve() error { return i.grpc.Serve(i.listener) }
