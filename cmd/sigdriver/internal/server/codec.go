// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// message is a received VerifyRequest, still encoded. It owns references to the
// transport's buffers until free.
type message struct {
	data mem.BufferSlice
}

func (m *message) free() {
	m.data.Free()
	m.data = nil
}

// reply is an encoded VerifyResponse.
type reply struct {
	data mem.BufferSlice
}

// codec leaves Verify's messages encoded and hands every other message to
// gRPC's own protobuf codec.
type codec struct {
	encoding.CodecV2
}

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if r, ok := v.(*reply); ok {
		return r.data, nil
	}
	return c.CodecV2.Marshal(v)
}

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(*message); ok {
		data.Ref()
		m.data = data
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}
