// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"unicode/utf8"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/internal/printable"
	"github.com/sigdriver/sigdriver/verifier"
)

const makeReceiptKey = "make one with `openssl genpkey -algorithm ed25519 -out receipts.key`"

func (c *Config) checkAttest() error {
	a := c.Attest
	switch {
	case a == AttestConfig{}:
		return nil
	case a.DriverID == "":
		return c.fault("attest.driver_id", "choose a name for this driver, the one that drivers.json will have", "is required")
	case len(a.DriverID) > verifier.MaxName || !utf8.ValidString(a.DriverID) || !printableID(a.DriverID):
		return c.fault("attest.driver_id", "choose a short name", "must be 1 to %d bytes without spaces and control characters", verifier.MaxName)
	case a.Key == "":
		return c.fault("attest.key", makeReceiptKey, "is required")
	case keys.IsPKCS11(a.Key):
		if err := keys.CheckPKCS11(a.Key); err != nil {
			return c.Fault("attest.key", err, "see docs/config.md, or name a PEM file")
		}
		return nil
	}
	return c.checkPath("attest.key", a.Key, true)
}

func printableID(s string) bool {
	for _, r := range s {
		if r == ' ' || !printable.Shows(r) {
			return false
		}
	}
	return true
}

// AttestKey opens the key of receipts; nil when the driver signs none.
func (c *Config) AttestKey() (*keys.Key, error) {
	switch {
	case c.Attest.Key == "":
		return nil, nil
	case keys.IsPKCS11(c.Attest.Key):
		key, err := keys.OpenPKCS11(c.Attest.Key, nil)
		if err != nil {
			return nil, c.Fault("attest.key", err, "mend the URI or the token, or name a PEM file")
		}
		return key, nil
	}
	key, err := c.ownKey("attest.key", c.Attest.Key, makeReceiptKey)
	if err == nil && key.Algorithm() != keys.Ed25519 && key.Algorithm() != keys.ECDSAP256 {
		return nil, c.fault("attest.key", makeReceiptKey, "supervisors know Ed25519 and ECDSA P-256, and this key signs by %s", key.Algorithm())
	}
	return key, err
}
