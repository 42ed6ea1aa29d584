// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence/evidencetest"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// impactWorld is trust that is in force, and candidates beside it.
type impactWorld struct {
	t    *testing.T
	repo *tuftest.Repo
	root string
}

func newImpactWorld(t *testing.T) *impactWorld {
	t.Helper()
	w := &impactWorld{t: t, repo: tuftest.New(t, tuftest.At(verifiertest.Now))}
	w.repo.SetTarget("authorities.json", verifiertest.BaseAuthorities().JSON())
	w.repo.SetTarget("revocations.json", verifiertest.Revocations())
	w.repo.Publish()
	w.root = put(t, "root.json", w.repo.Root())
	return w
}

// candidate is a plain folder with the base authorities, changed.
func (w *impactWorld) candidate(change func(a *verifiertest.Authorities)) string {
	w.t.Helper()
	a := verifiertest.BaseAuthorities()
	change(a)
	return filepath.Dir(put(w.t, "authorities.json", a.JSON()))
}

// request writes a scenario's request as a gateway's tool would.
func request(t *testing.T, name string, s *verifiertest.Scenario) string {
	t.Helper()
	r := &s.Request
	m := &signingv1.VerifyRequest{RequestId: "r", Purpose: signingv1.Purpose(r.Purpose), Effective: r.Effective, Recipe: r.Recipe, ProvidersV2Enabled: r.ProvidersV2,
		Target: &signingv1.Target{GatewayId: r.Target.GatewayID, Workspace: r.Target.Workspace, SandboxId: r.Target.SandboxID, Name: r.Target.Name}}
	for _, d := range r.Documents {
		m.Documents = append(m.Documents, &signingv1.Document{Role: signingv1.Role(d.Role), Provider: d.Provider, Workspace: d.Workspace, Body: d.Body, Attestations: d.Attestations})
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return put(t, name, text)
}

// plan runs the command with JSON beside the text.
func (w *impactWorld) plan(args ...string) (code int, text string, r impactReport) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "plan.json")
	args = append([]string{"trust", "plan", "-o", "text", "-o", "json=" + file}, args...)
	code, text, stderr := runAt(verifiertest.Now, args...)
	data, err := os.ReadFile(file)
	if err != nil {
		return code, text + stderr, r
	}
	err = json.Unmarshal(data, &r)
	if r.Schema == errorSchema {
		return code, text + stderr, r // nothing was planned
	}
	if err != nil || r.Schema != impactSchema {
		w.t.Fatalf("%v: %s", err, data)
	}
	return code, text, r
}

// given plans for the published repository.
func (w *impactWorld) given(args ...string) (int, string, impactReport) {
	w.t.Helper()
	return w.plan(append([]string{"--trust", w.repo.Dir(), "--root", w.root}, args...)...)
}

func outcomes(r impactReport) string {
	list := []string{}
	for _, l := range r.Requests {
		list = append(list, string(l.Outcome))
	}
	return strings.Join(list, " ")
}

