// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build !pkcs11

package keys

const hasPKCS11 = false

// OpenPKCS11 opens a key in a token; this build cannot.
func OpenPKCS11(uri string, _ Passphrase) (*Key, error) { return nil, CheckPKCS11(uri) }
