// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// DecisionMediaType names the JSON form of a decision: the same for the CLI, the
// log and replay. A change that an old reader would misread gets a new version.
const DecisionMediaType = "application/vnd.sigdriver.decision.v1+json"

// The JSON form of a Decision. 64-bit integers are strings, times are RFC 3339
// in UTC, digests 64 hex digits; what is zero and may be is left out. Members are declared
// in the order of their names, so that no second pass has to put them in order.
type (
	decisionFile struct {
		Binding         *bindingFile     `json:"binding,omitempty"`
		Consulted       []raiseFile      `json:"consulted"`
		Documents       []resultFile     `json:"documents"`
		EffectiveSHA256 digestFile       `json:"effectiveSha256,omitzero"`
		Evidence        [][2]int         `json:"evidence"`
		Findings        []findingFile    `json:"findings"`
		MediaType       string           `json:"mediaType"`
		NearestMiss     *nearestMissFile `json:"nearestMiss,omitempty"`
		Place           *bindingFile     `json:"place,omitempty"`
		Raises          []raiseFile      `json:"raises"`
		Reason          string           `json:"reason"`
		Recheck         time.Time        `json:"recheck,omitzero"`
		Shadow          []findingFile    `json:"shadowFindings"`
		Stale           bool             `json:"stale"`
		ValidUntil      time.Time        `json:"validUntil,omitzero"`
		Verdict         string           `json:"verdict"`
	}
	nearestMissFile struct {
		Command  string `json:"command,omitzero"`
		Document *int   `json:"document,omitzero"`
		Text     string `json:"text"`
	}
	findingFile struct {
		Attestation *int   `json:"attestation,omitzero"`
		Detail      string `json:"detail,omitzero"`
		Document    *int   `json:"document,omitzero"`
		Hint        string `json:"hint,omitzero"`
		Reason      string `json:"reason"`
	}
	resultFile struct {
		NotAfter   time.Time  `json:"notAfter,omitzero"`
		Passed     bool       `json:"passed"`
		Principals []string   `json:"principals"`
		SHA256     digestFile `json:"sha256"`
		Version    uint64     `json:"version,omitzero,string"`
	}
	raiseFile struct {
		GatewayID string     `json:"gatewayId"`
		Name      string     `json:"name,omitzero"`
		Role      string     `json:"role"`
		SHA256    digestFile `json:"sha256,omitzero"`
		Version   uint64     `json:"version,omitzero,string"`
		Workspace string     `json:"workspace,omitzero"`
	}
	bindingFile struct {
		GatewayID string `json:"gatewayId"`
		Name      string `json:"name,omitzero"`
		SandboxID string `json:"sandboxId"`
		Workspace string `json:"workspace,omitzero"`
	}
	digestFile [32]byte
)

// AppendText implements encoding.TextAppender.
func (d digestFile) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, d[:]), nil }

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
		f.NearestMiss = &nearestMissFile{Document: indexFile(m.Document), Text: m.Text, Command: m.Command}
	}
	for _, r := range d.Documents {
		f.Documents = append(f.Documents, resultFile{SHA256: r.SHA256, Version: r.Version, Principals: append([]string{}, r.Principals...), NotAfter: r.NotAfter.UTC(), Passed: r.Passed})
	}
	return canonicalOf(&f)
}

// ParseDecisionJSON reads what DecisionJSON wrote, and nothing else: the text of
// the decision it returns is byte for byte the one it was given. Lists without
// elements come back nil.
func ParseDecisionJSON(text []byte) (*Decision, error) {
	var f decisionFile
	canonical, err := readCanonicalClosed(text, &f)
	if err != nil {
		return nil, fmt.Errorf("decision: %w", err)
	}
	if f.MediaType != DecisionMediaType {
		return nil, fmt.Errorf("decision: media type %s, this build reads %s", quote(f.MediaType), DecisionMediaType)
	}
	d, err := f.decision()
	if err != nil {
		return nil, fmt.Errorf("decision: %w", err)
	}
	// A canonical file is that of its decision, but for a miss that says nothing.
	if again := canonical && (f.NearestMiss == nil) == (d.NearestMiss == NearestMiss{}); !again && !bytes.Equal(DecisionJSON(d), text) {
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
		out = append(out, findingFile{Reason: f.Reason.String(), Document: indexFile(f.Document), Attestation: indexFile(f.Attestation), Detail: f.Detail, Hint: f.Hint})
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
		out = append(out, raiseFile{
			GatewayID: r.Key.GatewayID, Role: r.Key.Role.String(), Workspace: r.Key.Workspace, Name: r.Key.Name,
			Version: r.Floor.Version, SHA256: r.Floor.SHA256,
		})
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
	return &bindingFile{GatewayID: b.Key.GatewayID, SandboxID: b.Key.SandboxID, Workspace: b.Place.Workspace, Name: b.Place.Name}
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

// canonicalOf is MarshalCanonical of what has such a form. CheckRequest lets no byte in
// that is not UTF-8.
func canonicalOf(v any) []byte {
	text, err := MarshalCanonical(v)
	if err != nil {
		panic("verifier: a struct of our own has no canonical form: " + err.Error())
	}
	return text
}
