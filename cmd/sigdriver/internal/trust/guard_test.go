// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package trust

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// otherClient is the client with some of its answers replaced.
type otherClient struct {
	*tuf.Client
	accepted  func() (*tuf.Snapshot, tuf.Note, bool)
	lastEpoch uint64
	refresh   func(context.Context) (*tuf.Update, error)
}

func (c *otherClient) Accepted() (*tuf.Snapshot, tuf.Note, bool) {
	if c.accepted != nil {
		return c.accepted()
	}
	return c.Client.Accepted()
}

func (c *otherClient) LastEpoch() uint64 { return max(c.lastEpoch, c.Client.LastEpoch()) }

func (c *otherClient) Refresh(ctx context.Context) (*tuf.Update, error) {
	if c.refresh != nil {
		return c.refresh(ctx)
	}
	return c.Client.Refresh(ctx)
}

// An epoch that was ever given is not given again, also when the trust in use
// has a lower one because history was lost.
func TestEpochsAreNeverReused(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	w.Keeper.Client = &otherClient{Client: w.client, lastEpoch: 7}
	w.auth.MaxStale = "1h"
	w.publish()
	if w.epoch() != 8 {
		t.Errorf("epoch %d after 7", w.epoch())
	}
}

// What decides is more than authorities.json.
func TestEpochsOfOtherTargets(t *testing.T) {
	w := newWorld(t)
	name := func(digit string) string { return "attestations/" + strings.Repeat(digit, 64) + "/a.json" }
	sigstore := verifiertest.NewSigstore("sigstore", verifiertest.Now)
	for i, c := range []struct {
		name   string
		change func()
	}{
		{"the first", func() {}},
		{"a trusted root", func() { w.repo.SetTarget("trusted_root.json", sigstore.TrustedRoot()) }},
		{"another trusted root", func() {
			root := sigstore.Trusted()
			root.Tlogs = root.Tlogs[1:]
			w.repo.SetTarget("trusted_root.json", verifiertest.TrustedRootJSON(root))
		}},
		{"no trusted root", func() { w.repo.RemoveTarget("trusted_root.json") }},
		{"an attestation", func() { w.repo.SetTarget(name("a"), []byte("1")) }},
		{"other bytes of it", func() { w.repo.SetTarget(name("a"), []byte("2")) }},
		{"the same bytes elsewhere", func() { w.repo.RemoveTarget(name("a")); w.repo.SetTarget(name("b"), []byte("2")) }},
		{"an attestation removed", func() { w.repo.RemoveTarget(name("b")) }},
	} {
		c.change()
		w.publish()
		if got := w.epoch(); got != uint64(i+1) {
			t.Fatalf("%s: epoch %d, want %d", c.name, got, i+1)
		}
	}
}

// Trust that was accepted and does not parse any more is refused, and the next
// that does follows it: also when the repository has nothing new, and with
// everything that was revoked.
func TestAcceptedTrustThatDoesNotParse(t *testing.T) {
	w := newWorld(t)
	w.repo.SetTarget("revocations.json", verifiertest.Revocations(verifiertest.Revoke("document", strings.Repeat("ab", 32))))
	w.publish()
	w.repo.SetTarget("revocations.json", verifiertest.Revocations())
	w.publish()
	epoch, ratchet := w.epoch(), string(w.Current().Trust.Ratchet())

	unreadable := func() (*tuf.Snapshot, tuf.Note, bool) {
		s, note, ok := w.client.Accepted()
		damaged := *s
		damaged.Targets = maps.Clone(s.Targets)
		damaged.Targets["authorities.json"] = []byte("{")
		return &damaged, note, ok
	}
	again := w.Keeper.KeeperConfig
	again.Client = &otherClient{Client: w.client, accepted: unreadable}
	w.Keeper = NewKeeper(again)
	if err := w.Load(); err != nil || w.Current().Trust != nil {
		t.Fatalf("loaded %v, %v", w.Current().Trust, err)
	}
	if !strings.Contains(w.log.String(), "does not parse any more") {
		t.Error("it was not said")
	}
	w.refresh()
	if w.Current().Trust == nil || w.epoch() != epoch+1 || string(w.Current().Trust.Ratchet()) != ratchet {
		t.Fatalf("afterwards: %+v", w.Current())
	}
}

