// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// named makes the log one of several.
func (m *logMaker) named(name string) *DecisionLog {
	m.log.Name = name
	for i := range m.log.Decisions {
		m.log.Decisions[i].Journal = name
	}
	return &m.log
}

// at says how much of the memory the last decision knew.
func (m *logMaker) at(revision uint64) *logMaker {
	p := &m.log.Decisions[len(m.log.Decisions)-1].place
	p.memory, p.number, p.time = "m", revision, m.log.Decisions[len(m.log.Decisions)-1].Time
	return m
}

// TestFleetInOrder: what came last is told by the rows of the memory, not by the clocks of
// the drivers.
func TestFleetInOrder(t *testing.T) {
	// east is a minute ahead: by its clock the refusal is the older.
	east := newLogMaker().decide(noon.Add(time.Minute), "s", "h1", true).at(4).named("east")
	west := newLogMaker().decide(noon, "s", "h1", false).at(5).named("west")
	exact := ReconcileOptions{Skew: 2 * time.Minute, Window: 15 * time.Minute}
	load := loadOf(noon.Add(5*time.Minute), "s", "h1")
	for _, logs := range [][]*DecisionLog{{east, west}, {west, east}} {
		if got := Reconcile(logs, nil, []Load{load}, exact).Results[0]; got.Kind != AfterDenial || got.Journal != "west" || !strings.Contains(got.Text, "entry 0 of west") {
			t.Errorf("%+v", got)
		}
	}
	if got := Reconcile([]*DecisionLog{east}, []string{"west"}, []Load{load}, exact).Results[0]; got.Kind != Matched {
		t.Errorf("without west: %+v", got)
	}
}

// TestFleetReceipts: the entry that a sandbox was shown is in the log of its gateway, or in
// any that has it.
func TestFleetReceipts(t *testing.T) {
	logs := func() []*DecisionLog {
		return []*DecisionLog{newLogMaker().decide(noon, "s", "h1", true).named("east"),
			newLogMaker().decide(noon, "q", "h2", true).decide(noon, "s", "h1", true).named("west")}
	}
	other := logs()
	other[1].Decisions[0].Gateway, other[1].Decisions[1].Gateway = "gw-2", "gw-2"
	for _, c := range []struct {
		name    string
		logs    []*DecisionLog
		missing []string
		index   uint64
		sum     string
		gateway string
		want    LoadKind
		text    string
	}{
		{"of the second", logs(), nil, 1, sumOf(1), "", Matched, "of west"},
		{"by its index alone", logs(), nil, 1, "", "", Matched, "of west"},
		{"about another sandbox in one, and this one in the other", logs(), nil, 0, "", "", Matched, "of west"},
		{"in none", logs(), nil, 7, "", "", ReceiptLost, "none of the 2 logs has it"},
		{"of another sum", logs(), nil, 1, sumOf(8), "", ReceiptLost, "none of the 2 logs has it"},
		{"of another sum, in the one log of its gateway", other, nil, 1, sumOf(8), "gw-2", ReceiptForked, "entry 1 of west"},
		{"of a gateway that no log answers", other, nil, 1, "", "gw-3", ReceiptLost, "none of the 2 logs has it"},
		{"in none, and one is missing", logs(), []string{"north"}, 7, "", "", Unestablished, `journal of driver "north" is missing`},
		{"forked, and one is missing", other, []string{"north"}, 1, sumOf(8), "gw-2", Unestablished, `journal of driver "north" is missing`},
	} {
		l := loadOf(noon.Add(time.Minute), "s", "h1")
		l.Gateway, l.Receipt = c.gateway, &LoadReceipt{c.index, c.sum}
		if got := Reconcile(c.logs, c.missing, []Load{l}, reconcileOptions).Results[0]; got.Kind != c.want || !strings.Contains(got.Text, c.text) {
			t.Errorf("%s: %s %q", c.name, got.Kind, got.Text)
		}
	}
}

