// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"crypto"
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

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// press is a repository with one publication, and a client that has accepted it.
type press struct {
	dir    string // with published/ and, in time, staged/
	state  string // of the client; shared by copies, which only read it
	client tuf.Config
}

func (p *press) published() string { return filepath.Join(p.dir, "published") }
func (p *press) staged() string    { return filepath.Join(p.dir, "staged") }

// pressTeam holds the roles before and after the change.
func pressTeam() (before, after team) {
	before, after = newTeam(), newTeam()
	after[tuf.RoleTargets] = []crypto.Signer{tuftest.Key("next targets")}
	return before, after
}

func newPress(t *testing.T) *press {
	t.Helper()
	before, _ := pressTeam()
	p := &press{dir: disktest.MemoryDir(t), state: disktest.MemoryDir(t)}
	apply(t, p.published(), before.firstChange(), before.all(), authorNow)
	root, err := os.ReadFile(metadataFile(p.published(), tuf.RoleRoot, 1))
	if err != nil {
		t.Fatal(err)
	}
	p.client = tuf.Config{Root: root, Now: func() time.Time { return authorNow }}
	p.connect(p.state)
	c, err := tuf.Open(p.client)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	u, err := c.Refresh(t.Context())
	if err == nil {
		err = c.Accept(u, tuf.Note{Epoch: 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// connect lets the client follow this press, with its state in a folder.
func (p *press) connect(state string) {
	p.client.Source = tuf.DirSource(p.published())
	p.client.Dir, p.client.ArchiveDir = filepath.Join(state, "trust"), filepath.Join(state, "archive")
}

// copy returns the press in a folder of its own.
func (p *press) copy(t *testing.T) *press {
	t.Helper()
	return p.copyTo(t, disktest.MemoryDir(t))
}

func (p *press) copyTo(t *testing.T, dir string) *press {
	t.Helper()
	q := &press{dir: dir, state: p.state, client: p.client}
	if err := os.CopyFS(q.dir, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	return q
}

// publish stages, saves and publishes, as the command line does.
func (p *press) publish(files disk.FS) error {
	s, err := p.stage()
	if err != nil {
		return err
	}
	return p.print(files, s)
}

// stage signs a change of two files and of who holds targets, so that every role
// is signed anew.
func (p *press) stage() (*Stage, error) {
	before, after := pressTeam()
	base, err := OpenRepository(nil, p.published())
	if err != nil {
		return nil, err
	}
	s, err := NewStage(base, Change{
		Files:      map[string][]byte{"authorities.json": []byte("new"), "revocations.json": []byte("new")},
		Keyholders: map[string]Keyholders{tuf.RoleTargets: after.keyholders(tuf.RoleTargets, 1)},
	}, authorNow)
	if err != nil {
		return nil, err
	}
	return s, s.Complete(append(before.all(), after[tuf.RoleTargets]...), authorNow, nil)
}

// print saves and publishes a stage, which may be that of another copy.
func (p *press) print(files disk.FS, s *Stage) error {
	if err := s.Save(files, p.staged()); err != nil {
		return err
	}
	return s.Publish(files, p.published(), authorNow)
}

// resume is the next start: it completes what is staged when that is whole, and
// otherwise begins anew.
func (p *press) resume() error {
	base, err := OpenRepository(nil, p.published())
	if err != nil {
		return err
	}
	s, err := OpenStage(nil, p.staged(), base)
	if err == nil {
		if roles := s.Roles(); len(roles) < 5 {
			return fmt.Errorf("half a change passes for a whole one: %v", roles)
		}
		err = s.Publish(nil, p.published(), authorNow)
	}
	if err == nil {
		return nil
	}
	if err := os.RemoveAll(p.staged()); err != nil {
		return err
	}
	return p.publish(nil)
}

// seen is what the client has in force after it has asked.
func (p *press) seen(t *testing.T, what string) string {
	t.Helper()
	c, err := tuf.Open(p.client)
	if err != nil {
		t.Fatalf("%s: the client: %v", what, err)
	}
	defer c.Close()
	u, err := c.Refresh(t.Context())
	if err == nil {
		err = c.Accept(u, tuf.Note{Epoch: 2})
	}
	if err != nil && tuf.Code(err) == "" {
		t.Errorf("%s: the client: %v has no code", what, err)
	}
	got, _, _ := c.Accepted()
	return string(got.Targets["authorities.json"]) + string(got.Targets["revocations.json"])
}

const oldTrust, newTrust = `{"n":1}{"r":1}`, "newnew"

// looked are the states that have been looked at. All presses start equal, so what
// holds for a state once holds for it always.
var looked sync.Map

// holds checks what an interrupted publication left: clients have the old trust or
// the new one, the author can go on, and then everybody has the new one.
func (p *press) holds(t *testing.T, what string) {
	t.Helper()
	if _, before := looked.LoadOrStore(disktest.Left(t, p.dir), true); before && !t.Failed() {
		return
	}
	state := disktest.MemoryDir(t)
	if err := os.CopyFS(state, os.DirFS(p.state)); err != nil {
		t.Fatal(err)
	}
	p.connect(state)
	if got := p.seen(t, what); got != oldTrust && got != newTrust {
		t.Errorf("%s: clients see %q", what, got)
	}
	if err := p.resume(); err != nil {
		t.Fatalf("%s: going on: %v", what, err)
	}
	if got := p.seen(t, what); got != newTrust {
		t.Errorf("%s: afterwards clients see %q", what, got)
	}
	if left, err := filepath.Glob(filepath.Join(p.published(), ".unfinished", "*")); err != nil || len(left) > 0 {
		t.Errorf("%s: left behind: %v %v", what, left, err)
	}
}

// publishOperations returns a stage, and counts what its undisturbed publication does.
func publishOperations(t *testing.T, p *press, reads bool) (*Stage, int) {
	t.Helper()
	files, q := &disktest.FS{Reads: reads}, p.copy(t)
	s, err := p.stage()
	if err == nil {
		err = q.print(files, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	q.holds(t, "undisturbed")
	n := len(files.Operations())
	if n < 80 {
		t.Fatalf("only %d operations: %v", n, files.Operations())
	}
	return s, n
}

// TU-36, the author's side: every operation of a publication fails once, or from
// then on. A fault that is not told has done no harm.
func TestPublishFaultAtEveryOperation(t *testing.T) {
	p := newPress(t)
	s, total := publishOperations(t, p, true)
	for n := 1; n <= total; n++ {
		for i, after := range []bool{false, true} {
			// ENOSPC strikes once; with EIO the disk stays broken.
			fault := []error{syscall.ENOSPC, syscall.EIO}[i]
			if testing.Short() && n%2 != i {
				continue
			}
			files, q := &disktest.FS{At: n, Err: fault, After: after, Reads: true}, p.copy(t)
			err := q.print(files, s)
			what := fmt.Sprintf("%v at %d (%s), after %v", fault, n, files.Operations()[n-1], after)
			if after && !errors.Is(err, fault) {
				t.Errorf("%s: %v", what, err)
			}
			q.holds(t, what)
		}
	}
}

// TU-35, the author's side: the power fails, and what was not synced is gone.
func TestPublishPowerLossAtEveryOperation(t *testing.T) {
	p := newPress(t)
	s, total := publishOperations(t, p, false)
	for n := 1; n <= total; n++ {
		files, q := &disktest.FS{At: n, Err: syscall.EIO, After: true}, p.copy(t)
		_ = q.print(files, s)
		files.PowerLoss()
		q.holds(t, fmt.Sprintf("power loss at %d (%s)", n, files.Operations()[n-1]))
	}
}

// TestHalfAStage: a stage that was copied in part must not publish a root by which
// nothing else that is published is signed.
func TestHalfAStage(t *testing.T) {
	for name, lost := range map[string][]string{
		"whole": nil,
		"half":  {"targets.json", "revocation.json", "snapshot.json", "timestamp.json"},
	} {
		p := newPress(t)
		untouched := p.copy(t)
		if err := p.publish(nil); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(untouched.staged(), os.DirFS(p.staged())); err != nil {
			t.Fatal(err)
		}
		for _, file := range lost {
			signatures, err := filepath.Glob(filepath.Join(untouched.staged(), "signatures", strings.TrimSuffix(file, "json")+"*"))
			if err != nil || len(signatures) == 0 {
				t.Fatalf("%s: %v %v", file, signatures, err)
			}
			for _, f := range append(signatures, filepath.Join(untouched.staged(), file)) {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
		}
		s := openedStage(t, untouched.staged(), mustOpen(t, untouched.published()))
		err := s.Publish(nil, untouched.published(), authorNow)
		var refused *ChangeError
		if lost == nil && err != nil || lost != nil && (!errors.As(err, &refused) || !strings.Contains(refused.Problem, "targets would not be signed")) {
			t.Errorf("%s: %v", name, err)
		}
		mustOpen(t, untouched.published())
	}
}

// killPublishAt tells the test binary to publish and to die at an operation.
const killPublishAt = "SIGDRIVER_TEST_KILL_PUBLISH_AT"

// TestMain plays the process that dies: the test binary starts itself.
func TestMain(m *testing.M) {
	if at := os.Getenv(killPublishAt); at != "" {
		os.Exit(diePublishing(at))
	}
	os.Exit(m.Run())
}

// diePublishing is the process that dies. It never returns when all goes as planned.
func diePublishing(at string) int {
	n, err := strconv.Atoi(at)
	if err != nil {
		return 3
	}
	p := &press{dir: os.Getenv(killPublishAt + "_DIR")}
	base, err := OpenRepository(nil, p.published())
	if err == nil {
		var s *Stage
		if s, err = OpenStage(nil, os.Getenv(killPublishAt+"_STAGE"), base); err == nil {
			err = p.print(&disktest.FS{At: n}, s)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 4
}

// TU-34, the author's side: the process is killed at every operation of a publication.
func TestPublishKilledAtEveryOperation(t *testing.T) {
	p := newPress(t)
	s, total := publishOperations(t, p, false)
	signed := filepath.Join(disktest.MemoryDir(t), "signed") // once: children only open it
	if err := s.Save(nil, signed); err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		total = 20
	}
	at := make(chan int)
	var workers sync.WaitGroup
	for range 4 { // most of the time is the start of processes
		workers.Go(func() {
			for n := range at {
				p.killed(t, n, signed)
			}
		})
	}
	for n := 1; n <= total; n++ {
		at <- n
	}
	close(at)
	workers.Wait()
	t.Logf("killed at %d operations", total)
}

func (p *press) killed(t *testing.T, n int, signed string) {
	t.Helper()
	q := p.copy(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killPublishAt+"="+strconv.Itoa(n), killPublishAt+"_DIR="+q.dir, killPublishAt+"_STAGE="+signed)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("operation %d: not killed: %v %s", n, err, out)
		return
	}
	q.holds(t, fmt.Sprintf("killed at %d", n))
}

// TestPublishFullDisk runs a publication on a disk with ever more room, from none to
// enough: each that fails says so and leaves what was there.
func TestPublishFullDisk(t *testing.T) {
	p := newPress(t)
	disk, full := disktest.SmallDisk(t, 1024), 0
	for pages := 0; !p.publishOnFullDisk(t, disk, pages); pages++ {
		full++
	}
	if full < 5 {
		t.Errorf("the disk was full %d times only", full)
	}
}

func (p *press) publishOnFullDisk(t *testing.T, disk string, pages int) (done bool) {
	t.Helper()
	q := p.copyTo(t, filepath.Join(disk, "press"))
	defer os.RemoveAll(q.dir)
	free := disktest.Fill(t, disk, pages)
	err := q.publish(nil)
	free()
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d pages: %v", pages, err)
	}
	q.holds(t, fmt.Sprintf("%d pages", pages))
	return err == nil
}
