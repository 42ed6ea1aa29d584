// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

// Open opens a private key wherever it is: in a token by a PKCS#11 URI, behind a KMS by a
// URI of its plugin's, else in a file as Load does. pass supplies the passphrase of a
// file, or the PIN of a token whose URI has no pin-source.
func Open(name string, pass Passphrase) (*Key, error) {
	switch {
	case IsPKCS11(name):
		return OpenPKCS11(name, pass)
	case IsKMS(name):
		return openKMS(name)
	}
	return Load(name, pass)
}
