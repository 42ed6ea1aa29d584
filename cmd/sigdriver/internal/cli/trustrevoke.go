// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/verifier"
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

// revocationEntry is one entry of revocations.json.
type revocationEntry struct {
	Kind   string `json:"kind"`
	SHA256 string `json:"sha256,omitempty"`
	Issuer string `json:"issuer,omitempty"`
	SAN    string `json:"san,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func revoke(env *Env, f *revokeFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	base, err := f.mustRepository()
	if err != nil {
		return err
	}
	staged, err := f.stage(base)
	if err != nil {
		return err
	}
	if staged != nil && f.stageOnly {
		return alreadyStaged(f.dir)
	}
	entries, err := f.entries(env)
	if err != nil {
		return err
	}
	list, err := addRevocations(base, entries)
	if err != nil {
		return err
	}
	change := author.Change{Files: map[string][]byte{"revocations.json": list}}
	if _, err := checkTrust(base, change.Files); err != nil {
		return err
	}
	names, err := f.openCeremony(env)
	if err != nil {
		return err
	}
	if change.Validity, err = names.validity(); err != nil {
		return err
	}
	s, err := author.NewStage(base, change, env.Now())
	if err != nil {
		return changeError(err)
	}
	notes := append(s.Warnings(), "a driver that starts anew knows only what is published: what is revoked for good must leave authorities.json as well")
	if f.stageOnly {
		return f.saveStage(env, s, notes, out)
	}
	return f.signAndCommit(env, s, staged, tuf.Roles(), notes, out)
}

// entries turns the options into entries, in their order.
func (f *revokeFlags) entries(env *Env) ([]revocationEntry, error) {
	entries := []revocationEntry{}
	digests := f.keySHA256
	for _, file := range f.publicKeys {
		digest, err := signerDigest(env, file)
		if err != nil {
			return nil, err
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
			entries = append(entries, revocationEntry{Kind: list.kind, SHA256: value, Reason: f.reason})
		}
	}
	if f.issuer != "" {
		entries = append(entries, revocationEntry{Kind: "identity", Issuer: f.issuer, SAN: f.san, Reason: f.reason})
	}
	if len(entries) == 0 {
		return nil, usageError(errors.New("nothing to revoke"), "give --document, --attestation, --public-key, --key-sha256 or --certificate-identity")
	}
	return entries, nil
}

// signerDigest is how revocations.json names a key.
func signerDigest(env *Env, file string) (string, error) {
	key, err := readAnyPublicKey(env, file)
	if err != nil {
		return "", err
	}
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:]), nil
}

// addRevocations returns the published list with more entries at its end.
func addRevocations(base *author.Repository, more []revocationEntry) ([]byte, error) {
	list := struct {
		Schema  string            `json:"schema"`
		Entries []json.RawMessage `json:"entries"`
	}{Schema: verifier.RevocationsSchema, Entries: []json.RawMessage{}}
	published, err := nextTarget(base, nil, "revocations.json")
	if err != nil {
		return nil, err
	}
	if published != nil {
		if err := json.Unmarshal(published, &list); err != nil {
			return nil, usageError(fmt.Errorf("the published revocations.json cannot be read: %w", err), "publish a whole list with `sigdriver trust publish --revocations FILE`")
		}
	}
	for _, entry := range more {
		data, err := json.Marshal(entry)
		if err != nil {
			return nil, err
		}
		list.Entries = append(list.Entries, data)
	}
	data, err := json.MarshalIndent(list, "", "  ")
	return append(data, '\n'), err
}
