// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"sync"
	"time"
)

// Why a refusal went out without an entry.
const (
	unrecordedBudget = "budget" // its peer's refusals are over their budget
	unrecordedFull   = "full"   // the disk has the reserve for ALLOWs left, or less
)

// unrecorded says that refusals went out without an entry: each in a metric, and a
// line once a minute for each reason and uid.
type unrecorded struct {
	mu     sync.Mutex
	minute time.Time
	said   map[said]bool
}

type said struct {
	why string
	uid uint32
}

// maxSaid bounds the lines of one minute.
const maxSaid = 32

func (u *unrecorded) hear(s *Server, why string, uid uint32, err error) {
	s.Metrics.Unrecorded(why)
	if u.first(said{why, uid}, time.Now()) {
		s.Logger.Warn("refusals go out unrecorded", "why", why, "uid", uid, "cause", err)
	}
}

func (u *unrecorded) first(key said, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(u.minute) {
		u.minute, u.said = minute, map[said]bool{}
	}
	if u.said[key] || len(u.said) >= maxSaid {
		return false
	}
	u.said[key] = true
	return true
}
