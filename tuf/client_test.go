// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// Paths that every test repository publishes.
var bundlePath = "attestations/" + strings.Repeat("ab", 32) + "/alice.json"

// newRepo is a repository with one file of each kind.
func newRepo(t *testing.T, options ...tuftest.Option) *tuftest.Repo {
	t.Helper()
	repo := tuftest.New(t, options...)
	repo.SetTarget("authorities.json", []byte(`{"v":1}`))
	repo.SetTarget("revocations.json", []byte(`{"r":1}`))
	repo.SetTarget(bundlePath, []byte(`{"a":1}`))
	repo.Publish()
	return repo
}

// subject is a client under test with its folders, and what it will be opened with.
type subject struct {
	*Client
	t     *testing.T
	cfg   Config
	epoch uint64
}

func newSubject(t *testing.T, repo *tuftest.Repo) *subject {
	t.Helper()
	source, err := HTTPSource(repo.URL())
	if err != nil {
		t.Fatal(err)
	}
	state := disktest.MemoryDir(t)
	s := &subject{t: t, cfg: Config{Root: repo.Root(), Source: source, Now: repo.Now,
		Dir: filepath.Join(state, "trust"), ArchiveDir: filepath.Join(state, "archive")}}
	s.open()
	return s
}

func (s *subject) open() {
	s.t.Helper()
	c, err := Open(s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Client = c
	s.t.Cleanup(func() { c.Close() })
}

// restart closes the client and opens it again.
func (s *subject) restart() {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.open()
}

// accept refreshes, demands success, and puts the outcome in force.
func (s *subject) accept() *Update {
	s.t.Helper()
	u, err := s.Refresh(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	s.epoch++
	if err := s.Accept(u, s.note(s.epoch)); err != nil {
		s.t.Fatal(err)
	}
	return u
}

// note is what goes with an epoch.
func (*subject) note(epoch uint64) Note {
	return Note{Epoch: epoch, Ratchet: fmt.Appendf(nil, "ratchet %d", epoch), RevocationsExpire: tuftest.Start.UTC().Add(time.Duration(epoch) * time.Hour)}
}

// refuse refreshes and demands an error with this code, and that what is in force
// has not moved.
func (s *subject) refuse(code string) error {
	s.t.Helper()
	before, note, ok := s.Accepted()
	u, err := s.Refresh(context.Background())
	if err == nil {
		s.t.Fatalf("refreshed to timestamp %d, want %s", u.Roles[RoleTimestamp].Version, code)
	}
	if got := Code(err); got != code {
		s.t.Errorf("got %s (%v), want %s", got, err, code)
	}
	if after, n, k := s.Accepted(); after != before || n.Epoch != note.Epoch || k != ok {
		s.t.Error("a failed refresh changed what is in force")
	}
	return err
}

func TestRefreshAndAccept(t *testing.T) {
	repo := newRepo(t)
	for name, source := range map[string]Source{"dir": DirSource(repo.Dir()), "http": mustHTTP(t, repo.URL())} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, repo)
			s.Close()
			s.cfg.Source = source
			s.open()
			if _, _, ok := s.Accepted(); ok {
				t.Error("something is in force before anything was accepted")
			}
			u := s.accept()
			if !u.Changed || len(u.Faults) != 0 {
				t.Errorf("changed %v, faults %v", u.Changed, u.Faults)
			}
			want := map[string]string{"authorities.json": `{"v":1}`, "revocations.json": `{"r":1}`, bundlePath: `{"a":1}`}
			for path, body := range want {
				if string(u.Targets[path]) != body {
					t.Errorf("%s = %q", path, u.Targets[path])
				}
			}
			if roles := sortedKeys(u.Roles); !slices.Equal(roles, []string{"attestations", "revocation", "root", "snapshot", "targets", "timestamp"}) {
				t.Errorf("roles %v", roles)
			}
			if again := s.accept(); again.Changed {
				t.Error("an unchanged repository changed")
			}
		})
	}
}

func TestRestartReplaysWhatWasAccepted(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	before, noteBefore, _ := s.Accepted()
	repo.Requests()
	s.restart()
	after, note, ok := s.Accepted()
	if !ok || !reflect.DeepEqual(before, after) || !reflect.DeepEqual(note, noteBefore) {
		t.Errorf("in force before %v %v, after %v %v", before, noteBefore, after, note)
	}
	if asked := repo.Requests(); len(asked) != 0 {
		t.Errorf("Open used the network: %v", asked)
	}
	if u := s.accept(); u.Changed {
		t.Error("a restart changed trust")
	}
}

