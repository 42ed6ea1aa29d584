// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// Config is what a Client is made of.
type Config struct {
	// Root is the pinned root.json. Required. Nothing is believed that does not
	// follow from it.
	Root []byte
	// Source is where the repository is read from. Required for Refresh.
	Source Source
	// Dir is the state folder, made if absent, mode 0700. Required. One Client
	// at a time, in any process.
	Dir string
	// ArchiveDir is where verified files are kept by digest, for ever. Optional:
	// Dir/archive.
	ArchiveDir string
	// Now is the clock. Optional: time.Now.
	Now func() time.Time
	// Logger is optional: none.
	Logger hclog.Logger
	// AcceptLostFloors is the operator's word that lost or damaged floors, history
	// or ratchet are known, and that whatever the source has now may be believed
	// if it is signed. Without it Open fails then. For one start only.
	AcceptLostFloors bool
	// FS is the file system of Dir and ArchiveDir. Optional: the real one.
	FS disk.FS
}

// Client keeps one repository's trust. It is safe for concurrent use; refreshes
// happen one after the other.
type Client struct {
	cfg Config
	log hclog.Logger

	mu        sync.Mutex // guards all below
	store     *store
	chain     *rootChain
	last      *refresh // the last complete cycle
	pending   *Update  // its outcome
	validator string   // the source's version of its timestamp
	idle      int      // polls since
	closed    bool

	acceptedMu sync.RWMutex
	accepted   *acceptance
	noted      Note // with the last acceptance, whether or not it can be proven again
}

// acceptance is what is in force.
type acceptance struct {
	snapshot *Snapshot
	note     Note
	line     line
}

// ErrClosed is returned by a Client that was closed.
var ErrClosed = errors.New("tuf: the client is closed")

// ErrSuperseded is returned by Accept for an Update that is not the last one.
var ErrSuperseded = errors.New("tuf: a later refresh has replaced this update")

// CheckRoot says why bytes cannot be the pinned root of a Client, nil if they can.
func CheckRoot(root []byte) (err error) {
	defer caught(&err)
	_, err = newWorkflow(root, time.Now())
	return err
}

// Open reads the state folder: it verifies the stored root chain from the pinned
// root and, at the time of its acceptance, what was accepted last, checking every
// signature again. It uses no network. What is damaged is set aside, logged and
// fetched again by the next Refresh; but a folder in use is a *LockedError, one of
// another repository an *OtherRootError, lost floors are a *FloorsLostError and a
// damaged history or ratchet is a *CorruptError.
func Open(cfg Config) (c *Client, err error) {
	defer caught(&err)
	cfg.FS = disk.OrOS(cfg.FS)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Dir == "" {
		return nil, errors.New("tuf: no state folder")
	}
	if cfg.ArchiveDir == "" {
		cfg.ArchiveDir = filepath.Join(cfg.Dir, "archive")
	}
	c = &Client{cfg: cfg, log: logger(cfg.Logger)}
	w, err := newWorkflow(cfg.Root, cfg.Now())
	if err != nil {
		return nil, err
	}
	pinned := fileRef{w.rootVersion(), digestOf(cfg.Root)}
	c.store, err = openStore(cfg.FS, cfg.Dir, cfg.ArchiveDir, pinned, cfg.AcceptLostFloors, c.log)
	if err != nil {
		return nil, err
	}
	if c.chain, err = loadRootChain(c.store, w); err != nil {
		return nil, errors.Join(err, c.store.close())
	}
	if c.noted, err = c.store.lastNote(cfg.AcceptLostFloors); err != nil {
		return nil, errors.Join(err, c.store.close())
	}
	c.evaluateAccepted()
	return c, nil
}

// evaluateAccepted puts the last line of the history in force again. When its files
// are damaged, or it does not follow from the pinned root, nothing is in force
// until a refresh has been accepted; what was noted with it holds all the same.
func (c *Client) evaluateAccepted() {
	lines := c.store.history.chain.lines
	if len(lines) == 0 {
		return
	}
	snapshot, note, err := evaluate(c.store, c.cfg.Root, lines, len(lines)-1)
	if err != nil {
		c.log.Error("what was accepted last cannot be proven again; refresh to get it back", "code", Code(err), "error", err)
		return
	}
	c.accepted = &acceptance{snapshot, note, lines[len(lines)-1]}
}

// Accepted returns what was accepted last; false if there is nothing, also when it
// could not be proven again at start.
func (c *Client) Accepted() (*Snapshot, Note, bool) {
	a := c.inForce()
	if a == nil {
		return nil, Note{}, false
	}
	return a.snapshot, a.note.clone(), true
}

