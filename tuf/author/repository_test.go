// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

var authorNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// team is the keys of every role, by name.
type team map[string][]crypto.Signer

func (m team) all() []crypto.Signer {
	all := []crypto.Signer{}
	for _, role := range tuf.Roles() {
		all = append(all, m[role]...)
	}
	return all
}

// holders asks for threshold signatures of the role's keys.
func (m team) keyholders(role string, threshold int) Keyholders {
	h := Keyholders{Threshold: threshold}
	for _, key := range m[role] {
		h.Keys = append(h.Keys, key.Public())
	}
	return h
}

// newTeam has one Ed25519 key a role, and two for root.
func newTeam() team {
	m := team{}
	for _, role := range tuf.Roles() {
		m[role] = []crypto.Signer{tuftest.Key("author " + role)}
	}
	m[tuf.RoleRoot] = append(m[tuf.RoleRoot], tuftest.Key("author root 2"))
	return m
}

func (m team) firstChange() Change {
	c := Change{Keyholders: map[string]Keyholders{}, Files: map[string][]byte{
		"authorities.json": []byte(`{"n":1}`), "revocations.json": []byte(`{"r":1}`),
	}}
	for _, role := range tuf.Roles() {
		c.Keyholders[role] = m.keyholders(role, len(m[role]))
	}
	return c
}

