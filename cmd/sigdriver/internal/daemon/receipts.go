// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"path/filepath"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/attest"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// openReceipts opens the driver's own key, if it has one.
func (d *driver) openReceipts(context.Context) error {
	key, err := d.conf.AttestKey()
	if err != nil || key == nil {
		return err
	}
	sequence, err := attest.OpenSequence(disk.OS{}, filepath.Join(d.conf.StateDir, "receipts"))
	if err != nil {
		return d.conf.Fault("state_dir", err, "receipts must not be numbered twice")
	}
	id := receipt.Driver{ID: d.conf.Attest.DriverID, Version: version.Driver, Revision: version.Revision()}
	d.attest = attest.New(id, key, sequence)
	d.logger.Info("signing receipts", "driver", hclog.Quote(id.ID), "key", key.ID())
	return nil
}
