// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/in-toto/in-toto-golang/in_toto"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/verifier"
)

const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// timeFormat is the one spelling of a time in our files: UTC, whole seconds.
const timeFormat = "2006-01-02T15:04:05Z"

// maxVersion is the highest version an approval can say.
const maxVersion = 1<<63 - 1

// Approval is what somebody is about to approve.
type Approval struct {
	Document *Subject
	// Gateway, Workspace and Name are globs over the document's subject.
	Gateway, Workspace, Name string
	Version                  uint64    // 1 … 2^63−1
	NotBefore, NotAfter      time.Time // whole seconds; NotAfter is exclusive
	Reason                   string    // optional, for people
	// SubjectName is the name of the Statement's subject; empty: the file's.
	SubjectName string
}

// ApprovalError is an approval that cannot be signed.
type ApprovalError struct {
	Text   string // what is wrong
	Remedy string // what to do about it
}

func (e *ApprovalError) Error() string { return e.Text }

// Check refuses an approval that no verifier would count.
func (a *Approval) Check() error {
	switch {
	case a.Document.Role == verifier.GlobalPolicy && !(verifier.GlobMatches(a.Workspace, "") && verifier.GlobMatches(a.Name, "")):
		return &ApprovalError{
			Text:   "a global policy has neither workspace nor name, so this approval would match nothing",
			Remedy: "leave --workspace and --name out; --gateway says where it holds",
		}
	case a.Document.Role == verifier.ProviderProfile && !verifier.GlobMatches(a.Name, a.Document.Name):
		return &ApprovalError{
			Text:   fmt.Sprintf("the profile's id is %.80q, so an approval for the name %.80q would match nothing", a.Document.Name, a.Name),
			Remedy: "leave --name out to approve it under its id",
		}
	}
	name := a.Name
	if a.Document.Role == verifier.ProviderProfile && name == a.Document.Name {
		name = "" // it is the profile's own id, whatever that is
	}
	if err := checkScope(a.Workspace, name); err != nil {
		return err
	}
	return checkTerms(a.Version, a.NotBefore, a.NotAfter)
}

// checkScope refuses globs that no name fits.
func checkScope(workspace, name string) error {
	for _, glob := range []struct{ option, pattern string }{{"--workspace", workspace}, {"--name", name}} {
		if fault := verifier.NameGlobFault(glob.pattern); fault != "" {
			return &ApprovalError{"this approval would match nothing: " + fault, "give " + glob.option + " a name, or a glob like 'web-*'"}
		}
	}
	return nil
}

// checkTerms refuses a version and a window that no verifier would read.
func checkTerms(version uint64, from, until time.Time) error {
	switch {
	case version < 1 || version > maxVersion:
		return &ApprovalError{"the version must be between 1 and 9223372036854775807", "give --version a number above the last approved one"}
	case from.IsZero() || !from.Before(until):
		return &ApprovalError{"the approval would end before it begins", "give a --not-after later than --not-before, or a --valid-for above zero"}
	case until.Year() > 9999 || from.Year() < 1:
		return &ApprovalError{"the times must lie between the years 1 and 9999", "give a shorter --valid-for"}
	}
	return nil
}

// Statement returns the in-toto Statement, in its canonical form.
func (a *Approval) Statement() ([]byte, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	fields := map[string]any{
		"surface":   a.Document.Surface,
		"role":      a.Document.Role.String(),
		"scope":     map[string]any{"gateway": a.Gateway, "workspace": a.Workspace, "name": a.Name},
		"version":   strconv.FormatUint(a.Version, 10),
		"notBefore": a.NotBefore.UTC().Format(timeFormat),
		"notAfter":  a.NotAfter.UTC().Format(timeFormat),
	}
	if a.Reason != "" {
		fields["reason"] = a.Reason
	}
	subject := *a.Document
	if a.SubjectName != "" {
		subject.File = a.SubjectName
	}
	return writeStatement(verifier.ApprovalPredicateType, fields, &subject)
}

// writeStatement makes a Statement about documents, in its canonical form.
func writeStatement(predicateType string, fields map[string]any, documents ...*Subject) ([]byte, error) {
	predicate, err := structpb.NewStruct(fields)
	if err != nil {
		return nil, err
	}
	statement := &intoto.Statement{Type: intoto.StatementTypeUri, PredicateType: predicateType, Predicate: predicate}
	for _, d := range documents {
		statement.Subject = append(statement.Subject, &intoto.ResourceDescriptor{
			Name:   d.File,
			Digest: map[string]string{"sha256": hex.EncodeToString(d.SHA256[:])},
		})
	}
	if err := statement.Validate(); err != nil {
		return nil, err
	}
	text, err := protojson.Marshal(statement)
	if err != nil {
		return nil, err
	}
	return verifier.Canonical(text)
}

// Predicate takes the predicate out of a Statement, for another tool to put into
// one of its own and sign.
func Predicate(statement []byte) ([]byte, error) {
	var s struct {
		Predicate jsontext.Value `json:"predicate"`
	}
	if err := json.Unmarshal(statement, &s); err != nil {
		return nil, err
	}
	return append(s.Predicate, '\n'), nil
}

// Signed is a finished approval.
type Signed struct {
	Bundle []byte   // a Sigstore bundle v0.3, JSON
	SHA256 [32]byte // the attestation's digest: of the DSSE PAE
}

// Sign signs the approval. Equal approvals and keys give equal bytes.
func (a *Approval) Sign(key *keys.Key) (*Signed, error) {
	payload, err := a.Statement()
	if err != nil {
		return nil, err
	}
	return seal(payload, key)
}

// seal signs a payload and puts it into a bundle.
func seal(payload []byte, key *keys.Key) (*Signed, error) {
	pae := dsse.PAE(in_toto.PayloadType, payload)
	sig, err := key.Sign(pae)
	if err != nil {
		return nil, fmt.Errorf("cannot sign: %w", err)
	}
	bundle := &bundlepb.Bundle{
		MediaType: bundleMediaType,
		VerificationMaterial: &bundlepb.VerificationMaterial{
			Content: &bundlepb.VerificationMaterial_PublicKey{PublicKey: &commonpb.PublicKeyIdentifier{Hint: key.ID()}},
		},
		Content: &bundlepb.Bundle_DsseEnvelope{DsseEnvelope: &dssepb.Envelope{
			Payload:     payload,
			PayloadType: in_toto.PayloadType,
			// The hint names the key. A key id here as well would only make
			// tools refuse that spell key ids in another way.
			Signatures: []*dssepb.Signature{{Sig: sig}},
		}},
	}
	text, err := protojson.Marshal(bundle)
	if err != nil {
		return nil, err
	}
	// protojson varies its white space on purpose; one form is easier to compare.
	text, err = verifier.Canonical(text)
	if err != nil {
		return nil, err
	}
	return &Signed{Bundle: append(text, '\n'), SHA256: sha256.Sum256(pae)}, nil
}
