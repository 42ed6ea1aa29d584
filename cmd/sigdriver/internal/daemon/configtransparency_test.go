// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

func witnessKey(t *testing.T, name string) string {
	t.Helper()
	_, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}

// configWithLog is good with a transparency log and two witnesses.
func configWithLog(t *testing.T, dir string) string {
	return fmt.Sprintf(goodConfig, dir) + fmt.Sprintf(`
[transparency]
key = "%s/log.key"
origin = "example.com/log"
witness_quorum = 1
witness_required = true

[[transparency.witness]]
key = %q
url = "https://one.example/"

[[transparency.witness]]
key = %q
url = "http://two.example/witness"
`, dir, witnessKey(t, "one.example"), witnessKey(t, "two.example"))
}

func TestTransparencyConfig(t *testing.T) {
	dir := configPlaces(t)
	write := func(data []byte, mode os.FileMode) {
		t.Helper()
		name := filepath.Join(dir, "log.key")
		if err := errors.Join(os.WriteFile(name, data, mode), os.Chmod(name, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write(verifiertest.NewKey("log", verifier.Ed25519).PrivatePEM(), 0o600)
	c, err := loadText(t, configWithLog(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckPlaces(); err != nil {
		t.Fatal(err)
	}
	key, err := c.LogKey()
	if err != nil || key.Name() != "example.com/log" || !strings.HasPrefix(key.VKey(), "example.com/log+") {
		t.Error(err)
	}
	w, err := c.Witnesses()
	if err != nil || len(w.List) != 2 || w.Quorum != 1 || !w.Required || w.List[1].URL != "http://two.example/witness/add-checkpoint" {
		t.Errorf("%+v, %v", w, err)
	}
	c.Transparency.WitnessQuorum = 0
	if w, err := c.Witnesses(); err != nil || w.Quorum != 2 {
		t.Errorf("all have to sign by default: %+v, %v", w, err)
	}

	var setting *ConfigError
	refused := func(what, key string) {
		t.Helper()
		if err := c.CheckPlaces(); !errors.As(err, &setting) || setting.Key != key || setting.Remedy == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	write(verifiertest.NewKey("log", verifier.Ed25519).PrivatePEM(), 0o644)
	refused("others can read it", "transparency.key")
	write(verifiertest.Person("bob").PrivatePEM(), 0o600)
	refused("another kind of key", "transparency.key")
	write([]byte("none"), 0o600)
	refused("no key", "transparency.key")
	if err := os.Remove(filepath.Join(dir, "log.key")); err != nil {
		t.Fatal(err)
	}
	refused("no file", "transparency.key")
	write(verifiertest.NewKey("log", verifier.Ed25519).PrivatePEM(), 0o600)
	c.Transparency.Origin = "a name"
	refused("a name with a space", "transparency.origin")
}

func TestTransparencyConfigRefusals(t *testing.T) {
	text := configWithLog(t, "/tmp")
	before, err := loadText(t, text)
	if err != nil {
		t.Fatal(err)
	}
	first := before.Transparency.Witness[0]
	for _, c := range []struct{ from, to, key string }{
		{`key = "/tmp/log.key"`, ``, "transparency.key"},
		{`key = "/tmp/log.key"`, `key = "log.key"`, "transparency.key"},
		{`key = "/tmp/log.key"`, `key = "/tmp/receipts.key"`, "transparency.key"},
		{`origin = "example.com/log"`, ``, "transparency.origin"},
		{`witness_quorum = 1`, `witness_quorum = 3`, "transparency.witness_quorum"},
		{`witness_quorum = 1`, `witness_quorum = -1`, "transparency.witness_quorum"},
		{`url = "https://one.example/"`, ``, "transparency.witness[0]"},
		{`url = "https://one.example/"`, `url = "one.example"`, "transparency.witness[0]"},
		{`url = "http://two.example/witness"`, `url = "https://one.example/"`, "transparency.witness[1]"},
		{fmt.Sprintf("%q", before.Transparency.Witness[1].Key), fmt.Sprintf("%q", first.Key), "transparency.witness[1]"},
		{fmt.Sprintf("%q", first.Key), `"one.example+00000000+AAAA"`, "transparency.witness[0]"},
	} {
		if strings.Count(text, c.from) != 1 {
			t.Fatalf("%q is there %d times", c.from, strings.Count(text, c.from))
		}
		var e *ConfigError
		if _, err := loadText(t, strings.Replace(text, c.from, c.to, 1)); !errors.As(err, &e) || e.Key != c.key || e.Remedy == "" || e.Line == 0 {
			t.Errorf("%q: %v", c.to, err)
		}
	}
	none, _, _ := strings.Cut(text, "[[transparency.witness]]")
	var e *ConfigError
	if _, err := loadText(t, strings.Replace(none, "witness_quorum = 1", "", 1)); !errors.As(err, &e) || e.Key != "transparency.witness_required" {
		t.Errorf("required, and there are none: %v", err)
	}
	next, err := loadText(t, strings.Replace(text, "witness_required = true", "witness_required = false", 1))
	if err != nil {
		t.Fatal(err)
	}
	if keys := before.NeedRestart(next); len(keys) != 1 || keys[0] != "transparency" {
		t.Error(keys)
	}
}
