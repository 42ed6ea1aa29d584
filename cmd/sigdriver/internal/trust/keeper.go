// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package trust keeps the trust in use current, and the index of attestations that it
// proves. It refreshes from TUF, parses what TUF proved, makes its acceptance durable
// and swaps it in whole.
//
// Good trust is never dropped: a refresh that fails, for whatever reason, leaves
// what is in use as it was, and expiry is for every decision to judge.
package trust

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/verifier"
)

const (
	// refreshTimeout bounds one refresh, whatever the source does.
	refreshTimeout = 2 * time.Minute
	// firstRetry is the pause after a failed refresh; it doubles up to the interval.
	firstRetry = 2 * time.Second
)

// Client is the TUF client.
type Client interface {
	Accepted() (*tuf.Snapshot, tuf.Note, bool)
	LastEpoch() uint64
	LastNote() tuf.Note
	Refresh(context.Context) (*tuf.Update, error)
	Accept(*tuf.Update, tuf.Note) error
	// FetchAttestations brings what an update is behind with.
	FetchAttestations(context.Context) error
}

// Clock reports whether the time can be believed.
type Clock interface{ Now() (time.Time, error) }

// Follower hears of trust that is in use: the index of attestations. Trust does not
// wait for what it makes of that.
type Follower interface {
	// SetTrust must not block.
	SetTrust(trust *verifier.Trust, targets map[string][]byte)
}

// Floors carries out signed resets, each once.
type Floors interface {
	// Reset records the time of the reset; of the zero time, the highest it knows.
	Reset(r verifier.SignedReset, epoch uint64, now time.Time) (bool, error)
}

// Metrics hears how refreshes end. Its methods must not block.
type Metrics interface {
	// Refreshed hears "ok" or the code of the failure.
	Refreshed(result string)
}

// KeeperConfig is what a Keeper is made of. All fields but Reserved are required.
type KeeperConfig struct {
	Client  Client
	Clock   Clock
	Index   Follower
	Floors  Floors
	Metrics Metrics
	Logger  hclog.Logger
	// DriverVersion is compared with minDriverVersion.
	DriverVersion string
	// Reserved are the keys that the driver itself signs with, as
	// verifier.TrustSource has them.
	Reserved [][32]byte
	// Interval is the pause between refreshes.
	Interval time.Duration
}

// Keeper keeps the trust in use. It is safe for concurrent use.
type Keeper struct {
	KeeperConfig
	current  atomic.Pointer[Snapshot]
	interval atomic.Int64
	kick     chan struct{}

	mu       sync.Mutex // one refresh at a time; guards what follows
	source   *tuf.Snapshot
	owed     bool // a reset of the trust in use could not be carried out
	verified verifier.VerifiedSignatures
	behind   bool              // attestations are published that were not fetched yet
	trouble  map[string]string // what was last said about each kind of trouble

	changedMu sync.Mutex
	changed   chan struct{}
}

// NewKeeper makes a keeper without trust. Call Load before anything else.
func NewKeeper(c KeeperConfig) *Keeper {
	k := &Keeper{KeeperConfig: c, kick: make(chan struct{}, 1), changed: make(chan struct{}), trouble: map[string]string{}}
	k.current.Store(&Snapshot{})
	k.interval.Store(int64(c.Interval))
	return k
}

// Current returns the trust in use; never nil, but its Trust may be.
func (k *Keeper) Current() *Snapshot { return k.current.Load() }

// Changed returns a channel that is closed at the next swap.
func (k *Keeper) Changed() <-chan struct{} {
	k.changedMu.Lock()
	defer k.changedMu.Unlock()
	return k.changed
}

// SetInterval changes the pause between refreshes.
func (k *Keeper) SetInterval(d time.Duration) {
	k.interval.Store(int64(d))
	k.Kick()
}

// Kick asks for a refresh at once.
func (k *Keeper) Kick() {
	select {
	case k.kick <- struct{}{}:
	default: // one is due already
	}
}

// Load puts in use what was accepted before the last stop, if it can be proven
// again. It takes no network. Nothing accepted is no error; a key of the driver's
// own that approves policies there is (a *verifier.ReservedKeyError).
func (k *Keeper) Load() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	snapshot, note, ok := k.Client.Accepted()
	if !ok {
		k.Logger.Warn("there is no trust to use: every request is refused until a refresh succeeds")
		return nil
	}
	trust, err := k.parse(snapshot, note)
	var reserved *verifier.ReservedKeyError
	if errors.As(err, &reserved) {
		return err // the driver was given a key of somebody else
	}
	if err != nil {
		k.say("trust", "what was accepted before does not parse any more: every request is refused until a refresh succeeds", err)
		return nil
	}
	return k.use(snapshot, trust)
}

