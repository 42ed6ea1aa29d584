// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"fmt"
	"slices"
)

// RecordedRequest is what RequestJSON keeps of a request: everything but the
// bytes, which are named by their digests.
type RecordedRequest struct {
	Purpose     Purpose
	Target      Target
	Recipe      string
	ProvidersV2 bool
	Documents   []RecordedDocument
	// Effective is the digest of the effective document; nil for none.
	Effective *[32]byte
}

// RecordedDocument is one document of a RecordedRequest.
type RecordedDocument struct {
	Role         Role
	Workspace    string
	Provider     string
	SHA256       [32]byte
	Attestations []string // as AttestationDigest spells them
}

// ParseRequestJSON reads what RequestJSON wrote, and nothing else.
func ParseRequestJSON(text []byte) (*RecordedRequest, error) {
	var s requestSummary
	if err := unmarshalClosed(text, &s); err != nil {
		return nil, fmt.Errorf("recorded request: %w", err)
	}
	if s.Documents == nil || slices.ContainsFunc(s.Documents, func(d documentSummary) bool { return d.Attestations == nil }) || !bytes.Equal(canonicalOf(&s), text) {
		return nil, fmt.Errorf("recorded request: the text is not in its one canonical form")
	}
	r := &RecordedRequest{Target: Target(s.Target), Recipe: s.Recipe, ProvidersV2: s.ProvidersV2}
	for _, p := range []Purpose{Admit, Compose} {
		if p.String() == s.Purpose {
			r.Purpose = p
		}
	}
	if r.Purpose == PurposeUnspecified {
		return nil, fmt.Errorf("recorded request: %s is no purpose", quote(s.Purpose))
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
		return nil, fmt.Errorf("%s is no role", quote(d.Role))
	}
	sum, err := readDigest(d.SHA256)
	return &RecordedDocument{role, d.Workspace, d.Provider, sum, d.Attestations}, err
}

// readDigest reads 64 lower-case hex digits.
func readDigest(text string) (sum [32]byte, err error) {
	if !isHexSHA256(text) {
		return sum, fmt.Errorf("%s is no sha256", quote(text))
	}
	return sum, (*digestFile)(&sum).UnmarshalText([]byte(text))
}

// Request returns the request without its bytes: bodies, attestations and the
// effective document are for the caller to find by their digests.
func (r *RecordedRequest) Request() *Request {
	req := &Request{Purpose: r.Purpose, Target: r.Target, Recipe: r.Recipe, ProvidersV2: r.ProvidersV2}
	for _, d := range r.Documents {
		req.Documents = append(req.Documents, Document{Role: d.Role, Workspace: d.Workspace, Provider: d.Provider})
	}
	return req
}
