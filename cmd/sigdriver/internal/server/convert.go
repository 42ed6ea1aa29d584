// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
)

// This file is the only one that touches the fields of protobuf messages.

// Limits of a response, beside those of the verifier. What they leave out is
// counted, and is in the decision record.
const (
	maxFindings   = 128
	maxShadow     = 64
	maxPrincipals = 32
	maxSentence   = 1024
	// responseRoom is left for request_id and trust.
	responseRoom = 2 << 10
)

// decodeRequest turns an encoded VerifyRequest into what the verifier judges and
// what is only recorded. It checks the limits that the verifier cannot see.
func decodeRequest(data []byte) (*verifier.Request, record.Host, error) {
	var in signingv1.VerifyRequest
	if err := proto.Unmarshal(data, &in); err != nil {
		return nil, record.Host{}, malformed("request", "is not a VerifyRequest")
	}
	host := record.Host{PolicyHash: in.GetHost().GetPolicyHash(), PolicyVersion: in.GetHost().GetPolicyVersion(), ConfigRevision: in.GetHost().GetConfigRevision()}
	t := in.GetTarget()
	req := &verifier.Request{
		Purpose:     verifier.Purpose(in.Purpose),
		Target:      verifier.Target{GatewayID: t.GetGatewayId(), Workspace: t.GetWorkspace(), SandboxID: t.GetSandboxId(), Name: t.GetName()},
		Documents:   make([]verifier.Document, len(in.Documents)),
		Effective:   in.Effective,
		Recipe:      in.Recipe,
		ProvidersV2: in.ProvidersV2Enabled,

		WithoutProfile: in.ProvidersWithoutProfile,
	}
	for i, d := range in.Documents {
		if len(d.GetBody()) == 0 {
			return nil, record.Host{}, malformed(fmt.Sprintf("documents[%d].body", i), "is required")
		}
		req.Documents[i] = verifier.Document{Role: verifier.Role(d.Role), Workspace: d.Workspace, Provider: d.Provider, NoLayer: verifier.NoLayer(d.NoLayer), Body: d.Body, Attestations: d.Attestations}
	}
	return req, host, nil
}

// merge adds what the index has about each document, unless it was offered, and
// returns what that stands on.
func merge(req *verifier.Request, index *trust.IndexView) []indexed {
	had := make([]indexed, len(req.Documents))
	for i := range req.Documents {
		d := &req.Documents[i]
		sum := sha256.Sum256(d.Body)
		had[i] = indexed{sum, index.Sum(sum)}
		added := index.For(sum)
		if len(added) == 0 {
			continue
		}
		offered := make(map[string]bool, len(d.Attestations))
		for _, a := range d.Attestations {
			offered[string(a)] = true
		}
		for _, a := range added {
			if !offered[string(a)] {
				d.Attestations = append(d.Attestations, a)
			}
		}
	}
	return had
}

// place says where a decision was recorded; nil for one that was only counted.
type place struct {
	index uint64
	sum   [32]byte
}

// encodeDecision encodes a VerifyResponse without request_id and trust, which
// differ from answer to answer.
func encodeDecision(req *verifier.Request, s *verifier.Summary, d *verifier.Decision, r *place) ([]byte, error) {
	out := &signingv1.VerifyResponse{
		Verdict:       signingv1.Verdict(d.Verdict),
		Reason:        signingv1.Reason(d.Reason),
		RequestSha256: s.SHA256[:],
		AskedSha256:   s.AskedSHA256[:],
		ValidUntil:    timestamp(d.ValidUntil),
	}
	if d.Verdict != verifier.Allow {
		out.NearestMiss = &signingv1.NearestMiss{
			Document: position(d.NearestMiss.Document),
			Text:     sentence(d.NearestMiss.Text, maxSentence),
			Command:  sentence(d.NearestMiss.Command, maxSentence),
		}
	}
	if req.Purpose == verifier.Compose {
		out.EffectiveSha256 = d.EffectiveSHA256[:]
	}
	for i := range d.Documents {
		r := &d.Documents[i]
		out.Documents = append(out.Documents, &signingv1.DocumentResult{
			Sha256: r.SHA256[:], Version: r.Version, NotAfter: timestamp(r.NotAfter),
		})
	}
	if r != nil {
		out.Receipt = &signingv1.Receipt{LogIndex: r.index, EntrySha256: r.sum[:]}
	}
	return encodeBounded(out, d)
}

// encodeBounded adds the lists, shorter and shorter until the response fits.
func encodeBounded(out *signingv1.VerifyResponse, d *verifier.Decision) ([]byte, error) {
	for cut := 0; ; cut++ {
		out.Findings = findingsOf(d.Findings, maxFindings>>cut)
		out.ShadowFindings = findingsOf(d.Shadow, maxShadow>>cut)
		out.FindingsOmitted = uint32(len(d.Findings) - len(out.Findings) + len(d.Shadow) - len(out.ShadowFindings))
		for i, doc := range out.Documents {
			names := d.Documents[i].Principals
			doc.Principals = names[:min(len(names), maxPrincipals>>cut)]
		}
		if proto.Size(out) <= verifier.MaxResponse-responseRoom {
			return proto.MarshalOptions{Deterministic: true}.Marshal(out)
		}
	}
}

func findingsOf(list []verifier.Finding, most int) []*signingv1.Finding {
	out := make([]*signingv1.Finding, min(len(list), most))
	for i := range out {
		f := &list[i]
		out[i] = &signingv1.Finding{
			Reason: signingv1.Reason(f.Reason), Document: position(f.Document), Attestation: position(f.Attestation),
			Detail: sentence(f.Detail, verifier.MaxDetail), Hint: sentence(f.Hint, verifier.MaxDetail),
		}
	}
	return out
}

