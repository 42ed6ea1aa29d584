// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
)

// maxLines bounds the attestations of one file.
const maxLines = 64

// jsonLines takes a file of several JSON objects apart, as the driver does with a file
// of its folder. It returns nil for a file that is anything else, which is judged as it
// is. GitHub's command line and the generators of SLSA write several, one a line.
func jsonLines(data []byte) [][]byte {
	pieces := verifier.SplitAttestations(data)
	if len(pieces) < 2 || slices.ContainsFunc(pieces, func(p []byte) bool { return p[0] != '{' }) {
		return nil
	}
	return pieces
}

// readAttestations reads a file with one attestation or several.
func readAttestations(env *Env, path string) ([]attestation, error) {
	data, err := readFile(env, path, "attestation", maxLines*verifier.MaxAttestation)
	if err != nil {
		return nil, err
	}
	pieces := verifier.SplitAttestations(data)
	if len(pieces) > maxLines {
		return nil, usageError(fmt.Errorf("%q has more than %d attestations", path, maxLines), "keep those that are about what you verify")
	}
	if len(pieces) == 0 {
		pieces = [][]byte{data}
	}
	all := make([]attestation, len(pieces))
	for i, piece := range pieces {
		all[i] = attestation{name: path, raw: piece}
		if len(pieces) > 1 {
			all[i].name = fmt.Sprintf("%s #%d", path, i+1)
		}
		if len(piece) > verifier.MaxAttestation {
			return nil, usageError(fmt.Errorf("the attestation %q is larger than %d bytes", all[i].name, verifier.MaxAttestation), "")
		}
	}
	return all, nil
}

// lineName is the name of a file for one line of another: "a.jsonl" has "a-1.json".
func lineName(path string, line int) string {
	base := strings.TrimSuffix(path, filepath.Ext(path))
	return fmt.Sprintf("%s-%d.json", base, line)
}

// oneRoot returns a trusted root as it is, and several of them, one a line, as one.
func oneRoot(env *Env, path string, data []byte) ([]byte, error) {
	lines := jsonLines(data)
	if lines == nil {
		return data, nil
	}
	fmt.Fprintf(env.Stderr, "note: %s has %d trusted roots; whoever any of them vouches for counts\n", printable(path), len(lines))
	return joinRoots(path, lines)
}

// joinRoots makes one trusted_root.json of several, one a line, as `gh attestation
// trusted-root` prints them. Each member that lists authorities or logs is the lists of
// all, in their order.
func joinRoots(path string, lines [][]byte) ([]byte, error) {
	remedy := "keep one of its lines: `sed -n 1p FILE > trusted_root.json`"
	joined := map[string]any{}
	for i, line := range lines {
		var root map[string]json.RawMessage
		if err := json.Unmarshal(line, &root); err != nil {
			return nil, usageError(fmt.Errorf("line %d of %q is no trusted root: %w", i+1, path, err), remedy)
		}
		for _, name := range slices.Sorted(maps.Keys(root)) {
			var list []json.RawMessage
			have, there := joined[name]
			switch earlier, isList := have.([]json.RawMessage); {
			case json.Unmarshal(root[name], &list) == nil && (isList || !there):
				joined[name] = append(append([]json.RawMessage{}, earlier...), list...)
			case !there:
				joined[name] = root[name]
			case isList || string(have.(json.RawMessage)) != string(root[name]):
				return nil, usageError(fmt.Errorf("the trusted roots of %q differ in %.40q, and cannot be made one", path, name), remedy)
			}
		}
	}
	data, err := json.MarshalIndent(joined, "", "  ")
	return append(data, '\n'), err
}