// LastNote returns what was noted with the last acceptance, also when that cannot
// be proven again: what only a driver remembers is not lost with a file that
// anybody can fetch. Its Epoch is LastEpoch.
func (c *Client) LastNote() Note {
	epoch := c.LastEpoch()
	c.acceptedMu.RLock()
	defer c.acceptedMu.RUnlock()
	note := c.noted.clone()
	note.Epoch = epoch
	return note
}

func (c *Client) inForce() *acceptance {
	c.acceptedMu.RLock()
	defer c.acceptedMu.RUnlock()
	return c.accepted
}

// LastEpoch returns the highest epoch ever accepted, also when the history was
// lost since; 0 for none.
func (c *Client) LastEpoch() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastEpoch()
}

func (c *Client) lastEpoch() uint64 {
	epoch := c.store.floors.History.Epoch
	if l := c.store.history.chain.newest(); l != nil {
		epoch = max(epoch, l.Epoch)
	}
	return epoch
}

// Refresh brings trust up to date (TUF specification, section 5) and returns what
// it proved. Any error, whatever it is, leaves what is in force as it was; Code
// names it. What was verified before the error counts for the next Refresh, as the
// specification wants it. A panic in a library is an error too.
//
// When the source still has the timestamp of the last refresh, that one small
// request is all, once a root was asked for after that timestamp was seen; at the
// latest after MaxIdlePolls of these it looks for a new root.
func (c *Client) Refresh(ctx context.Context) (u *Update, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer caught(&err)
	if c.closed {
		return nil, ErrClosed
	}
	now := c.now()
	timestamp, unchanged, err := c.poll(ctx, now)
	if err != nil {
		c.idle = MaxIdlePolls // the next refresh is a full one: perhaps only this question is refused
		return nil, err
	}
	if unchanged {
		c.idle++
		return c.again(), nil
	}
	return c.cycle(ctx, now, timestamp, c.proven)
}

// Accept puts an update in force: one durable line of the history. Note.Epoch must
// not be below LastEpoch (a *RollbackError), Note.Ratchet not above MaxNote (a
// *LengthError). Only the Update of the last Refresh
// can be accepted (else ErrSuperseded). After an error the update is not in force,
// and a *StoreError may repeat until the client is opened anew.
func (c *Client) Accept(u *Update, note Note) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer caught(&err)
	switch {
	case c.closed:
		return ErrClosed
	case u == nil || u != c.pending:
		return ErrSuperseded
	case note.Epoch < c.lastEpoch():
		return &RollbackError{"epoch", int64(c.lastEpoch()), int64(note.Epoch)}
	case len(note.Ratchet) > MaxNote:
		return &LengthError{File: "ratchet", Want: MaxNote, Got: int64(len(note.Ratchet))}
	}
	l := u.line
	l.Epoch, l.RevocationsExpire = note.Epoch, note.RevocationsExpire.UTC().Round(0)
	if note.Ratchet != nil {
		b := batch{c.store.archive.Batch()}
		if l.Ratchet, err = b.put(note.Ratchet); err != nil {
			return err
		}
		if err := b.sync(); err != nil {
			return err
		}
	}
	if err := c.store.accept(l); err != nil {
		return err
	}
	c.acceptedMu.Lock()
	defer c.acceptedMu.Unlock()
	c.accepted, c.noted = &acceptance{u.Snapshot, note, *c.store.history.chain.newest()}, note
	return nil
}

// now is the clock, but never before the last acceptance: a clock set back does
// not bring expired metadata to life. The last acceptance cannot be wrong by more
// than the validity of what was accepted.
func (c *Client) now() time.Time {
	now := c.cfg.Now().UTC().Round(0)
	if l := c.store.history.chain.newest(); l != nil && now.Before(l.AcceptedAt) {
		return l.AcceptedAt
	}
	return now
}

// poll asks the source whether the timestamp is still the one of the last complete
// cycle. Any doubt leads to a full cycle, which goes on with the timestamp that was
// answered, if there is one: asked a second time, a source may answer with an older.
func (c *Client) poll(ctx context.Context, now time.Time) (timestamp *Content, unchanged bool, err error) {
	if c.pending == nil || len(c.pending.Faults) > 0 || c.idle >= MaxIdlePolls || c.cfg.Source == nil {
		return nil, false, nil
	}
	for _, info := range c.pending.Roles {
		if now.After(info.Expires) {
			return nil, false, nil
		}
	}
	content, err := sniffed{c.cfg.Source}.Fetch(ctx, File{Dir: MetadataDir, Name: "timestamp.json", Limit: MaxTimestamp, Known: c.validator})
	if err != nil {
		return nil, false, err
	}
	if content.NotModified || bytes.Equal(content.Data, c.last.search.raw[RoleTimestamp]) {
		return nil, true, nil
	}
	return content, false, nil
}

// again is the last outcome, compared with what is in force by now.
func (c *Client) again() *Update {
	u := *c.pending
	u.Changed = c.differs(&u.line)
	c.pending = &u
	return &u
}

