// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/receipt"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// attests gives the driver a receipt key and publishes it.
func (w *world) attests(key *verifiertest.Key) {
	w.t.Helper()
	w.write("receipts.key", key.PrivatePEM())
	w.configure("[attest]\ndriver_id = \"east-1\"\nkey = \"" + w.path("receipts.key") + "\"\n")
	w.repo.SetTarget("drivers.json", verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east-1": {{PEM: key.PEM()}}}))
	w.publish()
}

// receipt asks for one and checks it with keys that come from trust alone.
func (w *world) receipt(s *verifiertest.Scenario, nonce byte, keys []receipt.Key) *receipt.Statement {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	t, want := s.Request.Target, receipt.Want{Keys: keys, Nonce: bytes.Repeat([]byte{nonce}, 32), Now: time.Now()}
	want.Target = receipt.Target{GatewayID: t.GatewayID, Workspace: t.Workspace, SandboxID: t.SandboxID, Name: t.Name}
	want.EffectiveSHA256 = sha256.Sum256(s.Request.Effective)
	got, err := w.client().Attest(ctx, &signingv1.AttestRequest{Request: requestOf(s), Nonce: want.Nonce})
	if err != nil {
		w.t.Fatal(err)
	}
	statement, err := receipt.Verify(got.Envelope, want)
	if err != nil {
		w.t.Fatalf("%v %v: %v", got.Response.Verdict, got.Response.Reason, err)
	}
	return statement
}

// keysOf are the receipt keys that trust hands out.
func (w *world) keysOf(read func(dir string, root []byte, at time.Time) (*tuf.Snapshot, tuf.Note, error), dir string) []receipt.Key {
	w.t.Helper()
	snapshot, _, err := read(dir, w.repo.Root(), time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	trust, err := verifier.ParseTrust(verifier.TrustSource{Authorities: snapshot.Targets["authorities.json"], Drivers: snapshot.Targets["drivers.json"], DriverVersion: "0.1.0"})
	if err != nil {
		w.t.Fatal(err)
	}
	var keys []receipt.Key
	for _, k := range trust.ReceiptKeys() {
		keys = append(keys, receipt.Key{Public: k.Public, Driver: k.Driver, NotBefore: k.NotBefore, NotAfter: k.NotAfter})
	}
	return keys
}

// Over the socket: a receipt holds with the key that trust hands out, and its
// number is higher after every restart.
func TestReceiptsOverTheSocket(t *testing.T) {
	w := newWorld(t)
	w.attests(verifiertest.NewKey("east-1", verifier.Ed25519))
	var last uint64
	for i := range 3 {
		w.start()
		keys := w.keysOf(tuf.AsOf, w.path("state")) // from the driver's own history
		for range 3 {
			got := w.receipt(compose(5), byte(i), keys)
			if got.Predicate.Sequence <= last || got.Predicate.Driver.ID != "east-1" || got.Predicate.Driver.Version != "0.1.0" {
				t.Errorf("%+v after %d", got.Predicate, last)
			}
			last = got.Predicate.Sequence
		}
		caps, err := w.client().GetCapabilities(t.Context(), &signingv1.GetCapabilitiesRequest{
			Peer: &signingv1.PeerMetadata{RequiredCapabilities: []string{"openshell.policy-signing.receipts"}},
		})
		if err != nil || len(caps.Peer.SupportedCapabilities) != 2 {
			t.Errorf("%v, %v", caps, err)
		}
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(w.log.String(), "is not in drivers.json") {
		t.Error("it warns about a key that is published")
	}
}

// A key that nobody can learn from trust is said aloud.
func TestUnlistedReceiptKey(t *testing.T) {
	w := newWorld(t)
	w.attests(verifiertest.NewKey("east-1", verifier.Ed25519))
	w.write("receipts.key", verifiertest.NewKey("another", verifier.Ed25519).PrivatePEM())
	w.start()
	if !strings.Contains(w.log.String(), "is not in drivers.json") {
		t.Error("it does not warn")
	}
}

// RC-06: a driver does not start with a key that approves policies, and does not
// take trust that lets its key approve them.
func TestReceiptKeyThatApproves(t *testing.T) {
	w := newWorld(t)
	w.start() // accepts trust in which alice approves
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.write("receipts.key", verifiertest.Person("alice").PrivatePEM())
	w.configure("[attest]\ndriver_id = \"east-1\"\nkey = \"" + w.path("receipts.key") + "\"\n")
	err := Run(t.Context(), Options{ConfigFile: w.path("sigdriver.toml"), Log: &w.log})
	var start *StartError
	var setting *ConfigError
	if !errors.As(err, &start) || !errors.As(err, &setting) || setting.Key != "attest.key" || !strings.Contains(err.Error(), "CONFIG_INVALID") || !strings.Contains(err.Error(), "alice") {
		t.Fatalf("Run: %v", err)
	}

	own := verifiertest.NewKey("east-1", verifier.Ed25519)
	w.attests(own)
	w.start()
	w.expect(compose(5), verifier.Allowed)
	w.auth.Principals["alice"].Keys = append(w.auth.Principals["alice"].Keys, verifiertest.PublicKey{PEM: own.PEM()})
	w.repo.RemoveTarget("drivers.json") // only the driver itself knows
	w.publish()
	w.stop()
	w.start()
	w.eventually("the refusal is logged", func() bool { return strings.Contains(w.log.String(), "code=CONFIG_INVALID") })
	w.expect(compose(6), verifier.Allowed) // by the trust it has
}

// RC-06: one key must not sign both the log and receipts.
func TestReceiptKeyOfTheLog(t *testing.T) {
	w := newWorld(t)
	own := verifiertest.NewKey("east-1", verifier.Ed25519)
	w.write("receipts.key", own.PrivatePEM())
	w.write("log.key", own.PrivatePEM())
	w.configure("[attest]\ndriver_id = \"east-1\"\nkey = \"" + w.path("receipts.key") + "\"\n" +
		"[transparency]\norigin = \"example.com/east-1\"\nkey = \"" + w.path("log.key") + "\"\n")
	err := Run(t.Context(), Options{ConfigFile: w.path("sigdriver.toml"), Log: &w.log})
	var setting *ConfigError
	if !errors.As(err, &setting) || setting.Key != "attest.key" || !strings.Contains(err.Error(), "CONFIG_INVALID") {
		t.Fatalf("Run: %v", err)
	}
}
