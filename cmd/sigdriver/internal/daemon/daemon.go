// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package daemon puts the driver together from its configuration: it opens what
// must survive a restart, loads trust, makes the socket, serves, and takes all of it
// down in order. Operators watch it on a listener of its own, with metrics and
// probes, that never leaves the machine.
package daemon

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
)

// Options say how `sigdriver serve` was called.
type Options struct {
	// ConfigFile is the configuration. Required.
	ConfigFile string
	// BindSocket makes the socket there instead, for a gateway that launched the
	// driver: development only. Only our own uid may call, about any gateway.
	BindSocket string
	// AcceptLostFloors is the operator's word that the memory that protects trust
	// against rollback is known to be lost. For one start only.
	AcceptLostFloors bool
	// RebuildFloors reads lost policy floors back from the journal. For one start only.
	RebuildFloors bool
	// AcceptClock is the operator's word that the wall clock is right, whatever higher
	// time was remembered. For one start only.
	AcceptClock bool
	// Log is where the log goes.
	Log io.Writer
	// Clock, if set, is the wall clock and the monotonic one: a test passes days.
	Clock func() (wall time.Time, mono time.Duration)
	// Ready, if set, is called once the socket takes calls.
	Ready func()
}

// StartError says that the driver does not start, and what an operator has to
// mend. It is no fault of the program.
type StartError struct{ Err error }

func (e *StartError) Error() string { return e.Err.Error() }
func (e *StartError) Unwrap() error { return e.Err }

// Run serves until the context ends or SIGTERM or SIGINT comes, then finishes
// the calls under way and returns nil. SIGHUP reads the configuration again. An
// error before it serves is a *StartError.
func Run(ctx context.Context, o Options) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)

	d := &driver{options: o, admission: server.NewAdmission()}
	if err := d.start(ctx); err != nil {
		return errors.Join(&StartError{err}, d.close())
	}
	err := d.serve(ctx, hangup)
	return errors.Join(err, d.close())
}
