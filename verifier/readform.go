// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"encoding"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// UnmarshalCanonical reads one of our own structs, which v points to and is zero, out of the
// text that MarshalCanonical makes of it, in one pass. It reports whether it could: the text
// then is that one, byte for byte, and v is what a strict reader makes of it. False says
// nothing about the text, and leaves anything in v: strings with rare escapes, negative
// numbers and types that it does not know are for the strict reader, too. A jsontext.Value
// in v aliases the text.
func UnmarshalCanonical(text []byte, v any) bool {
	if !utf8.Valid(text) {
		return false
	}
	to := reflect.ValueOf(v).Elem()
	r := formReader{plainText: plainText{text: text}}
	return formOf(to.Type())(&r, to) && r.at == len(text)
}

// formReader reads a text whose members are known.
type formReader struct {
	plainText
	again [64]byte // room for what a text is written as again
}

// form reads a value of one type at the reader's place.
type form func(r *formReader, to reflect.Value) bool

var forms sync.Map // reflect.Type → form

// formOf returns how values of a type are read.
func formOf(of reflect.Type) form {
	if f, ok := forms.Load(of); ok {
		return f.(form)
	}
	f, _ := forms.LoadOrStore(of, newForm(of))
	return f.(form)
}

func newForm(of reflect.Type) form {
	switch pointer := reflect.PointerTo(of); {
	case of == reflect.TypeFor[time.Time]():
		return timeForm
	case of == reflect.TypeFor[jsontext.Value]():
		return valueForm
	case hasMethod(pointer, "MarshalJSON", "MarshalJSONTo", "UnmarshalJSON", "UnmarshalJSONFrom"):
		return unknownForm
	case pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) && of.Implements(reflect.TypeFor[encoding.TextAppender]()):
		return textForm
	case hasMethod(pointer, "MarshalText", "AppendText", "UnmarshalText"):
		return unknownForm
	}
	switch of.Kind() {
	case reflect.String:
		return stringForm
	case reflect.Bool:
		return boolForm
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return numberForm
	case reflect.Pointer:
		return pointerForm(formOf(of.Elem()), of.Elem())
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			return unknownForm
		}
		return sliceForm(formOf(of.Elem()))
	case reflect.Array:
		if of.Elem().Kind() == reflect.Uint8 {
			return unknownForm
		}
		return arrayForm(formOf(of.Elem()))
	case reflect.Map:
		if of.Key().Kind() != reflect.String || of.Key().NumMethod() > 0 {
			return unknownForm
		}
		return mapForm(of, formOf(of.Elem()))
	case reflect.Struct:
		return structForm(of)
	}
	return unknownForm
}

// hasMethod reports whether a type has one of the methods that give it a form of its own.
func hasMethod(of reflect.Type, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, has := of.MethodByName(name)
		return has
	})
}

func unknownForm(*formReader, reflect.Value) bool { return false }

func stringForm(r *formReader, to reflect.Value) bool {
	text, ok := r.quoted()
	if ok {
		to.SetString(text)
	}
	return ok
}

// quoted takes a string, and returns what it says.
func (r *formReader) quoted() (string, bool) {
	from := r.at
	if !r.string() {
		return "", false
	}
	return stringOf(jsontext.Value(r.text[from:r.at]))
}

func boolForm(r *formReader, to reflect.Value) bool {
	if r.at < len(r.text) && r.text[r.at] == 't' {
		to.SetBool(true)
		return r.literal("true")
	}
	return r.literal("false")
}

// numberForm takes a whole number that is not negative.
func numberForm(r *formReader, to reflect.Value) bool {
	from := r.at
	return r.number() && setNumber(to, r.text[from:r.at])
}

// quotedNumberForm takes one in quotes, which may have more digits than a double holds.
func quotedNumberForm(r *formReader, to reflect.Value) bool {
	digits, ok := r.name()
	return ok && setNumber(to, digits)
}

func setNumber(to reflect.Value, digits []byte) bool {
	if len(digits) == 0 || len(digits) > 1 && digits[0] == '0' {
		return false
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' || n > (1<<64-1-9)/10 {
			return false
		}
		n = 10*n + uint64(c-'0')
	}
	if to.CanUint() {
		to.SetUint(n)
		return !to.OverflowUint(n)
	}
	to.SetInt(int64(n))
	return n < 1<<63 && !to.OverflowInt(int64(n))
}

// textForm takes what a type of its own reads and writes as a string.
func textForm(r *formReader, to reflect.Value) bool {
	text, ok := r.name()
	if !ok || to.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(text) != nil {
		return false
	}
	again, err := to.Addr().Interface().(encoding.TextAppender).AppendText(r.again[:0])
	return err == nil && bytes.Equal(again, text)
}

