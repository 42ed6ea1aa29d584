// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import "github.com/sigdriver/sigdriver/verifier"

// IndexView is the index at one instant. It never changes; a nil IndexView is empty.
type IndexView struct {
	generation uint64
	subjects   map[[32]byte][][]byte
	entries    int
	files      int
}

// Generation rises whenever what the index offers changes, and only then.
func (v *IndexView) Generation() uint64 {
	if v == nil {
		return 0
	}
	return v.generation
}

// For returns the attestations about a document, at most verifier.MaxIndexed, in
// a fixed order. The caller must not change them.
func (v *IndexView) For(sha256 [32]byte) [][]byte {
	if v == nil {
		return nil
	}
	list := v.subjects[sha256]
	return list[:min(len(list), verifier.MaxIndexed)]
}

// Size returns the number of attestations kept and of files looked at.
func (v *IndexView) Size() (entries, files int) {
	if v == nil {
		return 0, 0
	}
	return v.entries, v.files
}
