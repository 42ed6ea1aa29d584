// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
)

// notify tells systemd, where it started us, how we are.
func (d *driver) notify(state string) {
	if err := socket.Notify(state); err != nil {
		d.logger.Warn("systemd was not told", "state", state, "error", err)
	}
}

// watchdog ticks as often as systemd wants to hear of us; never where it does not.
func (d *driver) watchdog() (tick <-chan time.Time, stop func()) {
	every := socket.WatchdogInterval()
	if every <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(every)
	return t.C, t.Stop
}
