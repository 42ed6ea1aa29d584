// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && pkcs11

package daemon

import (
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys/softhsm"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/receipt"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// A driver whose receipt key never leaves its token.
func TestReceiptsFromToken(t *testing.T) {
	token := softhsm.New(t)
	key := verifiertest.NewKey("east-1", verifier.ECDSAP256)
	token.Import("receipts", "01", key.PrivatePEM())
	w := newWorld(t)
	w.configure("[attest]\ndriver_id = \"east-1\"\nkey = \"" + token.URI("receipts") + "\"\n")
	if _, err := checked(w.path("sigdriver.toml")); err != nil {
		t.Fatal(err)
	}
	w.start()
	for i := range byte(3) {
		w.receipt(compose(5), i, []receipt.Key{{Public: key.Public(), Driver: "east-1"}})
	}
}
