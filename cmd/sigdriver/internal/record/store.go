// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// Store is the durable record of a driver: its journal, and the state that the
// journal adds up to. It is safe for concurrent use.
//
// The state that decisions are made by includes the entries that are on their way
// to the disk. Entries become durable in one order or not at all, so whatever
// stands on one that is not durable yet leaves only after it is.
type Store struct {
	*Journal
	dir  string
	opts Options
	// takenOver is set when Open took over a folder of release 0.1.0.
	takenOver bool

	mu       sync.RWMutex // guards what follows
	state    *State       // as of the last entry that was given to the committer
	base     *snapshot    // at the bottom of the state; nil for none
	unbegun  *Start       // that could not be written yet
	revision atomic.Uint64
	high     atomic.Int64 // the highest time that the clock has shown, in nanoseconds since 1970
	broken   atomic.Pointer[error]

	unarchived atomic.Pointer[unarchived]

	keeper keeper

	shared   Shared // nil: the driver remembers alone
	asks     atomic.Uint64
	askingMu sync.Mutex // guards asking
	asking   asking
}

// The files of a state folder that are the record's.
const (
	fileFormat   = "format"
	fileSnapshot = "snapshot"
	fileHead     = "head"
	dirJournal   = "audit"
	dirTemporary = "tmp"
)

// ConflictError says that something a decision saw no longer stands, so that it
// has to be made again. Exactly one field is set.
type ConflictError struct {
	Floor   *verifier.FloorKey
	Sandbox *verifier.SandboxKey
}

func (e *ConflictError) Error() string {
	if e.Floor != nil {
		return fmt.Sprintf("the floor of %s %q/%q changed meanwhile: decide again", e.Floor.Role, e.Floor.Workspace, e.Floor.Name)
	}
	return fmt.Sprintf("sandbox %q was bound meanwhile: decide again", e.Sandbox.SandboxID)
}

// ForkError says that the journal and another memory of the driver do not belong
// together: one of them was lost, or is an old copy.
type ForkError struct{ Detail string }

func (e *ForkError) Error() string {
	return fmt.Sprintf("%s: %s; find out which of the two is the old copy before the driver serves again", LogFork, e.Detail)
}

func fork(format string, args ...any) error { return &ForkError{fmt.Sprintf(format, args...)} }

// Open opens the record in a state folder, making it when there is none, and takes
// over a folder of release 0.1.0. It refuses a folder of a newer format (a
// *FormatError), one in use (a *disk.LockedError), a damaged one (a *CorruptError,
// *SnapshotError or *StateError), and one of which a part is an old copy (a
// *ForkError).
func Open(dir string, opts Options) (*Store, error) {
	if opts.Archive == nil {
		return nil, errors.New("record: an archive is required")
	}
	opts = opts.withDefaults()
	for _, d := range []string{dir, filepath.Join(dir, dirTemporary)} {
		if err := opts.FS.MakeDir(d, 0o700); err != nil {
			return nil, err
		}
	}
	if err := checkFormat(opts.FS, dir); err != nil {
		return nil, err
	}
	j, err := openJournal(filepath.Join(dir, dirJournal), opts)
	if err != nil {
		return nil, err
	}
	s := &Store{Journal: j, dir: dir, opts: opts}
	s.taking, s.taken = s.freeze, s.frozen
	s.keeper.done = make(chan struct{})
	s.keeper.stop = make(chan struct{})
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.closeSnapshot(), j.release())
	}
	go j.run()
	err = s.takeOver()
	if err == nil && opts.Rebuild {
		// In the place of what was not believed.
		err = errors.Join(s.Snapshot(), s.writeHead())
	}
	if err != nil {
		return nil, errors.Join(err, j.Close(), s.closeSnapshot())
	}
	go s.keep()
	return s, nil
}

// load makes the state from the snapshot and the entries after it.
func (s *Store) load() error {
	s.state = NewState(s.opts.Archive.Get)
	if err := disk.Sweep(s.opts.FS, s.path(dirTemporary)); err != nil {
		return err
	}
	var memo Head
	if !s.opts.Rebuild {
		var err error
		if memo, err = readHead(s.opts.FS, s.path(fileHead)); err != nil {
			return err
		}
		if err := s.openBase(); err != nil {
			return err
		}
	}
	if size := s.Head().Size; memo.Size > size {
		return fork("the journal has %d entries, the driver remembers %d", size, memo.Size)
	}
	from, err := s.start()
	if err != nil {
		return err
	}
	for e, err := range s.Entries(from - min(from, 1)) {
		if err != nil {
			return err
		}
		if err := fits(&e, s.state.Head, "its snapshot"); err != nil {
			return err
		}
		if err := fits(&e, memo, "the driver"); err != nil {
			return err
		}
		if e.Seq < from {
			continue
		}
		if _, err := s.state.Apply(&e); err != nil {
			return err
		}
	}
	s.revision.Store(s.state.Revision)
	s.noteHigh(s.state.HighWater)
	s.keeper.memo = memo
	return nil
}

