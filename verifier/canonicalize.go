// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxProtoJSON bounds what Canonicalize reads, in bytes. An indented body is at
// most a few times its document, which MaxBody bounds.
const MaxProtoJSON = 4 * MaxBody

// CanonicalizeError says why a body has no document.
type CanonicalizeError struct {
	Reason Reason // what Verify would say about such bytes
	Path   string // where: a JSON pointer, quoted and clipped; empty for the whole body
	Text   string // one sentence with the remedy; never a value of the body
}

func (e *CanonicalizeError) Error() string {
	if e.Path == "" {
		return e.Text
	}
	return e.Path + " " + e.Text
}

func cannot(reason Reason, path, format string, args ...any) *CanonicalizeError {
	return &CanonicalizeError{reason, path, fmt.Sprintf(format, args...)}
}

// Canonicalize returns the document of a message in ProtoJSON, as a role wants
// it: @type set, what the gateway derives left out, RFC 8785. It knows no schema
// and changes nothing else, so a gateway newer than this build is no obstacle;
// where the result may not be what a gateway sends, a note says so. The notes
// are for people; they quote names, never values.
//
//	{"version": 1, "networkPolicies": {"web": {…, "providerCredentialed": true}}}
//	{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","networkPolicies":{"web":{…}},"version":1}
//
// What it does with the freedom that ProtoJSON leaves to writers:
//   - a member that is null is left out, with a note: null means absent; in an
//     array or a map, where it means nothing, it is refused. Inside a middleware's
//     config, and in the settings, null is a value like any other;
//   - a member that holds its type's default (0, "", false, [], {}) is kept, with
//     a note: a gateway leaves it out, unless the field tells absent from default;
//   - a 64-bit integer that is written as a number becomes a string, with a note;
//   - a field's original name (network_policies) is refused.
//
// Refused are also numbers that would change their value as a double, and
// whatever Verify would refuse in a document. The error is always a
// *CanonicalizeError. A document comes out as it went in.
func Canonicalize(role Role, protojson []byte) (document []byte, notes []string, err error) {
	surface, ok := roleSurface[role]
	if !ok {
		return nil, nil, cannot(DocumentSurface, "", "no document plays the role %d", role)
	}
	tree, err := readProtoJSON(protojson)
	if err != nil {
		return nil, nil, err
	}
	c := &canonicalizer{}
	if tree, err = c.setType(tree, surface); err != nil {
		return nil, nil, err
	}
	if role != Settings { // plain JSON of our own: nothing to leave out
		tree = c.clear(role, tree)
		if tree, err = c.message(tree, nil); err != nil {
			return nil, nil, err
		}
	}
	document = appendTree(nil, tree)
	// What comes out is what Verify would accept.
	if len(document) > MaxBody {
		return nil, nil, cannot(DocumentNoncanonical, "", "the document has %d bytes, the limit is %d", len(document), MaxBody)
	}
	if _, fault := parseDocument(&Document{Role: role, Body: document}, &Target{}); fault != nil {
		return nil, nil, cannot(fault.Reason, "", "%s", fault.Detail)
	}
	return document, c.notes, nil
}

// readProtoJSON reads strict JSON in any spelling into a tree.
func readProtoJSON(data []byte) (object, error) {
	if len(data) > MaxProtoJSON {
		return nil, cannot(DocumentNoncanonical, "", "the body has %d bytes, the limit is %d", len(data), MaxProtoJSON)
	}
	if err := checkJSON(data); err != nil {
		reason := DocumentNoncanonical
		if fault, ok := errors.AsType[*jsonError](err); ok && fault.Fault == jsonDuplicate {
			reason = DocumentDuplicateKey
		}
		return nil, cannot(reason, "", "the body is no strict JSON: %v", err)
	}
	if at := inexactNumber(data); at != "" {
		return nil, cannot(DocumentNoncanonical, at, "holds a number that changes its value as a double: write it as a string")
	}
	text := jsontext.Value(bytes.Clone(data))
	if err := text.Canonicalize(); err != nil {
		return nil, cannot(DocumentNoncanonical, "", "the body has no canonical form")
	}
	value, _, _ := readCanonical(string(text))
	tree, ok := value.(object)
	if !ok {
		return nil, cannot(DocumentSurface, "", "the body is no JSON object")
	}
	return tree, nil
}

