// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jsonFault says which rule of strict JSON a text breaks.
type jsonFault int

const (
	jsonMalformed jsonFault = iota + 1 // not JSON
	jsonDuplicate                      // a name twice in one object, at any depth
	jsonUTF8                           // invalid UTF-8, a byte order mark, a lone surrogate
	jsonTrailing                       // something after the value
	jsonTooDeep                        // nested deeper than MaxDepth
	jsonTooLong                        // more than maxTokens
)

// jsonError is a refusal by checkJSON. Offset is in bytes.
type jsonError struct {
	Fault  jsonFault
	Offset int64
}

func (e *jsonError) Error() string {
	what := map[jsonFault]string{
		jsonMalformed: "not valid JSON",
		jsonDuplicate: "a duplicate member name",
		jsonUTF8:      "invalid UTF-8",
		jsonTrailing:  "data after the end of the value",
		jsonTooDeep:   fmt.Sprintf("nesting deeper than %d", MaxDepth),
		jsonTooLong:   fmt.Sprintf("more than %d names and values", maxTokens),
	}[e.Fault]
	return fmt.Sprintf("%s at byte %d", what, e.Offset)
}

// checkJSON reads the whole text as one strict JSON value (RFC 8259 and RFC
// 7493): valid UTF-8, no duplicate names, bounded depth, nothing after it. The
// error is always a *jsonError. It runs before any library sees the bytes.
func checkJSON(data []byte) error {
	if len(data) <= maxTokens && PlainlyCanonical(data) {
		return nil // stricter still, and told in a tenth of the time
	}
	return checkTokens(data)
}

// checkTokens is checkJSON by jsontext's reader.
func checkTokens(data []byte) error {
	if i := invalidUTF8(data); i >= 0 {
		return &jsonError{jsonUTF8, int64(i)}
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	for tokens := 0; ; tokens++ {
		_, err := dec.ReadToken()
		if err != nil {
			fault := jsonMalformed
			if errors.Is(err, jsontext.ErrDuplicateName) {
				fault = jsonDuplicate
			}
			return &jsonError{fault, dec.InputOffset()}
		}
		if dec.StackDepth() > MaxDepth {
			return &jsonError{jsonTooDeep, dec.InputOffset()}
		}
		if tokens == maxTokens {
			return &jsonError{jsonTooLong, dec.InputOffset()}
		}
		if dec.StackDepth() == 0 {
			break
		}
	}
	if rest := bytes.TrimLeft(data[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return &jsonError{jsonTrailing, dec.InputOffset()}
	}
	return nil
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, of a byte
// order mark at the start, or of an escape that is half a surrogate pair; -1 for
// none. jsontext refuses these too, but names them only in its text.
func invalidUTF8(data []byte) int {
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return 0
	}
	if !utf8.Valid(data) {
		for i := 0; i < len(data); {
			r, n := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && n == 1 {
				return i
			}
			i += n
		}
	}
	for i := 0; i < len(data); {
		j := bytes.IndexByte(data[i:], '\\')
		if j < 0 {
			return -1
		}
		i += j
		r, ok := escapedUnit(data[i:])
		switch {
		case !ok:
			i += 2 // another escape, or no escape at all: the decoder's business
		case !utf16.IsSurrogate(r):
			i += 6
		default:
			low, ok := escapedUnit(data[min(i+6, len(data)):])
			if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
				return i
			}
			i += 12
		}
	}
	return -1
}

// escapedUnit reads one escape \u and four hex digits at the start of data.
func escapedUnit(data []byte) (rune, bool) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range data[2:6] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// unmarshalClosed decodes a file format of our own: strict JSON in which every
// member is known and spelled exactly.
func unmarshalClosed(data []byte, v any) error {
	if err := checkJSON(data); err != nil {
		return err
	}
	return json.Unmarshal(data, v, json.RejectUnknownMembers(true), json.MatchCaseInsensitiveNames(false))
}

// Canonical returns the RFC 8785 form of a strict JSON text. It refuses a number
// that would change its value as a double, which the library would round.
func Canonical(data []byte) ([]byte, error) {
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	if err := checkNumbers(data); err != nil {
		return nil, err
	}
	v := jsontext.Value(bytes.Clone(data))
	if err := v.Canonicalize(); err != nil {
		return nil, err
	}
	return v, nil
}

// readCanonicalClosed is unmarshalClosed, and reports whether the text is known to be the one
// that MarshalCanonical makes of v.
func readCanonicalClosed[T any](data []byte, v *T) (canonical bool, err error) {
	if len(data) <= maxTokens && UnmarshalCanonical(data, v) {
		return true, nil
	}
	*v = *new(T)
	return false, unmarshalClosed(data, v)
}
