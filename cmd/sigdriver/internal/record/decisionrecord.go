// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/verifier"
)

// recordSchema is the version of the decision record's format.
const recordSchema = "sigdriver.record/v1"

// DecisionRecord is the full record of a decision that an entry names and the archive
// keeps: what was asked, by digests, and the whole decision. With the
// attestations and the trust from the archive it is enough to decide again.
type DecisionRecord struct {
	// Request is verifier.RequestJSON; its sha256 is the entry's RequestSHA256.
	Request []byte
	// Attestations are the archive addresses (sha256 of the encoded bytes) of
	// those offered with each document. Those in Decision.Evidence are archived.
	Attestations [][]Digest
	Decision     *verifier.Decision
	// DecisionJSON is the text of Decision as ParseDecisionRecord read it.
	DecisionJSON []byte
}

type recordFile struct {
	Attestations [][]Digest     `json:"attestations"`
	Decision     jsontext.Value `json:"decision"`
	Request      jsontext.Value `json:"request"`
	Schema       string         `json:"schema"`
}

// NewDecisionRecord makes the record of a decision.
func NewDecisionRecord(req *verifier.Request, d *verifier.Decision) DecisionRecord {
	return newDecisionRecord(verifier.Summarize(req), d)
}

func newDecisionRecord(s *verifier.Summary, d *verifier.Decision) DecisionRecord {
	r := DecisionRecord{Request: s.JSON, Decision: d}
	for _, encoded := range s.Encoded {
		var list []Digest
		for _, sum := range encoded {
			list = append(list, sum)
		}
		r.Attestations = append(r.Attestations, list)
	}
	return r
}

// JSON is the record as RFC 8785 text: what Commit archives.
func (r DecisionRecord) JSON() ([]byte, error) {
	f := recordFile{Attestations: r.Attestations, Request: r.Request, Decision: verifier.DecisionJSON(r.Decision), Schema: recordSchema}
	return f.text()
}

// ParseDecisionRecord reads what DecisionRecord.JSON wrote, and nothing else.
func ParseDecisionRecord(data []byte) (*DecisionRecord, error) {
	var f recordFile
	plain := verifier.UnmarshalCanonical(data, &f)
	if !plain {
		f = recordFile{}
		if err := json.Unmarshal(data, &f, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("decision record: %w", err)
		}
	}
	if f.Schema != recordSchema {
		return nil, fmt.Errorf("decision record: schema %q, this build reads %s", clip(f.Schema), recordSchema)
	}
	d, err := verifier.ParseDecisionJSON(f.Decision)
	if err != nil {
		return nil, fmt.Errorf("decision record: %w", err)
	}
	r := &DecisionRecord{Request: f.Request, Attestations: f.Attestations, Decision: d, DecisionJSON: f.Decision}
	if plain {
		return r, nil
	}
	if again, err := f.text(); err != nil || !bytes.Equal(again, data) {
		return nil, fmt.Errorf("decision record: the text is not in its one canonical form")
	}
	return r, nil
}

// text is the canonical form of the file. Where its parts are in theirs, it only puts them
// together.
func (f *recordFile) text() ([]byte, error) {
	attestations, err := canonical(f.Attestations)
	if err != nil || !verifier.PlainlyCanonical(f.Request) || !verifier.PlainlyCanonical(f.Decision) {
		return canonical(f)
	}
	out := make([]byte, 0, len(attestations)+len(f.Decision)+len(f.Request)+128)
	out = append(append(out, `{"attestations":`...), attestations...)
	out = append(append(out, `,"decision":`...), f.Decision...)
	out = append(append(out, `,"request":`...), f.Request...)
	return append(out, `,"schema":"`+recordSchema+`"}`...), nil
}
