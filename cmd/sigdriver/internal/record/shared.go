// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/sigdriver/sigdriver/verifier"
)

// Shared is a memory that several drivers share. What it holds, a driver learns into its
// own journal before it decides by it, so that the journal stays all that a state is
// made of.
type Shared interface {
	// Session is what asks are made in; a *MemoryError while there is none.
	Session() (Session, error)
	// Raise asks for a raise that is durable in the journal. Without an error the
	// store has learned it. A *RefusedError says that something else stands; any
	// other error is a *MemoryError.
	Raise(s Session, a Ask) error
	// AsOf is an instant of this process at which everything raised until then was
	// learned; the zero Time for never.
	AsOf() time.Time
}

// Session is one connection of a driver to its memory, by a number that rises.
type Session struct {
	Driver string
	Number uint64
	Signs  bool // the driver signs what it asks for
}

// MemoryError says that the shared memory could not be asked. Whether it raised what it
// was asked for is told by its rows later on.
type MemoryError struct{ Err error }

func (e *MemoryError) Error() string {
	return fmt.Sprintf("the shared memory cannot be asked: %v", e.Err)
}
func (e *MemoryError) Unwrap() error { return e.Err }

// RefusedError says that the shared memory holds something else than a decision saw.
type RefusedError struct{}

func (e *RefusedError) Error() string { return "the shared memory holds something else: decide again" }

// Known is the shared memory as a decision saw it.
type Known struct {
	Driver   string `json:"driver"`
	Revision uint64 `json:"revision,string"` // of the memory
	// Age is how long before the decision was recorded all of the memory was known, in
	// milliseconds.
	Age int64 `json:"ageMs,string"`
	// Ask is set where the entry asks the memory to raise or bind. Nothing is raised
	// before a row of the memory was learned that says so.
	Ask *AskID `json:"ask,omitempty"`
	// Signed says that the driver signs what it asks for.
	Signed bool `json:"signed,omitzero"`
}

// AskID names one ask of a driver.
type AskID struct {
	Session uint64 `json:"session,string"`
	Number  uint64 `json:"number,string"`
}

// Ask is what one entry asks the shared memory for: all of it or nothing.
type Ask struct {
	Number uint64 `json:"ask,string"`
	// Entry is the sha256 of the entry that asks, and Index its place in the journal.
	Entry  Digest       `json:"entry"`
	Index  uint64       `json:"index,string"`
	Floors []AskedFloor `json:"floors,omitempty"`
	Place  *TakenPlace  `json:"place,omitempty"`
	Reset  *AskedReset  `json:"reset,omitempty"`
}

// AskedFloor is a floor from what stands to what shall stand.
type AskedFloor struct {
	GatewayID string `json:"gatewayId"`
	Role      string `json:"role"`
	Workspace string `json:"workspace,omitempty"`
	Name      string `json:"name,omitempty"`
	Before    Floor  `json:"before,omitzero"`
	After     Floor  `json:"after"`
}

// AskedReset is a signed reset.
type AskedReset struct {
	ID      string       `json:"id"`
	Version uint64       `json:"version,string"`
	Pattern FloorPattern `json:"pattern"`
}

// Asks is what the entry asks a shared memory for, but for its number and the entry's
// place.
func (e *Entry) Asks() Ask {
	var a Ask
	for _, f := range e.Raised {
		a.Floors = append(a.Floors, AskedFloor{GatewayID: e.Target.GatewayID, Role: f.Role, Workspace: f.Workspace, Name: f.Name, Before: f.Before, After: f.After})
	}
	if e.Bound {
		a.Place = &TakenPlace{e.Target.GatewayID, e.Target.SandboxID, e.Target.Workspace, e.Target.Name}
	}
	return a
}

// Body is the ask as the memory keeps it: RFC 8785 JSON. It fails for names that a
// database cannot hold.
func (a *Ask) Body() ([]byte, error) {
	body, err := canonical(a)
	if err == nil && strings.Contains(string(body), `\u0000`) {
		err = &EntryError{Field: "names", Text: "hold a NUL, which a shared memory cannot keep"}
	}
	return body, err
}

