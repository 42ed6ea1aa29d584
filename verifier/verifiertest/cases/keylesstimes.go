// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"encoding/base64"
	"time"

	prototrust "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// The positives of the times that a log and an authority vouch for.
const (
	keylessStamped = "allow-keyless-rekor1-timestamp"
	keylessOneURI  = "allow-keyless-two-timestamps-one-uri"
	keylessSoonLog = "allow-keyless-five-minutes-ahead"
	keylessSoonTSA = "allow-keyless-stamped-five-minutes-ahead"
)

// stampedBy adds a timestamp over the bundle's signature.
func stampedBy(tsa func(*vt.World) *vt.TSA, at func(*vt.World) time.Time) func(*vt.World, vt.Bundle) {
	return func(w *vt.World, b vt.Bundle) {
		b.AddTimestamp(tsa(w).Stamp(b.Envelope().Signatures[0].Sig, at(w)))
	}
}

func nobodysTSA(*vt.World) *vt.TSA { return vt.NewSigstore("another", vt.Now).TSAs[0] }

// signedAt is the robot's scenario, signed at a time.
func signedAt(at time.Time, e vt.Evidence) func() *vt.Scenario {
	return func() *vt.Scenario {
		w := vt.NewWorld()
		w.Leaf.At, w.Evidence = at.Add(-2*time.Minute), e
		s := w.Scenario()
		if !e.Rekor1 && !e.Rekor2 {
			s.Thresholds(0, 1, 1)
		}
		return s
	}
}

// oneURI has two authorities under one uri, and a timestamp of each.
func oneURI() *vt.Scenario {
	s := twoTSAs()
	root := vt.NewWorld().Sigstore.Trusted()
	root.TimestampAuthorities[1].Uri = root.TimestampAuthorities[0].Uri
	s.TrustedRoot = vt.TrustedRootJSON(root)
	return s
}

func keylessTimesAllowed() []*Case {
	robot := by(42, "robot")
	return []*Case{
		allows(keylessOneURI, "Two authorities under one uri are two: their certificates tell them apart.", oneURI, robot),
		allows("allow-keyless-stamped-by-nobody", "A timestamp by an authority that trust does not know, beside a log's time: it says nothing.", func() *vt.Scenario {
			s := vt.NewWorld().Scenario()
			rebundle(vt.Evidence{Rekor1: true}, stampedBy(nobodysTSA, (*vt.World).Signed))(s)
			return s
		}, robot),
		allows(keylessSoonLog, "A log whose clock is five minutes ahead.", signedAt(vt.Now.Add(5*time.Minute), vt.Evidence{Rekor1: true}), robot),
		allows(keylessSoonTSA, "A timestamp authority whose clock is five minutes ahead.", signedAt(vt.Now.Add(5*time.Minute), vt.Evidence{TSAs: 1}), robot),
	}
}

