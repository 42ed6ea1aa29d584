// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// scene is a state folder that has accepted an old state, and a repository that
// has gone on.
type scene struct {
	t     *testing.T
	repo  *tuftest.Repo
	state string // with trust/ and archive/
	cfg   Config
	seen  sync.Map // what has been left of it and was found consistent
}

func newScene(t *testing.T) *scene {
	t.Helper()
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	s.Close()
	repo.SetTarget("authorities.json", []byte("new"))
	repo.SetTarget("revocations.json", []byte("new"))
	repo.Rotate("root")
	repo.Publish()
	s.cfg.Source = DirSource(repo.Dir())
	return &scene{t: t, repo: repo, state: filepath.Dir(s.cfg.Dir), cfg: s.cfg}
}

// copy returns the scene with a state folder of its own.
func (s *scene) copy() Config {
	s.t.Helper()
	state := disktest.MemoryDir(s.t)
	if err := os.CopyFS(state, os.DirFS(s.state)); err != nil {
		s.t.Fatal(err)
	}
	cfg := s.cfg
	cfg.Dir, cfg.ArchiveDir = filepath.Join(state, "trust"), filepath.Join(state, "archive")
	return cfg
}

var noted = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// update opens, refreshes and accepts: all that touches files.
func update(cfg Config) error {
	c, err := Open(cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	u, err := c.Refresh(context.Background())
	if err != nil {
		return err
	}
	return c.Accept(u, Note{Epoch: 2, Ratchet: []byte("two"), RevocationsExpire: noted})
}

// holds is consistent for a copy of the scene. What holds for a state once holds
// for it always.
func (s *scene) holds(cfg Config, what string) {
	s.t.Helper()
	if _, before := s.seen.LoadOrStore(disktest.Left(s.t, filepath.Dir(cfg.Dir)), true); !before || s.t.Failed() {
		consistent(s.t, cfg, what)
	}
}

// consistent opens what a crash left: old or new must be in force, nothing else, and
// the repository must be followed as if nothing had happened.
func consistent(t *testing.T, cfg Config, what string) {
	t.Helper()
	cfg.FS = nil
	c, err := Open(cfg)
	if err != nil {
		t.Fatalf("%s: open: %v", what, err)
	}
	defer c.Close()
	got, note, ok := c.Accepted()
	if !ok {
		t.Fatalf("%s: nothing is in force", what)
	}
	state := string(got.Targets["authorities.json"]) + string(got.Targets["revocations.json"]) + fmt.Sprint(note.Epoch, got.Roles[RoleRoot].Version)
	if state != `{"v":1}{"r":1}1 1` && state != "newnew2 2" {
		t.Errorf("%s: mixed state %s", what, state)
	}
	u, err := c.Refresh(t.Context())
	if err != nil {
		t.Fatalf("%s: refresh: %v", what, err)
	}
	if err := c.Accept(u, Note{Epoch: 2, Ratchet: []byte("two"), RevocationsExpire: noted}); err != nil {
		t.Fatalf("%s: accept: %v", what, err)
	}
	for _, tmp := range []string{filepath.Join(cfg.Dir, "tmp"), filepath.Join(cfg.ArchiveDir, "tmp-trust")} {
		if names, err := os.ReadDir(tmp); err != nil || len(names) != 0 {
			t.Errorf("%s: left in %s: %v %v", what, tmp, names, err)
		}
	}
	if got, _, err := AsOf(cfg.Dir, cfg.Root, u.AcceptedAt.Add(time.Hour)); err != nil || string(got.Targets["authorities.json"]) != "new" {
		t.Errorf("%s: the history does not prove the new state: %v", what, err)
	}
}

// operations counts what an undisturbed update does to files; with reads, also
// what it only looks at.
func operations(t *testing.T, s *scene, reads bool) int {
	t.Helper()
	cfg := s.copy()
	files := &disktest.FS{Reads: reads}
	cfg.FS = files
	if err := update(cfg); err != nil {
		t.Fatal(err)
	}
	consistent(t, cfg, "undisturbed")
	n := len(files.Operations())
	if n < 40 {
		t.Fatalf("only %d operations: %v", n, files.Operations())
	}
	return n
}

// TU-36: every operation fails once. Either the fault is told and the old state
// stays, or it did not matter.
func TestFaultAtEveryOperation(t *testing.T) {
	s := newScene(t)
	total := operations(t, s, true)
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EACCES} {
		for n := 1; n <= total; n++ {
			if fault != syscall.ENOSPC && n%5 != 0 && (testing.Short() || fault != syscall.EIO) {
				continue // the read-only faults differ from EIO in their number only
			}
			// With EIO and the like the disk stays broken; ENOSPC strikes once.
			cfg := s.copy()
			files := &disktest.FS{At: n, Err: fault, After: fault != syscall.ENOSPC, Reads: true}
			cfg.FS = files
			err := update(cfg)
			what := fmt.Sprintf("%v at %d (%s)", fault, n, files.Operations()[n-1])
			if err != nil && Code(err) != CodeDownload && Code(err) != CodeCorrupt {
				t.Errorf("%s: %v has code %q", what, err, Code(err))
			}
			s.holds(cfg, what)
		}
	}
}

