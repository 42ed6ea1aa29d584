// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package interceptor

import (
	"strings"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/interceptor/wire"
)

func encoded(t *testing.T, operation map[string]*structpb.Value) []byte {
	t.Helper()
	data, err := proto.Marshal(&wire.InterceptorEvaluation{
		Service: "s", Method: "m", Principal: map[string]string{"kind": "user"},
		Phase: &wire.InterceptorEvaluation_Validate{Validate: &wire.ValidateEvaluation{ProposedOperation: &structpb.Struct{Fields: operation}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(data []byte) error {
	return newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, &wire.InterceptorEvaluation{})
}

// What is at the bound is decoded, and one field more is refused before that.
func TestFieldsAreBounded(t *testing.T) {
	nothing := func(n int) *structpb.Value {
		return structpb.NewListValue(&structpb.ListValue{Values: make([]*structpb.Value, n)})
	}
	fields := func(data []byte) int { return maxFields - countFields(data, evaluation, maxNesting, maxFields) }
	around := fields(encoded(t, map[string]*structpb.Value{"a": nothing(0)}))
	at := encoded(t, map[string]*structpb.Value{"a": nothing(maxFields - around)})
	if n := fields(at); n != maxFields {
		t.Fatalf("%d fields, want %d", n, maxFields)
	}
	if err := decode(at); err != nil {
		t.Errorf("at the bound: %v", err)
	}
	if err := decode(encoded(t, map[string]*structpb.Value{"a": nothing(maxFields - around + 1)})); err != errFields {
		t.Errorf("one past it: %v", err)
	}
	text := encoded(t, map[string]*structpb.Value{"a": structpb.NewStringValue(strings.Repeat("\x0a\x00", 1<<20))})
	if n := fields(text); n > 20 {
		t.Errorf("the bytes of a string count as %d fields", n)
	}
}

func TestNestingIsBounded(t *testing.T) {
	v := structpb.NewNullValue()
	for range 50000 {
		v = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
	}
	if err := decode(encoded(t, map[string]*structpb.Value{"a": v})); err != errFields {
		t.Errorf("nested without end: %v", err)
	}
	if err := decode([]byte{0x0a}); err != errFields {
		t.Errorf("half a field: %v", err)
	}
}
