// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package trust

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// world is a Keeper over a real TUF client and a repository that the test publishes.
type world struct {
	*Keeper
	t      *testing.T
	repo   *tuftest.Repo
	auth   *verifiertest.Authorities
	dir    string
	client *tuf.Client
	index  testIndex
	floors testFloors
	clock  testClock
	seen   testMetrics
	log    strings.Builder
}

type testIndex struct {
	calls   int
	targets map[string][]byte
}

func (x *testIndex) SetTrust(_ *verifier.Trust, targets map[string][]byte) {
	x.calls, x.targets = x.calls+1, targets
}

type testFloors struct {
	calls  int
	resets []string
	fail   error
}

func (f *testFloors) Reset(r verifier.SignedReset, _ uint64, _ time.Time) (bool, error) {
	id := r.ID
	f.calls++
	if f.fail != nil {
		return false, f.fail
	}
	for _, known := range f.resets {
		if known == id {
			return false, nil
		}
	}
	f.resets = append(f.resets, id)
	return true, nil
}

type testClock struct {
	now func() time.Time
	err error
}

func (c *testClock) Now() (time.Time, error) { return c.now(), c.err }

type testMetrics struct {
	mu      sync.Mutex
	results []string
}

func (m *testMetrics) Refreshed(result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.results = append(m.results, result)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, repo: tuftest.New(t, tuftest.At(verifiertest.Now)), auth: verifiertest.BaseAuthorities(), dir: t.TempDir()}
	w.repo.SetTarget("authorities.json", w.auth.JSON())
	w.repo.SetTarget("revocations.json", verifiertest.Revocations())
	w.repo.Publish()
	w.clock.now = w.repo.Now
	w.start()
	t.Cleanup(func() { w.client.Close() })
	return w
}