func keylessTimes() []*Case {
	here := func(r verifier.Reason) Want { return at(r, 0, 0) }
	one := vt.Evidence{Rekor1: true}
	first := func(w *vt.World) *vt.TSA { return w.Sigstore.TSAs[0] }
	ahead := func(e vt.Evidence) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			s.Offer(0, signedAt(vt.Now.Add(5*time.Minute+time.Second), e)().Attestation(0, 0))
		}
	}
	return []*Case{
		denies("timestamp-invalid-logged", keylessStamped, "A log gives the time, and a timestamp by a known authority is over another signature.",
			rebundle(one, func(w *vt.World, b vt.Bundle) {
				b.AddTimestamp(w.Sigstore.TSAs[0].Stamp([]byte("another"), w.Signed()))
			}), here(verifier.TimestampInvalid)),
		denies("timestamp-invalid-logged-second", keylessStamped, "The same beside a good one of another authority.",
			rebundle(vt.Evidence{Rekor1: true, TSAs: 1}, func(w *vt.World, b vt.Bundle) {
				b.AddTimestamp(w.Sigstore.TSAs[1].Stamp([]byte("another"), w.Signed()))
			}), here(verifier.TimestampInvalid)),
		denies("timestamp-invalid-logged-window", keylessStamped, "A log gives the time, and the authority was not trusted any more when it stamped.",
			trusting(func(r *prototrust.TrustedRoot) {
				r.TimestampAuthorities[0].ValidFor.End = timestamppb.New(vt.NewWorld().Leaf.At)
			}), here(verifier.TimestampInvalid)),
		denies("timestamp-invalid-one-key", keylessOneURI, "One authority under two uris counts once.", func(s *vt.Scenario) {
			root := vt.NewWorld().Sigstore.Trusted()
			root.TimestampAuthorities[1] = proto.CloneOf(root.TimestampAuthorities[0])
			root.TimestampAuthorities[1].Uri = "https://another.test.example"
			s.TrustedRoot = vt.TrustedRootJSON(root)
			rebundle(vt.Evidence{Rekor2: true, TSAs: 1}, stampedBy(first, func(w *vt.World) time.Time { return w.Signed().Add(time.Second) }))(s)
		}, here(verifier.TimestampInvalid)),
		denies("timestamp-invalid-one-key-windows", keylessOneURI, "One authority listed twice, for the time before and the time after.", func(s *vt.Scenario) {
			w := vt.NewWorld()
			root := w.Sigstore.Trusted()
			root.TimestampAuthorities[1] = proto.CloneOf(root.TimestampAuthorities[0])
			root.TimestampAuthorities[1].Uri = "https://another.test.example"
			root.TimestampAuthorities[0].ValidFor.End = timestamppb.New(w.Signed())
			root.TimestampAuthorities[1].ValidFor.Start = timestamppb.New(w.Signed().Add(time.Second))
			s.TrustedRoot = vt.TrustedRootJSON(root)
			rebundle(vt.Evidence{Rekor2: true, TSAs: 1}, stampedBy(first, func(w *vt.World) time.Time { return w.Signed().Add(time.Second) }))(s)
		}, here(verifier.TimestampInvalid)),
		denies("tlog-threshold-one-key", keylessTwoLogs, "One log under two ids where trust asks for two logs.", func(s *vt.Scenario) {
			w := vt.NewWorld()
			root := w.Sigstore.Trusted()
			root.Tlogs = append(root.Tlogs, proto.CloneOf(root.Tlogs[0]))
			root.Tlogs[2].LogId.KeyId = []byte("another id")
			s.TrustedRoot = vt.TrustedRootJSON(root)
			rebundle(vt.Evidence{Rekor1: true, TSAs: 1}, func(w *vt.World, b vt.Bundle) {
				e := proto.CloneOf(b.Entry(0))
				e.LogId.KeyId = []byte("another id")
				w.Sigstore.Rekor1.Promise(e)
				b.AddEntry(e)
			})(s)
		}, here(verifier.TlogThreshold)).attack("SB-03"),
		denies("timestamp-invalid-ahead-log", keylessSoonLog, "A log whose clock is a second more than five minutes ahead.", ahead(one), here(verifier.TimestampInvalid)),
		denies("timestamp-invalid-ahead-stamp", keylessSoonTSA, "A timestamp authority whose clock is a second more than five minutes ahead.", ahead(vt.Evidence{TSAs: 1}), here(verifier.TimestampInvalid)),
		denies("timestamp-invalid-ahead-one", keylessTwoTSAs, "Of two timestamps one is from the future: the other does not mend it.", func(s *vt.Scenario) {
			w := vt.NewWorld()
			w.Leaf.At, w.Evidence = vt.Now, vt.Evidence{Rekor2: true, TSAs: 1}
			b := w.Bundle(s)
			b.AddTimestamp(w.Sigstore.TSAs[1].Stamp(b.Envelope().Signatures[0].Sig, vt.Now.Add(6*time.Minute)))
			s.Offer(0, b.JSON())
		}, here(verifier.TimestampInvalid)),
		denies("timestamp-invalid-ahead-certificate", keylessSoonLog, "A certificate from the future, logged in its ten minutes.", func(s *vt.Scenario) {
			s.Offer(0, signedAt(vt.Now.Add(24*time.Hour), one)().Attestation(0, 0))
		}, here(verifier.TimestampInvalid)),
		denies("tlog-mismatch-another-time", keylessRekor1, "The log entry of another bundle, logged when the certificate was not valid: what it is about comes first.",
			rebundle(one, func(w *vt.World, b vt.Bundle) {
				later := w.Leaf
				later.At = later.At.Add(time.Hour)
				b.VerificationMaterial.TlogEntries[0] = w.Sigstore.Keyless([]byte(`{}`), later, one).Entry(0)
			}), here(verifier.TlogMismatch)).attack("SB-02"),
		denies("tlog-mismatch-contradiction", keylessRekor1, "An entry whose signature is not by its own key over its own digest.",
			rebundle(one, func(w *vt.World, b vt.Bundle) {
				body := vt.Canonical(vt.Tree{"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": vt.Tree{
					"data":      vt.Tree{"hash": vt.Tree{"algorithm": "sha256", "value": vt.SHA256([]byte("another"))}},
					"signature": vt.Tree{"content": base64.StdEncoding.EncodeToString(b.Envelope().Signatures[0].Sig), "publicKey": vt.Tree{"content": base64.StdEncoding.EncodeToString([]byte(vt.Person("dave").PEM()))}},
				}})
				b.VerificationMaterial.TlogEntries[0] = w.Sigstore.Rekor1.Append(body, "hashedrekord", "0.0.1", w.Signed())
			}), here(verifier.TlogMismatch)).attack("SB-02"),
	}
}
