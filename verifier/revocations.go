// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
)

// RevocationsSchema names the format of revocations.json, RatchetSchema that of
// Trust.Ratchet. Both hold the same entries.
const (
	RevocationsSchema = "sigdriver.revocations/v1"
	RatchetSchema     = "sigdriver.ratchet/v1"
)

// revocationEntry takes one thing away: a document, an attestation or a key by
// sha256 (of the document, of the PAE, of the SPKI), or an identity by its name.
type revocationEntry struct {
	Kind   string `json:"kind"`
	SHA256 string `json:"sha256,omitempty"`
	Issuer string `json:"issuer,omitempty"`
	SAN    string `json:"san,omitempty"`
	Reason string `json:"reason,omitempty"` // for people, never parsed
}

type revocationsFile struct {
	Schema  string            `json:"schema"`
	Entries []revocationEntry `json:"entries"`
}

// ratchet is the set of everything ever revoked and not restored, by what is
// taken away; the value is the reason given.
type ratchet map[revokedThing]string

// revokedThing names what an entry is about, whatever its reason says.
type revokedThing struct {
	kind   string // "document", "attestation", "key" or "identity"
	sha256 [32]byte
	id     revokedIdentity
}

type revokedIdentity struct{ issuer, san string }

func (r ratchet) document(d [32]byte) bool { return r.has(revokedThing{kind: "document", sha256: d}) }
func (r ratchet) attestation(d [32]byte) bool {
	return r.has(revokedThing{kind: "attestation", sha256: d})
}
func (r ratchet) key(spki [32]byte) bool { return r.has(revokedThing{kind: "key", sha256: spki}) }
func (r ratchet) identity(issuer, san string) bool {
	return r.has(revokedThing{kind: "identity", id: revokedIdentity{issuer, san}})
}

func (r ratchet) has(t revokedThing) bool {
	_, ok := r[t]
	return ok
}

// why is the reason that was given, as the end of a sentence; "" for none.
func (r ratchet) why(t revokedThing) string {
	if r[t] == "" {
		return ""
	}
	return ": " + quote(r[t])
}

// thing returns what a checked entry is about.
func (e revocationEntry) thing() revokedThing {
	t := revokedThing{kind: e.Kind}
	if e.Kind == "identity" {
		t.id = revokedIdentity{e.Issuer, e.SAN}
		return t
	}
	raw, _ := hex.DecodeString(e.SHA256)
	copy(t.sha256[:], raw)
	return t
}

// check refuses an entry that is not exactly one of the four kinds.
func (e revocationEntry) check() error {
	if len(e.Reason) > MaxRevocationReason || len(e.Issuer) > MaxIdentity || len(e.SAN) > MaxIdentity {
		return fmt.Errorf("reason, issuer and san may have %d, %d and %d bytes", MaxRevocationReason, MaxIdentity, MaxIdentity)
	}
	switch e.Kind {
	case "document", "attestation", "key":
		if !isHexSHA256(e.SHA256) {
			return errors.New("sha256 must be 64 lower-case hex digits")
		}
		if e.Issuer != "" || e.SAN != "" {
			return fmt.Errorf("kind %s takes sha256 and reason only", e.Kind)
		}
	case "identity":
		if e.Issuer == "" || e.SAN == "" || e.SHA256 != "" {
			return errors.New("kind identity takes issuer, san and reason only")
		}
	default:
		return fmt.Errorf("kind %s is none of document, attestation, key, identity", quote(e.Kind))
	}
	return nil
}

// parseRevocations reads a list of entries of at most limit bytes under the
// schema it must have.
func parseRevocations(data []byte, schema string, limit int) ([]revocationEntry, error) {
	refuse := func(path, text string, err error) error {
		return &TrustError{File: "revocations.json", Path: path, Text: text, Err: err}
	}
	if len(data) > limit {
		return nil, refuse("", fmt.Sprintf("longer than %d bytes", limit), nil)
	}
	var f revocationsFile
	if err := unmarshalClosed(data, &f); err != nil {
		return nil, refuse("", "refused", err)
	}
	if f.Schema != schema {
		return nil, refuse("schema", fmt.Sprintf("must be %q", schema), nil)
	}
	for i, e := range f.Entries {
		if err := e.check(); err != nil {
			return nil, refuse(fmt.Sprintf("entries[%d]", i), "refused", err)
		}
	}
	return f.Entries, nil
}

// apply returns the ratchet with the entries added and then the restored ones
// taken out: only a signed `restored` ends a revocation.
func (r ratchet) apply(entries, restored []revocationEntry) (ratchet, error) {
	next := make(ratchet, len(r)+len(entries))
	for t, why := range r {
		next[t] = why
	}
	for _, e := range entries {
		next[e.thing()] = e.Reason
	}
	for _, e := range restored {
		delete(next, e.thing())
	}
	if len(next) > MaxRevocations {
		return nil, &TrustError{File: "revocations.json", Text: fmt.Sprintf("more than %d revocations in force: restore some in authorities.json", MaxRevocations)}
	}
	return next, nil
}

// bytes returns the ratchet as canonical JSON, sorted by what it takes away.
func (r ratchet) bytes() []byte {
	f := revocationsFile{Schema: RatchetSchema, Entries: []revocationEntry{}}
	for t, why := range r {
		e := revocationEntry{Kind: t.kind, Issuer: t.id.issuer, SAN: t.id.san, Reason: why}
		if t.kind != "identity" {
			e.SHA256 = hex.EncodeToString(t.sha256[:])
		}
		f.Entries = append(f.Entries, e)
	}
	slices.SortFunc(f.Entries, func(a, b revocationEntry) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.SHA256, b.SHA256),
			cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.SAN, b.SAN))
	})
	data, err := json.Marshal(f)
	if err != nil {
		panic("verifier: a ratchet that parsed does not marshal: " + err.Error())
	}
	out, err := Canonical(data)
	if err != nil {
		panic("verifier: a ratchet that parsed is not JSON: " + err.Error())
	}
	return out
}

// isHexSHA256 reports whether s is 64 lower-case hex digits.
func isHexSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
