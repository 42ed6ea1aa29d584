// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

var (
	noon             = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	reconcileOptions = ReconcileOptions{Skew: 2 * time.Minute, Window: 15 * time.Minute}
)

// a log in the making
type logMaker struct{ log DecisionLog }

func newLogMaker() *logMaker { return &logMaker{DecisionLog{Suppressed: map[[2]string]uint64{}}} }

func sumOf(n uint64) string { return fmt.Sprintf("%064x", n+1) }

func (m *logMaker) other(at time.Time) *logMaker {
	m.log.Sums = append(m.log.Sums, sumOf(m.log.Size))
	m.log.Size++
	if m.log.Begins.IsZero() {
		m.log.Begins = at
	}
	return m
}

func (m *logMaker) decide(at time.Time, sandbox, hash string, allow bool) *logMaker {
	reason := "ALLOWED"
	if !allow {
		reason = "THRESHOLD"
	}
	effective := ""
	if hash != "" {
		effective = fmt.Sprintf("%064x", []byte(hash))[:64]
	}
	m.log.Decisions = append(m.log.Decisions, LoggedDecision{Index: m.log.Size, SHA256: sumOf(m.log.Size), Time: at, Gateway: "gw", Sandbox: sandbox,
		PolicyHash: hash, Effective: effective, Allow: allow, Reason: reason})
	return m.other(at)
}

func loadOf(at time.Time, sandbox, hash string) Load {
	return Load{Source: "events", Line: 1, Time: at, Sandbox: sandbox, PolicyHash: hash}
}

func TestLoadKinds(t *testing.T) {
	shown := func(l Load, index uint64, sum string) Load { l.Receipt = &LoadReceipt{index, sum}; return l }
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	allowed := func() *logMaker { return newLogMaker().decide(noon, "s", "h1", true) }
	for _, c := range []struct {
		name string
		log  *logMaker
		load Load
		kind LoadKind
		text string
	}{
		{"allowed", allowed(), loadOf(at(1), "s", "h1"), Matched, "entry 0"},
		{"allowed, by the effective digest", allowed(), Load{Time: at(1), Sandbox: "s", Effective: fmt.Sprintf("%064x", []byte("h1"))}, Matched, "entry 0"},
		{"allowed, by a clock that is behind", allowed(), loadOf(noon.Add(-reconcileOptions.Skew), "s", "h1"), Matched, "entry 0"},
		{"allowed after a refusal", newLogMaker().decide(noon, "s", "h1", false).decide(at(1), "s", "h1", true), loadOf(at(2), "s", "h1"), Matched, "entry 1"},
		{"at the end of the window", allowed(), loadOf(at(15), "s", "h1"), Matched, ""},
		{"past it", allowed(), loadOf(at(15).Add(1), "s", "h1"), Unestablished, "asked again"},
		{"of a sandbox the log does not know", allowed(), loadOf(at(1), "other", "h1"), WithoutReceipt, "no decision about this sandbox"},
		{"allowed too late", allowed().decide(at(20), "t", "h1", true), loadOf(at(1), "t", "h1"), WithoutReceipt, ""},
		{"another policy", allowed(), loadOf(at(1), "s", "h2"), SomethingElse, `entry 0 allowed the policy "h1"`},
		{"refused", newLogMaker().decide(noon, "s", "h1", false), loadOf(at(1), "s", "h1"), AfterDenial, "entry 0 refused this very policy, THRESHOLD"},
		{"refused since", allowed().decide(at(5), "s", "h1", false), loadOf(at(8), "s", "h1"), AfterDenial, "entry 1"},
		{"refused at about the same time", allowed().decide(at(5), "s", "h1", false), loadOf(at(6), "s", "h1"), Unestablished, "too coarse"},
		{"refused long after", allowed().decide(at(10), "s", "h1", false), loadOf(at(1), "s", "h1"), Matched, ""},
		{"another one refused since", allowed().decide(at(5), "s", "h2", false), loadOf(at(8), "s", "h1"), Matched, ""},
		{"the last answer was a refusal, of another policy", allowed().decide(at(5), "s", "h2", false), loadOf(at(8), "s", "h3"), AfterDenial, "no entry allows"},
		{"before the log begins", allowed(), loadOf(at(-60), "s", "h1"), Unestablished, "before the first decision"},
		{"an empty log", newLogMaker(), loadOf(noon, "s", "h1"), Unestablished, "before the first decision"},
		{"a gateway that gave no digest", newLogMaker().decide(noon, "s", "", true), loadOf(at(1), "s", "h1"), Unestablished, "cannot be told apart"},
		{"shown its entry", allowed(), shown(loadOf(at(1), "s", "h1"), 0, sumOf(0)), Matched, ""},
		{"shown the index alone", allowed(), shown(loadOf(at(1), "s", "h1"), 0, ""), Matched, ""},
		{"shown an entry past the end", allowed(), shown(loadOf(at(1), "s", "h1"), 1, sumOf(1)), ReceiptLost, "ends before it, with 1 entries"},
		{"shown another entry in its place", allowed(), shown(loadOf(at(1), "s", "h1"), 0, sumOf(7)), ReceiptForked, "another there"},
		{"shown an entry that is no composition", allowed().other(at(1)), shown(loadOf(at(2), "s", "h1"), 1, ""), SomethingElse, "no decision"},
		{"shown another sandbox's", allowed().decide(at(1), "t", "h1", true), shown(loadOf(at(2), "s", "h1"), 1, ""), SomethingElse, `sandbox "t"`},
		{"shown another policy's", allowed().decide(at(1), "s", "h2", true), shown(loadOf(at(2), "s", "h1"), 1, ""), SomethingElse, `"h2"`},
		{"shown a refusal", newLogMaker().decide(noon, "s", "h1", false).decide(at(1), "s", "h1", true), shown(loadOf(at(2), "s", "h1"), 0, ""), AfterDenial, "refuses it"},
		{"shown an ALLOW that was taken back", allowed().decide(at(5), "s", "h1", false), shown(loadOf(at(8), "s", "h1"), 0, ""), AfterDenial, "entry 1"},
	} {
		r := Reconcile([]*DecisionLog{&c.log.log}, nil, []Load{c.load}, reconcileOptions)
		if got := r.Results[0]; got.Kind != c.kind || !strings.Contains(got.Text, c.text) {
			t.Errorf("%s: %s: %s", c.name, got.Kind, got.Text)
		}
	}
}

