// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"fmt"
	"math/big"
	"strconv"
	"strings"

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
		if !exactDouble(tok.String()) {
			return fmt.Errorf("the number before byte %d changes its value as a double: write it as a string", dec.InputOffset())
		}
	}
}

// exactDouble reports whether canonicalising the number keeps its value: integers
// exactly, either as the double or as the text that RFC 8785 writes for it
// (10^30 is no double, but the nearest one is written 1e+30); fractions to the
// nearest double; all within a double's range.
func exactDouble(text string) bool {
	if len(text) > 400 {
		return false // longer than any double needs; also bounds big's work
	}
	d, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false
	}
	if d == 0 { // nothing but zeros, or too small to be anything else
		digits, _, _ := strings.Cut(strings.ToLower(text), "e")
		return strings.Trim(digits, "-0.") == ""
	}
	if decimal(text) == decimal(strconv.FormatFloat(d, 'e', -1, 64)) {
		return true // the text that is written for it: no need for big
	}
	f, err := parseExactly(text)
	if err != nil {
		return false
	}
	if _, accuracy := f.Float64(); accuracy == big.Exact || !f.IsInt() {
		return true
	}
	written, err := parseExactly(strconv.FormatFloat(d, 'e', -1, 64))
	return err == nil && written.Cmp(f) == 0
}

// decimal is a number without its sign, as digits and a power of ten. Equal ones
// have equal values.
func decimal(text string) (d struct {
	digits string
	power  int
}) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(text, "-")), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	power, err := strconv.Atoi(exponent)
	if err != nil && exponent != "" {
		return d
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	if d.digits = strings.TrimRight(digits, "0"); d.digits == "" {
		return d
	}
	d.power = power - len(fraction) + len(digits) - len(d.digits)
	return d
}

// parseExactly reads a number with more precision than an integer of 400 digits
// or any double needs.
func parseExactly(text string) (*big.Float, error) {
	f, _, err := big.ParseFloat(text, 10, 2048, big.ToNearestEven)
	return f, err
}