// TestTrustPlan changes one thing about the rules and asks what becomes of a
// policy by alice and bob, a profile by dave, and a policy that nobody approved.
func TestTrustPlan(t *testing.T) {
	w := newImpactWorld(t)
	files := []string{
		"--request", request(t, "policy.json", verifiertest.AdmitPolicy()),
		"--request", request(t, "compose.json", verifiertest.ComposeLayers()),
		"--request", request(t, "nobody.json", verifiertest.AdmitPolicy().Offer(0)),
	}
	for _, c := range []struct {
		name   string
		change func(a *verifiertest.Authorities)
		code   int
		want   string
		said   []string
	}{
		{"nothing", func(*verifiertest.Authorities) {}, ExitOK, "stillAllowed stillAllowed stillDenied", []string{
			"✓ still allowed  ", "– still denied   ", "ATTESTATION_MISSING", "✓ would break    0", "3 requests decided at 2026-09-01T12:00:00Z; whether trust is fresh is set aside",
		}},
		{"a threshold", func(a *verifiertest.Authorities) {
			a.Authorities["security"].Threshold = 3
			// With a key of a kind that sigdriver sign takes.
			a.Principals["carol"].Keys = []verifiertest.PublicKey{verifiertest.Person("carol-2").Listed()}
		}, ExitBreakage, "wouldBreak wouldBreak stillDenied", []string{
			"✗ would break    ", "policy.json, ADMIT gw-east:prod/web-1", `DENY THRESHOLD: the rule "prod sandboxes" asks for 3 of "security": only alice, bob have spoken`,
			"nearest miss: one approval by carol over sha256:", "        sigdriver sign --document policy.json --key carol.key", "✗ would break    2", "– still allowed  0",
		}},
		{"the key of one who approved", func(a *verifiertest.Authorities) {
			a.Principals["bob"].Keys = []verifiertest.PublicKey{verifiertest.Person("bob-2").Listed()}
		}, ExitBreakage, "wouldBreak wouldBreak stillDenied", nil},
		{"one who did not approve", func(a *verifiertest.Authorities) {
			delete(a.Principals, "carol")
			a.Authorities["security"].Principals = []string{"alice", "bob"}
		}, ExitOK, "stillAllowed stillAllowed stillDenied", []string{
			"– none to spare  ", "prod sandboxes asks for 2 of security, and only alice, bob can still speak", "✓ still allowed  2, ",
		}},
		{"a rule less", func(a *verifiertest.Authorities) {
			a.Rule("prod sandboxes").Mode, a.Rule("prod sandboxes").Name = "shadow", "later"
			a.Rules = append(a.Rules, &verifiertest.Rule{Name: "anything", Surface: verifiertest.PolicySurface, Mode: "enforce",
				Require: []verifiertest.Requirement{}, Pinned: []string{verifiertest.AdmitPolicy().SHA256(0)}})
		}, ExitOK, "stillAllowed stillAllowed newlyAllowed", []string{"– newly allowed  ", "nobody.json, ADMIT gw-east:prod/web-1: today DENY ATTESTATION_MISSING"}},
		{"a newer driver", func(a *verifiertest.Authorities) { a.MinDriverVersion = "999.0.0" }, ExitBreakage, "wouldBreak wouldBreak stillDenied", []string{"DENY DRIVER_TOO_OLD"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, text, r := w.given(append([]string{"--candidate", w.candidate(c.change)}, files...)...)
			if code != c.code || outcomes(r) != c.want {
				t.Fatalf("exit code %d, %s\n%s", code, outcomes(r), text)
			}
			for _, said := range c.said {
				if !strings.Contains(text, said) {
					t.Errorf("no %q in\n%s", said, text)
				}
			}
		})
	}
}

// TestTrustPlanNoSpare tells what became scarce from what was already.
func TestTrustPlanNoSpare(t *testing.T) {
	w := newImpactWorld(t)
	policy := request(t, "policy.json", verifiertest.AdmitPolicy())
	without := func(names ...string) func(a *verifiertest.Authorities) {
		return func(a *verifiertest.Authorities) {
			for _, n := range names {
				delete(a.Principals, n)
				a.Authorities["security"].Principals = slices.DeleteFunc(a.Authorities["security"].Principals, func(m string) bool { return m == n })
			}
		}
	}
	_, _, r := w.given("--candidate", w.candidate(without("carol")), "--request", policy)
	want := []spareLine{{0, "prod sandboxes", "security", 2, []string{"alice", "bob"}}}
	if r.NoSpare != 1 || fmt.Sprint(r.Requests[0].NoSpare) != fmt.Sprint(want) {
		t.Errorf("carol leaves: %+v", r)
	}
	a := verifiertest.BaseAuthorities()
	without("carol")(a)
	w.repo.SetTarget("authorities.json", a.JSON())
	w.repo.Publish()
	if _, _, r = w.given("--candidate", w.candidate(without("carol")), "--request", policy); r.NoSpare != 0 {
		t.Errorf("carol had left before: %+v", r)
	}
	if _, _, r = w.given("--candidate", w.candidate(func(*verifiertest.Authorities) {}), "--request", policy); r.NoSpare != 0 {
		t.Errorf("carol comes back: %+v", r)
	}
}