// TU-35: the power fails at every operation; what was not synced is gone.
func TestPowerLossAtEveryOperation(t *testing.T) {
	s := newScene(t)
	total := operations(t, s, false)
	for n := 1; n <= total; n++ {
		cfg := s.copy()
		files := &disktest.FS{At: n, Err: syscall.EIO, After: true}
		cfg.FS = files
		_ = update(cfg)
		files.PowerLoss()
		floors, err := os.ReadFile(filepath.Join(cfg.Dir, floorsFile))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(cfg.Dir, "roots", "2.root.json")); err != nil && strings.Contains(string(floors), `"root":{"version":2`) {
			t.Errorf("power loss at %d: the floor is ahead of the roots", n)
		}
		s.holds(cfg, fmt.Sprintf("power loss at %d (%s)", n, files.Operations()[n-1]))
	}
}

// The process dies, another one carries on and is told that all is accepted, and
// then the power fails: what the first one made and never synced must not be gone.
func TestPowerLossAfterARestart(t *testing.T) {
	s := newScene(t)
	total := operations(t, s, false)
	for n := 1; n <= total; n++ {
		if testing.Short() && n%3 != 0 {
			continue
		}
		cfg := s.copy()
		files := &disktest.FS{At: n, Err: syscall.EIO, After: true}
		cfg.FS = files
		_ = update(cfg)
		what := fmt.Sprintf("dead at %d (%s), then no power", n, files.Operations()[n-1])
		files.At, files.After = 0, false
		if err := update(cfg); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		files.PowerLoss()
		cfg.FS = nil
		c, err := Open(cfg)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got, note, ok := c.Accepted(); !ok || string(got.Targets["authorities.json"]) != "new" || note.Epoch != 2 || string(note.Ratchet) != "two" {
			t.Errorf("%s: in force are %v %+v", what, got, note)
		}
		if floor := c.store.floors.Root.Version; floor != 2 || c.chain.newest() != 2 {
			t.Errorf("%s: root %d may come back, root %d is stored", what, floor, c.chain.newest())
		}
		c.Close()
	}
}

