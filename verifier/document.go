// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The surfaces: full names of the messages that documents are the canonical
// form of.
const (
	surfaceSandboxPolicy   = "openshell.sandbox.v1.SandboxPolicy"
	surfaceProviderProfile = "openshell.v1.ProviderProfile"
	surfaceSettings        = "sigdriver.v1.GatewaySettings"
)

// typePrefix stands before the surface in a document's @type.
const typePrefix = "type.googleapis.com/"

// roleSurface says which surface plays a role.
var roleSurface = map[Role]string{
	SandboxPolicy:   surfaceSandboxPolicy,
	GlobalPolicy:    surfaceSandboxPolicy,
	ProviderProfile: surfaceProviderProfile,
	Settings:        surfaceSettings,
}

// parsedDocument is a document that is strict, canonical and fits its role.
type parsedDocument struct {
	role     Role
	surface  string   // without the prefix of @type
	sha256   [32]byte // of the body as received
	body     []byte
	tree     object
	subject  documentSubject
	floors   floorKeys
	noLayer  NoLayer // why it inserts nothing, for a profile in COMPOSE
	provider string  // the provider record's name, for a profile in COMPOSE
	// recordedFindings are those about an attestation, of a document that is
	// replayed without its body; nil for any other.
	recordedFindings func(attestation int) []Finding
}

// documentSubject is what a document is about.
type documentSubject struct{ gateway, workspace, name string }

// parseDocument reads a document as it was received. It hashes first and parses
// after, and what it cannot accept is a finding, never half a document.
//
// SPEC: R2 each document is strict, canonical, within limits, and its @type fits its role.
func parseDocument(d *Document, target *Target) (*parsedDocument, *Finding) {
	surface, ok := roleSurface[d.Role]
	if !ok {
		return nil, refuseDocument(DocumentSurface, "no document plays the role %d", d.Role)
	}
	if len(d.Body) == 0 {
		return nil, refuseDocument(DocumentMissing, "the body is empty")
	}
	sum := sha256.Sum256(d.Body)
	tree, fault := parseBody(d.Body, surface)
	if fault != nil {
		return nil, fault
	}
	if fault := checkBody(d.Role, tree); fault != nil {
		return nil, fault
	}
	id, _ := tree.get("id")
	name, _ := id.(string) // of a profile; checkProfile saw it
	// Whoever remembers the subject, for a floor or an answer, must not keep the body with it.
	about := subjectOf(d, strings.Clone(name), target)
	return &parsedDocument{
		role: d.Role, surface: surface, sha256: sum, body: d.Body, tree: tree,
		subject:  about,
		floors:   floorKeysOf(d.Role, about, target),
		provider: d.Provider, noLayer: d.NoLayer,
	}, nil
}

// subjectOf says what a document is about. A policy or the settings are about
// the sandbox, a global policy about the gateway, a profile about itself: its
// id, in its workspace or in the whole gateway.
func subjectOf(d *Document, id string, target *Target) documentSubject {
	switch d.Role {
	case GlobalPolicy:
		return documentSubject{gateway: target.GatewayID}
	case ProviderProfile:
		return documentSubject{target.GatewayID, d.Workspace, id}
	}
	return documentSubject{target.GatewayID, target.Workspace, target.Name}
}

// parseBody reads canonical bytes that must be an object of one surface.
func parseBody(body []byte, surface string) (object, *Finding) {
	value, offset, ok := readCanonical(string(body))
	if !ok {
		return nil, nameFault(body, offset)
	}
	tree, ok := value.(object)
	if !ok {
		return nil, refuseDocument(DocumentSurface, "the body is no JSON object")
	}
	got, found := tree.get("@type")
	if !found {
		return nil, refuseDocument(DocumentSurface, `the body has no "@type"; here it must be %s%s`, typePrefix, surface)
	}
	if got != typePrefix+surface {
		name, _ := got.(string)
		return nil, refuseDocument(DocumentSurface, `"@type" is %s; here it must be %s%s`, quote(name), typePrefix, surface)
	}
	return tree, nil
}

// nameFault says what is wrong with bytes that are not canonical.
func nameFault(body []byte, offset int) *Finding {
	err := checkJSON(body)
	if err == nil {
		return refuseDocument(DocumentNoncanonical, "strict JSON, but not in the form of RFC 8785 from byte %d on", offset)
	}
	if fault, ok := errors.AsType[*jsonError](err); ok && fault.Fault == jsonDuplicate {
		return refuseDocument(DocumentDuplicateKey, "%v", err)
	}
	return refuseDocument(DocumentNoncanonical, "%v", err)
}

