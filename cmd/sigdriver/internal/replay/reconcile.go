// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Load is what a sandbox reported that it enforces since Time.
type Load struct {
	Source string // the file it stands in
	Line   int    // there, from 1
	Time   time.Time
	// Gateway is its gateway_id; empty when the report does not say.
	Gateway string
	Sandbox string // the sandbox's id
	Name    string // the sandbox's name; may be empty
	// PolicyHash is the host's own digest of the policy, Effective the sha256 of
	// the effective document; at least one of them is set.
	PolicyHash, Effective string
	// Receipt is the log entry that the gateway showed the sandbox; nil for none.
	Receipt *LoadReceipt
}

// LoadReceipt names an entry of the log.
type LoadReceipt struct {
	Index  uint64
	SHA256 string // of the entry; empty when only its index was kept
}

// LoadKind is what a load comes to. The set is closed; the findings have a page each
// in docs/reasons.md.
type LoadKind string

// The kinds.
const (
	Matched        LoadKind = "MATCHED"
	WithoutReceipt LoadKind = "ENFORCED_WITHOUT_RECEIPT"
	SomethingElse  LoadKind = "ENFORCED_SOMETHING_ELSE"
	AfterDenial    LoadKind = "ENFORCED_AFTER_DENIAL"
	ReceiptLost    LoadKind = "ENFORCED_RECEIPT_LOST"
	ReceiptForked  LoadKind = "ENFORCED_RECEIPT_FORKED"
	Unestablished  LoadKind = "UNESTABLISHED"
)

// LoadFindings are the kinds that something is wrong with.
func LoadFindings() []LoadKind {
	return []LoadKind{WithoutReceipt, SomethingElse, AfterDenial, ReceiptLost, ReceiptForked}
}

// ReconciledLoad is one load and what it comes to.
type ReconciledLoad struct {
	Load Load
	Kind LoadKind
	Text string // one sentence; foreign text in it is quoted
	// Entry is the index of the entry that speaks most about it, -1 for none, and Journal
	// the name of the journal that it is in, empty where there is one alone.
	Entry   int64
	Journal string
}

// ReconcileOptions are what the two sides' clocks may differ by, and how long after an
// answer a load of it is no surprise.
type ReconcileOptions struct{ Skew, Window time.Duration }

// Reconciliation is what a comparison found.
type Reconciliation struct {
	Results []ReconciledLoad // in the order of the loads
	// Unreported are allowed compositions of sandboxes that did report, of which
	// no report says that they were loaded.
	Unreported []LoggedDecision
}

// Count returns how many loads came to a kind.
func (r *Reconciliation) Count(k LoadKind) (n int) {
	for _, x := range r.Results {
		if x.Kind == k {
			n++
		}
	}
	return n
}

// Reconcile compares what drivers' logs say was allowed with what sandboxes reported that
// they enforce. It is a function of what was read: no file, no clock. A gateway that
// skips the driver, or swaps what it answered about, shows here and nowhere else. missing
// are drivers whose journals are not among the logs: what these could have allowed is not
// held against anybody.
func Reconcile(logs []*DecisionLog, missing []string, loads []Load, o ReconcileOptions) *Reconciliation {
	c := &comparison{logs: logs, missing: missing, o: o, about: map[string][]*LoggedDecision{}, served: map[servedEntry][]ServedAgain{}}
	var sizes []int
	for _, log := range logs {
		sizes = append(sizes, len(log.Decisions))
		if c.begins.IsZero() || !log.Begins.IsZero() && log.Begins.Before(c.begins) {
			c.begins = log.Begins
		}
		for _, s := range log.Served {
			at := servedEntry{log.Name, s.Index}
			c.served[at] = append(c.served[at], s)
		}
	}
	inOrder(sizes, func(j, i int) revision { return logs[j].Decisions[i].place }, func(j, i int) {
		d := &logs[j].Decisions[i]
		c.decisions = append(c.decisions, d)
		c.about[d.Sandbox] = append(c.about[d.Sandbox], d)
	})
	r := &Reconciliation{}
	for _, l := range loads {
		r.Results = append(r.Results, c.judge(l))
	}
	r.Unreported = c.unreported(loads)
	return r
}

type comparison struct {
	logs      []*DecisionLog
	missing   []string // drivers
	o         ReconcileOptions
	begins    time.Time                    // of the first decision of all; zero for none
	decisions []*LoggedDecision            // of all, in the order of revisions
	about     map[string][]*LoggedDecision // the same by sandbox id
	served    map[servedEntry][]ServedAgain
}

type servedEntry struct {
	journal string
	index   uint64
}

// unless is a verdict that an entry of a journal which is not there could overturn.
func (c *comparison) unless(r ReconciledLoad) ReconciledLoad {
	if len(c.missing) > 0 {
		r.Kind = Unestablished
		r.Text += "; but the journal of driver " + quoteShort(c.missing[0]) + " is missing, which may say otherwise"
	}
	return r
}