// What was revoked stays revoked when a file of the accepted trust is damaged, so
// that it cannot be proven again, and the list has been emptied meanwhile (SE-11).
func TestRatchetOutlivesTheArchive(t *testing.T) {
	w := newWorld(t)
	w.repo.SetTarget("revocations.json", verifiertest.Revocations(verifiertest.Revoke("document", strings.Repeat("ab", 32))))
	w.publish()
	epoch, ratchet := w.epoch(), string(w.Current().Trust.Ratchet())
	w.client.Close()
	sum := fmt.Sprintf("%x", sha256.Sum256(w.auth.JSON()))
	if err := os.WriteFile(filepath.Join(w.dir, "trust", "archive", "sha256", sum[:2], sum), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start()
	if w.Current().Trust != nil {
		t.Fatal("damaged trust is in use")
	}
	w.repo.SetTarget("revocations.json", verifiertest.Revocations())
	w.publish()
	if got := string(w.Current().Trust.Ratchet()); got != ratchet || w.epoch() != epoch+1 {
		t.Errorf("epoch %d, revoked %s, want %s", w.epoch(), got, ratchet)
	}
}

// The largest ratchet there can be is one that a note takes.
const _ = uint(tuf.MaxNote - verifier.MaxRatchet)

func TestDriverTooOld(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		version string
		want    verifier.Condition
	}{{"0.1.0", verifier.Fresh}, {"0.1.1", verifier.Refused}} {
		w.auth.MinDriverVersion = c.version
		w.publish()
		if w.condition() != c.want {
			t.Errorf("with %s: %v, want %v", c.version, w.condition(), c.want)
		}
	}
}

// Trust is swapped before anybody looks at the attestations that came with it, and who
// is told of the swap finds it done.
func TestOrderOfTheSwap(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	inUse, changed := uint64(0), w.Changed()
	w.Keeper.Index = indexFunc(func(trust *verifier.Trust) {
		if trust.Epoch() != 2 {
			t.Errorf("the index is made for epoch %d", trust.Epoch())
		}
		select {
		case <-changed:
			t.Error("who waits for the swap is told before the index")
		default:
		}
		inUse = w.epoch()
	})
	w.auth.MaxStale = "1h"
	w.publish()
	if inUse != 2 || w.epoch() != 2 {
		t.Errorf("the index is made while epoch %d is in use", inUse)
	}
}

type indexFunc func(*verifier.Trust)

func (f indexFunc) SetTrust(trust *verifier.Trust, _ map[string][]byte) { f(trust) }

// An expired revocation role is neither ignored nor an outage.
func TestExpiredRevocations(t *testing.T) {
	w := newWorld(t)
	w.repo.SetTarget("revocations.json", verifiertest.Revocations(verifiertest.Revoke("document", strings.Repeat("ab", 32))))
	w.publish()
	if w.condition() != verifier.Fresh {
		t.Fatalf("%v at first", w.condition())
	}
	w.repo.Expire("revocation")
	w.auth.MaxStale = "1h"
	w.publish()
	if w.condition() != verifier.Stale || !strings.Contains(w.log.String(), "but not all of it") {
		t.Errorf("%v; log %s", w.condition(), w.log.String())
	}
	w.repo.Advance(2 * time.Hour)
	if w.condition() != verifier.Refused {
		t.Errorf("%v past maxStale", w.condition())
	}
}

func TestKeyThatIsNone(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	alice := w.auth.Principals["alice"]
	good := alice.Keys[0].PEM
	alice.Keys[0].PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
	w.repo.SetTarget("authorities.json", w.auth.JSON())
	w.repo.Publish()
	w.refuses(CodeKeyInvalid)
	alice.Keys[0].PEM = good
	w.publish()
}

