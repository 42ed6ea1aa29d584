// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// RC-06: what the driver signs and what people approve are signed with other keys.
func TestReservedKeys(t *testing.T) {
	alice := sha256.Sum256(verifiertest.Person("alice").SPKI())
	stranger := sha256.Sum256(verifiertest.Person("the driver's own").SPKI())
	src := verifiertest.AdmitPolicy().Source()
	src.Reserved = [][32]byte{stranger}
	if _, err := verifier.ParseTrust(src); err != nil {
		t.Fatal(err)
	}
	src.Reserved = [][32]byte{stranger, alice}
	trust, err := verifier.ParseTrust(src)
	var file *verifier.TrustError
	var reserved *verifier.ReservedKeyError
	if trust != nil || !errors.As(err, &file) || file.File != "authorities.json" || !errors.As(err, &reserved) {
		t.Fatalf("%v, %v", trust, err)
	}
	if reserved.Principal != "alice" || reserved.SPKI != alice {
		t.Errorf("it names %q, %x", reserved.Principal, reserved.SPKI)
	}
}