// start is the first entry that the state lacks. A folder of release 0.1.0 may lack
// its first segments, since its floors stand for them.
func (s *Store) start() (uint64, error) {
	if s.base != nil || s.opts.Rebuild {
		return s.state.Head.Size, nil
	}
	if _, err := s.opts.FS.Stat(s.path(fileFloors)); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	segments, err := list(s.opts.FS, s.Journal.dir)
	if err != nil || len(segments) == 0 {
		return 0, err
	}
	s.state.Head.Size = segments[0]
	return segments[0], nil
}

// fits compares the last entry that somebody remembers with the one in its place.
func fits(e *Stored, remembered Head, by string) error {
	if e.Seq+1 == remembered.Size && e.Sum != remembered.Sum {
		return fork("entry %d of the journal is not the one that %s remembers", e.Seq, by)
	}
	return nil
}

// openBase puts the snapshot under the state, if there is one.
func (s *Store) openBase() error {
	base, err := openSnapshot(s.opts.FS, s.path(fileSnapshot))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.base = base
	h := base.header
	if size := s.Head().Size; h.Size > size {
		return fork("the journal has %d entries, its snapshot stands for %d", size, h.Size)
	}
	s.state.Head, s.state.Revision, s.state.HighWater = base.head(), h.Revision, h.HighWater
	s.state.top = newLayer(base)
	if h.Memory != nil {
		s.state.Memory = *h.Memory
	}
	return nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

// Err returns what stopped the record, nil while it works: a *WriteError of the
// journal, or a *SnapshotError.
func (s *Store) Err() error {
	if p := s.broken.Load(); p != nil {
		return *p
	}
	return s.Journal.Err()
}

// fail notes that the state cannot be read any more. It stays.
func (s *Store) fail(err error) {
	if err != nil {
		s.broken.CompareAndSwap(nil, &err)
	}
}

// TakenOver reports whether Open took over a folder of release 0.1.0.
func (s *Store) TakenOver() bool { return s.takenOver }

// Revision counts the changes of the state. It never falls.
func (s *Store) Revision() uint64 { return s.revision.Load() }

// View is the state as one decision sees it: what was looked up once stays so.
// It implements verifier.Floors and is not safe for concurrent use. Commit
// compares what the decision saw with what stands then.
type View struct {
	store  *Store
	floors map[verifier.FloorKey]verifier.Floor
	places map[verifier.SandboxKey]*verifier.Place
}

// View returns a view of the state as it stands.
func (s *Store) View() *View {
	return &View{s, map[verifier.FloorKey]verifier.Floor{}, map[verifier.SandboxKey]*verifier.Place{}}
}

// Floor implements verifier.Floors. When the state cannot be read the store has
// failed, and Commit takes no decision that was made by it.
func (v *View) Floor(k verifier.FloorKey) verifier.Floor {
	f, seen := v.floors[k]
	if !seen {
		f = v.store.floor(k)
		v.floors[k] = f
	}
	return f
}

// Place implements verifier.Floors.
func (v *View) Place(k verifier.SandboxKey) (verifier.Place, bool) {
	p, seen := v.places[k]
	if !seen {
		if place, ok := v.store.place(k); ok {
			p = &place
		}
		v.places[k] = p
	}
	if p == nil {
		return verifier.Place{}, false
	}
	return *p, true
}

func (s *Store) floor(k verifier.FloorKey) verifier.Floor {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f, err := s.state.Floor(k)
	s.fail(err)
	return f
}

func (s *Store) place(k verifier.SandboxKey) (verifier.Place, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok, err := s.state.Place(k)
	s.fail(err)
	return p, ok
}

// Commit makes one decision durable, with what it raises and binds, and returns the
// place of its entry: first the decision record and the attestations that bore on
// it in the archive, then the entry. e is what NewEntry made of the request and the
// decision, with the rest filled in. Without an error all of it outlives a loss of
// power.
//
// A *ConflictError changes nothing: the decision has to be made again. A DENY may
// be refused with a *SuppressedError or a *FullError: the refusal may go out,
// without an entry. After any error an ALLOW must not go out.
func (s *Store) Commit(e Entry, req *verifier.Request, d *verifier.Decision) (uint64, Digest, error) {
	if err := cmp.Or(s.Err(), s.InPlace(), e.check(), checkRaises(d)); err != nil {
		return 0, Digest{}, err
	}
	seen := SeenBy(req, d)
	var err error
	if e.Memory, err = s.known(); err != nil {
		return 0, Digest{}, err
	}
	asks := s.shared != nil && (len(d.Raises) > 0 || d.Binding != nil)
	if asks {
		release, err := s.reserve(d)
		if err != nil {
			return 0, Digest{}, err
		}
		defer release()
	}
	if err := s.stands(seen); err != nil {
		return 0, Digest{}, err // before anything is archived for nothing
	}
	if e.summary == nil {
		return 0, Digest{}, errors.New("record: the entry is not one of NewEntry")
	}
	record, err := newDecisionRecord(e.summary, d).JSON()
	if err != nil {
		return 0, Digest{}, err
	}
	evidence := evidence(req, d)
	if d.Verdict == verifier.Allow {
		err = s.room(allowNeeds(record, evidence))
	} else {
		err = s.admitDenial(&e, append(evidence, record))
	}
	if err = cmp.Or(err, s.begin()); err != nil {
		return 0, Digest{}, err
	}
	for _, data := range evidence {
		if _, err := s.put(data); err != nil {
			return 0, Digest{}, fmt.Errorf("archiving an attestation: %w", err)
		}
	}
	if e.Record, err = s.put(record); err != nil {
		return 0, Digest{}, fmt.Errorf("archiving the decision record: %w", err)
	}
	if asks {
		return s.raise(e, seen, d)
	}
	return s.submit(kindDecision, func() ([]byte, error) { return s.decide(e, seen) })
}

// put archives an object. One that could not be archived makes the record not ready
// until it can.
func (s *Store) put(data []byte) (Digest, error) {
	sum, err := s.opts.Archive.Put(data)
	if err != nil {
		s.unarchived.Store(&unarchived{data, err})
	} else if s.unarchived.Load() != nil {
		s.unarchived.Store(nil)
	}
	return sum, err
}

// unarchived is an object that the archive did not take, and why.
type unarchived struct {
	data []byte
	err  error
}

// tryArchive tries again what was not archived.
func (s *Store) tryArchive() {
	if u := s.unarchived.Load(); u != nil {
		s.put(u.data)
	}
}

// admitDenial keeps refusals from filling the disk, before anything is written.
func (s *Store) admitDenial(e *Entry, objects [][]byte) error {
	d := denial{peer: e.Peer, target: e.Target, reason: e.Reason}
	for _, data := range objects {
		if !s.opts.Archive.Has(sha256.Sum256(data)) {
			d.bytes += len(data)
		}
	}
	if e.Target.SandboxID != "" {
		_, d.bound = s.place(e.sandbox())
	}
	if err := s.room(s.opts.Reserve); err != nil {
		return err
	}
	if !s.budget.spend(d, s.opts.Now()) {
		return &SuppressedError{Peer: e.Peer, Target: e.Target}
	}
	return nil
}

// decide adds a decision to the state and returns its body. What concurrent
// decisions raised is compared here, on its way to the disk or not.
func (s *Store) decide(e Entry, seen Seen) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	conflict, err := s.state.conflict(seen)
	if err != nil {
		s.fail(err)
		return nil, err
	}
	if conflict != nil {
		return nil, conflict
	}
	asks := e.Memory != nil && e.Memory.Ask != nil
	if asks && len(s.state.Memory.Open) >= maxOpen {
		return nil, &MemoryError{fmt.Errorf("%d raises are under way", maxOpen)}
	}
	e.Revision = s.state.next(!asks && (len(e.Raised) > 0 || e.Bound))
	body, err := e.body()
	if err != nil {
		return nil, err
	}
	return body, s.add(&Content{Decision: &e})
}

