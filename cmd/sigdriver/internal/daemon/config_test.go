// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// goodConfig is a complete configuration; %s is a folder.
const goodConfig = `state_dir = "%[1]s/state"

[socket]
path = "%[1]s/run/driver.sock"

[[peer]]
uid = 990
gateway_ids = ["gw-east", "gw-west"]

[[peer]]
gid = 991
gateway_ids = ["gw-north"]

[trust]
root = "%[1]s/root.json"
source = "https://trust.example/"
refresh_interval = "30s"

[attestations]
dir = "%[1]s/attestations"

[audit]
deny_per_minute = 10
reserve_mib = 128

[admin]
listen = "127.0.0.1:9464"

[attest]
driver_id = "east-1"
key = "%[1]s/receipts.key"

[interceptor]
path = "%[1]s/run/interceptor.sock"
gateway_id = "gw-north"

[log]
level = "debug"
format = "json"
`

// configPlaces makes the files that good names.
func configPlaces(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cfg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "root.json"), []byte("{}"), 0o600),
		os.Mkdir(filepath.Join(dir, "attestations"), 0o700),
		os.WriteFile(filepath.Join(dir, "receipts.key"), verifiertest.Person("the driver").PrivatePEM(), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	return dir
}

func loadText(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sigdriver.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return LoadConfig(path)
}

