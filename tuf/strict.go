// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/printable"
)

// checkMetadata reads metadata of the named type strictly before go-tuf sees it.
// go-tuf decodes with encoding/json, which takes the last of two equal names,
// folds case and leaves nil pointers for null; a nil pointer, a short key or a
// missing snapshot.json then panics. History this check, what go-tuf decodes is
// exactly what was received, and nothing in it is nil. role is for errors. It
// returns the signed part, as yet unverified.
// The errors are *FormatError, *KeyError, *HashError and *LengthError.
func checkMetadata(role, kind string, data []byte) (unverified *tree, err error) {
	tree, err := readTree(data)
	if err != nil {
		return nil, &FormatError{role, err.Error()}
	}
	c := checker{role: role}
	c.check("", tree, fileShape(kind))
	signed := tree.get("signed")
	if c.err == nil {
		c.header(kind, signed, tree.get("signatures"))
	}
	if c.err == nil {
		c.body(kind, signed)
	}
	if c.err == nil && !decodesAsReceived(kind, data) {
		c.fail("its signed part does not decode to what it says")
	}
	return signed, c.err
}

// tree is a JSON value with its members in order. Integers keep their text.
type tree struct {
	kind    jsontext.Kind
	text    string // of a string or a number
	names   []string
	items   []*tree          // array elements, or member values in the order of names
	members map[string]*tree // by name
}

// get returns a member, nil if there is none.
func (t *tree) get(name string) *tree {
	if t == nil {
		return nil
	}
	return t.members[name]
}

func (t *tree) integer() int64 {
	if t == nil {
		return 0
	}
	n, _ := strconv.ParseInt(t.text, 10, 64) // readTree admits integers only
	return n
}

// readTree reads one strict JSON value: UTF-8, no duplicate names, bounded depth,
// integers only, nothing but space behind it.
func readTree(data []byte) (*tree, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	t, err := readValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("data after the end of the value")
	}
	return t, nil
}

func readValue(dec *jsontext.Decoder) (*tree, error) {
	tok, err := dec.ReadToken()
	if err != nil {
		return nil, fmt.Errorf("not strict JSON at byte %d", dec.InputOffset())
	}
	if dec.StackDepth() > MaxMetadataDepth {
		return nil, fmt.Errorf("nested deeper than %d", MaxMetadataDepth)
	}
	t := &tree{kind: tok.Kind()}
	switch t.kind {
	case '"':
		t.text = tok.String()
	case '0':
		t.text = tok.String()
		return t, safeInteger(t.text)
	case '{', '[':
		return t, readItems(dec, t)
	}
	return t, nil
}

func readItems(dec *jsontext.Decoder, t *tree) error {
	if t.kind == '{' {
		t.members = map[string]*tree{}
	}
	for dec.PeekKind() != '}' && dec.PeekKind() != ']' {
		if t.kind == '{' {
			name, err := dec.ReadToken()
			if err != nil {
				return fmt.Errorf("not strict JSON, or a name twice in one object, at byte %d", dec.InputOffset())
			}
			t.names = append(t.names, name.String())
		}
		item, err := readValue(dec)
		if err != nil {
			return err
		}
		t.items = append(t.items, item)
		if t.kind == '{' {
			t.members[t.names[len(t.names)-1]] = item
		}
	}
	_, err := dec.ReadToken()
	return err
}

// safeInteger refuses what canonical JSON has no form for, and what a double rounds.
func safeInteger(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text == "-0" || n > 1<<53-1 || n < -(1<<53-1) {
		return fmt.Errorf("the number %s is not an integer below 2^53", printable.Clip(text))
	}
	return nil
}

// shape is what a place in metadata must hold.
type shape struct {
	kind    jsontext.Kind     // '{', '[', '"', '0', 't' (a boolean); 0: anything
	known   map[string]*shape // '{': members whose meaning is known
	needed  []string          // '{': of these, the required ones
	element *shape            // '[': each element; '{' without known: each value
}

