// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

func newReceiptCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "receipt",
		Short: "Check what a driver signed about a policy it allowed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.Help(); err != nil {
				return err
			}
			return &ExitError{Code: ExitUsage}
		},
	}
	cmd.AddCommand(newReceiptVerifyCommand(env))
	return cmd
}

// receiptFlags are the options of receipt verify.
type receiptFlags struct {
	keys                  []string
	driver                string
	trust                 trustFlags
	nonce                 string
	target, sandboxID     string
	effective, settings   string
	minEpoch, minSequence uint64
	at                    string
	outputs               []string
}

func newReceiptVerifyCommand(env *Env) *cobra.Command {
	f := &receiptFlags{}
	cmd := &cobra.Command{
		Use:   "verify RECEIPT (--key FILE | --trust DIR --root FILE) --nonce HEX --target [GATEWAY:]WORKSPACE/NAME --sandbox-id ID --effective FILE",
		Short: "Check a receipt as a supervisor does, offline",
		Long: `A receipt is the envelope that the driver's Attest call answers with. It is taken
only if a pinned key signed it within the key's window, it is an ALLOW for a
composition, and nonce, place, effective policy and settings are the ones given
here. Keys are files, or come from the drivers.json that trust carries.

--effective and --settings name a canonical document, or its digest as sha256:HEX.
Where the gateway sends settings to the driver, --settings is needed; where it does
not, it must not be given.

A receipt holds for minutes. --as-of judges one as it was to be judged at that time,
with the trust that was then in force. --min-epoch and --min-sequence are what the
reader remembers of the receipt before: its epoch, and its sequence plus one.

Exit codes: 0 verified, 1 not verified, 2 usage, 4 trust is unavailable.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return receiptVerify(env, f, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.keys, "key", nil, "a pinned PEM public key of a driver (repeatable)")
	fl.StringVar(&f.driver, "driver", "", "take only receipts of the driver with this id")
	f.trust.register(cmd)
	fl.StringVar(&f.nonce, "nonce", "", "the nonce that the receipt was asked for with, in hex")
	fl.StringVar(&f.target, "target", "", "where it is to be enforced: [GATEWAY:]WORKSPACE/NAME")
	fl.StringVar(&f.sandboxID, "sandbox-id", "", "the sandbox's id (default: its name)")
	fl.StringVar(&f.effective, "effective", "", "the canonical effective policy, or sha256:HEX")
	fl.StringVar(&f.settings, "settings", "", "the canonical gateway settings, or sha256:HEX")
	fl.Uint64Var(&f.minEpoch, "min-epoch", 0, "the trust epoch that it may not be below")
	fl.Uint64Var(&f.minSequence, "min-sequence", 0, "the sequence that it may not be below")
	fl.StringVar(&f.at, "as-of", "", "judge it at this time, as 2026-01-02T15:04:05Z")
	fl.StringArrayVarP(&f.outputs, "output", "o", []string{"text"}, "text or json, with =FILE to write to a file (repeatable)")
	for _, name := range []string{"nonce", "target", "effective"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
	cmd.MarkFlagsOneRequired("key", "trust")
	cmd.MarkFlagsMutuallyExclusive("key", "trust")
	cmd.MarkFlagsRequiredTogether("trust", "root")
	return cmd
}

func receiptVerify(env *Env, f *receiptFlags, path string) error {
	sinks, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	want, err := f.want(env)
	if err != nil {
		return err
	}
	data, err := readFile(env, path, "receipt", receipt.MaxEnvelope)
	if err != nil {
		return err
	}
	r := &receiptReport{MediaType: ReceiptMediaType}
	statement, err := receipt.Verify(data, *want)
	if err == nil {
		r.Result, r.Statement = "VERIFIED", statement
	} else if !errors.As(err, &r.refusal) {
		return err // it never is another error
	} else {
		r.Result, r.Finding, r.Detail = "REFUSED", r.refusal.Finding, r.refusal.Text
	}
	if err := sinks.writeAll(env, r, r.print); err != nil {
		return err
	}
	if r.refusal != nil {
		return &ExitError{Code: ExitDenied}
	}
	return nil
}

// want reads what the receipt must say.
func (f *receiptFlags) want(env *Env) (*receipt.Want, error) {
	target, err := readTarget(f.target)
	if err != nil {
		return nil, err
	}
	w := &receipt.Want{MinEpoch: f.minEpoch, MinSequence: f.minSequence, Now: env.Now()}
	w.Target = receipt.Target{GatewayID: target.GatewayID, Workspace: target.Workspace, Name: target.Name, SandboxID: f.sandboxID}
	if f.sandboxID == "" {
		w.Target.SandboxID = target.Name
	}
	if w.Nonce, err = hex.DecodeString(f.nonce); err != nil || len(w.Nonce) < receipt.MinNonce || len(w.Nonce) > receipt.MaxNonce {
		return nil, usageError(fmt.Errorf("--nonce %.140q is no nonce", f.nonce), fmt.Sprintf("give the %d to %d bytes that were sent with the question, as hex digits", receipt.MinNonce, receipt.MaxNonce))
	}
	if w.EffectiveSHA256, err = fileOrDigest(env, f.effective, "effective policy", verifier.MaxEffective); err != nil {
		return nil, err
	}
	if f.settings != "" {
		if w.SettingsSHA256, err = fileOrDigest(env, f.settings, "settings", verifier.MaxBody); err != nil {
			return nil, err
		}
	}
	if f.at != "" {
		if w.Now, err = readTime("--as-of", f.at); err != nil {
			return nil, err
		}
	}
	w.Keys, err = f.pinned(env, w.Now)
	return w, err
}

// fileOrDigest is the digest of a file, or the one that is written out.
func fileOrDigest(env *Env, name, what string, limit int) (sum [32]byte, err error) {
	if digits, ok := strings.CutPrefix(name, "sha256:"); ok {
		raw, err := hex.DecodeString(digits)
		if err != nil || len(raw) != len(sum) {
			return sum, usageError(fmt.Errorf("%.80q is no digest", name), "write it as sha256: and 64 hex digits")
		}
		return [32]byte(raw), nil
	}
	data, err := readFile(env, name, what, limit)
	return sha256.Sum256(data), err
}

// maxPublicKey bounds a public key in bytes.
const maxPublicKey = 64 << 10

// pinned are the keys that may have signed: from files, or from trust.
func (f *receiptFlags) pinned(env *Env, now time.Time) ([]receipt.Key, error) {
	var keys []receipt.Key
	for _, path := range f.keys {
		text, err := readFile(env, path, "public key", maxPublicKey)
		if err != nil {
			return nil, err
		}
		key, err := receipt.ParseKey(text)
		if err != nil {
			return nil, usageError(fmt.Errorf("%q cannot sign receipts: %w", path, err), ceremony.PublicKeyRemedy)
		}
		key.Driver = f.driver
		keys = append(keys, key)
	}
	if f.trust.dir == "" {
		return keys, nil
	}
	trust, err := f.trust.load(env, now, f.at != "")
	if err != nil {
		return nil, err
	}
	for _, k := range trust.ReceiptKeys() {
		if f.driver == "" || f.driver == k.Driver {
			keys = append(keys, receipt.Key{Public: k.Public, Driver: k.Driver, NotBefore: k.NotBefore, NotAfter: k.NotAfter})
		}
	}
	if len(keys) == 0 {
		return nil, &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("the trust in %q names no receipt key for it", f.trust.dir),
			Remedy: "nothing was verified; publish the driver's key with `sigdriver trust publish --drivers drivers.json`"}
	}
	return keys, nil
}
