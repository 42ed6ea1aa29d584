// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"hash/crc32"
	"net"
	"os"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
)

// raw passes messages through as they are on the wire, so that the client spends no time
// on protobuf.
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

// pooled is raw for an echo that reads its request where the transport has it, as the
// driver does.
type pooled struct{ raw }

func (pooled) Unmarshal(data mem.BufferSlice, v any) error {
	data.Ref()
	*v.(*mem.BufferSlice) = data
	return nil
}

const method = "/openshell.signing.v1.PolicySigningDriver/Verify"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// serveEcho answers every Verify with as many bytes as the driver does, under the
// driver's own server options and with its collector's settings. Its handler reads every
// byte of the request once, where it lies, and makes nothing of them: the least that an
// answer to them can cost.
func serveEcho(socket string, size int) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	reply := make([]byte, size)
	g := grpc.NewServer(append(server.Options(), grpc.ForceServerCodecV2(pooled{}))...)
	g.RegisterService(&grpc.ServiceDesc{
		ServiceName: "openshell.signing.v1.PolicySigningDriver",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Verify", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var request mem.BufferSlice
			if err := decode(&request); err != nil {
				return nil, err
			}
			defer request.Free()
			for _, b := range request {
				crc32.Update(0, castagnoli, b.ReadOnlyData())
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
