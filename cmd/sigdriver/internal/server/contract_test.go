// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// The numbers and names of the contract's reasons are the verifier's.
func TestReasonsOfTheContract(t *testing.T) {
	for number, name := range signingv1.Reason_name {
		short, ok := strings.CutPrefix(name, "REASON_")
		if !ok {
			t.Errorf("%s has another prefix", name)
		}
		if got := verifier.Reason(number).String(); number != 0 && got != short {
			t.Errorf("%d is %s in the contract, %s in the verifier", number, short, got)
		}
	}
	for _, doc := range verifier.ReasonDocs() {
		if signingv1.Reason_name[int32(doc.Reason)] != "REASON_"+doc.Code {
			t.Errorf("%s is not in the contract", doc.Code)
		}
	}
	if len(signingv1.Reason_name) < 60 {
		t.Errorf("only %d reasons", len(signingv1.Reason_name))
	}
}

// A driver serves the gateways of every recipe at once, and says which releases each is
// for. Why a provider inserts nothing changes the question.
func TestEveryRecipeIsServed(t *testing.T) {
	caps := capabilities("test", nil)
	if len(caps.Recipes) != 3 || len(caps.RecipeReleases) != len(caps.Recipes) {
		t.Fatalf("%v, %v", caps.Recipes, caps.RecipeReleases)
	}
	w := newWorld(t, verifiertest.ComposeLayers())
	asked := map[string]bool{}
	for i, name := range caps.Recipes {
		if r := caps.RecipeReleases[i]; r.Name != name || r.Releases == "" {
			t.Errorf("%s is listed as %v", name, r)
		}
		s := verifiertest.ComposeLayers()
		s.Request.Recipe, s.Request.ProvidersV2 = name, i == 0
		asked[string(w.expect(s.Recompose(), allowed).AskedSha256)] = true
		if i == 0 {
			continue
		}
		s.Request.Documents[1].NoLayer = verifier.BaseURLElsewhere
		asked[string(w.expect(s.Recompose(), allowed).AskedSha256)] = true
	}
	if len(asked) != 5 {
		t.Errorf("%d questions of 5 are told apart", len(asked))
	}
	for number, name := range signingv1.NoLayer_name {
		short := strings.TrimPrefix(strings.TrimPrefix(name, "NO_LAYER_"), "UNSPECIFIED")
		if got := verifier.NoLayer(number).String(); got != short {
			t.Errorf("%s is %q to the verifier", name, got)
		}
	}
}

// Every reason of an ErrorInfo has its page, with the status that it comes with.
func TestFaultsHavePages(t *testing.T) {
	pages := map[string]string{}
	for _, doc := range verifier.FaultDocs() {
		pages[doc.Code] = doc.Status
	}
	for _, err := range []error{
		malformed("f", "x"), tooLarge("f", 1, "bytes"), foreign(nil), auditUnavailable(nil), overloaded("x"), internal(nil),
		callFault(&record.ClockError{}),
	} {
		f := err.(*fault)
		if status := pages[f.reason]; !strings.Contains(status, f.code.String()) {
			t.Errorf("%s comes with %s, its page says %q", f.reason, f.code, status)
		}
	}
}

func TestOtherEnumsOfTheContract(t *testing.T) {
	for _, c := range []struct {
		got  fmt.Stringer
		want string
	}{
		{signingv1.Role(verifier.SandboxPolicy), "ROLE_" + verifier.SandboxPolicy.String()},
		{signingv1.Role(verifier.GlobalPolicy), "ROLE_" + verifier.GlobalPolicy.String()},
		{signingv1.Role(verifier.ProviderProfile), "ROLE_" + verifier.ProviderProfile.String()},
		{signingv1.Role(verifier.Settings), "ROLE_" + verifier.Settings.String()},
		{signingv1.Purpose(verifier.Admit), "PURPOSE_" + verifier.Admit.String()},
		{signingv1.Purpose(verifier.Compose), "PURPOSE_" + verifier.Compose.String()},
		{signingv1.Verdict(verifier.Allow), "VERDICT_" + verifier.Allow.String()},
		{signingv1.Verdict(verifier.Deny), "VERDICT_" + verifier.Deny.String()},
	} {
		if c.got.String() != c.want {
			t.Errorf("the contract says %s, the verifier %s", c.got, c.want)
		}
	}
}

const contract = "../../../../proto/signing/v1/policy_signing_driver.proto"

var (
	fieldLine = regexp.MustCompile(`^  (?:optional |repeated )?[\w.]+ \w+ = \d+;`)
	limitText = regexp.MustCompile(`\d`)
)

