// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuftest_test

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// plainFetcher is the least that go-tuf's own client needs.
type plainFetcher struct{}

func (plainFetcher) DownloadFile(u string, maxLength int64, _ time.Duration) ([]byte, error) {
	client := http.Client{Timeout: 2 * time.Second}
	res, err := client.Get(u)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: res.StatusCode, URL: u}
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxLength+1))
	if err == nil && int64(len(data)) > maxLength {
		err = &metadata.ErrDownloadLengthMismatch{Msg: "too long"}
	}
	return data, err
}

// stock is go-tuf's own client with a cache, so that it remembers versions.
type stock struct {
	t    *testing.T
	repo *tuftest.Repo
	dir  string
	root []byte
}

func newStock(t *testing.T, repo *tuftest.Repo) *stock {
	return &stock{t: t, repo: repo, dir: t.TempDir(), root: repo.Root()}
}

// fetch refreshes and downloads one target.
func (s *stock) fetch(target string) ([]byte, error) {
	cfg, err := config.New(s.repo.URL()+"/metadata", s.root)
	if err != nil {
		s.t.Fatal(err)
	}
	cfg.RemoteTargetsURL = s.repo.URL() + "/targets"
	cfg.LocalMetadataDir, cfg.LocalTargetsDir = filepath.Join(s.dir, "m"), filepath.Join(s.dir, "t")
	cfg.Fetcher = plainFetcher{}
	u, err := updater.New(cfg)
	if err != nil {
		return nil, err
	}
	u.UnsafeSetRefTime(s.repo.Now())
	if err := u.Refresh(); err != nil {
		return nil, err
	}
	info, err := u.GetTargetInfo(target)
	if err != nil {
		return nil, err
	}
	_, data, err := u.DownloadTarget(info, filepath.Join(s.dir, "t", url.PathEscape(target)), "")
	return data, err
}

func (s *stock) mustFetch(target, want string) {
	s.t.Helper()
	got, err := s.fetch(target)
	if err != nil || string(got) != want {
		s.t.Fatalf("fetch %s: %q, %v; want %q", target, got, err, want)
	}
}

func (s *stock) mustRefuse(target string) {
	s.t.Helper()
	if got, err := s.fetch(target); err == nil {
		s.t.Fatalf("fetch %s: got %q, want a refusal", target, got)
	}
}

func TestHonestRepositoryLoadsInStockClient(t *testing.T) {
	repo := tuftest.New(t, tuftest.Threshold(tuftest.Root, 2, 3), tuftest.Threshold(tuftest.Targets, 2, 2))
	client := newStock(t, repo)
	bundle := "attestations/" + strings.Repeat("ab", 32) + "/alice.json"
	for i := range 3 {
		repo.SetTarget("authorities.json", []byte{'a', byte('0' + i)})
		repo.SetTarget("revocations.json", []byte{'r', byte('0' + i)})
		repo.SetTarget(bundle, []byte{'b', byte('0' + i)})
		repo.Publish()
		client.mustFetch("authorities.json", fmt.Sprintf("a%d", i))
		client.mustFetch("revocations.json", fmt.Sprintf("r%d", i))
		client.mustFetch(bundle, fmt.Sprintf("b%d", i))
	}
	for _, role := range []string{tuftest.Root, tuftest.Targets, tuftest.Snapshot, tuftest.Timestamp, tuftest.Revocation} {
		repo.Rotate(role)
		repo.Publish()
		client.mustFetch("revocations.json", "r2")
	}
	if got := repo.Version(tuftest.Root); got != 5 {
		t.Errorf("root version %d, want 5: four rotations of top-level roles", got)
	}
	repo.RemoveTarget("authorities.json")
	repo.Publish()
	client.mustRefuse("authorities.json")
}

