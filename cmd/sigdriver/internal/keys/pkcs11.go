// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build pkcs11

package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/ThalesGroup/crypto11"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

const hasPKCS11 = true

// maxPIN bounds a file with a PIN in bytes.
const maxPIN = 256

// tokenWait bounds the wait for a free session of the token: a token that hangs
// must not hold every caller.
const tokenWait = 5 * time.Second

// OpenPKCS11 opens the one ECDSA P-256 key pair that a URI names, and lets it
// sign once, so that a key that cannot is found out now. ask supplies the PIN where the
// URI has no pin-source; nil for nobody to ask. The token stays open until the process
// ends.
func OpenPKCS11(uri string, ask Passphrase) (*Key, error) {
	where, err := parsePKCS11(uri)
	if err != nil {
		return nil, err
	}
	pin, err := where.pin(ask)
	if err != nil {
		return nil, err
	}
	token, err := crypto11.Configure(&crypto11.Config{
		Path: where.module, TokenLabel: where.token, Pin: string(bytes.TrimRight(pin, "\r\n")), PoolWaitTimeout: tokenWait,
	})
	if err != nil {
		return nil, fmt.Errorf("token %q: %w", where.token, err)
	}
	key, err := tokenPair(token, where.object)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("token %q, object %q: %w", where.token, where.object, err), token.Close())
	}
	return key, nil
}

// pin is the token's PIN: of the file that the URI names, or asked for.
func (k *tokenKey) pin(ask Passphrase) ([]byte, error) {
	if k.pinFile == "" {
		return passphraseOf(ask)
	}
	pin, err := disk.Read(disk.OS{}, k.pinFile, maxPIN)
	if err != nil {
		return nil, fmt.Errorf("pin-source: %w", err)
	}
	if info, err := (disk.OS{}).Stat(k.pinFile); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("pin-source: %q can be read by others: chmod 0600 it", k.pinFile)
	}
	return pin, nil
}

// tokenPair finds a key pair by its label. Two of one label are refused: which of
// them signs would be up to the token.
func tokenPair(token *crypto11.Context, label string) (*Key, error) {
	pairs, err := token.FindKeyPairs(nil, []byte(label))
	if err != nil {
		return nil, err
	}
	if len(pairs) != 1 {
		return nil, fmt.Errorf("%d key pairs have this label, and a CKA_ID on both halves: there must be exactly one", len(pairs))
	}
	public, ok := pairs[0].Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, errors.New("it is no ECDSA P-256 key")
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	key := &Key{signer: pairs[0], algorithm: ECDSAP256, spki: spki}
	return key, key.probe(public)
}
