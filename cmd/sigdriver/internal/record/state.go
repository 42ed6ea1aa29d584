// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// State is what the entries of a journal add up to: the floor of each subject, the
// place of each sandbox, the signed resets that were carried out, and the highest
// time that decisions were made at. The driver, the audit and the replay all make
// it by Apply, entry by entry. It is not safe for concurrent use.
type State struct {
	// Head is the end of the journal up to which it stands.
	Head Head
	// Revision counts the entries that changed floors, places or resets.
	Revision uint64
	// HighWater is the highest time that trust vouched for, zero for none.
	HighWater time.Time

	// Memory is how far a shared memory is learned.
	Memory MemoryPosition

	top     *layer
	archive Getter
}

// Getter reads an object of the archive. Only entries of release 0.1.0 that had no
// room for what they raised need it.
type Getter func(sum [32]byte) ([]byte, error)

// NewState returns the state before the first entry.
func NewState(archive Getter) *State {
	return &State{top: newLayer(none{}), archive: archive}
}

// Change is a floor that an entry changed.
type Change struct {
	Key           verifier.FloorKey
	Before, After verifier.Floor
}

// StateError says that an entry does not follow from the entries before it.
type StateError struct {
	Seq    uint64
	Detail string
}

func (e *StateError) Error() string {
	return fmt.Sprintf("%s: journal entry %d: %s", LogTampered, e.Seq, e.Detail)
}

// memory is what a layer stands on: a snapshot, another layer, or nothing.
type memory interface {
	floor(verifier.FloorKey) (verifier.Floor, error)
	place(verifier.SandboxKey) (verifier.Place, bool, error)
	reset(id string) (bool, error)
}

type none struct{}

func (none) floor(verifier.FloorKey) (verifier.Floor, error) { return verifier.Floor{}, nil }
func (none) place(verifier.SandboxKey) (verifier.Place, bool, error) {
	return verifier.Place{}, false, nil
}
func (none) reset(string) (bool, error) { return false, nil }

// layer is what changed since the memory under it.
type layer struct {
	under  memory
	floors map[verifier.FloorKey]verifier.Floor
	places map[verifier.SandboxKey]verifier.Place
	// orders are the resets carried out since, in order: they lower what lies
	// under the layer when it is looked up. Those of a takeover lower nothing.
	orders []order
	resets map[string]uint64
}

// order is one reset as it applies to a floor.
type order struct {
	pattern verifier.FloorPattern
	version uint64
}

func newLayer(under memory) *layer {
	return &layer{
		under: under, floors: map[verifier.FloorKey]verifier.Floor{}, places: map[verifier.SandboxKey]verifier.Place{},
		resets: map[string]uint64{},
	}
}

// size is how many rows the layer would add to a snapshot, or change in it.
func (l *layer) size() int { return len(l.floors) + len(l.places) + len(l.resets) }

func (o order) lowers(k verifier.FloorKey, f verifier.Floor) bool {
	return f.Version > o.version && o.pattern.Matches(k)
}

func (l *layer) floor(k verifier.FloorKey) (verifier.Floor, error) {
	if f, ok := l.floors[k]; ok {
		return f, nil
	}
	f, err := l.under.floor(k)
	return l.lowered(k, f), err
}

// lowered is a floor from under the layer after the orders of the layer.
func (l *layer) lowered(k verifier.FloorKey, f verifier.Floor) verifier.Floor {
	for _, o := range l.orders {
		if o.lowers(k, f) {
			f = verifier.Floor{Version: o.version}
		}
	}
	return f
}

func (l *layer) place(k verifier.SandboxKey) (verifier.Place, bool, error) {
	if p, ok := l.places[k]; ok {
		return p, true, nil
	}
	return l.under.place(k)
}

func (l *layer) reset(id string) (bool, error) {
	if _, ok := l.resets[id]; ok {
		return true, nil
	}
	return l.under.reset(id)
}

// Floor returns the floor of a subject, the zero Floor for none. The error is of a
// snapshot that cannot be read.
func (s *State) Floor(k verifier.FloorKey) (verifier.Floor, error) { return s.top.floor(k) }

// Place returns where a sandbox was first allowed, false for never.
func (s *State) Place(k verifier.SandboxKey) (verifier.Place, bool, error) { return s.top.place(k) }

// WasReset reports whether the signed reset of that id was carried out.
func (s *State) WasReset(id string) (bool, error) { return s.top.reset(id) }

// Floors returns every floor in no order. The state must not stand on a snapshot.
func (s *State) Floors() iter.Seq2[verifier.FloorKey, verifier.Floor] {
	return func(yield func(verifier.FloorKey, verifier.Floor) bool) {
		for k, f := range s.top.floors {
			if !yield(k, f) {
				return
			}
		}
	}
}