// checkBody checks the members that the form of a role says something about.
// All others are signed content like any other.
func checkBody(role Role, tree object) *Finding {
	switch role {
	case SandboxPolicy, GlobalPolicy:
		if fault := checkPolicy(tree, true); fault != nil {
			return fault
		}
		return checkReservedNames(tree)
	case ProviderProfile:
		return checkProfile(tree)
	}
	return nil
}

// checkPolicy checks the shape that composition stands on, {key: {endpoints:
// [{}]}}, and for a document also that no endpoint carries a marker. Without the
// shape a marker or a reserved key could hide where nobody looks.
func checkPolicy(tree object, document bool) *Finding {
	value, found := tree.get("networkPolicies")
	if !found {
		return nil
	}
	rules, ok := value.(object)
	if !ok {
		return badShape("an object", "networkPolicies")
	}
	for _, m := range rules {
		rule, ok := m.value.(object)
		if !ok {
			return badShape("an object", "networkPolicies", m.name)
		}
		if fault := checkEndpoints(rule, document, "networkPolicies", m.name); fault != nil {
			return fault
		}
	}
	return nil
}

// What the gateway derives has no place in a document, which is what was
// approved before that. Every reader of ProtoJSON also takes a field's original
// name, so that spelling is refused as well.
var (
	clearedFromProfile  = []string{"resourceVersion", "resource_version", "annotations", "source", "scope"}
	clearedFromEndpoint = []string{providerCredentialed, "provider_credentialed", tokenGrantOwner, "token_grant_owner"}
)

// providerCredentialed is the marker that the gateway stamps on endpoints of the
// effective policy.
const providerCredentialed = "providerCredentialed"

// tokenGrantOwner is what gateways from 0.1.3 on write into endpoints about who may have
// a token granted there. They clear what a document says.
const tokenGrantOwner = "tokenGrantOwner"

func checkProfile(tree object) *Finding {
	if name, found := tree.firstOf(clearedFromProfile); found {
		return badMember(name)
	}
	for _, name := range []string{"credentials", "binaries"} {
		if v, found := tree.get(name); found {
			if _, ok := v.(array); !ok {
				return badShape("an array", name)
			}
		}
	}
	if fault := checkEndpoints(tree, true); fault != nil {
		return fault
	}
	id, _ := tree.get("id")
	if name, ok := id.(string); !ok || name == "" || len(name) > MaxName {
		return refuseDocument(DocumentSurface, `a profile needs an "id" of 1 to %d bytes: it is what the document is about`, MaxName)
	}
	return nil
}

// checkEndpoints checks the endpoints of a rule or a profile that stands at some
// place.
func checkEndpoints(holder object, document bool, at ...string) *Finding {
	value, found := holder.get("endpoints")
	if !found {
		return nil
	}
	endpoints, ok := value.(array)
	if !ok {
		return badShape("an array", append(at, "endpoints")...)
	}
	for i, e := range endpoints {
		endpoint, ok := e.(object)
		if !ok {
			return badShape("an object", append(at, "endpoints", strconv.Itoa(i))...)
		}
		if !document {
			continue
		}
		if name, found := endpoint.firstOf(clearedFromEndpoint); found {
			return badMember(append(at, "endpoints", strconv.Itoa(i), name)...)
		}
	}
	return nil
}

// reservedPrefix starts the keys of the rules that composition inserts.
const reservedPrefix = "_provider_"

// checkReservedNames refuses a source policy that already has a rule under a key
// that composition would use.
func checkReservedNames(tree object) *Finding {
	value, _ := tree.get("networkPolicies")
	rules, _ := value.(object)
	for _, m := range rules {
		if strings.HasPrefix(m.name, reservedPrefix) {
			return refuseDocument(DocumentReservedName, "the rule %s has a key that starts with %s, which is kept for the rules that providers insert", quote(m.name), reservedPrefix)
		}
	}
	return nil
}

func badMember(at ...string) *Finding {
	return refuseDocument(DocumentNoncanonical, "%s is set by the gateway and must be left out of a document", pointer(at...))
}

func badShape(want string, at ...string) *Finding {
	return refuseDocument(DocumentSurface, "%s is not %s, as it is in every message of this surface", pointer(at...), want)
}

// refuseDocument makes the finding of a body that is not accepted. The caller
// fills in the document.
func refuseDocument(reason Reason, format string, args ...any) *Finding {
	return &Finding{Reason: reason, Document: -1, Attestation: -1,
		Detail: clip(fmt.Sprintf(format, args...), MaxDetail-4)}
}