func TestIdleRefreshIsOneRequest(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	s.accept() // looks for a root that was published with the first timestamp
	repo.Requests()
	for range MaxIdlePolls {
		s.accept()
		if asked := repo.Requests(); !slices.Equal(asked, []string{"metadata/timestamp.json"}) {
			t.Fatalf("asked for %v", asked)
		}
	}
	s.accept()
	if asked := repo.Requests(); !slices.Contains(asked, "metadata/2.root.json") {
		t.Errorf("no look for a new root after %d idle polls: %v", MaxIdlePolls, asked)
	}
	repo.PublishTimestamp()
	if u := s.accept(); !u.Changed || u.Roles[RoleTimestamp].Version != repo.Version("timestamp") {
		t.Error("a new timestamp was not noticed")
	}
}

func TestOneClientAtATime(t *testing.T) {
	s := newSubject(t, newRepo(t))
	_, err := Open(s.cfg)
	var locked *LockedError
	if !errors.As(err, &locked) || Code(err) != CodeConfig {
		t.Errorf("a second client: %v", err)
	}
	s.restart()
}

func TestAcceptRefuses(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	first, err := s.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	repo.PublishTimestamp()
	s.epoch = 4
	second := s.accept()
	if err := s.Accept(first, Note{Epoch: 9}); !errors.Is(err, ErrSuperseded) {
		t.Errorf("an update that was superseded: %v", err)
	}
	var rollback *RollbackError
	if err := s.Accept(second, Note{Epoch: 4}); !errors.As(err, &rollback) || rollback.Role != "epoch" {
		t.Errorf("an epoch that goes back: %v", err)
	}
	if got := s.LastEpoch(); got != 5 {
		t.Errorf("LastEpoch = %d", got)
	}
	s.Close()
	if err := s.Accept(second, Note{Epoch: 6}); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed client: %v", err)
	}
}