// MapFloors returns a copy of floors and places for a verifier. The state must not
// stand on a snapshot.
func (s *State) MapFloors() verifier.MapFloors {
	out := verifier.MapFloors{Versions: map[verifier.FloorKey]verifier.Floor{}, Places: map[verifier.SandboxKey]verifier.Place{}}
	for k, f := range s.top.floors {
		out.Versions[k] = f
	}
	for k, p := range s.top.places {
		out.Places[k] = p
	}
	return out
}

// Apply adds the next entry and returns the floors that it changed; those under a
// snapshot that a reset lowered are not among them. A *StateError is an entry that no
// driver writes after those before it: it changes nothing, and the next may be applied.
func (s *State) Apply(e *Stored) ([]Change, error) {
	if e.Seq != s.Head.Size {
		return nil, &StateError{e.Seq, fmt.Sprintf("it comes after %d entries", s.Head.Size)}
	}
	s.Head = Head{e.Seq + 1, e.Sum}
	changes, err := s.apply(&e.Content)
	var wrong *StateError
	if errors.As(err, &wrong) {
		wrong.Seq = e.Seq
	}
	return changes, err
}

// apply carries out what an entry says, wherever it stands.
func (s *State) apply(c *Content) ([]Change, error) {
	switch {
	case c.Decision != nil:
		return s.decision(c.Decision)
	case c.Reset != nil:
		return s.signedReset(c.Reset)
	case c.Joined != nil:
		s.joined(c.Joined)
		return nil, nil
	case c.Learned != nil:
		return s.learned(c.Learned)
	case c.Lost != nil:
		return nil, s.lost(c.Lost)
	case c.Takeover != nil:
		return s.takeover(c.Takeover)
	case c.Clock != nil && c.Clock.Accepted:
		s.HighWater = c.Clock.HighWater
	case c.Clock != nil:
		s.noteTime(c.Clock.HighWater)
	}
	return nil, nil
}

func (s *State) noteTime(t time.Time) {
	if t.After(s.HighWater) {
		s.HighWater = t
	}
}

// vouched reports whether the trust that decided had not expired at the time of the
// decision. A time beyond is one to refuse at, not one to remember.
func (e *Entry) vouched() bool {
	reason, ok := verifier.ReasonByName(e.Reason)
	return ok && !refusedByTrust(reason)
}

func wrong(format string, args ...any) error {
	return &StateError{Detail: fmt.Sprintf(format, args...)}
}

// decision raises and binds what an allowed decision raised and bound.
func (s *State) decision(e *Entry) ([]Change, error) {
	if e.Rules == 0 {
		return s.oldDecision(e)
	}
	changes, err := entryChanges(e)
	if err != nil {
		return nil, err
	}
	asks := e.Memory != nil && e.Memory.Ask != nil
	if next := s.next(!asks && (len(changes) > 0 || e.Bound)); e.Revision != next {
		return nil, wrong("its revision is %d, the one after those before it is %d", e.Revision, next)
	}
	for _, c := range changes {
		switch now, err := s.top.floor(c.Key); {
		case err != nil:
			return nil, err
		case now != c.Before:
			return nil, wrong("it raises the floor of %s %.80q from version %d, where it stands at %d", c.Key.Role, c.Key.Name, c.Before.Version, now.Version)
		case !rises(c.Before, c.After):
			return nil, wrong("it lowers the floor of %s %.80q", c.Key.Role, c.Key.Name)
		}
	}
	if e.Bound {
		switch _, bound, err := s.top.place(e.sandbox()); {
		case err != nil:
			return nil, err
		case bound:
			return nil, wrong("it binds sandbox %.80q, which was bound before", e.Target.SandboxID)
		}
	}
	if asks {
		if err := s.opened(e.Memory.Driver, *e.Memory.Ask); err != nil {
			return nil, err
		}
	} else {
		s.carryOut(e, changes)
	}
	s.Revision = e.Revision
	if e.vouched() {
		s.noteTime(e.Time)
	}
	if asks {
		return nil, nil
	}
	return changes, nil
}

// carryOut raises and binds.
func (s *State) carryOut(e *Entry, changes []Change) {
	if e.Bound {
		s.top.places[e.sandbox()] = e.place()
	}
	for _, c := range changes {
		s.top.floors[c.Key] = c.After
	}
}

// next is the revision of an entry that changes the state, or does not.
func (s *State) next(changes bool) uint64 {
	if changes {
		return s.Revision + 1
	}
	return s.Revision
}

// rises reports whether a floor may become to: a higher version, or the same one
// with the same digest, or with a first one after a reset.
func rises(from, to verifier.Floor) bool {
	if to.Version != from.Version {
		return to.Version > from.Version
	}
	return to.SHA256 == from.SHA256 || from.SHA256 == ([32]byte{})
}

func (e *Entry) sandbox() verifier.SandboxKey {
	return verifier.SandboxKey{GatewayID: e.Target.GatewayID, SandboxID: e.Target.SandboxID}
}