// start opens the state folder as a starting driver does.
func (w *world) start() {
	w.t.Helper()
	if w.client != nil {
		w.client.Close()
	}
	source, err := tuf.HTTPSource(w.repo.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	w.client, err = tuf.Open(tuf.Config{Root: w.repo.Root(), Source: source, Dir: filepath.Join(w.dir, "trust"), Now: w.repo.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Keeper = NewKeeper(KeeperConfig{
		Client: w.client, Clock: &w.clock, Index: &w.index, Floors: &w.floors, Metrics: &w.seen,
		Logger:        hclog.New(&hclog.LoggerOptions{Output: &w.log}),
		DriverVersion: "0.1.0", Interval: time.Hour,
	})
	if err := w.Load(); err != nil {
		w.t.Fatal(err)
	}
}

// publish signs the current authorities and refreshes.
func (w *world) publish() {
	w.t.Helper()
	w.repo.SetTarget("authorities.json", w.auth.JSON())
	w.repo.Publish()
	w.refresh()
}

func (w *world) refresh() {
	w.t.Helper()
	if err := w.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// refuses asserts that a refresh fails with a code and changes nothing.
func (w *world) refuses(code string) {
	w.t.Helper()
	before := w.Current()
	err := w.Refresh(w.t.Context())
	if err == nil || Code(err) != code {
		w.t.Fatalf("got %v (%s), want %s", err, Code(err), code)
	}
	if w.Current() != before {
		w.t.Fatal("trust was changed")
	}
}

func (w *world) epoch() uint64 { return w.Current().Trust.Epoch() }

func (w *world) condition() verifier.Condition {
	return w.Current().Trust.State(w.repo.Now()).Condition
}

func TestFirstRefresh(t *testing.T) {
	w := newWorld(t)
	if w.Current() == nil || w.Current().Trust != nil || w.condition() != verifier.Refused {
		t.Fatal("there is trust before any refresh")
	}
	changed := w.Changed()
	w.refresh()
	if w.condition() != verifier.Fresh || w.epoch() != 1 {
		t.Fatalf("%v at epoch %d", w.condition(), w.epoch())
	}
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	if v := w.Current().Trust.Versions(); v.Root != 1 || v.Timestamp != w.repo.Version("timestamp") || v.Revocation != w.repo.Version("revocation") {
		t.Errorf("versions %+v", v)
	}
	for _, role := range []string{"root", "timestamp", "snapshot", "targets", "revocation"} {
		if r := w.Current().Roles[role]; r.Version == 0 || r.SHA256 == [32]byte{} {
			t.Errorf("role %s is %+v", role, r)
		}
	}
}

// An epoch is a change of what decides; a signature that is only renewed moves
// expiries and nothing else.
func TestEpochs(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	w.refresh()
	if w.epoch() != 1 || w.Current().Generation != 1 {
		t.Fatalf("epoch %d, generation %d after nothing new", w.epoch(), w.Current().Generation)
	}
	indexed := w.index.calls
	for _, c := range []struct {
		name   string
		change func()
		isNew  bool
	}{
		{"timestamp renewed", func() { w.repo.Advance(time.Hour); w.repo.PublishTimestamp() }, false},
		{"targets renewed", func() {
			w.repo.Advance(time.Hour)
			w.repo.SetTarget("authorities.json", w.auth.JSON())
			w.repo.Publish()
		}, false},
		{"revocations renewed", func() { w.repo.SetTarget("revocations.json", verifiertest.Revocations()); w.repo.Publish() }, false},
		{"another file", func() { w.repo.SetTarget("README", []byte("x")); w.repo.Publish() }, false},
		{"authorities", func() {
			w.auth.MaxStale = "1h"
			w.repo.SetTarget("authorities.json", w.auth.JSON())
			w.repo.Publish()
		}, true},
		{"a revocation", func() {
			w.repo.SetTarget("revocations.json", verifiertest.Revocations(verifiertest.Revoke("document", strings.Repeat("ab", 32))))
			w.repo.Publish()
		}, true},
		{"a revocation taken off the list", func() {
			w.repo.SetTarget("revocations.json", verifiertest.Revocations())
			w.repo.Publish()
		}, false}, // SE-11: the ratchet keeps it
		{"an attestation", func() {
			w.repo.SetTarget("attestations/"+strings.Repeat("cd", 32)+"/a.json", []byte("{}"))
			w.repo.Publish()
		}, true},
		{"root", func() { w.repo.Rotate("timestamp"); w.repo.Publish() }, true},
	} {
		before, expires, generation := w.epoch(), w.Current().Trust.Expires(), w.Current().Generation
		c.change()
		w.refresh()
		got := w.epoch()
		if (got == before+1) != c.isNew || got > before+1 || got < before {
			t.Errorf("%s: epoch %d after %d", c.name, got, before)
		}
		if w.Current().Generation != generation+got-before {
			t.Errorf("%s: generation %d after %d", c.name, w.Current().Generation, generation)
		}
		if c.isNew {
			indexed++
		}
		if w.index.calls != indexed {
			t.Errorf("%s: the index was built %d times, want %d", c.name, w.index.calls, indexed)
		}
		if c.name == "timestamp renewed" && !w.Current().Trust.Expires().Timestamp.After(expires.Timestamp) {
			t.Errorf("%s: the expiry did not move", c.name)
		}
	}
}

// RC-06: trust that lists a key of the driver's own is refused, and the last good
// one stays in use.
func TestReservedKeyInTrust(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	good := w.Current()
	w.Reserved = [][32]byte{sha256.Sum256(verifiertest.Person("dave").SPKI())}
	w.auth.MaxStale = "1h"
	w.repo.SetTarget("authorities.json", w.auth.JSON())
	w.repo.Publish()
	w.refuses(tuf.CodeConfig)
	if w.Current() != good {
		t.Error("other trust is in use")
	}
	var reserved *verifier.ReservedKeyError // at a start it is the driver that is wrong
	if err := w.Load(); !errors.As(err, &reserved) {
		t.Errorf("loaded: %v", err)
	}
	w.Reserved = nil
	w.refresh()
	if w.Current() == good {
		t.Error("without the driver's key it is refused too")
	}
}

func TestTrustOutlivesTheProcess(t *testing.T) {
	w := newWorld(t)
	w.auth.MaxStale = "2h"
	w.publish()
	w.repo.SetTarget("revocations.json", verifiertest.Revocations(verifiertest.Revoke("document", strings.Repeat("ab", 32))))
	w.publish()
	epoch, ratchet := w.epoch(), string(w.Current().Trust.Ratchet())
	w.repo.SetTarget("revocations.json", verifiertest.Revocations())
	w.publish()
	w.start()
	if w.Current().Trust == nil || w.epoch() != epoch || string(w.Current().Trust.Ratchet()) != ratchet {
		t.Fatal("another trust after the restart")
	}
	w.auth.MaxStale = "3h"
	w.publish()
	if w.epoch() != epoch+1 || string(w.Current().Trust.Ratchet()) != ratchet {
		t.Errorf("epoch %d after %d; the ratchet is %s", w.epoch(), epoch, w.Current().Trust.Ratchet())
	}
}

func TestFailedRefreshKeepsGoodTrust(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	good := w.auth.JSON()
	for _, c := range []struct {
		name   string
		change func()
		code   string
	}{
		{"not JSON", func() { w.repo.SetTarget("authorities.json", []byte("{")); w.repo.Publish() }, tuf.CodeCorrupt},
		{"vacuous rule", func() {
			w.repo.SetTarget("authorities.json", verifiertest.Edit(good, `"threshold":2`, `"threshold":0`))
			w.repo.Publish()
		}, tuf.CodeCorrupt},
		{"unknown signer", func() {
			w.repo.SetTarget("authorities.json", good)
			w.repo.SignWith("targets", tuftest.Strangers(1)...)
			w.repo.Publish()
		}, tuf.CodeSignature},
		{"unreachable", func() { w.repo.SignHonestly("targets"); w.repo.Fault("metadata/timestamp.json", unavailable) }, tuf.CodeDownload},
	} {
		c.change()
		w.refuses(c.code)
		logged := strings.Count(w.log.String(), "could not be refreshed")
		w.refuses(c.code)
		if again := strings.Count(w.log.String(), "could not be refreshed"); again != logged {
			t.Errorf("%s: the same trouble is logged %d times", c.name, 1+again-logged)
		}
	}
	w.repo.Heal()
	w.auth.MaxStale = "1h"
	w.publish()
	if !strings.Contains(w.log.String(), "trouble is over") {
		t.Error("nobody was told that it is over")
	}
	if last := w.seen.results[len(w.seen.results)-1]; last != "ok" {
		t.Errorf("the last refresh was %s", last)
	}
}

func unavailable(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }

// SE-12: revocations that do not parse hold back nothing else, and never forget.
func TestMalformedRevocations(t *testing.T) {
	w := newWorld(t)
	w.repo.SetTarget("revocations.json", verifiertest.Revocations(verifiertest.Revoke("document", strings.Repeat("ab", 32))))
	w.publish()
	ratchet, expires := string(w.Current().Trust.Ratchet()), w.Current().Trust.Expires().Revocation
	w.repo.Advance(time.Hour)
	w.repo.SetTarget("revocations.json", []byte("{"))
	w.auth.MaxStale = "7h"
	w.publish()
	check := func(when string) {
		t.Helper()
		trust := w.Current().Trust
		if trust == nil || trust.RevocationFault() == nil || string(trust.Ratchet()) != ratchet || !trust.Expires().Revocation.Equal(expires) {
			t.Fatalf("%s: fault %v, ratchet %s, expires %v", when, trust.RevocationFault(), trust.Ratchet(), trust.Expires().Revocation)
		}
	}
	check("at once")
	if !strings.Contains(w.log.String(), "revocations.json was not taken") {
		t.Error("it was not said")
	}
	w.start()
	check("after a restart")
	w.auth.MaxStale = "8h"
	w.publish()
	check("after another change")
	w.repo.SetTarget("revocations.json", verifiertest.Revocations())
	w.publish()
	if trust := w.Current().Trust; trust.RevocationFault() != nil || !trust.Expires().Revocation.After(expires) || string(trust.Ratchet()) != ratchet {
		t.Errorf("mended: fault %v, expires %v", trust.RevocationFault(), trust.Expires().Revocation)
	}
}

// The expiry that counts while revocations do not parse is that of the last ones
// that were accepted, not of some that only came by; it is noted with each line of
// the history.
func TestExpiryOfRevocationsIsAccepted(t *testing.T) {
	w := newWorld(t)
	w.repo.SetTarget("revocations.json", verifiertest.Revocations())
	w.publish()
	expires := w.Current().Trust.Expires().Revocation
	w.repo.Advance(time.Hour)
	w.repo.SetTarget("revocations.json", verifiertest.Revocations())
	w.repo.Publish()
	w.Keeper.Client = &refusing{w.client}
	w.refuses(codeInternal)
	w.Keeper.Client = w.client
	w.repo.SetTarget("revocations.json", []byte("{"))
	w.publish()
	if got := w.Current().Trust.Expires().Revocation; !got.Equal(expires) {
		t.Errorf("they expire at %v, want %v", got, expires)
	}
	past, note, err := tuf.AsOf(filepath.Join(w.dir, "trust"), w.repo.Root(), w.repo.Now())
	if err != nil || !note.RevocationsExpire.Equal(expires) {
		t.Fatalf("the history says %v, %v, want %v", note.RevocationsExpire, err, expires)
	}
	trust, err := verifier.ParseTrust(Source(past, note))
	if err != nil || trust.RevocationFault() == nil || !trust.Expires().Revocation.Equal(expires) {
		t.Errorf("rebuilt from the history: %v, %v", trust.Expires(), err)
	}
}

func TestSignedResetsAreCarriedOutOnce(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	w.auth.Floors = []verifiertest.SignedFloor{{Role: "SANDBOX_POLICY", Version: "7", Reset: true}}
	w.floors.fail = errors.New("disk")
	w.publish() // trust is swapped all the same
	if !strings.Contains(w.log.String(), "could not be carried out") {
		t.Error("a failed reset was not said")
	}
	w.floors.fail = nil
	w.start()
	if len(w.floors.resets) != 1 {
		t.Fatalf("%d resets after the restart", len(w.floors.resets))
	}
	w.auth.MaxStale = "1h"
	w.publish()
	if len(w.floors.resets) != 1 {
		t.Error("carried out twice")
	}
	calls := w.floors.calls
	w.repo.Advance(time.Hour)
	w.repo.PublishTimestamp()
	w.refresh()
	if w.floors.calls != calls {
		t.Error("tried again without a new epoch")
	}
}

func TestNothingIsRefreshedByAClockThatCannotBeBelieved(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	w.auth.MaxStale = "1h"
	w.repo.SetTarget("authorities.json", w.auth.JSON())
	w.repo.Publish()
	w.clock.err = errors.New("stepped")
	w.refuses(CodeClockUntrusted)
	w.clock.err = nil
	w.refresh()
	if w.epoch() != 2 {
		t.Errorf("epoch %d", w.epoch())
	}
}

func TestAcceptanceIsDurableBeforeTheSwap(t *testing.T) {
	w := newWorld(t)
	w.refresh()
	w.auth.MaxStale = "1h"
	w.repo.SetTarget("authorities.json", w.auth.JSON())
	w.repo.Publish()
	w.Keeper.Client = &refusing{w.client}
	w.refuses(codeInternal)
	w.Keeper.Client = w.client
	w.refresh()
}

type refusing struct{ *tuf.Client }

func (*refusing) Accept(*tuf.Update, tuf.Note) error { return errors.New("disk full") }

func TestRunRefreshesWhenKicked(t *testing.T) {
	w := newWorld(t)
	done := make(chan struct{})
	changed := w.Changed()
	go func() { defer close(done); w.Run(t.Context()) }()
	<-changed
	changed = w.Changed()
	w.auth.MaxStale = "1h"
	w.repo.SetTarget("authorities.json", w.auth.JSON())
	w.repo.Publish()
	w.Kick()
	select {
	case <-changed:
	case <-time.After(time.Minute):
		t.Fatal("a kick does nothing")
	}
	if w.epoch() != 2 {
		t.Errorf("epoch %d", w.epoch())
	}
}