func TestLoadConfig(t *testing.T) {
	dir := configPlaces(t)
	c, err := loadText(t, fmt.Sprintf(goodConfig, dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckPlaces(); err != nil {
		t.Fatal(err)
	}
	if c.Trust.RefreshInterval != Duration(30*time.Second) || c.Audit.ReserveMiB != 128 || c.Log.Format != "json" {
		t.Errorf("read %+v", c)
	}
	list := c.PeerList()
	if !list.MaySpeakFor(socket.Credentials{UID: 990, GID: 1, PID: 1}, "gw-west") || !list.MaySpeakFor(socket.Credentials{UID: 1, GID: 991, PID: 1}, "gw-north") {
		t.Error("a listed peer may not call")
	}
	if list.MaySpeakFor(socket.Credentials{UID: 990, GID: 1, PID: 1}, "gw-north") {
		t.Error("a peer may speak for another's gateway")
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := loadText(t, `state_dir = "/var/lib/sigdriver"
socket.path = "/run/sigdriver/driver.sock"
peer = [{uid = 1, gateway_ids = ["gw"]}]
trust.root = "/etc/sigdriver/root.json"
trust.source = "/srv/trust"
`)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	if c.Trust.RefreshInterval != want.Trust.RefreshInterval || c.Audit != want.Audit || c.Log != want.Log || c.Admin.Listen != "" {
		t.Errorf("read %+v", c)
	}
}

// Each case changes one line of a configuration that loads, and is refused with
// that line, its key and a remedy.
func TestConfigRefusals(t *testing.T) {
	text := fmt.Sprintf(goodConfig, "/tmp")
	if _, err := loadText(t, text); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, from, to string
		key            string
	}{
		{"unknown key", `format = "json"`, `fromat = "json"`, "log.fromat"},
		{"unknown table", `[admin]`, `[administration]`, "administration"},
		{"unknown key in a peer", `gid = 991`, `group = 991`, "peer.group"},
		{"a rule", `reserve_mib = 128`, `max_stale = "900h"`, "audit.max_stale"},
		{"not TOML", `[audit]`, `[audit`, ""},
		{"twice", `reserve_mib = 128`, `deny_per_minute = 11`, "deny_per_minute"},
		{"wrong type", `deny_per_minute = 10`, `deny_per_minute = "10"`, "audit.deny_per_minute"},
		{"relative state", `state_dir = "/tmp/state"`, `state_dir = "state"`, "state_dir"},
		{"relative socket", `path = "/tmp/run/driver.sock"`, `path = "driver.sock"`, "socket.path"},
		{"long socket", `path = "/tmp/run/driver.sock"`, `path = "/` + strings.Repeat("a", 107) + `"`, "socket.path"},
		{"unclean socket", `path = "/tmp/run/driver.sock"`, `path = "/tmp/../run/s"`, "socket.path"},
		{"relative root", `root = "/tmp/root.json"`, `root = "root.json"`, "trust.root"},
		{"relative source", `source = "https://trust.example/"`, `source = "repository"`, "trust.source"},
		{"scheme", `source = "https://trust.example/"`, `source = "ftp://trust.example/"`, "trust.source"},
		{"no duration", `refresh_interval = "30s"`, `refresh_interval = "soon"`, "trust.refresh_interval"},
		{"short interval", `refresh_interval = "30s"`, `refresh_interval = "1ms"`, "trust.refresh_interval"},
		{"long interval", `refresh_interval = "30s"`, `refresh_interval = "25h"`, "trust.refresh_interval"},
		{"relative attestations", `dir = "/tmp/attestations"`, `dir = "attestations"`, "attestations.dir"},
		{"negative uid", `uid = 990`, `uid = -1`, "peer.uid"},
		{"overflow uid", `uid = 990`, `uid = 65534`, "peer[0].uid"},
		{"overflow gid", `gid = 991`, `gid = 65534`, "peer[1].gid"},
		{"uid and gid", `uid = 990`, "uid = 990\ngid = 990", "peer[0]"},
		{"no gateways", `gateway_ids = ["gw-north"]`, `gateway_ids = []`, "peer[1].gateway_ids"},
		{"empty gateway", `gateway_ids = ["gw-north"]`, `gateway_ids = [""]`, "peer[1].gateway_ids"},
		{"pattern", `gateway_ids = ["gw-north"]`, `gateway_ids = ["gw-*"]`, "peer[1].gateway_ids"},
		{"no budget", `deny_per_minute = 10`, `deny_per_minute = 0`, "audit.deny_per_minute"},
		{"large budget", `deny_per_minute = 10`, `deny_per_minute = 10001`, "audit.deny_per_minute"},
		{"no reserve", `reserve_mib = 128`, `reserve_mib = 0`, "audit.reserve_mib"},
		{"public admin", `listen = "127.0.0.1:9464"`, `listen = "0.0.0.0:9464"`, "admin.listen"},
		{"admin by name", `listen = "127.0.0.1:9464"`, `listen = "localhost:9464"`, "admin.listen"},
		{"relative admin", `listen = "127.0.0.1:9464"`, `listen = "admin.sock"`, "admin.listen"},
		{"relative interceptor", `path = "/tmp/run/interceptor.sock"`, `path = "interceptor.sock"`, "interceptor.path"},
		{"interceptor on the driver's socket", `path = "/tmp/run/interceptor.sock"`, `path = "/tmp/run/driver.sock"`, "interceptor.path"},
		{"interceptor without a path", `path = "/tmp/run/interceptor.sock"`, ``, "interceptor.path"},
		{"interceptor of nobody's gateway", `gateway_id = "gw-north"`, `gateway_id = "gw-south"`, "interceptor.gateway_id"},
		{"interceptor without a gateway", `gateway_id = "gw-north"`, `gateway_id = ""`, "interceptor.gateway_id"},
		{"receipts by nobody", `driver_id = "east-1"`, `driver_id = ""`, "attest.driver_id"},
		{"a space in the id", `driver_id = "east-1"`, `driver_id = "east 1"`, "attest.driver_id"},
		{"a control character in the id", `driver_id = "east-1"`, `driver_id = "east\u0007"`, "attest.driver_id"},
		{"a long id", `driver_id = "east-1"`, `driver_id = "` + strings.Repeat("e", 254) + `"`, "attest.driver_id"},
		{"receipts without a key", `key = "/tmp/receipts.key"`, `key = ""`, "attest.key"},
		{"relative key", `key = "/tmp/receipts.key"`, `key = "receipts.key"`, "attest.key"},
		{"unclean key", `key = "/tmp/receipts.key"`, `key = "/tmp//receipts.key"`, "attest.key"},
		{"a key in a token", `key = "/tmp/receipts.key"`, `key = "pkcs11:token=t"`, "attest.key"},
		{"level", `level = "debug"`, `level = "verbose"`, "log.level"},
		{"format", `format = "json"`, `format = "xml"`, "log.format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(text, c.from) != 1 {
				t.Fatalf("%q is there %d times", c.from, strings.Count(text, c.from))
			}
			changed := strings.Replace(text, c.from, c.to, 1)
			_, err := loadText(t, changed)
			var e *ConfigError
			if !errors.As(err, &e) {
				t.Fatalf("no *ConfigError: %v", err)
			}
			line := strings.Count(text[:strings.Index(text, c.from)], "\n") + 1
			if e.Remedy == "" || e.Key != c.key || e.Line < line-1 || e.Line > line {
				t.Errorf("line %d, key %q, want line %d, key %q: %v", e.Line, e.Key, line, c.key, err)
			}
		})
	}
}