// TestAttacks proves that each knob makes what its name says: the honest state
// before it loads, and go-tuf's own client refuses the state after it.
func TestAttacks(t *testing.T) {
	const target = "authorities.json"
	attacks := map[string]func(r *tuftest.Repo){
		"root signed by old keys only": func(r *tuftest.Repo) {
			old := r.Keys(tuftest.Root)
			r.Rotate(tuftest.Root)
			r.SignWith(tuftest.Root, old...)
			r.Publish()
		},
		"root signed by new keys only": func(r *tuftest.Repo) {
			r.SignWith(tuftest.Root, r.Rotate(tuftest.Root)...)
			r.Publish()
		},
		"root version gap": func(r *tuftest.Repo) {
			r.SetVersion(tuftest.Root, 3)
			r.Publish()
			r.Put("metadata/2.root.json", r.File("metadata/3.root.json"))
		},
		"targets signed by strangers": func(r *tuftest.Repo) {
			r.SignWith(tuftest.Targets, tuftest.Strangers(2)...)
			r.Publish()
		},
		"targets one short of the threshold": func(r *tuftest.Repo) {
			r.SetKeys(tuftest.Targets, 2, tuftest.Strangers(2)...)
			r.SignWith(tuftest.Targets, tuftest.Strangers(1)...)
			r.Publish()
		},
		"one key under two ids": func(r *tuftest.Repo) {
			r.EditRoot(func(s *metadata.RootType) {
				twin := *tuftest.PublicKey(r.Keys(tuftest.Targets)[0])
				s.Keys["twin"] = &twin
				s.Roles[tuftest.Targets].KeyIDs = append(s.Roles[tuftest.Targets].KeyIDs, "twin")
				s.Roles[tuftest.Targets].Threshold = 2
			})
			r.Publish()
		},
		"expired root":      func(r *tuftest.Repo) { r.Expire(tuftest.Root); r.Publish() },
		"expired targets":   func(r *tuftest.Repo) { r.Expire(tuftest.Targets); r.Publish() },
		"expired snapshot":  func(r *tuftest.Repo) { r.Expire(tuftest.Snapshot); r.Publish() },
		"expired timestamp": func(r *tuftest.Repo) { r.Expire(tuftest.Timestamp); r.Publish() },
		"freeze":            func(r *tuftest.Repo) { r.Advance(48 * time.Hour) },
		"timestamp rolled back": func(r *tuftest.Repo) {
			r.SetVersion(tuftest.Timestamp, 1)
			r.PublishTimestamp()
		},
		"snapshot rolled back": func(r *tuftest.Repo) { r.SetVersion(tuftest.Snapshot, 1); r.Publish() },
		"targets rolled back":  func(r *tuftest.Repo) { r.SetVersion(tuftest.Targets, 1); r.Publish() },
		"mix and match": func(r *tuftest.Repo) {
			old := r.Fork()
			r.SetTarget(target, []byte("newer"))
			r.Publish()
			r.Put(r.Path(tuftest.Targets), old.File(old.Path(tuftest.Targets)))
		},
		"wrong snapshot length": func(r *tuftest.Repo) {
			r.EditTimestamp(func(s *metadata.TimestampType) { s.Meta["snapshot.json"].Length++ })
			r.Publish()
		},
		"wrong targets hash": func(r *tuftest.Repo) {
			r.EditSnapshot(func(s *metadata.SnapshotType) { s.Meta["targets.json"].Hashes["sha256"][0] ^= 1 })
			r.SetTarget(target, []byte("newer"))
			r.Publish()
		},
		"target byte flipped": func(r *tuftest.Repo) { r.FlipByte(tuftest.TargetFile(target, []byte("good"))) },
		"timestamp oversize":  func(r *tuftest.Repo) { r.Fault("metadata/timestamp.json", tuftest.Oversize(1<<20)) },
		"timestamp endless":   func(r *tuftest.Repo) { r.Fault("metadata/timestamp.json", tuftest.Endless) },
		"timestamp slow":      func(r *tuftest.Repo) { r.Fault("metadata/timestamp.json", tuftest.Slow(time.Millisecond)) },
		"timestamp hangs":     func(r *tuftest.Repo) { r.Fault("metadata/timestamp.json", tuftest.Hang) },
		"timestamp truncated": func(r *tuftest.Repo) {
			r.Fault("metadata/timestamp.json", tuftest.Truncated(r.File("metadata/timestamp.json"), 20))
		},
		"everything forbidden": func(r *tuftest.Repo) { r.Fault("*", tuftest.Status(http.StatusForbidden)) },
		"redirect loop":        func(r *tuftest.Repo) { r.Fault("*", tuftest.Redirect(r.URL())) },
		"timestamp not JSON":   func(r *tuftest.Repo) { r.Put("metadata/timestamp.json", []byte("{")) },
		"timestamp missing":    func(r *tuftest.Repo) { r.Remove("metadata/timestamp.json") },
		"31-byte key": func(r *tuftest.Repo) {
			r.EditRoot(func(s *metadata.RootType) {
				id := s.Roles[tuftest.Timestamp].KeyIDs[0]
				s.Keys[id].Value.PublicKey = s.Keys[id].Value.PublicKey[2:]
			})
			r.Publish()
		},
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			repo := tuftest.New(t)
			repo.SetTarget(target, []byte("good"))
			repo.Publish()
			client := newStock(t, repo)
			client.mustFetch(target, "good")
			attack(repo)
			defer func() {
				if p := recover(); p != nil && name != "31-byte key" { // the stock client panics on it
					panic(p)
				}
			}()
			client.mustRefuse(target)
		})
	}
}

