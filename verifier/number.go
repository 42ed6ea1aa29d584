// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"fmt"
	"math/big"

	"github.com/go-json-experiment/json/jsontext"
)

// checkNumbers refuses a text with an integer that a double cannot hold, or a
// number out of a double's range: RFC 8785 would silently write another value.
// A decimal fraction is taken as the double nearest to it, as every reader does.
func checkNumbers(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	for {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil // checkJSON ran before: only the end remains
		}
		if tok.Kind() != '0' {
			continue
		}
		if text := tok.String(); !exactDouble(text) {
			return fmt.Errorf("number %s at byte %d changes its value as a double: write it as a string", clip(text, 40), dec.InputOffset())
		}
	}
}

// exactDouble tells whether canonicalising the number keeps its value: integers
// exactly, fractions to the nearest double, all within a double's range.
func exactDouble(text string) bool {
	if len(text) > 400 {
		return false // longer than any double needs; also bounds big's work
	}
	f, _, err := big.ParseFloat(text, 10, 2048, big.ToNearestEven)
	if err != nil || f.IsInf() {
		return false
	}
	d, acc := f.Float64()
	if d != d || d > 1.7976931348623157e308 || d < -1.7976931348623157e308 {
		return false
	}
	if f.Sign() != 0 && d == 0 {
		return false
	}
	return acc == big.Exact || !f.IsInt()
}
