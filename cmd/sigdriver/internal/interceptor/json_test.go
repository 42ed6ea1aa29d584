// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package interceptor

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/interceptor/wire"
	"github.com/sigdriver/sigdriver/verifier"
)

// What a Struct holds comes out as the JSON that it came from.
func TestAppendObject(t *testing.T) {
	const text = `{"a":[1,-0.5,1e21,null,true,false,"\u0000\"é"],"b":{"c":{},"d":[]},"max":9007199254740991}`
	var in structpb.Struct
	if err := in.UnmarshalJSON([]byte(strings.Replace(text, "1e21", "1e15", 1))); err != nil {
		t.Fatal(err)
	}
	out, err := appendObject(nil, &in, 1)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(out, &got), json.Unmarshal([]byte(strings.Replace(text, "1e21", "1e15", 1)), &want)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %s, %v", out, err)
	}
}

func TestInexactNumbers(t *testing.T) {
	for _, n := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1 << 53, -(1 << 53), 1e300} {
		_, err := appendObject(nil, &structpb.Struct{Fields: map[string]*structpb.Value{"outer": structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(n)}})}}, 1)
		var inexact *inexactError
		if !errors.As(err, &inexact) || inexact.name != "outer" {
			t.Errorf("%v: %v", n, err)
		}
	}
	for _, n := range []float64{1<<53 - 1, -(1<<53 - 1), 0.1, 5e-324} {
		if _, err := appendJSON(nil, structpb.NewNumberValue(n), "n", 1); err != nil {
			t.Errorf("%v: %v", n, err)
		}
	}
}

func TestMalformedValues(t *testing.T) {
	deep := structpb.NewStructValue(&structpb.Struct{})
	for range verifier.MaxDepth {
		deep = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{deep}})
	}
	for name, v := range map[string]*structpb.Value{"too deep": deep, "no kind": {}, "nil": nil} {
		if out, err := appendJSON(nil, v, "x", 1); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// quiet hears nothing.
type quiet struct{}

func (quiet) Intercepted(string, bool) {}

// A document is not judged for a caller whom the kernel does not name.
func TestNobodyVouches(t *testing.T) {
	s := New(Config{GatewayID: "gw", Metrics: quiet{}, Logger: hclog.NewNullLogger(), Governed: func() bool { return true }})
	profile, err := structpb.NewStruct(map[string]any{"profiles": []any{map[string]any{"profile": map[string]any{"id": "forge"}}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Evaluate(context.Background(), &wire.InterceptorEvaluation{Service: service, Method: "ImportProviderProfiles",
		Phase: &wire.InterceptorEvaluation_Validate{Validate: &wire.ValidateEvaluation{ProposedOperation: profile}}})
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("got %v, %v", got, err)
	}
}

// The zero result denies, and so does an evaluation without a phase.
func TestEmptyEvaluation(t *testing.T) {
	s := New(Config{GatewayID: "gw", Metrics: quiet{}, Logger: hclog.NewNullLogger(), Governed: func() bool { return false }})
	for _, in := range []*wire.InterceptorEvaluation{
		{}, {Service: service, Method: "UpdateConfig"},
		{Service: "other", Method: "SubmitPolicyAnalysis", Phase: &wire.InterceptorEvaluation_Validate{Validate: &wire.ValidateEvaluation{ProposedOperation: &structpb.Struct{}}}},
	} {
		got, err := s.Evaluate(context.Background(), in)
		if err != nil || got.Allowed || got.StatusCode != denied {
			t.Errorf("%v: %v, %v", in, got, err)
		}
	}
	if (&wire.InterceptorResult{}).Allowed {
		t.Error("the zero result allows")
	}
}

func TestClip(t *testing.T) {
	long := clip(strings.Repeat("é", maxReason))
	if len(long) > maxReason || !strings.HasSuffix(long, "é…") {
		t.Errorf("%d bytes, %q", len(long), long[len(long)-8:])
	}
}