// A first start is no different: a power loss leaves a folder that starts, and what
// was accepted after a restart stays.
func TestPowerLossAtFirstStart(t *testing.T) {
	repo := newRepo(t)
	for n := 1; ; n++ {
		state := disktest.MemoryDir(t)
		files := &disktest.FS{At: n, Err: syscall.EIO, After: true}
		cfg := Config{Root: repo.Root(), Source: DirSource(repo.Dir()), Now: repo.Now, FS: files,
			Dir: filepath.Join(state, "trust"), ArchiveDir: filepath.Join(state, "archive")}
		err := update(cfg)
		if err == nil {
			if n < 40 {
				t.Fatalf("only %d operations", n)
			}
			return
		}
		what := fmt.Sprintf("%d (%s)", n, files.Operations()[n-1])
		if n%2 == 0 { // another process carries on, until the power fails
			files.At, files.After = 0, false
			if err := update(cfg); err != nil {
				t.Fatalf("dead at %s: %v", what, err)
			}
		}
		files.PowerLoss()
		cfg.FS = nil
		c, err := Open(cfg)
		if err != nil {
			t.Fatalf("power loss at %s: %v", what, err)
		}
		if _, note, _ := c.Accepted(); n%2 == 0 && note.Epoch != 2 {
			t.Errorf("dead at %s, then no power: epoch %d is in force", what, note.Epoch)
		}
		c.Close()
		if err := update(cfg); err != nil {
			t.Fatalf("power loss at %s: %v", what, err)
		}
	}
}

const killAt = "SIGDRIVER_TEST_KILL_AT"

// TestMain plays the process that dies, which the test binary starts itself, and the
// program of the conformance suite.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == conformanceProgram {
		os.Exit(conformance(os.Args[1:]))
	}
	if at := os.Getenv(killAt); at != "" {
		os.Exit(die(at))
	}
	os.Exit(m.Run())
}

func die(at string) int {
	n, err := strconv.Atoi(at)
	if err != nil {
		return 3
	}
	args := strings.Split(os.Getenv(killAt+"_ARGS"), "\x1f")
	root, err := os.ReadFile(args[0])
	if err != nil {
		return 3
	}
	now, err := time.Parse(time.RFC3339, args[4])
	if err != nil {
		return 3
	}
	files := &disktest.FS{At: n}
	err = update(Config{Root: root, Dir: args[1], ArchiveDir: args[2], Source: DirSource(args[3]),
		Now: func() time.Time { return now }, FS: files})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 4
	}
	return 0
}

// TU-34: the process is killed at every operation of a refresh and an acceptance.
func TestKillAtEveryOperation(t *testing.T) {
	s := newScene(t)
	root := filepath.Join(t.TempDir(), "root.json")
	if err := os.WriteFile(root, s.cfg.Root, 0o600); err != nil {
		t.Fatal(err)
	}
	total := operations(t, s, false)
	if testing.Short() {
		total = 20
	}
	killed := 0
	for n := 1; n <= total; n++ {
		cfg := s.copy()
		args := []string{root, cfg.Dir, cfg.ArchiveDir, s.repo.Dir(), s.repo.Now().Format(time.RFC3339)}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killAt+"="+strconv.Itoa(n), killAt+"_ARGS="+strings.Join(args, "\x1f"))
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("operation %d: not killed: %v %s", n, err, out)
		}
		killed++
		s.holds(cfg, fmt.Sprintf("killed at %d", n))
	}
	t.Logf("killed at %d operations", killed)
}

// TestFullDisk runs a refresh on a disk with ever more room, from none to enough:
// each that fails says so and leaves what was there.
func TestFullDisk(t *testing.T) {
	s := newScene(t)
	disk, full := disktest.SmallDisk(t, 1024), 0
	for pages := 0; !s.refreshOnFullDisk(t, disk, pages); pages++ {
		full++
	}
	if full < 5 {
		t.Errorf("the disk was full %d times only", full)
	}
}

func (s *scene) refreshOnFullDisk(t *testing.T, disk string, pages int) (done bool) {
	state := filepath.Join(disk, "state")
	if err := os.CopyFS(state, os.DirFS(s.state)); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(state)
	cfg := s.cfg
	cfg.Dir, cfg.ArchiveDir = filepath.Join(state, "trust"), filepath.Join(state, "archive")
	free := disktest.Fill(t, disk, pages)
	err := update(cfg)
	free()
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d pages: %v", pages, err)
	}
	consistent(t, cfg, fmt.Sprintf("%d pages", pages))
	return err == nil
}
