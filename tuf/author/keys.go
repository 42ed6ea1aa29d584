// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Keyholders are who holds a role: the keys that may sign for it, and how many of
// them must. The zero Keyholders are refused.
type Keyholders struct {
	Keys      []crypto.PublicKey // Ed25519 or ECDSA P-256
	Threshold int                // 1 … len(Keys)
}

// KeyholdersError says why a role cannot be held like that.
type KeyholdersError struct {
	Role    string
	Problem string
}

func (e *KeyholdersError) Error() string { return fmt.Sprintf("role %q: %s", e.Role, e.Problem) }

// KeyID returns the id under which TUF metadata lists a public key. Only Ed25519
// and ECDSA P-256 keys have one.
func KeyID(public crypto.PublicKey) (string, error) {
	id, _, err := roleKey(public)
	return id, err
}

// roleKey turns a public key into its form in metadata.
func roleKey(public crypto.PublicKey) (string, *metadata.Key, error) {
	switch k := public.(type) {
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return "", nil, fmt.Errorf("an Ed25519 key of %d bytes, want %d", len(k), ed25519.PublicKeySize)
		}
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return "", nil, fmt.Errorf("an ECDSA key on %s: use P-256 or Ed25519", k.Curve.Params().Name)
		}
	default:
		return "", nil, fmt.Errorf("a key of type %T: use ECDSA P-256 or Ed25519", public)
	}
	key, err := metadata.KeyFromPublicKey(public)
	if err != nil {
		return "", nil, err
	}
	id, err := key.ID()
	return id, key, err
}

// publicKey reads a key back from metadata. It refuses what go-tuf would panic on.
func publicKey(key *metadata.Key) (crypto.PublicKey, error) {
	if key == nil {
		return nil, fmt.Errorf("an empty key")
	}
	if key.Type == metadata.KeyTypeEd25519 {
		raw, err := hex.DecodeString(key.Value.PublicKey)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("an Ed25519 key that is not %d bytes of hex", ed25519.PublicKeySize)
		}
	}
	public, err := key.ToPublicKey()
	if err != nil {
		return nil, err
	}
	_, _, err = roleKey(public)
	return public, err
}

// inMetadata checks the keyholders and returns their keys as metadata lists them.
func (h Keyholders) inMetadata(role string) ([]string, map[string]*metadata.Key, error) {
	ids := make([]string, 0, len(h.Keys))
	keys := make(map[string]*metadata.Key, len(h.Keys))
	for _, public := range h.Keys {
		id, key, err := roleKey(public)
		if err != nil {
			return nil, nil, &KeyholdersError{role, err.Error()}
		}
		// An id is the digest of the key: one key twice has one id.
		if keys[id] != nil {
			return nil, nil, &KeyholdersError{role, fmt.Sprintf("key %s is listed twice: each holder needs a key of their own", shortID(id))}
		}
		ids, keys[id] = append(ids, id), key
	}
	if h.Threshold < 1 || h.Threshold > len(ids) {
		return nil, nil, &KeyholdersError{role, fmt.Sprintf("threshold %d with %d keys: it must be between 1 and the number of keys", h.Threshold, len(ids))}
	}
	return ids, keys, nil
}

// shortID is enough of a key id for people to tell keys apart.
func shortID(id string) string { return id[:min(len(id), 12)] }

// metaSigner lends a crypto.Signer to go-tuf, which signs with nothing else. The
// key may live in a file, an agent or a token.
type metaSigner struct{ key crypto.Signer }

// PublicKey implements signature.Signer.
func (s metaSigner) PublicKey(...signature.PublicKeyOption) (crypto.PublicKey, error) {
	return s.key.Public(), nil
}

// SignMessage implements signature.Signer: Ed25519 over the message, ECDSA over
// its SHA-256.
func (s metaSigner) SignMessage(message io.Reader, _ ...signature.SignOption) ([]byte, error) {
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(message); err != nil {
		return nil, err
	}
	if _, ok := s.key.Public().(ed25519.PublicKey); ok {
		return s.key.Sign(rand.Reader, buf.Bytes(), crypto.Hash(0))
	}
	digest := sha256.Sum256(buf.Bytes())
	return s.key.Sign(rand.Reader, digest[:], crypto.SHA256)
}
