// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	stdjson "encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// VectorFormat names the format of a decision vector. testdata/vectors/README.md
// specifies it for readers in any language.
const VectorFormat = "sigdriver.vector/v1"

// Vector is one decision: every input and what must come out.
type Vector struct {
	Format string `json:"format"`
	Name   string `json:"name"`
	About  string `json:"about"`
	// Attacks are ids of the attack catalogue, as the tests name them.
	Attacks []string `json:"attacks,omitempty"`
	// Positive is the ALLOW vector that this one is a single mutation away from.
	Positive string        `json:"positive,omitempty"`
	Trust    *VectorTrust  `json:"trust,omitempty"`
	Floors   []VectorFloor `json:"floors,omitempty"`
	Places   []VectorPlace `json:"places,omitempty"`
	Now      string        `json:"now"`
	Request  VectorRequest `json:"request"`
	Expect   Expect        `json:"expect"`
}

// VectorTrust is a verifier.TrustSource.
type VectorTrust struct {
	Authorities               Bytes          `json:"authorities"`
	TrustedRoot               Bytes          `json:"trustedRoot,omitzero"`
	Revocations               Bytes          `json:"revocations,omitzero"`
	Ratchet                   Bytes          `json:"ratchet,omitzero"`
	Epoch                     string         `json:"epoch"`
	Versions                  VectorVersions `json:"versions"`
	Expires                   VectorExpires  `json:"expires"`
	PreviousRevocationExpires string         `json:"previousRevocationExpires,omitempty"`
	DriverVersion             string         `json:"driverVersion"`
}

// VectorVersions are decimal strings, VectorExpires UTC times; an absent
// revocation means that the role is not delegated.
type (
	VectorVersions struct {
		Root       string `json:"root"`
		Timestamp  string `json:"timestamp"`
		Snapshot   string `json:"snapshot"`
		Targets    string `json:"targets"`
		Revocation string `json:"revocation,omitempty"`
	}
	VectorExpires struct {
		Root       string `json:"root"`
		Timestamp  string `json:"timestamp"`
		Snapshot   string `json:"snapshot"`
		Targets    string `json:"targets"`
		Revocation string `json:"revocation,omitempty"`
	}
)

// VectorFloor is one floor of the driver; in expectations, one that is raised.
type VectorFloor struct {
	Gateway   string `json:"gateway"`
	Role      string `json:"role"`
	Workspace string `json:"workspace"`
	Name      string `json:"name"`
	Version   string `json:"version"`
	SHA256    string `json:"sha256,omitempty"`
}

// VectorPlace is where a sandbox was first allowed.
type VectorPlace struct {
	Gateway   string `json:"gateway"`
	Sandbox   string `json:"sandbox"`
	Workspace string `json:"workspace"`
	Name      string `json:"name"`
}

// VectorRequest is a verifier.Request.
type VectorRequest struct {
	Purpose     string           `json:"purpose"`
	Target      VectorTarget     `json:"target"`
	Documents   []VectorDocument `json:"documents"`
	Effective   Bytes            `json:"effective,omitzero"`
	Recipe      string           `json:"recipe,omitempty"`
	ProvidersV2 bool             `json:"providersV2Enabled,omitempty"`
	// WithoutProfile names attached providers that have no profile.
	WithoutProfile []string `json:"withoutProfile,omitempty"`
}

// VectorTarget is a verifier.Target.
type VectorTarget struct {
	Gateway   string `json:"gateway"`
	Workspace string `json:"workspace"`
	Sandbox   string `json:"sandbox,omitempty"`
	Name      string `json:"name,omitempty"`
}

// VectorDocument is a verifier.Document.
type VectorDocument struct {
	Role         string  `json:"role"`
	Workspace    string  `json:"workspace,omitempty"`
	Provider     string  `json:"provider,omitempty"`
	NoLayer      string  `json:"noLayer,omitempty"`
	Body         Bytes   `json:"body"`
	Attestations []Bytes `json:"attestations"`
}

