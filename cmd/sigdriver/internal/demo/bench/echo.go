// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
)

// raw passes messages through as they are on the wire. Both ends use it, so that
// neither the echo nor the client spends time on protobuf.
type raw struct{}

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// Name is that of gRPC's own codec: on the wire they are alike.
func (raw) Name() string { return proto.Name }

// unread is raw for an echo that lets its request go without reading it.
type unread struct{ raw }

func (unread) Unmarshal(mem.BufferSlice, any) error { return nil }

const method = "/openshell.signing.v1.PolicySigningDriver/Verify"

// serveEcho answers every Verify with the same bytes, under the driver's own
// server options. Its handler is given the request as one slice and does nothing
// with it: what any handler costs at least. With drop not even that is done: the
// floor under everything that gRPC can do.
func serveEcho(socket string, drop bool) error {
	reply := make([]byte, replySize)
	var codec encoding.CodecV2 = raw{}
	if drop {
		codec = unread{}
	}
	g := grpc.NewServer(append(server.Options(), grpc.ForceServerCodecV2(codec))...)
	g.RegisterService(&grpc.ServiceDesc{
		ServiceName: "openshell.signing.v1.PolicySigningDriver",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Verify", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var request []byte
			if err := decode(&request); err != nil {
				return nil, err
			}
			return &reply, nil
		}}},
	}, struct{}{})
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	return g.Serve(l)
}