func (c *Client) differs(l *line) bool {
	a := c.inForce()
	if a == nil {
		return true
	}
	next := *l
	next.Epoch, next.Ratchet, next.RevocationsExpire = a.line.Epoch, a.line.Ratchet, a.line.RevocationsExpire
	return !next.same(&a.line)
}

// cycle is one full pass: the top-level metadata, then what collect finds with it.
// The timestamp is nil when none has been fetched yet. Whatever its end, what it
// verified is kept.
func (c *Client) cycle(ctx context.Context, now time.Time, timestamp *Content, collect func(context.Context, *refresh, *rootChain) (*Update, error)) (*Update, error) {
	if c.cfg.Source == nil {
		return nil, errors.New("tuf: no source to refresh from")
	}
	w, err := newWorkflow(c.chain.latest(), now)
	if err != nil {
		return nil, err
	}
	chain := c.chain.fork()
	r := &refresh{source: sniffed{c.cfg.Source}, tx: c.store.begin(), log: c.log, fetched: timestamp}
	r.tx.catchUp(chain)
	var u *Update
	err = r.metadata(ctx, w, chain)
	if err == nil {
		u, err = collect(ctx, r, chain)
	}
	kept := unwrapSingle(errors.Join(r.keepRoles(), r.tx.commit()))
	if kept == nil {
		c.chain = chain
	}
	if err := unwrapSingle(errors.Join(err, kept)); err != nil {
		c.idle = MaxIdlePolls // the next refresh is a full one
		return nil, err
	}
	c.idle = 0
	if timestamp == nil && (c.last == nil || !bytes.Equal(r.search.raw[RoleTimestamp], c.last.search.raw[RoleTimestamp])) {
		// The root was asked for first: the one that was published with this
		// timestamp may have come in between.
		c.idle = MaxIdlePolls
	}
	c.last, c.pending, c.validator = r, u, r.validator
	return u, nil
}

// unwrapSingle unwraps a join of one.
func unwrapSingle(err error) error {
	if j, ok := err.(interface{ Unwrap() []error }); ok && len(j.Unwrap()) == 1 {
		return j.Unwrap()[0]
	}
	return err
}

// proven makes an Update of every target that sigdriver uses.
func (c *Client) proven(ctx context.Context, r *refresh, chain *rootChain) (*Update, error) {
	found, err := r.collect(ctx)
	behind := false
	if err == nil {
		behind, err = c.takeAttestations(ctx, r, found)
	}
	var aside *attestationsError
	if err != nil && !errors.As(err, &aside) {
		return nil, err
	}
	if aside != nil {
		if ctx.Err() != nil {
			return nil, aside.error
		}
		found.faults = append(found.faults, aside.error)
		c.log.Warn("attestations could not be taken, those accepted before stay", "code", Code(aside), "error", aside.error)
	}
	u, err := c.update(r, found, aside != nil || behind, chain)
	if err == nil {
		u.Behind = behind
	}
	return u, err
}

// takeAttestations brings the attestations that are listed: those in force where they
// are the same, others unless they are too many to wait for.
func (c *Client) takeAttestations(ctx context.Context, r *refresh, found *collection) (behind bool, err error) {
	list := found.attestationList.listed
	if a := c.inForce(); a != nil {
		if same, ok := a.snapshot.attestations(list); ok {
			found.attestations, found.sameAttestations = same, true
			return false, nil
		}
	}
	if r.late(list) {
		r.behind = list
		return true, nil
	}
	found.attestations, err = r.attestations(ctx, list)
	return false, err
}

// archiveFetched makes fetched files durable.
func (c *Client) archiveFetched(files map[string][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	b := batch{c.store.archive.Batch()}
	for _, data := range files {
		if _, err := b.put(data); err != nil {
			return err
		}
	}
	return b.sync()
}

// FetchAttestations brings into the archive what an Update is Behind with. The next
// Refresh then has it. It does not hold up a Refresh meanwhile, which may make it end
// early; whatever it fetched stays fetched.
func (c *Client) FetchAttestations(ctx context.Context) (err error) {
	defer caught(&err)
	c.mu.Lock()
	r, late := c.last, c.pending != nil && c.pending.Behind
	c.mu.Unlock()
	if !late {
		return nil
	}
	left := slices.DeleteFunc(slices.Clone(r.behind), r.isKnown)
	for list := range slices.Chunk(left, promptFiles/2) {
		files, err := r.attestations(ctx, list)
		if err == nil {
			err = c.archiveFetched(files)
		}
		if err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == r {
		c.idle = MaxIdlePolls // the next refresh is a full one
	}
	return nil
}

// Close releases the state folder and the connections of the source. Later calls that need it return ErrClosed.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if s, ok := c.cfg.Source.(interface{ CloseIdleConnections() }); ok {
		s.CloseIdleConnections()
	}
	return c.store.close()
}
