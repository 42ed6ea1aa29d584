// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"encoding"
	"fmt"
	"os/user"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// typeFault describes a value of the wrong type in the words of the file. It returns
// "" where the types agree, so that something else must be wrong with it.
func typeFault(data []byte, key []string, line int) (text, remedy string) {
	value := valueAt(data, line)
	want := fieldType(reflect.TypeFor[Config](), key)
	if value == nil || want == nil {
		return "", ""
	}
	got, belongs := kindText(value.Kind), typeText(want)
	if got == belongs || got == "" || belongs == "" {
		return "", ""
	}
	text, remedy = fmt.Sprintf("is %s, and must be %s", got, belongs), "see docs/config.md for what belongs here"
	if value.Kind == unstable.String {
		if id := numberOf(key[len(key)-1], string(value.Data)); id != "" {
			remedy = fmt.Sprintf("write the number: %.60q is %s", value.Data, id)
		}
	}
	return text, remedy
}

// numberOf looks up the number of a user or a group; "" for none.
func numberOf(key, name string) string {
	switch key {
	case "uid":
		if u, err := user.Lookup(name); err == nil {
			return u.Uid
		}
	case "gid":
		if g, err := user.LookupGroup(name); err == nil {
			return g.Gid
		}
	}
	return ""
}

// valueAt is the value of the key that begins on a line, nil if there is none.
func valueAt(data []byte, line int) *unstable.Node {
	p := unstable.Parser{}
	p.Reset(data)
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.KeyValue {
			continue
		}
		if _, at := keyOf(&p, e); at == line {
			return e.Value()
		}
	}
	return nil
}

// fieldType is the type of the field that a key is decoded into, nil if there is none.
func fieldType(t reflect.Type, key []string) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && len(key) > 0 {
		t = t.Elem()
	}
	if len(key) == 0 {
		return t
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("toml"), ","); name == key[0] {
			return fieldType(t.Field(i).Type, key[1:])
		}
	}
	return nil
}

const (
	textType   = "a text"
	numberType = "a whole number"
	boolType   = "true or false"
	listType   = "a list of texts"
	tableType  = "a table"
)

// kindText names what stands in the file; "" for what no field takes.
func kindText(k unstable.Kind) string {
	switch k {
	case unstable.String:
		return textType
	case unstable.Integer:
		return numberType
	case unstable.Bool:
		return boolType
	case unstable.Array:
		return listType
	case unstable.InlineTable:
		return tableType
	case unstable.Float:
		return "a number with a fraction"
	}
	return "a date or a time"
}

// typeText names what a field takes; "" for what is not told apart.
func typeText(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return textType
	}
	switch t.Kind() {
	case reflect.String:
		return textType
	case reflect.Bool:
		return boolType
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return listType
		}
		return ""
	case reflect.Struct:
		return tableType
	}
	if t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 {
		return numberType
	}
	return ""
}
