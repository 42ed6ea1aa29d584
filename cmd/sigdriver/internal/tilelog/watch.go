// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"context"
	"time"
)

// watch sees how far the checkpoint is, until ctx ends. It says when entries wait
// too long for one, and when that is over.
func (l *Log) watch(ctx context.Context) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	late := false
	for {
		l.look(time.Now())
		if since := l.Status().Since; late != (!since.IsZero() && time.Since(since) >= maxLag) {
			late = !late
			if late {
				l.opts.Logger.Error("entries wait for a checkpoint", "entries", l.journal.Head().Size-l.covered.Load(), "since", since)
			} else {
				l.opts.Logger.Info("the checkpoint covers all entries again")
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look reads the checkpoint while it does not cover everything.
func (l *Log) look(now time.Time) {
	size := l.journal.Head().Size
	if l.covered.Load() < size || l.witness.curious() {
		if c, err := l.readCheckpoint(); err == nil && c.Origin != "" {
			l.covered.Store(c.Size)
			l.witness.published(l.dir)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.status.Since.IsZero() && l.covered.Load() < l.waits {
		return // it still waits
	}
	l.waits, l.status.Since = size, time.Time{}
	if l.covered.Load() < size {
		l.status.Since = now
	}
}
