// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"time"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/verifier"
)

// trustExportDrivers writes the proof of drivers.json that supervisors read.
func trustExportDrivers(env *Env, f *trustFlags, out string) error {
	now := env.Now()
	snapshot, note, err := f.read(env, tuf.LoadOffline, now)
	if err != nil {
		return err
	}
	source := trustSource(snapshot, note)
	trust, err := verifier.ParseTrust(source)
	if err != nil {
		return unavailable(f.dir, err)
	}
	source.Revocations, source.Ratchet = nil, nil
	all, err := verifier.ParseTrust(source)
	if err != nil {
		return unavailable(f.dir, err)
	}
	if revoked := len(all.ReceiptKeys()) - len(trust.ReceiptKeys()); revoked > 0 {
		return &ExitError{Code: ExitDenied, Err: fmt.Errorf("drivers.json lists %s revoked, which a proof of it cannot say", plural(revoked, "key that is", "keys that are")),
			Remedy: "nothing was written; publish a drivers.json without them with `sigdriver trust publish --drivers drivers.json`"}
	}
	if len(trust.ReceiptKeys()) == 0 {
		return &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("the trust in %q names no receipt key", f.dir),
			Remedy: "nothing was written; publish the drivers' keys with `sigdriver trust publish --drivers drivers.json`"}
	}
	root, err := readPinnedRoot(env, f.root)
	if err != nil {
		return err
	}
	file, proven, err := tuf.ExportDrivers(f.dir, root, now)
	if err != nil {
		return unavailable(f.dir, err)
	}
	if err := writeFile(env, out, file); err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "Exported %s to %s; it holds until %s, or until root or targets is published anew\n",
		plural(len(trust.ReceiptKeys()), "receipt key", "receipt keys"), printable(out), proven.Expires.Format(time.RFC3339))
	return nil
}
