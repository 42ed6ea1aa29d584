// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// maxAccounts bounds the pairs of peer and target that are counted apart in a
// minute. Those beyond it share the account of the zero target of their peer.
const maxAccounts = 4096

// budget counts the DENY entries of each minute.
type budget struct {
	limit int

	mu       sync.Mutex
	minute   time.Time
	accounts map[account]*spent
	over     map[account]*Suppressed // of minutes that are over
}

type account struct {
	peer   Peer
	target Target
}

type spent struct {
	entries    int
	suppressed uint64
}

// spend takes one DENY entry from the account, false when it is overdrawn.
func (b *budget) spend(peer Peer, target Target, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	key := account{peer, target}
	a := b.accounts[key]
	if a == nil && len(b.accounts) >= maxAccounts {
		key = account{peer: peer}
		a = b.accounts[key]
	}
	if a == nil {
		a = &spent{}
		b.accounts[key] = a
	}
	if a.entries >= b.limit {
		a.suppressed++
		return false
	}
	a.entries++
	return true
}

// expired takes out what minutes that are over have suppressed, in a fixed order.
func (b *budget) expired(now time.Time) []Suppressed {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	var out []Suppressed
	for _, s := range b.over {
		out = append(out, *s)
	}
	b.over = nil
	slices.SortFunc(out, bySubject)
	return out
}

// turn begins a new minute when now is in another one, also after a step back.
func (b *budget) turn(now time.Time) {
	minute := now.UTC().Truncate(time.Minute)
	if minute.Equal(b.minute) && b.accounts != nil {
		return
	}
	for key, a := range b.accounts {
		if a.suppressed > 0 {
			b.carry(key, a.suppressed)
		}
	}
	b.minute, b.accounts = minute, map[account]*spent{}
}

// carry adds to what minutes that are over have suppressed.
func (b *budget) carry(key account, count uint64) {
	if b.over == nil {
		b.over = map[account]*Suppressed{}
	}
	if b.over[key] == nil && len(b.over) >= maxAccounts {
		key = account{peer: key.peer}
	}
	if b.over[key] == nil {
		b.over[key] = &Suppressed{From: b.minute, Peer: key.peer, Target: key.target}
	}
	b.over[key].Count += count
}

func bySubject(a, b Suppressed) int {
	return cmp.Or(
		cmp.Compare(a.Peer.UID, b.Peer.UID), cmp.Compare(a.Peer.GID, b.Peer.GID), cmp.Compare(a.Peer.Name, b.Peer.Name),
		cmp.Compare(a.Target.GatewayID, b.Target.GatewayID), cmp.Compare(a.Target.Workspace, b.Target.Workspace),
		cmp.Compare(a.Target.SandboxID, b.Target.SandboxID), cmp.Compare(a.Target.Name, b.Target.Name),
	)
}
