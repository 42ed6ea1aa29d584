// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bundleCase is one folder of the Sigstore conformance suite.
type bundleCase struct {
	name     string
	fails    bool
	question BundleInput
}

// bundleCases reads a folder in the suite's layout. Without a trusted root of
// its own a case means the public good instance.
func bundleCases(t testing.TB, dir, artifact, publicGood string) []bundleCase {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var cases []bundleCase
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		at := func(name string) string { return filepath.Join(dir, e.Name(), name) }
		c := bundleCase{name: e.Name(), fails: strings.HasSuffix(e.Name(), "_fail")}
		q := &c.question
		q.Bundle = readFile(t, at("bundle.sigstore.json"))
		q.TrustedRoot = readFile(t, firstFile(at("trusted_root.json"), publicGood))
		q.Artifact = readFile(t, firstFile(at("artifact"), artifact))
		if key, err := os.ReadFile(at("key.pub")); err == nil {
			q.Key = key
		} else {
			q.Identity = textOr(at("identity"), "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main")
			q.Issuer = textOr(at("issuer"), "https://token.actions.githubusercontent.com")
		}
		cases = append(cases, c)
	}
	if len(cases) == 0 {
		t.Fatalf("no cases in %s", dir)
	}
	return cases
}

func firstFile(paths ...string) string {
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	return paths[len(paths)-1]
}

func textOr(path, fallback string) string {
	if data, err := os.ReadFile(path); err == nil {
		return strings.TrimSpace(string(data))
	}
	return fallback
}

// run asks with the artifact and with its digest.
func (c *bundleCase) run(t *testing.T) {
	byDigest := c.question
	byDigest.Artifact, byDigest.SHA256 = nil, sha256.Sum256(c.question.Artifact)
	for how, q := range map[string]*BundleInput{"artifact": &c.question, "digest": &byDigest} {
		answer, err := VerifyBundle(q)
		switch {
		case (err == nil) == (answer == nil):
			t.Errorf("by %s: answer %v with error %v", how, answer, err)
		case c.fails && err == nil:
			t.Errorf("by %s: holds, and must not", how)
		case !c.fails && err != nil:
			t.Errorf("by %s: %v", how, err)
		case c.fails:
			var wrong *BundleInputError
			var refused *BundleError
			if !errors.As(err, &wrong) && (!errors.As(err, &refused) || refused.Reason <= Allowed) {
				t.Errorf("by %s: %v is no refusal", how, err)
			}
			t.Logf("by %s: %v", how, err)
		}
	}
}

// TestVerifyBundleData: each bundle holds or fails as the name of its folder says.
func TestVerifyBundleData(t *testing.T) {
	dir := outsideData(t, "sigstore")
	for _, c := range bundleCases(t, dir, filepath.Join(dir, "a.txt"), filepath.Join(dir, "trusted_root_public_good.json")) {
		t.Run(c.name, c.run)
	}
}

// TestSigstoreConformance runs the whole suite when SIGSTORE_CONFORMANCE names a
// checkout of sigstore/sigstore-conformance.
func TestSigstoreConformance(t *testing.T) {
	checkout := os.Getenv("SIGSTORE_CONFORMANCE")
	if checkout == "" {
		t.Skip("SIGSTORE_CONFORMANCE names no checkout of sigstore/sigstore-conformance")
	}
	dir := filepath.Join(checkout, "test", "assets", "bundle-verify")
	publicGood := filepath.Join(outsideData(t, "sigstore"), "trusted_root_public_good.json")
	for _, c := range bundleCases(t, dir, filepath.Join(dir, "a.txt"), publicGood) {
		t.Run(c.name, c.run)
	}
}

// TestVerifyBundleOneMutation: a bundle that holds stops to hold with any one of
// its inputs changed, each for its own reason.
func TestVerifyBundleOneMutation(t *testing.T) {
	dir := outsideData(t, "sigstore")
	good := map[string]BundleInput{}
	for _, c := range bundleCases(t, dir, filepath.Join(dir, "a.txt"), filepath.Join(dir, "trusted_root_public_good.json")) {
		good[c.name] = c.question
	}
	message, dsse := good["happy-path-v0.3"], good["happy-path-intoto-in-dsse-v3"]
	for name, q := range map[string]*BundleInput{"message": &message, "dsse": &dsse} {
		if _, err := VerifyBundle(q); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for _, c := range []struct {
		name   string
		from   BundleInput
		change func(q *BundleInput)
		want   Reason
	}{
		{"another artifact", message, func(q *BundleInput) { q.Artifact = []byte("b") }, SignatureInvalid},
		{"another subject", dsse, func(q *BundleInput) { q.Artifact = []byte("b") }, SubjectMismatch},
		{"identity as a part", message, func(q *BundleInput) { q.Identity, q.IdentityRegexp = "", "https://github.com/sigstore-conformance" }, CertIdentity},
		{"alternation that closes the group", message, func(q *BundleInput) { q.Identity, q.IdentityRegexp = "", "x|https://.*@refs/heads/mai" }, CertIdentity},
		{"identity in another case", dsse, func(q *BundleInput) { q.Identity = strings.ToUpper(q.Identity) }, CertIdentity},
		{"another issuer", dsse, func(q *BundleInput) { q.Issuer += "/" }, CertIssuer},
		{"no artifact", message, func(q *BundleInput) { q.Artifact, q.SHA256 = nil, [32]byte{} }, SignatureInvalid},
		{"another instance", message, func(q *BundleInput) { q.TrustedRoot = good["rekor2-dsse-happy-path"].TrustedRoot }, TlogMissing},
	} {
		q := c.from
		c.change(&q)
		_, err := VerifyBundle(&q)
		var refused *BundleError
		if !errors.As(err, &refused) || refused.Reason != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	byRegexp := message
	byRegexp.Identity, byRegexp.IdentityRegexp = "", `https://github\.com/sigstore-conformance/.*`
	if _, err := VerifyBundle(&byRegexp); err != nil {
		t.Errorf("identity by a regexp for all of it: %v", err)
	}
}

// TestVerifyBundleQuestions: a wrong question is the caller's mistake.
func TestVerifyBundleQuestions(t *testing.T) {
	dir := outsideData(t, "sigstore")
	var good BundleInput
	for _, c := range bundleCases(t, dir, filepath.Join(dir, "a.txt"), filepath.Join(dir, "trusted_root_public_good.json")) {
		if c.name == "happy-path-v0.3" {
			good = c.question
		}
	}
	if _, err := VerifyBundle(&good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field  string
		change func(q *BundleInput)
	}{
		{"TrustedRoot", func(q *BundleInput) { q.TrustedRoot = nil }},
		{"TrustedRoot", func(q *BundleInput) { q.TrustedRoot = append(bytes.Clone(q.TrustedRoot), '}') }},
		{"TrustedRoot", func(q *BundleInput) { q.TrustedRoot = make([]byte, MaxTrustFile+1) }},
		{"Identity", func(q *BundleInput) { q.Identity = "" }},
		{"Identity", func(q *BundleInput) { q.IdentityRegexp = ".*" }},
		{"IdentityRegexp", func(q *BundleInput) { q.Identity, q.IdentityRegexp = "", "a)|(?:b" }},
		{"Issuer", func(q *BundleInput) { q.Issuer = "" }},
		{"Key", func(q *BundleInput) { q.Key = []byte("no key") }},
	} {
		q := good
		c.change(&q)
		_, err := VerifyBundle(&q)
		var wrong *BundleInputError
		if !errors.As(err, &wrong) || wrong.Field != c.field {
			t.Errorf("%v, want a question error about %s", err, c.field)
		}
	}
}