// A refresh ends some time, and one that we end ourselves is no trouble.
func TestRefreshEnds(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	seen := len(w.seen.results)
	ctx, cancel := context.WithCancel(t.Context())
	w.Keeper.Client = &otherClient{Client: w.client, refresh: func(ctx context.Context) (*tuf.Update, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("there is no deadline")
		}
		cancel()
		return nil, ctx.Err()
	}}
	if err := w.Refresh(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if len(w.seen.results) != seen || strings.Contains(w.log.String(), "could not be refreshed") {
		t.Error("it was counted as a failure")
	}
}

// The pauses of Run: after a failure 2 s, then twice as long, up to the interval;
// all give or take a tenth.
func TestPauses(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	trust := w.Current()
	synctest.Test(t, func(t *testing.T) {
		const interval = 5 * time.Second
		var at []time.Time
		script := []error{errDown, errDown, errDown, nil, errDown, nil, nil}
		ctx, cancel := context.WithCancel(t.Context())
		c := w.Keeper.KeeperConfig
		c.Interval, c.Logger, c.Clock = interval, hclog.NewNullLogger(), &testClock{now: time.Now}
		c.Client = &otherClient{Client: w.client, refresh: func(context.Context) (*tuf.Update, error) {
			err := script[len(at)]
			if at = append(at, time.Now()); len(at) == len(script) {
				cancel()
			}
			return &tuf.Update{}, err
		}}
		k := NewKeeper(c)
		k.current.Store(trust)
		k.Run(ctx)
		exact := 0
		for i, want := range []time.Duration{2 * time.Second, 4 * time.Second, interval, interval, 2 * time.Second, interval} {
			got := at[i+1].Sub(at[i])
			if got < want*9/10 || got > want*11/10 {
				t.Errorf("pause %d is %v, want about %v", i, got, want)
			}
			if got == want {
				exact++
			}
		}
		if exact > 1 {
			t.Errorf("%d pauses are exact: all drivers would come at once", exact)
		}
	})
}

var errDown = errors.New("down")

// An outage of days does not wear the pause down: it would end in a loop that
// asks without one.
func TestPauseOfALongOutage(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		const interval, failures = time.Minute, 200
		ctx, cancel := context.WithCancel(t.Context())
		c := w.Keeper.KeeperConfig
		c.Interval, c.Logger, c.Clock = interval, hclog.NewNullLogger(), &testClock{now: time.Now}
		var last time.Time
		asked := 0
		c.Client = &otherClient{Client: w.client, refresh: func(context.Context) (*tuf.Update, error) {
			if pause := time.Since(last); asked > 6 && pause < interval*9/10 {
				t.Errorf("pause %d is %v", asked, pause)
				cancel()
			}
			last = time.Now()
			if asked++; asked == failures {
				cancel()
			}
			return nil, errDown
		}}
		NewKeeper(c).Run(ctx)
		if asked != failures {
			t.Errorf("asked %d times", asked)
		}
	})
}

// A kick never blocks, and a new interval does not wait for the old one to pass.
func TestKicks(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	trust := w.Current()
	synctest.Test(t, func(t *testing.T) {
		var refreshes atomic.Int32
		c := w.Keeper.KeeperConfig
		c.Logger, c.Clock = hclog.NewNullLogger(), &testClock{now: time.Now}
		c.Client = &otherClient{Client: w.client, refresh: func(context.Context) (*tuf.Update, error) {
			refreshes.Add(1)
			return &tuf.Update{}, nil
		}}
		k := NewKeeper(c)
		k.current.Store(trust)
		ctx, cancel := context.WithCancel(t.Context())
		k.Kick()
		k.Kick()
		done := make(chan struct{})
		go func() { defer close(done); k.Run(ctx) }()
		synctest.Wait()
		if n := refreshes.Load(); n != 2 { // at the start, and for the kicks
			t.Errorf("%d refreshes", n)
		}
		k.SetInterval(time.Minute)
		synctest.Wait()
		if n := refreshes.Load(); n != 3 {
			t.Errorf("%d refreshes after a new interval", n)
		}
		time.Sleep(70 * time.Second)
		synctest.Wait()
		if n := refreshes.Load(); n != 4 {
			t.Errorf("%d refreshes a minute later", n)
		}
		cancel()
		<-done
	})
}