// Expect is what must come out, all of it: what is absent must be absent.
type Expect struct {
	Verdict   string           `json:"verdict"`
	Reason    string           `json:"reason"`
	Documents []ExpectDocument `json:"documents"`
	Findings  []ExpectFinding  `json:"findings"`
	// Shadow are the findings of rules in shadow mode.
	Shadow []ExpectFinding `json:"shadow,omitempty"`
	// NearestMiss reports whether one is named.
	NearestMiss bool `json:"nearestMiss"`
	Stale       bool `json:"stale,omitempty"`
	// Raises and Binding are what must be made durable before an ALLOW.
	Raises  []VectorFloor `json:"raises,omitempty"`
	Binding *VectorPlace  `json:"binding,omitempty"`

	EffectiveSHA256 string `json:"effectiveSha256,omitempty"`
	RequestSHA256   string `json:"requestSha256"`
}

// ExpectDocument is what must have been learned about one document.
type ExpectDocument struct {
	SHA256     string   `json:"sha256"`
	Version    string   `json:"version,omitempty"`
	Principals []string `json:"principals"`
}

// ExpectFinding is one finding. A missing index is none.
type ExpectFinding struct {
	Reason      string `json:"reason"`
	Document    *int   `json:"document,omitempty"`
	Attestation *int   `json:"attestation,omitempty"`
}

// Bytes is written as {"text": …} where a person can read it, else as
// {"base64": …}.
type Bytes []byte

