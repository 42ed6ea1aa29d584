// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/youmark/pkcs8"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// maxFile bounds a key file in bytes; a real one has less than 2 KiB.
const maxFile = 64 << 10

// The PEM types we read. typeOldCosign is what old cosign wrote.
const (
	typePlain     = "PRIVATE KEY"
	typePBES2     = "ENCRYPTED PRIVATE KEY"
	typeSEC1      = "EC PRIVATE KEY"
	typePKCS1     = "RSA PRIVATE KEY"
	typeEncrypted = "ENCRYPTED SIGSTORE PRIVATE KEY"
	typeOldCosign = "ENCRYPTED COSIGN PRIVATE KEY"
)

// FormatError says that a file is no private key that we sign with.
type FormatError struct {
	Found  string // what it is instead, printable
	remedy string // empty for a new key
}

func (e *FormatError) Error() string {
	return "no usable private key: found " + e.Found + ", need an ECDSA P-256 or P-384, Ed25519 or RSA key in PEM (PKCS#8, also encrypted; SEC 1; PKCS#1) or in cosign's encrypted form"
}

// Remedy is what mends it. It never takes a passphrase off.
func (e *FormatError) Remedy() string {
	if e.remedy == "" {
		return makeKey
	}
	return e.remedy
}

const makeKey = "make one with `openssl genpkey -algorithm ed25519 -aes256 -out approver.key`, and its public half with `openssl pkey -in approver.key -pubout -out approver.pub`"

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

// Parse reads a private key from PEM, exactly one block, beside the parameters that
// openssl writes before a SEC 1 key.
func Parse(data []byte, pass Passphrase) (*Key, error) {
	if len(data) > maxFile {
		return nil, errTooLarge
	}
	block, rest := pem.Decode(bytes.TrimPrefix(data, []byte("\ufeff"))) // editors write the mark
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, noPEM(data)
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, &FormatError{"something after the first PEM block", "leave the key alone in a file, with a passphrase: `openssl pkcs8 -topk8 -in OLD -out NEW`"}
	}
	private, err := parseBlock(block, pass)
	if err != nil {
		return nil, err
	}
	return newKey(private)
}

// parseBlock reads the private key of a PEM block.
func parseBlock(block *pem.Block, pass Passphrase) (any, error) {
	if block.Headers["DEK-Info"] != "" {
		return nil, &FormatError{"a key that is encrypted in the old way of PEM", "write it in PKCS#8, with a passphrase again: `openssl pkcs8 -topk8 -in OLD -out NEW`"}
	}
	switch block.Type {
	case typePlain:
		return parsePKCS8(block.Bytes)
	case typeSEC1:
		private, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			return nil, &FormatError{Found: "a PEM block that holds no SEC 1 key"}
		}
		return private, nil
	case typePKCS1:
		private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, &FormatError{Found: "a PEM block that holds no PKCS#1 key"}
		}
		return private, nil
	case typePBES2:
		return openPBES2(block.Bytes, pass)
	case typeEncrypted, typeOldCosign:
		der, err := open(block.Bytes, pass)
		if err != nil {
			return nil, err
		}
		return parsePKCS8(der)
	}
	return nil, foreignBlock(block.Type)
}

func parsePKCS8(der []byte) (any, error) {
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, &FormatError{Found: "a PEM block that holds no PKCS#8 key"}
	}
	return private, nil
}

// noPEM says what a file without PEM may be.
func noPEM(data []byte) error {
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(data, &outer)
	switch {
	case err == nil && len(rest) == 0 && outer.Tag == asn1.TagSequence:
		return foreignDER(data)
	case bytes.HasPrefix(data, []byte("ssh-")), bytes.HasPrefix(data, []byte("ecdsa-sha2-")):
		return &FormatError{Found: "the public half of an OpenSSH key"}
	}
	return &FormatError{Found: "no PEM block"}
}

// foreignDER names what a file in DER is, by what its first members are.
func foreignDER(data []byte) error {
	toPEM := "write it in PEM, with a passphrase: `openssl pkcs8 -topk8 -inform DER -in OLD -out NEW`"
	var sealed struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	if _, err := asn1.Unmarshal(data, &sealed); err == nil {
		return &FormatError{"a file in DER", toPEM}
	}
	var pfx struct {
		Version int
		Content struct{ Type asn1.ObjectIdentifier }
		Mac     asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(data, &pfx); err == nil && pfx.Version == 3 {
		return &FormatError{"a PKCS#12 file", "write its key in PEM, with a passphrase: `openssl pkcs12 -in OLD -nocerts -out NEW`"}
	}
	var key struct{ Version int }
	if _, err := asn1.Unmarshal(data, &key); err == nil {
		return &FormatError{"a file in DER", toPEM}
	}
	return &FormatError{Found: "a file in DER that holds no private key"}
}

// foreignBlock names what is known by its PEM type and is no key of ours.
func foreignBlock(kind string) error {
	found, remedy := fmt.Sprintf("a PEM block of type %.40q", kind), ""
	switch kind {
	case "OPENSSH PRIVATE KEY":
		found = "an OpenSSH key"
	case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
		remedy = "that is the public half: name the private key; if there is none, " + makeKey
	}
	return &FormatError{found, remedy}
}

// open opens cosign's form.
func open(sealed []byte, pass Passphrase) ([]byte, error) {
	passphrase, err := passphraseOf(pass)
	if err != nil {
		return nil, err
	}
	der, err := encrypted.Decrypt(sealed, passphrase)
	if err != nil {
		return nil, ErrPassphrase
	}
	return der, nil
}

// pbes2 is the way of encrypting that PKCS#5 has had since version 2.0.
var pbes2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}

// openPBES2 opens what openssl writes.
func openPBES2(sealed []byte, pass Passphrase) (private any, err error) {
	var outer struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	if rest, err := asn1.Unmarshal(sealed, &outer); err != nil || len(rest) > 0 {
		return nil, &FormatError{Found: "a PEM block that holds no PKCS#8 key"}
	}
	if !outer.Algorithm.Algorithm.Equal(pbes2) {
		return nil, &FormatError{"a key that is encrypted in an old way (no PBES2)", "encrypt it anew: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`"}
	}
	passphrase, err := passphraseOf(pass)
	if err != nil {
		return nil, err
	}
	if len(passphrase) == 0 {
		// The library takes an empty passphrase for none. HMAC, by which keys are
		// derived here, fills its key up with zeros, so one of them is the same.
		passphrase = []byte{0}
	}
	defer func() {
		if recover() != nil { // parameters that a cipher panics on
			private, err = nil, ErrPassphrase
		}
	}()
	private, _, err = pkcs8.ParsePrivateKey(sealed, passphrase)
	if err != nil {
		return nil, ErrPassphrase
	}
	return private, nil
}

func passphraseOf(pass Passphrase) ([]byte, error) {
	if pass == nil {
		return nil, ErrNoPassphrase
	}
	return pass()
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