// Every field says whether it is set, and text and lists say how long they may be.
func TestFieldCommentsOfTheContract(t *testing.T) {
	data, err := os.ReadFile(contract)
	if err != nil {
		t.Fatal(err)
	}
	fields, comment, message := 0, "", ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		if rest, ok := strings.CutPrefix(line, "message "); ok {
			message = rest
		}
		if rest, ok := strings.CutPrefix(line, "  // "); ok {
			comment += rest + " "
			continue
		}
		if fieldLine.MatchString(line) {
			fields++
			if !strings.HasPrefix(comment, "Required.") && !strings.HasPrefix(comment, "Optional.") {
				t.Errorf("%s%s: the comment begins with %.20q", message, line, comment)
			}
			long := strings.Contains(line, "string ") || strings.Contains(line, "bytes ") || strings.Contains(line, "repeated ")
			if long && !limitText.MatchString(comment) && !strings.Contains(line, "request_id") {
				t.Errorf("%s%s: the comment names no limit", message, line)
			}
		}
		comment = ""
	}
	var all int
	for i := range signingv1.File_signing_v1_policy_signing_driver_proto.Messages().Len() {
		all += signingv1.File_signing_v1_policy_signing_driver_proto.Messages().Get(i).Fields().Len()
	}
	if fields != all || fields == 0 {
		t.Errorf("looked at %d fields of %d", fields, all)
	}
}

// The fields that are read without protobuf have the numbers and kinds we think.
func TestFieldsReadByHand(t *testing.T) {
	messages := signingv1.File_signing_v1_policy_signing_driver_proto.Messages()
	for _, c := range []struct {
		message, field string
		number         protoreflect.FieldNumber
	}{
		{"VerifyRequest", "request_id", fieldRequestID},
		{"VerifyRequest", "target", fieldTarget},
		{"VerifyRequest", "documents", fieldDocuments},
		{"VerifyRequest", "host", fieldHost},
		{"VerifyRequest", "providers_without_profile", fieldWithout},
		{"Target", "gateway_id", fieldFirst},
		{"Host", "policy_hash", fieldFirst},
		{"Document", "attestations", fieldAttestations},
		{"VerifyResponse", "request_id", fieldRequestID},
	} {
		f := messages.ByName(protoreflect.Name(c.message)).Fields().ByName(protoreflect.Name(c.field))
		if f == nil || f.Number() != c.number {
			t.Errorf("%s.%s is not field %d", c.message, c.field, c.number)
		}
	}
	fields := messages.ByName("VerifyRequest").Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.Number() > fieldWithout || f.IsList() != (f.Number() == fieldDocuments || f.Number() == fieldWithout) {
			t.Errorf("%s: readQuestion does not know that it may be there twice, or once", f.Name())
		}
	}
	for i, name := range []protoreflect.Name{"response", "envelope"} {
		request := messages.ByName("AttestRequest").Fields().ByName([]protoreflect.Name{"request", "nonce"}[i])
		response := messages.ByName("AttestResponse").Fields().ByName(name)
		if request.Number() != []protoreflect.FieldNumber{fieldRequest, fieldNonce}[i] || response.Number() != []protoreflect.FieldNumber{fieldResponse, fieldEnvelope}[i] {
			t.Errorf("field %d of Attest's messages is another", i+1)
		}
	}
}

func TestDocumentVectorsAreThoseOfTheRepository(t *testing.T) {
	names, err := filepath.Glob("../../../../testdata/vectors/documents/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%x  %s\n", sha256.Sum256(data), filepath.Base(name))
	}
	if [32]byte(sum.Sum(nil)) != documentVectors {
		t.Error("vectors.go is old: run make generate")
	}
}

