// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// TestKeyProof: a driver shows that it signs with its key, and what it signs is neither a
// receipt nor another operator's proof.
func TestKeyProof(t *testing.T) {
	for _, algorithm := range []string{keys.Ed25519, keys.ECDSAP256} {
		key, err := keys.Generate(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		sequence, err := OpenReceiptSequence(disk.OS{}, filepath.Join(t.TempDir(), "receipts"))
		if err != nil {
			t.Fatal(err)
		}
		signer := NewReceiptSigner(receipt.Driver{ID: "d", Version: "1"}, key, sequence)
		nonce := bytes.Repeat([]byte{7}, receipt.MinNonce)
		proof, err := signer.Prove(nonce, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		public := key.Signer().Public()
		if p, err := CheckKeyProof(proof, nonce, public); err != nil || p.Driver.ID != "d" {
			t.Errorf("%s: %+v, %v", algorithm, p, err)
		}
		if n, err := sequence.Next(); n != 1 || err != nil {
			t.Errorf("number %d is spent: %v", n, err)
		}
		other, err := keys.Generate(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		for name, wrong := range map[string]func() (*KeyProof, error){
			"another key":   func() (*KeyProof, error) { return CheckKeyProof(proof, nonce, other.Signer().Public()) },
			"another nonce": func() (*KeyProof, error) { return CheckKeyProof(proof, append([]byte{1}, nonce[1:]...), public) },
			"another type": func() (*KeyProof, error) {
				return CheckKeyProof(bytes.Replace(proof, []byte("key-proof"), []byte("in-toto11"), 1), nonce, public)
			},
			"no proof": func() (*KeyProof, error) { return CheckKeyProof([]byte("{}"), nonce, public) },
			"no signature": func() (*KeyProof, error) {
				return CheckKeyProof(bytes.Replace(proof, []byte(`"signatures"`), []byte(`"signature5"`), 1), nonce, public)
			},
			"a changed payload": func() (*KeyProof, error) {
				return CheckKeyProof(bytes.Replace(proof, []byte(`"payload":"ey`), []byte(`"payload":"ez`), 1), nonce, public)
			},
		} {
			if p, err := wrong(); err == nil {
				t.Errorf("%s, %s: %+v", algorithm, name, p)
			}
		}
		_, err = receipt.Verify(proof, receipt.Want{Keys: []receipt.Key{{Public: public, Driver: "d"}}, Nonce: nonce, Now: time.Now()})
		var refused *receipt.Refusal
		if !errors.As(err, &refused) {
			t.Errorf("%s: a supervisor takes it: %v", algorithm, err)
		}
		for _, n := range []int{0, receipt.MinNonce - 1, receipt.MaxNonce + 1} {
			if _, err := signer.Prove(make([]byte, n), time.Now()); err == nil {
				t.Errorf("%s: a nonce of %d bytes is signed", algorithm, n)
			}
		}
	}
}
