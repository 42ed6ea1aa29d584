// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"google.golang.org/grpc/mem"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
)

// Answer is Verify for a question that another listener of this process was
// asked: an encoded VerifyRequest in, an encoded VerifyResponse out. Limits, the
// peer's gateways, recording and the cache are those of every other call.
func (s *Server) Answer(ctx context.Context, caller socket.Credentials, request []byte) ([]byte, error) {
	r, err := s.answerCall(ctx, caller, mem.BufferSlice{mem.SliceBuffer(request)})
	if err != nil {
		return nil, err
	}
	return r.data.Materialize(), nil
}
