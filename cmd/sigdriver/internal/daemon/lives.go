// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/tuf"
)

// lives watches how much of their lives the roles have left that decisions rest on. A
// life begins when the driver first sees a version: TUF says when metadata expires, not
// when it was signed. So whatever is fresh has all of its life left, however short its
// author wants it. It is safe for concurrent use.
type lives struct {
	now    func() time.Time
	trust  func() *trust.Snapshot
	logger hclog.Logger

	mu    sync.Mutex
	begun map[string]birth // by role

	looking sync.Mutex        // one look at a time
	said    map[string]ageing // what was last said of each role
}

// birth is when a version of a role was first seen.
type birth struct {
	version int64
	at      time.Time
}

// ageing is how far a life is spent.
type ageing int

// The steps that are worth a line in the log.
const (
	young ageing = iota
	halfSpent
	nearlySpent // less than a quarter is left
	expired
)

// newLives takes from the history when the versions in force were first accepted.
func newLives(now func() time.Time, current func() *trust.Snapshot, history *tuf.History, logger hclog.Logger) *lives {
	l := &lives{now: now, trust: current, logger: logger, begun: map[string]birth{}, said: map[string]ageing{}}
	if history == nil {
		return l
	}
	for _, line := range history.Lines() {
		l.see(tuf.RoleRoot, line.Root, line.AcceptedAt)
		for role, f := range line.Roles {
			l.see(role, f.Version, line.AcceptedAt)
		}
	}
	return l
}

// see notes a version that is in force. The caller holds the lock.
func (l *lives) see(role string, version int64, at time.Time) {
	if b, ok := l.begun[role]; !ok || b.version != version {
		l.begun[role] = birth{version, at}
	}
}

// life is what is left of one role's metadata.
type life struct {
	Role    string
	Version int64
	Begun   time.Time // when this driver first saw it
	Expires time.Time
	Left    time.Duration // not below 0
	Share   float64       // of the life that is left, from 0 to 1
}

func (f *life) ageing() ageing {
	switch {
	case f.Left <= 0:
		return expired
	case f.Share < 0.25:
		return nearlySpent
	case f.Share < 0.5:
		return halfSpent
	}
	return young
}

// Now returns the lives of the roles that decisions rest on, in a fixed order; none
// while there is no trust.
func (l *lives) Now() []life {
	t, now := l.trust().Trust, l.now()
	if t == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []life
	versions, expires := t.Versions(), t.Expires()
	for _, r := range []life{
		{Role: tuf.RoleRoot, Version: versions.Root, Expires: expires.Root},
		{Role: tuf.RoleTargets, Version: versions.Targets, Expires: expires.Targets},
		{Role: tuf.RoleSnapshot, Version: versions.Snapshot, Expires: expires.Snapshot},
		{Role: tuf.RoleTimestamp, Version: versions.Timestamp, Expires: expires.Timestamp},
		{Role: tuf.RoleRevocation, Version: versions.Revocation, Expires: expires.Revocation},
	} {
		if r.Expires.IsZero() { // no such role is delegated
			continue
		}
		l.see(r.Role, r.Version, now)
		r.Begun, r.Left = l.begun[r.Role].at, max(0, r.Expires.Sub(now))
		if whole := r.Expires.Sub(r.Begun); whole > 0 {
			r.Share = min(1, float64(r.Left)/float64(whole))
		}
		list = append(list, r)
	}
	return list
}

// Look says in the log what has aged since the last look, once each.
func (l *lives) Look() {
	l.looking.Lock()
	defer l.looking.Unlock()
	for _, f := range l.Now() {
		now, before := f.ageing(), l.said[f.Role]
		l.said[f.Role] = now
		args := []any{"role", f.Role, "version", f.Version, "expires", f.Expires.UTC().Format(time.RFC3339), "refused_from", l.refused().UTC().Format(time.RFC3339)}
		switch {
		case now == before:
		case now < before:
			l.logger.Info("a role was renewed", args...)
		case now == expired:
			l.logger.Error("a role has expired; what is left is maxStale, where the rules have one", args...)
		default:
			l.logger.Warn(fmt.Sprintf("less than %s of a role's life is left: is `sigdriver trust renew` still run?", map[ageing]string{halfSpent: "half", nearlySpent: "a quarter"}[now]), args...)
		}
	}
}

// refused is when decisions stop unless trust is refreshed; now when they have.
func (l *lives) refused() time.Time {
	now := l.now()
	return now.Add(l.trust().Trust.State(now).Left)
}

// Run looks until the context ends, at once when trust changes.
func (l *lives) Run(ctx context.Context, changed func() <-chan struct{}) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		next := changed()
		l.Look()
		select {
		case <-tick.C:
		case <-next:
		case <-ctx.Done():
			return
		}
	}
}

// The series of lives.
var (
	roleLeft  = prometheus.NewDesc("sigdriver_trust_role_seconds_left", "Seconds until a role's metadata expires; 0 when it has. Decisions outlive timestamp and revocation by maxStale.", []string{"role"}, nil)
	roleShare = prometheus.NewDesc("sigdriver_trust_role_life_left_ratio", "Share of a role's life that is left, from 1 when the driver first saw this version to 0 when it expires.", []string{"role"}, nil)
)

// Describe implements prometheus.Collector.
func (l *lives) Describe(out chan<- *prometheus.Desc) { out <- roleLeft; out <- roleShare }

// Collect implements prometheus.Collector.
func (l *lives) Collect(out chan<- prometheus.Metric) {
	for _, f := range l.Now() {
		out <- prometheus.MustNewConstMetric(roleLeft, prometheus.GaugeValue, f.Left.Seconds(), f.Role)
		out <- prometheus.MustNewConstMetric(roleShare, prometheus.GaugeValue, f.Share, f.Role)
	}
}