// Joined says which memory the driver shares from here on. What its rows say is learned
// anew from the first. What the driver remembers by then and the memory does not is
// asked for in the session that it names, without an entry for each ask.
type Joined struct {
	Time    time.Time `json:"time"`
	Memory  string    `json:"memory,omitempty"` // its id
	Driver  string    `json:"driver,omitempty"`
	Session uint64    `json:"session,omitzero,string"`
	Signed  bool      `json:"signed,omitzero"` // it signs what it asks for in that session
	// Left is set alone, where the driver goes on without a memory.
	Left bool `json:"left,omitzero"`
}

// Learned is rows of the shared memory.
type Learned struct {
	Rows []Row `json:"rows"`
	// Revision is that of the state with this entry.
	Revision uint64 `json:"floorsRevision,string"`
}

// Row is one raise that the shared memory made durable.
type Row struct {
	Revision uint64 `json:"revision,string"` // of the memory, from 1 on with no gap
	Driver   string `json:"driver"`          // that asked
	Session  uint64 `json:"session,string"`
	Ask      Ask    `json:"asked"`
	// Sum is the sha256 of the sum before it and of everything above.
	Sum       Digest `json:"sum"`
	Signature []byte `json:"signature,omitempty"` // of the driver, where it has a key
}

// RowSum is the sum of a row after the row before it.
func RowSum(before Digest, r *Row, body []byte) Digest {
	h := sha256.New()
	h.Write(before[:])
	fmt.Fprintf(h, "%d %s %d %d ", r.Revision, r.Driver, r.Session, r.Ask.Number)
	h.Write(body)
	return Digest(h.Sum(nil))
}

// rowType is the payload type of a signed row. It is under the signature, so that no receipt,
// proof of a key or attestation can be made of one.
const rowType = "application/vnd.sigdriver.memory-row"

// RowMessage is what a driver signs of a row: which memory, who asks in which session, and
// what for. The revision is the memory's to give; body names the entry that asks.
func RowMessage(memory, driver string, session uint64, body []byte) []byte {
	return dsse.PAE(rowType, fmt.Appendf(nil, "%s %s %d %s", memory, driver, session, body))
}

// Lost says which asks were made and won nothing.
type Lost struct {
	Time time.Time `json:"time"`
	Asks []LostAsk `json:"asks"`
}

// LostAsk is an ask that raised nothing, and why.
type LostAsk struct {
	AskID
	Why string `json:"why"`
}

// Why an ask was lost.
const (
	LostConflict = "conflict" // something else stood in the memory
	LostOutage   = "outage"   // the memory could not be asked
)

// MemoryPosition is how far the rows of a shared memory are learned. The zero value is
// no memory.
type MemoryPosition struct {
	Memory   string  `json:"memory"` // its id
	Driver   string  `json:"driver"`
	Revision uint64  `json:"revision,string"`
	Sum      Digest  `json:"sum"`
	Open     []AskID `json:"open,omitempty"` // asks of the driver that neither won nor were lost
}

// maxOpen bounds the asks under way. As many decisions are under way at most.
const maxOpen = 512

// learnedSize bounds the rows of one entry in bytes, but for a single row.
const learnedSize = 16 << 10

func (j *Joined) check() error {
	if named := j.Memory != "" && j.Driver != ""; named == j.Left || j.Left && *j != (Joined{Time: j.Time, Left: true}) {
		return &EntryError{Field: "joined", Text: "needs a memory and a driver, or to be left"}
	}
	return checkTime("joined.time", &j.Time)
}

func (l *Learned) check() error {
	if len(l.Rows) == 0 {
		return &EntryError{Field: "learned.rows", Text: "are none"}
	}
	for i := range l.Rows {
		for _, f := range l.Rows[i].Ask.Floors {
			if _, ok := verifier.RoleByName(f.Role); !ok || f.After.Version == 0 {
				return &EntryError{Field: fmt.Sprintf("learned.rows[%d]", i), Text: "has a floor without role or version"}
			}
		}
		if r := l.Rows[i].Ask.Reset; r != nil {
			if _, ok := r.Pattern.Verifier(); !ok || r.ID == "" || r.Version == 0 {
				return &EntryError{Field: fmt.Sprintf("learned.rows[%d]", i), Text: "has a reset without role, id or version"}
			}
		}
	}
	return nil
}

