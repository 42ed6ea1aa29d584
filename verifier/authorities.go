// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// authorities is the parsed authorities.json.
type authorities struct {
	principals map[string]*principal
	keys       map[[32]byte]*signingKey // by SPKI; one owner each
}
