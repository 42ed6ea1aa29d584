// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// maxFile bounds a key file in bytes; a real one has less than 2 KiB.
const maxFile = 64 << 10

// The PEM types we read. The second encrypted one is what old cosign wrote.
const (
	typePlain     = "PRIVATE KEY"
	typeEncrypted = "ENCRYPTED SIGSTORE PRIVATE KEY"
	typeOldCosign = "ENCRYPTED COSIGN PRIVATE KEY"
)

// FormatError says that a file is no private key that we sign with.
type FormatError struct {
	Found string // what it is instead, printable
}

func (e *FormatError) Error() string {
	return "no usable private key: found " + e.Found + ", need an ECDSA P-256 or Ed25519 key as PKCS#8 PEM or in cosign's encrypted form"
}

// Remedy is a command that mends it, empty for none.
func (e *FormatError) Remedy() string {
	return "make one with `openssl genpkey -algorithm ed25519 -out approver.key`, or convert one with `openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW`"
}

// ErrPassphrase says that an encrypted key did not open.
var ErrPassphrase = errors.New("the key does not open: the passphrase is wrong or the file is damaged")

// ErrNoPassphrase says that a key is encrypted and nobody can be asked.
var ErrNoPassphrase = errors.New("the key is encrypted and no passphrase was given")

// Passphrase supplies the passphrase of an encrypted key. It is called only when
// one is needed.
type Passphrase func() ([]byte, error)

// Load reads a private key from a file. A nil pass refuses encrypted keys. The
// error is a *FormatError, ErrPassphrase, ErrNoPassphrase, pass's or the file
// system's.
func Load(path string, pass Passphrase) (*Key, error) {
	data, err := disk.ReadInput(disk.OS{}, path, maxFile)
	var tooLong *disk.TooLongError
	if errors.As(err, &tooLong) {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, err
	}
	return Parse(data, pass)
}

var errTooLarge = &FormatError{Found: "a file larger than 64 KiB"}

// Parse reads a private key from PEM, exactly one block.
func Parse(data []byte, pass Passphrase) (*Key, error) {
	if len(data) > maxFile {
		return nil, errTooLarge
	}
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, &FormatError{Found: "no PEM block"}
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, &FormatError{Found: "something after the first PEM block"}
	}
	der := block.Bytes
	switch block.Type {
	case typePlain:
	case typeEncrypted, typeOldCosign:
		opened, err := open(block.Bytes, pass)
		if err != nil {
			return nil, err
		}
		der = opened
	default:
		return nil, &FormatError{Found: fmt.Sprintf("a PEM block of type %.40q", block.Type)}
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, &FormatError{Found: "a PEM block that holds no PKCS#8 key"}
	}
	return newKey(private)
}

func open(sealed []byte, pass Passphrase) ([]byte, error) {
	if pass == nil {
		return nil, ErrNoPassphrase
	}
	passphrase, err := pass()
	if err != nil {
		return nil, err
	}
	der, err := encrypted.Decrypt(sealed, passphrase)
	if err != nil {
		return nil, ErrPassphrase
	}
	return der, nil
}

// Marshal returns the key as PEM: encrypted in cosign's form, or plain PKCS#8
// for a nil passphrase. An empty passphrase is refused, since it protects nothing.
func (k *Key) Marshal(passphrase []byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return nil, err
	}
	if passphrase == nil {
		return pem.EncodeToMemory(&pem.Block{Type: typePlain, Bytes: der}), nil
	}
	if len(passphrase) == 0 {
		return nil, errors.New("an empty passphrase protects nothing: give one, or ask for an unencrypted key")
	}
	sealed, err := encrypted.Encrypt(der, passphrase)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: typeEncrypted, Bytes: sealed}), nil
}

// Write creates the file with mode 0600 and these contents, durably: all of it
// or nothing, and never over a file that exists (an fs.ErrExist). A nil fsys is
// the real file system.
func Write(fsys disk.FS, path string, data []byte) error {
	return disk.Create(disk.OrOS(fsys), path, data, 0o600)
}
