// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
)

// requestSummary is what RequestSHA256 is over. The member names are those of
// the protobuf fields and all but those that say so are always there: a request has exactly
// one summary, in any language.
type requestSummary struct {
	Documents       []documentSummary `json:"documents"`
	EffectiveSHA256 string            `json:"effective_sha256"`
	ProvidersV2     bool              `json:"providers_v2_enabled"`
	WithoutProfile  []string          `json:"providers_without_profile,omitempty"` // absent where every provider has one
	Purpose         string            `json:"purpose"`
	Recipe          string            `json:"recipe"`
	Target          targetSummary     `json:"target"`
}

type targetSummary struct {
	GatewayID string `json:"gateway_id"`
	Name      string `json:"name"`
	SandboxID string `json:"sandbox_id"`
	Workspace string `json:"workspace"`
}

type documentSummary struct {
	Attestations []string `json:"attestations"`
	NoLayer      string   `json:"no_layer,omitempty"` // as in the contract; absent where there is a layer
	Provider     string   `json:"provider"`
	Role         string   `json:"role"`
	SHA256       string   `json:"sha256"`
	Workspace    string   `json:"workspace"`
}

// RequestJSON is the summary of a request that CheckRequest accepts, as RFC 8785
// text: everything that can change the answer, bodies by their digest. For the
// request that asks for ADMIT of one profile with one attestation:
//
//	{"documents":[{"attestations":["<64 hex>"],"provider":"","role":"PROVIDER_PROFILE",
//	 "sha256":"<64 hex>","workspace":""}],"effective_sha256":"","providers_v2_enabled":false,
//	 "purpose":"ADMIT","recipe":"","target":{"gateway_id":"gw","name":"","sandbox_id":"","workspace":""}}
//
// on one line. effective_sha256 is empty when there is no effective document.
// Attestations are spelled as AttestationDigest does, in the order they were
// checked in, those of the driver's index included. Signatures are not in it: two
// people who approve in the same words have one digest, and the decision record
// tells their envelopes apart.
func RequestJSON(req *Request) []byte { return Summarize(req).JSON }

func summaryOf(req *Request) requestSummary {
	s := requestSummary{
		Purpose: req.Purpose.String(),
		Target:  targetSummary{GatewayID: req.Target.GatewayID, Name: req.Target.Name, SandboxID: req.Target.SandboxID, Workspace: req.Target.Workspace},
		Recipe:  req.Recipe, ProvidersV2: req.ProvidersV2, WithoutProfile: req.WithoutProfile,
		Documents: []documentSummary{},
	}
	for i := range req.Documents {
		doc := &req.Documents[i]
		s.Documents = append(s.Documents, documentSummary{
			Role: doc.Role.String(), Workspace: doc.Workspace, Provider: doc.Provider, NoLayer: doc.NoLayer.String(),
			SHA256:       digestText(sha256.Sum256(doc.Body)),
			Attestations: []string{},
		})
	}
	if len(req.Effective) > 0 {
		s.EffectiveSHA256 = digestText(sha256.Sum256(req.Effective))
	}
	return s
}

// Summary is what a request comes to in a record and an answer, made once.
type Summary struct {
	JSON                []byte // RequestJSON
	SHA256, AskedSHA256 [32]byte
	// Attestations are AttestationDigest of those offered, each once, in order.
	Attestations []string
	// Encoded are the sha256 of the bytes of those offered with each document.
	Encoded [][][32]byte
}

// Summarize makes the summary of a request.
func Summarize(req *Request) *Summary { return (*AttestationDigests)(nil).Summarize(req) }

// Summarize is the function of that name; it reads no attestation for its digest that it
// remembers.
func (m *AttestationDigests) Summarize(req *Request) *Summary {
	text := summaryOf(req)
	s := &Summary{AskedSHA256: sha256.Sum256(canonicalOf(&text))}
	seen := map[attestationDigest]string{}
	for i := range req.Documents {
		encoded := make([][32]byte, 0, len(req.Documents[i].Attestations))
		for _, raw := range req.Documents[i].Attestations {
			sum := sha256.Sum256(raw)
			d := m.of(raw, sum)
			spelled, again := seen[d]
			if !again {
				spelled = d.String()
				seen[d] = spelled
				s.Attestations = append(s.Attestations, spelled)
			}
			encoded = append(encoded, sum)
			text.Documents[i].Attestations = append(text.Documents[i].Attestations, spelled)
		}
		s.Encoded = append(s.Encoded, encoded)
	}
	s.JSON = canonicalOf(&text)
	s.SHA256 = sha256.Sum256(s.JSON)
	return s
}