func (l *Lost) check() error {
	if len(l.Asks) == 0 {
		return &EntryError{Field: "lost.asks", Text: "are none"}
	}
	return checkTime("lost.time", &l.Time)
}

// position is the state's place in a shared memory, nil for none.
func (s *State) position() *MemoryPosition {
	if s.Memory.Memory == "" {
		return nil
	}
	p := s.Memory
	return &p
}

// joined begins to learn a memory.
func (s *State) joined(j *Joined) { s.Memory = MemoryPosition{Memory: j.Memory, Driver: j.Driver} }

// opened notes an ask. It changes nothing else.
func (s *State) opened(driver string, id AskID) error {
	switch {
	case s.Memory.Memory == "" || driver != s.Memory.Driver:
		return wrong("it asks a shared memory as %.80q, which has not joined one", driver)
	case slices.Contains(s.Memory.Open, id):
		return wrong("ask %d of session %d was made before", id.Number, id.Session)
	}
	s.Memory.Open = append(slices.Clone(s.Memory.Open), id)
	return nil
}

// closed forgets an ask, if it is open.
func (s *State) closed(id AskID) {
	if i := slices.Index(s.Memory.Open, id); i >= 0 {
		s.Memory.Open = slices.Delete(slices.Clone(s.Memory.Open), i, i+1)
	}
}

func (s *State) lost(l *Lost) error {
	for _, a := range l.Asks {
		if !slices.Contains(s.Memory.Open, a.AskID) {
			return wrong("ask %d of session %d is not open", a.Number, a.Session)
		}
	}
	for _, a := range l.Asks {
		s.closed(a.AskID)
	}
	return nil
}

// learned carries out rows in their order. What the driver remembers by itself beyond a
// row stays: a row never lowers a floor, but for a reset, and never moves a sandbox.
func (s *State) learned(l *Learned) ([]Change, error) {
	if s.Memory.Memory == "" {
		return nil, wrong("it has rows of a shared memory, and the driver has joined none")
	}
	if l.Revision != s.Revision+1 {
		return nil, wrong("its revision is %d, the one after those before it is %d", l.Revision, s.Revision+1)
	}
	at, sum := s.Memory.Revision, s.Memory.Sum
	for i := range l.Rows {
		r := &l.Rows[i]
		body, err := r.Ask.Body()
		if err != nil {
			return nil, err
		}
		if at++; r.Revision != at {
			return nil, wrong("it has row %d of the shared memory, where row %d is next", r.Revision, at)
		}
		if sum = RowSum(sum, r, body); r.Sum != sum {
			return nil, wrong("row %d of the shared memory does not match its sum", r.Revision)
		}
	}
	var changes []Change
	for i := range l.Rows {
		more, err := s.row(&l.Rows[i])
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	s.Memory.Revision, s.Memory.Sum = at, sum
	s.Revision = l.Revision
	return changes, nil
}

func (s *State) row(r *Row) ([]Change, error) {
	if r.Driver == s.Memory.Driver {
		s.closed(AskID{r.Session, r.Ask.Number})
	}
	var changes []Change
	if r.Ask.Reset != nil {
		pattern, _ := r.Ask.Reset.Pattern.Verifier()
		done, err := s.top.reset(r.Ask.Reset.ID)
		if err != nil {
			return nil, err
		}
		if !done {
			changes = s.lower(r.Ask.Reset.ID, order{pattern, r.Ask.Reset.Version})
		}
	}
	for _, f := range r.Ask.Floors {
		role, _ := verifier.RoleByName(f.Role)
		key := verifier.FloorKey{GatewayID: f.GatewayID, Role: role, Workspace: f.Workspace, Name: f.Name}
		now, err := s.top.floor(key)
		if err != nil {
			return nil, err
		}
		if after := f.After.verifier(); after != now && rises(now, after) {
			s.top.floors[key] = after
			changes = append(changes, Change{key, now, after})
		}
	}
	if p := r.Ask.Place; p != nil {
		key := verifier.SandboxKey{GatewayID: p.GatewayID, SandboxID: p.SandboxID}
		if _, bound, err := s.top.place(key); err != nil {
			return nil, err
		} else if !bound {
			s.top.places[key] = verifier.Place{Workspace: p.Workspace, Name: p.Name}
		}
	}
	return changes, nil
}

// Share has the store ask a shared memory for everything that it raises. It comes before
// the first decision.
func (s *Store) Share(m Shared) { s.shared = m }

// Position is how far the shared memory is learned, the zero value for none.
func (s *Store) Position() MemoryPosition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state.Memory
}

