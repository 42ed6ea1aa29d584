// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
)

// fuzzTrust is trust with keys and an empty Sigstore root: every parser runs,
// nothing that a fuzzer writes verifies.
func fuzzTrust(f *testing.F) (*Trust, map[string]*signer) {
	trust, signers := keyTrust(f)
	material, err := root.NewTrustedRoot(root.TrustedRootMediaType01, nil, map[string]*root.TransparencyLog{}, nil, map[string]*root.TransparencyLog{})
	if err != nil {
		f.Fatal(err)
	}
	trust.keyless = &keyless{root: newSigstoreRoot(material), tlogs: 1, timestamps: 1, scts: 1}
	return trust, signers
}

// soundFindings fails on a finding that nobody could read, or that says yes.
func soundFindings(t *testing.T, findings ...Finding) {
	t.Helper()
	for _, f := range findings {
		if f.Reason <= Allowed || f.Document != -1 || len(f.Detail) > MaxDetail || !utf8.ValidString(f.Detail) || f.Detail == "" ||
			strings.ContainsFunc(f.Detail, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			t.Errorf("finding %+v", f)
		}
	}
}

// checkProve runs one text through everything and checks what must always hold:
// equal answers to equal questions, never a half-result, a name that re-encoding
// does not change, and no time without a log.
func checkProve(t *testing.T, trust *Trust, raw []byte) {
	before := bytes.Clone(raw)
	proofs, findings := proveAll(trust, raw)
	again, findingsAgain := proveAll(trust, raw)
	if fmt.Sprint(len(proofs), findings) != fmt.Sprint(len(again), findingsAgain) {
		t.Errorf("not the same twice: %v, %v", findings, findingsAgain)
	}
	if len(proofs)+len(findings) == 0 {
		t.Error("neither a proof nor a finding")
	}
	if !bytes.Equal(before, raw) {
		t.Error("the text changed")
	}
	soundFindings(t, findings...)
	name, named := unverifiedSHA256(raw)
	for i := range proofs {
		p := &proofs[i]
		if !named || p.digest != name || p.digest != sha256.Sum256(PAE(InTotoPayloadType, p.payload)) {
			t.Error("a proof by another name")
		}
		if p.key == nil || trust.authorities.keys[p.key.spki] != p.key {
			t.Error("a proof by nobody")
		}
		if other, ok := unverifiedSHA256(reencoded(p.payload)); !ok || other != p.digest {
			t.Error("re-encoding changes the name")
		}
		c, f := trust.newClaim(p)
		if (c == nil) == (f == nil) {
			t.Error("half a claim")
		}
		if f != nil {
			soundFindings(t, *f)
		}
	}
	if a, f := parseAttestation(raw); (a == nil) == (f == nil) {
		t.Error("half an attestation")
	}
}

// reencoded is a payload in an envelope of another look.
func reencoded(payload []byte) []byte {
	return fmt.Appendf(nil, "{\"signatures\":[{\"sig\":\"\"}],\n\"payloadType\":%q,\"x\":null,\"payload\":%q}\n",
		InTotoPayloadType, base64.URLEncoding.EncodeToString(payload))
}

func FuzzEnvelope(f *testing.F) {
	trust, signers := fuzzTrust(f)
	for _, payload := range []string{plainStatement, "{}", "", "\xff\xfe~~??", strings.Replace(plainStatement, `{"a":1}`, plainApproval, 1)} {
		for _, s := range signers {
			f.Add(s.seal(f, []byte(payload)))
		}
		f.Add(envelopeText("application/json", []byte(payload), testSignature{"", "AAEC"}))
		f.Add(reencoded([]byte(payload)))
	}
	f.Add([]byte(plainEnvelope))
	f.Fuzz(func(t *testing.T, raw []byte) { checkProve(t, trust, raw) })
}

func FuzzBundle(f *testing.F) {
	trust, signers := fuzzTrust(f)
	m := keyBundle(f, signers["bob"], []byte(plainStatement))
	add := func(m *protobundle.Bundle) { f.Add(marshalJSON(f, m)); f.Add(marshalWire(f, m)) }
	add(m)
	m.VerificationMaterial.TlogEntries = []*protorekor.TransparencyLogEntry{{
		LogIndex: 1, IntegratedTime: 1, LogId: &protocommon.LogId{KeyId: []byte("log")},
		KindVersion:       &protorekor.KindVersion{Kind: "dsse", Version: "0.0.1"},
		InclusionPromise:  &protorekor.InclusionPromise{SignedEntryTimestamp: []byte{1}},
		InclusionProof:    &protorekor.InclusionProof{TreeSize: 2, LogIndex: 1, RootHash: []byte{1}, Hashes: [][]byte{{2}}, Checkpoint: &protorekor.Checkpoint{Envelope: "rekor.test - 1\n2\nAQ==\n\n— rekor.test AAAAAAE=\n"}},
		CanonicalizedBody: []byte(`{"apiVersion":"0.0.1","kind":"dsse","spec":{"envelopeHash":{"algorithm":"sha256","value":"` + strings.Repeat("a", 64) + `"},"payloadHash":{"algorithm":"sha256","value":"` + strings.Repeat("a", 64) + `"},"signatures":[{"signature":"AAEC","verifier":"AAEC"}]}}`),
	}}
	add(m)
	m.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: []byte{0x30, 3, 2, 1, 0}}}}
	add(m)
	m.VerificationMaterial.Content = &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: []byte{0x30, 0}}}
	add(m)
	m.VerificationMaterial.Content = &protobundle.VerificationMaterial_X509CertificateChain{X509CertificateChain: &protocommon.X509CertificateChain{Certificates: []*protocommon.X509Certificate{{RawBytes: []byte{0x30, 0}}}}}
	m.MediaType = "application/vnd.dev.sigstore.bundle+json;version=0.1"
	add(m)
	m.Content = &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: []byte{1}}, Signature: []byte{2}}}
	add(m)
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkProve(t, trust, raw)
		a, finding := parseAttestation(raw)
		if finding != nil || a.bundle == nil {
			return
		}
		for _, check := range []*sigstoreCheck{
			{material: trust.keyless.root, need: thresholds{1, 1, 1}, artifact: &artifact{known: true}, compat: true},
			{key: signers["bob"].signingKey, artifact: &artifact{}},
		} {
			budget := newSignatureBudget()
			seen, finding := check.verify(a.bundle, budget)
			if (seen == nil) == (finding == nil) {
				t.Error("half a sighting")
			}
			if check.key == nil && seen != nil {
				t.Error("an empty root vouches for something")
			}
			if finding != nil {
				soundFindings(t, *finding)
			}
		}
	})
}