func TestConfigMissing(t *testing.T) {
	text := fmt.Sprintf(goodConfig, "/tmp")
	for _, line := range []string{
		`state_dir = "/tmp/state"`, `path = "/tmp/run/driver.sock"`, `root = "/tmp/root.json"`, `source = "https://trust.example/"`,
	} {
		_, err := loadText(t, strings.Replace(text, line, "", 1))
		var e *ConfigError
		if !errors.As(err, &e) || e.Text != "is required" {
			t.Errorf("without %s: %v", line, err)
		}
	}
	_, err := loadText(t, "state_dir = \"/s\"\n[socket]\npath = \"/s/s\"\n")
	var e *ConfigError
	if !errors.As(err, &e) || e.Key != "peer" {
		t.Errorf("without peers: %v", err)
	}
	if _, err := LoadConfig(filepath.Join(t.TempDir(), "none.toml")); !errors.As(err, &e) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
}

// Each case breaks one place of a configuration whose places check.
func TestConfigPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		breakIt func(dir string) error
		key     string
	}{
		"no root":                              {func(d string) error { return os.Remove(d + "/root.json") }, "trust.root"},
		"root is a folder":                     {func(d string) error { os.Remove(d + "/root.json"); return os.Mkdir(d+"/root.json", 0o700) }, "trust.root"},
		"huge root":                            {func(d string) error { return os.Truncate(d+"/root.json", maxRootFile+1) }, "trust.root"},
		"no attestations":                      {func(d string) error { return os.Remove(d + "/attestations") }, "attestations.dir"},
		"open state":                           {func(d string) error { os.Mkdir(d+"/state", 0o700); return os.Chmod(d+"/state", 0o755) }, "state_dir"},
		"state is a file":                      {func(d string) error { return os.WriteFile(d+"/state", nil, 0o600) }, "state_dir"},
		"state is a link":                      {func(d string) error { return os.Symlink(d, d+"/state") }, "state_dir"},
		"no receipt key":                       {func(d string) error { return os.Remove(d + "/receipts.key") }, "attest.key"},
		"open receipt key":                     {func(d string) error { return os.Chmod(d+"/receipts.key", 0o644) }, "attest.key"},
		"receipt key that the group may write": {func(d string) error { return os.Chmod(d+"/receipts.key", 0o660) }, "attest.key"},
		"receipt key is a link to an open one": {func(d string) error {
			return errors.Join(os.Rename(d+"/receipts.key", d+"/k"), os.Symlink(d+"/k", d+"/receipts.key"), os.Chmod(d+"/k", 0o644))
		}, "attest.key"},
		"receipt key is a folder": {func(d string) error { os.Remove(d + "/receipts.key"); return os.Mkdir(d+"/receipts.key", 0o700) }, "attest.key"},
		"receipt key is none":     {func(d string) error { return os.WriteFile(d+"/receipts.key", []byte("no key"), 0o600) }, "attest.key"},
		"receipt key is P-384": {func(d string) error {
			return os.WriteFile(d+"/receipts.key", verifiertest.Person("carol").PrivatePEM(), 0o600)
		}, "attest.key"},
		"receipt key is sealed": {func(d string) error {
			key, err := keys.Generate(keys.Ed25519)
			if err != nil {
				return err
			}
			data, err := key.Marshal([]byte("passphrase"))
			return errors.Join(err, os.WriteFile(d+"/receipts.key", data, 0o600))
		}, "attest.key"},
		"open run":         {func(d string) error { os.Mkdir(d+"/run", 0o700); return os.Chmod(d+"/run", 0o777) }, "socket.path"},
		"run is a symlink": {func(d string) error { return os.Symlink(d, d+"/run") }, "socket.path"},
		"parent is open":   {func(d string) error { return os.Chmod(d, 0o777) }, "socket.path"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := configPlaces(t)
			conf, err := loadText(t, fmt.Sprintf(goodConfig, dir))
			if err != nil {
				t.Fatal(err)
			}
			if err := conf.CheckPlaces(); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := c.breakIt(dir); err != nil {
				t.Fatal(err)
			}
			var e *ConfigError
			if err := conf.CheckPlaces(); !errors.As(err, &e) || e.Key != c.key || e.Remedy == "" || e.Line == 0 {
				t.Errorf("got %v, want a fault of %s with line and remedy", err, c.key)
			}
		})
	}
}