func TestServeFromRollsBackAndForksStayApart(t *testing.T) {
	repo := tuftest.New(t)
	repo.SetTarget("authorities.json", []byte("v1"))
	repo.Publish()
	old := repo.Fork()
	repo.SetTarget("authorities.json", []byte("v2"))
	repo.Publish()
	client := newStock(t, repo)
	client.mustFetch("authorities.json", "v2")
	newStock(t, old).mustFetch("authorities.json", "v1")

	repo.ServeFrom(old)
	client.mustRefuse("authorities.json")
	newStock(t, repo).mustFetch("authorities.json", "v1")

	old.SetTarget("authorities.json", []byte("fork"))
	old.Publish()
	newStock(t, old).mustFetch("authorities.json", "fork")
	newStock(t, repo).mustFetch("authorities.json", "v1")
	repo.SetTarget("authorities.json", []byte("v3"))
	repo.Publish()
	client.mustFetch("authorities.json", "v3")
}

func TestDiamondDelegation(t *testing.T) {
	repo := tuftest.New(t)
	a, b, shared := tuftest.Key("a"), tuftest.Key("b"), tuftest.Key("shared")
	repo.Delegate(tuftest.Targets, "a", []string{"x/*"}, a)
	repo.Delegate(tuftest.Targets, "b", []string{"x/*"}, b)
	repo.Delegate("a", "shared", []string{"x/*"}, shared)
	repo.Delegate("b", "shared", []string{"x/*"}, shared)
	repo.SetTargetIn("shared", "x/file", []byte("data"))
	repo.Publish()
	newStock(t, repo).mustFetch("x/file", "data")
	repo.SignWith("shared", tuftest.Strangers(1)...)
	repo.Publish()
	newStock(t, repo).mustRefuse("x/file")
}

func TestDirMirrorsWhatIsServed(t *testing.T) {
	repo := tuftest.New(t)
	dir := repo.Dir()
	repo.SetTarget("authorities.json", []byte("data"))
	repo.Publish()
	repo.FlipByte("metadata/timestamp.json")
	repo.Remove("metadata/1.snapshot.json")
	files := repo.Files()
	if len(files) < 6 {
		t.Fatalf("only %d files", len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: %v, or not what is served", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "metadata/1.snapshot.json")); !os.IsNotExist(err) {
		t.Errorf("a removed file is still in the folder: %v", err)
	}
}

func TestSameRepositoryEveryTime(t *testing.T) {
	make := func() []byte {
		repo := tuftest.New(t)
		repo.SetTarget("authorities.json", []byte("data"))
		repo.Rotate(tuftest.Root)
		repo.Publish()
		return repo.File("metadata/timestamp.json")
	}
	if first, again := make(), make(); string(first) != string(again) {
		t.Error("two equal histories gave different bytes")
	}
	if !tuftest.Key("a").Equal(tuftest.Key("a")) || tuftest.Key("a").Equal(tuftest.Key("b")) {
		t.Error("keys do not follow from their names")
	}
	if len(tuftest.Key("a")) != ed25519.PrivateKeySize {
		t.Error("not an Ed25519 key")
	}
}
