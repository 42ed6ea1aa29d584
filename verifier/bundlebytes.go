// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"encoding/base64"
	"math"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// protojson takes base64 without its padding and with bits left over, so that one
// certificate has many spellings. These checks hold a bundle's text to the one
// spelling that an envelope must have.

// looseBytes returns the first member of a bundle's JSON that should be base64 and
// is not in its one spelling, "" for none. What the message does not have is
// protojson's to refuse.
func looseBytes(object jsontext.Value, message protoreflect.MessageDescriptor) string {
	list, _ := membersOf(object)
	for _, m := range list {
		field := fieldNamed(message, m.name)
		if field == nil || m.value.Kind() == 'n' {
			continue
		}
		values := []jsontext.Value{m.value}
		if field.IsList() {
			values, _ = elementsOf(m.value, math.MaxInt)
		}
		for _, v := range values {
			if field.Message() != nil {
				if loose := looseBytes(v, field.Message()); loose != "" {
					return loose
				}
				continue
			}
			text, isString := stringOf(v)
			if _, ok := decodeBase64(text); field.Kind() == protoreflect.BytesKind && isString && !ok {
				return m.name
			}
		}
	}
	return ""
}

// fieldNamed finds a field by either of the names that protojson takes.
func fieldNamed(message protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if f := message.Fields().ByJSONName(name); f != nil {
		return f
	}
	return message.Fields().ByTextName(name)
}

// tidied returns the text with every such member in its one spelling. A bundle
// whose encoding is at fault is refused; the tidy text shows whether it would have
// been for something worse.
func tidied(text []byte) []byte {
	var tree any
	if json.Unmarshal(text, &tree) != nil {
		return text
	}
	tidy(tree, (&protobundle.Bundle{}).ProtoReflect().Descriptor())
	out, err := json.Marshal(tree)
	if err != nil {
		return text
	}
	return out
}

func tidy(tree any, message protoreflect.MessageDescriptor) {
	object, _ := tree.(map[string]any)
	for name, value := range object {
		field := fieldNamed(message, name)
		switch {
		case field == nil:
		case field.Message() != nil:
			for _, v := range elements(value) {
				tidy(v, field.Message())
			}
		case field.Kind() == protoreflect.BytesKind:
			object[name] = tidyBytes(value)
		}
	}
}

// elements returns the elements of a list, or the one value that is none.
func elements(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

// tidyBytes writes base64, or each of a list, in its one spelling, where it can be read at all.
func tidyBytes(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = tidyBytes(v[i])
		}
	case string:
		text := strings.NewReplacer("-", "+", "_", "/", "=", "", "\n", "", "\r", "", " ", "").Replace(v)
		if raw, err := base64.RawStdEncoding.DecodeString(text); err == nil {
			return base64.StdEncoding.EncodeToString(raw)
		}
	}
	return value
}