type bytesFile struct {
	Text   *string `json:"text,omitempty"`
	Base64 *string `json:"base64,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (b Bytes) MarshalJSON() ([]byte, error) {
	text := string(b)
	readable := utf8.Valid(b) && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && !unicode.IsPrint(r)
	})
	if readable {
		return vt.Compact(bytesFile{Text: &text}), nil
	}
	encoded := base64.StdEncoding.EncodeToString(b)
	return vt.Compact(bytesFile{Base64: &encoded}), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	var f bytesFile
	if err := json.Unmarshal(data, &f, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	switch {
	case f.Text != nil && f.Base64 == nil:
		*b = Bytes(*f.Text)
	case f.Base64 != nil && f.Text == nil:
		raw, err := base64.StdEncoding.Strict().DecodeString(*f.Base64)
		if err != nil {
			return err
		}
		*b = raw
	default:
		return fmt.Errorf("bytes need either text or base64")
	}
	return nil
}

// ParseVector reads a vector. An unknown member is an error.
func ParseVector(data []byte) (*Vector, error) {
	v := new(Vector)
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if v.Format != VectorFormat {
		return nil, fmt.Errorf("format is %q, not %s", v.Format, VectorFormat)
	}
	return v, nil
}

// Marshal returns the file of a vector.
func (v *Vector) Marshal() []byte { return pretty(v) }

func pretty(v any) []byte {
	var b bytes.Buffer
	if err := stdjson.Indent(&b, vt.Compact(v), "", "  "); err != nil {
		panic("cases: " + err.Error())
	}
	return append(b.Bytes(), '\n')
}

var (
	purposes = map[string]verifier.Purpose{"ADMIT": verifier.Admit, "COMPOSE": verifier.Compose}
	verdicts = map[verifier.Verdict]string{verifier.Allow: "ALLOW", verifier.Deny: "DENY"}
	roles    = invert(vt.RoleNames)
)

func invert[K, V comparable](m map[K]V) map[V]K {
	out := make(map[V]K, len(m))
	for k, v := range m {
		out[v] = k
	}
	return out
}

// Scenario turns the vector back into what is decided.
func (v *Vector) Scenario() (*vt.Scenario, error) {
	now, err := time.Parse(time.RFC3339, v.Now)
	if err != nil {
		return nil, err
	}
	s := &vt.Scenario{Now: now, NoTrust: v.Trust == nil}
	r := &reader{}
	if t := v.Trust; t != nil {
		s.AuthoritiesJSON, s.TrustedRoot, s.Revocations, s.Ratchet = t.Authorities, t.TrustedRoot, t.Revocations, t.Ratchet
		s.DriverVersion = t.DriverVersion
		s.Epoch = uint64(r.integer(t.Epoch))
		s.PreviousRevocationExpires = r.time(t.PreviousRevocationExpires)
		s.Versions = verifier.Versions{Root: r.integer(t.Versions.Root), Timestamp: r.integer(t.Versions.Timestamp),
			Snapshot: r.integer(t.Versions.Snapshot), Targets: r.integer(t.Versions.Targets), Revocation: r.integer(t.Versions.Revocation)}
		s.Expires = verifier.Expires{Root: r.time(t.Expires.Root), Timestamp: r.time(t.Expires.Timestamp),
			Snapshot: r.time(t.Expires.Snapshot), Targets: r.time(t.Expires.Targets), Revocation: r.time(t.Expires.Revocation)}
	}
	s.Floors = r.floors(v)
	s.Request = r.request(&v.Request)
	return s, r.err
}

// reader collects the first thing that is wrong with a vector.
type reader struct{ err error }

func (r *reader) fail(err error) {
	if r.err == nil && err != nil {
		r.err = err
	}
}

func (r *reader) integer(s string) int64 {
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	r.fail(err)
	return n
}

func (r *reader) time(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	r.fail(err)
	return t
}

func (r *reader) role(name string) verifier.Role {
	role, ok := roles[name]
	if !ok {
		r.fail(fmt.Errorf("no role %q", name))
	}
	return role
}

func (r *reader) floors(v *Vector) verifier.MapFloors {
	m := verifier.MapFloors{Versions: map[verifier.FloorKey]verifier.Floor{}, Places: map[verifier.SandboxKey]verifier.Place{}}
	for _, f := range v.Floors {
		floor := verifier.Floor{Version: uint64(r.integer(f.Version))}
		sum, err := hex.DecodeString(f.SHA256)
		r.fail(err)
		copy(floor.SHA256[:], sum)
		m.Versions[verifier.FloorKey{GatewayID: f.Gateway, Role: r.role(f.Role), Workspace: f.Workspace, Name: f.Name}] = floor
	}
	for _, p := range v.Places {
		m.Places[verifier.SandboxKey{GatewayID: p.Gateway, SandboxID: p.Sandbox}] = verifier.Place{Workspace: p.Workspace, Name: p.Name}
	}
	return m
}

func (r *reader) request(v *VectorRequest) verifier.Request {
	purpose, ok := purposes[v.Purpose]
	if !ok {
		r.fail(fmt.Errorf("no purpose %q", v.Purpose))
	}
	q := verifier.Request{
		Purpose:   purpose,
		Target:    verifier.Target{GatewayID: v.Target.Gateway, Workspace: v.Target.Workspace, SandboxID: v.Target.Sandbox, Name: v.Target.Name},
		Effective: v.Effective, Recipe: v.Recipe, ProvidersV2: v.ProvidersV2,
		WithoutProfile: v.WithoutProfile,
	}
	for _, d := range v.Documents {
		doc := verifier.Document{Role: r.role(d.Role), Workspace: d.Workspace, Provider: d.Provider, NoLayer: noLayer(d.NoLayer), Body: d.Body}
		for _, a := range d.Attestations {
			doc.Attestations = append(doc.Attestations, a)
		}
		q.Documents = append(q.Documents, doc)
	}
	return q
}

// record writes a scenario as a vector without an expectation.
func record(s *vt.Scenario) *Vector {
	v := &Vector{Format: VectorFormat, Now: stamp(s.Now)}
	if !s.NoTrust {
		src := s.Source()
		v.Trust = &VectorTrust{
			Authorities: src.Authorities, TrustedRoot: src.TrustedRoot, Revocations: src.Revocations, Ratchet: src.Ratchet,
			Epoch: strconv.FormatUint(src.Epoch, 10), DriverVersion: src.DriverVersion,
			PreviousRevocationExpires: stamp(src.PreviousRevocationExpires),
			Versions: VectorVersions{Root: decimal(src.Versions.Root), Timestamp: decimal(src.Versions.Timestamp),
				Snapshot: decimal(src.Versions.Snapshot), Targets: decimal(src.Versions.Targets), Revocation: decimal(src.Versions.Revocation)},
			Expires: VectorExpires{Root: stamp(src.Expires.Root), Timestamp: stamp(src.Expires.Timestamp),
				Snapshot: stamp(src.Expires.Snapshot), Targets: stamp(src.Expires.Targets), Revocation: stamp(src.Expires.Revocation)},
		}
	}
	for k, f := range s.Floors.Versions {
		v.Floors = append(v.Floors, floorFile(k, f))
	}
	slices.SortFunc(v.Floors, func(a, b VectorFloor) int { return bytes.Compare(vt.Compact(a), vt.Compact(b)) })
	for k, p := range s.Floors.Places {
		v.Places = append(v.Places, placeFile(k, p))
	}
	slices.SortFunc(v.Places, func(a, b VectorPlace) int { return bytes.Compare(vt.Compact(a), vt.Compact(b)) })
	v.Request = recordRequest(s)
	return v
}

func recordRequest(s *vt.Scenario) VectorRequest {
	q := VectorRequest{
		Purpose:   invert(purposes)[s.Request.Purpose],
		Target:    VectorTarget{s.Request.Target.GatewayID, s.Request.Target.Workspace, s.Request.Target.SandboxID, s.Request.Target.Name},
		Documents: []VectorDocument{},
		Effective: s.Request.Effective, Recipe: s.Request.Recipe, ProvidersV2: s.Request.ProvidersV2,
		WithoutProfile: s.Request.WithoutProfile,
	}
	for _, d := range s.Request.Documents {
		doc := VectorDocument{Role: vt.RoleNames[d.Role], Workspace: d.Workspace, Provider: d.Provider, NoLayer: d.NoLayer.String(), Body: d.Body, Attestations: []Bytes{}}
		for _, a := range d.Attestations {
			doc.Attestations = append(doc.Attestations, a)
		}
		q.Documents = append(q.Documents, doc)
	}
	return q
}

func floorFile(k verifier.FloorKey, f verifier.Floor) VectorFloor {
	out := VectorFloor{Gateway: k.GatewayID, Role: vt.RoleNames[k.Role], Workspace: k.Workspace, Name: k.Name, Version: strconv.FormatUint(f.Version, 10)}
	if f.SHA256 != [32]byte{} {
		out.SHA256 = hex.EncodeToString(f.SHA256[:])
	}
	return out
}

func placeFile(k verifier.SandboxKey, p verifier.Place) VectorPlace {
	return VectorPlace{k.GatewayID, k.SandboxID, p.Workspace, p.Name}
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Observe writes a decision in the form of an expectation, to be compared with
// one.
func Observe(req *verifier.Request, d verifier.Decision) Expect {
	e := Expect{
		Verdict: verdicts[d.Verdict], Reason: d.Reason.String(),
		Documents: []ExpectDocument{}, Findings: observeFindings(d.Findings),
		NearestMiss: d.NearestMiss.Text != "", Stale: d.Stale,
		RequestSHA256: RequestSHA256(req),
	}
	if len(d.Shadow) > 0 {
		e.Shadow = observeFindings(d.Shadow)
	}
	for _, doc := range d.Documents {
		out := ExpectDocument{SHA256: hex.EncodeToString(doc.SHA256[:]), Principals: []string{}}
		if doc.Version != 0 {
			out.Version = strconv.FormatUint(doc.Version, 10)
		}
		out.Principals = append(out.Principals, doc.Principals...)
		e.Documents = append(e.Documents, out)
	}
	for _, r := range d.Raises {
		e.Raises = append(e.Raises, floorFile(r.Key, r.Floor))
	}
	if d.Binding != nil {
		place := placeFile(d.Binding.Key, d.Binding.Place)
		e.Binding = &place
	}
	if d.EffectiveSHA256 != [32]byte{} {
		e.EffectiveSHA256 = hex.EncodeToString(d.EffectiveSHA256[:])
	}
	return e
}

func observeFindings(findings []verifier.Finding) []ExpectFinding {
	out := []ExpectFinding{}
	for _, f := range findings {
		out = append(out, finding(f.Reason, f.Document, f.Attestation))
	}
	return out
}

func finding(reason verifier.Reason, document, attestation int) ExpectFinding {
	f := ExpectFinding{Reason: reason.String()}
	if document >= 0 {
		f.Document = &document
	}
	if attestation >= 0 {
		f.Attestation = &attestation
	}
	return f
}

// ExpectJSON writes an expectation on one line, to compare two.
func ExpectJSON(e Expect) []byte { return vt.Compact(e) }
