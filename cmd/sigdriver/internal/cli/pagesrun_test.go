// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// pageCommands are the commands of the pages, by how they begin, in the order in which
// they are run here; those that need a driver's life behind them are run by the script that
// is named.
var pageCommands = []struct {
	begins, script string
	want           string // part of what it prints
}{
	{"sigdriver version", "", "sigdriver "},
	{"sigdriver canonicalize --type sandbox-policy", "", ""},
	{"sigdriver trust status --dir ", "", "timestamp"},
	{"sigdriver sign --document ", "", "Signed: attestation sha256:"},
	{"sigdriver sign --bundle-id ", "", "Signed: attestation sha256:"},
	{"sigdriver inspect ", "", "Not verified"},
	{"sigdriver verify --target ", "", "ALLOW"},
	{"sigdriver trust publish --dir ", "", ""},
	{"sigdriver receipt verify ", "receipt.txtar", ""},
	{"sigdriver audit reconcile ", "reconcile.txtar", ""},
	{"sigdriver serve --config ", "serve.txtar", ""},
	{"sigdriver memory status --config ", "memory.txtar", ""},
	{"sigdriver memory import --config ", "memory.txtar", ""},
}

// TestPageCommandsRun runs every command of the pages, with its placeholders filled
// in, where it can work: what one makes the next uses, up to an ALLOW.
func TestPageCommandsRun(t *testing.T) {
	printed := map[string]string{} // by how they begin
	for _, list := range codeLists() {
		for _, d := range list.docs {
			if !strings.HasPrefix(d.Command, "sigdriver ") {
				continue
			}
			found := ""
			for _, c := range pageCommands {
				if strings.HasPrefix(d.Command, c.begins) {
					found = c.begins
				}
			}
			switch was, again := printed[found]; {
			case found == "":
				t.Errorf("%s prints a command that nothing runs: %s", d.Code, d.Command)
			case again && was != d.Command:
				t.Errorf("%s prints another form of it: %s", d.Code, d.Command)
			}
			printed[found] = d.Command
		}
	}
	t.Chdir(pageFolder(t))
	fill := strings.NewReplacer("GATEWAY", "gw-1", "WORKSPACE", "prod", "NAME", "web-1", "PROVIDER_PROFILE:ID:", "PROVIDER_PROFILE:forge:", " ID ", " stack ", " N ", " 1 ",
		"FILE", "policy.sigstore.json", "TRUST", "trust", "DIR", "trust/published")
	for _, c := range pageCommands {
		command, shown := printed[c.begins]
		if !shown {
			t.Errorf("no page prints %s any more", c.begins)
			continue
		}
		if c.script != "" {
			script, err := os.ReadFile(filepath.Join(scripts, c.script))
			if verb := strings.Join(strings.Fields(c.begins)[1:3], " "); err != nil || !strings.Contains(string(script), " "+verb) {
				t.Errorf("%s does not run sigdriver %s: %v", c.script, verb, err)
			}
			continue
		}
		args := strings.Fields(fill.Replace(command))[1:]
		if args[0] == "sign" {
			args = append(args, "--yes")
		}
		code, stdout, stderr := runAt(tuftest.Start, args...)
		if code != ExitOK || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%s: exit code %d\n%s%s", command, code, stdout, stderr)
		}
	}
}

// scripts is where the testscripts are, from any working directory.
var scripts = func() string {
	dir, err := filepath.Abs(filepath.Join("..", "..", "testdata", "script"))
	if err != nil {
		panic(err)
	}
	return dir
}()

// pageFolder is a folder in which the commands of the pages can work: a policy in
// YAML, a profile, a key, and a ceremony that trusts it.
func pageFolder(t *testing.T) string {
	dir := t.TempDir()
	a := vt.BaseAuthorities()
	a.Principals["approver"] = vt.HeldBy(vt.Person("approver"))
	a.Authorities["security"] = &vt.Authority{Principals: []string{"approver"}, Threshold: 1}
	for name, data := range map[string][]byte{
		"policy.yaml":  []byte("version: 1\nfilesystem_policy:\n  include_workdir: true\n  read_only: [/usr]\n"),
		"profile.json": vt.Canonical(vt.ForgeProfile()),
		"approver.key": vt.Person("approver").PrivatePEM(), "authorities.json": a.JSON(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ok(t, "trust", "init", "--dir", filepath.Join(dir, "trust"), "--authorities", filepath.Join(dir, "authorities.json"))
	root, err := os.ReadFile(filepath.Join(dir, "trust", "published", "metadata", "1.root.json"))
	if err != nil {
		t.Fatal(err)
	}
	a.Rule("profiles").Target = "web-*" // something to publish
	for name, data := range map[string][]byte{"root.json": root, "authorities.json": a.JSON()} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