// judge says what one load comes to.
func (c *comparison) judge(l Load) ReconciledLoad {
	before := c.before(l)
	if l.Receipt != nil {
		if r, done := c.receipt(l); done {
			return r
		}
	}
	same := latestDecision(before, func(d *LoggedDecision) bool { return l.is(d) })
	switch {
	case same != nil && !same.Allow && same.Time.After(l.Time.Add(-c.o.Skew)) && latestDecision(before, func(d *LoggedDecision) bool { return d.Allow && l.is(d) }) != nil:
		return reconciled(l, Unestablished, same, "%s refused it at %s, after it had been allowed; the clocks are too coarse to say which came first", same.entry(), stamp(same.Time))
	case same != nil && !same.Allow:
		return c.unless(reconciled(l, AfterDenial, same, "%s refused this very policy, %s, at %s, and nothing allowed it afterwards", same.entry(), same.Reason, stamp(same.Time)))
	case same != nil:
		return c.allowed(l, same)
	}
	return c.unknown(l, before)
}

// before lists the decisions about the load's sandbox that may have preceded it.
func (c *comparison) before(l Load) (list []*LoggedDecision) {
	for _, d := range c.about[l.Sandbox] {
		if (l.Gateway == "" || l.Gateway == d.Gateway) && !d.Time.After(l.Time.Add(c.o.Skew)) {
			list = append(list, d)
		}
	}
	return list
}

func latestDecision(list []*LoggedDecision, fits func(*LoggedDecision) bool) *LoggedDecision {
	for _, d := range slices.Backward(list) {
		if fits(d) {
			return d
		}
	}
	return nil
}

// is reports whether the decision is about what was loaded.
func (l *Load) is(d *LoggedDecision) bool {
	if l.Effective != "" {
		return l.Effective == d.Effective
	}
	return l.PolicyHash != "" && l.PolicyHash == d.PolicyHash
}

// comparable reports whether the two name the policy in one way.
func (l *Load) comparable(d *LoggedDecision) bool {
	return l.Effective != "" || l.PolicyHash != "" && d.PolicyHash != ""
}

// receipt judges the entry that the sandbox was shown: that of the log of its gateway, or
// of any log that can have it. What the entry allows may have been refused since, so
// that is not the end of it.
func (c *comparison) receipt(l Load) (ReconciledLoad, bool) {
	logs := slices.DeleteFunc(slices.Clone(c.logs), func(log *DecisionLog) bool { return len(c.logs) > 1 && l.Gateway != "" && !log.answers(l.Gateway) })
	if len(logs) == 1 {
		r, done := receiptIn(logs[0], l)
		if r.Kind == ReceiptLost || r.Kind == ReceiptForked {
			r = c.unless(r)
		}
		return r, done
	}
	var first *ReconciledLoad
	for _, log := range logs {
		if n := l.Receipt.Index; n >= log.Size || l.Receipt.SHA256 != "" && l.Receipt.SHA256 != log.Sums[n] {
			continue
		}
		r, done := receiptIn(log, l)
		if !done {
			return r, false
		}
		if first == nil {
			first = &r
		}
	}
	if first != nil {
		return *first, true
	}
	return c.unless(reconciled(l, ReceiptLost, nil, "the sandbox was shown entry %d, and none of the %d logs has it", l.Receipt.Index, len(c.logs))), true
}

// answers reports whether the log has a decision for a gateway.
func (log *DecisionLog) answers(gateway string) bool {
	return slices.ContainsFunc(log.Decisions, func(d LoggedDecision) bool { return d.Gateway == gateway })
}

func receiptIn(log *DecisionLog, l Load) (ReconciledLoad, bool) {
	n := l.Receipt.Index
	if n >= log.Size {
		return reconciled(l, ReceiptLost, nil, "the sandbox was shown entry %d, and the log ends before it, with %d entries", n, log.Size), true
	}
	shown := entryOf(n, log.Name)
	if l.Receipt.SHA256 != "" && l.Receipt.SHA256 != log.Sums[n] {
		r := reconciled(l, ReceiptForked, nil, "the sandbox was shown %s as sha256:%s, and the log has another there, sha256:%s", shown, l.Receipt.SHA256, log.Sums[n])
		r.Entry, r.Journal = int64(n), log.Name
		return r, true
	}
	at, found := slices.BinarySearchFunc(log.Decisions, n, func(d LoggedDecision, n uint64) int { return cmp.Compare(d.Index, n) })
	if !found {
		r := reconciled(l, SomethingElse, nil, "the sandbox was shown %s, which is no decision about a composition", shown)
		r.Entry, r.Journal = int64(n), log.Name
		return r, true
	}
	switch d := &log.Decisions[at]; {
	case d.Sandbox != l.Sandbox || l.Gateway != "" && l.Gateway != d.Gateway:
		return reconciled(l, SomethingElse, d, "the sandbox was shown %s, which is about the sandbox %s of gateway %s", shown, quoteShort(d.Sandbox), quoteShort(d.Gateway)), true
	case l.comparable(d) && !l.is(d):
		return reconciled(l, SomethingElse, d, "the sandbox was shown %s, which is about another policy, %s", shown, d.name()), true
	case !d.Allow:
		return reconciled(l, AfterDenial, d, "the sandbox was shown %s, which refuses it: %s", shown, d.Reason), true
	}
	return ReconciledLoad{}, false
}