func FuzzStatement(f *testing.F) {
	f.Add([]byte(plainStatement))
	f.Add([]byte(strings.Replace(plainStatement, "v1", "v0.1", 1)))
	f.Add([]byte(strings.Replace(plainStatement, `{"a":1}`, plainApproval, 1)))
	f.Add([]byte(strings.Replace(plainStatement, `"subject"`, `"SUBJECT":[],"subject"`, 1)))
	f.Add([]byte(strings.Replace(plainStatement, `"sha256"`, `"SHA256"`, 1)))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, finding := parseStatement(payload)
		if (s == nil) == (finding == nil) {
			t.Fatal("half a statement")
		}
		if finding != nil {
			soundFindings(t, *finding)
			return
		}
		if len(s.subjects) < 1 || len(s.subjects) > MaxSubjects || s.predicate != nil && !bytes.Contains(payload, s.predicate) {
			t.Errorf("%+v", s)
		}
		for _, subject := range s.subjects {
			if len(subject.digest) == 0 {
				t.Error("a subject without a digest")
			}
		}
	})
}

func FuzzApproval(f *testing.F) {
	f.Add([]byte(plainApproval))
	f.Add([]byte(strings.Replace(plainApproval, `,"reason":"because"`, "", 1)))
	f.Add([]byte(strings.Replace(plainApproval, "05Z", "05.123456789Z", 2)))
	f.Add([]byte(strings.Replace(plainApproval, `"42"`, `"9223372036854775807"`, 1)))
	f.Fuzz(func(t *testing.T, predicate []byte) {
		a, finding := parseApprovalPredicate(predicate)
		if (a == nil) == (finding == nil) {
			t.Fatal("half an approval")
		}
		if finding != nil {
			soundFindings(t, *finding)
			if finding.Reason != PredicateInvalid {
				t.Errorf("%v", finding.Reason)
			}
			return
		}
		if a.version < 1 || a.version > 1<<63-1 || !a.notBefore.Before(a.notAfter) || a.notBefore.Unix() < 0 || a.notAfter.Year() > 9999 || a.surface == "" {
			t.Errorf("%+v", a)
		}
		if !bytes.Contains(predicate, fmt.Appendf(nil, "%d", a.version)) && !bytes.Contains(predicate, []byte(`\u`)) {
			t.Errorf("version %d is not what it says", a.version)
		}
		if again, ok := parseInstant(a.notAfter.Format(time.RFC3339Nano)); !ok || !again.Equal(a.notAfter) {
			t.Errorf("%v does not read back", a.notAfter)
		}
	})
}

// BenchmarkProve compares one bare approval with the signature check inside it.
func BenchmarkProve(b *testing.B) {
	trust, signers := keyTrust(b)
	payload := []byte(strings.NewReplacer(`"aa"`, `"`+strings.Repeat("a", 64)+`"`, `{"a":1}`, plainApproval, "https://example.test/p", ApprovalPredicateType).Replace(plainStatement))
	for _, name := range []string{"alice", "bob"} {
		s := signers[name]
		raw := s.seal(b, payload)
		bundle := marshalJSON(b, keyBundle(b, s, payload))
		message := PAE(InTotoPayloadType, payload)
		sig := s.sign(b, message)
		b.Run(string(s.algorithm)+"/check", func(b *testing.B) {
			for b.Loop() {
				if !s.verify(newSignedMessage(message), sig) {
					b.Fatal("bad")
				}
			}
		})
		for how, text := range map[string][]byte{"envelope": raw, "bundle": bundle} {
			b.Run(string(s.algorithm)+"/"+how, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					budget := newSignatureBudget()
					proofs, _ := trust.verifySignatures(0, text, budget)
					c, f := trust.newClaim(&proofs[0])
					if f != nil {
						b.Fatal(f)
					}
					if _, f := parseApprovalPredicate(c.statement.predicate); f != nil {
						b.Fatal(f)
					}
				}
			})
		}
	}
}
