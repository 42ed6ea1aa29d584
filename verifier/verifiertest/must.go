// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Must unwraps a result that only a mistake in this package can spoil.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("verifiertest: %v", err))
	}
	return v
}

// Edit replaces the only occurrence of old in text. It panics when there is
// none or more than one, so that a mutation never silently mutates nothing.
func Edit(text []byte, old, new string) []byte {
	if n := bytes.Count(text, []byte(old)); n != 1 {
		panic(fmt.Sprintf("verifiertest: %q occurs %d times in %.200q", old, n, text))
	}
	return bytes.Replace(text, []byte(old), []byte(new), 1)
}

// Compact marshals a value without HTML escapes: members in the order of the
// struct, map keys sorted.
func Compact(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("verifiertest: %v", err))
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// unhex decodes a digest.
func unhex(s string) []byte { return Must(hex.DecodeString(s)) }

// compactRaw takes insignificant white space out of a JSON text.
func compactRaw(text []byte) ([]byte, error) {
	var b bytes.Buffer
	err := json.Compact(&b, text)
	return b.Bytes(), err
}
