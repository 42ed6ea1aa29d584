// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"time"
)

// Condition is what trust is worth at an instant. The zero value refuses.
type Condition int

// The conditions, from worst to best.
const (
	Refused Condition = iota // no decision but DENY
	Stale                    // past an expiry, within maxStale
	Fresh
)

// String returns the condition in lower case.
func (c Condition) String() string {
	return [...]string{"refused", "stale", "fresh"}[c]
}

// TrustState is the condition of trust at one instant, and for how long.
type TrustState struct {
	Condition Condition
	Reason    Reason        // why it is refused; Allowed otherwise
	Left      time.Duration // until it is refused; 0 when it is
	Detail    string        // one sentence on what is stale or refused
}

// deadline is one expiry of a role and how long decisions may outlive it.
type deadline struct {
	role    string
	expires time.Time
	grace   time.Duration
}

// deadlines lists the expiries that bound decisions. SPEC: R1 root, snapshot or
// targets expired; timestamp or revocation past expiry + maxStale. The expiry of
// the attestations role only stops new entries.
func (t *Trust) deadlines() []deadline {
	all := [...]deadline{
		{"root", t.expires.Root, 0},
		{"snapshot", t.expires.Snapshot, 0},
		{"targets", t.expires.Targets, 0},
		{"timestamp", t.expires.Timestamp, t.authorities.maxStale},
		{"revocation", t.expires.Revocation, t.authorities.maxStale},
	}
	if t.expires.Revocation.IsZero() { // no such role is delegated
		return all[:4]
	}
	return all[:]
}

// State returns the condition of trust at now.
func (t *Trust) State(now time.Time) TrustState {
	if t == nil || t.authorities == nil {
		return TrustState{Reason: TrustUnavailable, Detail: "no trust has been loaded"}
	}
	if driverOld(t.driverVersion, t.authorities.minDriver) {
		return TrustState{Reason: DriverTooOld, Detail: fmt.Sprintf("this driver is %s and the rules ask for %s at least", quote(t.driverVersion), quote(t.authorities.minDriver))}
	}
	c, d, left := t.condition(now)
	if c == Fresh {
		return TrustState{Condition: Fresh, Reason: Allowed, Left: left}
	}
	detail := fmt.Sprintf("the %s role expired at %s", d.role, stamp(d.expires))
	if c == Stale {
		return TrustState{Condition: Stale, Reason: Allowed, Left: left, Detail: detail}
	}
	if d.grace > 0 {
		detail += fmt.Sprintf(" and maxStale is %s", d.grace)
	}
	return TrustState{Reason: TrustStale, Detail: detail}
}

// condition compares the expiries: the condition at now, the first deadline that
// made it so, and the time left until it is refused.
func (t *Trust) condition(now time.Time) (c Condition, why deadline, left time.Duration) {
	c = Fresh
	for i, d := range t.deadlines() {
		ends := d.expires.Add(d.grace)
		if !now.Before(ends) {
			return Refused, d, 0
		}
		if l := ends.Sub(now); i == 0 || l < left {
			left = l
		}
		if !now.Before(d.expires) && c == Fresh {
			c, why = Stale, d
		}
	}
	return c, why, left
}

// MaxStale is how long decisions may outlive the timestamp and the revocation role.
func (t *Trust) MaxStale() time.Duration { return t.authorities.maxStale }

// The bounds of maxFloorLag in authorities.json, and what it is where that has none.
const (
	MinFloorLag     = 500 * time.Millisecond
	MaxFloorLag     = 10 * time.Minute
	DefaultFloorLag = 2 * time.Second
)

// FloorLag is how old a driver's view of a memory that it shares with others may be
// when it answers. A nil Trust has the default.
func (t *Trust) FloorLag() time.Duration {
	if t == nil {
		return DefaultFloorLag
	}
	return t.authorities.maxLag
}

// changes lists the instants at which the condition of trust may change.
func (t *Trust) changes() []time.Time {
	var at []time.Time
	for _, d := range t.deadlines() {
		at = append(at, d.expires, d.expires.Add(d.grace))
	}
	return at
}

// trustFinding says why nothing can be decided at all, nil when it can.
func trustFinding(t *Trust, floors Floors, now time.Time) *Finding {
	s := t.State(now)
	if s.Condition == Refused {
		return &Finding{Reason: s.Reason, Document: -1, Attestation: -1, Detail: s.Detail}
	}
	if floors == nil {
		return &Finding{Reason: TrustUnavailable, Document: -1, Attestation: -1, Detail: "the driver's floors have not been loaded"}
	}
	return nil
}
