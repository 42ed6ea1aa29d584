// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package demo plays the whole job on one machine: people approve, trust is
// published, the real driver runs as a process of its own, and a gateway asks.
// An auditor decides all of it again. Every verdict is announced before it is asked
// for; one that differs fails the demo.
//
// The world that it plays in is a [Lab]: nothing in it is imitated but the gateway.
// The benchmark in demo/bench measures in the same world.
package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"time"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
)

// samples are a sandbox policy and two provider profiles in OpenShell's shape.
//
//go:embed samples/*.json
var samples embed.FS

// limit bounds the whole demo.
const limit = 60 * time.Second

// ErrDiffers says that a verdict was not the one announced.
var ErrDiffers = errors.New("a verdict differs from what was announced")

// play is one performance.
type play struct {
	ctx     context.Context
	out     io.Writer
	lab     *Lab
	driver  *Driver
	gateway *Gateway
	trust   *trust
	watch   signingv1.PolicySigningDriver_WatchTrustClient
	epoch   uint64
	docs    documents
	logKey  string          // as auditors pin it
	entries map[uint64]bool // that answers pointed at
	differs int
}

// Run plays the demo with the given sigdriver binary and tells the story on out.
// The error is ErrDiffers or what kept the demo from being played.
func Run(ctx context.Context, binary string, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	world, err := NewLab(binary)
	if err != nil {
		return err
	}
	p := &play{ctx: ctx, out: out, lab: world, entries: map[uint64]bool{}}
	defer func() { err = errors.Join(err, p.end()) }()
	for _, act := range []func() error{
		p.setUpTrust, p.approve, p.startDriver, p.askHonestly, p.askDishonestly, p.askForReceipt, p.changeTrust, p.audit,
	} {
		if err := act(); err != nil {
			return err
		}
	}
	if p.differs > 0 {
		return ErrDiffers
	}
	p.say("\nEvery verdict was as announced.\n")
	return nil
}

// end stops the driver and removes the folder.
func (p *play) end() error { return errors.Join(p.stopDriver(), p.lab.Close()) }

// stopDriver stops the driver, where it runs.
func (p *play) stopDriver() (err error) {
	if p.gateway != nil {
		err = p.gateway.Close()
	}
	if p.driver != nil {
		err = errors.Join(err, p.driver.Stop())
	}
	p.gateway, p.driver = nil, nil
	return err
}

func (p *play) say(format string, args ...any) { fmt.Fprintf(p.out, format, args...) }

// act opens an act with its title.
func (p *play) act(title string) { p.say("\n%s\n", title) }

// command shows and runs one sigdriver command.
func (p *play) command(args ...string) error {
	p.say("   $ sigdriver")
	for _, a := range args {
		p.say(" %s", shell(a))
	}
	p.say("\n")
	_, err := p.lab.Run(p.ctx, args...)
	return err
}

// startDriver starts the real driver and connects to it as a gateway.
func (p *play) startDriver() error {
	p.act("3. The driver runs beside the gateway, as its own process")
	logConfig, err := p.logConfig()
	if err != nil {
		return err
	}
	config, socket, err := p.lab.WriteConfig(gatewayID, p.attestConfig()+logConfig)
	if err != nil {
		return err
	}
	if err := p.pinLog(config); err != nil {
		return err
	}
	p.say("   $ sigdriver serve --config sigdriver.toml\n")
	if p.driver, err = p.lab.Start(p.ctx, config, socket); err != nil {
		return err
	}
	if p.gateway, err = Dial(socket); err != nil {
		return err
	}
	if p.watch, err = p.gateway.WatchTrust(p.ctx, &signingv1.WatchTrustRequest{}); err != nil {
		return err
	}
	if err := p.awaitEpoch(1); err != nil {
		return err
	}
	p.say("   process %d listens on a Unix socket; trust epoch %d\n", p.driver.PID(), p.epoch)
	return nil
}

// awaitEpoch waits until the driver serves trust of an epoch, or a later one.
func (p *play) awaitEpoch(epoch uint64) error {
	for p.epoch < epoch {
		state, err := p.watch.Recv()
		if err != nil {
			return fmt.Errorf("waiting for trust epoch %d: %w", epoch, err)
		}
		p.epoch = state.GetEpoch()
	}
	return nil
}
