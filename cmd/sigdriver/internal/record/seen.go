// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import "github.com/sigdriver/sigdriver/verifier"

// Seen is what a decision saw of the state: all that can change it.
type Seen struct {
	Consulted []verifier.Raise
	// Sandbox is zero for a decision that did not look it up. Place is where it
	// was first allowed, nil for nowhere.
	Sandbox verifier.SandboxKey
	Place   *verifier.Place
}

// SeenBy returns what a decision saw when it was made.
func SeenBy(req *verifier.Request, d *verifier.Decision) Seen {
	seen := Seen{Consulted: d.Consulted}
	if !looksUpPlace(req.Purpose.String(), d.Reason) {
		return seen
	}
	seen.Sandbox = verifier.SandboxKey{GatewayID: req.Target.GatewayID, SandboxID: req.Target.SandboxID}
	if d.Place != nil {
		seen.Place = &d.Place.Place
	}
	return seen
}

// After returns what the decision would see once its own entry is durable.
func (seen Seen) After(d *verifier.Decision) Seen {
	after := Seen{Sandbox: seen.Sandbox, Place: seen.Place}
	for _, c := range seen.Consulted {
		for _, r := range d.Raises {
			if r.Key == c.Key {
				c = r
			}
		}
		after.Consulted = append(after.Consulted, c)
	}
	if d.Binding != nil {
		after.Place = &d.Binding.Place
	}
	return after
}

// looksUpPlace reports whether a decision looks up where its sandbox was first
// allowed: one for COMPOSE whose trust did not refuse by itself.
func looksUpPlace(purpose string, reason verifier.Reason) bool {
	return !refusedByTrust(reason) && purpose == verifier.Compose.String()
}

// refusedByTrust reports whether a decision got no further than trust itself: there
// was none, or it refused at that time.
func refusedByTrust(reason verifier.Reason) bool {
	switch reason {
	case verifier.TrustUnavailable, verifier.TrustStale, verifier.DriverTooOld:
		return true
	}
	return false
}

// Holds reports whether everything that a decision saw is still so. It does not
// allocate unless a snapshot has to be searched.
func (s *Store) Holds(seen Seen) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	conflict, err := s.state.conflict(seen)
	s.fail(err)
	return conflict == nil && err == nil
}

// conflict returns what of that no longer stands, nil for nothing.
func (s *State) conflict(seen Seen) (*ConflictError, error) {
	for i := range seen.Consulted {
		f, err := s.Floor(seen.Consulted[i].Key)
		if err != nil {
			return nil, err
		}
		if f != seen.Consulted[i].Floor {
			return &ConflictError{Floor: &seen.Consulted[i].Key}, nil
		}
	}
	if seen.Sandbox == (verifier.SandboxKey{}) {
		return nil, nil
	}
	p, ok, err := s.Place(seen.Sandbox)
	if err != nil {
		return nil, err
	}
	if ok != (seen.Place != nil) || ok && p != *seen.Place {
		key := seen.Sandbox
		return &ConflictError{Sandbox: &key}, nil
	}
	return nil, nil
}
