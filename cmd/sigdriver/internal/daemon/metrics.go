// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/verifier"
)

// Metrics counts what the driver does. No label holds what a caller chose: every
// label's values are a closed list. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	decisions *prometheus.CounterVec
	fast      [maxReason][2]atomic.Pointer[prometheus.Counter] // of decisions, by reason and cached
	seconds   [2]prometheus.Observer
	shadow    prometheus.Counter
	// unapproved counts what nobody has approved, by whether it is new or changed.
	unapproved *prometheus.CounterVec
	faults     *prometheus.CounterVec
	panics     prometheus.Counter
	ahead      prometheus.Counter
	refreshes  *prometheus.CounterVec
	refreshed  prometheus.Gauge
	refused    *prometheus.CounterVec
	writes     *prometheus.CounterVec
	lost       *prometheus.CounterVec
	raises     *prometheus.HistogramVec
	learned    prometheus.Counter
}

// maxReason is above every decision reason.
const maxReason = 256

// Readings are what is read when somebody looks. All but Log are required.
type Readings struct {
	Cold         func() int // evaluations under way
	CacheEntries func() int
	CacheBytes   func() int
	IndexEntries func() int
	IndexFiles   func() int
	IndexWaiting func() int
	// PassedOver counts the paths of the local folder that are not used, by reason.
	PassedOver   func() map[trust.Reason]int
	Connections  func() int
	JournalSize  func() uint64
	JournalWorks func() bool
	// Log is how the transparency log stands; nil where there is none.
	Log func() LogReading
	// Memory is how the shared memory stands; nil where there is none.
	Memory func() MemoryReading
	// Trust returns the epoch and the state of the trust in use, as of now.
	Trust func() (epoch uint64, state verifier.TrustState)
}

// LogReading is how the transparency log stands.
type LogReading struct {
	Entries, Covered uint64        // in tiles, and by the checkpoint
	Waiting          time.Duration // of the oldest entry that no checkpoint covers
	Well             bool
}

// MemoryReading is how a shared memory stands.
type MemoryReading struct {
	Revision uint64        // that is learned
	Age      time.Duration // since all of it was known
	Open     int           // asks that are not settled
	Well     bool
}

// NewMetrics makes the metrics of a driver.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.decisions = m.counters("decisions_total", "Decisions, by verdict, leading reason, and whether the answer was cached.", "verdict", "reason", "cached")
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sigdriver_decision_seconds", Help: "How long a decision took inside the driver.",
		Buckets: []float64{1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.5, 1, 5},
	}, []string{"cached"})
	m.seconds = [2]prometheus.Observer{seconds.WithLabelValues("false"), seconds.WithLabelValues("true")}
	m.shadow = prometheus.NewCounter(prometheus.CounterOpts{Name: "sigdriver_shadow_denials_total", Help: "Distinct decisions that a rule in shadow mode would have denied."})
	m.unapproved = m.counters("unapproved_total", "Distinct refusals of what nobody has approved, by whether no approved document of its subject is known (new) or another has been in force (changed). Changed asks for somebody to look.", "document")
	for _, what := range []verifier.Unapproved{verifier.UnapprovedNew, verifier.UnapprovedChanged} {
		m.unapproved.WithLabelValues(what.String()) // 0 shows, so that an alert can see it rise
	}
	m.faults = m.counters("faults_total", "Calls that ended without a decision, by reason.", "reason")
	m.panics = prometheus.NewCounter(prometheus.CounterOpts{Name: "sigdriver_panics_total", Help: "Panics caught while answering. Each is a bug."})
	m.ahead = prometheus.NewCounter(prometheus.CounterOpts{Name: "sigdriver_decisions_ahead_total", Help: "Decisions made again after a change of trust before they were asked for."})
	m.refreshes = m.counters("trust_refreshes_total", "Refreshes of trust, by result: ok or a code of docs/reasons.md.", "result")
	m.refreshed = prometheus.NewGauge(prometheus.GaugeOpts{Name: "sigdriver_trust_refreshed_timestamp_seconds", Help: "When trust was last refreshed successfully; 0 for never."})
	m.refused = m.counters("connections_refused_total", "Connections closed unread, by why.", "why")
	m.lost = m.counters("unrecorded_total", "Refusals that went out without a journal entry, by why: budget (of their peer), full (only the reserve for ALLOWs is left). Those beyond a budget are counted in the journal.", "why")
	m.raises = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sigdriver_memory_raise_seconds", Help: "How long the shared memory took to raise, by result: raised, conflict (another driver was first) or outage.",
		Buckets: []float64{1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5},
	}, []string{"result"})
	m.learned = prometheus.NewCounter(prometheus.CounterOpts{Name: "sigdriver_memory_learned_total", Help: "Rows of the shared memory that this driver has learned since its start."})
	m.writes = m.counters("intercepted_writes_total", "Writes that a gateway asked about through the interceptor, by method of its API and whether they were allowed.", "method", "allowed")
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "sigdriver_build_info", Help: "1, labelled with the version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.raises, m.learned, seconds, m.shadow, m.panics, m.ahead, m.refreshed, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sigdriver_" + name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

