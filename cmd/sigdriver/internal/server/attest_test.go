// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/receipt"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// receiptKey is the driver's own key in the tests.
var receiptKey = verifiertest.NewKey("driver-1", verifier.ECDSAP256)

// signs lets the driver of a world sign receipts.
func (w *world) signs() *world {
	w.t.Helper()
	key, err := keys.Parse(receiptKey.PrivatePEM(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	sequence, err := OpenReceiptSequence(disk.OS{}, filepath.Join(w.t.TempDir(), "receipts"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.Attester = NewReceiptSigner(receipt.Driver{ID: "driver-1", Version: "0.1.0"}, key, sequence)
	return w
}

func nonceOf(n byte) []byte { return bytes.Repeat([]byte{n}, receipt.MinNonce) }

// attested asks for a receipt.
func (w *world) attested(s *verifiertest.Scenario, nonce []byte) (*signingv1.AttestResponse, error) {
	w.t.Helper()
	return w.attestedRaw(encode(w.t, &signingv1.AttestRequest{Request: requestOf(s, "r-1"), Nonce: nonce}))
}

func (w *world) attestedRaw(data []byte) (*signingv1.AttestResponse, error) {
	w.t.Helper()
	r, err := w.attestCall(w.t.Context(), gateway, pieces(data, 4096))
	if err != nil {
		return nil, err
	}
	out := &signingv1.AttestResponse{}
	if err := proto.Unmarshal(r.data.Materialize(), out); err != nil {
		w.t.Fatalf("the answer is no AttestResponse: %v", err)
	}
	return out, nil
}

// wanted is what a supervisor expects of a receipt for a scenario.
func wanted(s *verifiertest.Scenario, nonce []byte, now time.Time) receipt.Want {
	t := s.Request.Target
	w := receipt.Want{
		Keys: []receipt.Key{{Public: receiptKey.Public(), Driver: "driver-1"}}, Nonce: nonce, Now: now,
		Target:          receipt.Target{GatewayID: t.GatewayID, Workspace: t.Workspace, SandboxID: t.SandboxID, Name: t.Name},
		EffectiveSHA256: sha256.Sum256(s.Request.Effective),
	}
	for i := range s.Request.Documents {
		if s.Request.Documents[i].Role == verifier.Settings {
			w.SettingsSHA256 = sha256.Sum256(s.Request.Documents[i].Body)
		}
	}
	return w
}

// holds asks for a receipt and checks it as a supervisor does.
func (w *world) holdsReceipt(s *verifiertest.Scenario, nonce []byte) (*signingv1.AttestResponse, *receipt.Statement) {
	w.t.Helper()
	got, err := w.attested(s, nonce)
	if err != nil {
		w.t.Fatal(err)
	}
	now, _ := w.now.Now()
	statement, err := receipt.Verify(got.Envelope, wanted(s, nonce, now))
	if err != nil {
		w.t.Fatalf("%v: %s", err, got.Envelope)
	}
	return got, statement
}

// A receipt says what was decided and recorded, and the answer with it is Verify's.
func TestAttestSignsWhatItRecorded(t *testing.T) {
	s := verifiertest.ComposeLayers()
	w := newWorld(t, s).signs()
	got, statement := w.holdsReceipt(s, nonceOf(7))
	verified := w.expect(s, allowed) // found in the cache: the same evaluation
	if !proto.Equal(got.Response, verified) {
		t.Errorf("Attest %v\nVerify %v", got.Response, verified)
	}
	p := statement.Predicate
	for entry, err := range w.record.Entries(p.Log.Index) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Sum != [32]byte(p.Log.EntrySHA256) || entry.Decision.EffectiveSHA256 != [32]byte(statement.Subject[0].Digest.SHA256) ||
			entry.Decision.RequestSHA256 != [32]byte(p.RequestSHA256) || entry.Decision.Verdict != "ALLOW" {
			t.Errorf("the receipt says %+v, entry %d is %s", p, p.Log.Index, entry.Raw)
		}
	}
	if w.record.appends.Load() != 1 {
		t.Errorf("%d entries, want 1", w.record.appends.Load())
	}
	if p.Driver != (receipt.Driver{ID: "driver-1", Version: "0.1.0"}) || p.Recipe != s.Request.Recipe || !p.ProvidersV2 ||
		p.Trust != (receipt.Trust{Epoch: 41, Root: 7, Targets: 31, Snapshot: 80, Timestamp: 900, Revocation: 12}) {
		t.Errorf("the predicate is %+v", p)
	}
	if len(p.Inputs) != len(s.Request.Documents) {
		t.Fatalf("%d inputs, want %d", len(p.Inputs), len(s.Request.Documents))
	}
	for i, in := range p.Inputs {
		doc := &s.Request.Documents[i]
		if in.Role != doc.Role.String() || in.Provider != doc.Provider || in.SHA256.String() != s.SHA256(i) ||
			in.Version != verified.Documents[i].Version || strings.Join(in.Principals, " ") != strings.Join(verified.Documents[i].Principals, " ") {
			t.Errorf("input %d is %+v", i, in)
		}
	}
}

// A receipt for a cached answer is signed anew, refers to the entry that made the
// answer, and writes nothing.
func TestAttestOfCachedAnswer(t *testing.T) {
	s := verifiertest.ComposeLayers()
	w := newWorld(t, s).signs()
	w.expect(s, allowed) // by Verify
	var last *receipt.Statement
	for n := range byte(5) {
		w.now.set(s.Now.Add(time.Duration(n)*time.Second), nil)
		_, got := w.holdsReceipt(s, nonceOf(n))
		if last != nil && (got.Predicate.Sequence <= last.Predicate.Sequence || got.Predicate.Log != last.Predicate.Log ||
			!got.Predicate.IssuedAt.Equal(last.Predicate.IssuedAt.Add(time.Second))) {
			t.Errorf("%+v\nfollows %+v", got.Predicate, last.Predicate)
		}
		last = got
	}
	if w.record.appends.Load() != 1 || w.metrics.cached.Load() != 5 {
		t.Errorf("%d entries, %d cached", w.record.appends.Load(), w.metrics.cached.Load())
	}
}

// Whatever Verify says, Attest says, and an ALLOW for COMPOSE is all it signs.
func TestAttestIsVerify(t *testing.T) {
	signed := 0
	for _, c := range cases.Catalogue() {
		s := c.Scenario()
		if s.Request.Purpose != verifier.Compose || s.NoTrust || c.PerRun || len(s.Floors.Versions)+len(s.Floors.Places) > 0 {
			continue // other tests make these
		}
		w := newWorld(t, s).signs()
		got, err := w.attested(s, nonceOf(1))
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if got.Response.Reason != signingv1.Reason(c.Want.Reason) || (got.Response.Reason == allowed) != (got.Response.Verdict == signingv1.Verdict_VERDICT_ALLOW) {
			t.Errorf("%s: %v %v, want %v", c.Name, got.Response.Verdict, got.Response.Reason, c.Want.Reason)
		}
		if allow := got.Response.Verdict == signingv1.Verdict_VERDICT_ALLOW; allow != (len(got.Envelope) > 0) {
			t.Errorf("%s: %v with an envelope of %d bytes", c.Name, got.Response.Verdict, len(got.Envelope))
		}
		if len(got.Envelope) > 0 {
			signed++
			if _, err := receipt.Verify(got.Envelope, wanted(s, nonceOf(1), s.Now)); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
	}
	if signed < 5 {
		t.Errorf("only %d were signed", signed)
	}
}

func TestAttestRefusesCalls(t *testing.T) {
	s := verifiertest.ComposePlain()
	w := newWorld(t, s).signs()
	request := func(change func(*signingv1.AttestRequest)) []byte {
		r := &signingv1.AttestRequest{Request: requestOf(s, "r-1"), Nonce: nonceOf(1)}
		change(r)
		return encode(t, r)
	}
	good := request(func(*signingv1.AttestRequest) {})
	for name, data := range map[string][]byte{
		"no nonce":      request(func(r *signingv1.AttestRequest) { r.Nonce = nil }),
		"short nonce":   request(func(r *signingv1.AttestRequest) { r.Nonce = make([]byte, 15) }),
		"long nonce":    request(func(r *signingv1.AttestRequest) { r.Nonce = make([]byte, 65) }),
		"admission":     request(func(r *signingv1.AttestRequest) { r.Request = requestOf(verifiertest.AdmitPolicy(), "r-1") }),
		"no purpose":    request(func(r *signingv1.AttestRequest) { r.Request.Purpose = 0 }),
		"no request":    request(func(r *signingv1.AttestRequest) { r.Request = nil }),
		"no request id": request(func(r *signingv1.AttestRequest) { r.Request.RequestId = "" }),
		"two nonces":    protowire.AppendBytes(protowire.AppendTag(bytes.Clone(good), 2, protowire.BytesType), nonceOf(2)),
		"two requests":  protowire.AppendBytes(protowire.AppendTag(bytes.Clone(good), 1, protowire.BytesType), encode(t, requestOf(s, "r-2"))),
		"a number":      protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 7),
		"cut":           good[:len(good)-1],
		"nothing":       nil,
	} {
		if got, err := w.attestedRaw(data); err == nil || len(got.GetEnvelope()) > 0 {
			t.Errorf("%s: %v", name, got)
		} else {
			fails(t, err, codes.InvalidArgument, reasonRequestInvalid)
		}
	}
	if w.record.appends.Load() != 0 || w.metrics.decided.Load() != 0 {
		t.Errorf("%d entries, %d decisions", w.record.appends.Load(), w.metrics.decided.Load())
	}
	for _, n := range []int{receipt.MinNonce, receipt.MaxNonce} {
		w.holdsReceipt(s, make([]byte, n))
	}
	if _, err := w.attestCall(t.Context(), gateway, pieces(append(bytes.Clone(good), protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)...), 100)); err != nil {
		t.Errorf("an unknown field: %v", err)
	}
}

func TestAttestWithoutKey(t *testing.T) {
	s := verifiertest.ComposePlain()
	w := newWorld(t, s)
	_, err := w.attested(s, nonceOf(1))
	if st := status.Convert(err); st.Code() != codes.Unimplemented || !strings.Contains(st.Message(), "[attest]") {
		t.Errorf("got %v", err)
	}
	if w.record.appends.Load() != 0 {
		t.Error("it decided in vain")
	}
	if got := w.offers(); len(got) != 1 || len(w.signs().offers()) != 2 {
		t.Errorf("offers %v", got)
	}
}

// An answer that could not be recorded is not signed, nor is one that no longer holds.
func TestAttestNeedsTheRecord(t *testing.T) {
	s := policyAt(1)
	w := newWorld(t, s).signs()
	failed := errors.New("no disk")
	w.record.fail.Store(&failed)
	_, err := w.attested(s, nonceOf(1))
	fails(t, err, codes.Unavailable, reasonAuditUnavailable)
	w.record.fail.Store(nil)
	w.holdsReceipt(s, nonceOf(1))
	w.holdsReceipt(policyAt(2), nonceOf(2)) // raises the floor: the cached answer dies
	got, err := w.attested(s, nonceOf(3))
	if err != nil || got.Response.Reason != signingv1.Reason_REASON_VERSION_ROLLBACK || got.Envelope != nil {
		t.Errorf("got %v, %v", got, err)
	}
	// An answer that was evaluated before the driver had a key has no grounds.
	w.Attester = nil
	w.expect(policyAt(3), allowed)
	_, err = w.signs().attested(policyAt(3), nonceOf(4))
	fails(t, err, codes.Internal, reasonInternal)
}

// A receipt never holds beyond the instant at which time would change the answer.
func TestReceiptLifetime(t *testing.T) {
	s := verifiertest.ComposePlain()
	end, err := time.Parse(time.RFC3339, s.Approval(0).NotAfter)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s).signs()
	for _, c := range []struct{ now, until time.Time }{
		{end.Add(-time.Hour), end.Add(-time.Hour + receipt.MaxLifetime)},
		{end.Add(-receipt.MaxLifetime), end},
		{end.Add(-90 * time.Second), end},
		{end.Add(-1500 * time.Millisecond), end},
	} {
		// Trust expires before the approval does; it is signed anew.
		s.Now = c.now
		for _, e := range []*time.Time{&s.Expires.Root, &s.Expires.Timestamp, &s.Expires.Snapshot, &s.Expires.Targets, &s.Expires.Revocation} {
			*e = end.Add(time.Hour)
		}
		w.swap(s)
		w.now.set(c.now, nil)
		_, got := w.holdsReceipt(s, nonceOf(1))
		if !got.Predicate.NotAfter.Equal(c.until) || !got.Predicate.IssuedAt.Equal(c.now.Truncate(time.Second)) {
			t.Errorf("at %v it holds from %v until %v, want %v", c.now, got.Predicate.IssuedAt, got.Predicate.NotAfter, c.until)
		}
	}
}

// Names that do not fit cost principals first, then the receipt.
func TestReceiptSize(t *testing.T) {
	w := newWorld(t, verifiertest.ComposePlain()).signs()
	g := &grounds{Predicate: receipt.Predicate{Verdict: "ALLOW", Purpose: "COMPOSE"}}
	for i := range verifier.MaxDocuments {
		in := receipt.Input{Role: "PROVIDER_PROFILE", Provider: strings.Repeat("p", 200)}
		for j := range maxPrincipals {
			in.Principals = append(in.Principals, fmt.Sprintf("principal-%03d-%02d", i, j))
		}
		g.Inputs = append(g.Inputs, in)
	}
	v := judged{answer: &answer{grounds: g}, now: verifiertest.Now}
	envelope, err := w.sign(v, nonceOf(1))
	if err != nil {
		t.Fatal(err)
	}
	s, err := receipt.Verify(envelope, receipt.Want{Keys: []receipt.Key{{Public: receiptKey.Public()}}, Nonce: nonceOf(1), Now: verifiertest.Now})
	if err != nil {
		t.Fatal(err)
	}
	for i, in := range s.Predicate.Inputs {
		if len(in.Principals)+in.Omitted != maxPrincipals || len(in.Principals) == 0 || in.Omitted == 0 {
			t.Fatalf("input %d has %d principals and omits %d", i, len(in.Principals), in.Omitted)
		}
	}
	if len(g.Inputs[0].Principals) != maxPrincipals {
		t.Error("the grounds were changed")
	}
	for i := range g.Inputs {
		g.Inputs[i].Provider = strings.Repeat("\x01", 200) // six bytes each in JSON
	}
	_, err = w.sign(v, nonceOf(1))
	fails(t, callFault(err), codes.InvalidArgument, reasonRequestTooLarge)
}

func BenchmarkAttest(b *testing.B) {
	s := verifiertest.ComposeLayers()
	w := newWorld(b, s).signs()
	w.expect(s, allowed)
	data := pieces(encode(b, &signingv1.AttestRequest{Request: requestOf(s, "r-1"), Nonce: nonceOf(1)}), 16<<10)
	for b.Loop() {
		if _, err := w.attestCall(b.Context(), gateway, data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSign is the signature alone, by the same key: what Attest adds to a
// cached answer cannot be less.
func BenchmarkSign(b *testing.B) {
	key, err := keys.Parse(receiptKey.PrivatePEM(), nil)
	if err != nil {
		b.Fatal(err)
	}
	message := make([]byte, 1500)
	for b.Loop() {
		if _, err := key.Sign(message); err != nil {
			b.Fatal(err)
		}
	}
}
