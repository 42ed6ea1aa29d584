// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestJSONLines(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		lines int
	}{
		"one object":            {`{"a":1}`, 0},
		"one, and a line break": {"{\"a\":1}\n", 0},
		"one over two lines":    {"{\"a\":\n1}\n", 0},
		"two":                   {"{\"a\":1}\n{\"a\":2}", 2},
		"CR LF, blank lines":    {"{\"a\":1}\r\n\r\n {\"a\":2}\r\n", 2},
		"two on one line":       {`{"a":1} {"a":2}`, 2},
		"an array of two":       {`[{"a":1}, {"a":2}]`, 2},
		"a byte order mark":     {"\ufeff{\"a\":1}\n{\"a\":2}", 2},
		"one of them broken":    {"{\"a\":1}\n{\"a\":", 2},
		"no objects":            {"1\n2\n", 0},
		"nothing":               {"", 0},
	} {
		if got := len(jsonLines([]byte(c.text))); got != c.lines {
			t.Errorf("%s: %d lines, want %d", name, got, c.lines)
		}
	}
}

func TestJoinRoots(t *testing.T) {
	join := func(lines ...string) (string, error) {
		var raw [][]byte
		for _, line := range lines {
			raw = append(raw, []byte(line))
		}
		data, err := joinRoots("roots.jsonl", raw)
		var b bytes.Buffer
		_ = json.Compact(&b, data)
		return b.String(), err
	}
	got, err := join(`{"mediaType":"m","tlogs":[{"a":1}],"ctlogs":[]}`, `{"mediaType":"m","tlogs":[{"b":2}],"timestampAuthorities":[{"c":3}]}`)
	if want := `{"ctlogs":[],"mediaType":"m","timestampAuthorities":[{"c":3}],"tlogs":[{"a":1},{"b":2}]}`; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	for name, lines := range map[string][]string{
		"other media types": {`{"mediaType":"m"}`, `{"mediaType":"n"}`},
		"a list and a text": {`{"tlogs":[]}`, `{"tlogs":"x"}`},
		"a text and a list": {`{"tlogs":"x"}`, `{"tlogs":[]}`},
	} {
		if got, err := join(lines...); err == nil || !strings.Contains(err.Error(), "differ in") {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}