// Watch adds the readings.
func (m *Metrics) Watch(r Readings) {
	for _, g := range []struct {
		name, help string
		read       func() float64
	}{
		{"cold_evaluations", "Evaluations under way.", count(r.Cold)},
		{"cache_entries", "Answers in the verdict cache.", count(r.CacheEntries)},
		{"cache_bytes", "Bytes that the verdict cache uses.", count(r.CacheBytes)},
		{"index_attestations", "Attestations that the index keeps.", count(r.IndexEntries)},
		{"index_files", "Files of the local folder that the index knows.", count(r.IndexFiles)},
		{"index_waiting", "Attestation files and targets that are not checked yet.", count(r.IndexWaiting)},
		{"connections", "Open connections.", count(r.Connections)},
		{"journal_entries", "Entries of the audit journal.", func() float64 { return float64(r.JournalSize()) }},
		{"journal_up", "1 while decisions can be recorded.", func() float64 { return truth(r.JournalWorks()) }},
		{"trust_epoch", "Epoch of the trust in use; 0 while there is none.", func() float64 { e, _ := r.Trust(); return float64(e) }},
		{"trust_seconds_left", "Seconds until decisions stop unless trust is refreshed; 0 when they have.", func() float64 { _, s := r.Trust(); return s.Left.Seconds() }},
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sigdriver_" + g.name, Help: g.help}, g.read))
	}
	if r.Log != nil {
		m.watchLog(r.Log)
	}
	if r.Memory != nil {
		m.watchMemory(r.Memory)
	}
	for _, why := range trust.Reasons() {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sigdriver_index_passed_over", Help: "Paths of the local folder of attestations that are not used, by reason.", ConstLabels: prometheus.Labels{"reason": string(why)},
		}, func() float64 { return float64(r.PassedOver()[why]) }))
	}
	for _, c := range []verifier.Condition{verifier.Refused, verifier.Stale, verifier.Fresh} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sigdriver_trust_state", Help: "1 for the condition that trust is in.", ConstLabels: prometheus.Labels{"condition": c.String()},
		}, func() float64 { _, s := r.Trust(); return truth(s.Condition == c) }))
	}
}

// watchLog adds the readings of a transparency log.
func (m *Metrics) watchLog(read func() LogReading) {
	for _, g := range []struct {
		name, help string
		read       func(LogReading) float64
	}{
		{"log_up", "1 while the transparency log keeps up with the journal.", func(r LogReading) float64 { return truth(r.Well) }},
		{"log_entries", "Journal entries that are in the tiles of the transparency log.", func(r LogReading) float64 { return float64(r.Entries) }},
		{"log_checkpoint_entries", "Journal entries that the signed checkpoint covers.", func(r LogReading) float64 { return float64(r.Covered) }},
		{"log_waiting_seconds", "How long the oldest entry that no checkpoint covers has waited; 0 for none.", func(r LogReading) float64 { return r.Waiting.Seconds() }},
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sigdriver_" + g.name, Help: g.help}, func() float64 { return g.read(read()) }))
	}
}

