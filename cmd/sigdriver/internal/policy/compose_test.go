// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// realDocuments are the documents of OpenShell's own sample policies and built-in
// profiles, where that folder is, and of this repository's samples.
func realDocuments(t *testing.T, l policy.Line) (policies, profiles [][]byte) {
	dir := os.Getenv("SIGDRIVER_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "..", "shared", "data")
	}
	read := func(typ policy.Type, pattern ...string) (documents [][]byte) {
		paths, err := filepath.Glob(filepath.Join(pattern...))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			result, err := policy.Canonicalize(typ, l, text)
			if err != nil && l != policy.Line00 {
				t.Logf("%s: %v", path, err) // written for an older line
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			documents = append(documents, result.Document)
		}
		return documents
	}
	policies = slices.Concat(read(policy.SandboxPolicy, dir, "openshell", "policies", "*.yaml"),
		read(policy.SandboxPolicy, "..", "demo", "samples", "policy.json"), [][]byte{vt.Canonical(vt.Policy())})
	profiles = slices.Concat(read(policy.ProviderProfile, dir, "openshell", "providers", "*.yaml"),
		read(policy.ProviderProfile, "..", "demo", "samples", "forge.json"), read(policy.ProviderProfile, "..", "demo", "samples", "mirror.json"),
		[][]byte{vt.Canonical(vt.BridgeProfile())})
	if len(policies) < 2 || len(profiles) < 3 {
		t.Fatalf("%d policies, %d profiles", len(policies), len(profiles))
	}
	t.Logf("%d policies, %d profiles", len(policies), len(profiles))
	return policies, profiles
}

var leastEdits = flag.Int("edits", 20_000, "how many edits TestEveryEditOfRealCompositions makes at least, of each recipe")

// What authors wrote, approved and composed, is allowed. Whatever single thing
// of the effective policy is then changed is refused and named, but for a marker
// where none is needed. In its long form it makes more than 100,000 edits.
func TestEveryEditOfRealCompositions(t *testing.T) {
	for _, recipe := range verifier.Recipes() {
		l := policy.Line01
		if recipe == vt.Recipe {
			l = policy.Line00
		}
		t.Run(strings.ReplaceAll(recipe, "/", "-"), func(t *testing.T) { checkRealCompositions(t, recipe, l) })
	}
}

func checkRealCompositions(t *testing.T, recipe string, l policy.Line) {
	policies, profiles := realDocuments(t, l)
	enough, every := *leastEdits, 1
	if testing.Short() {
		enough, every = 2_000, 29
	}
	var sums []string
	for _, d := range slices.Concat(policies, profiles) {
		sums = append(sums, vt.SHA256(d))
	}
	trust := vt.PinningTrust(sums...)
	var mu sync.Mutex
	edits, masked, stacks := 0, 0, 0
	share := enough/len(policies) + 1
	t.Run("policies", func(t *testing.T) {
		for i, policy := range policies {
			t.Run(vt.SHA256(policy)[:8], func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(uint64(i), 3))
				for done := 0; done < share; {
					for _, k := range vt.RandomStacks(r, recipe, policy, profiles) { // each policy meets each profile
						allowSigned(t, k)
						a, b := k.CheckEdits(trust, every, func(s string) { t.Error(s) })
						done += a + b
						mu.Lock()
						edits, masked, stacks = edits+a, masked+b, stacks+1
						mu.Unlock()
					}
				}
			})
		}
	})
	t.Logf("%d compositions allowed, %d edits refused with the right difference, %d masked", stacks, edits, masked)
	if edits < enough || masked == 0 && !testing.Short() || stacks < len(policies) {
		t.Error("too few to mean anything")
	}
}

// allowSigned has everybody who must approve every document of a composition and
// asks whether it may be enforced.
func allowSigned(t *testing.T, k *vt.Stack) {
	t.Helper()
	s := vt.ComposePlain()
	s.Request = k.Request
	s.Request.Documents = slices.Clone(k.Request.Documents)
	for i, d := range k.Request.Documents {
		switch d.Role {
		case verifier.ProviderProfile:
			s.Approve(i, "dave")
		default:
			s.Approve(i, "alice", "bob")
		}
	}
	d, err := s.Decide()
	if err != nil {
		t.Fatal(err)
	}
	if d.Verdict != verifier.Allow {
		t.Fatalf("%v: %+v", d.Reason, d.Findings)
	}
}

// TestMeasuredCompositions composes what OpenShell 0.1 was seen to compose.
func TestMeasuredCompositions(t *testing.T) {
	dir := os.Getenv("SIGDRIVER_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "..", "shared", "data")
	}
	data, err := os.ReadFile(filepath.Join(dir, "openshell-0.1", "compositions.jsonl"))
	if err != nil {
		t.Skipf("outside data is absent: %v; set SIGDRIVER_DATA", err)
	}
	document := func(typ policy.Type, text string) []byte {
		result, err := policy.Canonicalize(typ, policy.Line01, []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return result.Document
	}
	seen := 0
	for line := range strings.Lines(string(data)) {
		var m struct {
			Name, Mode, Verdict, Effective string
			Source                         string `json:"source_yaml"`
			Layers                         []struct {
				Provider string
				Profile  string `json:"profile_yaml"`
				Config   map[string]string
			}
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		role := verifier.SandboxPolicy
		if m.Mode == "compose-global" {
			role = verifier.GlobalPolicy
		}
		for _, recipe := range []string{vt.Recipe09, vt.Recipe10} {
			req := verifier.Request{Purpose: verifier.Compose, Target: vt.WebOne, Recipe: recipe,
				Documents: []verifier.Document{{Role: role, Body: document(policy.SandboxPolicy, m.Source)}}}
			sums := []string{vt.SHA256(req.Documents[0].Body)}
			for _, l := range m.Layers {
				d := verifier.Document{Role: verifier.ProviderProfile, Provider: l.Provider, Body: document(policy.ProviderProfile, l.Profile)}
				if elsewhere(l.Config, vt.Parse(d.Body)) {
					d.NoLayer = verifier.BaseURLElsewhere
				}
				req.Documents, sums = append(req.Documents, d), append(sums, vt.SHA256(d.Body))
			}
			got, fault := verifier.Composed(&req)
			if fault != nil || string(got) != m.Effective {
				t.Errorf("%s, %s: %v\ngot  %s\nwant %s", m.Name, recipe, fault, got, m.Effective)
			}
			req.Effective = []byte(m.Effective)
			if d := verifier.Verify(&req, vt.PinningTrust(sums...), verifier.MapFloors{}, vt.Now); d.Verdict != verifier.Allow {
				t.Errorf("%s, %s: %v %+v", m.Name, recipe, d.Reason, d.Findings)
			}
			seen++
		}
	}
	if seen < 20 {
		t.Errorf("only %d compositions", seen)
	}
}

// elsewhere reports whether a provider's configuration has a base URL whose host is none
// of its profile's.
func elsewhere(config map[string]string, profile vt.Tree) bool {
	endpoints, _ := profile["endpoints"].(vt.List)
	for key, value := range config {
		u, err := url.Parse(value)
		if !strings.HasSuffix(strings.ToUpper(key), "_BASE_URL") || err != nil || !u.IsAbs() || u.Host == "" || len(endpoints) == 0 {
			continue
		}
		if !slices.ContainsFunc(endpoints, func(e any) bool { return e.(vt.Tree)["host"] == u.Hostname() }) {
			return true
		}
	}
	return false
}