// TestTrustPlanAt decides when the approvals have ended, but not the metadata.
func TestTrustPlanAt(t *testing.T) {
	w := newImpactWorld(t)
	policy := request(t, "policy.json", verifiertest.AdmitPolicy())
	leaves := w.candidate(func(a *verifiertest.Authorities) {
		a.Principals["bob"].Keys[0].NotAfter = verifiertest.Now.Add(72 * time.Hour).Format(time.RFC3339)
	})
	for after, want := range map[time.Duration]string{0: "stillAllowed", 72*time.Hour - time.Second: "stillAllowed", 72 * time.Hour: "wouldBreak"} {
		at := verifiertest.Now.Add(after).Format(time.RFC3339)
		if _, text, r := w.given("--candidate", leaves, "--request", policy, "--at", at); outcomes(r) != want {
			t.Errorf("at %s: %s, want %s\n%s", at, outcomes(r), want, text)
		}
	}
}

// TestTrustPlanRevocation tries a revocation by itself, and shows that leaving it
// out again brings nothing back.
func TestTrustPlanRevocation(t *testing.T) {
	w := newImpactWorld(t)
	policy := request(t, "policy.json", verifiertest.AdmitPolicy())
	bob := verifiertest.Revocations(verifiertest.Revoke("key", verifiertest.Person("bob").SHA256()))
	revoked := filepath.Dir(put(t, "revocations.json", bob))
	if code, text, r := w.given("--candidate", revoked, "--request", policy); code != ExitBreakage || outcomes(r) != "wouldBreak" {
		t.Errorf("exit code %d: %s", code, text)
	}
	w.repo.SetTarget("revocations.json", bob)
	w.repo.Publish()
	empty := filepath.Dir(put(t, "revocations.json", verifiertest.Revocations()))
	if code, text, r := w.given("--candidate", empty, "--request", policy); code != ExitOK || outcomes(r) != "stillDenied" {
		t.Errorf("exit code %d: %s", code, text)
	}
	bad := filepath.Dir(put(t, "revocations.json", []byte("{}")))
	if _, text, r := w.given("--candidate", bad, "--request", policy); outcomes(r) != "stillDenied" || !strings.Contains(text, "note: drivers would not take the candidate's revocations.json") {
		t.Errorf("%s", text)
	}
}

// recordedState is a driver that has allowed two versions of a composition and a
// policy with a profile, and refused one.
func recordedState(t *testing.T) *evidencetest.Driver {
	t.Helper()
	trust, err := verifier.ParseTrust(verifiertest.AdmitPolicy().Source())
	if err != nil {
		t.Fatal(err)
	}
	d := evidencetest.New(t, trust)
	for _, s := range []*verifiertest.Scenario{versionOf("41", "alice", "bob"), versionOf("42", "alice", "carol"), verifiertest.AdmitProfile()} {
		if got := d.Decide(s, verifiertest.Now.Add(-time.Hour)); got.Verdict != verifier.Allow {
			t.Fatalf("%v: %v", got.Reason, got.Findings)
		}
	}
	d.Decide(verifiertest.AdmitPolicy().Offer(0), verifiertest.Now)
	return d
}

// versionOf is a composition at a version, with a body of its own.
func versionOf(version string, names ...string) *verifiertest.Scenario {
	s := verifiertest.ComposePlain()
	tree := verifiertest.Policy()
	tree["note"] = version
	s.Request.Documents[0].Body = verifiertest.Canonical(tree)
	a := s.Approval(0)
	a.Version = version
	return s.ApproveAs(0, a, names...).Recompose()
}

