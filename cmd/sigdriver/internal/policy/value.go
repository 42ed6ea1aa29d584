// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "github.com/go-json-experiment/json/jsontext"

// What comes out, before the verifier gives it its canonical form: string, bool,
// numeral, wide, null, []any or *object.
type (
	numeral string   // the text of a JSON number
	wide    string   // digits that are written as a string
	null    struct{} // null as a value of free-form JSON
	object  struct {
		members []member
		isMap   bool // of the schema or free-form: empty is its default; a message is not
	}
	member struct {
		name  string
		value any
	}
)

func (o *object) get(name string) any {
	for _, m := range o.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func (o *object) set(name string, value any) { o.members = append(o.members, member{name, value}) }

// isDefault reports whether a document leaves the value out.
func isDefault(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case bool:
		return !v
	case numeral:
		return v == "0"
	case wide:
		return v == "0"
	case []any:
		return len(v) == 0
	case *object:
		return v.isMap && len(v.members) == 0
	}
	return false
}

// appendValue writes a value as JSON.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case numeral:
		return append(b, v...)
	case wide:
		return append(append(append(b, '"'), v...), '"')
	case string:
		return appendText(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, e)
		}
		return append(b, ']')
	case *object:
		b = append(b, '{')
		for i, m := range v.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, m.name), ':')
			b = appendValue(b, m.value)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// appendText quotes a text. It is valid UTF-8 by construction: checkText ran.
func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}
