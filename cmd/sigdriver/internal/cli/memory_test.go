// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence/evidencetest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

type quiet struct{}

func (quiet) Learned(uint64, int)          {}
func (quiet) Raised(string, time.Duration) {}

// sharedState is the state folder of a driver that shares a memory and allowed one sandbox.
func sharedState(t *testing.T, url, id string) string {
	t.Helper()
	s := verifiertest.ComposePlain()
	s.Request.Target.SandboxID = "sandbox-of-" + id
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	db, err := memory.ParseURL(url, "")
	if err != nil {
		t.Fatal(err)
	}
	d := evidencetest.New(t, trust)
	d.Share(func(store *record.Store) func() {
		c := memory.New(memory.Config{Database: db, Driver: id, Store: store, Ordered: func(*record.AskedReset) bool { return false }, Metrics: quiet{}, Logger: hclog.NewNullLogger()})
		store.Share(c)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { c.Run(ctx) })
		for until := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if _, err := c.Session(); err == nil {
				return func() { cancel(); running.Wait() }
			}
			if time.Now().After(until) {
				t.Fatal("there is no session")
			}
		}
	})
	d.Decide(s, s.Now)
	d.Close()
	return d.Dir
}

func command(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := Main(args, nil, &out, &errs); got != want {
		t.Fatalf("%q: exit %d, want %d\n%s%s", args, got, want, out.String(), errs.String())
	}
	return out.String() + errs.String()
}

// The journals of a fleet are checked together, and the one that is withheld is named.
func TestAuditVerifyFleet(t *testing.T) {
	p := memorytest.Start(t)
	var dirs []string
	for _, id := range []string{"east", "west", "north"} {
		dirs = append(dirs, sharedState(t, p.URL(), id))
	}
	// north has learned every row; the others those before their own end.
	whole := command(t, 4, append([]string{"audit", "verify"}, dirs...)...) // without log keys
	for _, line := range []string{"is of east: 1 raise asked for", "is of north: 1 raise asked for", "Each of the 3 rows of the memory is explained"} {
		if !strings.Contains(whole, line) {
			t.Errorf("no %q in\n%s", line, whole)
		}
	}
	without := command(t, 1, "audit", "verify", dirs[0], dirs[2])
	if !strings.Contains(without, "LOG_GAP: a journal of driver west, which raised rows 2 of the memory") {
		t.Errorf("without west:\n%s", without)
	}
	pack := filepath.Join(t.TempDir(), "west.pack")
	command(t, 0, "audit", "export", "--state", dirs[1], "--out", pack)
	if text := command(t, 4, "audit", "verify", dirs[0], pack, dirs[2]); !strings.Contains(text, "Each of the 3 rows") {
		t.Errorf("with a pack:\n%s", text)
	}
}

// A state folder joins the memory, shows how it stands, and leaves it.
func TestMemoryCommands(t *testing.T) {
	p := memorytest.Start(t)
	s := verifiertest.ComposePlain()
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	d := evidencetest.New(t, trust)
	d.Decide(s, s.Now)
	d.Close()
	if err := os.Chmod(d.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(t.TempDir(), "sigdriver.toml")
	write := func(more string) {
		t.Helper()
		text := fmt.Sprintf("state_dir = %q\nsocket.path = \"/tmp/x/s\"\npeer = [{uid = 1, gateway_ids = [\"gw-east\"]}]\ntrust = {root = \"/none\", source = \"/none\"}\n%s\n", d.Dir, more)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	command(t, 2, "memory", "status", "--config", conf)
	write(fmt.Sprintf("memory = {postgres = %q, driver_id = \"east\"}", p.URL()))
	if text := command(t, 0, "memory", "import", "--config", conf); !strings.Contains(text, "learned 0 rows, raised 1 floor and bound 1 sandbox") {
		t.Error(text)
	}
	if text := command(t, 0, "memory", "import", "--config", conf); !strings.Contains(text, "learned 2 rows, raised 0 floors and bound 0 sandboxes") {
		t.Error(text)
	}
	if text := command(t, 0, "memory", "status", "--config", conf); !strings.Contains(text, "schema 1, 2 rows") || !strings.Contains(text, "driver   east: 2 rows, the last 2 in session 1") {
		t.Error(text)
	}
	if text := command(t, 0, "memory", "export", "--config", conf); !strings.Contains(text, "at row 2") {
		t.Error(text)
	}
	command(t, 4, "memory", "export", "--config", conf)
	p.Kill()
	if text := command(t, 4, "memory", "status", "--config", conf); !strings.Contains(text, "docs/memory.md") {
		t.Error(text)
	}
	schema := command(t, 0, "memory", "init", "--print", "--role", `o"dd`, "--drivers", "3")
	if !strings.Contains(schema, `create role "o""dd" login`) || !strings.Contains(schema, "connection limit 8") {
		t.Error(schema)
	}
	command(t, 2, "memory", "init")
	command(t, 2, "memory", "init", "--print", "--drivers", "0")
}
