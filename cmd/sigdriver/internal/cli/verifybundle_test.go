// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestVerifyBundleClaims asks for what a certificate says about a build, by
// cosign's flags and by the claims' names.
func TestVerifyBundleClaims(t *testing.T) {
	const san, issuer = "https://github.com/acme/workflows/.github/workflows/sign.yml@refs/tags/v1", "https://token.actions.githubusercontent.com"
	file := []byte("a file")
	sigstore := vt.NewSigstore("claims", tuftest.Start)
	leaf := vt.Leaf{SAN: san, Issuer: issuer, At: tuftest.Start.Add(-time.Hour), Change: func(c *x509.Certificate) {
		vt.Claimed(map[string]string{"sourceRepositoryURI": "https://github.com/acme/policies", "sourceRepositoryRef": "refs/heads/main"})(c)
		for arc, text := range []string{2: "push", 3: "fdf4fc3344e6", 4: "sign", 5: "acme/policies", 6: "refs/heads/main"} {
			if text != "" {
				c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, arc}, Value: []byte(text)})
			}
		}
	}}
	args := []string{"verify-bundle", "--bundle", put(t, "b.json", sigstore.Keyless(vt.Provenance(file).JSON(), leaf, vt.Evidence{Rekor1: true}).JSON()),
		"--trusted-root", put(t, "root.json", sigstore.TrustedRoot()), "--certificate-identity", san, "--certificate-oidc-issuer", issuer, put(t, "file", file)}
	if out := ok(t, args...); !strings.Contains(out, `sourceRepositoryURI "https://github.com/acme/policies"`) {
		t.Errorf("the claims are not shown:\n%s", out)
	}
	for _, c := range []struct {
		flags string
		want  int
		text  string
	}{
		{"--certificate-github-workflow-trigger push --certificate-github-workflow-sha fdf4fc3344e6 --certificate-github-workflow-name sign", ExitOK, "VERIFIED"},
		{"--certificate-github-workflow-repository acme/policies --certificate-github-workflow-ref refs/heads/main", ExitOK, "VERIFIED"},
		{"--certificate-github-workflow-trigger pull_request", ExitDenied, `its githubWorkflowTrigger is "push"`},
		{"--certificate-github-workflow-sha fdf4fc3344e", ExitDenied, "NOT VERIFIED CERT_IDENTITY"},
		{"--certificate-github-workflow-name Sign", ExitDenied, "NOT VERIFIED CERT_IDENTITY"},
		{"--certificate-github-workflow-repository acme/website", ExitDenied, "NOT VERIFIED CERT_IDENTITY"},
		{"--certificate-github-workflow-ref refs/heads/dev", ExitDenied, "NOT VERIFIED CERT_IDENTITY"},
		{"--certificate-claim sourceRepositoryURI=https://github.com/acme/policies --certificate-claim sourceRepositoryRefRegexp=^refs/heads/.*$", ExitOK, "VERIFIED"},
		{"--certificate-claim sourceRepositoryURI=https://github.com/acme", ExitDenied, "NOT VERIFIED CERT_IDENTITY"},
		{"--certificate-claim buildTrigger=push", ExitDenied, "the certificate has no buildTrigger"},
		{"--certificate-claim repository=acme", ExitUsage, "no such claim; there are buildSignerURI,"},
		{"--certificate-claim sourceRepositoryURI", ExitUsage, "write it as NAME=VALUE"},
		{"--certificate-claim buildTrigger=a --certificate-claim buildTrigger=b", ExitUsage, "twice"},
		{"--certificate-claim buildTriggerRegexp=push", ExitUsage, "must be anchored"},
	} {
		code, stdout, stderr := runAt(tuftest.Start, slices.Concat(args, strings.Fields(c.flags))...)
		if code != c.want || !strings.Contains(stdout+stderr, c.text) {
			t.Errorf("%s: exit code %d, want %d\n%s%s", c.flags, code, c.want, stdout, stderr)
		}
	}
	// What has not happened proves nothing.
	if code, stdout, _ := runAt(tuftest.Start.Add(-2*time.Hour), args...); code != ExitDenied || !strings.Contains(stdout, "NOT VERIFIED TIMESTAMP_INVALID") {
		t.Errorf("two hours before: exit code %d\n%s", code, stdout)
	}
}

// TestTrustNamesThatMatchNothing: trust whose globs no name fits is refused where it
// comes in, and lint says where.
func TestTrustNamesThatMatchNothing(t *testing.T) {
	a := vt.BaseAuthorities()
	a.Rules[0].Workspace = "prod-[0-9]*"
	const want = `authorities.json rules[0].workspace: "prod-[0-9]*" holds '[', which no name has`
	dir := filepath.Join(t.TempDir(), "t")
	code, _, stderr := runAt(tuftest.Start, "trust", "init", "--dir", dir, "--authorities", put(t, "a.json", a.JSON()))
	if code == ExitOK || !strings.Contains(stderr, want) {
		t.Errorf("trust init: exit code %d\n%s", code, stderr)
	}
	ok(t, "trust", "init", "--dir", dir, "--authorities", put(t, "good.json", vt.BaseAuthorities().JSON()))
	code, _, stderr = runAt(tuftest.Start, "trust", "stage", "--dir", dir, "--authorities", put(t, "a.json", a.JSON()))
	if code == ExitOK {
		code, _, stderr = runAt(tuftest.Start, "trust", "lint", "--dir", dir)
	}
	if code == ExitOK || !strings.Contains(stderr, want) {
		t.Errorf("trust stage and lint: exit code %d\n%s", code, stderr)
	}
}
