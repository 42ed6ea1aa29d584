// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

const (
	// witnessTimeout bounds one round of asking the witnesses.
	witnessTimeout = 5 * time.Second
	// witnessGrace is how long an entry may wait for their word before ALLOWs stop.
	witnessGrace = 10 * time.Second
	// witnessAnswer bounds what a witness answers, in bytes.
	witnessAnswer = 16 << 10
	// witnessAgain is how often they are asked although nothing is new.
	witnessAgain = time.Minute
)

// Witnesses are others that see every checkpoint before it counts
// (c2sp.org/tlog-witness), and sign only what continues what they have seen.
type Witnesses struct {
	List   []tessera.Witness
	Quorum int // how many of them have to sign
	// Required makes ALLOWs stop while a checkpoint is refused, or waits for long.
	Required bool
}

// NewWitness makes a witness of its key and the URL that it answers below.
func NewWitness(vkey, root string) (tessera.Witness, error) {
	u, err := url.Parse(root)
	if err != nil {
		return tessera.Witness{}, err
	}
	if u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return tessera.Witness{}, errors.New("its URL has to begin with https:// or http://")
	}
	return tessera.NewWitness(vkey, u)
}

// WitnessError says why nothing is allowed: the witnesses' word is missing.
type WitnessError struct{ Detail string }

func (e *WitnessError) Error() string {
	return "the log's witnesses are required, and " + e.Detail
}

// gate knows whether the witnesses go along. Its nil is a log without witnesses.
type gate struct {
	log  *Log
	http *http.Client

	mu        sync.Mutex        // guards what follows
	size      uint64            // of the checkpoint that they are asked about
	refused   map[string]string // by URL
	confirmed bool              // since the start they have signed a checkpoint
	stamp     time.Time
}

// newGate also makes the checkpoint in the folder look old, so that the witnesses
// are asked about it at once: it may be an old copy, and they would know.
func newGate(l *Log) (*gate, error) {
	g := &gate{log: l, refused: map[string]string{}, stamp: time.Unix(1, 0)}
	g.http = &http.Client{
		Transport:     g,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	g.confirmed = l.journal.Head().Size == 0 // there is nothing to confirm
	err := os.Chtimes(filepath.Join(l.dir, layout.CheckpointPath), g.stamp, g.stamp)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return g, err
}

// transport talks to witnesses: no proxy that the environment names.
var transport = &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: witnessTimeout, ResponseHeaderTimeout: witnessTimeout, ForceAttemptHTTP2: true}

func (g *gate) client() *http.Client {
	if g == nil {
		return http.DefaultClient // never used: nobody is asked
	}
	return g.http
}

// configure makes the log's writer publish only what enough witnesses signed.
func (g *gate) configure(o *tessera.AppendOptions) {
	if g == nil {
		return
	}
	w := g.log.opts.Witnesses
	group := tessera.WitnessGroup{N: w.Quorum}
	for _, one := range w.List {
		group.Components = append(group.Components, one)
	}
	o.WithWitnesses(group, &tessera.WitnessOptions{Timeout: witnessTimeout})
	o.WithCheckpointRepublishInterval(witnessAgain)
}

// begin is told that a checkpoint was signed and goes to the witnesses now.
func (g *gate) begin(size uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.size = size
}

// RoundTrip implements http.RoundTripper: it asks a witness and notes a refusal.
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, witnessAnswer))
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	g.note(req.URL, resp, string(body))
	return resp, nil
}

// note remembers what a witness answered. A witness that names the size it last
// saw is asked again from there; one that has seen more than there is has seen
// another log, or a newer copy of this one.
func (g *gate) note(at *url.URL, resp *http.Response, body string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	host := at.Host
	refusal := fmt.Sprintf("%s refuses the checkpoint for %d entries (HTTP status %d)", host, g.size, resp.StatusCode)
	switch {
	case resp.StatusCode == http.StatusOK:
		delete(g.refused, at.String())
		return
	case resp.StatusCode >= 500:
		return // it does not work; nothing is said about the checkpoint
	case resp.StatusCode == http.StatusConflict && resp.Header.Get("Content-Type") == "text/x.tlog.size":
		seen, err := strconv.ParseUint(strings.TrimSpace(body), 10, 64)
		if err == nil && seen <= g.size {
			return
		}
		refusal = fmt.Sprintf("%s has seen %d entries, and there are %d: this is an old copy of the log, or another one", host, seen, g.size)
	}
	if g.refused[at.String()] != refusal {
		g.log.opts.Logger.Error("a witness refuses the log", "detail", refusal)
	}
	g.refused[at.String()] = refusal
}

// curious reports whether the checkpoint is worth reading although it covers all.
func (g *gate) curious() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.confirmed
}

// published sees that a checkpoint stands, which enough witnesses signed.
func (g *gate) published(dir string) {
	if g == nil {
		return
	}
	info, err := disk.OS{}.Stat(filepath.Join(dir, layout.CheckpointPath))
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil && !info.ModTime().Equal(g.stamp) {
		g.confirmed = true
	}
}

// err says why the witnesses' word is missing, nil if it is there.
func (g *gate) err(now time.Time) error {
	s := g.log.Status()
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.log.opts.Witnesses
	if len(g.refused) > len(w.List)-w.Quorum {
		for _, one := range w.List { // the first in the order of the configuration
			if refusal := g.refused[one.URL]; refusal != "" {
				return &WitnessError{refusal}
			}
		}
	}
	switch {
	case !g.confirmed:
		return &WitnessError{"they have not confirmed the log since the driver started"}
	case !s.Since.IsZero() && now.Sub(s.Since) >= witnessGrace:
		return &WitnessError{fmt.Sprintf("entries have waited for their signatures since %s", s.Since.UTC().Format(time.RFC3339))}
	}
	return nil
}