func TestNeedRestart(t *testing.T) {
	text := fmt.Sprintf(goodConfig, "/tmp")
	before, err := loadText(t, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, key string }{
		{`uid = 990`, `uid = 991`, ""},
		{`level = "debug"`, `level = "info"`, ""},
		{`refresh_interval = "30s"`, `refresh_interval = "31s"`, ""},
		{`state_dir = "/tmp/state"`, `state_dir = "/tmp/other"`, "state_dir"},
		{`driver_id = "east-1"`, `driver_id = "east-2"`, "attest"},
		{`root = "/tmp/root.json"`, `root = "/tmp/2.root.json"`, "trust.root"},
		{`format = "json"`, `format = "text"`, "log.format"},
	} {
		next, err := loadText(t, strings.Replace(text, c.from, c.to, 1))
		if err != nil {
			t.Fatal(err)
		}
		got := before.NeedRestart(next)
		if c.key == "" && len(got) != 0 || c.key != "" && !slices.Equal(got, []string{c.key}) {
			t.Errorf("%s: %v", c.to, got)
		}
	}
}

// The configurations that docs/integration.md shows load.
func TestIntegrationPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "integration.md"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	blocks := 0
	for _, part := range strings.Split(string(page), "```toml\n")[1:] {
		if block, _, _ := strings.Cut(part, "```"); !strings.Contains(block, "openshell.gateway") {
			blocks++
			text.WriteString(block)
		}
	}
	if blocks != 2 {
		t.Fatalf("the page shows %d configurations of the driver", blocks)
	}
	c, err := loadText(t, strings.Replace(text.String(), `"openshell"`, `"0"`, 1)) // the group exists on no test machine
	if err != nil {
		t.Fatal(err)
	}
	if c.Interceptor.GatewayID != "gw-east" || c.Socket.Group != "0" {
		t.Errorf("read %+v", c)
	}
}

// Windows' editors write a mark, which is no TOML.
func TestConfigWithMark(t *testing.T) {
	var fault *ConfigError
	if _, err := parseConfig("x.toml", []byte("\ufeffstate_dir = \"/x\"\n")); !errors.As(err, &fault) || !strings.Contains(fault.Text, "byte order mark") || fault.Remedy == "" {
		t.Errorf("a mark: %v", err)
	}
}
