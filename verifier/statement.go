// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// statement is an in-toto Statement read from a payload whose signature checked.
type statement struct {
	predicateType string
	subjects      []subject
	predicate     []byte // the raw predicate member
}

// subject is one subject of a Statement: digest algorithm → hex digest.
type subject struct {
	name   string
	digest map[string]string
}
