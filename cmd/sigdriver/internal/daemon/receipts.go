// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// openReceipts opens the driver's own key, if it has one.
func (d *driver) openReceipts(context.Context) error {
	key, err := d.conf.AttestKey()
	if err != nil || key == nil {
		return err
	}
	if slices.Contains(d.reserved(), sha256.Sum256(key.SPKI())) {
		return d.conf.Fault("attest.key", errors.New("CONFIG_INVALID: it signs the transparency log, too"), "give receipts a key of their own")
	}
	sequence, err := server.OpenReceiptSequence(disk.OS{}, filepath.Join(d.conf.StateDir, "receipts"))
	if err != nil {
		return d.conf.Fault("state_dir", err, "receipts must not be numbered twice")
	}
	id := receipt.Driver{ID: d.conf.Attest.DriverID, Version: version.Driver, Revision: version.Revision()}
	d.attest = server.NewReceiptSigner(id, key, sequence)
	d.reserve("attest.key", key.SPKI())
	d.logger.Info("signing receipts", "driver", hclog.Quote(id.ID), "key", key.ID())
	return nil
}

// ownKey is a key that the driver signs with itself, and where the configuration
// names it.
type ownKey struct {
	setting string
	spki    [32]byte
}

// reserve keeps a key of the driver's own from approving policies.
func (d *driver) reserve(setting string, spki []byte) {
	d.own = append(d.own, ownKey{setting, sha256.Sum256(spki)})
}

func (d *driver) reserved() [][32]byte {
	var all [][32]byte
	for _, k := range d.own {
		all = append(all, k.spki)
	}
	return all
}

// reservedFault blames the setting when the trust in use lists its key.
func (d *driver) reservedFault(err error) error {
	var reserved *verifier.ReservedKeyError
	if !errors.As(err, &reserved) {
		return err
	}
	for _, k := range d.own {
		if k.spki == reserved.SPKI {
			return d.conf.Fault(k.setting, fmt.Errorf("CONFIG_INVALID: %w", reserved), "one key must not both approve policies and sign what was decided")
		}
	}
	return err
}

// warnUnlisted says when nobody can learn from trust whose receipts these are.
func (d *driver) warnUnlisted() {
	trust := d.keeper.Current().Trust
	if d.attest == nil || trust == nil {
		return
	}
	if slices.ContainsFunc(d.reserved(), func(spki [32]byte) bool { return d.conf.receiptKeyIn(trust, spki) }) {
		return
	}
	d.logger.Warn("the receipt key is not in drivers.json under this driver's id: nobody can learn it from trust", "driver", hclog.Quote(d.conf.Attest.DriverID))
}

// receiptKeyIn reports whether trust lists a key under this driver's id.
func (c *Config) receiptKeyIn(trust *verifier.Trust, spki [32]byte) bool {
	return slices.ContainsFunc(trust.ReceiptKeys(), func(k verifier.ReceiptKey) bool { return k.Driver == c.Attest.DriverID && k.SPKI == spki })
}

// ReceiptKeyListed reports whether the trust that was accepted last lists a key under
// this driver's id; known is false while none was.
func (c *Config) ReceiptKeyListed(spki [32]byte) (listed, known bool) {
	trust, err := c.acceptedTrust()
	return err == nil && c.receiptKeyIn(trust, spki), err == nil
}
