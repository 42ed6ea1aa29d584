// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
)

// revokeFlags are the options of trust revoke.
type revokeFlags struct {
	ceremonyFlags
	documents, attestations []string
	publicKeys, keySHA256   []string
	issuer, san             string
	reason                  string
	stageOnly               bool
	outputs                 []string
}

func newTrustRevokeCommand(env *Env) *cobra.Command {
	f := &revokeFlags{}
	cmd := &cobra.Command{
		Use:   "revoke --dir DIR --public-key FILE --reason TEXT",
		Short: "Take away a document, an attestation, a key or an identity",
		Long: `Adds entries to revocations.json and publishes it with the keys of the revocation
role, snapshot and timestamp, also while another change collects signatures. A
revocation can only take away, and what a driver has once seen revoked stays so,
whatever later lists say; only restored in authorities.json ends it.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return revoke(env, f) },
	}
	f.ceremonyFlags.register(cmd)
	f.registerKeys(cmd)
	fl := cmd.Flags()
	fl.StringArrayVar(&f.documents, "document", nil, "sha256 of a document, in hex (repeatable)")
	fl.StringArrayVar(&f.attestations, "attestation", nil, "sha256 of an attestation, as sigdriver sign and inspect print it (repeatable)")
	fl.StringArrayVar(&f.publicKeys, "public-key", nil, "a signer's PEM public key (repeatable)")
	fl.StringArrayVar(&f.keySHA256, "key-sha256", nil, "sha256 of a signer's SubjectPublicKeyInfo, in hex (repeatable)")
	fl.StringVar(&f.issuer, "certificate-oidc-issuer", "", "the issuer of a revoked identity")
	fl.StringVar(&f.san, "certificate-identity", "", "the name of a revoked identity")
	fl.StringVar(&f.reason, "reason", "", "why, for people")
	fl.BoolVar(&f.stageOnly, "stage", false, "stage it for others to sign")
	cmd.MarkFlagsRequiredTogether("certificate-oidc-issuer", "certificate-identity")
	_ = cmd.MarkFlagRequired("reason") // fails only for a flag that does not exist
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func revoke(env *Env, f *revokeFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	folder := f.folder(env)
	entries, err := f.entries(folder)
	if err != nil {
		return err
	}
	result, err := folder.Revoke(entries, f.stageOnly)
	return f.finish(env, out, result, err)
}

// entries turns the options into entries, in their order.
func (f *revokeFlags) entries(folder *ceremony.Folder) ([]ceremony.Revocation, error) {
	entries := []ceremony.Revocation{}
	digests := f.keySHA256
	for _, file := range f.publicKeys {
		digest, err := folder.SignerSHA256(file)
		if err != nil {
			return nil, trustError(err)
		}
		digests = append(digests, digest)
	}
	for _, list := range []struct {
		kind   string
		values []string
	}{{"document", f.documents}, {"attestation", f.attestations}, {"key", digests}} {
		for _, value := range list.values {
			if raw, err := hex.DecodeString(value); err != nil || len(raw) != sha256.Size || hex.EncodeToString(raw) != value {
				return nil, usageError(fmt.Errorf("%.80q is no sha256 of a %s", value, list.kind), "give 64 hexadecimal digits in lower case, without sha256: before them")
			}
			entries = append(entries, ceremony.Revocation{Kind: list.kind, SHA256: value, Reason: f.reason})
		}
	}
	if f.issuer != "" {
		entries = append(entries, ceremony.Revocation{Kind: "identity", Issuer: f.issuer, SAN: f.san, Reason: f.reason})
	}
	if len(entries) == 0 {
		return nil, usageError(errors.New("nothing to revoke"), "give --document, --attestation, --public-key, --key-sha256 or --certificate-identity")
	}
	return entries, nil
}