var (
	anyShape    = &shape{}
	textShape   = &shape{kind: '"'}
	numberShape = &shape{kind: '0'}
	boolShape   = &shape{kind: 't'}
	textsShape  = &shape{kind: '[', element: textShape}
	hashesShape = &shape{kind: '{', element: textShape}

	keyShape = &shape{kind: '{', needed: []string{"keytype", "scheme", "keyval"}, known: map[string]*shape{
		"keytype": textShape, "scheme": textShape,
		"keyval": {kind: '{', needed: []string{"public"}, known: map[string]*shape{"public": textShape}},
	}}
	keysShape = &shape{kind: '{', element: keyShape}
	roleShape = &shape{kind: '{', needed: []string{"keyids", "threshold"}, known: map[string]*shape{
		"keyids": textsShape, "threshold": numberShape,
	}}
	metaShape = &shape{kind: '{', element: &shape{kind: '{', needed: []string{"version"}, known: map[string]*shape{
		"version": numberShape, "length": numberShape, "hashes": hashesShape,
	}}}
	targetsShape = &shape{kind: '{', element: &shape{kind: '{', needed: []string{"length", "hashes"}, known: map[string]*shape{
		"length": numberShape, "hashes": hashesShape, "custom": {kind: '{', element: anyShape},
	}}}
	delegatedShape = &shape{kind: '{', needed: []string{"name", "keyids", "threshold", "terminating"}, known: map[string]*shape{
		"name": textShape, "keyids": textsShape, "threshold": numberShape, "terminating": boolShape,
		"paths": textsShape, "path_hash_prefixes": textsShape,
	}}
	delegationsShape = &shape{kind: '{', needed: []string{"keys"}, known: map[string]*shape{
		"keys": keysShape, "roles": {kind: '[', element: delegatedShape},
		"succinct_roles": {kind: '{', needed: []string{"keyids", "threshold", "bit_length", "name_prefix"}, known: map[string]*shape{
			"keyids": textsShape, "threshold": numberShape, "bit_length": numberShape, "name_prefix": textShape,
		}},
	}}
	signatureShape = &shape{kind: '{', needed: []string{"keyid", "sig"}, known: map[string]*shape{
		"keyid": textShape, "sig": textShape,
	}}
)

// fileShape is the shape of a whole file of one type of metadata.
func fileShape(kind string) *shape {
	signed := &shape{kind: '{', needed: []string{"_type", "spec_version", "version", "expires"}, known: map[string]*shape{
		"_type": textShape, "spec_version": textShape, "version": numberShape, "expires": textShape,
	}}
	more := map[string]*shape{}
	switch kind {
	case RoleRoot:
		more["keys"], more["roles"] = keysShape, &shape{kind: '{', element: roleShape}
		signed.known["consistent_snapshot"] = boolShape
	case RoleTargets:
		more["targets"] = targetsShape
		signed.known["delegations"] = delegationsShape
	default:
		more["meta"] = metaShape
	}
	for name, s := range more {
		signed.known[name] = s
		signed.needed = append(signed.needed, name)
	}
	slices.Sort(signed.needed)
	return &shape{kind: '{', needed: []string{"signed", "signatures"}, known: map[string]*shape{
		"signed": signed, "signatures": {kind: '[', element: signatureShape},
	}}
}

// checker goes through a tree and keeps the first fault.
type checker struct {
	role string
	err  error
}

func (c *checker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = &FormatError{c.role, fmt.Sprintf(format, args...)}
	}
}

func (c *checker) check(at string, t *tree, s *shape) {
	if c.err != nil || s.kind == 0 {
		return
	}
	kind := t.kind
	if kind == 'f' {
		kind = 't'
	}
	switch {
	case kind != s.kind:
		c.fail("%s has the wrong JSON type", place(at))
	case s.known != nil:
		c.members(at, t, s)
	case s.element != nil:
		for i, item := range t.items {
			c.check(at+"."+label(t, i), item, s.element)
		}
	}
}

