// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/printable"
)

// Difference is everything that a stage changes in one file.
type Difference struct {
	File  string   `json:"file"` // "root.json", or a target path
	From  string   `json:"from"` // "v3", a digest, or "" for a new file
	To    string   `json:"to"`   // "" for a removed one
	Lines []string `json:"lines"`
}

// Diff returns what somebody who signs the stage now agrees to: every member of
// the metadata that differs from what is published, and the same for every JSON
// file it brings. Nothing is left out, only long values are clipped.
func (s *Stage) Diff() ([]Difference, error) {
	differences := []Difference{}
	for _, role := range s.Roles() {
		d, err := s.diffRole(role)
		if err != nil {
			return nil, err
		}
		differences = append(differences, d)
		files, err := s.diffTargets(role)
		if err != nil {
			return nil, err
		}
		differences = append(differences, files...)
	}
	return differences, nil
}

func (s *Stage) diffRole(role string) (Difference, error) {
	d := Difference{File: role + ".json", To: fmt.Sprintf("v%d", *headerOf(s.metas[role]).version)}
	var before any = map[string]any{}
	if m := s.base.metas[role]; m != nil {
		d.From = fmt.Sprintf("v%d", *headerOf(m).version)
		var err error
		if before, err = signedPart(m); err != nil {
			return d, err
		}
	}
	after, err := signedPart(s.metas[role])
	if err != nil {
		return d, err
	}
	d.Lines = compare("", before, after)
	return d, nil
}

// signedPart returns the part of metadata that signatures are over.
func signedPart(m roleMeta) (any, error) {
	data, err := m.ToBytes(false)
	if err != nil {
		return nil, err
	}
	whole, ok := decodeAny(data)
	object, isObject := whole.(map[string]any)
	if !ok || !isObject {
		return nil, fmt.Errorf("metadata is not a JSON object")
	}
	return object["signed"], nil
}

// decodeAny decodes JSON with its numbers as written; false if it is none.
func decodeAny(data []byte) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err == nil && !dec.More()
}

// diffTargets returns the target files that a staged role changes.
func (s *Stage) diffTargets(role string) ([]Difference, error) {
	before, after := targetsOf(s.base.metas[role]), targetsOf(s.metas[role])
	differences := []Difference{}
	for _, p := range slices.Sorted(maps.Keys(union(before, after))) {
		old, next := before[p], after[p]
		if old != nil && next != nil && old.Equal(*next) {
			continue
		}
		d, err := s.diffFile(p, old, next)
		if err != nil {
			return nil, err
		}
		differences = append(differences, d)
	}
	return differences, nil
}

// diffFile compares one target file; old or next is nil when there is none.
func (s *Stage) diffFile(p string, old, next *metadata.TargetFiles) (Difference, error) {
	d := Difference{File: p}
	var was, is any
	if old != nil {
		data, err := s.base.Target(p)
		if err != nil {
			return d, err
		}
		d.From, was = "sha256:"+shortID(old.Hashes["sha256"].String()), content(data)
	}
	if next != nil {
		d.To, is = "sha256:"+shortID(next.Hashes["sha256"].String()), content(s.files[p])
	}
	switch {
	case old == nil:
		d.Lines = leaves("+", "", "", is)
	case next == nil:
		d.Lines = leaves("-", "", "", was)
	default:
		d.Lines = compare("", was, is)
	}
	return d, nil
}

// content returns the JSON of a file, or what there is to say about other bytes.
func content(data []byte) any {
	if v, ok := decodeAny(data); ok {
		return v
	}
	return fmt.Sprintf("%d bytes that are not JSON", len(data))
}

func union[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(b)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, a)
	return all
}

// compare returns one line for every difference between two JSON values:
// "+ path: value", "- path: value" or "~ path: old → new".
func compare(path string, before, after any) []string {
	if b, ok := before.(map[string]any); ok {
		if a, ok := after.(map[string]any); ok {
			return compareParts(path, b, a, member)
		}
	}
	if b, ok := before.([]any); ok {
		if a, ok := after.([]any); ok {
			return compareLists(path, b, a)
		}
	}
	if encodeAny(before) == encodeAny(after) {
		return nil
	}
	return []string{fmt.Sprintf("~ %s: %s → %s", cmp.Or(path, "contents"), show(before), show(after))}
}