func TestTrustPlanRecorded(t *testing.T) {
	w := newImpactWorld(t)
	d := recordedState(t)
	run := func(change func(a *verifiertest.Authorities), more ...string) (int, string, impactReport) {
		t.Helper()
		return w.given(append([]string{"--candidate", w.candidate(change), "--state", d.Dir}, more...)...)
	}
	// Version 41 is no longer in force: it is denied, and that is no breakage.
	code, text, r := run(func(*verifiertest.Authorities) {}, "--documents", d.Bodies)
	if code != ExitOK || outcomes(r) != "stillDenied stillAllowed stillAllowed stillDenied" || r.Requests[0].After.Reason != "VERSION_ROLLBACK" {
		t.Fatalf("exit code %d, %s: %s", code, outcomes(r), text)
	}
	if strings.Contains(text, "entry 1") {
		t.Errorf("what stays as it is is listed:\n%s", text)
	}
	// Carol's key goes: version 42 breaks.
	code, text, r = run(func(a *verifiertest.Authorities) {
		a.Principals["carol"].Keys[0] = verifiertest.Person("carol-2").Listed()
	}, "--documents", d.Bodies)
	if code != ExitBreakage || outcomes(r) != "stillDenied wouldBreak stillAllowed stillDenied" || !strings.Contains(text, "✗ would break    entry 1, COMPOSE gw-east:prod/web-1") {
		t.Errorf("exit code %d, %s: %s", code, outcomes(r), text)
	}
	// A signed reset brings version 41 back, once.
	_, text, r = run(func(a *verifiertest.Authorities) {
		a.Floors = []verifiertest.SignedFloor{{Role: "SANDBOX_POLICY", Version: "41", Reset: true}}
	}, "--documents", d.Bodies)
	if outcomes(r) != "newlyAllowed stillAllowed stillAllowed stillDenied" {
		t.Errorf("%s: %s", outcomes(r), text)
	}
	// One of another role does not, nor one that today's trust has brought already.
	_, text, r = run(func(a *verifiertest.Authorities) {
		a.Floors = []verifiertest.SignedFloor{{Role: "GLOBAL_POLICY", Version: "41", Reset: true}}
	}, "--documents", d.Bodies)
	if outcomes(r) != "stillDenied stillAllowed stillAllowed stillDenied" {
		t.Errorf("%s: %s", outcomes(r), text)
	}
	old := newImpactWorld(t)
	reset := verifiertest.BaseAuthorities()
	reset.Floors = []verifiertest.SignedFloor{{Role: "SANDBOX_POLICY", Version: "41", Reset: true}}
	old.repo.SetTarget("authorities.json", reset.JSON())
	old.repo.Publish()
	_, text, r = old.given("--candidate", filepath.Dir(put(t, "authorities.json", reset.JSON())), "--state", d.Dir, "--documents", d.Bodies)
	if outcomes(r) != "stillDenied stillAllowed stillAllowed stillDenied" {
		t.Errorf("%s: %s", outcomes(r), text)
	}
	if code, text, r = run(func(*verifiertest.Authorities) {}, "--documents", d.Bodies, "--since", "30m"); code != ExitOK || outcomes(r) != "stillDenied" {
		t.Errorf("exit code %d, %s: %s", code, outcomes(r), text)
	}
	// Without bodies nothing is decided, and nothing is left out.
	code, text, r = run(func(*verifiertest.Authorities) {})
	if code != ExitInconclusive || r.Counts[notDecidable] != 4 || strings.Contains(text, passed) || strings.Count(text, "– not decidable  entry ") != 4 {
		t.Errorf("exit code %d: %s", code, text)
	}
	// With one body missing the others are.
	if err := os.Remove(filepath.Join(d.Bodies, verifiertest.AdmitProfile().SHA256(0)+".json")); err != nil {
		t.Fatal(err)
	}
	code, text, r = run(func(*verifiertest.Authorities) {}, "--documents", d.Bodies)
	if code != ExitOK || r.Counts[notDecidable] != 1 || !strings.Contains(text, "the body of its PROVIDER_PROFILE, sha256:") {
		t.Errorf("exit code %d: %s", code, text)
	}
}

// TestTrustPlanUnarchived: a refusal is decided again only with all that was
// offered then.
func TestTrustPlanUnarchived(t *testing.T) {
	w := newImpactWorld(t)
	trust, err := verifier.ParseTrust(verifiertest.AdmitPolicy().Source())
	if err != nil {
		t.Fatal(err)
	}
	d := evidencetest.New(t, trust)
	d.Decide(verifiertest.AdmitPolicy().Approve(0, "alice", "mallory"), verifiertest.Now)
	args := []string{"--state", d.Dir, "--documents", d.Bodies, "--candidate"}
	code, text, r := w.given(append(args, w.candidate(func(*verifiertest.Authorities) {}))...)
	if code != ExitInconclusive || outcomes(r) != "notDecidable" || !strings.Contains(text, "1 attestation that did not count then is not in the archive") {
		t.Errorf("exit code %d: %s", code, text)
	}
	// What a looser trust allows without it is certain.
	code, text, r = w.given(append(args, w.candidate(func(a *verifiertest.Authorities) { a.Authorities["security"].Threshold = 1 }))...)
	if code != ExitOK || outcomes(r) != "newlyAllowed" || !strings.Contains(text, "note: 1 attestation") {
		t.Errorf("exit code %d: %s", code, text)
	}
}

