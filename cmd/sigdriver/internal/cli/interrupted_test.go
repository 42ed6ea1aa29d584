// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// killAt tells the test binary to be the command line, and to die at an operation.
const killAt = "SIGDRIVER_TEST_KILL_AT"

func TestMain(m *testing.M) {
	if at, err := strconv.Atoi(os.Getenv(killAt)); err == nil {
		code, _, stderr := runOn(&disktest.FS{At: at}, os.Args[1:]...)
		fmt.Fprintln(os.Stderr, stderr)
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// runOn runs a command line on a file system.
func runOn(fsys disk.FS, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	env := &Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, FS: fsys,
		Now: func() time.Time { return tuftest.Start }, Getenv: func(string) string { return "" },
	}
	code = exitCode(run(env, args), &errs)
	return code, out.String(), errs.String()
}

// ceremonyStep is one command of a ceremony, in a folder as it was before it.
type ceremonyStep struct {
	name   string
	args   []string // after --dir
	before string   // the folder, which copies start from
	// publishes is the authorities.json that is published when all has happened.
	publishes []byte
	looked    *sync.Map // what interruptions have left and was looked at
}

func (s *ceremonyStep) discards() bool { return slices.Contains(s.args, "--discard") }

// beside reports whether the step publishes something else than what is staged.
func (s *ceremonyStep) beside() bool { return s.name == "publish" && len(s.args) > 0 }

// ceremonySteps plays a ceremony and keeps the folder before each step of it.
func ceremonySteps(t *testing.T) []ceremonyStep {
	t.Helper()
	inputs := t.TempDir()
	changed := verifiertest.BaseAuthorities()
	changed.Authorities["platform"].Threshold = 2
	old, next := verifiertest.BaseAuthorities().JSON(), changed.JSON()
	oldFile, nextFile := filepath.Join(inputs, "old.json"), filepath.Join(inputs, "new.json")
	for file, data := range map[string][]byte{oldFile: old, nextFile: next} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	steps := []ceremonyStep{
		{name: "init", args: []string{"--authorities", oldFile}, publishes: old},
		{name: "stage", args: []string{"--authorities", nextFile, "--renew", "root"}, publishes: next},
		{name: "sign", args: []string{"--yes"}, publishes: next},
		{name: "publish", publishes: next},
		{name: "stage", args: []string{"--renew", "targets"}, publishes: next},
		{name: "publish", args: []string{"--renew", "revocation"}, publishes: next},
		{name: "stage", args: []string{"--discard"}, publishes: next},
	}
	dir := filepath.Join(t.TempDir(), "t")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range steps {
		steps[i].before, steps[i].looked = filepath.Join(t.TempDir(), "before"), new(sync.Map)
		if err := os.CopyFS(steps[i].before, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := steps[i].run(nil, dir); code != ExitOK {
			t.Fatalf("trust %s: exit code %d: %s", steps[i].name, code, stderr)
		}
	}
	return steps
}

func (s *ceremonyStep) line(dir string) []string {
	return append([]string{"trust", s.name, "--dir", dir}, s.args...)
}

func (s *ceremonyStep) run(fsys disk.FS, dir string) (code int, stdout, stderr string) {
	return runOn(fsys, s.line(dir)...)
}

// copy returns the folder as it was before the step.
func (s *ceremonyStep) copy(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(memoryDir(t), "t")
	if err := os.CopyFS(dir, os.DirFS(s.before)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// memoryDir is a temporary folder whose syncs cost nothing, where there is one.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sigdriver-test-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// operations is what the undisturbed step does.
func (s *ceremonyStep) operations(t *testing.T) []string {
	t.Helper()
	var f disktest.FS
	if code, _, stderr := s.run(&f, s.copy(t)); code != ExitOK {
		t.Fatalf("trust %s: exit code %d: %s", s.name, code, stderr)
	}
	if len(f.Operations()) < 5 {
		t.Fatalf("trust %s: only %d operations", s.name, len(f.Operations()))
	}
	return f.Operations()
}

// left is what an interruption left: which files are there, which of them are other
// than before the step, and whether temporary ones are. Signatures, and so bytes,
// differ each time.
func (s *ceremonyStep) left(t *testing.T, dir string) string {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || e.IsDir() {
			found[name+"/"] = true
			return err
		}
		if strings.HasPrefix(e.Name(), ".new-") {
			found[filepath.Join(filepath.Dir(name), ".new")] = true
			return nil
		}
		data, err := os.ReadFile(path)
		before, missing := os.ReadFile(filepath.Join(s.before, name))
		found[fmt.Sprint(name, missing == nil && bytes.Equal(data, before), len(data) == 0)] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(slices.Sorted(maps.Keys(found)), "\n")
}

// goesOn checks what an interruption left: what is published is whole, and the
// command can be given again until all of it has happened.
func (s *ceremonyStep) goesOn(t *testing.T, what, dir string) {
	t.Helper()
	if _, before := s.looked.LoadOrStore(s.left(t, dir), true); before && !t.Failed() {
		return
	}
	must := func(args ...string) {
		t.Helper()
		if code, _, stderr := runOn(nil, append([]string{"trust", args[0], "--dir", dir}, args[1:]...)...); code != ExitOK {
			t.Errorf("%s: then trust %s: exit code %d: %s", what, strings.Join(args, " "), code, stderr)
		}
	}
	staged, published := exists(filepath.Join(dir, "staged")), exists(filepath.Join(dir, "published", "metadata", "timestamp.json"))
	if s.name != "init" && !published {
		t.Fatalf("%s: nothing is published any more", what)
	}
	if published || staged {
		must("status")
	}
	switch {
	case s.name == "init" && !staged && !published:
		// Perhaps there are keys, which are never replaced: that is said.
		if code, _, stderr := s.run(nil, dir); code != ExitOK && (code != ExitUsage || !strings.Contains(stderr, "exists already")) {
			t.Errorf("%s: then again: exit code %d: %s", what, code, stderr)
		}
		return
	case s.name == "sign", s.name == "stage" && staged == s.discards():
		must(append([]string{s.name}, s.args...)...)
	}
	if s.name == "stage" && !s.discards() {
		must("sign", "--yes")
	}
	must(append([]string{"publish"}, s.argsOf("publish")...)...)
	must("status")
	repo, err := author.OpenRepository(nil, filepath.Join(dir, "published"))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if data, err := repo.Target("authorities.json"); err != nil || !bytes.Equal(data, s.publishes) {
		t.Errorf("%s: published are %q, %v", what, data, err)
	}
	if got := exists(filepath.Join(dir, "staged")); got != s.beside() {
		t.Errorf("%s: whether something is staged is %v", what, got)
	}
}

// argsOf are the arguments of the step when it is this command.
func (s *ceremonyStep) argsOf(name string) []string {
	if s.name != name {
		return nil
	}
	return s.args
}

// Each operation of a ceremony fails once, or the disk stays broken: that is said,
// with a remedy, and the ceremony can go on.
func TestCeremonyFaultAtEveryOperation(t *testing.T) {
	for _, s := range ceremonySteps(t) {
		ops := s.operations(t)
		for n := 1; n <= len(ops); n++ {
			for i, fault := range []error{syscall.ENOSPC, syscall.EIO} {
				if testing.Short() && n%10 != 5*i {
					continue
				}
				dir := s.copy(t)
				what := fmt.Sprintf("trust %s: %v at %d (%s)", s.name, fault, n, ops[n-1])
				code, _, stderr := s.run(&disktest.FS{At: n, Err: fault, After: fault == syscall.EIO}, dir)
				if code != ExitUsage || !strings.Contains(stderr, fault.Error()) || strings.Count(stderr, "\n  ") == 0 {
					t.Errorf("%s: exit code %d: %s", what, code, stderr)
				}
				s.goesOn(t, what, dir)
			}
		}
	}
}

// The command line is killed at each operation of a ceremony.
func TestCeremonyKilledAtEveryOperation(t *testing.T) {
	for _, s := range ceremonySteps(t) {
		ops := s.operations(t)
		first := 1
		if testing.Short() {
			first = len(ops) - 3
		}
		at := make(chan int)
		var workers sync.WaitGroup
		for range 4 { // most of the time is the start of processes
			workers.Go(func() {
				for n := range at {
					s.killed(t, n, ops[n-1])
				}
			})
		}
		for n := first; n <= len(ops); n++ {
			at <- n
		}
		close(at)
		workers.Wait()
	}
}

func (s *ceremonyStep) killed(t *testing.T, n int, op string) {
	t.Helper()
	dir := s.copy(t)
	cmd := exec.Command(os.Args[0], s.line(dir)...)
	cmd.Env = append(os.Environ(), killAt+"="+strconv.Itoa(n))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("trust %s at %d: not killed: %v %s", s.name, n, err, out)
		return
	}
	s.goesOn(t, fmt.Sprintf("trust %s killed at %d (%s)", s.name, n, op), dir)
}
