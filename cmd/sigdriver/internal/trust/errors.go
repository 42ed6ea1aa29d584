// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"errors"
	"fmt"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/verifier"
)

// The codes of trust events that are not TUF's own.
const (
	CodeKeyInvalid     = "KEY_INVALID"
	CodeClockUntrusted = "CLOCK_UNTRUSTED"
	codeInternal       = "INTERNAL"
)

// RefusedError is trust that TUF proved and that is not put in use.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the published trust is refused: %v: publish a corrected file", e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// Code implements what tuf.Code looks for.
func (e *RefusedError) Code() string {
	var key *verifier.KeyError
	if errors.As(e.Err, &key) {
		return CodeKeyInvalid
	}
	var reserved *verifier.ReservedKeyError
	if errors.As(e.Err, &reserved) {
		return tuf.CodeConfig
	}
	return tuf.CodeCorrupt
}

// ClockError says that nothing is refreshed by a clock that cannot be believed.
type ClockError struct{ Err error }

func (e *ClockError) Error() string { return fmt.Sprintf("not refreshed: %v", e.Err) }
func (e *ClockError) Unwrap() error { return e.Err }

// Code implements what tuf.Code looks for.
func (e *ClockError) Code() string { return CodeClockUntrusted }

// Code names what went wrong: one of a closed list, fit for a metric.
func Code(err error) string {
	if code := tuf.Code(err); code != "" {
		return code
	}
	var refused *verifier.TrustError
	if errors.As(err, &refused) {
		return tuf.CodeCorrupt
	}
	return codeInternal
}
