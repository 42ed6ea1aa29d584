// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package tuftest makes TUF repositories for tests: honest ones in one line, and
// hostile ones in about five. A Repo lives in memory and is served over real HTTP
// (URL) and mirrored into a folder (Dir). Keys are derived from names, the clock
// is the test's own, and nothing is checked: what a test asks for is signed.
//
//	repo := tuftest.New(t)
//	repo.SetTarget("authorities.json", data)
//	repo.Publish()
//	old := repo.Fork()                  // what a mirror kept
//	repo.SetTarget("authorities.json", newer)
//	repo.Publish()
//	// … the client under test refreshes from repo.URL() …
//	repo.ServeFrom(old)                 // the mirror rolls back
//
// Layout: metadata/timestamp.json, metadata/N.<role>.json, targets/<dir>/<sha256>.<name>.
package tuftest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// The roles that every Repo starts with.
const (
	Root         = "root"
	Timestamp    = "timestamp"
	Snapshot     = "snapshot"
	Targets      = "targets"
	Revocation   = "revocation"   // delegated: revocations.json
	Attestations = "attestations" // delegated: attestations/*/*
)

// Start is the instant at which a Repo's clock stands at first.
var Start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// validity is how long each role lives after it is signed; other roles 30 days.
var validity = map[string]time.Duration{
	Root: 365 * 24 * time.Hour, Targets: 90 * 24 * time.Hour, Attestations: 90 * 24 * time.Hour,
	Snapshot: 7 * 24 * time.Hour, Revocation: 7 * 24 * time.Hour, Timestamp: 24 * time.Hour,
}

// Repo is one repository under the test's control. Its methods fail the test on
// their own faults. A Repo may be served while it is changed.
type Repo struct {
	t testing.TB

	mu        sync.Mutex
	now       time.Time
	root      *metadata.Metadata[metadata.RootType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	timestamp *metadata.Metadata[metadata.TimestampType]
	targets   map[string]*metadata.Metadata[metadata.TargetsType] // also the delegated roles
	parents   map[string]string                                   // delegated role → who delegates it
	keys      map[string][]ed25519.PrivateKey                     // role → whose delegation lists these
	signers   map[string][]ed25519.PrivateKey                     // role → who signs; nil: keys
	content   map[string][]byte                                   // target path → bytes
	dirty     map[string]bool                                     // roles to sign anew
	edits     map[string][]func()                                 // role → run just before it is signed
	last      map[string][]byte                                   // role → its last publication
	rotations int

	server serverState
	files  map[string][]byte // what is served: "metadata/1.root.json" → bytes
	dir    string            // the mirror folder, "" until Dir is called
}

// Option changes the Repo that New makes.
type Option func(*Repo)

// At sets the clock a Repo starts with.
func At(now time.Time) Option {
	return func(r *Repo) { r.now = now.UTC().Truncate(time.Second) }
}

// Threshold gives a role n keys of which k must sign.
func Threshold(role string, k, n int) Option {
	return func(r *Repo) {
		keys := make([]ed25519.PrivateKey, n)
		for i := range keys {
			keys[i] = Key(fmt.Sprintf("%s-%d", role, i+1))
		}
		r.delegate(role, k, keys)
	}
}

// New returns a published repository with one key a role and no targets.
func New(t testing.TB, options ...Option) *Repo {
	t.Helper()
	r := &Repo{
		t: t, now: Start,
		root: metadata.Root(Start), snapshot: metadata.Snapshot(Start), timestamp: metadata.Timestamp(Start),
		targets: map[string]*metadata.Metadata[metadata.TargetsType]{Targets: metadata.Targets(Start)},
		parents: map[string]string{}, keys: map[string][]ed25519.PrivateKey{}, signers: map[string][]ed25519.PrivateKey{},
		content: map[string][]byte{}, dirty: map[string]bool{}, edits: map[string][]func(){}, files: map[string][]byte{},
		last: map[string][]byte{},
	}
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		r.delegate(role, 1, []ed25519.PrivateKey{Key(role)})
	}
	r.Delegate(Targets, Revocation, []string{"revocations.json"}, Key(Revocation))
	r.Delegate(Targets, Attestations, []string{"attestations/*/*"}, Key(Attestations))
	for _, option := range options {
		option(r)
	}
	r.firstVersions()
	r.Publish()
	return r
}