// Run refreshes until the context ends: at once, then every interval give or
// take a tenth, sooner after a failure.
func (k *Keeper) Run(ctx context.Context) {
	retry := firstRetry
	for ctx.Err() == nil {
		pause := time.Duration(k.interval.Load())
		if err := k.Refresh(ctx); err != nil {
			pause = min(pause, retry)
			retry = pause * 2
		} else {
			retry = firstRetry
		}
		pause += time.Duration((rand.Float64() - 0.5) / 5 * float64(pause))
		k.wait(ctx, pause)
	}
}

// wait waits for the next refresh: for a while, until it is asked for, or until the
// attestations are there that the last one left behind. It fetches those meanwhile.
func (k *Keeper) wait(ctx context.Context, pause time.Duration) {
	inner, cancel := context.WithTimeout(ctx, pause)
	var fetched chan error // nil: nothing to wait for
	k.mu.Lock()
	if k.behind {
		fetched = make(chan error, 1)
		go func() { fetched <- k.Client.FetchAttestations(inner) }()
	}
	k.mu.Unlock()
	for {
		select {
		case <-inner.Done():
		case <-k.kick:
		case err := <-fetched:
			if err != nil { // what is there stays; the next refresh goes on
				k.failed(inner, err)
				fetched = nil
				continue
			}
			fetched = nil
		}
		break
	}
	cancel()
	if fetched != nil {
		<-fetched
	}
}

// failed says that attestations could not be fetched.
func (k *Keeper) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // there was no time for more
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.say("attestations", "attestations could not be fetched; those in use stay", err)
}

// Refresh asks the source once, and puts in use what is new. An error leaves what
// is in use as it was; it is logged when it is another one than before.
func (k *Keeper) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.refresh(ctx)
	if err != nil && ctx.Err() == context.Canceled {
		return err // we are being stopped, that is no trouble
	}
	k.say("refresh", "trust could not be refreshed; what is in use stays", err)
	if err != nil {
		k.Metrics.Refreshed(Code(err))
		return err
	}
	k.Metrics.Refreshed("ok")
	return nil
}

func (k *Keeper) refresh(ctx context.Context) error {
	if _, err := k.Clock.Now(); err != nil {
		return &ClockError{err}
	}
	update, err := k.Client.Refresh(ctx)
	if err != nil {
		return err
	}
	k.behind = update.Behind
	if !k.behind {
		k.say("attestations", "", nil)
	}
	k.say("faults", "trust was refreshed, but not all of it", errors.Join(update.Faults...))
	if now := k.Current().Trust; !update.Changed && now != nil {
		if k.owed {
			k.reset(now)
		}
		return nil
	}
	return k.accept(update)
}

// accept makes an update durable and puts it in use.
func (k *Keeper) accept(update *tuf.Update) error {
	note := k.Client.LastNote() // of the trust in use, also where that does not parse or cannot be proven any more
	trust, err := k.parse(update.Snapshot, note)
	if err != nil {
		return err
	}
	if k.differs(update.Snapshot, trust) {
		note.Epoch = k.Client.LastEpoch() + 1
		if trust, err = k.parse(update.Snapshot, note); err != nil {
			return err
		}
	}
	if err := k.Client.Accept(update, noteOf(trust)); err != nil {
		return err
	}
	return k.use(update.Snapshot, trust)
}

// noteOf is what the next trust needs of this one. The expiry of the revocations
// is that of the last ones that parsed: it counts on while a later file does not.
func noteOf(t *verifier.Trust) tuf.Note {
	return tuf.Note{Epoch: t.Epoch(), Ratchet: t.Ratchet(), RevocationsExpire: t.Expires().Revocation}
}

// parse reads trust whole, self-check included.
func (k *Keeper) parse(s *tuf.Snapshot, before tuf.Note) (*verifier.Trust, error) {
	src := Source(s, before)
	src.DriverVersion, src.Reserved, src.Verified = k.DriverVersion, k.Reserved, &k.verified
	trust, err := verifier.ParseTrust(src)
	if err != nil {
		return nil, &RefusedError{err}
	}
	return trust, nil
}