// TestTrustPlanPublications takes the candidate from a repository, and from what a
// ceremony has staged: also an approval that only travels with trust.
func TestTrustPlanPublications(t *testing.T) {
	s := verifiertest.AdmitProfile()
	path := "attestations/" + s.SHA256(0) + "/dave.json"
	w := newImpactWorld(t)
	w.repo.SetTarget(path, s.Attestation(0, 0))
	w.repo.Publish()
	bare := request(t, "profile.json", verifiertest.AdmitProfile().Offer(0))
	same := tuftest.New(t, tuftest.At(verifiertest.Now))
	same.SetTarget("authorities.json", verifiertest.BaseAuthorities().JSON())
	same.SetTarget(path, s.Attestation(0, 0))
	same.Publish()
	if code, text, r := w.given("--candidate", same.Dir(), "--request", bare); code != ExitOK || outcomes(r) != "stillAllowed" {
		t.Errorf("exit code %d: %s", code, text)
	}
	same.RemoveTarget(path)
	same.Publish()
	if code, text, r := w.given("--candidate", same.Dir(), "--request", bare); code != ExitBreakage || outcomes(r) != "wouldBreak" {
		t.Errorf("exit code %d: %s", code, text)
	}
	// A record holds the approval, as it came with the trust of its time.
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	d := evidencetest.New(t, trust)
	d.Decide(s, verifiertest.Now)
	if code, text, r := w.given("--candidate", same.Dir(), "--state", d.Dir, "--documents", d.Bodies); code != ExitBreakage || outcomes(r) != "wouldBreak" {
		t.Errorf("recorded: exit code %d: %s", code, text)
	}
	if code, text, r := w.given("--candidate", w.candidate(func(*verifiertest.Authorities) {}), "--state", d.Dir, "--documents", d.Bodies); code != ExitOK || outcomes(r) != "stillAllowed" {
		t.Errorf("recorded, the plain folder changes no attestations: exit code %d: %s", code, text)
	}
}

// TestTrustPlanOfACeremony needs nothing but the ceremony's folder.
func TestTrustPlanOfACeremony(t *testing.T) {
	w := newImpactWorld(t)
	dir := filepath.Join(t.TempDir(), "t")
	policy := request(t, "policy.json", verifiertest.AdmitPolicy())
	must := func(args ...string) {
		t.Helper()
		if code, _, stderr := runAt(verifiertest.Now, args...); code != ExitOK {
			t.Fatalf("%v: %s", args, stderr)
		}
	}
	must("trust", "init", "--dir", dir, "--authorities", put(t, "a.json", verifiertest.BaseAuthorities().JSON()))
	if code, text, r := w.plan("--candidate", dir, "--request", policy); code != ExitOK || outcomes(r) != "stillAllowed" {
		t.Errorf("nothing staged: exit code %d: %s", code, text)
	}
	three := verifiertest.BaseAuthorities()
	three.Authorities["security"].Threshold = 3
	must("trust", "stage", "--dir", dir, "--authorities", put(t, "a.json", three.JSON()))
	code, text, r := w.plan("--candidate", dir, "--request", policy)
	if code != ExitBreakage || outcomes(r) != "wouldBreak" || !strings.Contains(text, "Candidate  "+filepath.Join(dir, "staged")+" · root v1, targets v2") {
		t.Errorf("exit code %d: %s", code, text)
	}
}

