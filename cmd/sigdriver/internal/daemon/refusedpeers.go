// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
)

// maxRefusedUIDs bounds the warnings of one minute: a peer may come with many uids.
const maxRefusedUIDs = 32

// refusedPeers says of connections that were closed unread what an operator has to
// change, once for each uid and minute. Every one of them is counted.
type refusedPeers struct {
	logger  hclog.Logger
	metrics *Metrics
	now     func() time.Time

	mu     sync.Mutex
	minute time.Time
	said   map[uint32]bool
}

func newRefusedPeers(logger hclog.Logger, metrics *Metrics) *refusedPeers {
	return &refusedPeers{logger: logger, metrics: metrics, now: time.Now}
}

// refused hears of a connection that is about to be closed.
func (p *refusedPeers) refused(r socket.Refused) {
	p.metrics.Refused(string(r.Why))
	if !p.first(r.Peer.UID) {
		return
	}
	p.logger.Warn("a connection was refused: "+remedy(r), "why", string(r.Why), "uid", r.Peer.UID, "gid", r.Peer.GID, "process", r.Process())
}

// first reports whether a uid has had no warning this minute.
func (p *refusedPeers) first(uid uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if minute := p.now().Truncate(time.Minute); !minute.Equal(p.minute) {
		p.minute, p.said = minute, map[uint32]bool{}
	}
	if p.said[uid] || len(p.said) >= maxRefusedUIDs {
		return false
	}
	p.said[uid] = true
	return true
}

// remedy says what to change so that the peer may call, if it is the gateway.
func remedy(r socket.Refused) string {
	switch {
	case r.Why == socket.TooMany:
		return "it has as many connections as one uid may have; a gateway needs one"
	case r.Why == socket.Unknown:
		return "the kernel does not say who it is"
	case r.Peer.UID == socket.OverflowID || r.Peer.GID == socket.OverflowID:
		return fmt.Sprintf("id %d stands for everybody without one here; if it is the gateway, give its uid and gid a place in the driver's user namespace", socket.OverflowID)
	}
	return fmt.Sprintf("if it is the gateway, add a [[peer]] with uid = %d and its gateway_ids, and send SIGHUP", r.Peer.UID)
}
