// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/sigstore/sigstore/pkg/signature/kms"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// kmsURI is how Sigstore's tools name a key of a KMS: SCHEME://KEY.
var kmsURI = regexp.MustCompile(`^([a-z][a-z0-9-]*)://.`)

// kmsWait bounds one answer of a plugin, with time for somebody to confirm it.
const kmsWait = 2 * time.Minute

// IsKMS reports whether a key is named by the URI of a KMS and not by a file.
func IsKMS(name string) bool { return kmsURI.MatchString(name) }

// NoPluginError says that nothing on this machine speaks to a KMS.
type NoPluginError struct{ Program string }

func (e *NoPluginError) Error() string {
	return fmt.Sprintf("the program %q, Sigstore's plugin for this kind of key, is not in PATH", e.Program)
}

// openKMS opens a key that a plugin of Sigstore's speaks for: the program
// sigstore-kms-SCHEME, which is given what to sign and returns the signature. No SDK of
// any cloud is linked.
func openKMS(uri string) (*Key, error) {
	s := &kmsSigner{}
	err := s.open(uri)
	var none *kms.ProviderNotFoundError
	if errors.As(err, &none) {
		return nil, &NoPluginError{"sigstore-kms-" + kmsURI.FindStringSubmatch(uri)[1]}
	}
	if err != nil {
		return nil, fmt.Errorf("the KMS: %w", err)
	}
	key, err := newSigner(s, s.public)
	if err != nil {
		return nil, err
	}
	if err := key.small(); err != nil {
		return nil, err
	}
	if err := key.probe(s.public); err != nil {
		return nil, fmt.Errorf("the KMS: %w", err)
	}
	return key, nil
}

// kmsSigner is a crypto.Signer by a plugin.
type kmsSigner struct {
	kms.SignerVerifier
	public crypto.PublicKey
}

func (s *kmsSigner) open(uri string) error {
	ctx, cancel := context.WithTimeout(context.Background(), kmsWait)
	defer cancel()
	var err error
	// The deadline is of each call, not of the key.
	if s.SignerVerifier, err = kms.Get(context.WithoutCancel(ctx), uri, crypto.SHA256); err != nil {
		return err
	}
	s.public, err = s.SignerVerifier.PublicKey(options.WithContext(ctx))
	return err
}

// Public implements crypto.Signer.
func (s *kmsSigner) Public() crypto.PublicKey { return s.public }

// Sign implements crypto.Signer.
func (s *kmsSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), kmsWait)
	defer cancel()
	return s.SignMessage(nil, options.WithContext(ctx), options.WithDigest(digest), options.WithCryptoSignerOpts(opts))
}
