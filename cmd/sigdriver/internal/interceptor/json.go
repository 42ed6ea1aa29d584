// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package interceptor

import (
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sigdriver/sigdriver/verifier"
)

// maxExact is the largest integer below which every integer is a double.
const maxExact = 1<<53 - 1

// inexactError says that a Struct holds a number that may have been another.
type inexactError struct{ name string }

func (e *inexactError) Error() string {
	return fmt.Sprintf("member %.60q holds a number that a Struct cannot carry exactly: write it as a string", e.name)
}

// appendJSON writes a value as JSON, for verifier.Canonicalize to bring into
// form. The member of the name is the nearest above it.
func appendJSON(out []byte, v *structpb.Value, name string, depth int) ([]byte, error) {
	if depth > verifier.MaxDepth {
		return nil, fmt.Errorf("the operation is nested deeper than %d", verifier.MaxDepth)
	}
	switch k := v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return appendNumber(out, k.NumberValue, name)
	case *structpb.Value_StringValue:
		return jsontext.AppendQuote(out, k.StringValue)
	case *structpb.Value_BoolValue:
		return strconv.AppendBool(out, k.BoolValue), nil
	case *structpb.Value_StructValue:
		return appendObject(out, k.StructValue, depth)
	case *structpb.Value_ListValue:
		out = append(out, '[')
		for i, e := range k.ListValue.GetValues() {
			if i > 0 {
				out = append(out, ',')
			}
			var err error
			if out, err = appendJSON(out, e, name, depth+1); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	case *structpb.Value_NullValue:
		return append(out, "null"...), nil
	}
	return nil, fmt.Errorf("member %.60q holds no value", name)
}

// appendObject writes members in any order: the canonical form has its own.
func appendObject(out []byte, s *structpb.Struct, depth int) ([]byte, error) {
	out = append(out, '{')
	first := true
	for name, v := range s.GetFields() {
		if !first {
			out = append(out, ',')
		}
		first = false
		var err error
		if out, err = jsontext.AppendQuote(out, name); err != nil {
			return nil, err
		}
		out = append(out, ':')
		if out, err = appendJSON(out, v, name, depth+1); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func appendNumber(out []byte, n float64, name string) ([]byte, error) {
	if math.IsNaN(n) || math.IsInf(n, 0) || math.Abs(n) > maxExact {
		return nil, &inexactError{name}
	}
	return strconv.AppendFloat(out, n, 'g', -1, 64), nil
}
