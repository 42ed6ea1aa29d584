// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package socket

import (
	"maps"
	"slices"
)

// PeerEntry lets the processes of one uid, or of one primary gid, speak for some gateways.
type PeerEntry struct {
	UID        *uint32 // exactly one of UID and GID is set
	GID        *uint32
	GatewayIDs []string
}

// PeerList is who may call. It is immutable; a nil PeerList lets nobody in.
type PeerList struct {
	uids map[uint32]gateways
	gids map[uint32]gateways
	any  bool // development: whoever is on the list speaks for every gateway
}

type gateways map[string]bool

// NewPeerList makes a PeerList of entries. Entries for the same id add up.
func NewPeerList(entries []PeerEntry) *PeerList {
	l := &PeerList{uids: map[uint32]gateways{}, gids: map[uint32]gateways{}}
	for _, e := range entries {
		if e.UID != nil {
			l.uids[*e.UID] = l.uids[*e.UID].with(e.GatewayIDs)
		}
		if e.GID != nil {
			l.gids[*e.GID] = l.gids[*e.GID].with(e.GatewayIDs)
		}
	}
	return l
}

// SameUser lets one uid speak for every gateway: development only, for there is
// no trust boundary between a process and itself.
func SameUser(uid uint32) *PeerList {
	return &PeerList{uids: map[uint32]gateways{uid: {}}, any: true}
}

func (g gateways) with(ids []string) gateways {
	if g == nil {
		g = gateways{}
	}
	for _, id := range ids {
		g[id] = true
	}
	return g
}

// Entries returns the list again: one entry an id, uids first, in the order of numbers.
func (l *PeerList) Entries() []PeerEntry {
	var all []PeerEntry
	for _, id := range slices.Sorted(maps.Keys(l.uids)) {
		all = append(all, PeerEntry{UID: &id, GatewayIDs: slices.Sorted(maps.Keys(l.uids[id]))})
	}
	for _, id := range slices.Sorted(maps.Keys(l.gids)) {
		all = append(all, PeerEntry{GID: &id, GatewayIDs: slices.Sorted(maps.Keys(l.gids[id]))})
	}
	return all
}

// Matches reports whether a process is meant.
func (e PeerEntry) Matches(c Credentials) bool {
	return e.UID != nil && *e.UID == c.UID || e.GID != nil && *e.GID == c.GID
}

// Allows reports whether a process may call at all.
func (l *PeerList) Allows(c Credentials) bool {
	if l == nil || !c.named() {
		return false
	}
	_, byUID := l.uids[c.UID]
	_, byGID := l.gids[c.GID]
	return byUID || byGID
}

// MaySpeakFor reports whether a process may ask about a gateway.
func (l *PeerList) MaySpeakFor(c Credentials, gatewayID string) bool {
	if !l.Allows(c) {
		return false
	}
	return l.any || l.uids[c.UID][gatewayID] || l.gids[c.GID][gatewayID]
}