// position is an optional index: absent below zero.
func position(i int) *uint32 {
	if i < 0 {
		return nil
	}
	n := uint32(i)
	return &n
}

// sentence is text that protobuf can carry. The verifier promises as much; a
// promise broken there must not turn a refusal into an error here.
func sentence(s string, most int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}

func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// trustState describes trust as every answer carries it.
func trustState(t *verifier.Trust, stale bool) *signingv1.TrustState {
	v := t.Versions()
	return &signingv1.TrustState{
		Epoch: t.Epoch(), RootVersion: v.Root, TargetsVersion: v.Targets, SnapshotVersion: v.Snapshot,
		TimestampVersion: v.Timestamp, RevocationVersion: v.Revocation,
		TimestampExpires: timestamp(t.Expires().Timestamp), Stale: stale,
	}
}

// encodeTrust encodes the trust submessage as a field of VerifyResponse.
func encodeTrust(t *verifier.Trust, stale bool) ([]byte, error) {
	return proto.Marshal(&signingv1.VerifyResponse{Trust: trustState(t, stale)})
}

// watchMessage describes trust, or the want of it, for WatchTrust, and encodes it
// to tell one state from another.
func watchMessage(t *verifier.Trust, now time.Time) (*signingv1.TrustState, []byte) {
	s := t.State(now)
	out := &signingv1.TrustState{}
	if t != nil {
		out = trustState(t, s.Condition == verifier.Stale)
	}
	switch s.Condition {
	case verifier.Fresh:
		out.Condition = signingv1.TrustCondition_TRUST_CONDITION_FRESH
	case verifier.Stale:
		out.Condition = signingv1.TrustCondition_TRUST_CONDITION_STALE
	default:
		out.Condition = signingv1.TrustCondition_TRUST_CONDITION_REFUSED
		out.Reason = signingv1.Reason(s.Reason)
	}
	if s.Condition != verifier.Refused {
		out.RefusedAfter = timestamp(now.Add(s.Left))
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(out)
	if err != nil {
		text = nil // a message of ours without strings always encodes
	}
	return out, text
}

// protocolVersion is the version of the contract in proto/signing/v1.
const protocolVersion = 1

// Capability ids.
const (
	capabilityContract = "openshell.policy-signing.contract" // OpenShell's name for this contract
	capabilityReceipts = "openshell.policy-signing.receipts" // Attest signs receipts
)

// canonicalForm names how documents are encoded.
const canonicalForm = "openshell-protojson-jcs/v1"

// firstVectors is the digest of the document vectors of release 0.1.0, all of which
// this build keeps to: the gateways of that release connect to no driver that gives
// another. `make gateway-compat` runs them.
const firstVectors = "\xdd\xa7\x38\x58\x08\xb5\xd5\xc2\xae\xd7\xf7\xda\x20\x18\xb5\x08\x14\xb8\xcf\x99\x0f\x79\xc2\x91\x02\x98\x1a\x46\x74\x88\x8c\x9c"

// Limits of PeerMetadata.
const maxCapabilities = 64

// capabilities answers GetCapabilities.
func capabilities(driver string, offers []string) *signingv1.GetCapabilitiesResponse {
	return &signingv1.GetCapabilitiesResponse{
		Peer: &signingv1.PeerMetadata{
			ProtocolVersion: protocolVersion, ImplementationName: "sigdriver", ImplementationVersion: driver,
			SupportedCapabilities: offers,
		},
		Surfaces:              []string{"openshell.sandbox.v1.SandboxPolicy", "openshell.v1.ProviderProfile", "sigdriver.v1.GatewaySettings"},
		CanonicalForm:         canonicalForm,
		Recipes:               verifier.Recipes(),
		RecipeReleases:        recipeReleases(),
		DocumentVectorsSha256: []byte(firstVectors),
		VectorsSha256:         documentVectors[:],
		Limits: &signingv1.Limits{
			BodyBytes: verifier.MaxBody, EffectiveBytes: verifier.MaxEffective, Documents: verifier.MaxDocuments,
			Attestations: verifier.MaxAttestations, AttestationBytes: verifier.MaxAttestation,
			RequestBytes: verifier.MaxRequest, ResponseBytes: verifier.MaxResponse, JsonDepth: verifier.MaxDepth,
		},
	}
}

// vectorsOf says how the vectors of a caller's build compare with ours.
func vectorsOf(req *signingv1.GetCapabilitiesRequest) string {
	switch sum := req.GetVectorsSha256(); {
	case len(sum) == 0:
		return "not said"
	case bytes.Equal(sum, documentVectors[:]):
		return "the same"
	}
	return "others"
}

// recipeReleases says which releases of OpenShell each recipe is for.
func recipeReleases() []*signingv1.Recipe {
	var list []*signingv1.Recipe
	for _, r := range verifier.AllRecipes() {
		list = append(list, &signingv1.Recipe{Name: r.Name, Releases: r.Releases})
	}
	return list
}

// checkMetadata refuses what is over a limit, and a caller that needs something
// that this driver does not offer.
func checkMetadata(m *signingv1.PeerMetadata, offers []string) error {
	if len(m.GetSupportedCapabilities()) > maxCapabilities || len(m.GetRequiredCapabilities()) > maxCapabilities {
		return tooLarge("peer", maxCapabilities, "capabilities")
	}
	for _, s := range append([]string{m.GetImplementationName(), m.GetImplementationVersion()}, append(m.GetSupportedCapabilities(), m.GetRequiredCapabilities()...)...) {
		if len(s) > verifier.MaxName {
			return tooLarge("peer", verifier.MaxName, "bytes in one string")
		}
	}
	for _, s := range m.GetRequiredCapabilities() {
		if !slices.Contains(offers, s) {
			return missingCapability(s)
		}
	}
	return nil
}
