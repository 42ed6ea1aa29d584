// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package interceptor

import (
	"errors"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/interceptor/wire"
	"github.com/sigdriver/sigdriver/verifier"
)

// maxFields bounds the fields of an operation's messages, four for each member of its
// JSON. A field takes two bytes on the wire and a hundred once it is decoded.
const maxFields = 1 << 18

// maxNesting bounds how deep they are in one another: four messages for each level of
// JSON, and those around.
const maxNesting = 4*verifier.MaxDepth + 8

// errFields refuses an operation before it is decoded.
var errFields = errors.New("the operation has too many values, or is not one")

// codec counts the fields of an operation before it decodes them.
type codec struct {
	encoding.CodecV2
}

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if _, ok := v.(*wire.InterceptorEvaluation); ok {
		whole := data.Materialize()
		if countFields(whole, evaluation, maxNesting, maxFields) < 0 {
			return errFields
		}
		data = mem.BufferSlice{mem.SliceBuffer(whole)}
	}
	return c.CodecV2.Unmarshal(data, v)
}

// shape says which fields of a message are messages.
type shape map[protowire.Number]shape

// evaluation is the way to the values of an operation. All else in it are strings.
var evaluation = func() shape {
	value, structure := shape{}, shape{}
	structure[1] = shape{2: value} // members
	value[5] = structure
	value[6] = shape{1: value} // a list
	principal := shape{}
	return shape{5: principal, 7: shape{1: structure}}
}()

// countFields takes the fields of a message from what is left, below zero when there
// are more or it is no message.
func countFields(data []byte, s shape, depth, left int) int {
	if depth == 0 {
		return -1
	}
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return -1
		}
		data = data[n:]
		size := protowire.ConsumeFieldValue(number, kind, data)
		if size < 0 || left == 0 {
			return -1
		}
		left--
		if inner := s[number]; inner != nil && kind == protowire.BytesType {
			body, _ := protowire.ConsumeBytes(data)
			if left = countFields(body, inner, depth-1, left); left < 0 {
				return -1
			}
		}
		data = data[size:]
	}
	return left
}