func label(t *tree, i int) string {
	if t.kind == '{' {
		return t.names[i]
	}
	return strconv.Itoa(i)
}

func place(at string) string {
	if at == "" {
		return "the file"
	}
	return printable.Quote(at[1:])
}

// members checks an object. Unknown names are allowed, as the specification
// demands, unless a decoder that folds case would take them for a known one.
func (c *checker) members(at string, t *tree, s *shape) {
	for i, name := range t.names {
		if known := s.known[name]; known != nil {
			c.check(at+"."+name, t.items[i], known)
			continue
		}
		for known := range s.known {
			if strings.EqualFold(known, name) {
				c.fail("%s has a member that differs from a known one only in case", place(at))
			}
		}
	}
	for _, name := range s.needed {
		if t.get(name) == nil {
			c.fail("%s has no %q", place(at), name)
		}
	}
}

var specVersion = regexp.MustCompile(`^1\.[0-9]{1,4}(\.[0-9]{1,4})?$`)

// header checks what every type has: specification, section 4.3.
func (c *checker) header(kind string, signed, signatures *tree) {
	expires := signed.get("expires").text
	at, err := time.Parse("2006-01-02T15:04:05Z", expires)
	switch {
	case signed.get("_type").text != kind:
		c.fail("it is of type %s, not %s", printable.Quote(signed.get("_type").text), kind)
	case !specVersion.MatchString(signed.get("spec_version").text):
		c.fail("specification version %s is not supported, only 1.x", printable.Quote(signed.get("spec_version").text))
	case signed.get("version").integer() < 1:
		c.fail("its version is below 1")
	case err != nil || at.Format("2006-01-02T15:04:05Z") != expires:
		c.fail("expires is not of the form 2006-01-02T15:04:05Z")
	case len(signatures.items) > MaxSignatures:
		c.fail("more than %d signatures", MaxSignatures)
	}
	seen := map[string]bool{}
	for _, s := range signatures.items {
		id := s.get("keyid").text
		if _, err := hex.DecodeString(s.get("sig").text); err != nil || seen[id] {
			c.fail("two signatures with one key id, or one that is not hex")
		}
		seen[id] = true
	}
}

func (c *checker) body(kind string, signed *tree) {
	switch kind {
	case RoleRoot:
		c.root(signed)
	case RoleTargets:
		c.targets(signed.get("targets"))
		if d := signed.get("delegations"); d != nil {
			c.delegations(d)
		}
	case RoleTimestamp:
		c.meta(signed.get("meta"), "snapshot.json")
	case RoleSnapshot:
		c.meta(signed.get("meta"), "targets.json")
	}
}

func (c *checker) root(signed *tree) {
	c.keys(signed.get("keys"))
	for _, name := range metadata.TOP_LEVEL_ROLE_NAMES {
		role := signed.get("roles").get(name)
		if role == nil {
			c.fail("it lists no keys for role %s", name)
			return
		}
		c.keyIDs(name, role, signed.get("keys"))
	}
}

// meta checks the files that a timestamp or a snapshot lists.
func (c *checker) meta(meta *tree, needed string) {
	if meta.get(needed) == nil {
		c.fail("it does not list %s", needed)
	}
	for i, name := range meta.names {
		file := meta.items[i]
		if file.get("version").integer() < 1 {
			c.fail("it lists %s at a version below 1", printable.Quote(name))
		}
		if length := file.get("length"); length != nil && length.integer() < 1 && c.err == nil {
			c.err = &LengthError{File: name, Text: "listed with a length below 1"}
		}
		c.hashes(name, file.get("hashes"))
	}
}

func (c *checker) targets(targets *tree) {
	for i, name := range targets.names {
		if targets.items[i].get("length").integer() < 0 && c.err == nil {
			c.err = &LengthError{File: name, Text: "listed with a negative length"}
		}
		c.hashes(name, targets.items[i].get("hashes"))
	}
}

