// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// Every expiry, at its last instant and one past it. SPEC: R1.
func TestExpiries(t *testing.T) {
	at := vt.Now.Add(time.Hour)
	far := vt.Now.AddDate(1, 0, 0)
	const grace = 24 * time.Hour // maxStale of the base
	for name, c := range map[string]struct {
		set   func(e *verifier.Expires)
		grace time.Duration
	}{
		"root":       {func(e *verifier.Expires) { e.Root = at }, 0},
		"snapshot":   {func(e *verifier.Expires) { e.Snapshot = at }, 0},
		"targets":    {func(e *verifier.Expires) { e.Targets = at }, 0},
		"timestamp":  {func(e *verifier.Expires) { e.Timestamp = at }, grace},
		"revocation": {func(e *verifier.Expires) { e.Revocation = at }, grace}, // SE-13
	} {
		s := vt.ComposeLayers()
		s.Expires = verifier.Expires{Root: far, Snapshot: far, Targets: far, Timestamp: far, Revocation: far}
		c.set(&s.Expires)
		for _, step := range []struct {
			now   time.Time
			want  verifier.Condition
			allow bool
		}{
			{at.Add(-1), verifier.Fresh, true},
			{at, verifier.Stale, true},
			{at.Add(c.grace - 1), verifier.Stale, true},
			{at.Add(c.grace), verifier.Refused, false},
		} {
			if c.grace == 0 && step.want == verifier.Stale {
				continue
			}
			s.Now = step.now
			trust, err := verifier.ParseTrust(s.Source())
			if err != nil {
				t.Fatal(err)
			}
			if got := trust.State(s.Now); got.Condition != step.want {
				t.Errorf("%s at %v: %v, want %v", name, step.now, got.Condition, step.want)
			}
			d := decide(t, s)
			if (d.Verdict == verifier.Allow) != step.allow || !step.allow && d.Reason != verifier.TrustStale {
				t.Errorf("%s at %v: %v %v", name, step.now, d.Verdict, d.Reason)
			}
			if d.Stale != (step.want == verifier.Stale) {
				t.Errorf("%s at %v: stale is %v", name, step.now, d.Stale)
			}
		}
	}
}

// A repository without a revocation role has no expiry of one.
func TestWithoutARevocationRole(t *testing.T) {
	s := vt.ComposeLayers()
	s.Expires.Revocation = time.Time{}
	if d := decide(t, s); d.Verdict != verifier.Allow || d.Stale {
		t.Errorf("%v, stale %v", d.Reason, d.Stale)
	}
}

func TestStateCountsDown(t *testing.T) {
	s := vt.ComposeLayers()
	s.Expires.Timestamp = vt.Now.Add(time.Hour)
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	if got := trust.State(vt.Now).Left; got != 25*time.Hour {
		t.Errorf("left %v, want the hour and maxStale", got)
	}
	refused := trust.State(vt.Now.Add(25 * time.Hour))
	if refused.Left != 0 || !strings.Contains(refused.Detail, "timestamp role expired") || !strings.Contains(refused.Detail, "maxStale is 24h") {
		t.Errorf("%+v when refused", refused)
	}
	s.Expires.Revocation = vt.Now.Add(2 * time.Hour)
	if trust, err = verifier.ParseTrust(s.Source()); err != nil {
		t.Fatal(err)
	}
	stale := trust.State(vt.Now.Add(3 * time.Hour))
	if stale.Condition != verifier.Stale || stale.Left != 22*time.Hour || !strings.Contains(stale.Detail, "timestamp role expired") {
		t.Errorf("%+v when two roles are stale", stale)
	}
	s.Expires.Root = vt.Now
	if trust, err = verifier.ParseTrust(s.Source()); err != nil {
		t.Fatal(err)
	}
	if got := trust.State(vt.Now).Detail; strings.Contains(got, "maxStale") {
		t.Errorf("%q: maxStale does not bear on the root", got)
	}
}

// A revocations.json that does not parse keeps the ratchet and the old expiry.
func TestRevocationsThatDoNotParse(t *testing.T) {
	s := vt.ComposeLayers()
	s.Revocations = vt.Revocations(vt.Revoke("key", vt.Person("alice").SHA256()))
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	s.Ratchet, s.Revocations = trust.Ratchet(), []byte("{")
	s.PreviousRevocationExpires = vt.Now.Add(time.Hour)
	trust, err = verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatalf("SE-12: authorities.json is held back: %v", err)
	}
	if trust.RevocationFault() == nil || !trust.Expires().Revocation.Equal(vt.Now.Add(time.Hour)) {
		t.Errorf("fault %v, revocation expires %v", trust.RevocationFault(), trust.Expires().Revocation)
	}
	if d := decide(t, s); d.Reason != verifier.Threshold {
		t.Errorf("alice's revocation is gone: %v", d.Reason)
	}
	s.Ratchet = nil
	if d := decide(t, s); d.Verdict != verifier.Allow {
		t.Fatalf("without the ratchet the base must be allowed: %v", d.Reason)
	}
	s.PreviousRevocationExpires = time.Time{}
	if d := decide(t, s); d.Reason != verifier.TrustStale {
		t.Errorf("nothing good was ever seen, and yet %v", d.Reason)
	}
}

func TestRestoredEndsARevocation(t *testing.T) {
	s := vt.ComposeLayers()
	s.Revocations = vt.Revocations(vt.Revoke("key", vt.Person("alice").SHA256()))
	if d := decide(t, s); d.Reason != verifier.Threshold {
		t.Fatalf("%v", d.Reason)
	}
	s.Authorities.Restored = []vt.Revocation{vt.Revoke("key", vt.Person("alice").SHA256())}
	if d := decide(t, s); d.Verdict != verifier.Allow {
		t.Errorf("restored, and yet %v", d.Reason)
	}
}

func TestMinDriverVersion(t *testing.T) {
	s := vt.ComposeLayers()
	s.Authorities.MinDriverVersion = s.DriverVersion
	if d := decide(t, s); d.Verdict != verifier.Allow {
		t.Fatalf("at the minimum: %v", d.Reason)
	}
	s.Authorities.MinDriverVersion = "99.0.0"
	if d := decide(t, s); d.Reason != verifier.DriverTooOld {
		t.Errorf("below the minimum: %v", d.Reason)
	}
}

// A ratchet that cannot be read is no reason to forget what was revoked.
func TestAnUnreadableRatchetRefusesTrust(t *testing.T) {
	for name, ratchet := range map[string]string{
		"no JSON":      "{",
		"other schema": string(vt.Revocations(vt.Revoke("key", vt.Person("alice").SHA256()))),
		"no digest":    string(vt.Ratchet(vt.Revoke("key", "ab"))),
		"nothing":      "",
	} {
		s := vt.AdmitPolicy()
		s.Ratchet = []byte(ratchet)
		if trust, err := verifier.ParseTrust(s.Source()); err == nil || trust != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
