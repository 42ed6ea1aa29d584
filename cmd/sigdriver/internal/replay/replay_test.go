// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package replay_test

import (
	"bytes"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record/recordtest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay/replaytest"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
)

func options(t *testing.T, w *replaytest.World) replay.Options {
	t.Helper()
	root, err := os.ReadFile(w.Root)
	if err != nil {
		t.Fatal(err)
	}
	return replay.Options{Dir: w.Dir, Root: root, Now: w.Now().Add(time.Hour)}
}

func run(t *testing.T, o replay.Options) *replay.Report {
	t.Helper()
	r, err := replay.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// size is that of a life, or of its short form.
func size(full, short int) int {
	if testing.Short() {
		return short
	}
	return full
}

// TestReplay replays a whole life, without bodies and with them.
func TestReplay(t *testing.T) {
	w := replaytest.New(t, 1)
	begin := time.Now()
	life := w.Live(size(700, 250))
	t.Logf("%d decisions in %v: %v", life.Decisions, time.Since(begin).Round(time.Millisecond), life.Reasons)
	if len(life.Reasons) < 12 || life.Reasons[signingv1.Reason_REASON_ALLOWED] < 50 {
		t.Errorf("not much of a mixture: %v", life.Reasons)
	}
	o := options(t, w)
	for _, bodies := range []bool{false, true} {
		if bodies {
			var err error
			if o.Documents, err = evidence.OpenDocuments(w.Bodies); err != nil {
				t.Fatal(err)
			}
		}
		r := run(t, o)
		if r.Counts[replay.Identical] != life.Decisions || len(r.Results) != life.Decisions || life.Decisions < size(700, 250) {
			t.Errorf("%v of %d", r.Counts, life.Decisions)
		}
		shown := 0
		today := map[replay.Change]int{}
		for _, x := range r.Results {
			if x.Outcome != replay.Identical && shown < 5 {
				shown++
				t.Errorf("entry %d: %s %s", x.Seq, x.Outcome, x.Why)
			}
			if x.Today != nil {
				today[x.Today.Change]++
			}
			if x.Unread == bodies && x.Entry.Reason != "TRUST_STALE" {
				t.Fatalf("entry %d: unread %t with bodies %t", x.Seq, x.Unread, bodies)
			}
		}
		t.Logf("valid today: %v", today)
		for _, c := range []replay.Change{replay.StillValid, replay.Revoked, replay.Rotated, replay.Expired, replay.Superseded} {
			if today[c] == 0 {
				t.Errorf("nothing is %s today: %v", c, today)
			}
		}
		if today[replay.Unknown] > 0 {
			t.Errorf("%d unknown", today[replay.Unknown])
		}
	}
}

// lived is a small life whose folder a test may spoil.
func lived(t *testing.T, decisions int) (*replaytest.World, replay.Options, *replay.Report) {
	t.Helper()
	w := replaytest.New(t, 7)
	w.Live(decisions)
	o := options(t, w)
	r := run(t, o)
	if r.Counts[replay.Identical] != len(r.Results) || len(r.Results) < decisions {
		t.Fatalf("%v of %d", r.Counts, decisions)
	}
	return w, o, r
}

// object is the file that has an object, perhaps together with others.
func object(w *replaytest.World, sum [32]byte) string {
	return archive.Reader(filepath.Join(w.Dir, "archive")).File(sum)
}

// TestUnreplayable: whatever is missing or damaged is counted and named, and all
// else is as it was. Nothing becomes identical that is not.
func TestUnreplayable(t *testing.T) {
	w, o, whole := lived(t, size(100, 40))
	last := whole.Results[len(whole.Results)-1].Entry
	records := map[record.Digest]int{}
	var counted, bore record.Digest
	for _, x := range whole.Results {
		records[x.Entry.Record]++
		if len(x.Decision.Evidence) > 0 && x.Entry.Verdict == "ALLOW" {
			record := recordOf(t, w, x.Entry)
			at := x.Decision.Evidence[0]
			counted, bore = record.Attestations[at[0]][at[1]], x.Entry.Record
		}
	}
	for _, c := range []struct {
		name  string
		sum   [32]byte
		least int
		said  string
	}{
		{"a decision record", last.Record, 1, "the archive has no object"},
		{"an attestation that counted", counted, 1, "which bore on it, is not in the archive"},
		{"metadata of the targets role", last.Trust.Roles["targets"].SHA256, 1, "missing"},
		{"the timestamp", last.Trust.Roles["timestamp"].SHA256, 1, "missing"},
		{"a root", last.Trust.Roles["root"].SHA256, 1, "missing"},
	} {
		for _, how := range []string{"removed", "damaged"} {
			restore := spoil(t, object(w, c.sum), how)
			r, err := replay.Run(t.Context(), o)
			restore()
			if err != nil {
				t.Fatalf("%s %s: %v", c.name, how, err)
			}
			if r.Counts[replay.Unreplayable] < c.least || r.Counts[replay.Different] > 0 || r.Counts[replay.Identical]+r.Counts[replay.Unreplayable] != len(r.Results) {
				t.Errorf("%s %s: %v", c.name, how, r.Counts)
			}
			said := 0
			for _, x := range r.Of(replay.Unreplayable) {
				if x.Why == "" {
					t.Errorf("%s %s: entry %d: nothing is said", c.name, how, x.Seq)
				}
				if strings.Contains(x.Why, c.said) {
					said++
				}
			}
			if how == "removed" && said < c.least { // others were in the same file
				t.Errorf("%s %s: %d say %q, want %d", c.name, how, said, c.said, c.least)
			}
		}
	}
	if r := run(t, o); r.Counts[replay.Identical] != len(r.Results) || bore == (record.Digest{}) {
		t.Errorf("put back: %v", r.Counts)
	}
	stranger := tuftest.New(t, tuftest.At(replaytest.Start), tuftest.Threshold("root", 1, 2))
	o.Root = stranger.Root()
	// Its keys for the other roles are the same, so that only the root is another.
	if r := run(t, o); r.Counts[replay.Identical] > 0 || r.Counts[replay.Unreplayable] == 0 || r.Counts[replay.Different] == 0 {
		t.Errorf("from another root: %v", r.Counts)
	}
}

// spoil removes or damages a file, and puts it back when told.
func spoil(t *testing.T, name, how string) func() {
	t.Helper()
	data, err := os.ReadFile(name)
	if err == nil && how == "removed" {
		err = os.Remove(name)
	} else if err == nil {
		bad := bytes.Clone(data)
		bad[len(bad)/2] ^= 1
		err = os.WriteFile(name, bad, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func recordOf(t *testing.T, w *replaytest.World, e *record.Entry) *record.DecisionRecord {
	t.Helper()
	record, err := evidence.OpenArchive(w.Dir).Record(e)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// TestDifferent forges journals: well-formed entries with honest records that no
// driver could have written. Each is different, and the entry says why.
func TestDifferent(t *testing.T) {
	w, o, whole := lived(t, size(60, 30))
	var allow *replay.Result
	for i := range whole.Results {
		if x := &whole.Results[i]; x.Entry.Verdict == "ALLOW" && x.Entry.Purpose == "COMPOSE" {
			allow = x
		}
	}
	for _, c := range []struct {
		name   string
		change func(e *record.Entry, r *record.DecisionRecord)
		said   string
	}{
		{"nothing", func(*record.Entry, *record.DecisionRecord) {}, ""},
		{"a verdict", func(e *record.Entry, r *record.DecisionRecord) {
			e.Verdict, e.Reason = "DENY", "THRESHOLD"
			r.Decision.Verdict, r.Decision.Reason = verifier.Deny, verifier.Threshold
			if len(e.Raised) > 0 || e.Bound {
				e.Revision--
			}
			r.Decision.Raises, r.Decision.Binding, e.Raised, e.Bound = nil, nil, nil, false
		}, "recorded as DENY THRESHOLD, decided again as ALLOW ALLOWED"},
		{"the entry alone", func(e *record.Entry, _ *record.DecisionRecord) { e.Verdict = "DENY" }, "disagree about verdict"},
		{"a principal", func(_ *record.Entry, r *record.DecisionRecord) {
			r.Decision.Documents[0].Principals = []string{"alice"}
		}, "what differs: documents"},
		{"the time", func(e *record.Entry, _ *record.DecisionRecord) { e.Time = e.Time.Add(30 * time.Hour) }, ""},
		{"before trust", func(e *record.Entry, _ *record.DecisionRecord) { e.Time = e.Time.Add(-1000 * time.Hour) }, "a trust that was accepted only at"},
		{"after trust", func(e *record.Entry, _ *record.DecisionRecord) { e.Time = e.Time.Add(1000 * time.Hour) }, ""},
		{"another epoch", func(e *record.Entry, _ *record.DecisionRecord) { e.Trust.Epoch += 100 }, "a trust of epoch"},
		{"no trust", func(e *record.Entry, _ *record.DecisionRecord) { e.Trust = record.Trust{} }, "decided again as DENY TRUST_UNAVAILABLE"},
		{"another role's file", func(e *record.Entry, _ *record.DecisionRecord) {
			e.Trust.Roles = maps.Clone(e.Trust.Roles)
			e.Trust.Roles["revocation"] = record.RoleFile{Version: 1}
		}, "another file for the role"},
		{"a role less", func(e *record.Entry, _ *record.DecisionRecord) {
			e.Trust.Roles = maps.Clone(e.Trust.Roles)
			delete(e.Trust.Roles, "revocation")
		}, "roles of trust"},
		{"a place", func(_ *record.Entry, r *record.DecisionRecord) {
			r.Decision.Place = &verifier.Binding{Key: verifier.SandboxKey{GatewayID: "gw-east", SandboxID: "sb"}}
		}, "sandbox"},
	} {
		copied, last := copyState(t, w.Dir), allow
		e, decided := *last.Entry, recordOf(t, w, last.Entry)
		was, err := verifier.ParseDecisionJSON(decided.DecisionJSON)
		if err != nil {
			t.Fatal(err)
		}
		decided.Decision = was
		c.change(&e, decided)
		cutJournal(t, copied, last.Seq)
		appendEntry(t, copied, e, decided)
		o.Dir = copied
		r := run(t, o)
		got := r.Results[len(r.Results)-1]
		if r.Counts[replay.Identical]+1 < len(r.Results) {
			t.Errorf("%s: others too: %v", c.name, r.Counts)
		}
		if c.name == "nothing" {
			if got.Outcome != replay.Identical {
				t.Errorf("%s: %s %q", c.name, got.Outcome, got.Why)
			}
			continue
		}
		if got.Outcome != replay.Different || !strings.Contains(got.Why, c.said) {
			t.Errorf("%s: %s %q", c.name, got.Outcome, got.Why)
		}
	}
}

// copyState copies what a replay reads.
func copyState(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "state")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// cutJournal takes away the entries from one on.
func cutJournal(t *testing.T, dir string, from uint64) {
	t.Helper()
	path := filepath.Join(dir, "audit", record.SegmentFile(0))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := 0
	for range from {
		end += 4 + int(binary.BigEndian.Uint32(data[end:])) + 32
	}
	if err := os.Truncate(path, int64(end)); err != nil {
		t.Fatal(err)
	}
}

// appendEntry writes one more entry, as whoever owns the driver's folder could.
func appendEntry(t *testing.T, dir string, e record.Entry, r *record.DecisionRecord) {
	t.Helper()
	store, err := archive.Open(filepath.Join(dir, "archive"), nil)
	if err != nil {
		t.Fatal(err)
	}
	recordtest.Append(t, dir, recordtest.Decision(t, store, e, *r))
}

// TestChosen replays a part.
func TestChosen(t *testing.T) {
	_, o, whole := lived(t, size(60, 30))
	middle := whole.Results[len(whole.Results)/2].Entry
	for name, c := range map[string]struct {
		change func(o *replay.Options)
		keeps  func(e *record.Entry) bool
	}{
		"since":     {func(o *replay.Options) { o.Since = middle.Time }, func(e *record.Entry) bool { return !e.Time.Before(middle.Time) }},
		"until":     {func(o *replay.Options) { o.Until = middle.Time }, func(e *record.Entry) bool { return e.Time.Before(middle.Time) }},
		"name":      {func(o *replay.Options) { o.Sandbox = middle.Target.Name }, func(e *record.Entry) bool { return e.Target.Name == middle.Target.Name }},
		"id":        {func(o *replay.Options) { o.Sandbox = middle.Target.SandboxID }, func(e *record.Entry) bool { return e.Target.SandboxID == middle.Target.SandboxID }},
		"workspace": {func(o *replay.Options) { o.Workspace = "dev" }, func(e *record.Entry) bool { return e.Target.Workspace == "dev" }},
		"gateway":   {func(o *replay.Options) { o.Gateway = "other" }, func(*record.Entry) bool { return false }},
	} {
		chosen := o
		c.change(&chosen)
		r := run(t, chosen)
		want := 0
		for _, x := range whole.Results {
			if c.keeps(x.Entry) {
				want++
			}
		}
		if len(r.Results) != want || r.Entries != whole.Entries || r.Counts[replay.Identical] != want {
			t.Errorf("%s: %d results %v, want %d", name, len(r.Results), r.Counts, want)
		}
	}
}