// add applies what is about to be written. Nothing is on its way to the disk that
// the state has not accepted.
func (s *Store) add(c *Content) error {
	if _, err := s.state.apply(c); err != nil {
		return err
	}
	s.revision.Store(s.state.Revision)
	s.noteHigh(s.state.HighWater)
	return nil
}

func (s *Store) stands(seen Seen) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	conflict, err := s.state.conflict(seen)
	s.fail(err)
	if err == nil && conflict != nil {
		return conflict
	}
	return err
}

// checkRaises refuses what no allowed decision contains.
func checkRaises(d *verifier.Decision) error {
	if (len(d.Raises) > 0 || d.Binding != nil) && d.Verdict != verifier.Allow {
		return fmt.Errorf("record: a %s decision raises nothing", d.Verdict)
	}
	for _, r := range d.Raises {
		if r.Floor.Version == 0 || r.Floor.SHA256 == ([32]byte{}) {
			return fmt.Errorf("record: a raise of %q without version or digest", r.Key.Name)
		}
	}
	return nil
}

// evidence lists the attestations that bore on the decision. Nobody can make one
// without a key that trust knows, so that no caller can fill the disk with them.
func evidence(req *verifier.Request, d *verifier.Decision) [][]byte {
	var out [][]byte
	for _, at := range d.Evidence {
		out = append(out, req.Documents[at[0]].Attestations[at[1]])
	}
	return out
}