// A gateway's id, where it is known, keeps two gateways' sandboxes apart.
func TestGateways(t *testing.T) {
	m := newLogMaker().decide(noon, "s", "h1", true)
	l := loadOf(noon, "s", "h1")
	for gateway, want := range map[string]LoadKind{"": Matched, "gw": Matched, "other": WithoutReceipt} {
		l.Gateway = gateway
		if got := Reconcile([]*DecisionLog{&m.log}, nil, []Load{l}, reconcileOptions).Results[0]; got.Kind != want {
			t.Errorf("%q: %s", gateway, got.Kind)
		}
	}
	l.Gateway, l.Receipt = "other", &LoadReceipt{Index: 0}
	if got := Reconcile([]*DecisionLog{&m.log}, nil, []Load{l}, reconcileOptions).Results[0]; got.Kind != SomethingElse {
		t.Errorf("shown another gateway's entry: %s", got.Kind)
	}
}

// Refusals that are counted only are mentioned.
func TestSuppressedAreMentioned(t *testing.T) {
	m := newLogMaker().other(noon)
	m.log.Suppressed[[2]string{"gw", "s"}] = 12
	if got := Reconcile([]*DecisionLog{&m.log}, nil, []Load{loadOf(noon, "s", "h1")}, reconcileOptions).Results[0]; got.Kind != WithoutReceipt || !strings.Contains(got.Text, "12 refusals") {
		t.Errorf("%s: %s", got.Kind, got.Text)
	}
}

// An answer that was given again long afterwards accounts for a load then.
func TestReconcileServedAgain(t *testing.T) {
	m := newLogMaker().decide(noon, "s", "h1", true).other(noon.Add(time.Hour))
	m.log.Served = []ServedAgain{{From: noon.Add(55 * time.Minute), To: noon.Add(time.Hour), Index: 0}}
	for minutes, want := range map[int]LoadKind{40: Unestablished, 54: Matched, 58: Matched, 75: Matched, 76: Unestablished} {
		if got := Reconcile([]*DecisionLog{&m.log}, nil, []Load{loadOf(noon.Add(time.Duration(minutes)*time.Minute), "s", "h1")}, reconcileOptions).Results[0]; got.Kind != want {
			t.Errorf("after %d minutes: %s: %s", minutes, got.Kind, got.Text)
		}
	}
}

