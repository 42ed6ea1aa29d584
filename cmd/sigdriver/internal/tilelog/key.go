// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"crypto/ed25519"
	"fmt"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
)

// Key is a log's key: it signs the log's checkpoints, and nothing else. It is a
// note.Signer and a note.Verifier.
type Key struct {
	note.Verifier
	vkey string
	key  *keys.Key
}

// KeyError says why a key cannot sign a log.
type KeyError struct {
	Text, Remedy string
	Origin       bool // it is the log's name that is wrong
}

func (e *KeyError) Error() string { return e.Text }

// NewKey makes the key of the log called origin, as checkpoints spell it, of a
// private Ed25519 key.
func NewKey(origin string, k *keys.Key) (*Key, error) {
	public, ok := k.Signer().Public().(ed25519.PublicKey)
	if !ok {
		return nil, &KeyError{"a log is signed with Ed25519, and this is an " + k.Algorithm() + " key", "make one with `openssl genpkey -algorithm ed25519 -out log.key`", false}
	}
	vkey, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(vkey) // which looks at the name
	if err != nil {
		return nil, &KeyError{fmt.Sprintf("%.80q is no name for a log", origin), "write one such as \"example.com/sigdriver/gw-1\": no spaces, no +", true}
	}
	return &Key{Verifier: v, vkey: vkey, key: k}, nil
}

// VKey is the public key as the verifiers of signed notes read it: what an
// auditor pins.
func (k *Key) VKey() string { return k.vkey }

// SPKI is the public key as DER SubjectPublicKeyInfo.
func (k *Key) SPKI() []byte { return k.key.SPKI() }

// Sign implements note.Signer.
func (k *Key) Sign(msg []byte) ([]byte, error) { return k.key.Sign(msg) }

// NewWitnessVerifier reads the key of a witness (c2sp.org/tlog-cosignature), whose
// signatures hold the time at which it made them.
func NewWitnessVerifier(vkey string) (note.Verifier, error) {
	return fnote.NewVerifierForCosignatureV1(vkey)
}
