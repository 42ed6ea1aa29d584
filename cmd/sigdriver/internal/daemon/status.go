// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// StatusMediaType names the JSON form of a Status. A change that an old reader would
// misread gets a new version.
const StatusMediaType = "application/vnd.sigdriver.status.v1+json"

// The conditions of a driver.
const (
	StatusWell     = "well"
	StatusDegraded = "degraded" // it decides, and somebody has to look
	StatusRefuses  = "refuses"  // no ALLOW can leave
)

// endingAhead is how far ahead a status looks for approvals that end.
const endingAhead = 30 * 24 * time.Hour

// Status is how a driver is, for an operator. It holds digests, names and reasons.
type Status struct {
	MediaType string    `json:"mediaType"`
	At        time.Time `json:"at"`
	Condition string    `json:"condition"`
	Problems  []Problem `json:"problems"`
	Driver    struct {
		Version  string    `json:"version"`
		Revision string    `json:"revision,omitempty"`
		Started  time.Time `json:"started"`
		// ConfigSHA256 is that of the configuration that it started with.
		ConfigSHA256 string `json:"configSha256"`
	} `json:"driver"`
	Trust struct {
		Epoch           uint64       `json:"epoch,string"`
		Condition       string       `json:"condition"`
		Detail          string       `json:"detail,omitempty"`
		RefusedFrom     *time.Time   `json:"refusedFrom,omitempty"`
		MaxStaleSeconds int64        `json:"maxStaleSeconds"`
		Roles           []StatusRole `json:"roles"`
	} `json:"trust"`
	Journal struct {
		Entries uint64 `json:"entries,string"`
		Works   bool   `json:"works"`
		Trouble string `json:"trouble,omitempty"`
	} `json:"journal"`
	Log *struct {
		Entries        uint64 `json:"entries,string"`
		Covered        uint64 `json:"covered,string"`
		WaitingSeconds int64  `json:"waitingSeconds"`
		Works          bool   `json:"works"`
	} `json:"log,omitempty"`
	Index struct {
		Attestations int            `json:"attestations"`
		Files        int            `json:"files"`
		Waiting      int            `json:"waiting"`
		PassedOver   map[string]int `json:"passedOver,omitempty"`
	} `json:"index"`
	Connections int          `json:"connections"`
	Peers       []StatusPeer `json:"peers"`
	// Floors is there when it was asked for.
	Floors *StatusFloors `json:"floors,omitempty"`
	Cache  struct {
		Entries int `json:"entries"`
		Bytes   int `json:"bytes"`
	} `json:"cache"`
	Ending   []StatusEnding  `json:"endingApprovals"`
	Refusals []StatusRefusal `json:"lastRefusals"`
}

// Problem is one thing that is not well, and what to do about it.
type Problem struct {
	Text    string `json:"text"`
	Remedy  string `json:"remedy"`
	Refuses bool   `json:"refuses"`
}

// StatusRole is what is left of a role's metadata.
type StatusRole struct {
	Role        string    `json:"role"`
	Version     int64     `json:"version"`
	Expires     time.Time `json:"expires"`
	SecondsLeft int64     `json:"secondsLeft"`
	LifeLeft    float64   `json:"lifeLeft"`
}

// StatusPeer is one that may call.
type StatusPeer struct {
	UID         *uint32  `json:"uid,omitempty"`
	GID         *uint32  `json:"gid,omitempty"`
	GatewayIDs  []string `json:"gatewayIds"`
	Connections int      `json:"connections"`
}

// StatusFloors are the versions that the driver remembers: all of them counted, and the
// first listed.
type StatusFloors struct {
	Total  uint64        `json:"total,string"`
	Listed []StatusFloor `json:"listed"`
}

// StatusFloor is the version below which a subject is refused, and the document that it
// stands for, if any.
type StatusFloor struct {
	Role      string `json:"role"`
	GatewayID string `json:"gatewayId"`
	Workspace string `json:"workspace,omitempty"`
	Name      string `json:"name,omitempty"`
	Version   uint64 `json:"version,string"`
	SHA256    string `json:"sha256,omitempty"`
}

