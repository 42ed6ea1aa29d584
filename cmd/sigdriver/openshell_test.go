// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// author is somebody who turns files into approved documents, with the command
// line alone.
type author struct {
	t   *testing.T
	dir string
}

// TestOpenShellFiles takes each of OpenShell's sample policies and built-in
// profiles, when they are here, from YAML to an allowed composition.
func TestOpenShellFiles(t *testing.T) {
	base := os.Getenv("SIGDRIVER_DATA")
	if base == "" {
		base = filepath.Join("..", "..", "..", "shared", "data")
	}
	base, err := filepath.Abs(base) // commands run in the author's folder
	if err != nil {
		t.Fatal(err)
	}
	policies, _ := filepath.Glob(filepath.Join(base, "openshell", "policies", "*.yaml"))
	providers, _ := filepath.Glob(filepath.Join(base, "openshell", "providers", "*.yaml"))
	if len(policies) == 0 || len(providers) == 0 {
		t.Skipf("no OpenShell files at %s: set SIGDRIVER_DATA", base)
	}
	a := newAuthor(t)
	var layers []verifiertest.Layer
	parts := a.settings()
	for _, path := range providers {
		document := a.approved("provider-profile", path, "", "dave")
		profile := verifiertest.Parse(a.read(document))
		id := profile["id"].(string)
		a.allowed("--target", "gw-1:prod/web-1", "--document", document, "--attestation", document+".dave")
		layers = append(layers, verifiertest.Layer{Provider: "my-" + id, Profile: profile})
		parts = append(parts, "--document", "provider=my-"+id+",file="+document+",attestation="+document+".dave")
	}
	for _, path := range policies {
		document := a.approved("sandbox-policy", path, "web-*", "alice", "bob")
		policy := []string{"--target", "gw-1:prod/web-1", "--document", document, "--attestation", document + ".alice", "--attestation", document + ".bob"}
		a.allowed(policy...)
		effective := verifiertest.Compose(verifiertest.Parse(a.read(document)), layers...)
		a.write("effective.json", effective)
		a.allowed(append(append(policy, parts...), "--effective", "effective.json", "--providers-v2")...)
	}
}

func newAuthor(t *testing.T) *author {
	a := &author{t, t.TempDir()}
	for _, name := range []string{"alice", "bob", "dave"} {
		a.write(name+".key", verifiertest.Person(name).PrivatePEM())
	}
	rules := verifiertest.BaseAuthorities()
	rules.Rules = append(rules.Rules, verifiertest.SettingsRule())
	repo := tuftest.New(t, tuftest.At(time.Now()))
	repo.SetTarget("authorities.json", rules.JSON())
	repo.SetTarget("revocations.json", verifiertest.Revocations())
	repo.Publish()
	a.write("root.json", repo.Root())
	for name, data := range repo.Files() {
		a.write(filepath.Join("repo", name), data)
	}
	return a
}

// settings are approved too; the gateway sends them with every composition.
func (a *author) settings() []string {
	a.write("gateway.yaml", []byte(`policySource: sandbox
providersV2Enabled: true
policyValidationFailureMode: fail_closed
middlewareServices:
- name: guard
  endpoint: https://guard.corp.example:8443
volumes: {maxBytes: 1073741824}
`))
	document := a.approved("settings", filepath.Join(a.dir, "gateway.yaml"), "web-*", "dave")
	return []string{"--document", "role=SETTINGS,file=" + document + ",attestation=" + document + ".dave"}
}

// approved makes the document of a file and an approval by each person.
func (a *author) approved(typeName, path, name string, people ...string) string {
	a.t.Helper()
	document := strings.TrimSuffix(filepath.Base(path), ".yaml") + ".json"
	a.run("canonicalize", "--openshell", "0.0", "--type", typeName, path, "--out", document)
	for _, person := range people {
		args := []string{"sign", "--yes", "--document", document, "--key", person + ".key", "--version", "1", "--out", document + "." + person}
		if name != "" {
			args = append(args, "--workspace", "prod", "--name", name)
		} else {
			args = append(args, "--workspace", "")
		}
		a.run(args...)
	}
	return document
}

func (a *author) allowed(args ...string) {
	a.t.Helper()
	out := a.run(append([]string{"verify", "--trust", "repo", "--root", "root.json"}, args...)...)
	if !strings.Contains(out, "\n"+verifier.Allow.String()+"\n") {
		a.t.Errorf("no ALLOW in\n%s", out)
	}
}

// run ends the test unless the command exits with 0.
func (a *author) run(args ...string) string {
	a.t.Helper()
	cmd := exec.Command("sigdriver", args...)
	cmd.Dir = a.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		a.t.Fatalf("sigdriver %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (a *author) read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		a.t.Fatal(err)
	}
	return data
}

func (a *author) write(name string, data []byte) {
	path := filepath.Join(a.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		a.t.Fatal(err)
	}
}