func (e *Entry) place() verifier.Place {
	return verifier.Place{Workspace: e.Target.Workspace, Name: e.Target.Name}
}

// entryChanges reads what an entry says that it raised.
func entryChanges(e *Entry) ([]Change, error) {
	var changes []Change
	for _, f := range e.Raised {
		role, ok := verifier.RoleByName(f.Role)
		if !ok {
			return nil, wrong("%.40q is no role", f.Role)
		}
		key := verifier.FloorKey{GatewayID: e.Target.GatewayID, Role: role, Workspace: f.Workspace, Name: f.Name}
		changes = append(changes, Change{key, f.Before.verifier(), f.After.verifier()})
	}
	return changes, nil
}

// oldDecision is a decision of release 0.1.0, which kept its floors in a file of
// their own. Entries of decisions that were under way together stand in any order,
// a signed reset left no entry, and what was raised may be in the record alone. So
// the highest floor counts, but after a raise from a floor that a reset had left,
// which is bound to no digest.
func (s *State) oldDecision(e *Entry) ([]Change, error) {
	raised, err := entryChanges(e)
	if err == nil && slices.Contains(e.Elided, ElidedRaised) {
		raised, err = s.recordedChanges(e)
	}
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, c := range raised {
		now, err := s.top.floor(c.Key)
		if err != nil {
			return nil, err
		}
		wasReset := c.Before.Version > 0 && c.Before.SHA256 == [32]byte{}
		if c.After.Version > now.Version || wasReset {
			s.top.floors[c.Key] = c.After
		}
		changes = append(changes, c)
	}
	if e.Bound {
		if _, bound, err := s.top.place(e.sandbox()); err != nil {
			return nil, err
		} else if !bound {
			s.top.places[e.sandbox()] = e.place()
		}
	}
	s.Revision = max(s.Revision, e.Revision)
	if e.vouched() {
		s.noteTime(e.Time)
	}
	return changes, nil
}

// recordedChanges reads what an entry raised out of its decision record.
func (s *State) recordedChanges(e *Entry) ([]Change, error) {
	data, err := s.archive(e.Record)
	if err != nil {
		return nil, err
	}
	r, err := ParseDecisionRecord(data)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, raise := range r.Decision.Raises {
		changes = append(changes, Change{raise.Key, consulted(r.Decision, raise.Key), raise.Floor})
	}
	return changes, nil
}

// signedReset lowers floors. SPEC: R8, the only way down.
func (s *State) signedReset(r *SignedReset) ([]Change, error) {
	pattern, ok := r.Pattern.Verifier()
	done, err := s.top.reset(r.ID)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, wrong("%.40q is no role", r.Pattern.Role)
	case done:
		return nil, wrong("the reset %.80q had been carried out before", r.ID)
	case r.Revision != s.next(r.Memory == nil):
		return nil, wrong("its revision is %d, the one after those before it is %d", r.Revision, s.next(r.Memory == nil))
	}
	s.noteTime(r.Time)
	if r.Memory != nil {
		if r.Memory.Ask == nil {
			return nil, wrong("it asks a shared memory for nothing")
		}
		return nil, s.opened(r.Memory.Driver, *r.Memory.Ask)
	}
	s.Revision = r.Revision
	return s.lower(r.ID, order{pattern, r.Version}), nil
}

// lower carries out a reset.
func (s *State) lower(id string, o order) []Change {
	var changes []Change
	for k, f := range s.top.floors {
		if o.lowers(k, f) {
			s.top.floors[k] = verifier.Floor{Version: o.version}
			changes = append(changes, Change{k, f, s.top.floors[k]})
		}
	}
	s.top.orders = append(s.top.orders, o)
	s.top.resets[id] = o.version
	return changes
}

// takeover sets what release 0.1.0 remembered otherwise than its journal says.
func (s *State) takeover(t *Takeover) ([]Change, error) {
	if t.Revision < s.Revision {
		return nil, wrong("its revision is %d, that of those before it is %d", t.Revision, s.Revision)
	}
	var changes []Change
	for _, f := range t.Floors {
		role, _ := verifier.RoleByName(f.Role)
		key := verifier.FloorKey{GatewayID: f.GatewayID, Role: role, Workspace: f.Workspace, Name: f.Name}
		before, err := s.top.floor(key)
		if err != nil {
			return nil, err
		}
		s.top.floors[key] = f.Floor.verifier()
		changes = append(changes, Change{key, before, f.Floor.verifier()})
	}
	for _, p := range t.Places {
		s.top.places[verifier.SandboxKey{GatewayID: p.GatewayID, SandboxID: p.SandboxID}] = verifier.Place{Workspace: p.Workspace, Name: p.Name}
	}
	for _, r := range t.Resets {
		s.top.resets[r.ID] = r.Version
	}
	s.Revision = t.Revision
	s.noteTime(t.HighWater)
	return changes, nil
}
