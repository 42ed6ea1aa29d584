// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// realDocuments are the documents of OpenShell's own sample policies and built-in
// profiles, where that folder is, and of this repository's samples.
func realDocuments(t *testing.T) (policies, profiles [][]byte) {
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
			result, err := policy.Canonicalize(typ, policy.Line00, text)
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

// What authors wrote, approved and composed, is allowed. Whatever single thing
// of the effective policy is then changed is refused and named, but for a marker
// where none is needed. In its long form it makes more than 100,000 edits.
func TestEveryEditOfRealCompositions(t *testing.T) {
	policies, profiles := realDocuments(t)
	enough, every := 100_000, 1
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
					for _, k := range vt.RandomStacks(r, policy, profiles) { // each policy meets each profile
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
	if edits < enough || masked == 0 || stacks < len(policies) {
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
