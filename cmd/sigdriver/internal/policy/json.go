// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"
)

// parseJSON reads JSON into nodes. A name that is there twice does not end it: the
// fault is returned beside the nodes, for the verifier names it for ProtoJSON.
func parseJSON(input []byte) (root *node, fault error, err error) {
	j := &jsonReader{input: input, line: 1, column: 1}
	j.dec = jsontext.NewDecoder(bytes.NewReader(input), jsontext.AllowDuplicateNames(true))
	root, err = j.value(0)
	if err != nil {
		return nil, nil, err
	}
	if _, err := j.dec.ReadToken(); err == nil {
		return nil, nil, &CanonicalizeError{Text: "the file goes on after the end of its JSON"}
	}
	return root, j.fault, nil
}

// startsLikeJSON tells JSON from YAML: an object whose first name is in quotes.
// YAML may be written like that too, and then it is JSON.
func startsLikeJSON(input []byte) bool {
	const space = " \t\r\n"
	rest, object := bytes.CutPrefix(bytes.TrimLeft(input, space), []byte("{"))
	return object && bytes.HasPrefix(bytes.TrimLeft(rest, space), []byte(`"`))
}

type jsonReader struct {
	dec   *jsontext.Decoder
	input []byte
	fault error
	// where the last token began
	offset, line, column int
}

// next reads a token and moves to where it begins.
func (j *jsonReader) next() (jsontext.Token, *node, error) {
	before := int(j.dec.InputOffset())
	token, err := j.dec.ReadToken()
	if err != nil {
		return token, nil, &CanonicalizeError{Text: "the file is no JSON: " + err.Error()}
	}
	start := before
	for strings.IndexByte(" \t\r\n,:", j.input[start]) >= 0 {
		start++
	}
	for ; j.offset < start; j.offset++ {
		switch c := j.input[j.offset]; {
		case c == '\n':
			j.line, j.column = j.line+1, 1
		case utf8.RuneStart(c):
			j.column++
		}
	}
	return token, &node{line: j.line, column: j.column}, nil
}

func (j *jsonReader) value(depth int) (*node, error) {
	token, n, err := j.next()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, n.fail(place{}, "nests too deep: a document nests at most 32 deep")
	}
	switch token.Kind() {
	case '{':
		return n, j.object(n, depth)
	case '[':
		n.kind = listNode
		for j.dec.PeekKind() != ']' {
			item, err := j.value(depth + 1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		_, _, err := j.next()
		return n, err
	}
	n.kind, n.text = scalarNode, token.String()
	n.plain, n.number = token.Kind() != '"', token.Kind() == '0'
	return n, nil
}

func (j *jsonReader) object(n *node, depth int) error {
	n.kind = mappingNode
	seen := map[string]bool{}
	for j.dec.PeekKind() != '}' {
		key, err := j.value(depth + 1)
		if err != nil {
			return err
		}
		if form := norm.NFC.String(key.text); !seen[form] {
			seen[form] = true
		} else if j.fault == nil {
			j.fault = key.fail(place{}, "%s is there twice, or in two Unicode spellings that look the same", printable(key.text))
		}
		value, err := j.value(depth + 1)
		if err != nil {
			return err
		}
		n.keys, n.items = append(n.keys, key), append(n.items, value)
	}
	_, _, err := j.next()
	return err
}

// writtenByHand tells JSON with the names of the YAML schema from ProtoJSON: it has
// a key that only the schema has.
func (r *reader) writtenByHand(m *message, n *node) bool {
	for i, key := range n.keys {
		f := m.byKey(r.line, key.text)
		if f == nil {
			continue
		}
		if f.key != f.member && f.member != "" {
			return true
		}
		if f.kind == messageKind && r.writtenByHand(f.of, n.items[i]) {
			return true
		}
	}
	return false
}
