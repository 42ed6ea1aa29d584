// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence/evidencetest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

var now = verifiertest.Now

func driver(t *testing.T) *evidencetest.Driver {
	t.Helper()
	trust, err := verifier.ParseTrust(verifiertest.AdmitPolicy().Source())
	if err != nil {
		t.Fatal(err)
	}
	return evidencetest.New(t, trust)
}

func documents(t *testing.T, dir string) *evidence.Documents {
	t.Helper()
	d, err := evidence.OpenDocuments(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func read(t *testing.T, d *evidencetest.Driver, since time.Time) *evidence.Requests {
	t.Helper()
	s, err := evidence.ReadRequests(d.Dir, documents(t, d.Bodies), since)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// approved is a composition at a version, which another document than before has.
func approved(version string) *verifiertest.Scenario {
	s := verifiertest.ComposeLayers()
	tree := verifiertest.Policy()
	tree["note"] = "version " + version
	s.Request.Documents[0].Body = verifiertest.Canonical(tree)
	a := s.Approval(0)
	a.Version = version
	return s.ApproveAs(0, a, "alice", "bob").Recompose()
}

// TestRead restores what was asked, without the effective policy having been
// exported, and the floors and places that the driver ended with.
func TestRead(t *testing.T) {
	d := driver(t)
	asked := []*verifiertest.Scenario{verifiertest.AdmitPolicy(), approved("41"), approved("42"), verifiertest.AdmitProfile()}
	for _, s := range asked {
		if got := d.Decide(s, now); got.Verdict != verifier.Allow {
			t.Fatalf("%v: %v", got.Reason, got.Findings)
		}
	}
	d.Decide(asked[0], now.Add(time.Hour)) // the same question once more
	got := read(t, d, time.Time{})
	if len(got.List) != len(asked) || got.List[len(asked)-1].Seq != 4 {
		t.Fatalf("%d questions: %+v", len(got.List), got.List)
	}
	for i, want := range []int{1, 2, 3, 0} {
		q := got.List[i]
		if q.Lost != "" || q.Unarchived != 0 || verifier.RequestSHA256(q.Asked) != verifier.RequestSHA256(&asked[want].Request) {
			t.Errorf("question %d: %+v", i, q)
			continue
		}
		if string(q.Asked.Effective) != string(asked[want].Request.Effective) {
			t.Errorf("question %d: another effective policy", i)
		}
	}
	if !maps.Equal(got.Floors.Versions, d.Floors.Versions) || !maps.Equal(got.Floors.Places, d.Floors.Places) || len(d.Floors.Versions) == 0 || len(d.Floors.Places) == 0 {
		t.Errorf("floors %v and places %v, want %v and %v", got.Floors.Versions, got.Floors.Places, d.Floors.Versions, d.Floors.Places)
	}
	later := read(t, d, now.Add(time.Minute))
	if len(later.List) != 1 || !maps.Equal(later.Floors.Versions, d.Floors.Versions) {
		t.Errorf("since a minute later: %+v", later)
	}
}

// TestReadWhatIsLost: a question with a part missing is there, and says which.
func TestReadWhatIsLost(t *testing.T) {
	archived := func(d *evidencetest.Driver, sum [32]byte) string {
		text := record.Digest(sum).String()
		return filepath.Join(d.Dir, "archive", "sha256", text[:2], text)
	}
	for name, c := range map[string]struct {
		lose func(t *testing.T, d *evidencetest.Driver, s *verifiertest.Scenario, q evidence.Request) string
		said string
	}{
		"a body": {func(_ *testing.T, d *evidencetest.Driver, s *verifiertest.Scenario, _ evidence.Request) string {
			return filepath.Join(d.Bodies, s.SHA256(1)+".json")
		}, "the body of its PROVIDER_PROFILE, sha256:"},
		"the record": {func(_ *testing.T, d *evidencetest.Driver, _ *verifiertest.Scenario, q evidence.Request) string {
			return archived(d, q.Entry.Record)
		}, "the archive has no object"},
	} {
		d, s := driver(t), verifiertest.ComposeLayers()
		d.Decide(s, now)
		whole := read(t, d, time.Time{}).List[0]
		if whole.Lost != "" {
			t.Fatalf("%s: %s", name, whole.Lost)
		}
		if err := os.Remove(c.lose(t, d, s, whole)); err != nil {
			t.Fatal(err)
		}
		q := read(t, d, time.Time{}).List[0]
		if q.Asked != nil || !strings.Contains(q.Lost, c.said) {
			t.Errorf("%s: %q", name, q.Lost)
		}
	}
	// An attestation that counted and is gone is counted, not made up for.
	d, s := driver(t), verifiertest.AdmitProfile()
	d.Decide(s, now)
	if err := os.Remove(archived(d, sha256.Sum256(s.Attestation(0, 0)))); err != nil {
		t.Fatal(err)
	}
	if q := read(t, d, time.Time{}).List[0]; q.Lost != "" || q.Unarchived != 1 || len(q.Asked.Documents[0].Attestations) != 0 {
		t.Errorf("an attestation: %+v", q)
	}
	// So is one that never counted, which the archive never had.
	d, s = driver(t), verifiertest.AdmitPolicy().Approve(0, "alice", "mallory")
	d.Decide(s, now)
	if q := read(t, d, time.Time{}).List[0]; q.Unarchived != 1 || len(q.Asked.Documents[0].Attestations) != 1 {
		t.Errorf("a stranger's attestation: %+v", q)
	}
	// An effective policy that is not the composition has to be exported.
	d = driver(t)
	s = verifiertest.ComposePlain().EditEffective(func(t verifiertest.Tree) { t["note"] = "widened" })
	d.Decide(s, now)
	if q := read(t, d, time.Time{}).List[0]; !strings.Contains(q.Lost, "its effective policy, sha256:") {
		t.Errorf("a composition of something else: %+v", q)
	}
	if err := os.WriteFile(filepath.Join(d.Bodies, "effective"), s.Request.Effective, 0o600); err != nil {
		t.Fatal(err)
	}
	if q := read(t, d, time.Time{}).List[0]; q.Lost != "" {
		t.Errorf("exported: %s", q.Lost)
	}
}

// TestReadSuppressed counts the refusals that have no entry of their own.
func TestReadSuppressed(t *testing.T) {
	d := driver(t)
	for i := range 5 { // the budget is three
		s := verifiertest.AdmitPolicy().Approve(0, "alice")
		tree := verifiertest.Policy()
		tree["note"] = i
		s.Request.Documents[0].Body = verifiertest.Canonical(tree)
		d.Decide(s, now)
	}
	d.Close() // which writes the count
	if got := read(t, d, time.Time{}); got.Suppressed != 2 || len(got.List) != 3 {
		t.Errorf("%d suppressed, %d questions", got.Suppressed, len(got.List))
	}
}

func TestReadDamaged(t *testing.T) {
	d := driver(t)
	d.Decide(verifiertest.AdmitPolicy(), now)
	d.Decide(verifiertest.AdmitProfile(), now)
	d.Close()
	segments, err := filepath.Glob(filepath.Join(d.Dir, "audit", "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("%v %v", segments, err)
	}
	whole, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segments[0], whole[:len(whole)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if got := read(t, d, time.Time{}); len(got.List) != 1 {
		t.Errorf("a torn entry: %d questions", len(got.List))
	}
	whole[40] ^= 1
	if err := os.WriteFile(segments[0], whole, 0o600); err != nil {
		t.Fatal(err)
	}
	var damaged *record.CorruptError
	if _, err := evidence.ReadRequests(d.Dir, nil, time.Time{}); !errors.As(err, &damaged) {
		t.Errorf("an edited entry: %v, want a CorruptError", err)
	}
	if _, err := evidence.ReadRequests(t.TempDir(), nil, time.Time{}); err == nil {
		t.Error("a folder without a journal is read")
	}
}

// TestDocuments finds bodies by what they are, wherever they lie.
func TestDocuments(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	large := make([]byte, verifier.MaxEffective+1)
	for name, data := range map[string][]byte{"one": []byte("1"), "a/two": []byte("2"), "a/b/two": []byte("2"), "large": large, "edge": large[1:]} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := documents(t, dir)
	if d.Len() != 3 {
		t.Errorf("%d documents, want 3", d.Len())
	}
	if got := d.Get(sha256.Sum256([]byte("2"))); string(got) != "2" {
		t.Errorf("%q", got)
	}
	if got := d.Get(sha256.Sum256([]byte("3"))); got != nil {
		t.Errorf("%q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "one"), []byte("9"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := d.Get(sha256.Sum256([]byte("1"))); got != nil {
		t.Errorf("a document that was changed since: %q", got)
	}
	if _, err := evidence.OpenDocuments(filepath.Join(dir, "nothing")); err == nil {
		t.Error("a folder that is not there")
	}
	var none *evidence.Documents
	if none.Len() != 0 || none.Get([32]byte{}) != nil {
		t.Error("no documents are some")
	}
}

// TestReadForgedRecords: a record that does not fit its entry, or itself, makes
// its question lost.
func TestReadForgedRecords(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	other := verifiertest.AdmitProfile()
	for name, c := range map[string]struct {
		forge func(e *record.Entry, r *record.DecisionRecord)
		said  string
	}{
		"nothing":          {func(*record.Entry, *record.DecisionRecord) {}, ""},
		"another request":  {func(e *record.Entry, _ *record.DecisionRecord) { e.RequestSHA256[0] ^= 1 }, "is about another request"},
		"a list too short": {func(_ *record.Entry, r *record.DecisionRecord) { r.Attestations = nil }, "does not fit its request"},
		"another attestation": {func(_ *record.Entry, r *record.DecisionRecord) {
			r.Attestations[0][0] = sha256.Sum256(other.Attestation(0, 0))
		}, "is not the one that was asked with"},
	} {
		d := driver(t)
		d.Decide(other, now) // its attestation is in the archive
		decision := d.Decide(s, now)
		e, r := record.NewEntry(&s.Request, &decision), record.NewDecisionRecord(&s.Request, &decision)
		e.Time, e.Driver = now, "test"
		e.Revision = 0
		c.forge(&e, &r)
		d.Append(e, r)
		got := read(t, d, time.Time{})
		q := got.List[len(got.List)-1]
		if c.said == "" && q.Lost != "" || !strings.Contains(q.Lost, c.said) || (q.Asked == nil) != (c.said != "") {
			t.Errorf("%s: %q", name, q.Lost)
		}
	}
}

// TestReadManyFloors: an entry lists what it raised, however much that is. Those of
// release 0.1.0 that left it out are in testdata/state-0.1.0.
func TestReadManyFloors(t *testing.T) {
	d, s := driver(t), verifiertest.ComposePlain()
	for i := range 40 {
		profile := verifiertest.MirrorProfile()
		profile["id"] = fmt.Sprintf("%d-%s", i, strings.Repeat("x", 240))
		s.Attach(fmt.Sprintf("provider-%d", i), profile).Approve(i+1, "dave")
	}
	if got := d.Decide(s.Recompose(), now); got.Verdict != verifier.Allow {
		t.Fatalf("%v: %v", got.Reason, got.Findings)
	}
	got := read(t, d, time.Time{})
	if q := got.List[0]; len(q.Entry.Raised) != 41 || slices.Contains(q.Entry.Elided, record.ElidedRaised) || q.Lost != "" {
		t.Fatalf("elided %v, lost %q", q.Entry.Elided, q.Lost)
	}
	if !maps.Equal(got.Floors.Versions, d.Floors.Versions) || len(d.Floors.Versions) != 41 {
		t.Errorf("%d floors, want %d", len(got.Floors.Versions), len(d.Floors.Versions))
	}
}
