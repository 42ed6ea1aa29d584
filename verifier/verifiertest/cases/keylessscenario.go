// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// evidence makes a scenario with this evidence.
func evidence(e vt.Evidence) func() *vt.Scenario {
	return func() *vt.Scenario {
		w := vt.NewWorld()
		w.Evidence = e
		return w.Scenario()
	}
}

// loggedKeyIn asks about a profile that dave approved by key, in a bundle with
// this evidence.
func loggedKeyIn(e vt.Evidence) func() *vt.Scenario {
	return func() *vt.Scenario {
		w, s := vt.NewWorld(), vt.AdmitProfile()
		s.TrustedRoot = w.Sigstore.TrustedRoot()
		envelope := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave"))
		return s.Offer(0, w.Sigstore.Gather(envelope, vt.Signer{Key: vt.Person("dave")}, w.Signed(), e).JSON())
	}
}

// loggedInWindow has a key whose window has ended since a log saw it sign.
func loggedInWindow() *vt.Scenario {
	s := loggedKeyIn(vt.Evidence{Rekor1: true})()
	key := &s.Authorities.Principals["dave"].Keys[0]
	key.NotBefore, key.NotAfter = "2026-08-01T00:00:00Z", "2026-09-01T11:30:00Z"
	return s
}

// twoLogs asks for two logs and has them.
func twoLogs() *vt.Scenario {
	return evidence(vt.Evidence{Rekor1: true, Rekor2: true, TSAs: 1})().Thresholds(2, 1, 1)
}

// twoTSAs asks for two times and has them.
func twoTSAs() *vt.Scenario {
	return evidence(vt.Evidence{Rekor2: true, TSAs: 2})().Thresholds(1, 2, 1)
}

// stampsOnly asks for a timestamp and no log.
func stampsOnly() *vt.Scenario { return evidence(vt.Evidence{TSAs: 1})().Thresholds(0, 1, 1) }

// promiseOnly has the log's promise and nothing else of it.
func promiseOnly() *vt.Scenario {
	w := vt.NewWorld()
	w.Evidence.Version = "0.1"
	s := w.Scenario()
	b := w.Bundle(s)
	b.Entry(0).InclusionProof = nil
	return s.Offer(0, b.JSON())
}

// loggedRecently has a rule that takes nothing older than 59 minutes, and an
// approval that a log saw 58 minutes ago.
func loggedRecently() *vt.Scenario {
	s := vt.NewWorld().Scenario()
	s.Authorities.Rule("profiles").MaxAge = "59m"
	return s
}

func inProtobuf() *vt.Scenario {
	w := vt.NewWorld()
	s := w.Scenario()
	return s.Offer(0, w.Bundle(s).Proto())
}

// leafOf has a certificate for a key of another algorithm.
func leafOf(algorithm verifier.KeyAlgorithm) func() *vt.Scenario {
	return func() *vt.Scenario {
		w := vt.NewWorld()
		w.Leaf.Algorithm = algorithm
		return w.Scenario()
	}
}

// emailByPattern lets a pattern name a person by email address.
func emailByPattern() *vt.Scenario {
	w := vt.NewWorld()
	w.Leaf.SAN = "grace@corp.example"
	s := w.Scenario()
	s.Authorities.Principals["robot"].Identities = []vt.Identity{{Issuer: vt.Issuer, SANRegexp: `^[a-z]+@corp\.example$`}}
	return s
}

// twoIdentities lets the robot speak under a second name and issuer too.
func twoIdentities() *vt.Scenario {
	s := vt.NewWorld().Scenario()
	robot := s.Authorities.Principals["robot"]
	robot.Identities = append(robot.Identities, vt.Identity{Issuer: "https://issuer.second.example", SAN: "https://ci.corp.example/second"})
	return s
}

// anyName takes whoever the issuer vouches for.
func anyName() *vt.Scenario {
	s := vt.NewWorld().Scenario()
	s.Authorities.Principals["robot"].Identities = []vt.Identity{{Issuer: vt.Issuer, SANRegexp: "^.*$"}}
	return s
}

// stampedSince has a rule that takes nothing older than 59 minutes, and a key's
// approval from January that was stamped 58 minutes ago.
func stampedSince() *vt.Scenario {
	s := loggedKeyIn(vt.Evidence{TSAs: 1})()
	s.Authorities.Rule("profiles").MaxAge = "59m"
	return s
}

// rotatedLog trusts a log whose key was retired after the robot signed.
func rotatedLog() *vt.Scenario {
	w := vt.NewWorld()
	s := w.Scenario()
	root := w.Sigstore.Trusted()
	root.Tlogs[0].PublicKey.ValidFor.End = timestamppb.New(w.Signed().Add(time.Minute))
	s.TrustedRoot = vt.TrustedRootJSON(root)
	return s
}

// loggedTwice has the same log see the same signature twice.
func loggedTwice() *vt.Scenario {
	w := vt.NewWorld()
	s := w.Scenario()
	b := w.Bundle(s)
	b.AddEntry(again(w, b))
	return s.Offer(0, b.JSON())
}

// cosigned has a second-generation checkpoint with a stranger's signature
// before the log's.
func cosigned() *vt.Scenario {
	w := vt.NewWorld()
	w.Evidence = vt.Evidence{Rekor2: true, TSAs: 1}
	s := w.Scenario()
	b := w.Bundle(s)
	entry := b.Entry(0)
	log := w.Sigstore.Rekor2
	text := vt.CheckpointText(log.Origin(), int(entry.InclusionProof.TreeSize), entry.InclusionProof.RootHash)
	stranger := vt.NewKey("witness", verifier.Ed25519)
	entry.InclusionProof.Checkpoint.Envelope = text + "\n" + vt.NoteLine("witness.test.example", stranger, text) + vt.NoteLine(log.Host, log.Key, text)
	return s.Offer(0, b.JSON())
}
