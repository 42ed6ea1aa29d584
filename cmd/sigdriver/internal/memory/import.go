// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// importFloors is how many floors one ask of an import has.
const importFloors = 40

// Imported is what an import did.
type Imported struct {
	Memory   string   `json:"memory"` // its id
	Session  uint64   `json:"session,string"`
	Learned  uint64   `json:"learned,string"` // rows that the memory had
	Floors   int      `json:"floors"`         // that were raised
	Places   int      `json:"places"`         // that were bound
	Revision uint64   `json:"revision,string"`
	Disagree []string `json:"disagree,omitempty"` // what driver and memory say differently, one sentence each
}

// Import has a driver that is stopped join the memory as it is, whatever it shared before,
// and raises there what it remembers beyond. Where they say two things of one version or
// one sandbox, each keeps its own, and a sentence says so. What trust orders to lower and the
// driver has lowered is lowered in the memory first.
func Import(ctx context.Context, c Config, store *record.Store, trust *verifier.Trust) (*Imported, error) {
	client := New(c)
	conn, err := client.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer hangUp(conn)
	h, err := readHead(ctx, conn)
	if err == nil {
		err = h.spoken()
	}
	if err != nil {
		return nil, err
	}
	begun, err := call(ctx, conn, c.Driver, 0, nil)
	if err != nil {
		return nil, err
	}
	out := &Imported{Memory: h.id, Session: uint64(begun[0])}
	ask := record.Ask{}
	ask.Index, ask.Entry, err = store.Join(record.Joined{Time: time.Now().UTC(), Memory: h.id, Driver: c.Driver, Session: out.Session, Signed: c.Sign != nil})
	if err != nil {
		return nil, err
	}
	holds := newHeld()
	if err := client.relearn(ctx, conn, holds); err != nil {
		return nil, err
	}
	out.Learned = store.Position().Revision
	asks, err := out.missing(store, holds, trust, ask)
	if err != nil {
		return nil, err
	}
	if err := client.bring(ctx, conn, out.Session, asks); err != nil {
		return nil, err
	}
	err = client.relearn(ctx, conn, holds)
	out.Revision = store.Position().Revision
	return out, err
}

// relearn learns every row that there is.
func (c *Client) relearn(ctx context.Context, conn *pgx.Conn, holds *held) error {
	for {
		ctx, cancel := context.WithTimeout(ctx, queryTime)
		rows, err := readRows(ctx, conn, c.Store.Position())
		cancel()
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := c.learn(rows); err != nil {
			return err
		}
		holds.add(rows)
	}
}

// bring raises asks, as many as one call has at a time.
func (c *Client) bring(ctx context.Context, conn *pgx.Conn, session uint64, asks []record.Ask) error {
	for len(asks) > 0 {
		var batch []*asked
		for i := range asks[:min(len(asks), maxRaise)] {
			body, err := asks[i].Body()
			if err != nil {
				return err
			}
			signature, err := c.sign(session, body)
			if err != nil {
				return err
			}
			batch = append(batch, &asked{body: body, signature: signature})
		}
		asks = asks[len(batch):]
		results, err := call(ctx, conn, c.Driver, session, batch)
		if err != nil {
			return err
		}
		for _, got := range results {
			if got == 0 {
				return errors.New("another driver raised meanwhile what this one brings: import again")
			}
		}
	}
	return nil
}

// held is what the rows of a memory add up to.
type held struct {
	floors map[verifier.FloorKey]verifier.Floor
	places map[verifier.SandboxKey]verifier.Place
	resets map[string]bool
}

func newHeld() *held {
	return &held{map[verifier.FloorKey]verifier.Floor{}, map[verifier.SandboxKey]verifier.Place{}, map[string]bool{}}
}

func (h *held) add(rows []record.Row) {
	for i := range rows {
		a := &rows[i].Ask
		if a.Reset != nil && !h.resets[a.Reset.ID] {
			h.resets[a.Reset.ID] = true
			pattern, _ := a.Reset.Pattern.Verifier()
			for k, f := range h.floors {
				if f.Version > a.Reset.Version && pattern.Matches(k) {
					h.floors[k] = verifier.Floor{Version: a.Reset.Version}
				}
			}
		}
		for _, f := range a.Floors {
			role, _ := verifier.RoleByName(f.Role)
			h.floors[verifier.FloorKey{GatewayID: f.GatewayID, Role: role, Workspace: f.Workspace, Name: f.Name}] = verifier.Floor{Version: f.After.Version, SHA256: f.After.SHA256}
		}
		if p := a.Place; p != nil {
			h.places[verifier.SandboxKey{GatewayID: p.GatewayID, SandboxID: p.SandboxID}] = verifier.Place{Workspace: p.Workspace, Name: p.Name}
		}
	}
}

// missing is what the driver remembers and the memory does not, as asks.
func (out *Imported) missing(store *record.Store, holds *held, trust *verifier.Trust, ask record.Ask) ([]record.Ask, error) {
	floors, places, err := store.Everything()
	if err != nil {
		return nil, err
	}
	var asks []record.Ask
	next := func() *record.Ask {
		ask.Number++
		asks = append(asks, ask)
		return &asks[len(asks)-1]
	}
	if trust != nil {
		for _, r := range trust.Resets() {
			if done, err := store.WasReset(r.ID); err != nil {
				return nil, err
			} else if !done || holds.resets[r.ID] {
				continue
			}
			p := r.Pattern()
			a := next()
			a.Reset = &record.AskedReset{ID: r.ID, Version: r.Version, Pattern: record.FloorPattern{Role: p.Role.String(), GatewayID: p.GatewayID, Workspace: p.Workspace, Name: p.Name}}
			holds.add([]record.Row{{Ask: *a}})
		}
	}
	var open *record.Ask
	for _, f := range floors {
		k, has := f.Key, holds.floors[f.Key]
		switch {
		case has == f.Floor || f.Floor.Version < has.Version || f.Floor.Version == has.Version && f.Floor.SHA256 == [32]byte{}:
			continue
		case f.Floor.Version == has.Version && has.SHA256 != [32]byte{}:
			out.Disagree = append(out.Disagree, fmt.Sprintf("version %d of %s %q in workspace %q is sha256:%x here and sha256:%x in the memory", has.Version, k.Role, k.Name, k.Workspace, f.Floor.SHA256, has.SHA256))
			continue
		}
		if open == nil || len(open.Floors) >= importFloors {
			open = next()
		}
		open.Floors = append(open.Floors, record.AskedFloor{GatewayID: k.GatewayID, Role: k.Role.String(), Workspace: k.Workspace, Name: k.Name,
			Before: record.Floor{Version: has.Version, SHA256: has.SHA256}, After: record.Floor{Version: f.Floor.Version, SHA256: f.Floor.SHA256}})
		out.Floors++
	}
	for _, p := range places {
		has, bound := holds.places[p.Key]
		switch {
		case bound && has != p.Place:
			out.Disagree = append(out.Disagree, fmt.Sprintf("sandbox %q of gateway %q is %q in workspace %q here and %q in workspace %q in the memory", p.Key.SandboxID, p.Key.GatewayID, p.Place.Name, p.Place.Workspace, has.Name, has.Workspace))
		case !bound:
			next().Place = &record.TakenPlace{GatewayID: p.Key.GatewayID, SandboxID: p.Key.SandboxID, Workspace: p.Place.Workspace, Name: p.Place.Name}
			out.Places++
		}
	}
	return asks, nil
}
