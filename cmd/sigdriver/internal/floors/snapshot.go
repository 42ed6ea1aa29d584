// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"hash/maphash"
	"maps"

	"github.com/sigdriver/sigdriver/verifier"
)

// shards is how many maps a Snapshot is split into, so that a change copies
// one of them and not everything.
const shards = 256

// Snapshot is one consistent state of the floors and bindings. It never changes
// and is safe for concurrent use. It implements verifier.Floors.
type Snapshot struct {
	seed     maphash.Seed
	floors   [shards]map[verifier.FloorKey]verifier.Floor
	places   [shards]map[verifier.SandboxKey]verifier.Place
	revision uint64
	total    total
}

var _ verifier.Floors = (*Snapshot)(nil)

// Floor returns the floor of a subject, the zero Floor for none.
func (s *Snapshot) Floor(k verifier.FloorKey) verifier.Floor {
	return s.floors[s.shard(k.GatewayID, k.Name)][k]
}

// Place returns where a sandbox was first allowed, false for never.
func (s *Snapshot) Place(k verifier.SandboxKey) (verifier.Place, bool) {
	p, ok := s.places[s.shard(k.GatewayID, k.SandboxID)][k]
	return p, ok
}

// Revision counts the durable changes up to this state. It never falls.
func (s *Snapshot) Revision() uint64 { return s.revision }

// Holds reports whether everything a decision saw is still so: each floor it
// consulted, and what it saw of the sandbox (place nil: never allowed before).
// A zero sandbox key stands for a decision that did not look at a place. It
// does not allocate.
func (s *Snapshot) Holds(consulted []verifier.Raise, sandbox verifier.SandboxKey, place *verifier.Binding) bool {
	for i := range consulted {
		if s.Floor(consulted[i].Key) != consulted[i].Floor {
			return false
		}
	}
	if place != nil {
		p, ok := s.Place(place.Key)
		return ok && p == place.Place
	}
	if sandbox == (verifier.SandboxKey{}) {
		return true
	}
	_, bound := s.Place(sandbox)
	return !bound
}

func (s *Snapshot) shard(a, b string) uint8 {
	return uint8(maphash.String(s.seed, a)*31 + maphash.String(s.seed, b))
}

// draft is a Snapshot in the making. It copies a shard before the first change
// to it, so that the snapshot it came from stays as it is.
type draft struct {
	Snapshot
	ownFloors, ownPlaces [shards]bool
	rows                 []row
	touched              bool // to be written even without rows
}

func (s *Snapshot) draft() *draft { return &draft{Snapshot: *s} }

func (d *draft) setFloor(k verifier.FloorKey, f verifier.Floor) {
	i := d.shard(k.GatewayID, k.Name)
	if !d.ownFloors[i] {
		d.floors[i], d.ownFloors[i] = cloned(d.floors[i]), true
	}
	if old, ok := d.floors[i][k]; ok {
		d.total.toggle(floorRow(k, old))
	}
	d.floors[i][k] = f
	d.put(floorRow(k, f))
}

// setPlace is called once for a sandbox: a binding never changes.
func (d *draft) setPlace(k verifier.SandboxKey, p verifier.Place) {
	i := d.shard(k.GatewayID, k.SandboxID)
	if !d.ownPlaces[i] {
		d.places[i], d.ownPlaces[i] = cloned(d.places[i]), true
	}
	d.places[i][k] = p
	d.put(placeRow(k, p))
}

// put adds a row to what is to be written.
func (d *draft) put(r row) {
	d.total.toggle(r)
	d.rows = append(d.rows, r)
}

func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}