// allowNeeds is the room on the disk that the evidence of an ALLOW needs at most,
// in bytes, with what a file system adds to each file.
func allowNeeds(record []byte, evidence [][]byte) uint64 {
	const each = 16 << 10
	need := uint64(minFree) + uint64(len(record)) + each
	for _, data := range evidence {
		need += uint64(len(data)) + each
	}
	return need
}

// Reset carries out a signed reset of trust of that epoch: every floor that it
// matches and that is above its version becomes that version, bound to no digest.
// An id is carried out once; false says that it was before. now is for the record;
// the zero time stands for the highest that the record knows. SPEC: R8, the only
// way down.
func (s *Store) Reset(r verifier.SignedReset, epoch uint64, now time.Time) (bool, error) {
	return s.reset(r.ID, r.Pattern(), r.Version, epoch, now)
}

func (s *Store) reset(id string, p verifier.FloorPattern, version, epoch uint64, now time.Time) (bool, error) {
	if now.IsZero() {
		now = s.HighWater()
	}
	entry := &SignedReset{
		Time: now, ID: id, Version: version, Epoch: epoch,
		Pattern: FloorPattern{p.Role.String(), p.GatewayID, p.Workspace, p.Name},
	}
	if err := cmp.Or(entry.check(), s.InPlace(), s.room(minFree)); err != nil {
		return false, err
	}
	if s.shared != nil {
		return s.sharedReset(entry)
	}
	_, _, err := s.submit(kindReset, func() ([]byte, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		done, err := s.state.WasReset(id)
		if done || err != nil {
			s.fail(err)
			return nil, cmp.Or(err, errDone)
		}
		entry.Revision = s.state.Revision + 1
		body, err := canonical(entry)
		if err != nil {
			return nil, err
		}
		return body, s.add(&Content{Reset: entry})
	})
	if errors.Is(err, errDone) {
		return false, nil
	}
	return err == nil, err
}

// errDone is of an entry that somebody else has written before.
var errDone = errors.New("it is done")

// Begin records that a driver begins to serve. A *FullError says that it could not be
// written: it is tried again, and no decision is recorded before it.
func (s *Store) Begin(start Start) error {
	if err := checkTime("start.time", &start.Time); err != nil {
		return err
	}
	s.mu.Lock()
	s.unbegun = &start
	s.mu.Unlock()
	return s.begin()
}

// begin writes the start that is not recorded yet, if any.
func (s *Store) begin() error {
	s.mu.RLock()
	start := s.unbegun
	s.mu.RUnlock()
	if start == nil {
		return nil
	}
	if err := s.room(minFree); err != nil {
		return err
	}
	_, _, err := s.submit(kindStart, func() ([]byte, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.unbegun == nil {
			return nil, errDone
		}
		s.unbegun = nil
		return canonical(start)
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// note makes an entry durable that is no decision.
func (s *Store) note(k kind, c *Content, value any) error {
	_, _, err := s.submit(k, func() ([]byte, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		body, err := canonical(value)
		if err != nil {
			return nil, err
		}
		return body, s.add(c)
	})
	return err
}

// SetHighWater notes that the clock has shown t and trust vouched for it. The mark
// falls by AcceptClock alone. Decisions carry it to the disk; without any it is
// written every ten minutes.
func (s *Store) SetHighWater(t time.Time) { s.noteHigh(t) }

func (s *Store) noteHigh(t time.Time) {
	if t.IsZero() {
		return
	}
	n := t.UnixNano()
	for {
		old := s.high.Load()
		if n <= old || s.high.CompareAndSwap(old, n) {
			return
		}
	}
}

// AcceptClock makes t the highest time, on the operator's word, whatever was remembered.
func (s *Store) AcceptClock(t time.Time) error {
	mark := &ClockMark{Accepted: true, HighWater: t}
	if err := cmp.Or(checkTime("clock.highWater", &mark.HighWater), s.room(minFree)); err != nil {
		return err
	}
	if err := s.note(kindClock, &Content{Clock: mark}, mark); err != nil {
		return err
	}
	s.high.Store(mark.HighWater.UnixNano())
	return nil
}

// HighWater returns the highest time that trust vouched for; the zero Time for none.
func (s *Store) HighWater() time.Time {
	n := s.high.Load()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// Close makes what is pending durable, writes what shortens the next start, and
// releases the folder.
func (s *Store) Close() error {
	if !s.keeper.halt() {
		return ErrClosed
	}
	s.markClock(markAtClose)
	return errors.Join(s.Journal.Close(), s.lastWords(), s.closeSnapshot())
}

func (s *Store) closeSnapshot() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base == nil {
		return nil
	}
	err := s.base.file.Close()
	s.base = nil
	return err
}
