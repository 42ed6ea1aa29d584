// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import "time"

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
