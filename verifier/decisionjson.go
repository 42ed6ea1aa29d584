// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// DecisionMediaType names the JSON form of a decision: the same for the CLI, the
// log and replay. A change that an old reader would misread gets a new version.
const DecisionMediaType = "application/vnd.sigdriver.decision.v1+json"

// The JSON form of a Decision. 64-bit integers are strings, times are RFC 3339
// in UTC, digests 64 hex digits; what is zero and may be is left out.
type (
	decisionFile struct {
		MediaType       string           `json:"mediaType"`
		Verdict         string           `json:"verdict"`
		Reason          string           `json:"reason"`
		NearestMiss     *nearestMissFile `json:"nearestMiss,omitempty"`
		Findings        []findingFile    `json:"findings"`
		Shadow          []findingFile    `json:"shadowFindings"`
		Documents       []resultFile     `json:"documents"`
		EffectiveSHA256 digestFile       `json:"effectiveSha256,omitzero"`
		Stale           bool             `json:"stale"`
		ValidUntil      time.Time        `json:"validUntil,omitzero"`
		Recheck         time.Time        `json:"recheck,omitzero"`
		Consulted       []raiseFile      `json:"consulted"`
		Place           *bindingFile     `json:"place,omitempty"`
		Raises          []raiseFile      `json:"raises"`
		Binding         *bindingFile     `json:"binding,omitempty"`
		Evidence        [][2]int         `json:"evidence"`
	}
	nearestMissFile struct {
		Document *int   `json:"document,omitzero"`
		Text     string `json:"text"`
		Command  string `json:"command,omitzero"`
	}
	findingFile struct {
		Reason      string `json:"reason"`
		Document    *int   `json:"document,omitzero"`
		Attestation *int   `json:"attestation,omitzero"`
		Detail      string `json:"detail,omitzero"`
		Hint        string `json:"hint,omitzero"`
	}
	resultFile struct {
		SHA256     digestFile `json:"sha256"`
		Version    uint64     `json:"version,omitzero,string"`
		Principals []string   `json:"principals"`
		NotAfter   time.Time  `json:"notAfter,omitzero"`
		Passed     bool       `json:"passed"`
	}
	raiseFile struct {
		GatewayID string     `json:"gatewayId"`
		Role      string     `json:"role"`
		Workspace string     `json:"workspace,omitzero"`
		Name      string     `json:"name,omitzero"`
		Version   uint64     `json:"version,omitzero,string"`
		SHA256    digestFile `json:"sha256,omitzero"`
	}
	bindingFile struct {
		GatewayID string `json:"gatewayId"`
		SandboxID string `json:"sandboxId"`
		Workspace string `json:"workspace,omitzero"`
		Name      string `json:"name,omitzero"`
	}
	digestFile [32]byte
)

