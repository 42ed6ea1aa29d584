// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"encoding/json"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/verifier"
)

// Revocation is one entry of revocations.json.
type Revocation struct {
	Kind   string `json:"kind"`
	SHA256 string `json:"sha256,omitempty"`
	Issuer string `json:"issuer,omitempty"`
	SAN    string `json:"san,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Revoke adds entries to revocations.json and publishes it, also while another change
// collects signatures; or stages it for others to sign.
func (f *Folder) Revoke(entries []Revocation, stageOnly bool) (*Result, error) {
	release, err := f.hold("revoke")
	if err != nil {
		return nil, err
	}
	defer release()
	base, staged, err := f.open()
	switch {
	case err != nil:
		return nil, err
	case base == nil:
		return nil, f.unpublished()
	case staged != nil && stageOnly:
		return nil, f.alreadyStaged()
	}
	list, err := addRevocations(base, entries)
	if err != nil {
		return nil, err
	}
	s, err := f.newStage(base, &Change{Files: map[string][]byte{"revocations.json": list}})
	if err != nil {
		return nil, err
	}
	notes := append(s.Warnings(), "a driver that starts anew knows only what is published: what is revoked for good must leave authorities.json as well")
	if stageOnly {
		return f.saveStage(s, notes)
	}
	return f.signAndCommit(s, staged, tuf.Roles(), notes)
}

// addRevocations returns the published list with more entries at its end.
func addRevocations(base *author.Repository, more []Revocation) ([]byte, error) {
	list := struct {
		Schema  string            `json:"schema"`
		Entries []json.RawMessage `json:"entries"`
	}{Schema: verifier.RevocationsSchema, Entries: []json.RawMessage{}}
	published, err := nextTarget(base, nil, "revocations.json")
	if err != nil {
		return nil, err
	}
	if published != nil {
		if err := json.Unmarshal(published, &list); err != nil {
			return nil, refuse("publish a whole list with `sigdriver trust publish --revocations FILE`", "the published revocations.json cannot be read: %w", err)
		}
	}
	for _, entry := range more {
		data, err := json.Marshal(entry)
		if err != nil {
			return nil, err
		}
		list.Entries = append(list.Entries, data)
	}
	data, err := json.MarshalIndent(list, "", "  ")
	return append(data, '\n'), err
}
