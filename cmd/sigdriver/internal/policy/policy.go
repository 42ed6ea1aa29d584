// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package policy is what people who approve work with: it turns what they write
// into the document that is signed, says what a document lets a sandbox do and
// what a change of it widens, and writes the approval.
//
// Canonicalize reads an OpenShell sandbox policy or provider profile as YAML, as
// JSON with the same names, as ProtoJSON, or as `openshell policy get` prints it;
// and a gateway's settings. It is pure: bytes in, a document or a positioned error
// out.
//
//	version: 1                          {"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy",
//	network_policies:                    "networkPolicies":{"web":{"endpoints":[{"host":"a.example",
//	  web:                         →      "port":443,"ports":[443]}],"name":"web"}},"version":1}
//	    endpoints:
//	    - {host: a.example, port: 443}
//
// The schema is data: one table of the fields of each message (schemapolicy.go,
// schemaendpoint.go, schemaprofile.go, schemasettings.go) that one reader walks
// (read.go), and that View, Diff and YAML look documents up in. The reader normalises
// what OpenShell's own parser normalises, and docs/documents.md shows the table.
// Whatever two readers of YAML could read as two things is refused, never guessed
// (yaml.go, scalar.go).
//
// View, Diff and YAML show a document to whoever is about to approve it. Nothing
// there verifies, and no decision depends on it. What the schema does not know is
// shown as such and compared as JSON; nothing is left out because it is not
// understood.
//
// An Approval is an in-toto Statement with the predicate
// https://sigdriver.dev/policy-approval/v1, for one document, or
// https://sigdriver.dev/policy-bundle/v1, for several together, signed as DSSE
// inside a Sigstore bundle: the author's side of what package verifier reads.
package policy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/verifier"
)

// What Canonicalize reads at most, in bytes. OpenShell itself bounds a policy at 256
// KiB of protobuf. A larger file is refused before anything looks into it.
const (
	MaxInput = verifier.MaxProtoJSON // of any file: indented JSON is larger than its document
	MaxYAML  = verifier.MaxBody      // of YAML in line 0.0; the later ones take MaxInput
)

// Type is what a file is about.
type Type int

// The types of documents. A global policy is a SandboxPolicy, byte for byte.
const (
	SandboxPolicy   Type = iota + 1 // openshell.sandbox.v1.SandboxPolicy
	ProviderProfile                 // openshell.v1.ProviderProfile
	Settings                        // sigdriver.v1.GatewaySettings
)

// types are the types, each with the name that --type takes.
var types = map[Type]struct {
	name    string
	surface string
	role    verifier.Role
	schema  *message
}{
	SandboxPolicy:   {"sandbox-policy", policySurface, verifier.SandboxPolicy, &policyMessage},
	ProviderProfile: {"provider-profile", profileSurface, verifier.ProviderProfile, &profileMessage},
	Settings:        {"settings", settingsSurface, verifier.Settings, &settingsMessage},
}

// String returns the name of the type, as --type takes it.
func (t Type) String() string { return types[t].name }

// Role returns the role that a document of the type plays; also GLOBAL_POLICY
// for a sandbox policy.
func (t Type) Role() verifier.Role { return types[t].role }

// ParseType reads the name of a type.
func ParseType(name string) (Type, bool) {
	for t := SandboxPolicy; t <= Settings; t++ {
		if types[t].name == name {
			return t, true
		}
	}
	return 0, false
}

// CanonicalizeError says why a file has no document, and where.
type CanonicalizeError struct {
	Line, Column int             // from 1; 0 when only the whole file can be blamed, or the library knew the line alone
	Path         string          // as an author would say it: network_policies.web.endpoints[0].port; may be empty
	Text         string          // one sentence with the remedy; foreign text in it is quoted
	Reason       verifier.Reason // what Verify would say about such bytes, if it is verifier.Canonicalize that refused them; else 0
}

func (e *CanonicalizeError) Error() string {
	text := e.Text
	if e.Path != "" {
		text = e.Path + " " + text
	}
	switch {
	case e.Line == 0:
		return text
	case e.Column == 0:
		return fmt.Sprintf("line %d: %s", e.Line, text)
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, text)
}

// Result is a document and what a person should know about it.
type Result struct {
	Document []byte   // RFC 8785, as it is signed
	Notes    []string // what was changed or overlooked; names, never values
	// Elsewhere says, for each other line of OpenShell that makes something else of the
	// file or nothing at all, what.
	Elsewhere []string
}

