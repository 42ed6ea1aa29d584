// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

func TestQuestionDoesNotDependOnTheBuffers(t *testing.T) {
	r := requestOf(verifiertest.ComposeLayers(), "request-1")
	r.Host = &signingv1.Host{PolicyHash: "h", PolicyVersion: 3}
	data := encode(t, r)
	whole, err := readQuestion(pieces(data, len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if string(whole.requestID) != "request-1" || string(whole.gatewayID) != "gw-east" {
		t.Fatalf("read %q, %q", whole.requestID, whole.gatewayID)
	}
	p := newPrinter()
	want := p.print(&whole, pieces(data, len(data)))
	for n := 1; n < 200; n++ {
		cut := pieces(data, n)
		q, err := readQuestion(cut)
		if err != nil {
			t.Fatalf("pieces of %d: %v", n, err)
		}
		if !bytes.Equal(q.requestID, whole.requestID) || !bytes.Equal(q.gatewayID, whole.gatewayID) || p.print(&q, cut) != want {
			t.Fatalf("pieces of %d: another question", n)
		}
		if _, err := countAttestations(cut); err != nil {
			t.Fatalf("pieces of %d: %v", n, err)
		}
	}
}

// Only request_id and host do not matter.
func TestSumCoversEverythingThatCanChangeAnAnswer(t *testing.T) {
	p := newPrinter()
	sum := func(r *signingv1.VerifyRequest) fingerprint {
		data := pieces(encode(t, r), 512)
		q, err := readQuestion(data)
		if err != nil {
			t.Fatal(err)
		}
		return p.print(&q, data)
	}
	base := requestOf(verifiertest.ComposeLayers(), "r")
	want := sum(base)
	for name, change := range map[string]func(*signingv1.VerifyRequest){
		"request_id": func(r *signingv1.VerifyRequest) { r.RequestId = "another, longer" },
		"host":       func(r *signingv1.VerifyRequest) { r.Host = &signingv1.Host{PolicyHash: "x"} },
	} {
		r := proto.CloneOf(base)
		if change(r); sum(r) != want {
			t.Errorf("%s changes the question", name)
		}
	}
	for name, change := range map[string]func(*signingv1.VerifyRequest){
		"purpose":     func(r *signingv1.VerifyRequest) { r.Purpose = signingv1.Purpose_PURPOSE_ADMIT },
		"gateway":     func(r *signingv1.VerifyRequest) { r.Target.GatewayId = "gw-west" },
		"workspace":   func(r *signingv1.VerifyRequest) { r.Target.Workspace = "dev" },
		"sandbox":     func(r *signingv1.VerifyRequest) { r.Target.SandboxId = "other" },
		"name":        func(r *signingv1.VerifyRequest) { r.Target.Name = "other" },
		"role":        func(r *signingv1.VerifyRequest) { r.Documents[0].Role = signingv1.Role_ROLE_GLOBAL_POLICY },
		"body":        func(r *signingv1.VerifyRequest) { r.Documents[0].Body[7] ^= 1 },
		"provider":    func(r *signingv1.VerifyRequest) { r.Documents[1].Provider = "other" },
		"scope":       func(r *signingv1.VerifyRequest) { r.Documents[1].Workspace = "prod" },
		"attestation": func(r *signingv1.VerifyRequest) { r.Documents[0].Attestations[0][9] ^= 1 },
		"fewer":       func(r *signingv1.VerifyRequest) { r.Documents[0].Attestations = r.Documents[0].Attestations[:1] },
		"order":       func(r *signingv1.VerifyRequest) { r.Documents[1], r.Documents[2] = r.Documents[2], r.Documents[1] },
		"effective":   func(r *signingv1.VerifyRequest) { r.Effective[3] ^= 1 },
		"recipe":      func(r *signingv1.VerifyRequest) { r.Recipe += "x" },
		"providers":   func(r *signingv1.VerifyRequest) { r.ProvidersV2Enabled = false },
		"no profile":  func(r *signingv1.VerifyRequest) { r.ProvidersWithoutProfile = []string{"other"} },
	} {
		r := proto.CloneOf(base)
		if change(r); sum(r) == want {
			t.Errorf("%s does not change the question", name)
		}
	}
}

// field encodes one length-delimited field.
func bytesField(number protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

func TestMalformedQuestions(t *testing.T) {
	good := encode(t, requestOf(verifiertest.AdmitPolicy(), "r"))
	if _, err := readQuestion(pieces(good, 100)); err != nil {
		t.Fatal(err)
	}
	target := bytesField(fieldTarget, string(bytesField(fieldFirst, "gw-west")))
	for name, data := range map[string][]byte{
		"empty":             {},
		"no request_id":     target,
		"no target":         bytesField(fieldRequestID, "r"),
		"empty request_id":  append(bytesField(fieldRequestID, ""), target...),
		"request_id twice":  append(bytesField(fieldRequestID, "r"), good...),
		"target twice":      append(bytes.Clone(good), target...),
		"purpose twice":     append(bytes.Clone(good), 2<<3, 1),
		"effective twice":   append(append(bytes.Clone(good), bytesField(5, "a")...), bytesField(5, "b")...),
		"gateway twice":     append(bytesField(fieldRequestID, "r"), bytesField(fieldTarget, string(append(bytesField(1, "gw-east"), bytesField(1, "gw-west")...)))...),
		"truncated":         good[:len(good)-1],
		"length past end":   append(bytes.Clone(good), 9<<3|2, 200, 1),
		"length of 2^63":    append(bytes.Clone(good), 9<<3|2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"varint too long":   append(bytes.Clone(good), 9<<3, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1),
		"group":             append(bytes.Clone(good), 9<<3|3),
		"field zero":        append(bytes.Clone(good), 0, 0),
		"target no message": append(bytesField(fieldRequestID, "r"), bytesField(fieldTarget, "\x0a\xff")...),
		"request_id latin1": append(bytesField(fieldRequestID, "\xe9"), target...),
		"request_id long":   append(bytesField(fieldRequestID, strings.Repeat("a", verifier.MaxRequestID+1)), target...),
	} {
		for _, n := range []int{1, 7, 1 << 20} {
			_, err := readQuestion(pieces(data, n))
			if st := status.Convert(callFault(err)); err == nil || st.Code() != codes.InvalidArgument || reasonOf(st) != reasonRequestInvalid {
				t.Errorf("%s in pieces of %d: %v", name, n, err)
			}
		}
	}
}

func TestLimitsOfAQuestion(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	for _, c := range []struct {
		name   string
		change func(r *signingv1.VerifyRequest, n int)
		limit  int
		reason string
	}{
		{"request_id", func(r *signingv1.VerifyRequest, n int) { r.RequestId = strings.Repeat("é", n) }, verifier.MaxRequestID, reasonRequestInvalid},
		{"gateway_id", func(r *signingv1.VerifyRequest, n int) { r.Target.GatewayId = strings.Repeat("g", n) }, verifier.MaxName, reasonRequestTooLarge},
		{"policy_hash", func(r *signingv1.VerifyRequest, n int) { r.Host = &signingv1.Host{PolicyHash: strings.Repeat("h", n)} }, verifier.MaxName, reasonRequestTooLarge},
		{"documents", func(r *signingv1.VerifyRequest, n int) { r.Documents = make([]*signingv1.Document, n) }, verifier.MaxDocuments, reasonRequestTooLarge},
		{"providers_without_profile", func(r *signingv1.VerifyRequest, n int) { r.ProvidersWithoutProfile = make([]string, n) }, verifier.MaxDocuments, reasonRequestTooLarge},
		{"attestations", func(r *signingv1.VerifyRequest, n int) { r.Documents[0].Attestations = make([][]byte, n) }, verifier.MaxAttestations, reasonRequestTooLarge},
	} {
		check := func(n int) error {
			r := requestOf(s, "r")
			c.change(r, n)
			for i, d := range r.Documents {
				if d == nil {
					r.Documents[i] = &signingv1.Document{}
				}
			}
			data := pieces(encode(t, r), 64)
			if _, err := readQuestion(data); err != nil {
				return err
			}
			_, err := countAttestations(data)
			return err
		}
		if err := check(c.limit); err != nil {
			t.Errorf("%s at its limit: %v", c.name, err)
		}
		if err := check(c.limit + 1); err == nil || reasonOf(status.Convert(callFault(err))) != c.reason {
			t.Errorf("%s one past its limit: %v", c.name, err)
		}
	}
}

// FuzzQuestion looks for a message that we and protobuf read differently.
func FuzzQuestion(f *testing.F) {
	for _, s := range []*verifiertest.Scenario{verifiertest.AdmitPolicy(), verifiertest.ComposeLayers()} {
		f.Add(encode(f, requestOf(s, "r-1")), uint16(100))
	}
	f.Add(append(bytesField(fieldRequestID, "r"), bytesField(fieldTarget, string(bytesField(fieldFirst, "gw")))...), uint16(1))
	f.Fuzz(func(t *testing.T, data []byte, n uint16) {
		cut := pieces(data, int(n)+1)
		q, err := readQuestion(cut)
		if err != nil {
			return
		}
		var r signingv1.VerifyRequest
		if proto.Unmarshal(data, &r) != nil {
			return
		}
		if r.RequestId != string(q.requestID) || r.GetTarget().GetGatewayId() != string(q.gatewayID) {
			t.Fatalf("we read %q of %q, protobuf %q of %q", q.requestID, q.gatewayID, r.RequestId, r.GetTarget().GetGatewayId())
		}
		// The sum is that of the same message without what is silent.
		rest := bytes.Clone(data)
		for i := len(q.silent) - 1; i >= 0; i-- {
			rest = append(rest[:q.silent[i].from], rest[q.silent[i].to:]...)
		}
		var without, want signingv1.VerifyRequest
		if err := proto.Unmarshal(rest, &without); err != nil {
			t.Fatalf("without what is silent it is no message: %v", err)
		}
		proto.Merge(&want, &r)
		want.RequestId, want.Host = "", nil
		if !proto.Equal(&without, &want) {
			t.Fatal("something else than request_id and host is silent")
		}
	})
}