// watchMemory adds the readings of a shared memory.
func (m *Metrics) watchMemory(read func() MemoryReading) {
	for _, g := range []struct {
		name, help string
		read       func(MemoryReading) float64
	}{
		{"memory_up", "1 while the shared memory is followed and takes raises.", func(r MemoryReading) float64 { return truth(r.Well) }},
		{"memory_revision", "Revision of the shared memory that this driver has learned.", func(r MemoryReading) float64 { return float64(r.Revision) }},
		{"memory_lag_seconds", "How old the driver's view of the shared memory is; answers stop beyond maxFloorLag.", func(r MemoryReading) float64 { return r.Age.Seconds() }},
		{"memory_open_asks", "Raises that were asked for and neither won nor lost yet.", func(r MemoryReading) float64 { return float64(r.Open) }},
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sigdriver_" + g.name, Help: g.help}, func() float64 { return g.read(read()) }))
	}
}

// Learned implements memory.Metrics.
func (m *Metrics) Learned(_ uint64, rows int) { m.learned.Add(float64(rows)) }

// Raised implements memory.Metrics. The result is one of a closed list.
func (m *Metrics) Raised(result string, took time.Duration) {
	m.raises.WithLabelValues(result).Observe(took.Seconds())
}

func count(read func() int) func() float64 { return func() float64 { return float64(read()) } }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Decided counts a decision.
func (m *Metrics) Decided(v verifier.Verdict, r verifier.Reason, cached bool, took time.Duration) {
	hit := 0
	if cached {
		hit = 1
	}
	m.seconds[hit].Observe(took.Seconds())
	if r < 0 || r >= maxReason {
		r = verifier.ReasonUnspecified
	}
	slot := &m.fast[r][hit] // a reason has one verdict
	c := slot.Load()
	if c == nil {
		found := m.decisions.WithLabelValues(v.String(), r.String(), strconv.FormatBool(cached))
		c = &found
		slot.Store(c)
	}
	(*c).Inc()
}

// Shadowed counts a decision that shadow rules would have denied.
func (m *Metrics) Shadowed() { m.shadow.Inc() }

// Unapproved counts a refusal of what nobody has approved.
func (m *Metrics) Unapproved(what verifier.Unapproved) {
	m.unapproved.WithLabelValues(what.String()).Inc()
}

// Faulted counts a call without a decision. The reason is one of a closed list.
func (m *Metrics) Faulted(reason string) { m.faults.WithLabelValues(reason).Inc() }

// Unrecorded counts a refusal without a journal entry.
func (m *Metrics) Unrecorded(why string) { m.lost.WithLabelValues(why).Inc() }

// Panicked counts a panic.
func (m *Metrics) Panicked() { m.panics.Inc() }

// Ahead counts a decision that was made before it was asked for.
func (m *Metrics) Ahead() { m.ahead.Inc() }

// Refreshed counts a refresh of trust: "ok", or a code of a closed list.
func (m *Metrics) Refreshed(result string) {
	m.refreshes.WithLabelValues(result).Inc()
	if result == "ok" {
		m.refreshed.SetToCurrentTime()
	}
}

// Refused counts a connection that was closed unread.
func (m *Metrics) Refused(why string) { m.refused.WithLabelValues(why).Inc() }

// Intercepted counts a write of a stock gateway. The method is one of a closed list.
func (m *Metrics) Intercepted(method string, allowed bool) {
	m.writes.WithLabelValues(method, strconv.FormatBool(allowed)).Inc()
}
