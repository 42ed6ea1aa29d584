// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "slices"

// unknownKey says what a key that nobody knows might have meant.
func (r *reader) unknownKey(m *message, key string) string {
	for _, f := range m.fields {
		if f.member == key && f.key != key && f.key != "" && f.in(r.line) {
			return " (" + r.line.Schema() + "); in YAML it is " + f.key
		}
	}
	return " (" + r.line.Schema() + ")" + nearest(key, r.keys(m))
}

// keys are the keys that an author can write.
func (r *reader) keys(m *message) []string {
	var keys []string
	for _, f := range m.fields {
		if f.key != "" && f.in(r.line) {
			keys = append(keys, f.key)
		}
	}
	return keys
}

// unknownMember says what a member that nobody knows might have meant.
func (r *reader) unknownMember(m *message, member string) string {
	var names []string
	for _, f := range m.fields {
		if !f.internal && f.in(r.line) {
			names = append(names, f.member, f.writes)
		}
	}
	return " (" + r.line.Schema() + ")" + nearest(member, slices.DeleteFunc(names, func(s string) bool { return s == "" }))
}

// nearest names the candidate that a word is a slip of the pen away from.
func nearest(word string, names []string) string {
	best, least := "", max(2, len(word)*2/5)+1
	for _, name := range names {
		if d := distance(word, name, least); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance counts the letters that differ between two words (Levenshtein). Words
// that differ by more letters in length than the limit are not looked at.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := min(row[j+1], row[j]) + 1
			if a[i] == b[j] {
				next = min(next, diagonal)
			} else {
				next = min(next, diagonal+1)
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