// inexactNumber returns the pointer to the first number that canonicalising
// would change, empty for none.
func inexactNumber(data []byte) string {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return "" // checkJSON ran before: only the end remains
		}
		if token.Kind() == '0' && !exactDouble(token.String()) {
			return pointer(slices.Collect(dec.StackPointer().Tokens())...)
		}
	}
}

// canonicalizer collects the notes on the way through a body.
type canonicalizer struct{ notes []string }

func (c *canonicalizer) note(at []string, text string) {
	c.notes = append(c.notes, pointer(at...)+" "+text)
}

// setType adds @type, or checks the one that is there.
func (c *canonicalizer) setType(tree object, surface string) (object, error) {
	want := typePrefix + surface
	got, found := tree.get("@type")
	if !found {
		tree = append(object{{"@type", want}}, tree...)
		slices.SortFunc(tree, func(a, b member) int { return compareNames(a.name, b.name) })
		return tree, nil
	}
	if got != want {
		return nil, cannot(DocumentSurface, pointer("@type"), "must be %s for this role", want)
	}
	return tree, nil
}

// What the gateway itself takes away before it uses a message, besides what must
// not stand in a document at all: a profile cannot bind a credential of one
// sandbox, nor carry the mark of a proposal.
var droppedFromProfileEndpoint = append(slices.Clone(clearedFromEndpoint),
	"advisorProposed", "advisor_proposed", "credentialBinding", "credential_binding")

// clear leaves out what the gateway derives or takes away.
func (c *canonicalizer) clear(role Role, tree object) object {
	if role == ProviderProfile {
		tree = c.without(tree, clearedFromProfile)
		tree = c.withoutEmptyDiscovery(tree)
		return c.clearEndpoints(tree, droppedFromProfileEndpoint)
	}
	for i, m := range tree {
		rules, ok := m.value.(object)
		if m.name != "networkPolicies" || !ok {
			continue
		}
		for j, r := range rules {
			if rule, ok := r.value.(object); ok {
				rules[j].value = c.clearEndpoints(rule, clearedFromEndpoint, m.name, r.name)
			}
		}
		tree[i].value = rules
	}
	return tree
}

func (c *canonicalizer) clearEndpoints(holder object, names []string, at ...string) object {
	endpoints := endpointsOf(holder)
	for i, e := range endpoints {
		if endpoint, ok := e.(object); ok {
			endpoints[i] = c.without(endpoint, names, append(at, "endpoints", strconv.Itoa(i))...)
		}
	}
	return holder
}

func (c *canonicalizer) without(o object, names []string, at ...string) object {
	return slices.DeleteFunc(o, func(m member) bool {
		if !slices.Contains(names, m.name) {
			return false
		}
		c.note(append(at, m.name), "was left out: the gateway sets or clears it")
		return true
	})
}

// withoutEmptyDiscovery leaves out a discovery without credentials, as the
// gateway does.
func (c *canonicalizer) withoutEmptyDiscovery(tree object) object {
	value, _ := tree.get("discovery")
	discovery, ok := value.(object)
	if !ok {
		return tree
	}
	for _, m := range discovery {
		if credentials, ok := m.value.(array); m.name != "credentials" || !ok || len(credentials) > 0 {
			return tree
		}
	}
	return c.without(tree, []string{"discovery"})
}

// message walks the members of a message.
func (c *canonicalizer) message(o object, at []string) (object, error) {
	out := object{}
	for _, m := range o {
		here := append(slices.Clip(at), m.name)
		if name := camelCase(m.name); name != m.name && multiWordFields[name] {
			return nil, cannot(DocumentNoncanonical, pointer(here...), "is a field's original name: write %s", name)
		}
		if m.value == nil {
			c.note(here, "was left out: it is null, which means absent")
			continue
		}
		if isDefault(m) {
			c.note(here, "holds its default, which a gateway leaves out unless the field tells absent from default: the digests then differ")
		}
		value, err := c.field(m, here)
		if err != nil {
			return nil, err
		}
		out = append(out, member{m.name, value})
	}
	return out, nil
}

