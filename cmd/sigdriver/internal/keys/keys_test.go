// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

func fixed(passphrase string) Passphrase {
	return func() ([]byte, error) { return []byte(passphrase), nil }
}

func TestRoundTrip(t *testing.T) {
	t.Parallel() // scrypt is slow on purpose
	for _, algorithm := range []string{ECDSAP256, Ed25519} {
		key, err := Generate(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		for _, passphrase := range [][]byte{nil, []byte("correct horse")} {
			text, err := key.Marshal(passphrase)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "k.key")
			if err := Write(nil, path, text); err != nil {
				t.Fatal(err)
			}
			back, err := Load(path, fixed("correct horse"))
			if err != nil {
				t.Fatal(err)
			}
			if back.ID() != key.ID() || back.Algorithm() != algorithm || !bytes.Equal(back.PublicPEM(), key.PublicPEM()) {
				t.Errorf("%s: another key came back", algorithm)
			}
		}
	}
	if _, err := Generate("rsa"); err == nil {
		t.Error("Generate made a key of an unknown algorithm")
	}
}

// TestSign checks signatures with the standard library, and that the same
// message always signs to the same bytes.
func TestSign(t *testing.T) {
	message := []byte("DSSEv1 4 test 5 hello")
	for _, algorithm := range []string{ECDSAP256, Ed25519} {
		key, err := Generate(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := key.Sign(message)
		if err != nil {
			t.Fatal(err)
		}
		again, err := key.Sign(message)
		if err != nil || !bytes.Equal(sig, again) {
			t.Errorf("%s: two signatures over one message differ", algorithm)
		}
		digest := sha256.Sum256(message)
		ok := false
		switch public := key.Signer().Public().(type) {
		case *ecdsa.PublicKey:
			ok = ecdsa.VerifyASN1(public, digest[:], sig)
		case ed25519.PublicKey:
			ok = ed25519.Verify(public, message, sig)
		}
		if !ok {
			t.Errorf("%s: the signature does not verify", algorithm)
		}
	}
}

func TestID(t *testing.T) {
	key, err := Generate(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(key.PublicPEM())
	sum := sha256.Sum256(block.Bytes)
	if want := base64.StdEncoding.EncodeToString(sum[:]); key.ID() != want {
		t.Errorf("id %s, want %s", key.ID(), want)
	}
}

// TestCosignForm exchanges keys with sigstore's own reader and writer.
func TestCosignForm(t *testing.T) {
	t.Parallel() // scrypt is slow on purpose
	pass := func(bool) ([]byte, error) { return []byte("pw"), nil }
	theirs, _, err := cryptoutils.GeneratePEMEncodedECDSAKeyPair(elliptic.P256(), pass)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(theirs, fixed("pw")); err != nil {
		t.Errorf("their key: %v", err)
	}
	old := bytes.ReplaceAll(theirs, []byte("SIGSTORE"), []byte("COSIGN"))
	if _, err := Parse(old, fixed("pw")); err != nil {
		t.Errorf("their old key: %v", err)
	}
	key, err := Generate(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := key.Marshal([]byte("pw"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cryptoutils.UnmarshalPEMToPrivateKey(ours, pass); err != nil {
		t.Errorf("our key: %v", err)
	}
}

func TestPassphraseFaults(t *testing.T) {
	t.Parallel() // scrypt is slow on purpose
	key, err := Generate(ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := key.Marshal([]byte("right"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(sealed, fixed("right")); err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(sealed, fixed("wrong")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	if _, err := Parse(sealed, nil); !errors.Is(err, ErrNoPassphrase) {
		t.Errorf("no passphrase: %v", err)
	}
	if _, err := key.Marshal([]byte{}); err == nil {
		t.Error("an empty passphrase was taken")
	}
}

// TestRefused is everything that is a private key, or looks like one, and is
// none that we sign with.
func TestRefused(t *testing.T) {
	good, err := Generate(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	text, err := good.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(text, nil); err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(private any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	for name, data := range map[string][]byte{
		"empty":       nil,
		"no PEM":      []byte("hello"),
		"two blocks":  append(bytes.Clone(text), text...),
		"public key":  good.PublicPEM(),
		"P-521":       pkcs8(p521),
		"RSA":         pkcs8(weak),
		"not PKCS#8":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1, 2, 3}}),
		"too large":   append(bytes.Repeat([]byte("\n"), maxFile), text...),
		"foreign PEM": pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte{1}}),
	} {
		var format *FormatError
		if _, err := Parse(data, nil); !errors.As(err, &format) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWriteNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "k.key")
	if err := Write(nil, path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := Write(nil, path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second write: %v", err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != "first" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("left over: %v, %v", names, err)
	}
}

func TestPassphraseSources(t *testing.T) {
	env := map[string]string{"PW": "from a variable", "EMPTY": ""}
	lookup := func(name string) (string, bool) { value, set := env[name]; return value, set }
	if got, err := FromEnv("PW", lookup)(); err != nil || string(got) != "from a variable" {
		t.Errorf("from a variable: %q, %v", got, err)
	}
	if got, err := FromEnv("EMPTY", lookup)(); err != nil || got == nil || len(got) > 0 {
		t.Errorf("from an empty variable: %q, %v", got, err)
	}
	if _, err := FromEnv("NONE", lookup)(); err == nil {
		t.Error("an unset variable gave a passphrase")
	}
	if _, err := readPassphrase(strings.NewReader(strings.Repeat("x", maxPassphrase))); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := readPassphrase(strings.NewReader(strings.Repeat("x", maxPassphrase+1))); err == nil {
		t.Error("an endless passphrase was taken")
	}
}

// TestErrorsHoldNoSecret puts a secret where errors could pick it up.
func TestErrorsHoldNoSecret(t *testing.T) {
	secret := "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
	text := "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n"
	_, err := Parse([]byte(text), fixed("hunter2"))
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), secret) {
		t.Errorf("error: %v", err)
	}
}