// TestTrustPlanOfADriver takes today's trust from the state folder, too.
func TestTrustPlanOfADriver(t *testing.T) {
	w := newImpactWorld(t)
	d := recordedState(t)
	state, root := stateFolder(t, w.repo)
	if err := os.CopyFS(filepath.Join(d.Dir, "trust"), os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	code, text, r := w.plan("--candidate", w.candidate(func(*verifiertest.Authorities) {}), "--state", d.Dir, "--root", root, "--documents", d.Bodies)
	if code != ExitOK || r.Today.Epoch != 7 || !strings.Contains(text, "Today      "+d.Dir+" · epoch 7 · root v1, targets v2") {
		t.Errorf("exit code %d: %s", code, text)
	}
}

func TestTrustPlanUsage(t *testing.T) {
	w := newImpactWorld(t)
	policy := request(t, "policy.json", verifiertest.AdmitPolicy())
	same := w.candidate(func(*verifiertest.Authorities) {})
	folder := filepath.Dir(policy)
	for name, c := range map[string]struct {
		args []string
		code int
		said string
	}{
		"a folder of requests": {[]string{"--candidate", same, "--request", folder}, ExitOK, "✓ still allowed  " + policy},
		"an empty folder":      {[]string{"--candidate", same, "--request", t.TempDir()}, ExitUsage, "has no request"},
		"no request":           {[]string{"--candidate", same}, ExitUsage, "at least one of the flags"},
		"no such request":      {[]string{"--candidate", same, "--request", "nothing.json"}, ExitUsage, "cannot read the request"},
		"not a request":        {[]string{"--candidate", same, "--request", put(t, "x.json", []byte(`{"target":{}}`))}, ExitUsage, "is no request"},
		"no candidate":         {[]string{"--candidate", t.TempDir(), "--request", policy}, ExitUsage, "is no candidate"},
		"documents alone":      {[]string{"--candidate", same, "--request", policy, "--documents", folder}, ExitUsage, "are about recorded requests"},
		"no documents":         {[]string{"--candidate", same, "--state", "x", "--documents", "nothing"}, ExitUsage, "cannot read the folder of documents"},
		"no journal":           {[]string{"--candidate", same, "--state", t.TempDir()}, ExitUsage, "is no state folder of a driver"},
		"no such time":         {[]string{"--candidate", same, "--request", policy, "--at", "noon"}, ExitUsage, "--at"},
		"no such span":         {[]string{"--candidate", same, "--state", "x", "--since", "long"}, ExitUsage, "--since"},
		"refused": {[]string{"--candidate", w.candidate(func(a *verifiertest.Authorities) { a.Rules = nil }), "--request", policy},
			ExitBreakage, "drivers would refuse the trust in"},
	} {
		if code, text, _ := w.given(c.args...); code != c.code || !strings.Contains(text, c.said) {
			t.Errorf("%s: exit code %d: %s", name, code, text)
		}
	}
	if code, text, _ := w.plan("--candidate", same, "--request", policy); code != ExitUsage || !strings.Contains(text, "nothing says what trust is in force today") {
		t.Errorf("without today's trust: exit code %d: %s", code, text)
	}
	if code, text, _ := w.plan("--candidate", same, "--request", policy, "--trust", w.repo.Dir()); code != ExitUsage || !strings.Contains(text, "--root") {
		t.Errorf("without a root: exit code %d: %s", code, text)
	}
	if code, _, stderr := runAt(verifiertest.Now.AddDate(0, 0, 30), "trust", "plan", "--candidate", same, "--request", policy, "--trust", w.repo.Dir(), "--root", w.root); code != ExitInconclusive {
		t.Errorf("today's trust is over: exit code %d: %s", code, stderr)
	}
}

// TestImpactAsk: an approval that travels with trust is offered as a driver's index offers
// it, beside one that is given, and in the place of one that was recorded.
func TestImpactAsk(t *testing.T) {
	s := verifiertest.AdmitProfile()
	side := &impactSide{source: s.Source(), targets: map[string][]byte{"attestations/" + s.SHA256(0) + "/dave.json": s.Attestation(0, 0)}}
	if err := side.ready(verifiertest.Now); err != nil {
		t.Fatal(err)
	}
	for name, request := range map[string]*verifiertest.Scenario{"given": s, "bare": verifiertest.AdmitProfile().Offer(0)} {
		for _, given := range []bool{true, false} {
			asked := side.ask(&candidateRequest{given: given, request: &request.Request}, side)
			kept := side.index.For(sha256.Sum256(request.Body(0)))
			want := slices.Clone(kept)
			if name == "given" && given {
				want = append([][]byte{s.Attestation(0, 0)}, kept...)
			}
			if got := asked.Documents[0].Attestations; len(kept) != 1 || !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%s, %v: %d attestations", name, given, len(got))
			}
		}
	}
	if len(s.Request.Documents[0].Attestations) != 1 {
		t.Error("the request itself was changed")
	}
}