// hashes refuses a list that is there but proves nothing.
func (c *checker) hashes(name string, hashes *tree) {
	if c.err != nil || hashes == nil {
		return
	}
	if len(hashes.items) == 0 {
		c.err = &HashError{name, "listed with an empty list of hashes"}
	}
	for _, h := range hashes.items {
		if _, err := hex.DecodeString(h.text); err != nil {
			c.err = &HashError{name, "listed with a hash that is not hex"}
		}
	}
}

func (c *checker) delegations(d *tree) {
	c.keys(d.get("keys"))
	roles, succinct := d.get("roles"), d.get("succinct_roles")
	if (roles == nil) == (succinct == nil) {
		c.fail("its delegations have not exactly one of roles and succinct_roles")
		return
	}
	if succinct != nil {
		c.keyIDs("succinct_roles", succinct, d.get("keys"))
		return
	}
	seen := map[string]bool{}
	for _, role := range roles.items {
		name := role.get("name").text
		switch {
		case name == "" || len(name) > MaxRoleName || slices.Contains(metadata.TOP_LEVEL_ROLE_NAMES[:], name):
			c.fail("it delegates to a role with the impossible name %s", printable.Quote(name))
		case seen[name]:
			c.fail("it delegates twice to role %s", printable.Quote(name))
		case role.get("paths") != nil && role.get("path_hash_prefixes") != nil:
			c.fail("role %s has both paths and path_hash_prefixes", printable.Quote(name))
		}
		seen[name] = true
		c.keyIDs(name, role, d.get("keys"))
	}
}

// keyIDs checks who holds a role. A threshold above the number of keys is legal:
// nobody can sign then.
func (c *checker) keyIDs(name string, role, keys *tree) {
	if role.get("threshold").integer() < 1 {
		c.fail("role %s has a threshold below 1", printable.Quote(name))
	}
	seen := map[string]bool{}
	for _, id := range role.get("keyids").items {
		if seen[id.text] || keys.get(id.text) == nil {
			c.fail("role %s lists a key twice, or one that is not there", printable.Quote(name))
		}
		seen[id.text] = true
	}
}

func (c *checker) keys(keys *tree) {
	for i, id := range keys.names {
		k := keys.items[i]
		key := &metadata.Key{Type: k.get("keytype").text, Scheme: k.get("scheme").text,
			Value: metadata.KeyVal{PublicKey: k.get("keyval").get("public").text}}
		if fault := keyFault(key); fault != "" && c.err == nil {
			c.err = &KeyError{c.role, id, fault}
		}
	}
}

// decodesAsReceived reports whether what go-tuf verifies a signature over, its own
// decoding encoded again, is what the file says: members that it drops or changes
// on the way would be read by people but signed by nobody.
func decodesAsReceived(kind string, data []byte) bool {
	received, err := readSigned(data)
	if err != nil {
		return false
	}
	decoded, err := decodedSigned(kind, data)
	return err == nil && bytes.Equal(received, decoded)
}

func readSigned(data []byte) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		signed := name.String() == "signed"
		value, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		if signed {
			return cjson.EncodeCanonical(rawJSON(value))
		}
	}
	return nil, io.ErrUnexpectedEOF
}

// rawJSON lends JSON text to an encoder as it is.
type rawJSON jsontext.Value

// MarshalJSON implements json.Marshaler.
func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

func decodedSigned(kind string, data []byte) ([]byte, error) {
	switch kind {
	case RoleRoot:
		return encodeSigned[metadata.RootType](data)
	case RoleTimestamp:
		return encodeSigned[metadata.TimestampType](data)
	case RoleSnapshot:
		return encodeSigned[metadata.SnapshotType](data)
	}
	return encodeSigned[metadata.TargetsType](data)
}

func encodeSigned[T metadata.Roles](data []byte) ([]byte, error) {
	m, err := new(metadata.Metadata[T]).FromBytes(data)
	if err != nil {
		return nil, err
	}
	return cjson.EncodeCanonical(m.Signed)
}