// allowed judges a load of what was last allowed. An answer is for now: a load
// long after the last one may be of something that was kept.
func (c *comparison) allowed(l Load, d *LoggedDecision) ReconciledLoad {
	if l.Time.Sub(d.Time) <= c.o.Window {
		return reconciled(l, Matched, d, "allowed by %s", d.entry())
	}
	for _, s := range c.served[servedEntry{d.Journal, d.Index}] {
		if !l.Time.Before(s.From.Add(-c.o.Skew)) && !l.Time.After(s.To.Add(c.o.Window)) {
			return reconciled(l, Matched, d, "allowed by %s, and the answer was given again until %s", d.entry(), stamp(s.To))
		}
	}
	return reconciled(l, Unestablished, d, "%s allowed it at %s; whether the gateway asked again before this load is not recorded", d.entry(), stamp(d.Time))
}

// unknown judges a load of which no decision speaks.
func (c *comparison) unknown(l Load, before []*LoggedDecision) ReconciledLoad {
	for _, d := range slices.Backward(before) {
		if d.Allow && !l.comparable(d) {
			return reconciled(l, Unestablished, d, "%s allowed a policy of this sandbox without the gateway's own digest of it, so the two cannot be told apart", d.entry())
		}
	}
	if c.begins.IsZero() || l.Time.Before(c.begins.Add(-c.o.Skew)) {
		return reconciled(l, Unestablished, nil, "it was loaded before the first decision of the log")
	}
	if len(before) == 0 {
		text := "the log has no decision about this sandbox"
		if c.suppressed(l) > 0 {
			text += fmt.Sprintf(" but for %d refusals that it holds as a number", c.suppressed(l))
		}
		return c.unless(reconciled(l, WithoutReceipt, nil, "%s", text))
	}
	last := before[len(before)-1]
	if !last.Allow {
		return c.unless(reconciled(l, AfterDenial, last, "the last answer about this sandbox was a refusal, %s, %s, and no entry allows what was loaded", last.entry(), last.Reason))
	}
	return c.unless(reconciled(l, SomethingElse, last, "%s allowed %s, and no entry speaks of what was loaded", last.entry(), last.name()))
}

func (c *comparison) suppressed(l Load) (n uint64) {
	for _, log := range c.logs {
		for at, count := range log.Suppressed {
			if at[1] == l.Sandbox && (l.Gateway == "" || l.Gateway == at[0]) {
				n += count
			}
		}
	}
	return n
}

// unreported lists what was allowed for sandboxes while they reported, of which
// no report speaks: each policy once, by its last decision.
func (c *comparison) unreported(loads []Load) (list []LoggedDecision) {
	type span struct{ first, last time.Time }
	spans, loaded := map[string]span{}, map[string][]Load{}
	for _, l := range loads {
		s, known := spans[l.Sandbox]
		if !known || l.Time.Before(s.first) {
			s.first = l.Time
		}
		if l.Time.After(s.last) {
			s.last = l.Time
		}
		spans[l.Sandbox] = s
		loaded[l.Sandbox] = append(loaded[l.Sandbox], l)
	}
	seen := map[[3]string]bool{}
	for _, d := range slices.Backward(c.decisions) {
		s, reports := spans[d.Sandbox]
		what := [3]string{d.Gateway, d.Sandbox, d.Effective}
		if !reports || !d.Allow || seen[what] || d.Time.Before(s.first) || d.Time.After(s.last.Add(-c.o.Window)) {
			continue
		}
		seen[what] = true
		if !slices.ContainsFunc(loaded[d.Sandbox], func(l Load) bool { return l.is(d) || !l.comparable(d) }) {
			list = append(list, *d)
		}
	}
	slices.Reverse(list)
	return list
}

func reconciled(l Load, k LoadKind, d *LoggedDecision, format string, args ...any) ReconciledLoad {
	r := ReconciledLoad{Load: l, Kind: k, Text: fmt.Sprintf(format, args...), Entry: -1}
	if d != nil {
		r.Entry, r.Journal = int64(d.Index), d.Journal
	}
	return r
}

// name says which policy a decision is about, by the host's digest where there
// is one.
func (d *LoggedDecision) name() string {
	if d.PolicyHash != "" {
		return "the policy " + quoteShort(d.PolicyHash)
	}
	return "the effective policy sha256:" + d.Effective
}

func quoteShort(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