// TestFleetMissing: what the journal of a missing driver could have allowed is held against
// nobody.
func TestFleetMissing(t *testing.T) {
	log := newLogMaker().decide(noon, "s", "h1", true).decide(noon, "d", "h1", false).named("")
	for sandbox, kind := range map[string]LoadKind{"nobody": WithoutReceipt, "s": SomethingElse, "d": AfterDenial} {
		l := loadOf(noon.Add(time.Minute), sandbox, "h9")
		if got := Reconcile([]*DecisionLog{log}, nil, []Load{l}, reconcileOptions).Results[0].Kind; got != kind {
			t.Errorf("%s: %s, want %s", sandbox, got, kind)
		}
		if got := Reconcile([]*DecisionLog{log}, []string{"north"}, []Load{l}, reconcileOptions).Results[0].Kind; got != Unestablished {
			t.Errorf("%s with a journal missing: %s", sandbox, got)
		}
	}
}

// TestServedByTheOther: an answer that one driver gave again says nothing of the entry of
// another with that index.
func TestServedByTheOther(t *testing.T) {
	east := newLogMaker().decide(noon, "s", "h1", true).named("east")
	west := newLogMaker().decide(noon, "q", "h2", true).named("west")
	west.Served = []ServedAgain{{noon, noon.Add(time.Hour), 0}}
	l := loadOf(noon.Add(time.Hour), "s", "h1")
	if got := Reconcile([]*DecisionLog{east, west}, nil, []Load{l}, reconcileOptions).Results[0]; got.Kind != Unestablished {
		t.Errorf("%+v", got)
	}
}

// TestUnion: the results of all, in the order of revisions, and the journals on the page.
func TestUnion(t *testing.T) {
	one := func(name string, times ...int) Named {
		r := &Report{Entries: len(times), Counts: map[Outcome]int{Identical: len(times)}, Lines: []Line{{Epoch: 1, AcceptedAt: pageNow}}}
		for i, n := range times {
			r.Results = append(r.Results, Result{Seq: uint64(i), Outcome: Identical, Entry: &record.Entry{Verdict: "ALLOW", Purpose: "COMPOSE", Trust: record.Trust{Epoch: 1},
				Time: pageNow.Add(-time.Duration(n) * time.Minute), Memory: &record.Known{Revision: uint64(n)}}})
		}
		return Named{name, r}
	}
	fleet := &evidence.FleetReport{Memories: []string{"m"}, Journals: []evidence.FleetJournal{{Name: "east", Driver: "e"}, {Name: hostileName, Driver: hostileName}},
		Missing: []evidence.MissingJournal{{Driver: hostileName, Revisions: "3, 5-9", Here: hostileName}}, Rows: 9}
	r := Union([]Named{one("east", 1, 4), one(hostileName, 2, 3)}, fleet)
	var order []uint64
	for _, x := range r.Results {
		order = append(order, x.Entry.Memory.Revision)
	}
	if len(order) != 4 || order[0] != 1 || order[1] != 2 || order[2] != 3 || order[3] != 4 || r.Counts[Identical] != 4 || r.Entries != 4 {
		t.Errorf("%v %+v", order, r)
	}
	page := renderPage(t, r, "east, west")
	for _, want := range []string{"2 journals", "and 1 missing", "<td>3, 5-9</td>", "do not explain each other"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "<img") {
		t.Error("a name is markup")
	}
	fleet.Memories = []string{"m", "n"} // numbers say nothing
	if r := Union([]Named{one("east", 1, 4), one("west", 2, 3)}, fleet); r.Results[0].Entry.Memory.Revision != 2 {
		t.Errorf("%+v", r.Results[0].Entry)
	}
}

// TestDecisionLogDropsTheLatest: a memory that went back has asks of one name; the later
// was lost.
func TestDecisionLogDropsTheLatest(t *testing.T) {
	l := &DecisionLog{}
	id := record.AskID{Session: 1, Number: 1}
	for seq := range uint64(2) {
		e := record.Entry{Purpose: "COMPOSE", Verdict: "ALLOW", Memory: &record.Known{Ask: &id}}
		l.add(&record.Stored{Seq: seq, Content: record.Content{Decision: &e}})
	}
	l.add(&record.Stored{Seq: 2, Content: record.Content{Lost: &record.Lost{Asks: []record.LostAsk{{AskID: id, Why: record.LostOutage}}}}})
	if len(l.Decisions) != 1 || l.Decisions[0].Index != 0 {
		t.Errorf("%+v", l.Decisions)
	}
}
