// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dataFolder is where data that nobody here wrote lies, when it is there.
func dataFolder(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("SIGDRIVER_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("outside data is absent: %v; set SIGDRIVER_DATA to the folder that has it", err)
	}
	return dir
}

const (
	beaconIdentity = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
	beaconIssuer   = "https://token.actions.githubusercontent.com"
)

// TestSigstoreData gives every bundle of the Sigstore conformance suite to
// verify-bundle: it verifies, or fails, as its folder's name says.
func TestSigstoreData(t *testing.T) {
	dir := dataFolder(t, "sigstore")
	bundles, err := filepath.Glob(filepath.Join(dir, "*", "bundle.sigstore.json"))
	if err != nil || len(bundles) == 0 {
		t.Fatalf("no bundles in %s: %v", dir, err)
	}
	for _, bundle := range bundles {
		name := filepath.Base(filepath.Dir(bundle))
		want := ExitOK
		if strings.HasSuffix(name, "_fail") {
			want = ExitDenied
		}
		var stdout, stderr bytes.Buffer
		got := Main(bundleCall(t, dir, bundle), strings.NewReader(""), &stdout, &stderr)
		if got != want {
			t.Errorf("%s: exit code %d, want %d\n%s%s", name, got, want, &stdout, &stderr)
		}
		stdout.Reset()
		if got := Main([]string{"inspect", bundle}, strings.NewReader(""), &stdout, &stderr); got != ExitOK {
			t.Errorf("%s: inspect: exit code %d\n%s", name, got, &stderr)
		}
		if !strings.HasPrefix(stdout.String(), "Not verified: ") || !strings.Contains(stdout.String(), "Sigstore bundle") {
			t.Errorf("%s: inspect says\n%s", name, &stdout)
		}
	}
}

// bundleCall is the command line for a bundle, by the rules of the data's README.
func bundleCall(t *testing.T, dir, bundle string) []string {
	own := func(name, otherwise string) string {
		path := filepath.Join(filepath.Dir(bundle), name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
		return otherwise
	}
	word := func(name, otherwise string) string {
		path := own(name, "")
		if path == "" {
			return otherwise
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	args := []string{"verify-bundle", "--bundle", bundle, "--trusted-root", own("trusted_root.json", filepath.Join(dir, "trusted_root_public_good.json"))}
	if key := own("key.pub", ""); key != "" {
		args = append(args, "--key", key)
	} else {
		args = append(args, "--certificate-identity", word("identity", beaconIdentity), "--certificate-oidc-issuer", word("issuer", beaconIssuer))
	}
	return append(args, own("artifact", filepath.Join(dir, "a.txt")))
}
