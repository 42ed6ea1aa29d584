// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/note"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
)

// witness is a small real witness (c2sp.org/tlog-witness): it signs a checkpoint
// only when a proof shows that it continues the last one that it signed.
type witness struct {
	t      *testing.T
	server *httptest.Server
	signer note.Signer
	vkey   string
	log    note.Verifier

	mu     sync.Mutex
	size   uint64
	root   []byte
	status int // answered instead, when not zero
	asked  int
	signed int
}

func newWitness(t *testing.T, name string) *witness {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{t: t, log: logKey(t)}
	if w.signer, err = fnote.NewSignerForCosignatureV1(skey); err != nil {
		t.Fatal(err)
	}
	if w.vkey, err = fnote.VKeyToCosignatureV1(vkey); err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(w)
	t.Cleanup(w.server.Close)
	return w
}

// answer makes the witness give a status, 0 to be itself.
func (w *witness) answer(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = status
}

func (w *witness) counts() (asked, signed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked, w.signed
}

func (w *witness) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	if r.Method != http.MethodPost || r.URL.Path != "/add-checkpoint" {
		w.t.Errorf("%s %s", r.Method, r.URL.Path)
	}
	if w.status != 0 {
		out.WriteHeader(w.status)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Error(err)
	}
	head, cp, _ := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	var old uint64
	if n, err := fmt.Sscanf(lines[0], "old %d", &old); n != 1 || err != nil {
		out.WriteHeader(http.StatusBadRequest)
		return
	}
	c, err := tilelog.ParseCheckpoint(cp, w.log)
	switch {
	case err != nil:
		out.WriteHeader(http.StatusBadRequest)
	case len(c.Signers) != 1:
		out.WriteHeader(http.StatusForbidden)
	case old > c.Size:
		out.WriteHeader(http.StatusBadRequest)
	case old != w.size:
		out.Header().Set("Content-Type", "text/x.tlog.size")
		out.WriteHeader(http.StatusConflict)
		fmt.Fprintf(out, "%d\n", w.size)
	case c.Size == old && w.root != nil && string(c.Root[:]) != string(w.root):
		out.WriteHeader(http.StatusConflict)
	case !w.consistent(c, lines[1:]):
		out.WriteHeader(http.StatusUnprocessableEntity)
	default:
		w.sign(out, c)
	}
}

func (w *witness) consistent(c *tilelog.Checkpoint, lines []string) bool {
	var hashes [][]byte
	for _, line := range lines {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return false
		}
		hashes = append(hashes, h)
	}
	if w.size == 0 {
		return len(hashes) == 0
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, w.size, c.Size, hashes, w.root, c.Root[:]) == nil
}

func (w *witness) sign(out http.ResponseWriter, c *tilelog.Checkpoint) {
	n, err := note.Sign(&note.Note{Text: c.Text()}, w.signer)
	if err != nil {
		w.t.Error(err)
		return
	}
	w.size, w.root, w.signed = c.Size, c.Root[:], w.signed+1
	_, sig, _ := bytes.Cut(n, []byte("\n\n"))
	out.Write(sig)
}

// witnesses are n of them with a quorum.
func witnesses(t *testing.T, n, quorum int, required bool) ([]*witness, *tilelog.Witnesses) {
	t.Helper()
	ws := &tilelog.Witnesses{Quorum: quorum, Required: required}
	var all []*witness
	for i := range n {
		w := newWitness(t, fmt.Sprintf("witness-%d.example", i))
		one, err := tilelog.NewWitness(w.vkey, w.server.URL)
		if err != nil {
			t.Fatal(err)
		}
		ws.List = append(ws.List, one)
		all = append(all, w)
	}
	return all, ws
}

