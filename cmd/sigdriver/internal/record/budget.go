// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// Bounds of what refusals write in a minute, beside Options.DenyBudget.
const (
	// maxAccounts bounds the pairs of peer and target that are counted apart, and
	// maxPeers the peers. What is beyond shares the account of the zero target of its
	// peer, or of the zero peer.
	maxAccounts = 4096
	maxPeers    = 256
	// peerTargets is how many targets' budgets one peer may use up. It may invent
	// any number of names.
	peerTargets = 64
	// maxPeerBytes bounds what one peer's refusals add to the archive.
	maxPeerBytes = 4 << 20
	// A first refusal of a bound sandbox for a reason is recorded also when its peer
	// has no budget left, up to so many bytes of it, and so many of all of them a minute.
	// What a peer does not need of these it saves up for so many minutes: a revocation
	// has a whole fleet refused at once.
	maxFirstBytes  = 64 << 10
	maxFirstsBytes = 16 << 20
	firstsSaved    = 16
)

// budget counts the DENY entries of each minute.
type budget struct {
	limit int // entries for one peer and target

	mu       sync.Mutex
	minute   time.Time
	accounts map[account]*spent
	peers    map[Peer]*peerSpent
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

// peerSpent is what one peer's refusals wrote this minute.
type peerSpent struct {
	entries, bytes int
	firsts         map[first]bool // that were recorded, within the budget or beyond it
	firstsBytes    int            // of those beyond, less maxFirstsBytes for each minute since
}

// first is what a refusal is the first of.
type first struct {
	sandbox verifier.SandboxKey
	reason  string
}

// denial is a refusal that would be recorded.
type denial struct {
	peer   Peer
	target Target
	// bound says that the sandbox has a place, so that nobody invented it.
	bound  bool
	reason string
	bytes  int // that it adds to the archive
}

// spend takes one DENY entry from the budgets of its peer and target, false when one
// of them is overdrawn and it is no first refusal of a bound sandbox.
func (b *budget) spend(d denial, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	p := b.peer(d.peer)
	key := account{d.peer, d.target}
	a := b.accounts[key]
	within := (a == nil || a.entries < b.limit) && p.entries < b.limit*peerTargets && p.bytes+d.bytes <= maxPeerBytes
	if within {
		p.entries++
		p.bytes += d.bytes
	}
	ok := p.first(d, within) || within
	if a == nil && (!ok || len(b.accounts) >= maxAccounts) {
		key = account{peer: d.peer} // an invented name costs no memory
		if len(b.accounts) >= maxAccounts+maxPeers {
			key = account{}
		}
		a = b.accounts[key]
	}
	if a == nil {
		a = &spent{}
		b.accounts[key] = a
	}
	if ok {
		a.entries++
	} else {
		a.suppressed++
	}
	return ok
}

// peer returns what a peer spent. Peers that are listed by their gid may come with
// any number of uids.
func (b *budget) peer(peer Peer) *peerSpent {
	p := b.peers[peer]
	if p == nil && len(b.peers) >= maxPeers {
		peer = Peer{}
		p = b.peers[peer]
	}
	if p == nil {
		p = &peerSpent{firsts: map[first]bool{}}
		b.peers[peer] = p
	}
	return p
}

// first reports whether a refusal is the first of a bound sandbox for its reason this
// minute, and is recorded even beyond the budget.
func (p *peerSpent) first(d denial, within bool) bool {
	key := first{verifier.SandboxKey{GatewayID: d.target.GatewayID, SandboxID: d.target.SandboxID}, d.reason}
	if !d.bound || p.firsts[key] {
		return false
	}
	if !within {
		if d.bytes > maxFirstBytes || p.firstsBytes+d.bytes > firstsSaved*maxFirstsBytes {
			return false
		}
		p.firstsBytes += d.bytes
	}
	p.firsts[key] = true
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
	paid := max(1, int(minute.Sub(b.minute)/time.Minute)) * maxFirstsBytes
	peers := map[Peer]*peerSpent{}
	for peer, p := range b.peers {
		if p.firstsBytes > paid {
			peers[peer] = &peerSpent{firsts: map[first]bool{}, firstsBytes: p.firstsBytes - paid}
		}
	}
	b.minute, b.accounts, b.peers = minute, map[account]*spent{}, peers
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