func timeForm(r *formReader, to reflect.Value) bool {
	text, ok := r.name()
	if !ok {
		return false
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return false
	}
	*to.Addr().Interface().(*time.Time) = t
	return bytes.Equal(t.UTC().AppendFormat(r.again[:0], time.RFC3339Nano), text)
}

func valueForm(r *formReader, to reflect.Value) bool {
	from := r.at
	if !r.value(0) {
		return false
	}
	to.SetBytes(r.text[from:r.at:r.at])
	return true
}

func pointerForm(elem form, of reflect.Type) form {
	return func(r *formReader, to reflect.Value) bool {
		to.Set(reflect.New(of))
		return elem(r, to.Elem())
	}
}

func sliceForm(elem form) form {
	return func(r *formReader, to reflect.Value) bool {
		if !r.take('[') {
			return false
		}
		to.Set(reflect.MakeSlice(to.Type(), 0, 0))
		if r.take(']') {
			return true
		}
		for n := 0; ; n++ {
			to.Grow(1)
			to.SetLen(n + 1)
			if e := to.Index(n); !elem(r, e) {
				return false
			}
			if !r.take(',') {
				return r.take(']')
			}
		}
	}
}

func arrayForm(elem form) form {
	return func(r *formReader, to reflect.Value) bool {
		for i := range to.Len() {
			if first := i == 0; first && !r.take('[') || !first && !r.take(',') || !elem(r, to.Index(i)) {
				return false
			}
		}
		return to.Len() > 0 && r.take(']')
	}
}

// mapForm takes members whose names ascend: of plain ASCII, in which RFC 8785 orders as bytes do.
func mapForm(of reflect.Type, elem form) form {
	return func(r *formReader, to reflect.Value) bool {
		if !r.take('{') {
			return false
		}
		to.Set(reflect.MakeMap(of))
		if r.take('}') {
			return true
		}
		for before := []byte(nil); ; {
			name, ok := r.name()
			if !ok || before != nil && string(before) >= string(name) || !isASCII(name) || !r.take(':') {
				return false
			}
			before = name
			value := reflect.New(of.Elem()).Elem()
			if !elem(r, value) {
				return false
			}
			to.SetMapIndex(reflect.ValueOf(string(name)).Convert(of.Key()), value)
			if !r.take(',') {
				return r.take('}')
			}
		}
	}
}

// formMember is one member of a struct.
type formMember struct {
	index             int
	key               string // its name as the text has it, with quotes and colon
	read              form
	notZero, notEmpty bool // left out where it is zero, or empty
}

// structForm takes a struct, of which each member is there in its turn unless it may be left out.
func structForm(of reflect.Type) form {
	members, ok := membersOfForm(of)
	if !ok {
		return unknownForm
	}
	return func(r *formReader, to reflect.Value) bool {
		if !r.take('{') {
			return false
		}
		some := false
		for i := range members {
			m, at := &members[i], r.at
			if found := (!some || r.take(',')) && r.literal(m.key); !found {
				if r.at = at; m.notZero || m.notEmpty {
					continue
				}
				return false
			}
			some = true
			from, field := r.at, to.Field(m.index)
			if !m.read(r, field) || m.notZero && isZeroForm(field) || m.notEmpty && r.at-from == 2 {
				return false // "", {} and [] are the values of two bytes that are empty; no other has two that may be left out so
			}
		}
		return r.take('}')
	}
}

// isZeroForm is what omitzero asks.
func isZeroForm(v reflect.Value) bool {
	if t, ok := v.Addr().Interface().(*time.Time); ok {
		return t.IsZero()
	}
	return v.IsZero()
}

// membersOfForm lists the members of a struct by name, false where it has some that are
// written in another way than those known here.
func membersOfForm(of reflect.Type) ([]formMember, bool) {
	var members []formMember
	for i := range of.NumField() {
		f := of.Field(i)
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		options := strings.Split(f.Tag.Get("json"), ",")
		m := formMember{index: i, key: `"` + options[0] + `":`, read: formOf(f.Type)}
		if f.Anonymous || options[0] == "" || options[0] == "-" || !isASCII([]byte(options[0])) {
			return nil, false
		}
		for _, o := range options[1:] {
			switch {
			case o == "omitzero":
				_, own := f.Type.MethodByName("IsZero")
				if own && f.Type != reflect.TypeFor[time.Time]() {
					return nil, false
				}
				m.notZero = true
			case o == "omitempty":
				m.notEmpty = true
			case o == "string" && (f.Type.Kind() == reflect.Uint64 || f.Type.Kind() == reflect.Int64):
				m.read = quotedNumberForm
			default:
				return nil, false
			}
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b formMember) int { return strings.Compare(a.key, b.key) })
	return members, true
}