// RequestSHA256 is the sha256 of RequestJSON: request_sha256 in the contract.
func RequestSHA256(req *Request) [32]byte { return Summarize(req).SHA256 }

// AskedSHA256 is RequestSHA256 of the same request without attestations:
// asked_sha256 in the contract. A caller does not know what the driver's index
// adds; this much it computes itself, and refuses an answer to another request.
func AskedSHA256(req *Request) [32]byte { return Summarize(req).AskedSHA256 }

// RecordedRequest is what RequestJSON keeps of a request: everything but the
// bytes, which are named by their digests.
type RecordedRequest struct {
	Purpose     Purpose
	Target      Target
	Recipe      string
	ProvidersV2 bool
	Documents   []RecordedDocument
	// WithoutProfile names the attached providers that have no profile.
	WithoutProfile []string
	// Effective is the digest of the effective document; nil for none.
	Effective *[32]byte
}

// RecordedDocument is one document of a RecordedRequest.
type RecordedDocument struct {
	Role         Role
	Workspace    string
	Provider     string
	NoLayer      NoLayer
	SHA256       [32]byte
	Attestations []string // as AttestationDigest spells them
}

// ParseRequestJSON reads what RequestJSON wrote, and nothing else.
func ParseRequestJSON(text []byte) (*RecordedRequest, error) {
	var s requestSummary
	canonical, err := readCanonicalClosed(text, &s)
	if err != nil {
		return nil, fmt.Errorf("recorded request: %w", err)
	}
	if !canonical && (s.Documents == nil || slices.ContainsFunc(s.Documents, func(d documentSummary) bool { return d.Attestations == nil }) || !bytes.Equal(canonicalOf(&s), text)) {
		return nil, fmt.Errorf("recorded request: the text is not in its one canonical form")
	}
	t := &s.Target
	r := &RecordedRequest{Target: Target{GatewayID: t.GatewayID, Workspace: t.Workspace, SandboxID: t.SandboxID, Name: t.Name}, Recipe: s.Recipe, ProvidersV2: s.ProvidersV2, WithoutProfile: s.WithoutProfile}
	for _, p := range []Purpose{Admit, Compose} {
		if p.String() == s.Purpose {
			r.Purpose = p
		}
	}
	if r.Purpose == PurposeUnspecified {
		return nil, fmt.Errorf("recorded request: invalid purpose %s", quote(s.Purpose))
	}
	for _, d := range s.Documents {
		got, err := d.recorded()
		if err != nil {
			return nil, fmt.Errorf("recorded request: %w", err)
		}
		r.Documents = append(r.Documents, *got)
	}
	if s.EffectiveSHA256 != "" {
		sum, err := readDigest(s.EffectiveSHA256)
		if err != nil {
			return nil, fmt.Errorf("recorded request: %w", err)
		}
		r.Effective = &sum
	}
	return r, nil
}

func (d *documentSummary) recorded() (*RecordedDocument, error) {
	role, ok := RoleByName(d.Role)
	if !ok {
		return nil, fmt.Errorf("invalid role %s", quote(d.Role))
	}
	noLayer, ok := NoLayerByName(d.NoLayer)
	if !ok {
		return nil, fmt.Errorf("invalid no_layer %s", quote(d.NoLayer))
	}
	sum, err := readDigest(d.SHA256)
	return &RecordedDocument{role, d.Workspace, d.Provider, noLayer, sum, d.Attestations}, err
}

// readDigest reads 64 lower-case hex digits.
func readDigest(text string) (sum [32]byte, err error) {
	if !isHexSHA256(text) {
		return sum, fmt.Errorf("invalid sha256 %s", quote(text))
	}
	return sum, (*digestFile)(&sum).UnmarshalText([]byte(text))
}

// Request returns the request without its bytes: bodies, attestations and the
// effective document are for the caller to find by their digests.
func (r *RecordedRequest) Request() *Request {
	req := &Request{Purpose: r.Purpose, Target: r.Target, Recipe: r.Recipe, ProvidersV2: r.ProvidersV2, WithoutProfile: r.WithoutProfile}
	for _, d := range r.Documents {
		req.Documents = append(req.Documents, Document{Role: d.Role, Workspace: d.Workspace, Provider: d.Provider, NoLayer: d.NoLayer})
	}
	return req
}
