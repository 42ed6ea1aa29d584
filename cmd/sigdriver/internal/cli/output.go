// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
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

// write renders the report once for each sink.
func (all sinks) write(env *Env, r *report) error {
	for _, s := range all {
		var b bytes.Buffer
		switch s.format {
		case "json":
			b.Write(verifier.DecisionJSON(r.decision))
			b.WriteByte('\n')
		default:
			r.print(&printer{w: &b, colour: s.path == "" && env.colour(env.Stdout)})
		}
		if err := writeFile(env, s.path, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