// Source is what TUF proved, as the verifier reads it, with what was noted.
func Source(s *tuf.Snapshot, n tuf.Note) verifier.TrustSource {
	role := func(name string) tuf.RoleInfo { return s.Roles[name] }
	return verifier.TrustSource{
		Authorities: s.Targets["authorities.json"],
		TrustedRoot: s.Targets["trusted_root.json"],
		Revocations: s.Targets["revocations.json"],
		Drivers:     s.Targets["drivers.json"],
		Ratchet:     n.Ratchet,
		Epoch:       n.Epoch,
		Versions: verifier.Versions{Root: role("root").Version, Timestamp: role("timestamp").Version, Snapshot: role("snapshot").Version,
			Targets: role("targets").Version, Revocation: role("revocation").Version},
		Expires: verifier.Expires{Root: role("root").Expires, Timestamp: role("timestamp").Expires, Snapshot: role("snapshot").Expires,
			Targets: role("targets").Expires, Revocation: role("revocation").Expires},
		PreviousRevocationExpires: n.RevocationsExpire,
	}
}

// differs reports whether an update is a new epoch. SPEC: design, section 6: root,
// authorities.json, trusted_root.json, the ratchet or the set of attestation
// targets changed; what is only signed anew is not.
func (k *Keeper) differs(s *tuf.Snapshot, trust *verifier.Trust) bool {
	now := k.Current().Trust
	if now == nil || k.source == nil {
		return true
	}
	return s.Roles["root"].SHA256 != k.source.Roles["root"].SHA256 ||
		!sameTarget(s, k.source, "authorities.json") ||
		!sameTarget(s, k.source, "trusted_root.json") ||
		!bytes.Equal(trust.Ratchet(), now.Ratchet()) ||
		!sameAttestations(s, k.source)
}

func sameTarget(a, b *tuf.Snapshot, name string) bool {
	x, okX := a.Targets[name]
	y, okY := b.Targets[name]
	return okX == okY && bytes.Equal(x, y)
}

func sameAttestations(a, b *tuf.Snapshot) bool {
	count := func(s *tuf.Snapshot) (n int) {
		for name := range s.Targets {
			if isAttestation(name) {
				n++
			}
		}
		return n
	}
	for name := range a.Targets {
		if isAttestation(name) && !sameTarget(a, b, name) {
			return false
		}
	}
	return count(a) == count(b)
}

func isAttestation(name string) bool { return strings.HasPrefix(name, "attestations/") }

// use swaps trust in. Nothing that comes with it and adds no authority is looked at
// before: whoever may publish attestations must not hold a revocation back.
func (k *Keeper) use(s *tuf.Snapshot, trust *verifier.Trust) error {
	before := k.Current()
	newEpoch := before.Trust == nil || before.Trust.Epoch() != trust.Epoch()
	generation := before.Generation
	if newEpoch {
		generation++
		k.reset(trust)
	}
	roles := map[string]record.RoleFile{}
	for name, r := range s.Roles {
		roles[name] = record.RoleFile{Version: r.Version, SHA256: r.SHA256}
	}
	k.source = s
	k.current.Store(&Snapshot{Trust: trust, Generation: generation, Roles: roles})
	if newEpoch {
		k.Index.SetTrust(trust, s.Targets)
	}
	k.changedMu.Lock()
	close(k.changed)
	k.changed = make(chan struct{})
	k.changedMu.Unlock()
	k.announce(trust, newEpoch)
	return nil
}

// reset carries out the signed resets of floors that were not before. One that
// fails is tried again with the next refresh; the floor stays up until then.
func (k *Keeper) reset(trust *verifier.Trust) {
	var failed error
	for _, r := range trust.Resets() {
		now, _ := k.Clock.Now() // zero while it cannot be believed
		first, err := k.Floors.Reset(r, trust.Epoch(), now)
		failed = errors.Join(failed, err)
		if first {
			k.Logger.Warn("a signed reset lowered floors", "id", hclog.Quote(r.ID), "version", r.Version)
		}
	}
	k.owed = failed != nil
	k.say("reset", "a signed reset of floors could not be carried out", failed)
}

func (k *Keeper) announce(trust *verifier.Trust, newEpoch bool) {
	v := trust.Versions()
	level := hclog.Debug
	if newEpoch {
		level = hclog.Info
	}
	k.Logger.Log(level, "trust in use", "epoch", trust.Epoch(), "root", v.Root, "targets", v.Targets, "snapshot", v.Snapshot,
		"timestamp", v.Timestamp, "revocation", v.Revocation, "timestamp_expires", trust.Expires().Timestamp.Format(time.RFC3339))
	k.say("revocations", "revocations.json was not taken: everything revoked before stays revoked, under the old expiry", trust.RevocationFault())
}

// say logs trouble when it begins or changes, and when it ends.
func (k *Keeper) say(kind, what string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if k.trouble[kind] == text {
		return
	}
	k.trouble[kind] = text
	if text == "" {
		k.Logger.Info("trouble is over", "with", kind)
		return
	}
	k.Logger.Error(what, "code", Code(err), "error", hclog.Quote(text))
}