// firstVersions lets the first Publish, which counts up, end at version 1.
func (r *Repo) firstVersions() {
	r.root.Signed.Version, r.snapshot.Signed.Version, r.timestamp.Signed.Version = 0, 0, 0
	r.dirty[Root] = true
	for role, m := range r.targets {
		m.Signed.Version = 0
		r.dirty[role] = true
	}
}

// Key returns the Ed25519 key that belongs to a name, always the same.
func Key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("tuftest key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Root returns the first root, which clients pin.
func (r *Repo) Root() []byte { return r.File("metadata/1.root.json") }

// Now reads the Repo's clock; hand it to the client as its clock too.
func (r *Repo) Now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// Advance moves the Repo's clock, backwards when d is negative.
func (r *Repo) Advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// SetTarget adds or replaces a target in the role that its path belongs to:
// revocations.json and attestations/… go to their delegated roles.
func (r *Repo) SetTarget(targetPath string, data []byte) {
	r.SetTargetIn(roleOf(targetPath), targetPath, data)
}

// SetTargetIn adds or replaces a target in any role, also outside its paths.
func (r *Repo) SetTargetIn(role, targetPath string, data []byte) {
	r.t.Helper()
	info, err := metadata.TargetFile().FromBytes(targetPath, data, "sha256")
	if err != nil {
		r.t.Fatalf("tuftest: %v", err)
	}
	r.role(role).Signed.Targets[targetPath] = info
	r.content[targetPath] = slices.Clone(data)
	r.dirty[role] = true
}

// RemoveTarget takes a target out of its role.
func (r *Repo) RemoveTarget(targetPath string) {
	delete(r.role(roleOf(targetPath)).Signed.Targets, targetPath)
	r.dirty[roleOf(targetPath)] = true
}

func roleOf(targetPath string) string {
	switch {
	case targetPath == "revocations.json":
		return Revocation
	case strings.HasPrefix(targetPath, "attestations/"):
		return Attestations
	}
	return Targets
}

func (r *Repo) role(name string) *metadata.Metadata[metadata.TargetsType] {
	r.t.Helper()
	m := r.targets[name]
	if m == nil {
		r.t.Fatalf("tuftest: no targets role %q", name)
	}
	return m
}

// Publish signs every changed role at its next version, then a new snapshot and
// a new timestamp, and serves the result.
func (r *Repo) Publish() {
	r.t.Helper()
	if r.dirty[Root] {
		r.publishRoot()
	}
	for _, role := range slices.Sorted(maps.Keys(r.targets)) {
		if r.dirty[role] {
			r.publishTargets(role)
		}
	}
	r.publishContent()
	r.publishSnapshot()
	r.PublishTimestamp()
}

func (r *Repo) publishRoot() {
	r.root.Signed.Version++
	r.root.Signed.Expires = r.expiry(Root)
	sign(r, Root, r.root)
	r.publish(Root, encode(r.t, r.root))
	// What signs the next root is what this one lists.
	delete(r.signers, Root)
}

func (r *Repo) publishTargets(role string) {
	m := r.targets[role]
	m.Signed.Version++
	m.Signed.Expires = r.expiry(role)
	sign(r, role, m)
	r.publish(role, encode(r.t, m))
}

func (r *Repo) publishContent() {
	for targetPath, data := range r.content {
		r.put(TargetFile(targetPath, data), data)
	}
}

func (r *Repo) publishSnapshot() {
	r.snapshot.Signed.Version++
	r.snapshot.Signed.Expires = r.expiry(Snapshot)
	r.snapshot.Signed.Meta = map[string]*metadata.MetaFiles{}
	for role, m := range r.targets {
		r.snapshot.Signed.Meta[role+".json"] = metaFile(m.Signed.Version, r.last[role])
	}
	sign(r, Snapshot, r.snapshot)
	r.publish(Snapshot, encode(r.t, r.snapshot))
}

// PublishTimestamp signs a new timestamp over the snapshot as it is: what an
// honest repository does when nothing else changed.
func (r *Repo) PublishTimestamp() {
	r.t.Helper()
	r.timestamp.Signed.Version++
	r.timestamp.Signed.Expires = r.expiry(Timestamp)
	r.timestamp.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": metaFile(r.snapshot.Signed.Version, r.last[Snapshot])}
	sign(r, Timestamp, r.timestamp)
	r.publish(Timestamp, encode(r.t, r.timestamp))
}

func (r *Repo) publish(role string, data []byte) {
	r.last[role] = data
	r.put(r.Path(role), data)
}

func (r *Repo) expiry(role string) time.Time {
	d, ok := validity[role]
	if !ok {
		d = 30 * 24 * time.Hour
	}
	return r.Now().Add(d)
}

// sign runs the edits that wait for the role and signs it with the role's signers.
func sign[T metadata.Roles](r *Repo, role string, m *metadata.Metadata[T]) {
	r.t.Helper()
	for _, edit := range r.edits[role] {
		edit()
	}
	delete(r.edits, role)
	delete(r.dirty, role)
	keys := r.signers[role]
	if keys == nil {
		keys = r.keys[role]
	}
	signWith(r.t, m, keys)
}

func encode[T metadata.Roles](t testing.TB, m *metadata.Metadata[T]) []byte {
	t.Helper()
	data, err := m.ToBytes(false)
	if err != nil {
		t.Fatalf("tuftest: %v", err)
	}
	return data
}

func metaFile(version int64, data []byte) *metadata.MetaFiles {
	sum := sha256.Sum256(data)
	return &metadata.MetaFiles{Version: version, Length: int64(len(data)), Hashes: metadata.Hashes{"sha256": sum[:]}}
}

func versioned(version int64, role string) string {
	return fmt.Sprintf("metadata/%d.%s.json", version, role)
}

// TargetFile returns where a target with these bytes is served.
func TargetFile(targetPath string, data []byte) string {
	return path.Join("targets", path.Dir(targetPath), fmt.Sprintf("%x.%s", sha256.Sum256(data), path.Base(targetPath)))
}

// Version returns the last published version of a role.
func (r *Repo) Version(role string) int64 {
	r.t.Helper()
	switch role {
	case Root:
		return r.root.Signed.Version
	case Snapshot:
		return r.snapshot.Signed.Version
	case Timestamp:
		return r.timestamp.Signed.Version
	}
	return r.role(role).Signed.Version
}

// Path returns where the last published version of a role is served.
func (r *Repo) Path(role string) string {
	if role == Timestamp {
		return "metadata/timestamp.json"
	}
	return versioned(r.Version(role), role)
}

// Fork returns an independent copy with its own server and folder: the state a
// mirror kept, or the other side of a split history. Faults are not copied.
func (r *Repo) Fork() *Repo {
	r.t.Helper()
	f := &Repo{
		t: r.t, now: r.Now(), rotations: r.rotations,
		root: clone(r.t, r.root), snapshot: clone(r.t, r.snapshot), timestamp: clone(r.t, r.timestamp),
		targets: map[string]*metadata.Metadata[metadata.TargetsType]{},
		parents: maps.Clone(r.parents), keys: maps.Clone(r.keys), signers: maps.Clone(r.signers),
		content: maps.Clone(r.content), dirty: maps.Clone(r.dirty), edits: map[string][]func(){}, files: r.Files(),
		last: maps.Clone(r.last),
	}
	for role, m := range r.targets {
		f.targets[role] = clone(r.t, m)
	}
	return f
}

func clone[T metadata.Roles](t testing.TB, m *metadata.Metadata[T]) *metadata.Metadata[T] {
	t.Helper()
	c, err := new(metadata.Metadata[T]).FromBytes(encode(t, m))
	if err != nil {
		t.Fatalf("tuftest: %v", err)
	}
	return c
}

// File returns a copy of what is served at a path; it fails the test when there is nothing.
func (r *Repo) File(name string) []byte {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	data, ok := r.files[name]
	if !ok {
		r.t.Fatalf("tuftest: nothing is served at %q", name)
	}
	return bytes.Clone(data)
}

// Files returns a copy of everything that is served, by path.
func (r *Repo) Files() map[string][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.files)
}