// MarshalText implements encoding.TextMarshaler.
func (d digestFile) MarshalText() ([]byte, error) { return []byte(digestText(d)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *digestFile) UnmarshalText(text []byte) error {
	if len(text) != 2*len(d) {
		return fmt.Errorf("a sha256 is 64 hex digits")
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// DecisionJSON is the decision as RFC 8785 text of DecisionMediaType. Equal
// decisions have equal bytes.
func DecisionJSON(d *Decision) []byte {
	f := decisionFile{
		MediaType: DecisionMediaType, Verdict: d.Verdict.String(), Reason: d.Reason.String(),
		Findings: findingFiles(d.Findings), Shadow: findingFiles(d.Shadow),
		Documents: []resultFile{}, EffectiveSHA256: d.EffectiveSHA256, Stale: d.Stale,
		ValidUntil: d.ValidUntil.UTC(), Recheck: d.Recheck.UTC(),
		Consulted: raiseFiles(d.Consulted), Place: bindingFileOf(d.Place),
		Raises: raiseFiles(d.Raises), Binding: bindingFileOf(d.Binding),
		Evidence: append([][2]int{}, d.Evidence...),
	}
	if m := d.NearestMiss; m != (NearestMiss{}) {
		f.NearestMiss = &nearestMissFile{indexFile(m.Document), m.Text, m.Command}
	}
	for _, r := range d.Documents {
		f.Documents = append(f.Documents, resultFile{r.SHA256, r.Version, append([]string{}, r.Principals...), r.NotAfter.UTC(), r.Passed})
	}
	return canonicalOf(&f)
}

// ParseDecisionJSON reads what DecisionJSON wrote, and nothing else: the text of
// the decision it returns is byte for byte the one it was given. Lists without
// elements come back nil.
func ParseDecisionJSON(text []byte) (*Decision, error) {
	var f decisionFile
	if err := unmarshalClosed(text, &f); err != nil {
		return nil, fmt.Errorf("decision: %w", err)
	}
	if f.MediaType != DecisionMediaType {
		return nil, fmt.Errorf("decision: media type %s, this build reads %s", quote(f.MediaType), DecisionMediaType)
	}
	d, err := f.decision()
	if err != nil {
		return nil, fmt.Errorf("decision: %w", err)
	}
	if !bytes.Equal(DecisionJSON(d), text) {
		return nil, fmt.Errorf("decision: the text is not in its one canonical form")
	}
	return d, nil
}

func (f *decisionFile) decision() (*Decision, error) {
	d := &Decision{
		EffectiveSHA256: f.EffectiveSHA256, Stale: f.Stale, ValidUntil: f.ValidUntil, Recheck: f.Recheck,
		Place: f.Place.binding(), Binding: f.Binding.binding(),
	}
	if len(f.Evidence) > 0 {
		d.Evidence = f.Evidence
	}
	if f.NearestMiss != nil {
		d.NearestMiss = NearestMiss{indexOf(f.NearestMiss.Document), f.NearestMiss.Text, f.NearestMiss.Command}
	}
	for _, r := range f.Documents {
		d.Documents = append(d.Documents, DocumentResult{r.SHA256, r.Version, r.Principals, r.NotAfter, r.Passed})
	}
	var err error
	read := func(e error) {
		if err == nil {
			err = e
		}
	}
	if i := slices.IndexFunc(verdicts, func(v Verdict) bool { return v.String() == f.Verdict }); i >= 0 {
		d.Verdict = verdicts[i]
	} else {
		err = fmt.Errorf("invalid verdict %s", quote(f.Verdict))
	}
	read(readReason(&d.Reason, f.Reason))
	read(readFindings(&d.Findings, f.Findings))
	read(readFindings(&d.Shadow, f.Shadow))
	read(readRaises(&d.Consulted, f.Consulted))
	read(readRaises(&d.Raises, f.Raises))
	return d, err
}

var verdicts = []Verdict{VerdictUnspecified, Allow, Deny}

func readReason(to *Reason, name string) error {
	r, ok := ReasonByName(name)
	if !ok {
		return fmt.Errorf("unknown reason %s", quote(name))
	}
	*to = r
	return nil
}

func findingFiles(list []Finding) []findingFile {
	out := []findingFile{}
	for _, f := range list {
		out = append(out, findingFile{f.Reason.String(), indexFile(f.Document), indexFile(f.Attestation), f.Detail, f.Hint})
	}
	return out
}

func readFindings(to *[]Finding, list []findingFile) error {
	for _, f := range list {
		finding := Finding{ReasonUnspecified, indexOf(f.Document), indexOf(f.Attestation), f.Detail, f.Hint}
		if err := readReason(&finding.Reason, f.Reason); err != nil {
			return err
		}
		*to = append(*to, finding)
	}
	return nil
}

func raiseFiles(list []Raise) []raiseFile {
	out := []raiseFile{}
	for _, r := range list {
		out = append(out, raiseFile{r.Key.GatewayID, r.Key.Role.String(), r.Key.Workspace, r.Key.Name, r.Floor.Version, r.Floor.SHA256})
	}
	return out
}

func readRaises(to *[]Raise, list []raiseFile) error {
	for _, f := range list {
		role, ok := RoleByName(f.Role)
		if !ok {
			return fmt.Errorf("invalid role %s", quote(f.Role))
		}
		*to = append(*to, Raise{FloorKey{f.GatewayID, role, f.Workspace, f.Name}, Floor{f.Version, f.SHA256}})
	}
	return nil
}

func bindingFileOf(b *Binding) *bindingFile {
	if b == nil {
		return nil
	}
	return &bindingFile{b.Key.GatewayID, b.Key.SandboxID, b.Place.Workspace, b.Place.Name}
}

func (f *bindingFile) binding() *Binding {
	if f == nil {
		return nil
	}
	return &Binding{SandboxKey{f.GatewayID, f.SandboxID}, Place{f.Workspace, f.Name}}
}

// indexFile leaves out the index of nothing.
func indexFile(i int) *int {
	if i < 0 {
		return nil
	}
	return &i
}

func indexOf(i *int) int {
	if i == nil {
		return -1
	}
	return *i
}

func digestText(sum [32]byte) string { return hex.EncodeToString(sum[:]) }

// canonicalOf is the RFC 8785 text of one of our own structs. A byte that is not
// UTF-8 becomes U+FFFD; CheckRequest lets none in.
func canonicalOf(v any) []byte {
	data, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
	if err != nil {
		panic("verifier: a struct of our own has no JSON form: " + err.Error())
	}
	text := jsontext.Value(data)
	if err := text.Canonicalize(jsontext.AllowInvalidUTF8(true)); err != nil {
		panic("verifier: a struct of our own has no canonical form: " + err.Error())
	}
	return text
}
