// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// TestJudge holds floors that decisions saw against a journal in which entry 10
// raised one to 5, entry 5000 to 8, and entry 9000 from 3, after a reset, to 4.
func TestJudge(t *testing.T) {
	key := verifier.FloorKey{GatewayID: "gw", Role: verifier.SandboxPolicy, Workspace: "prod", Name: "web"}
	floor := func(v uint64) verifier.Floor {
		if v == 0 {
			return verifier.Floor{}
		}
		return verifier.Floor{Version: v, SHA256: [32]byte{byte(v)}}
	}
	at := func(seq uint64) time.Time { return time.Unix(int64(seq), 0) } // a decision a second
	l := &log{raises: map[verifier.FloorKey][]raise{key: {
		{10, at(10), floor(0), floor(5)}, {5000, at(5000), floor(5), floor(8)}, {9000, at(9000), verifier.Floor{Version: 3}, floor(4)},
	}}}
	none := func() []reset { return nil }
	for _, c := range []struct {
		name string
		seq  uint64
		at   time.Time
		seen verifier.Floor
		want standing
	}{
		{"before any", 5, at(5), floor(0), shown},
		{"before any, raised meanwhile", 5, at(5), floor(5), shown},
		{"after the first", 3000, at(3000), floor(5), shown},
		{"as before the first, under way together", 40, at(40), floor(0), shown},
		{"as before the first, too late", 40, at(40).Add(2 * time.Minute), floor(0), lowered},
		{"as before the first, too far", 3000, at(40), floor(0), lowered},
		{"forgotten", 3000, at(3000), floor(0), lowered},
		{"lower", 3000, at(3000), floor(4), lowered},
		{"another document", 3000, at(3000), verifier.Floor{Version: 5, SHA256: [32]byte{9}}, lowered},
		{"the same without its document", 3000, at(3000), verifier.Floor{Version: 5}, lowered},
		{"higher than anything shown", 3000, at(3000), floor(6), unexplained},
		{"what the next raise saw", 8000, at(8000), verifier.Floor{Version: 3}, shown},
		{"after the last", 20000, at(20000), floor(4), shown},
		{"as before the last", 20000, at(20000), floor(8), unexplained},
	} {
		old := &record.Entry{Time: c.at}
		if got := l.judge(c.seq, old, verifier.Raise{Key: key, Floor: c.seen}, none); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		// An entry with rules stands exactly where the journal shows it.
		exact := lowered
		if stood, _ := l.before(c.seq, key); c.seen == stood {
			exact = shown
		}
		if got := l.judge(c.seq, &record.Entry{Time: c.at, Rules: 1}, verifier.Raise{Key: key, Floor: c.seen}, none); got != exact {
			t.Errorf("%s, today: %d, want %d", c.name, got, exact)
		}
	}
	other := key
	other.Name = "db"
	if got := l.judge(3000, &record.Entry{Time: at(3000)}, verifier.Raise{Key: other}, none); got != shown {
		t.Errorf("a subject without a floor: %d", got)
	}
	if got := l.judge(3000, &record.Entry{Time: at(3000)}, verifier.Raise{Key: other, Floor: floor(2)}, none); got != unexplained {
		t.Errorf("a floor from nowhere: %d", got)
	}
}

// TestJudgePlace: sandbox 10 was first allowed as web, by entry 10.
func TestJudgePlace(t *testing.T) {
	key := verifier.SandboxKey{GatewayID: "gw", SandboxID: "10"}
	web := verifier.Place{Workspace: "prod", Name: "web"}
	at := func(seq uint64) time.Time { return time.Unix(int64(seq), 0) }
	l := &log{places: map[verifier.SandboxKey]placed{key: {10, at(10), web}}}
	for _, c := range []struct {
		name string
		seq  uint64
		key  verifier.SandboxKey
		seen *verifier.Binding
		want standing // of an entry of release 0.1.0
		now  standing // of an entry with rules
	}{
		{"before", 5, key, nil, shown, shown},
		{"before, and bound", 5, key, &verifier.Binding{Key: key, Place: web}, shown, lowered},
		{"together", 20, key, nil, shown, lowered},
		{"forgotten", 3000, key, nil, lowered, lowered},
		{"known", 3000, key, &verifier.Binding{Key: key, Place: web}, shown, shown},
		{"another", 3000, key, &verifier.Binding{Key: key, Place: verifier.Place{Workspace: "prod", Name: "db"}}, lowered, lowered},
		{"of no entry", 3000, verifier.SandboxKey{}, &verifier.Binding{Place: web}, unexplained, lowered},
		{"of none", 3000, verifier.SandboxKey{}, nil, shown, shown},
	} {
		if got := l.judgePlace(c.seq, &record.Entry{Time: at(c.seq)}, c.key, c.seen); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		if got := l.judgePlace(c.seq, &record.Entry{Time: at(c.seq), Rules: 1}, c.key, c.seen); got != c.now {
			t.Errorf("%s, today: %d, want %d", c.name, got, c.now)
		}
	}
}

// An ALLOW that a shared memory refused did not leave, so no load is matched with it.
func TestDecisionLogWithoutLost(t *testing.T) {
	l := &DecisionLog{Suppressed: map[[2]string]uint64{}}
	decide := func(seq uint64, ask *record.AskID) {
		e := record.Entry{Purpose: "COMPOSE", Verdict: "ALLOW", Memory: &record.Known{Driver: "east", Ask: ask}}
		l.add(&record.Stored{Seq: seq, Content: record.Content{Decision: &e}})
	}
	decide(0, &record.AskID{Session: 1, Number: 1})
	decide(1, nil)
	decide(2, &record.AskID{Session: 1, Number: 2})
	l.add(&record.Stored{Seq: 3, Content: record.Content{Lost: &record.Lost{Asks: []record.LostAsk{{AskID: record.AskID{Session: 1, Number: 1}, Why: record.LostConflict}}}}})
	if len(l.Decisions) != 2 || l.Decisions[0].Index != 1 || l.Decisions[1].Index != 2 {
		t.Errorf("%+v", l.Decisions)
	}
}
