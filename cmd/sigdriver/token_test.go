// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && pkcs11

package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys/softhsm"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// TestTokenScripts plays testdata/token/*.txtar: approvals and roles of TUF by keys that
// never leave a token, which is a YubiKey for people. BOB and ROOT are their URIs, and
// ASKED is BOB without a pin-source.
func TestTokenScripts(t *testing.T) {
	token := softhsm.New(t)
	token.Import("bob", "01", verifiertest.Person("bob").PrivatePEM())
	root := verifiertest.NewKey("root-holder", verifier.ECDSAP256)
	token.Import("root", "02", root.PrivatePEM())
	w := newWorld(t)
	w.things["token"] = map[string][]byte{"root.pub": []byte(root.PEM())}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/token",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SOFTHSM2_CONF", os.Getenv("SOFTHSM2_CONF"))
			env.Setenv("BOB", token.URI("bob"))
			env.Setenv("ROOT", token.URI("root"))
			env.Setenv("ASKED", token.Asked("bob"))
			env.Setenv("PIN", softhsm.PIN)
			return setup(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "world": w.write},
	})
}
