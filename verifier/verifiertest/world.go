// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// Robot is the identity that keyless scenarios trust, Issuer who vouches for it.
const (
	Robot  = "https://ci.corp.example/release@refs/heads/main"
	Issuer = "https://issuer.test.example"
)

// World is a keyless scenario in the making: a Sigstore, a certificate and its
// evidence.
type World struct {
	Sigstore *Sigstore
	Leaf     Leaf
	Evidence Evidence
}

// NewWorld is a world in which the robot signed an hour ago, seen by a Rekor log
// of the first generation.
func NewWorld() *World {
	return &World{
		Sigstore: NewSigstore("sigstore", Now),
		Leaf:     Leaf{SAN: Robot, Issuer: Issuer, At: Now.Add(-time.Hour)},
		Evidence: Evidence{Rekor1: true},
	}
}

// Signed is when the robot signed.
func (w *World) Signed() time.Time { return w.Leaf.At.Add(2 * time.Minute) }

// Scenario asks about a provider profile that the robot approved.
func (w *World) Scenario() *Scenario {
	s := AdmitProfile()
	s.TrustedRoot = w.Sigstore.TrustedRoot()
	s.Authorities.Principals["robot"] = &Principal{Identities: []Identity{{Issuer: Issuer, SAN: Robot}}}
	s.Authorities.Authorities["platform"].Principals = []string{"robot"}
	s.Authorities.Keyless = &Keyless{Tlogs: 1, Timestamps: 1, SCTs: 1}
	return s.Offer(0, w.Bundle(s).JSON())
}

// Bundle is the robot's approval of the scenario's document.
func (w *World) Bundle(s *Scenario) Bundle {
	return w.Sigstore.Keyless(s.Approval(0).Of(s.Body(0)).JSON(), w.Leaf, w.Evidence)
}

// Thresholds sets how much evidence a scenario's trust asks for.
func (s *Scenario) Thresholds(tlogs, timestamps, scts int) *Scenario {
	s.Authorities.Keyless = &Keyless{tlogs, timestamps, scts}
	return s
}

// evidence makes a scenario with this evidence.
func evidence(e Evidence) func() *Scenario {
	return func() *Scenario {
		w := NewWorld()
		w.Evidence = e
		return w.Scenario()
	}
}

// loggedKeyIn asks about a profile that dave approved by key, in a bundle with
// this evidence.
func loggedKeyIn(e Evidence) func() *Scenario {
	return func() *Scenario {
		w, s := NewWorld(), AdmitProfile()
		s.TrustedRoot = w.Sigstore.TrustedRoot()
		envelope := s.Approval(0).Of(s.Body(0)).Seal(Person("dave"))
		return s.Offer(0, w.Sigstore.Gather(envelope, Signer{Key: Person("dave")}, w.Signed(), e).JSON())
	}
}

// loggedInWindow has a key whose window has ended since a log saw it sign.
func loggedInWindow() *Scenario {
	s := loggedKeyIn(Evidence{Rekor1: true})()
	key := &s.Authorities.Principals["dave"].Keys[0]
	key.NotBefore, key.NotAfter = "2026-08-01T00:00:00Z", "2026-09-01T11:30:00Z"
	return s
}

// twoLogs asks for two logs and has them.
func twoLogs() *Scenario {
	return evidence(Evidence{Rekor1: true, Rekor2: true, TSAs: 1})().Thresholds(2, 1, 1)
}

// twoTSAs asks for two times and has them.
func twoTSAs() *Scenario {
	return evidence(Evidence{Rekor2: true, TSAs: 2})().Thresholds(1, 2, 1)
}

// stampsOnly asks for a timestamp and no log.
func stampsOnly() *Scenario { return evidence(Evidence{TSAs: 1})().Thresholds(0, 1, 1) }

// promiseOnly has the log's promise and nothing else of it.
func promiseOnly() *Scenario {
	w := NewWorld()
	w.Evidence.Version = "0.1"
	s := w.Scenario()
	b := w.Bundle(s)
	b.Entry(0).InclusionProof = nil
	return s.Offer(0, b.JSON())
}

// loggedRecently has a rule that takes nothing older than 59 minutes, and an
// approval that a log saw 58 minutes ago.
func loggedRecently() *Scenario {
	s := NewWorld().Scenario()
	s.Authorities.Rule("profiles").MaxAge = "59m"
	return s
}

func inProtobuf() *Scenario {
	w := NewWorld()
	s := w.Scenario()
	return s.Offer(0, w.Bundle(s).Proto())
}

// leafOf has a certificate for a key of another algorithm.
func leafOf(algorithm verifier.KeyAlgorithm) func() *Scenario {
	return func() *Scenario {
		w := NewWorld()
		w.Leaf.Algorithm = algorithm
		return w.Scenario()
	}
}

// emailByPattern lets a pattern name a person by email address.
func emailByPattern() *Scenario {
	w := NewWorld()
	w.Leaf.SAN = "grace@corp.example"
	s := w.Scenario()
	s.Authorities.Principals["robot"].Identities = []Identity{{Issuer: Issuer, SANRegexp: `^[a-z]+@corp\.example$`}}
	return s
}

// twoIdentities lets the robot speak under a second name and issuer too.
func twoIdentities() *Scenario {
	s := NewWorld().Scenario()
	robot := s.Authorities.Principals["robot"]
	robot.Identities = append(robot.Identities, Identity{Issuer: "https://issuer.second.example", SAN: "https://ci.corp.example/second"})
	return s
}

// anyName takes whoever the issuer vouches for.
func anyName() *Scenario {
	s := NewWorld().Scenario()
	s.Authorities.Principals["robot"].Identities = []Identity{{Issuer: Issuer, SANRegexp: "^.*$"}}
	return s
}

// stampedSince has a rule that takes nothing older than 59 minutes, and a key's
// approval from January that was stamped 58 minutes ago.
func stampedSince() *Scenario {
	s := loggedKeyIn(Evidence{TSAs: 1})()
	s.Authorities.Rule("profiles").MaxAge = "59m"
	return s
}

// rotatedLog trusts a log whose key was retired after the robot signed.
func rotatedLog() *Scenario {
	w := NewWorld()
	s := w.Scenario()
	root := w.Sigstore.Trusted()
	root.Tlogs[0].PublicKey.ValidFor.End = timestampAt(w.Signed().Add(time.Minute))
	s.TrustedRoot = TrustedRootJSON(root)
	return s
}

// loggedTwice has the same log see the same signature twice.
func loggedTwice() *Scenario {
	w := NewWorld()
	s := w.Scenario()
	b := w.Bundle(s)
	b.AddEntry(again(w, b))
	return s.Offer(0, b.JSON())
}

// cosigned has a second-generation checkpoint with a stranger's signature
// before the log's.
func cosigned() *Scenario {
	w := NewWorld()
	w.Evidence = Evidence{Rekor2: true, TSAs: 1}
	s := w.Scenario()
	b := w.Bundle(s)
	entry := b.Entry(0)
	log := w.Sigstore.Rekor2
	text := CheckpointText(log.Origin(), int(entry.InclusionProof.TreeSize), entry.InclusionProof.RootHash)
	stranger := NewKey("witness", verifier.Ed25519)
	entry.InclusionProof.Checkpoint.Envelope = text + "\n" + NoteLine("witness.test.example", stranger, text) + NoteLine(log.Host, log.Key, text)
	return s.Offer(0, b.JSON())
}
