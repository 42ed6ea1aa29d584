// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay_test

import (
	"os"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/recorded"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay/replaytest"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
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

// TestReplay replays a whole life, without bodies and with them.
func TestReplay(t *testing.T) {
	w := replaytest.New(t, 1)
	begin := time.Now()
	life := w.Live(700)
	t.Logf("%d decisions in %v: %v", life.Decisions, time.Since(begin).Round(time.Millisecond), life.Reasons)
	if len(life.Reasons) < 12 || life.Reasons[signingv1.Reason_REASON_ALLOWED] < 100 {
		t.Errorf("not much of a mixture: %v", life.Reasons)
	}
	o := options(t, w)
	for _, bodies := range []bool{false, true} {
		if bodies {
			var err error
			if o.Documents, err = recorded.OpenDocuments(w.Bodies); err != nil {
				t.Fatal(err)
			}
		}
		r := run(t, o)
		if r.Counts[replay.Identical] != life.Decisions || len(r.Results) != life.Decisions || life.Decisions < 700 {
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
