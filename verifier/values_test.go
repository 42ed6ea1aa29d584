// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"errors"
	"strings"
	"testing"
)

func TestCountValues(t *testing.T) {
	for text, want := range map[string]int{
		`{}`: 2, `[]`: 2, `[1,2,3]`: 4, `{"a":{"b":[1,"x"]},"c":null}`: 6, `"a,b[{"`: 1, `["\"",",{["]`: 3, "": 1,
	} {
		if got := countValues([]byte(text), 0); got != want {
			t.Errorf("%s: %d values, want %d", text, got, want)
		}
	}
	quoted := []byte(`"` + strings.Repeat(",", 100) + `"`)
	if got := countValues(quoted, 200); got > 200 {
		t.Errorf("%d values of 200", got)
	}
	if got := countValues(quoted, 50); got != 1 {
		t.Errorf("%d values, want 1", got)
	}
}

// A request at the bound is read, one past it is refused before that.
func TestTooManyValues(t *testing.T) {
	request := func(values int) *Request {
		body := []byte("[" + strings.TrimSuffix(strings.Repeat("0,", values-2), ",") + "]")
		half := len(body) / 4 * 2 // between two values, in two documents of at most MaxBody
		a, b := append(append([]byte{}, body[:half-1]...), ']'), append([]byte("["), body[half:]...)
		return &Request{Purpose: Compose, Target: Target{GatewayID: "gw", SandboxID: "sb"},
			Documents: []Document{{Role: SandboxPolicy, Body: a}, {Role: Settings, Body: b}}, Recipe: "x"}
	}
	count := func(r *Request) int { return countValues(r.Documents[0].Body, 0) + countValues(r.Documents[1].Body, 0) }
	at := MaxValues - 2
	for count(request(at)) != MaxValues-1 { // effective is one more
		at += MaxValues - 1 - count(request(at))
	}
	var refused *RequestError
	if err := checkValues(request(at)); err != nil {
		t.Errorf("at the bound: %v", err)
	}
	if err := CheckRequest(request(at + 1)); !errors.As(err, &refused) || refused.Reason != "REQUEST_TOO_LARGE" {
		t.Errorf("one past it: %v", err)
	}
}