// join makes the path of a part: member or element.
type join func(path, name string) string

func compareParts(path string, before, after map[string]any, at join) []string {
	lines := []string{}
	for _, name := range slices.Sorted(maps.Keys(union(before, after))) {
		was, had := before[name]
		is, has := after[name]
		switch {
		case !had:
			lines = append(lines, leaves("+", at(path, name), name, is)...)
		case !has:
			lines = append(lines, leaves("-", at(path, name), name, was)...)
		default:
			lines = append(lines, compare(at(path, name), was, is)...)
		}
	}
	return lines
}

// compareLists compares named elements by name and others by their own text:
// what came, what went, and whether the order is another.
func compareLists(path string, before, after []any) []string {
	lines := compareParts(path, byName(before), byName(after), element)
	if len(lines) == 0 && encodeAny(before) != encodeAny(after) {
		lines = append(lines, fmt.Sprintf("~ %s: another order: %s → %s", path, order(before), order(after)))
	}
	return lines
}

// byName turns a list into an object, by elementName and, for repeated ones, a count.
func byName(list []any) map[string]any {
	named := make(map[string]any, len(list))
	for _, v := range list {
		name := elementName(v)
		for i := 2; named[name] != nil; i++ {
			name = fmt.Sprintf("%s (%d)", elementName(v), i)
		}
		named[name] = v
	}
	return named
}

// elementName is an element's member "name", or the element itself as text.
func elementName(v any) string {
	if object, ok := v.(map[string]any); ok {
		if name, ok := object["name"].(string); ok {
			return name
		}
	}
	if text, ok := v.(string); ok {
		return text
	}
	return encodeAny(v)
}

func order(list []any) string {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = pathText(elementName(v))
	}
	return strings.Join(names, ", ")
}

// leaves returns a line for every scalar below a value that came or went. A
// scalar that is its own name, in a list, is not printed twice.
func leaves(sign, path, name string, v any) []string {
	parts, at := map[string]any{}, join(member)
	switch v := v.(type) {
	case map[string]any:
		parts = v
	case []any:
		parts, at = byName(v), element
	}
	if len(parts) == 0 || isComposite(name) {
		if strings.HasSuffix(path, "]") && elementName(v) == name && !isComposite(name) {
			return []string{sign + " " + path}
		}
		return []string{fmt.Sprintf("%s %s: %s", sign, cmp.Or(path, "contents"), show(v))}
	}
	lines := []string{}
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		lines = append(lines, leaves(sign, at(path, part), part, parts[part])...)
	}
	return lines
}

// member is the path of an object's member: a.b, or a."odd name".
func member(path, name string) string {
	if path == "" {
		return pathText(name)
	}
	return path + "." + pathText(name)
}

// element is the path of a list's element: a[b], or a[] for one without a name,
// which is printed whole.
func element(path, name string) string {
	if isComposite(name) {
		return path + "[]"
	}
	return path + "[" + pathText(name) + "]"
}

// isComposite reports whether an element's name is the JSON of the element itself.
func isComposite(name string) bool {
	return strings.HasPrefix(name, "{") || strings.HasPrefix(name, "[")
}

// pathText is a name as it is, or quoted when it could be mistaken for a path.
func pathText(name string) string {
	plain := func(c rune) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("_-*/@", c)
	}
	if name != "" && len(name) <= 100 && !strings.ContainsFunc(name, func(c rune) bool { return !plain(c) }) {
		return name
	}
	return show(name)
}

// maxShown bounds one value in a diff, in bytes: a public key in PEM fits, also
// one of RSA.
const maxShown = 1000

// show prints a value as JSON on one line: clipped, and with every character
// escaped that a terminal would not print as itself.
func show(v any) string {
	text := encodeAny(v)
	more := ""
	if len(text) > maxShown {
		more = fmt.Sprintf("… (%d bytes)", len(text))
		text = strings.ToValidUTF8(text[:maxShown], "")
	}
	var b strings.Builder
	for _, c := range text {
		if printable.Shows(c) {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, "\\u%04x", c)
		}
	}
	return b.String() + more
}

func encodeAny(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "?" // what came out of a decoder goes into an encoder
	}
	return strings.TrimSuffix(b.String(), "\n")
}