// field walks the value of one field of a message.
func (c *canonicalizer) field(m member, at []string) (any, error) {
	switch v := m.value.(type) {
	case number:
		if wideFields[m.name] {
			c.note(at, "became a string, as 64-bit integers are")
			if _, err := strconv.ParseInt(string(v), 10, 64); err != nil {
				return nil, cannot(DocumentNoncanonical, pointer(at...), "must be a whole number, written as a string")
			}
			return string(v), nil
		}
	case object:
		if m.name == "config" && len(at) == 3 && at[0] == "networkMiddlewares" {
			return v, nil // a google.protobuf.Struct: any JSON
		}
		if mapFields[m.name] {
			return c.entries(v, at)
		}
		return c.message(v, at)
	case array:
		for i, e := range v {
			here := append(slices.Clip(at), strconv.Itoa(i))
			if e == nil {
				return nil, cannot(DocumentNoncanonical, pointer(here...), "is null, which an array cannot hold")
			}
			element, ok := e.(object)
			if !ok {
				continue
			}
			clean, err := c.message(element, here)
			if err != nil {
				return nil, err
			}
			v[i] = clean
		}
	}
	return m.value, nil
}

// entries walks a map, whose keys are anybody's.
func (c *canonicalizer) entries(o object, at []string) (any, error) {
	for i, m := range o {
		here := append(slices.Clip(at), m.name)
		if m.value == nil {
			return nil, cannot(DocumentNoncanonical, pointer(here...), "is null, which a map cannot hold")
		}
		entry, ok := m.value.(object)
		if !ok {
			continue
		}
		clean, err := c.message(entry, here)
		if err != nil {
			return nil, err
		}
		o[i].value = clean
	}
	return o, nil
}

// isDefault reports whether a field holds what proto3 takes an absent one for. A
// message that is there but empty is not that.
func isDefault(m member) bool {
	switch v := m.value.(type) {
	case bool:
		return !v && !optionalFields[m.name]
	case number:
		return v == "0"
	case string:
		return v == ""
	case array:
		return len(v) == 0
	case object:
		return len(v) == 0 && mapFields[m.name]
	}
	return false
}

// camelCase returns the name that ProtoJSON gives a protobuf field.
func camelCase(name string) string {
	if !strings.Contains(name, "_") {
		return name
	}
	var b strings.Builder
	up := false
	for _, c := range name {
		if c == '_' {
			up = true
			continue
		}
		if up && 'a' <= c && c <= 'z' {
			c += 'A' - 'a'
		}
		b.WriteRune(c)
		up = false
	}
	return b.String()
}

func setOf(names string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

// What is known of OpenShell's messages, only to say more about a body that is
// not what a gateway would write.
var (
	// mapFields have keys of their own choosing below them.
	mapFields = setOf(`networkPolicies networkMiddlewares graphqlPersistedQueries query params annotations`)
	// wideFields are 64-bit integers.
	wideFields = setOf(`refreshBeforeSeconds maxLifetimeSeconds cacheTtlSeconds`)
	// optionalFields tell absent from false.
	optionalFields = setOf(`strictToolNames allowAllKnownMcpMethods`)
	// multiWordFields have an original name that differs.
	multiWordFields = setOf(`networkPolicies networkMiddlewares includeWorkdir readOnly readWrite runAsUser runAsGroup
		onError allowedIps denyRules allowEncodedSlash persistedQueries graphqlPersistedQueries graphqlMaxBodyBytes
		websocketCredentialRewrite requestBodyCredentialRewrite advisorProposed credentialSigning signingService
		signingRegion jsonRpcMaxBodyBytes credentialBinding allowUninspectedCredentials providerCredentialed
		strictToolNames allowAllKnownMcpMethods operationType operationName
		displayName inferenceCapable resourceVersion envVars authStyle headerName queryParam pathTemplate tokenGrant
		tokenEndpoint jwtSvidAudience cacheTtlSeconds audienceOverrides clientAssertionType tokenUrl
		refreshBeforeSeconds maxLifetimeSeconds additionalOutputs
		refreshBefore maxLifetime cacheTtl grantType subjectToken subjectTokenType requestedTokenType envVar tokenGrantOwner`)
)