// Canonicalize reads a file of a type as a line of OpenShell reads it and returns its
// document. The error is always a *CanonicalizeError.
func Canonicalize(t Type, l Line, input []byte) (*Result, error) {
	if _, ok := types[t]; !ok {
		return nil, &CanonicalizeError{Text: fmt.Sprintf("no file has the type %d", t)}
	}
	if !slices.Contains(Lines, l) {
		return nil, &CanonicalizeError{Text: fmt.Sprintf("there is no line %d of OpenShell", l)}
	}
	if len(input) > MaxInput {
		return nil, tooLarge(len(input), MaxInput)
	}
	if t == Settings {
		result, _, err := canonicalize(t, Line00, input) // our own message, which no line of OpenShell reads
		return result, err
	}
	result, authored, err := canonicalize(t, l, input)
	if err != nil {
		return nil, err
	}
	if !authored {
		result.Elsewhere = notOf(l, result.Document)
		return result, nil
	}
	for _, other := range Lines {
		if other == l {
			continue
		}
		switch there, _, err := canonicalize(t, other, input); {
		case err != nil:
			result.Elsewhere = append(result.Elsewhere, fmt.Sprintf("OpenShell %s does not take this file: %v", other, err))
		case !bytes.Equal(there.Document, result.Document):
			result.Elsewhere = append(result.Elsewhere, fmt.Sprintf("OpenShell %s makes another document of this file: for its gateways, make and sign one with --openshell %s", other, other))
		}
	}
	return result, nil
}

// notOf says of a gateway's own word that it is of another line.
func notOf(l Line, document []byte) []string {
	d, err := Read(document)
	if err != nil || slices.Contains(d.Lines(), l) {
		return nil
	}
	return []string{fmt.Sprintf("a gateway of OpenShell %s does not write this: it is of %s", l, d.LineText())}
}

// canonicalize reads a file as one line does. What it returns besides is whether the
// file is what authors write, and not ProtoJSON.
func canonicalize(t Type, l Line, input []byte) (result *Result, authored bool, err error) {
	kind := types[t]
	r := &reader{schema: kind.schema, line: l}
	protojson, authored, err := r.protoJSON(input)
	if err != nil {
		return nil, false, err
	}
	document, notes, err := verifier.Canonicalize(kind.role, protojson)
	if err != nil {
		return nil, false, fromVerifier(err)
	}
	return &Result{Document: document, Notes: append(r.notes, notes...)}, authored, nil
}

func tooLarge(n, limit int) *CanonicalizeError {
	return &CanonicalizeError{Text: fmt.Sprintf("the file has %d bytes, the limit is %d", n, limit)}
}

// protoJSON returns the ProtoJSON of a file: as it is, or from what the author
// wrote.
func (r *reader) protoJSON(input []byte) (protojson []byte, authored bool, err error) {
	root, err := r.parse(input)
	if err != nil || root == nil {
		return input, false, err
	}
	value, err := r.message(r.schema, root, place{})
	if err != nil {
		return nil, false, err
	}
	return value.protoJSON(), true, nil
}

// parse reads the file into nodes. No node and no error is ProtoJSON, which the
// verifier reads itself.
func (r *reader) parse(input []byte) (*node, error) {
	if r.line.strict() {
		input = bytes.TrimPrefix(input, []byte("\ufeff"))
	}
	if !startsLikeJSON(input) {
		return r.parseYAML(input)
	}
	if !jsontext.Value(input).IsValid(jsontext.AllowDuplicateNames(true)) {
		return nil, nil // the verifier says what is wrong with it
	}
	root, fault, err := parseJSON(input)
	if err != nil {
		return nil, err
	}
	policy, err := r.printedJSON(root)
	switch {
	case err != nil:
		return nil, err
	case policy != nil:
		return policy, fault
	case r.schema == &settingsMessage:
		return root, fault
	case r.writtenByHand(r.schema, root):
		r.quotes = r.schema == &profileMessage // the host reads a policy's JSON as YAML
		return root, cmp.Or(checkText(input), fault)
	}
	if err := r.otherFile(root); err != nil {
		return nil, err
	}
	r.unknownMembers(r.schema, root, place{})
	return nil, nil
}

func fromVerifier(err error) error {
	var refused *verifier.CanonicalizeError
	if !errors.As(err, &refused) {
		return &CanonicalizeError{Text: err.Error()}
	}
	return &CanonicalizeError{Path: refused.Path, Text: refused.Text, Reason: refused.Reason}
}

// place is the way to a node, for people.
type place struct {
	up    *place
	name  string
	index int // in a list, if the name is empty
}

func (p place) key(name string) place { return place{up: &p, name: name} }

func (p place) item(i int) place { return place{up: &p, index: i} }

func (p place) String() string {
	if p.up == nil {
		return ""
	}
	if p.name == "" {
		return p.up.String() + "[" + strconv.Itoa(p.index) + "]"
	}
	name := printable(p.name)
	if p.up.up == nil {
		return name
	}
	return p.up.String() + "." + name
}
