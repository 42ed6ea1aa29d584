// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs commands that make keys, in a folder of its own.
func shell(t *testing.T, commands ...string) (dir string) {
	t.Helper()
	for _, tool := range []string{"sh", "openssl", "ssh-keygen"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here", tool)
		}
	}
	dir = t.TempDir()
	for _, command := range commands {
		cmd := exec.Command("sh", "-ec", command)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	return dir
}

const (
	ed25519Key = "openssl genpkey -algorithm ed25519 -out plain.key"
	p256Key    = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain.key"
)

// TestKeysOfOpenSSL opens every form in which openssl writes a key that we sign with: it
// is the same key.
func TestKeysOfOpenSSL(t *testing.T) {
	t.Parallel() // deriving keys is slow on purpose
	for name, c := range map[string]struct{ make, write, passphrase string }{
		"PBES2":                     {ed25519Key, "openssl pkcs8 -topk8 -in plain.key -out new.key -passout pass:word", "word"},
		"PBES2, made encrypted":     {"true", "openssl genpkey -algorithm ed25519 -aes256 -pass pass:word -out new.key && openssl pkey -in new.key -passin pass:word -out plain.key", "word"},
		"PBES2, P-256, SHA-1":       {p256Key, "openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1 -in plain.key -out new.key -passout pass:word", "word"},
		"PBES2, scrypt":             {ed25519Key, "openssl pkcs8 -topk8 -scrypt -in plain.key -out new.key -passout pass:word", "word"},
		"PBES2, empty":              {ed25519Key, "openssl pkcs8 -topk8 -in plain.key -out new.key -passout pass:", ""},
		"PBES2, scrypt, empty":      {ed25519Key, "openssl pkcs8 -topk8 -scrypt -in plain.key -out new.key -passout pass:", ""},
		"a mark in front":           {ed25519Key, "{ printf '\\357\\273\\277'; cat plain.key; } > new.key", ""},
		"SEC 1":                     {p256Key, "openssl ec -in plain.key -out new.key", ""},
		"SEC 1 with its parameters": {"true", "openssl ecparam -name prime256v1 -genkey -out new.key && openssl pkey -in new.key -out plain.key", ""},
	} {
		dir := shell(t, c.make, c.write)
		want, err := Load(filepath.Join(dir, "plain.key"), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := Load(filepath.Join(dir, "new.key"), fixed(c.passphrase))
		if err != nil || got.ID() != want.ID() {
			t.Errorf("%s: %v", name, err)
		}
		if strings.HasPrefix(name, "PBES2") {
			if _, err := Load(filepath.Join(dir, "new.key"), fixed("other")); !errors.Is(err, ErrPassphrase) {
				t.Errorf("%s, another passphrase: %v", name, err)
			}
			if _, err := Load(filepath.Join(dir, "new.key"), nil); !errors.Is(err, ErrNoPassphrase) {
				t.Errorf("%s, no passphrase: %v", name, err)
			}
		}
	}
}

// TestForeignKeys names what is no key of ours. Where a command is advised it is carried
// out: it leads to a usable key, and to none that has lost its passphrase.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ make, found, follow string }{
		"OpenSSH":     {"ssh-keygen -q -t ed25519 -N '' -f old.key", "an OpenSSH key", ""},
		"RSA":         {"openssl genrsa -out old.key 2048", "an RSA key of 2048 bits", ""},
		"PKCS#1":      {"openssl genrsa -traditional -out old.key 2048", "an RSA key of 2048 bits", ""},
		"RSA, 3":      {"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -pkeyopt rsa_keygen_pubexp:3 -out old.key", "with the exponent 3", ""},
		"P-521":       {"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out old.key", "an ECDSA key on P-521", ""},
		"X25519":      {"openssl genpkey -algorithm x25519 -out old.key", "a key of type", ""},
		"public":      {ed25519Key + " && openssl pkey -in plain.key -pubout -out old.key", "a PEM block of type \"PUBLIC KEY\"", ""},
		"DER":         {ed25519Key + " && openssl pkey -in plain.key -outform DER -out old.key", "a file in DER", "openssl pkcs8 -topk8 -inform DER -in OLD -out NEW"},
		"DER, RSA":    {"openssl genrsa -traditional 3072 | openssl rsa -traditional -outform DER -out old.key", "a file in DER", "openssl pkcs8 -topk8 -inform DER -in OLD -out NEW"},
		"DER, SEC 1":  {p256Key + " && openssl ec -in plain.key -outform DER -out old.key", "a file in DER", "openssl pkcs8 -topk8 -inform DER -in OLD -out NEW"},
		"DER, sealed": {ed25519Key + " && openssl pkcs8 -topk8 -in plain.key -outform DER -passout pass:word -out old.key", "a file in DER", "openssl pkcs8 -topk8 -inform DER -in OLD -out NEW"},
		"DER, public": {ed25519Key + " && openssl pkey -in plain.key -pubout -outform DER -out old.key", "a file in DER that holds no private key", ""},
		"DER, X.509":  {"openssl req -x509 -newkey ed25519 -nodes -subj /CN=x -keyout k -outform DER -out old.key", "a file in DER that holds no private key", ""},
		"PKCS#12": {"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout k -out c && openssl pkcs12 -export -inkey k -in c -passout pass:word -out old.key",
			"a PKCS#12 file", "openssl pkcs12 -in OLD -nocerts -out NEW"},
		"PKCS#12, bare": {ed25519Key + " && openssl pkcs12 -export -inkey plain.key -nocerts -nomac -passout pass:word -out old.key", "a PKCS#12 file", "openssl pkcs12 -in OLD -nocerts -out NEW"},
		"with its certificate": {"openssl req -x509 -newkey ed25519 -nodes -subj /CN=x -keyout k -out c && cat k c > old.key", "something after the first PEM block",
			"openssl pkcs8 -topk8 -in OLD -out NEW"},
		"OpenSSH, public": {"ssh-keygen -q -t ed25519 -N '' -f k && mv k.pub old.key", "the public half of an OpenSSH key", ""},
		"old PEM":         {p256Key + " && openssl ec -aes256 -passout pass:word -in plain.key -out old.key", "a key that is encrypted in the old way of PEM", "openssl pkcs8 -topk8 -in OLD -out NEW"},
		"PBES1":           {p256Key + " && openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout pass:word -in plain.key -out old.key", "encrypted in an old way (no PBES2)", "openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW"},
		"no key":          {"echo hello > old.key", "no PEM block", ""},
		"certificate":     {"openssl req -x509 -newkey ed25519 -nodes -subj /CN=x -keyout k -out old.key", "a PEM block of type \"CERTIFICATE\"", ""},
	} {
		dir := shell(t, c.make)
		_, err := Load(filepath.Join(dir, "old.key"), fixed("word"))
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(format.Found, c.found) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		remedy := format.Remedy()
		if strings.Contains(remedy, "-nocrypt") || (c.follow == "") != strings.Contains(remedy, "openssl genpkey") || !strings.Contains(remedy, c.follow) {
			t.Errorf("%s: %s", name, remedy)
		}
		if c.follow == "" {
			continue
		}
		command := strings.NewReplacer("OLD", "old.key", "NEW", "new.key").Replace(c.follow)
		cmd := exec.Command("sh", "-ec", command+" -passin pass:word -passout pass:word")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
			continue
		}
		if _, err := Load(filepath.Join(dir, "new.key"), fixed("word")); err != nil {
			t.Errorf("%s, as advised: %v", name, err)
		}
		if _, err := Load(filepath.Join(dir, "new.key"), nil); !errors.Is(err, ErrNoPassphrase) {
			t.Errorf("%s: the passphrase is gone: %v", name, err)
		}
	}
	// What is advised to whoever has no key makes one that signs.
	dir := shell(t, "openssl genpkey -algorithm ed25519 -aes256 -out approver.key -pass pass:word && openssl pkey -in approver.key -passin pass:word -pubout -out approver.pub")
	if key, err := Load(filepath.Join(dir, "approver.key"), fixed("word")); err != nil {
		t.Error(err)
	} else if public, err := os.ReadFile(filepath.Join(dir, "approver.pub")); err != nil || string(public) != string(key.PublicPEM()) {
		t.Errorf("%v: %s", err, public)
	}
}

// TestDamagedPBES2 cuts and flips an encrypted key: no panic of a cipher gets out.
func TestDamagedPBES2(t *testing.T) {
	dir := shell(t, ed25519Key, "openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 10 -in plain.key -out new.key -passout pass:word", "openssl asn1parse -in new.key -noout -out new.der")
	der, err := os.ReadFile(filepath.Join(dir, "new.der"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openPBES2(der, fixed("word")); err != nil {
		t.Fatal(err)
	}
	for i := range der {
		bad := append([]byte{}, der...)
		bad[i] ^= 1
		if i >= 60 && i <= 70 { // the number of rounds may become a large one
			continue
		}
		_, _ = openPBES2(bad, fixed("word"))
		_, _ = openPBES2(der[:i], fixed("word"))
	}
}