// StatusEnding is a document in force whose approvals end.
type StatusEnding struct {
	GatewayID  string    `json:"gatewayId"`
	Workspace  string    `json:"workspace,omitempty"`
	Name       string    `json:"name,omitempty"`
	Role       string    `json:"role"`
	SHA256     string    `json:"sha256"`
	Version    uint64    `json:"version,string"`
	Principals []string  `json:"principals"`
	NotAfter   time.Time `json:"notAfter"`
}

// StatusRefusal is one of the last refusals.
type StatusRefusal struct {
	Time      time.Time `json:"time"`
	GatewayID string    `json:"gatewayId"`
	Workspace string    `json:"workspace,omitempty"`
	Name      string    `json:"name,omitempty"`
	Purpose   string    `json:"purpose"`
	Reason    string    `json:"reason"`
	Finding   string    `json:"finding,omitempty"`
	Index     *uint64   `json:"index,string,omitempty"`
}

// status looks at everything.
func (d *driver) status() *Status {
	now, clockErr := d.clock.Now()
	at := now
	if clockErr != nil {
		at = d.now()
	}
	s := &Status{MediaType: StatusMediaType, At: at.UTC(), Problems: []Problem{}, Ending: []StatusEnding{}, Refusals: []StatusRefusal{}}
	s.Driver.Version, s.Driver.Revision, s.Driver.Started = version.Driver, version.Revision(), d.started.UTC()
	sum := d.conf.SHA256()
	s.Driver.ConfigSHA256 = hex.EncodeToString(sum[:])
	if clockErr != nil {
		s.problem(true, clockErr.Error(), "correct the clock; ALLOWs resume when it has caught up")
	}
	d.trustStatus(s, at)
	d.recordStatus(s)
	s.Index.Attestations, s.Index.Files = d.index.Current().Size()
	s.Index.Waiting = d.index.Waiting()
	for reason, n := range d.index.Current().PassedOver() {
		if s.Index.PassedOver == nil {
			s.Index.PassedOver = map[string]int{}
		}
		s.Index.PassedOver[string(reason)] = n
	}
	s.Connections = d.listener.Open()
	d.peerStatus(s)
	s.Cache.Entries, s.Cache.Bytes = d.server.Cached()
	d.decisionStatus(s, at)
	s.Condition = StatusWell
	for _, p := range s.Problems {
		if p.Refuses {
			s.Condition = StatusRefuses
			return s
		}
		s.Condition = StatusDegraded
	}
	return s
}

func (s *Status) problem(refuses bool, text, remedy string) {
	s.Problems = append(s.Problems, Problem{text, remedy, refuses})
}

func (d *driver) trustStatus(s *Status, now time.Time) {
	t := d.keeper.Current().Trust
	state := t.State(now)
	s.Trust.Condition, s.Trust.Detail, s.Trust.Roles = state.Condition.String(), state.Detail, []StatusRole{}
	if t != nil {
		s.Trust.Epoch, s.Trust.MaxStaleSeconds = t.Epoch(), int64(t.MaxStale()/time.Second)
	}
	const renew = "see that `sigdriver trust renew` runs where trust is kept, and that the source serves what it publishes"
	switch state.Condition {
	case verifier.Refused:
		s.problem(true, state.Reason.String()+": "+state.Detail, "`sigdriver explain "+state.Reason.String()+"` says who mends it")
	case verifier.Stale:
		s.problem(false, "trust is stale: "+state.Detail, renew)
	}
	if state.Condition != verifier.Refused {
		from := now.Add(state.Left).UTC()
		s.Trust.RefusedFrom = &from
	}
	for _, f := range d.lives.Now() {
		s.Trust.Roles = append(s.Trust.Roles, StatusRole{f.Role, f.Version, f.Expires.UTC(), int64(f.Left / time.Second), f.Share})
		if f.ageing() == halfSpent || f.ageing() == nearlySpent {
			s.problem(false, "less than "+map[ageing]string{halfSpent: "half", nearlySpent: "a quarter"}[f.ageing()]+" of the life of "+f.Role+" is left", renew)
		}
	}
}

