// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	shown "github.com/sigdriver/sigdriver/internal/printable"
)

// sink is one place that a report goes to, in one format.
type sink struct{ format, path string }

type sinks []sink

// readOutputs reads FORMAT or FORMAT=FILE, as often as given. A command may have
// more formats than text and json.
func readOutputs(specs []string, more ...string) (sinks, error) {
	var all sinks
	for _, spec := range specs {
		format, path, _ := strings.Cut(spec, "=")
		if format != "text" && format != "json" && !slices.Contains(more, format) {
			known := strings.Join(append([]string{"text", "json"}, more...), " or ")
			return nil, usageError(fmt.Errorf("-o %.40q is no output", spec), "use "+known+", or json=FILE to write to a file")
		}
		if slices.ContainsFunc(all, func(s sink) bool { return s.path == path }) {
			return nil, usageError(fmt.Errorf("-o %.40q goes where another output goes", spec), "give all but one of them a file, as in -o text -o json=decision.json")
		}
		all = append(all, sink{format, path})
	}
	return all, nil
}

// render makes the report once for each sink, whole before it is written.
func (all sinks) render(env *Env, report func(p *printer, format string) error) error {
	for _, s := range all {
		var b bytes.Buffer
		if err := report(&printer{w: &b, colour: s.path == "" && env.colour(env.Stdout)}, s.format); err != nil {
			return err
		}
		if s.format == "json" {
			env.held = append(env.held, answer{s.path, b.Bytes()})
			continue
		}
		text := shown.Inert(b.Bytes())
		if s.format == "github" { // whose commands are ours
			text = shown.Escape(b.Bytes())
		}
		if err := writeFile(env, s.path, text); err != nil {
			return err
		}
	}
	return nil
}

// writeAll writes a report to every sink, as JSON or as text.
func (all sinks) writeAll(env *Env, report any, text func(*printer)) error {
	return all.render(env, func(p *printer, format string) error {
		if format == "json" {
			return writeJSON(p.w, report)
		}
		text(p)
		return nil
	})
}

// writeJSON writes JSON for people too: indented, and with < and & as they are.
func writeJSON(w io.Writer, report any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}
