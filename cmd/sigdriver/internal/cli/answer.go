// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	shown "github.com/sigdriver/sigdriver/internal/printable"
)

// errorSchema is the schema of an answer that has nothing but an error.
const errorSchema = "application/vnd.sigdriver.error.v1+json"

// answerHead is what every -o json begins with, whatever the command, and also when it
// failed. What the command has to say follows in the same object.
type answerHead struct {
	// Schema says what else is in the object.
	Schema string `json:"schema"`
	// Command is the command without its options: "trust status".
	Command string `json:"command"`
	// ExitCode is that of the process.
	ExitCode int `json:"exitCode"`
	// Error is there when the command has something to say that is no result.
	Error *answerError `json:"error,omitempty"`
}

type answerError struct {
	// Code is of docs/reasons.md; empty for a mistake in how the command was called.
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
}

// answer is the JSON of a report, held until the exit code is known.
type answer struct {
	path string
	body []byte // one JSON object
}

// answer writes the JSON that a command line asked for, and returns its error, or that
// of writing it.
func (e *Env) answer(cmd *cobra.Command, args []string, err error) error {
	head := answerHead{Command: strings.TrimPrefix(cmd.CommandPath(), "sigdriver "), ExitCode: codeOf(err)}
	if exit := asExit(err); exit != nil && exit.Err != nil {
		head.Error = &answerError{Message: printable(exit.Err.Error()), Remedy: exit.Remedy}
		var coded interface{ Code() string }
		if errors.As(exit.Err, &coded) {
			head.Error.Code = coded.Code()
		}
	}
	held := e.held
	if len(held) == 0 && err != nil {
		for _, path := range jsonPaths(cmd, args) {
			held = append(held, answer{path, []byte(`{"schema":"` + errorSchema + `"}`)})
		}
	}
	for _, a := range held {
		text, fault := head.around(a.body)
		if fault == nil {
			fault = writeFile(e, a.path, shown.Inert(text))
		}
		if fault != nil && (err == nil || asExit(err).Err == nil) {
			return fault
		}
	}
	return err
}

// around is the envelope with the members of a report behind it, over as many lines as
// the report. A report of an older release names its schema "mediaType", and keeps that.
func (h answerHead) around(body []byte) ([]byte, error) {
	var rest bytes.Buffer
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		name = name.Clone()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		switch string(name) {
		case `"schema"`:
			h.Schema = text(value)
			continue
		case `"mediaType"`:
			h.Schema = text(value)
		}
		fmt.Fprintf(&rest, ",%s:%s", name, value)
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(h); err != nil {
		return nil, err
	}
	whole := append(bytes.TrimSuffix(line.Bytes(), []byte("}\n")), rest.Bytes()...)
	whole = append(whole, '}')
	var out bytes.Buffer
	if bytes.Contains(bytes.TrimSpace(body), []byte("\n")) {
		if err := json.Indent(&out, whole, "", "  "); err != nil {
			return nil, err
		}
	} else if err := json.Compact(&out, whole); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// jsonPaths is where a command line asked for JSON, also when it was not read to its end.
func jsonPaths(cmd *cobra.Command, args []string) []string {
	flag := cmd.Flags().Lookup("output")
	if flag == nil || flag.Value.Type() != "stringArray" {
		return nil
	}
	var paths []string
	for i, arg := range args {
		spec := ""
		switch {
		case (arg == "-o" || arg == "--output") && i+1 < len(args):
			spec = args[i+1]
		case strings.HasPrefix(arg, "--output="):
			spec = strings.TrimPrefix(arg, "--output=")
		case strings.HasPrefix(arg, "-o") && !strings.HasPrefix(arg, "--"):
			spec = strings.TrimPrefix(strings.TrimPrefix(arg, "-o"), "=")
		}
		if format, path, _ := strings.Cut(spec, "="); format == "json" && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}
