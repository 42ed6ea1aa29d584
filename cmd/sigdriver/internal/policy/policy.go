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
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/verifier"
)

// SchemaVersion names the schema of OpenShell that this build knows.
const SchemaVersion = "OpenShell 2f7fb65 of 2026-08-21"

// What Canonicalize reads at most, in bytes. OpenShell itself bounds a policy at 256
// KiB of protobuf. A larger file is refused before anything looks into it.
const (
	MaxInput = verifier.MaxProtoJSON // of any file: indented JSON is larger than its document
	MaxYAML  = verifier.MaxBody      // of YAML
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
}

// Canonicalize reads a file of a type and returns its document. The error is always
// a *CanonicalizeError.
func Canonicalize(t Type, input []byte) (*Result, error) {
	kind, ok := types[t]
	if !ok {
		return nil, &CanonicalizeError{Text: fmt.Sprintf("no file has the type %d", t)}
	}
	if len(input) > MaxInput {
		return nil, tooLarge(len(input), MaxInput)
	}
	r := &reader{schema: kind.schema, line: currentLine}
	protojson, err := r.protoJSON(input)
	if err != nil {
		return nil, err
	}
	document, notes, err := verifier.Canonicalize(kind.role, protojson)
	if err != nil {
		return nil, fromVerifier(err)
	}
	return &Result{document, append(r.notes, notes...)}, nil
}

func tooLarge(n, limit int) *CanonicalizeError {
	return &CanonicalizeError{Text: fmt.Sprintf("the file has %d bytes, the limit is %d", n, limit)}
}

// protoJSON returns the ProtoJSON of a file: as it is, or from what the author
// wrote.
func (r *reader) protoJSON(input []byte) ([]byte, error) {
	root, err := r.parse(input)
	if err != nil || root == nil {
		return input, err
	}
	value, err := r.message(r.schema, root, place{})
	if err != nil {
		return nil, err
	}
	return value.protoJSON(), nil
}

// parse reads the file into nodes. No node and no error is ProtoJSON, which the
// verifier reads itself.
func (r *reader) parse(input []byte) (*node, error) {
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

func (p *place) key(name string) place { return place{up: p, name: name} }

func (p *place) item(i int) place { return place{up: p, index: i} }

func (p *place) String() string {
	if p == nil || p.up == nil {
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