func mustHTTP(t *testing.T, url string) Source {
	t.Helper()
	source, err := HTTPSource(url)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestClockSetBack(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	repo.Advance(20 * time.Hour)
	s.accept()
	repo.Advance(-19 * time.Hour)
	repo.PublishTimestamp()
	if u := s.accept(); u.AcceptedAt.Before(tuftest.Start.Add(20 * time.Hour)) {
		t.Errorf("accepted at %s, before an earlier acceptance", u.AcceptedAt)
	}
}

// What Config leaves out, and the folder that it must not.
func TestDefaults(t *testing.T) {
	repo := newRepo(t, tuftest.At(time.Now().Truncate(time.Second)))
	if _, err := Open(Config{Root: repo.Root(), Source: mustHTTP(t, repo.URL())}); err == nil {
		t.Error("opened without a folder")
	}
	dir := t.TempDir()
	c, err := Open(Config{Root: repo.Root(), Source: mustHTTP(t, repo.URL()), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	u, err := c.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Accept(u, Note{Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := archiveFolder(filepath.Join(dir, "archive")).object(digestOf([]byte(`{"v":1}`))); err != nil {
		t.Errorf("not archived in the folder: %v", err)
	}
}

// A crash between the line and its floor leaves a history that is ahead: its epoch
// was handed out, and is not handed out again.
func TestEpochOfAHistoryThatIsAhead(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	floors := filepath.Join(s.cfg.Dir, floorsFile)
	before, err := os.ReadFile(floors)
	if err != nil {
		t.Fatal(err)
	}
	s.epoch = 7
	s.accept()
	s.Close()
	if err := os.WriteFile(floors, before, 0o600); err != nil {
		t.Fatal(err)
	}
	s.open()
	if got := s.LastEpoch(); got != 8 || s.LastNote().Epoch != 8 {
		t.Errorf("epoch %d", got)
	}
	var rollback *RollbackError
	u, err := s.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Accept(u, Note{Epoch: 7}); !errors.As(err, &rollback) {
		t.Errorf("epoch 7 again: %v", err)
	}
}

// A timestamp that was seen to be new is the one that is used. Asked again, another
// node of the same mirror may answer with the one before, and the refresh would
// count as good without what was published.
func TestChangedTimestampIsFetchedOnce(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	old := repo.File("metadata/timestamp.json")
	repo.SetTarget("authorities.json", []byte(`{"v":2}`))
	repo.Publish()
	repo.Requests()
	asked := 0
	repo.Fault("metadata/timestamp.json", func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			_, _ = w.Write(repo.File("metadata/timestamp.json"))
			return
		}
		_, _ = w.Write(old)
	})
	u := s.accept()
	if string(u.Targets["authorities.json"]) != `{"v":2}` || u.Roles[RoleTimestamp].Version != repo.Version(RoleTimestamp) {
		t.Errorf("the timestamp that counts is version %d of %d, with %s", u.Roles[RoleTimestamp].Version, repo.Version(RoleTimestamp), u.Targets["authorities.json"])
	}
	if asked != 1 {
		t.Errorf("it was asked for %d times", asked)
	}
}

// A root that is published after it was asked for, and before the timestamp that was
// published with it is, is found by the next refresh.
func TestRootPublishedMeanwhile(t *testing.T) {
	for name, before := range map[string]func(*subject, *tuftest.Repo){
		"the first refresh": func(*subject, *tuftest.Repo) {},
		"after a failure": func(s *subject, repo *tuftest.Repo) {
			s.accept()
			repo.Fault("metadata/timestamp.json", tuftest.Status(http.StatusBadGateway))
			if _, err := s.Refresh(t.Context()); err == nil {
				t.Fatal("it was good")
			}
			repo.Heal()
		},
	} {
		t.Run(name, func(t *testing.T) {
			repo := newRepo(t)
			s := newSubject(t, repo)
			before(s, repo)
			next := repo.Fork()
			next.Rotate("root")
			next.Publish()
			repo.Fault("metadata/2.root.json", func(w http.ResponseWriter, req *http.Request) {
				http.NotFound(w, req)
				repo.Heal()
				repo.ServeFrom(next)
			})
			if u := s.accept(); u.Roles[RoleRoot].Version != 1 || u.Roles[RoleTimestamp].Version != next.Version(RoleTimestamp) {
				t.Fatalf("root %d and timestamp %d", u.Roles[RoleRoot].Version, u.Roles[RoleTimestamp].Version)
			}
			if u := s.accept(); u.Roles[RoleRoot].Version != 2 || !u.Changed {
				t.Errorf("the next refresh finds root %d", u.Roles[RoleRoot].Version)
			}
		})
	}
}

// Attestations that are many do not hold back the rest of trust, whatever becomes of
// them: the first refresh has all else, and fetches none of them. Once they are fetched,
// the next has them, without fetching again.
func TestManyAttestationsComeLater(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	first := s.accept()
	const many = promptFiles + 1
	for i := range many {
		repo.SetTarget(fmt.Sprintf("attestations/%064x/a.json", i), fmt.Appendf(nil, "%d", i))
	}
	repo.SetTarget("authorities.json", []byte(`{"v":2}`))
	repo.Publish()
	count := func() (n int) {
		for _, name := range repo.Requests() {
			if strings.HasPrefix(name, "targets/attestations/") {
				n++
			}
		}
		return n
	}
	count()
	u := s.accept()
	if !u.Behind || string(u.Targets["authorities.json"]) != `{"v":2}` || string(u.Targets[bundlePath]) != `{"a":1}` || len(u.Targets) != len(first.Targets) {
		t.Fatalf("behind %v, %d targets", u.Behind, len(u.Targets))
	}
	if n := count(); n != 0 {
		t.Errorf("%d attestations were fetched before the rest was there", n)
	}
	if u := s.accept(); !u.Behind || u.Changed {
		t.Errorf("asked again: behind %v, changed %v", u.Behind, u.Changed)
	}
	repo.Fault(fmt.Sprintf("targets/attestations/%064x/%s.a.json", many-1, digestOf(fmt.Appendf(nil, "%d", many-1))), tuftest.Status(http.StatusForbidden))
	if err := s.FetchAttestations(t.Context()); Code(err) != CodeDownload {
		t.Fatalf("with one missing: %v", err)
	}
	repo.Heal()
	count()
	if err := s.FetchAttestations(t.Context()); err != nil || count() > many/2 {
		t.Fatalf("what was fetched is fetched again, or %v", err)
	}
	count()
	u = s.accept()
	if u.Behind || !u.Changed || len(u.Targets) != len(first.Targets)+many || count() != 0 {
		t.Errorf("behind %v, changed %v, %d targets", u.Behind, u.Changed, len(u.Targets))
	}
	if err := s.FetchAttestations(t.Context()); err != nil || count() != 0 {
		t.Error("there was something left")
	}
	s.restart() // what is in force is not fetched or written again, however much it is
	repo.SetTarget("authorities.json", []byte(`{"v":3}`))
	repo.Publish()
	if u := s.accept(); u.Behind || len(u.Targets) != len(first.Targets)+many || count() != 0 {
		t.Errorf("after a restart: behind %v, %d targets", u.Behind, len(u.Targets))
	}
	s.restart()
	if held, _, ok := s.Accepted(); !ok || len(held.Targets) != len(first.Targets)+many {
		t.Error("what was accepted is not proven again")
	}
}
