// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build pkcs11

// Package softhsm makes a PKCS#11 token in software for a test, by SoftHSM.
package softhsm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// PIN opens the tokens of New.
const PIN = "97531"

// modules are where distributions put SoftHSM's library.
var modules = []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"}

// Token is a token that is gone with its test.
type Token struct {
	PINFile string

	t      testing.TB
	module string
}

// New makes a token. A build that asks for PKCS#11 is tested with one: without
// SoftHSM the test fails.
func New(t testing.TB) *Token {
	t.Helper()
	dir := t.TempDir()
	k := &Token{PINFile: filepath.Join(dir, "pin"), t: t}
	for _, path := range modules {
		if _, err := os.Stat(path); err == nil && k.module == "" {
			k.module = path
		}
	}
	if k.module == "" {
		t.Fatal("SoftHSM is not installed: apt-get install softhsm2")
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	k.write(conf, fmt.Sprintf("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", dir))
	k.write(k.PINFile, PIN+"\n")
	t.Setenv("SOFTHSM2_CONF", conf)
	k.run("--init-token", "--free", "--label", "sigdriver", "--so-pin", PIN, "--pin", PIN)
	return k
}

func (k *Token) write(path, text string) {
	k.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

func (k *Token) run(args ...string) {
	k.t.Helper()
	if out, err := exec.Command("softhsm2-util", args...).CombinedOutput(); err != nil {
		k.t.Fatalf("softhsm2-util %v: %v\n%s", args, err, out)
	}
}

// Import puts a private key in PKCS#8 PEM into the token, under a label and an id
// in hex.
func (k *Token) Import(label, id string, pem []byte) {
	k.t.Helper()
	path := filepath.Join(k.t.TempDir(), "key.pem")
	k.write(path, string(pem))
	k.run("--import", path, "--token", "sigdriver", "--label", label, "--id", id, "--pin", PIN)
}

// URI names a key of the token.
func (k *Token) URI(label string) string {
	return fmt.Sprintf("pkcs11:token=sigdriver;object=%s?module-path=%s&pin-source=file:%s", label, k.module, k.PINFile)
}

// Asked is URI for somebody who is asked for the PIN.
func (k *Token) Asked(label string) string {
	return fmt.Sprintf("pkcs11:token=sigdriver;object=%s?module-path=%s", label, k.module)
}
