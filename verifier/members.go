// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// rawMember is one name and its value in a JSON object that checkJSON accepted. The
// value aliases the text.
type rawMember struct {
	name  string
	value jsontext.Value
}

// membersOf lists the members of an object, in their order; false for any other value.
func membersOf(object []byte) ([]rawMember, bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(object))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil, false
	}
	list := make([]rawMember, 0, 8)
	for dec.PeekKind() == '"' {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, false
		}
		name := tok.String()
		v, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		list = append(list, rawMember{name, aliased(object, dec, v)})
	}
	return list, true
}

// elementsOf lists the elements of an array, at most limit and one more; false
// for any other value.
func elementsOf(array []byte, limit int) ([]jsontext.Value, bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(array))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '[' {
		return nil, false
	}
	var list []jsontext.Value
	for len(list) <= limit && dec.PeekKind() != ']' {
		v, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		list = append(list, aliased(array, dec, v))
	}
	return list, true
}

// aliased returns the value just read as a part of the text it came from: what
// the decoder returns is good until its next call only.
func aliased(text []byte, dec *jsontext.Decoder, v jsontext.Value) jsontext.Value {
	end := int(dec.InputOffset())
	return jsontext.Value(text[end-len(v) : end : end])
}

// stringOf returns the text of a JSON string; false for any other value.
func stringOf(v jsontext.Value) (string, bool) {
	if v.Kind() != '"' {
		return "", false
	}
	s, err := jsontext.AppendUnquote(nil, v)
	return string(s), err == nil
}

// foldsTo returns the known name that a name would become for a reader that
// ignores case (Unicode simple folding: also the Kelvin sign and the long s),
// and "" when it is none or is spelled exactly.
func foldsTo(name string, known []string) string {
	variant := ""
	for _, k := range known {
		if name == k {
			return ""
		}
		if strings.EqualFold(name, k) {
			variant = k
		}
	}
	return variant
}

// decodeBase64 reads padded base64 of either alphabet and refuses the spellings
// that Go's decoder would let pass for the same bytes: line breaks and non-zero
// trailing bits.
func decodeBase64(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	encoding := base64.StdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	raw, err := encoding.Strict().DecodeString(text)
	return raw, err == nil
}