// Join begins to share a memory.
func (s *Store) Join(j Joined) (uint64, Digest, error) {
	if err := cmp.Or(j.check(), s.room(minFree)); err != nil {
		return 0, Digest{}, err
	}
	return s.submit(kindJoined, func() ([]byte, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		body, err := canonical(&j)
		if err != nil {
			return nil, err
		}
		return body, s.add(&Content{Joined: &j})
	})
}

// Learn makes rows of the shared memory durable, and part of the state. They follow
// Position.
func (s *Store) Learn(rows []Row) error {
	for len(rows) > 0 {
		n, size := 0, 0
		for n < len(rows) {
			body, err := canonical(&rows[n])
			if err != nil {
				return err
			}
			if size += len(body); size > learnedSize && n > 0 {
				break
			}
			n++
		}
		l := &Learned{Rows: rows[:n]}
		if err := cmp.Or(l.check(), s.Err(), s.room(minFree)); err != nil {
			return err
		}
		_, _, err := s.submit(kindLearned, func() ([]byte, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			l.Revision = s.state.Revision + 1
			body, err := canonical(l)
			if err != nil {
				return nil, err
			}
			return body, s.add(&Content{Learned: l})
		})
		if err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// Lose records that asks raised nothing; those that are not open any more are left out.
func (s *Store) Lose(now time.Time, why string, asks []AskID) error {
	_, _, err := s.submit(kindLost, func() ([]byte, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		l := &Lost{Time: now.UTC()}
		for _, id := range asks {
			if slices.Contains(s.state.Memory.Open, id) {
				l.Asks = append(l.Asks, LostAsk{id, why})
			}
		}
		if len(l.Asks) == 0 {
			return nil, errDone
		}
		body, err := canonical(l)
		if err != nil {
			return nil, err
		}
		return body, s.add(&Content{Lost: l})
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// asking are the subjects that the asks under way are about.
type asking map[any]chan struct{}

// reserve keeps two decisions of this driver from asking about one subject at a time. It
// waits for one that does and then says that the other has to be made again.
func (s *Store) reserve(d *verifier.Decision) (release func(), err error) {
	var keys []any
	for _, r := range d.Raises {
		keys = append(keys, r.Key)
	}
	if d.Binding != nil {
		keys = append(keys, d.Binding.Key)
	}
	s.askingMu.Lock()
	for i, k := range keys {
		if done, taken := s.asking[k]; taken {
			s.askingMu.Unlock()
			<-done
			return nil, conflictAbout(d, i)
		}
	}
	defer s.askingMu.Unlock()
	if s.asking == nil {
		s.asking = asking{}
	}
	done := make(chan struct{})
	for _, k := range keys {
		s.asking[k] = done
	}
	return func() {
		s.askingMu.Lock()
		defer s.askingMu.Unlock()
		for _, k := range keys {
			delete(s.asking, k)
		}
		close(done)
	}, nil
}

// conflictAbout is a conflict about subject i of those that a decision raises, or about
// the sandbox that it binds.
func conflictAbout(d *verifier.Decision, i int) *ConflictError {
	if i < len(d.Raises) {
		return &ConflictError{Floor: &d.Raises[i].Key}
	}
	return &ConflictError{Sandbox: &d.Binding.Key}
}

// known is the shared memory as it is learned now, nil for none.
func (s *Store) known() (*Known, error) {
	if s.shared == nil {
		return nil, nil
	}
	asOf := s.shared.AsOf()
	if asOf.IsZero() {
		return nil, &MemoryError{errors.New("it has not been read yet")}
	}
	p := s.Position()
	return &Known{Driver: p.Driver, Revision: p.Revision, Age: time.Since(asOf).Milliseconds()}, nil
}

// raise makes a decision durable that raises or binds, and has the shared memory raise
// it: the entry first, which names what it asks for.
func (s *Store) raise(e Entry, seen Seen, d *verifier.Decision) (uint64, Digest, error) {
	session, err := s.shared.Session()
	if err != nil {
		return 0, Digest{}, err
	}
	ask := e.Asks()
	ask.Number = s.asks.Add(1)
	if _, err := ask.Body(); err != nil {
		return 0, Digest{}, err
	}
	id := AskID{session.Number, ask.Number}
	e.Memory.Driver, e.Memory.Ask, e.Memory.Signed = session.Driver, &id, session.Signs
	if ask.Index, ask.Entry, err = s.submit(kindDecision, func() ([]byte, error) { return s.decide(e, seen) }); err != nil {
		return 0, Digest{}, err
	}
	if err := s.ask(session, ask); err != nil {
		var refused *RefusedError
		if errors.As(err, &refused) {
			err = conflictAbout(d, 0)
		}
		return 0, Digest{}, err
	}
	return ask.Index, ask.Entry, nil
}

// ask asks the shared memory, and records what it refused.
func (s *Store) ask(session Session, a Ask) error {
	err := s.shared.Raise(session, a)
	var refused *RefusedError
	if errors.As(err, &refused) {
		return cmp.Or(s.Lose(s.opts.Now(), LostConflict, []AskID{{session.Number, a.Number}}), err)
	}
	return err
}

// sharedReset has the shared memory carry out a signed reset; false says that it was
// carried out before.
func (s *Store) sharedReset(entry *SignedReset) (bool, error) {
	session, err := s.shared.Session()
	if err != nil {
		return false, err
	}
	ask := Ask{Number: s.asks.Add(1), Reset: &AskedReset{entry.ID, entry.Version, entry.Pattern}}
	entry.Memory = &Known{Driver: session.Driver, Ask: &AskID{session.Number, ask.Number}, Signed: session.Signs}
	ask.Index, ask.Entry, err = s.submit(kindReset, func() ([]byte, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		done, err := s.state.WasReset(entry.ID)
		if done || err != nil {
			s.fail(err)
			return nil, cmp.Or(err, errDone)
		}
		entry.Memory.Revision, entry.Revision = s.state.Memory.Revision, s.state.Revision
		body, err := canonical(entry)
		if err != nil {
			return nil, err
		}
		return body, s.add(&Content{Reset: entry})
	})
	if err == nil {
		err = s.ask(session, ask)
	}
	var refused *RefusedError
	if errors.Is(err, errDone) || errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, err
}

// WasReset reports whether the signed reset of that id was carried out.
func (s *Store) WasReset(id string) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state.WasReset(id)
}

// Leave ends the sharing of a memory: the driver goes on with what it has learned.
func (s *Store) Leave(now time.Time) error {
	_, _, err := s.Join(Joined{Time: now.UTC(), Left: true})
	return err
}

// Everything is each floor and place of the state, in one order. Nothing may be
// committed meanwhile.
func (s *Store) Everything() (floors []verifier.Raise, places []verifier.Binding, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for r, err := range merged(s.base, s.state.top) {
		if err != nil {
			return nil, nil, err
		}
		switch r.key[0] {
		case rowFloor:
			key, okKey := decodeFloorKey(r.key[1:])
			floor, ok := decodeFloor(r.value)
			if !okKey || !ok {
				return nil, nil, errors.New("the state has a floor that cannot be read")
			}
			floors = append(floors, verifier.Raise{Key: key, Floor: floor})
		case rowPlace:
			gateway, sandbox, okKey := decodePair(r.key[1:])
			workspace, name, ok := decodePair(r.value)
			if !okKey || !ok {
				return nil, nil, errors.New("the state has a place that cannot be read")
			}
			places = append(places, verifier.Binding{Key: verifier.SandboxKey{GatewayID: gateway, SandboxID: sandbox}, Place: verifier.Place{Workspace: workspace, Name: name}})
		}
	}
	return floors, places, nil
}
