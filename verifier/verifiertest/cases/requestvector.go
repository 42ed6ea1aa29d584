// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// RequestFormat names the format of the file of request digests.
const RequestFormat = "sigdriver.request-vectors/v1"

// RequestVectorFile is request-sha256.json.
type RequestVectorFile struct {
	Format  string           `json:"format"`
	Vectors []*RequestVector `json:"vectors"`
}

// RequestVector is one request, its summary and request_sha256.
type RequestVector struct {
	Name    string        `json:"name"`
	About   string        `json:"about"`
	Request VectorRequest `json:"request"`
	Summary string        `json:"summary"`
	SHA256  string        `json:"sha256"`
	// AskedSHA256 is asked_sha256: of the summary without attestations.
	AskedSHA256 string `json:"askedSha256"`
	// SameAs names an earlier vector that must have the same digest. All
	// others differ from each other.
	SameAs string `json:"sameAs,omitempty"`
}

// Decode returns the request of a vector.
func (v *RequestVector) Decode() (*verifier.Request, error) {
	r := &reader{}
	req := r.request(&v.Request)
	return &req, r.err
}

// RequestVectors are the committed request digests.
func RequestVectors() *RequestVectorFile {
	f := &RequestVectorFile{Format: RequestFormat}
	add := func(name, about string, s *vt.Scenario) *RequestVector {
		v := &RequestVector{Name: name, About: about, Request: recordRequest(s),
			Summary: string(requestSummary(&s.Request)), SHA256: RequestSHA256(&s.Request), AskedSHA256: AskedSHA256(&s.Request)}
		f.Vectors = append(f.Vectors, v)
		return v
	}
	bundled := vt.AdmitProfile()
	statement := bundled.Approval(0).Of(bundled.Body(0))
	envelope := statement.Seal(vt.Person("dave"))
	junk := []byte("not an envelope")
	add("admit-policy", "ADMIT of one policy that two people approved in the same words: one payload, so one digest twice.", vt.AdmitPolicy())
	add("admit-bare", "ADMIT of one profile with an attestation in a bare DSSE envelope.", bundled.Offer(0, envelope.JSON()))
	add("admit-bundle", "The same attestation in a Sigstore bundle: its digest is that of the decoded payload.",
		vt.AdmitProfile().Offer(0, envelope.Bundle("0.3", vt.Person("dave")).JSON())).SameAs = "admit-bare"
	add("admit-bundle-protobuf", "The same in a protobuf bundle.",
		vt.AdmitProfile().Offer(0, envelope.Bundle("0.3", vt.Person("dave")).Proto())).SameAs = "admit-bare"
	add("admit-not-an-envelope", "Bytes that hold no envelope: raw: and their own sha256.", vt.AdmitProfile().Offer(0, junk))
	add("admit-two", "Two attestations.", vt.AdmitProfile().Offer(0, envelope.JSON(), junk))
	add("admit-two-swapped", "The same in another order are judged in another order.", vt.AdmitProfile().Offer(0, junk, envelope.JSON()))
	add("admit-empty-attestation", "No bytes at all.", vt.AdmitProfile().Offer(0, []byte{}))
	add("admit-unattested", "No attestations.", vt.AdmitProfile().Offer(0))
	add("compose-plain", "COMPOSE without providers.", vt.ComposePlain())
	off := vt.ComposePlain()
	off.Request.ProvidersV2 = false
	add("compose-providers-v1", "The same with providers v2 off: it may change the answer, so it changes the digest.", off)
	add("compose-layers", "COMPOSE with two providers, one of whose names has a space.", vt.ComposeLayers())
	add("compose-global", "COMPOSE under a global policy.", vt.ComposeGlobal())
	without := vt.ComposeLayers()
	without.Request.WithoutProfile = []string{"two words", "another"}
	add("compose-without-profile", "COMPOSE where two more providers are attached that have no profile.", without)
	for _, recipe := range []string{vt.Recipe09, vt.Recipe10} {
		later := vt.ComposeLayers()
		later.Request.Recipe, later.Request.ProvidersV2 = recipe, false
		add("compose-"+recipe[len(recipe)-2:], "COMPOSE by "+recipe+".", later)
		elsewhere := vt.ComposeLayers()
		elsewhere.Request.Recipe, elsewhere.Request.ProvidersV2 = recipe, false
		elsewhere.Request.Documents[1].NoLayer = verifier.BaseURLElsewhere
		add("compose-no-layer-"+recipe[len(recipe)-2:], "The same where a provider inserts nothing: why is part of the question.", elsewhere.Recompose())
	}
	foreign := vt.ComposePlain()
	foreign.Request.Target.Workspace, foreign.Request.Target.Name = "büro \u2028<&>", "\"web\"\\\t\U0001f600"
	add("compose-names", "Names with what JSON escapes and what it does not.", foreign)
	return f
}