// apply stages, signs and publishes a change in one go.
func apply(t *testing.T, dir string, c Change, keys []crypto.Signer, now time.Time) {
	t.Helper()
	base, err := OpenRepository(nil, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	s, err := NewStage(base, c, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Complete(keys, now, c.Validity); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(nil, dir, now); err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t *testing.T, dir string) *Repository {
	t.Helper()
	r, err := OpenRepository(nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// stockFetch loads a target with go-tuf's own client, which knows nothing of ours.
func stockFetch(t *testing.T, url string, root []byte, cache string, now time.Time, target string) (string, error) {
	t.Helper()
	cfg, err := config.New(url+"/metadata", root)
	if err != nil {
		t.Fatal(err)
	}
	cfg.RemoteTargetsURL = url + "/targets"
	cfg.LocalMetadataDir, cfg.LocalTargetsDir = filepath.Join(cache, "m"), filepath.Join(cache, "t")
	if err := cfg.SetDefaultFetcherHTTPClient(&http.Client{Timeout: 5 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if err := cfg.SetDefaultFetcherRetry(time.Millisecond, 1); err != nil {
		t.Fatal(err)
	}
	u, err := updater.New(cfg)
	if err != nil {
		return "", err
	}
	u.UnsafeSetRefTime(now)
	if err := u.Refresh(); err != nil {
		return "", err
	}
	info, err := u.GetTargetInfo(target)
	if err != nil {
		return "", err
	}
	_, data, err := u.DownloadTarget(info, "", "")
	return string(data), err
}

func mustSource(t *testing.T, location string) tuf.Source {
	t.Helper()
	source, err := tuf.NewSource(location)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// TestClientsFollowTheAuthor publishes a change of everything, one at a time, to
// our client and to go-tuf's own.
func TestClientsFollowTheAuthor(t *testing.T) {
	dir, cache, m := t.TempDir(), t.TempDir(), newTeam()
	apply(t, dir, m.firstChange(), m.all(), authorNow)
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	root, err := os.ReadFile(filepath.Join(dir, "metadata", "1.root.json"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := tuf.Open(tuf.Config{Root: root, Source: mustSource(t, web.URL), Dir: t.TempDir(), Now: func() time.Time { return authorNow }})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fetch := func(target, want string) {
		t.Helper()
		if u, err := client.Refresh(t.Context()); err != nil || string(u.Targets[target]) != want {
			t.Fatalf("our client: %s: %v, or not %q", target, err, want)
		} else if len(u.Faults) > 0 {
			t.Fatalf("our client: %v", u.Faults)
		}
		got, err := stockFetch(t, web.URL, root, cache, authorNow, target)
		if err != nil || got != want {
			t.Fatalf("%s: %q, %v; want %q", target, got, err, want)
		}
	}
	fetch("authorities.json", `{"n":1}`)
	fetch("revocations.json", `{"r":1}`)

	bundle := "attestations/" + strings.Repeat("ab", 32) + "/alice.json"
	apply(t, dir, Change{Files: map[string][]byte{"authorities.json": []byte(`{"n":2}`), bundle: []byte("b")}}, m.all(), authorNow)
	fetch("authorities.json", `{"n":2}`)
	fetch(bundle, "b")

	// Every role changes hands, one after the other, root last.
	for _, role := range append(tuf.Roles()[1:], tuf.RoleRoot) {
		old := m.all()
		m[role] = []crypto.Signer{tuftest.Key("next " + role)}
		apply(t, dir, Change{Keyholders: map[string]Keyholders{role: m.keyholders(role, 1)}}, append(old, m[role]...), authorNow)
		fetch("authorities.json", `{"n":2}`)
		fetch(bundle, "b")
	}
	apply(t, dir, Change{Files: map[string][]byte{bundle: nil, "revocations.json": []byte(`{"r":2}`)}}, m.all(), authorNow)
	fetch("revocations.json", `{"r":2}`)
	if _, err := stockFetch(t, web.URL, root, cache, authorNow, bundle); err == nil {
		t.Error("a removed attestation is still there")
	}
}

func TestECDSAKeysHoldEveryRole(t *testing.T) {
	dir, m := t.TempDir(), team{}
	for _, role := range tuf.Roles() {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		m[role] = []crypto.Signer{key}
	}
	apply(t, dir, m.firstChange(), m.all(), authorNow)
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	got, err := stockFetch(t, web.URL, mustOpen(t, dir).RootBytes(), t.TempDir(), authorNow, "authorities.json")
	if err != nil || got != `{"n":1}` {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestHoldersRefused(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a, b := tuftest.Key("a").Public(), tuftest.Key("b").Public()
	good := Keyholders{Keys: []crypto.PublicKey{a, b}, Threshold: 2}
	if _, _, err := good.inMetadata("root"); err != nil {
		t.Fatalf("two keys, threshold two: %v", err)
	}
	bad := map[string]Keyholders{
		"zero":             {},
		"no keys":          {Threshold: 1},
		"threshold 0":      {Keys: good.Keys},
		"threshold -1":     {Keys: good.Keys, Threshold: -1},
		"threshold 3 of 2": {Keys: good.Keys, Threshold: 3},
		"same key twice":   {Keys: []crypto.PublicKey{a, a}, Threshold: 2},
		"P-384":            {Keys: []crypto.PublicKey{a, p384.Public()}, Threshold: 2},
		"31 bytes":         {Keys: []crypto.PublicKey{a, b.(ed25519.PublicKey)[:31]}, Threshold: 2},
		"nil key":          {Keys: []crypto.PublicKey{a, nil}, Threshold: 2},
	}
	for name, h := range bad {
		var refused *KeyholdersError
		if _, _, err := h.inMetadata("root"); !errors.As(err, &refused) || refused.Role != "root" {
			t.Errorf("%s: %v, want a HoldersError", name, err)
		}
	}
}

func TestChangeRefused(t *testing.T) {
	dir, m := t.TempDir(), newTeam()
	if _, err := NewStage(nil, m.firstChange(), authorNow); err != nil {
		t.Fatal(err)
	}
	for _, role := range tuf.Roles()[:1] {
		c := m.firstChange()
		delete(c.Keyholders, role)
		if _, err := NewStage(nil, c, authorNow); err == nil {
			t.Errorf("a first publication without keys for %s", role)
		}
	}
	apply(t, dir, m.firstChange(), m.all(), authorNow)
	base := mustOpen(t, dir)
	good := Change{Files: map[string][]byte{"authorities.json": []byte("{}")}}
	if _, err := NewStage(base, good, authorNow); err != nil {
		t.Fatal(err)
	}
	hex64 := strings.Repeat("a", 64)
	bad := map[string]Change{
		"unknown role":         {Renew: []string{"mirrors"}},
		"holders of no role":   {Keyholders: map[string]Keyholders{"mirrors": m.keyholders(tuf.RoleRoot, 1)}},
		"threshold":            {Keyholders: map[string]Keyholders{tuf.RoleTargets: {Keys: m.keyholders(tuf.RoleTargets, 1).Keys, Threshold: 2}}},
		"no validity":          {Renew: []string{tuf.RoleRoot}, Validity: map[string]time.Duration{tuf.RoleRoot: 0}},
		"parent folder":        {Files: map[string][]byte{"../authorities.json": {}}},
		"absolute path":        {Files: map[string][]byte{"/authorities.json": {}}},
		"hidden file":          {Files: map[string][]byte{".htaccess": {}}},
		"question mark":        {Files: map[string][]byte{"a?b": {}}},
		"backslash":            {Files: map[string][]byte{`a\b`: {}}},
		"attestation path":     {Files: map[string][]byte{"attestations/alice.json": {1}}},
		"attestation depth":    {Files: map[string][]byte{"attestations/" + hex64 + "/a/b": {1}}},
		"attestation too fat":  {Files: map[string][]byte{"attestations/" + hex64 + "/a": make([]byte, tuf.MaxAttestationFile+1)}},
		"file too fat":         {Files: map[string][]byte{"authorities.json": make([]byte, tuf.MaxTargetFile+1)}},
		"remove what is not":   {Files: map[string][]byte{"drivers.json": nil}},
		"remove no attestaton": {Files: map[string][]byte{"attestations/" + hex64 + "/a": nil}},
	}
	for name, c := range bad {
		if _, err := NewStage(base, c, authorNow); err == nil {
			t.Errorf("%s: staged", name)
		}
	}
}

// TestOpenRefusesEdits flips one byte of every published file in turn.
func TestOpenRefusesEdits(t *testing.T) {
	dir, m := t.TempDir(), newTeam()
	apply(t, dir, m.firstChange(), m.all(), authorNow)
	edited := 0
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == ".lock" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		broken := slices.Clone(data)
		broken[len(broken)/2] ^= 1
		if err := os.WriteFile(name, broken, 0o600); err != nil {
			return err
		}
		edited++
		if !refusesOrCannotRead(dir) {
			t.Errorf("%s: an edit went unnoticed", name)
		}
		return os.WriteFile(name, data, 0o600)
	})
	if err != nil || edited < 8 {
		t.Fatalf("%d files edited, %v", edited, err)
	}
	if refusesOrCannotRead(dir) {
		t.Error("the restored repository does not open")
	}
}

func refusesOrCannotRead(dir string) bool {
	r, err := OpenRepository(nil, dir)
	if err != nil {
		return true
	}
	for _, p := range r.Targets() {
		if _, err := r.Target(p); err != nil {
			return true
		}
	}
	return false
}

func TestOpenRefusesHostileRepositories(t *testing.T) {
	attacks := map[string]func(*tuftest.Repo){
		"targets by strangers": func(r *tuftest.Repo) { r.SignWith(tuf.RoleTargets, tuftest.Strangers(1)...); r.Publish() },
		"revocation by strangers": func(r *tuftest.Repo) {
			r.SignWith(tuf.RoleRevocation, tuftest.Strangers(1)...)
			r.Publish()
		},
		"root by strangers": func(r *tuftest.Repo) {
			r.SignWith(tuf.RoleRoot, tuftest.Strangers(1)...)
			r.Publish()
			r.Remove("metadata/1.root.json")
		},
		"no timestamp": func(r *tuftest.Repo) { r.Remove("metadata/timestamp.json") },
		"no root":      func(r *tuftest.Repo) { r.Remove("metadata/1.root.json") },
		"one key under two ids": func(r *tuftest.Repo) {
			r.EditRoot(func(s *metadata.RootType) {
				s.Keys["twin"] = tuftest.PublicKey(r.Keys(tuf.RoleTargets)[0])
				s.Roles[tuf.RoleTargets].KeyIDs = append(s.Roles[tuf.RoleTargets].KeyIDs, "twin")
			})
			r.Publish()
			r.Remove("metadata/1.root.json")
		},
		"31-byte key": func(r *tuftest.Repo) {
			r.EditRoot(func(s *metadata.RootType) {
				id := s.Roles[tuf.RoleTargets].KeyIDs[0]
				s.Keys[id].Value.PublicKey = s.Keys[id].Value.PublicKey[2:]
			})
			r.Publish()
			r.Remove("metadata/1.root.json")
		},
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			repo := tuftest.New(t)
			dir := repo.Dir()
			if _, err := OpenRepository(nil, dir); err != nil {
				t.Fatalf("before: %v", err)
			}
			attack(repo)
			if _, err := OpenRepository(nil, dir); err == nil {
				t.Error("opened")
			}
		})
	}
}

func TestStatesAndHolders(t *testing.T) {
	dir, m := t.TempDir(), newTeam()
	c := m.firstChange()
	c.Keyholders[tuf.RoleRoot] = m.keyholders(tuf.RoleRoot, 1)
	c.Validity = map[string]time.Duration{tuf.RoleTimestamp: time.Hour}
	apply(t, dir, c, []crypto.Signer{
		m[tuf.RoleRoot][0], m[tuf.RoleTargets][0], m[tuf.RoleRevocation][0], m[tuf.RoleAttestations][0], m[tuf.RoleSnapshot][0], m[tuf.RoleTimestamp][0],
	}, authorNow)
	r := mustOpen(t, dir)
	states := r.States()
	if len(states) != len(tuf.Roles()) {
		t.Fatalf("%d roles, want %d", len(states), len(tuf.Roles()))
	}
	for i, s := range states {
		want := authorNow.Add(DefaultValidity(s.Role))
		if s.Role == tuf.RoleTimestamp {
			want = authorNow.Add(time.Hour)
		}
		if s.Role != tuf.Roles()[i] || s.Version != 1 || s.Threshold != 1 || len(s.Signed) != 1 || !s.Expires.Equal(want) {
			t.Errorf("%+v", s)
		}
	}
	if len(states[0].Missing) != 1 {
		t.Errorf("root: %d keys have not signed, want 1", len(states[0].Missing))
	}
	h, err := r.Keyholders(tuf.RoleRoot)
	if err != nil || h.Threshold != 1 || len(h.Keys) != 2 {
		t.Errorf("holders of root: %+v, %v", h, err)
	}
	if got := fmt.Sprint(r.Targets()); got != "[authorities.json revocations.json]" {
		t.Errorf("targets %s", got)
	}
	if _, err := r.Target("drivers.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a target that nothing lists: %v", err)
	}
}