func (s *state) auditWitnessed(ws *tilelog.Witnesses) *evidence.Report {
	s.t.Helper()
	o := evidence.VerifyOptions{LogKeys: []note.Verifier{logKey(s.t)}, Quorum: ws.Quorum}
	for _, w := range ws.List {
		o.Witnesses = append(o.Witnesses, w.Key)
	}
	r, err := evidence.Verify(s.dir, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func TestWitnessesSign(t *testing.T) {
	s := newState(t)
	all, ws := witnesses(t, 3, 2, true)
	all[2].answer(http.StatusInternalServerError) // two of three are enough
	s.mustOpen(tilelog.Options{Witnesses: ws})
	if err := s.log.MayAllow(); err != nil {
		t.Errorf("a new log has nothing to confirm: %v", err)
	}
	for range 5 {
		s.decide(20)
		s.covered()
		if err := s.log.MayAllow(); err != nil {
			t.Error(err)
		}
	}
	s.close()
	r := s.auditWitnessed(ws)
	if !r.Well() || len(r.Unchecked) > 0 || len(r.Checkpoint.Cosigs) != 2 || r.Checkpoint.Size != 100 {
		t.Errorf("%+v", r)
	}
	if r := s.audit(); len(r.Unchecked) != 1 {
		t.Errorf("without the witnesses' keys: %q", r.Unchecked)
	}
	ws.Quorum = 3
	if r := s.auditWitnessed(ws); r.Well() {
		t.Error("three had to sign, and two did")
	}
	ws.Quorum, ws.List = 1, ws.List[1:]
	if r := s.auditWitnessed(ws); r.Well() || !strings.Contains(r.Findings[0].Detail, "witness-0.example") {
		t.Errorf("somebody signed whom nobody knows: %+v", r.Findings)
	}
	for _, w := range all[:2] {
		if _, signed := w.counts(); signed < 5 {
			t.Errorf("%s signed %d times", w.signer.Name(), signed)
		}
	}
}

// A refusal of as many as matter stops ALLOWs at once when they are required, and
// only then. When the witnesses go along again, so do they.
func TestWitnessesRefuse(t *testing.T) {
	for _, required := range []bool{true, false} {
		s := newState(t)
		all, ws := witnesses(t, 2, 1, required)
		s.mustOpen(tilelog.Options{Witnesses: ws})
		s.decide(1)
		s.covered()
		all[0].answer(http.StatusForbidden)
		s.decide(1)
		s.covered() // by the other
		if err := s.log.MayAllow(); err != nil {
			t.Error(err)
		}
		all[1].answer(http.StatusForbidden)
		s.decide(1)
		if required {
			var missing *tilelog.WitnessError
			s.eventually("an end of ALLOWs", func() bool { return errors.As(s.log.MayAllow(), &missing) })
			// Until the third entry is asked about, it may name the first witness and two.
			s.eventually("the refusal of three entries", func() bool {
				return errors.As(s.log.MayAllow(), &missing) && strings.Contains(missing.Error(), "refuses the checkpoint for 3 entries")
			})
		} else {
			asked, _ := all[1].counts()
			s.eventually("more refusals", func() bool { now, _ := all[1].counts(); return now > asked+1 })
			if err := s.log.MayAllow(); err != nil {
				t.Error(err)
			}
		}
		if covered := s.log.Status().Covered; covered != 2 {
			t.Errorf("a checkpoint over %d entries was published without its quorum", covered)
		}
		all[1].answer(0)
		s.eventually("ALLOWs again", func() bool { return s.log.MayAllow() == nil && s.log.Status().Covered == 3 })
		s.close()
	}
}

// A witness that has seen more than there is has seen the copy that was restored
// over: no ALLOW leaves, from the very start.
func TestRestoredFolderMeetsWitness(t *testing.T) {
	s := newState(t)
	all, ws := witnesses(t, 1, 1, true)
	s.mustOpen(tilelog.Options{Witnesses: ws})
	s.decide(10)
	s.covered()
	s.close()
	s.journal.Close()
	old := t.TempDir()
	if out, err := exec.Command("cp", "-a", s.dir+"/.", old).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.reopen(tilelog.Options{Witnesses: ws})
	s.eventually("the witness's word", func() bool { return s.log.MayAllow() == nil })
	s.decide(10)
	s.covered()
	s.close()
	s.journal.Close()

	s.dir = old
	s.reopen(tilelog.Options{Witnesses: ws})
	asked, _ := all[0].counts()
	for {
		err := s.log.MayAllow()
		if err == nil {
			t.Fatal("an ALLOW may leave over an old copy")
		}
		if strings.Contains(err.Error(), "old copy") {
			break
		}
		if now, _ := all[0].counts(); now > asked+5 {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	s.decideAbout("another", 30) // more entries do not make it the same log
	now, _ := all[0].counts()
	s.eventually("more questions", func() bool { later, _ := all[0].counts(); return later > now+3 })
	if s.log.MayAllow() == nil {
		t.Error("an ALLOW may leave over another history")
	}
	s.close()
}

// A witness that is away is no refusal: ALLOWs go on until an entry has waited
// for too long.
func TestWitnessAway(t *testing.T) {
	s := newState(t)
	all, ws := witnesses(t, 1, 1, true)
	s.mustOpen(tilelog.Options{Witnesses: ws})
	s.decide(1)
	s.covered()
	all[0].server.Close()
	s.decide(1)
	s.eventually("an entry that waits", func() bool { return !s.log.Status().Since.IsZero() })
	if err := s.log.MayAllow(); err != nil {
		t.Error(err)
	}
	since := s.log.Status().Since
	if err := s.log.WitnessErr(since.Add(tilelog.WitnessGrace - 1)); err != nil {
		t.Error(err)
	}
	if err := s.log.WitnessErr(since.Add(tilelog.WitnessGrace)); err == nil {
		t.Error("an entry waits for too long, and ALLOWs go on")
	}
	if !s.log.Status().Well(since.Add(tilelog.MaxLag-1)) || s.log.Status().Well(since.Add(tilelog.MaxLag)) {
		t.Error("the log is ill at another time")
	}
	s.close()
}

// After a start the witnesses are asked although nothing is new.
func TestConfirmedAfterStart(t *testing.T) {
	s := newState(t)
	all, ws := witnesses(t, 1, 1, true)
	s.mustOpen(tilelog.Options{Witnesses: ws})
	s.decide(3)
	s.covered()
	s.close()
	all[0].answer(http.StatusServiceUnavailable)
	asked, _ := all[0].counts()
	s.mustOpen(tilelog.Options{Witnesses: ws})
	s.eventually("a question", func() bool { now, _ := all[0].counts(); return now > asked })
	if err := s.log.MayAllow(); err == nil || !strings.Contains(err.Error(), "confirmed") {
		t.Errorf("before the witness's word: %v", err)
	}
	all[0].answer(0)
	s.eventually("the witness's word", func() bool { return s.log.MayAllow() == nil })
	s.close()
}

// What a witness answers is bounded, and leads nowhere else.
func TestHostileWitness(t *testing.T) {
	s := newState(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	n := 0
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n++; n % 4 {
		case 0:
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case 1:
			io.Copy(w, io.LimitReader(rand.Reader, 1<<20))
		case 2:
			fmt.Fprint(w, "— nobody AAAAAAAA\n")
		case 3:
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, "18446744073709551616\n")
		}
	}))
	defer hostile.Close()
	_, vkey, err := note.GenerateKey(rand.Reader, "hostile.example")
	if err != nil {
		t.Fatal(err)
	}
	one, err := tilelog.NewWitness(vkey, hostile.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.mustOpen(tilelog.Options{Witnesses: &tilelog.Witnesses{List: []tessera.Witness{one}, Quorum: 1}})
	s.decide(3)
	s.eventually("a few questions", func() bool { return strings.Contains(s.said.String(), "refuses") && s.log.Status().Entries == 3 })
	if data, err := os.ReadFile(filepath.Join(s.dir, "log", "checkpoint")); err == nil && bytes.Contains(data, []byte("\n3\n")) {
		t.Errorf("published: %q", data)
	}
	s.close()
	req, err := http.NewRequest(http.MethodPost, hostile.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := tilelog.NewGate()
	for range 4 {
		resp, err := g.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || len(body) > tilelog.WitnessAnswer {
			t.Errorf("an answer of %d bytes, %v", len(body), err)
		}
	}
	for _, bad := range []struct{ key, url string }{{"", hostile.URL}, {vkey, ""}, {vkey, "ftp://example.com"}, {vkey, "example.com"}, {"a+b+c", hostile.URL}} {
		if _, err := tilelog.NewWitness(bad.key, bad.url); err == nil {
			t.Errorf("%q at %q is a witness", bad.key, bad.url)
		}
	}
}