func TestUnreported(t *testing.T) {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	m := newLogMaker().decide(at(0), "s", "h1", true).decide(at(10), "s", "h2", true).decide(at(11), "s", "h2", true).decide(at(12), "s", "h3", false).
		decide(at(10), "silent", "h9", true).decide(at(58), "s", "h4", true)
	loads := []Load{loadOf(at(0), "s", "h1"), loadOf(at(60), "s", "h1")}
	r := Reconcile([]*DecisionLog{&m.log}, nil, loads, reconcileOptions)
	if len(r.Unreported) != 1 || r.Unreported[0].Index != 2 {
		t.Errorf("%+v", r.Unreported)
	}
	if r := Reconcile([]*DecisionLog{&m.log}, nil, append(loads, loadOf(at(12), "s", "h2")), reconcileOptions); len(r.Unreported) != 0 {
		t.Errorf("%+v", r.Unreported)
	}
}

// honestLog plays a gateway that asks before it serves, for some sandboxes.
func honestLog(r *rand.Rand) (*logMaker, []Load) {
	m, now := newLogMaker(), noon
	var loads []Load
	for range 40 {
		now = now.Add(time.Duration(31+r.IntN(600)) * time.Second) // nothing else is asked before the load
		sandbox, hash := fmt.Sprint("s", r.IntN(3)), fmt.Sprint("h", r.IntN(4))
		allow := r.IntN(3) > 0
		m.decide(now, sandbox, hash, allow)
		if allow {
			l := loadOf(now.Add(time.Duration(r.IntN(30))*time.Second), sandbox, hash)
			if r.IntN(2) == 0 {
				l.Receipt = &LoadReceipt{m.log.Size - 1, sumOf(m.log.Size - 1)}
			}
			loads = append(loads, l)
		}
	}
	return m, loads
}

// An honest gateway is never accused; a dishonest one is, of the right thing.
func TestHonestAndDishonestGateways(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	exact := ReconcileOptions{Skew: time.Nanosecond, Window: time.Minute}
	caught := map[LoadKind]int{}
	for range 300 {
		m, loads := honestLog(r)
		for _, x := range Reconcile([]*DecisionLog{&m.log}, nil, loads, exact).Results {
			if x.Kind != Matched {
				t.Fatalf("an honest gateway: %s: %s", x.Kind, x.Text)
			}
		}
		i := r.IntN(len(loads))
		bad := loads[i]
		log := m.log
		want := []LoadKind{WithoutReceipt}
		switch r.IntN(5) {
		case 0: // asks nobody
			bad.Sandbox, bad.Receipt = "stranger", nil
		case 1: // serves something else
			bad.PolicyHash, bad.Receipt = "evil", nil
			want = []LoadKind{SomethingElse, AfterDenial}
		case 2: // serves what was refused
			at := bad.Time.Add(time.Second)
			log = newLogMaker().log
			mm := &logMaker{DecisionLog{Suppressed: log.Suppressed}}
			for _, d := range m.log.Decisions {
				mm.decide(d.Time, d.Sandbox, d.PolicyHash, d.Allow)
			}
			mm.decide(at, "late", "h", true).decide(at, "late", "h", false)
			log, bad, want = mm.log, loadOf(at.Add(time.Second), "late", "h"), []LoadKind{AfterDenial}
		case 3: // the log was cut
			bad.Receipt = &LoadReceipt{m.log.Size - 1, sumOf(m.log.Size - 1)}
			log.Size--
			log.Sums, log.Decisions = log.Sums[:log.Size], log.Decisions[:log.Size]
			want = []LoadKind{ReceiptLost}
		case 4: // there are two logs
			bad.Receipt = &LoadReceipt{0, sumOf(99)}
			want = []LoadKind{ReceiptForked}
		}
		got := Reconcile([]*DecisionLog{&log}, nil, []Load{bad}, exact).Results[0]
		if got.Kind != want[0] && (len(want) < 2 || got.Kind != want[1]) {
			t.Fatalf("%s: %s, want %v", got.Kind, got.Text, want)
		}
		caught[got.Kind]++
	}
	for _, k := range LoadFindings() {
		if caught[k] == 0 {
			t.Errorf("%s was never caught", k)
		}
	}
}

// Equal arguments give equal reports, and nothing is changed by looking.
func TestReconcileIsAFunction(t *testing.T) {
	m, loads := honestLog(rand.New(rand.NewPCG(1, 1)))
	first := Reconcile([]*DecisionLog{&m.log}, nil, loads, reconcileOptions)
	for range 10 {
		if !reflect.DeepEqual(first, Reconcile([]*DecisionLog{&m.log}, nil, loads, reconcileOptions)) {
			t.Fatal("two reports")
		}
	}
}
