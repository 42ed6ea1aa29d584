// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build pkcs11

package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys/softhsm"
)

func TestPKCS11(t *testing.T) {
	token := softhsm.New(t)
	made, err := Generate(ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := made.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	token.Import("receipts", "01", plain)
	// First, since whoever is logged in is not asked again.
	wrong := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(wrong, []byte("0000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPKCS11(strings.Replace(token.URI("receipts"), token.PINFile, wrong, 1), nil); err == nil {
		t.Error("a wrong PIN opens it")
	}
	key, err := OpenPKCS11(token.URI("receipts"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if asked, err := Open(strings.Replace(token.URI("receipts"), "&pin-source=file:"+token.PINFile, "", 1), fixed(softhsm.PIN)); err != nil || asked.ID() != key.ID() {
		t.Errorf("with a PIN that was asked for: %v", err)
	}
	if key.ID() != made.ID() || !bytes.Equal(key.PublicPEM(), made.PublicPEM()) || key.Algorithm() != ECDSAP256 {
		t.Errorf("it is another key: %s", key.ID())
	}
	if _, err := key.Marshal(nil); err == nil {
		t.Error("the private key left the token")
	}
	public, err := x509.ParsePKIXPublicKey(key.SPKI())
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			message := bytes.Repeat([]byte{byte(i)}, 1000)
			sig, err := key.Sign(message)
			if sum := sha256.Sum256(message); err != nil || !ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), sum[:], sig) {
				t.Errorf("signature %d: %v", i, err)
			}
		})
	}
	group.Wait()

	ed, err := Generate(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err = ed.Marshal(nil); err != nil {
		t.Fatal(err)
	}
	token.Import("edwards", "02", plain)
	for _, id := range []string{"03", "04"} {
		twice, err := Generate(ECDSAP256)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err = twice.Marshal(nil); err != nil {
			t.Fatal(err)
		}
		token.Import("twice", id, plain)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte(softhsm.PIN), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, uri := range map[string]string{
		"no such key":   token.URI("nobody"),
		"two of a name": token.URI("twice"),
		"another kind":  token.URI("edwards"),
		"no such token": strings.Replace(token.URI("receipts"), "token=", "token=not-", 1),
		"no module":     strings.Replace(token.URI("receipts"), "module-path=", "module-path=/nowhere", 1),
		"no PIN":        strings.Replace(token.URI("receipts"), token.PINFile, "/nowhere/pin", 1),
		"a PIN for all": strings.Replace(token.URI("receipts"), token.PINFile, open, 1),
		"no URI":        "pkcs11:",
		"nobody to ask": strings.Replace(token.URI("receipts"), "&pin-source=file:"+token.PINFile, "", 1),
	} {
		if _, err := OpenPKCS11(uri, nil); err == nil || strings.Contains(err.Error(), softhsm.PIN) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
