// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package daemon puts the driver together from its configuration: it opens what
// must survive a restart, loads trust, makes the socket, serves, and takes all of it
// down in order. Operators watch it on a listener of its own, with metrics and
// probes, that never leaves the machine.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/verifier"
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

// Check reads a configuration and looks at everything that it names, without
// changing any of it. The notes are lines for whoever asked. The error is a
// *StartError.
func Check(configFile string) (notes []string, err error) {
	conf, err := LoadConfig(configFile)
	if err == nil {
		err = check(conf)
	}
	if err == nil {
		notes, err = describe(conf)
	}
	if err != nil {
		return nil, &StartError{err}
	}
	return notes, nil
}

// describe says what others need to know of this driver.
func describe(conf *Config) ([]string, error) {
	key, err := conf.LogKey()
	if err != nil {
		return nil, err
	}
	notes := []string{"no transparency log: [transparency] names no key"}
	if key != nil {
		notes = []string{"transparency log: auditors pin " + key.VKey()}
	}
	if low := conf.lowOnDisk(); low != "" {
		notes = append(notes, low)
	}
	return append(notes, conf.passedOver()...), nil
}

// surveyTime bounds how long the local attestations are looked at.
const surveyTime = 20 * time.Second

// passedOver has a line for each path of the local folder that the driver would not use, by
// the trust that it would start with.
func (c *Config) passedOver() []string {
	if c.Attestations.Dir == "" {
		return nil
	}
	x := trust.NewIndex(c.Attestations.Dir, time.Now, hclog.NewNullLogger())
	var notes []string
	t, err := c.acceptedTrust()
	if err == nil {
		x.SetTrust(t, nil)
	}
	ctx, cancel := context.WithTimeout(context.Background(), surveyTime)
	defer cancel()
	if !x.Fill(ctx) {
		notes = append(notes, "attestations.dir: there is more to check than was looked at")
	}
	list := x.PassedOver()
	if _, files := x.Current().Size(); files > len(list) && err != nil {
		notes = append(notes, "attestations.dir: no trust was accepted yet, so what the files prove is not known")
	}
	switch n := len(list); n {
	case 0:
	case 1:
		notes = append(notes, "attestations.dir: 1 path is passed over")
	default:
		notes = append(notes, fmt.Sprintf("attestations.dir: %d paths are passed over", n))
	}
	for _, p := range list {
		notes = append(notes, strings.TrimSuffix(fmt.Sprintf("%s: %s: %s", p.Path, p.Reason, p.Detail), ": "))
	}
	return notes
}

// acceptedTrust reads the trust that a driver accepted last, without its lock.
func (c *Config) acceptedTrust() (*verifier.Trust, error) {
	root, err := c.PinnedRoot()
	if err != nil {
		return nil, err
	}
	snapshot, note, err := tuf.AsOf(c.StateDir, root, time.Now())
	if err != nil {
		return nil, err
	}
	src := trust.Source(snapshot, note)
	src.DriverVersion = version.Driver
	return verifier.ParseTrust(src)
}

func check(conf *Config) error {
	if err := conf.CheckPlaces(); err != nil {
		return err
	}
	root, err := conf.PinnedRoot()
	if err != nil {
		return err
	}
	if err := tuf.CheckRoot(root); err != nil {
		return trustFault(conf, err)
	}
	_, err = connections(conf)
	return err
}

// Run serves until the context ends or SIGTERM or SIGINT comes, then finishes
// the calls under way and returns nil. SIGHUP reads the configuration again. An
// error before it serves is a *StartError.
func Run(ctx context.Context, o Options) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)

	d := &driver{options: o}
	if err := d.start(ctx); err != nil {
		return errors.Join(&StartError{err}, d.close())
	}
	err := d.serve(ctx, hangup)
	return errors.Join(err, d.close())
}