// However much there is to say, the response keeps its limit and its verdict.
func TestResponseKeepsItsLimit(t *testing.T) {
	s := verifiertest.ComposeLayers()
	d := verifier.Decision{Verdict: verifier.Deny, Reason: verifier.Threshold}
	long := strings.Repeat("é", 2*verifier.MaxDetail)
	for i := range 5000 {
		d.Findings = append(d.Findings, verifier.Finding{Reason: verifier.SignerUnknown, Document: i % 64, Attestation: i, Detail: long, Hint: long})
		d.Shadow = append(d.Shadow, verifier.Finding{Reason: verifier.Threshold, Document: -1, Attestation: -1, Detail: "\xff" + long, Hint: long})
	}
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("%d-%s", i, strings.Repeat("n", 240)))
	}
	for range verifier.MaxDocuments {
		d.Documents = append(d.Documents, verifier.DocumentResult{Principals: names})
	}
	d.NearestMiss = verifier.NearestMiss{Document: -1, Text: long, Command: long}
	body, err := encodeDecision(&s.Request, verifier.Summarize(&s.Request), &d, &place{index: 1})
	if err != nil {
		t.Fatal(err)
	}
	whole := join([]byte(strings.Repeat("r", 4*verifier.MaxRequestID)), body, make([]byte, 512))
	if len(whole) > verifier.MaxResponse {
		t.Errorf("%d bytes", len(whole))
	}
	var got signingv1.VerifyResponse
	if err := proto.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Verdict != signingv1.Verdict_VERDICT_DENY || got.Receipt == nil || len(got.Documents) != verifier.MaxDocuments || len(got.Findings) == 0 {
		t.Errorf("%v, %d documents, %d findings", got.Verdict, len(got.Documents), len(got.Findings))
	}
	if int(got.FindingsOmitted) != 10000-len(got.Findings)-len(got.ShadowFindings) {
		t.Errorf("%d omitted", got.FindingsOmitted)
	}
}

func TestCapabilities(t *testing.T) {
	c := capabilities("1.2.3", []string{capabilityContract})
	if c.Limits.BodyBytes != verifier.MaxBody || c.Limits.RequestBytes != verifier.MaxRequest || c.Peer.ImplementationVersion != "1.2.3" || len(c.VectorsSha256) != 32 || len(c.DocumentVectorsSha256) != 32 {
		t.Errorf("%v", c)
	}
	for name, m := range map[string]*signingv1.PeerMetadata{
		"too many":  {SupportedCapabilities: make([]string, maxCapabilities+1)},
		"too long":  {ImplementationName: strings.Repeat("n", verifier.MaxName+1)},
		"a missing": {RequiredCapabilities: []string{capabilityContract, "openshell.other"}},
	} {
		if checkMetadata(m, []string{capabilityContract}) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := checkMetadata(&signingv1.PeerMetadata{ImplementationName: strings.Repeat("n", verifier.MaxName), SupportedCapabilities: make([]string, maxCapabilities), RequiredCapabilities: []string{capabilityContract}}, []string{capabilityContract}); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	wants := &signingv1.PeerMetadata{RequiredCapabilities: []string{capabilityReceipts}}
	if checkMetadata(wants, []string{capabilityContract}) == nil || checkMetadata(wants, []string{capabilityContract, capabilityReceipts}) != nil {
		t.Error("receipts can be required where they are offered, and nowhere else")
	}
	if checkMetadata(nil, nil) != nil {
		t.Error("metadata is optional")
	}
}

// Vectors are reported, compared and logged: they cut nobody off. What release 0.1.0
// compares stays what it is.
func TestVectorsCutNobodyOff(t *testing.T) {
	w := newWorld(t, verifiertest.ComposePlain())
	var log bytes.Buffer
	w.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
	for _, c := range []struct {
		sum  []byte
		says string
	}{
		{nil, `"not said"`}, {documentVectors[:], `"the same"`}, {make([]byte, 32), "others"},
	} {
		log.Reset()
		caps, err := w.GetCapabilities(t.Context(), &signingv1.GetCapabilitiesRequest{VectorsSha256: c.sum, Peer: &signingv1.PeerMetadata{ImplementationName: "gate\nway"}})
		if err != nil || !bytes.Equal(caps.GetVectorsSha256(), documentVectors[:]) || string(caps.GetDocumentVectorsSha256()) != firstVectors {
			t.Errorf("%s: %v, %v", c.says, caps, err)
		}
		if line := log.String(); !strings.Contains(line, "document_vectors="+c.says) || strings.Count(line, "\n") != 1 {
			t.Errorf("%s: the log says %q", c.says, line)
		}
	}
	if _, err := w.GetCapabilities(t.Context(), &signingv1.GetCapabilitiesRequest{VectorsSha256: make([]byte, 31)}); status.Code(callFault(err)) != codes.InvalidArgument {
		t.Errorf("31 bytes: %v", err)
	}
}

// DM-10: no dependency brings a compressor along.
func TestNoCompressors(t *testing.T) {
	for _, name := range []string{"gzip", "deflate", "snappy", "zstd"} {
		if encoding.GetCompressor(name) != nil {
			t.Errorf("%s is registered", name)
		}
	}
	if encoding.GetCompressor(encoding.Identity) != nil {
		t.Error("identity is registered")
	}
}