func (d *driver) recordStatus(s *Status) {
	s.Journal.Entries, s.Journal.Works = d.record.Head().Size, d.server.Recording()
	if err := d.record.Ready(); err != nil {
		s.Journal.Trouble = err.Error()
	}
	for _, p := range d.probes {
		if p.Name != "trust" && !p.Well() {
			s.problem(true, "the probe "+p.Name+" fails"+strings.TrimSuffix(": "+s.Journal.Trouble, ": "), "see the driver's log; docs/operations.md says what each means")
		}
	}
	read := d.logReading()
	if read == nil {
		return
	}
	r := read()
	s.Log = &struct {
		Entries        uint64 `json:"entries,string"`
		Covered        uint64 `json:"covered,string"`
		WaitingSeconds int64  `json:"waitingSeconds"`
		Works          bool   `json:"works"`
	}{r.Entries, r.Covered, int64(r.Waiting / time.Second), r.Well}
	if !r.Well {
		s.problem(false, "the transparency log stands still or is late", "see the driver's log; a full disk or a witness that is away passes by itself")
	}
}

func (d *driver) decisionStatus(s *Status, now time.Time) {
	for _, e := range d.server.EndingWithin(now, endingAhead) {
		s.Ending = append(s.Ending, StatusEnding{e.Target.GatewayID, e.Target.Workspace, e.Target.Name, e.Role.String(), hex.EncodeToString(e.SHA256[:]), e.Version, e.Principals, e.NotAfter.UTC()})
	}
	for _, r := range d.server.Refusals() {
		line := StatusRefusal{Time: r.Time.UTC(), GatewayID: r.Target.GatewayID, Workspace: r.Target.Workspace, Name: r.Target.Name,
			Purpose: r.Purpose.String(), Reason: r.Reason.String(), Finding: r.Finding}
		if r.Logged {
			line.Index = &r.Index
		}
		s.Refusals = append(s.Refusals, line)
	}
}

func (d *driver) peerStatus(s *Status) {
	s.Peers = []StatusPeer{}
	for _, p := range d.listener.List().Entries() {
		open := d.listener.OpenBy(p.Matches)
		s.Peers = append(s.Peers, StatusPeer{p.UID, p.GID, p.GatewayIDs, open})
	}
}

// maxStatusFloors bounds the floors that a status lists.
const maxStatusFloors = 10000

// floorStatus counts the floors, and lists so many of them.
func (d *driver) floorStatus(s *Status, most int) {
	first, total, err := d.record.Floors(min(most, maxStatusFloors))
	if err != nil {
		s.problem(true, err.Error(), "see the driver's log")
		s.Condition = StatusRefuses
		return
	}
	s.Floors = &StatusFloors{Total: total, Listed: []StatusFloor{}}
	for _, f := range first {
		row := StatusFloor{Role: f.Key.Role.String(), GatewayID: f.Key.GatewayID, Workspace: f.Key.Workspace, Name: f.Key.Name, Version: f.Floor.Version}
		if f.Floor.SHA256 != ([32]byte{}) {
			row.SHA256 = hex.EncodeToString(f.Floor.SHA256[:])
		}
		s.Floors.Listed = append(s.Floors.Listed, row)
	}
}

// operators adds what only whoever may open the admin socket is shown.
func (d *driver) operators(mux *http.ServeMux) {
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		s := d.status()
		if most, err := strconv.Atoi(r.FormValue("floors")); err == nil && most >= 0 { // probes do without
			d.floorStatus(s, most)
		}
		w.Header().Set("Content-Type", StatusMediaType)
		_ = json.NewEncoder(w).Encode(s) // whoever asked has hung up
	})
	mux.HandleFunc("POST /ask", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2*verifier.MaxRequest))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		req, err := server.ParseRequest(text)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		decision, err := d.server.Ask(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", verifier.DecisionMediaType)
		_, _ = w.Write(verifier.DecisionJSON(decision)) // whoever asked has hung up
	})
	if d.attest == nil {
		return
	}
	mux.HandleFunc("POST /prove", func(w http.ResponseWriter, r *http.Request) {
		nonce, err := io.ReadAll(http.MaxBytesReader(w, r.Body, receipt.MaxNonce))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		proof, err := d.attest.Prove(nonce, d.now())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(proof) // whoever asked has hung up
	})
}
