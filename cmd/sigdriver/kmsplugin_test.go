// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/common"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
)

// kmsPlugin is the program sigstore-kms-test, a plugin of Sigstore's: the key
// test://FILE is the private key in the file.
func kmsPlugin() {
	args, err := handler.GetPluginArgs(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	kms, err := openFileKMS(args)
	if err != nil {
		_ = handler.WriteErrorResponse(os.Stdout, err)
		os.Exit(1)
	}
	if _, err := handler.Dispatch(os.Stdout, os.Stdin, args, kms); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// fileKMS keeps a key in a file, for tests.
type fileKMS struct{ signature.SignerVerifier }

func openFileKMS(args *common.PluginArgs) (*fileKMS, error) {
	text, err := os.ReadFile(args.InitOptions.KeyResourceID)
	if err != nil {
		return nil, fmt.Errorf("no key is called %q", args.InitOptions.KeyResourceID)
	}
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(text, cryptoutils.SkipPassword)
	if err != nil {
		return nil, err
	}
	signer, err := signature.LoadSignerVerifier(key, args.InitOptions.HashFunc)
	return &fileKMS{signer}, err
}

func (k *fileKMS) DefaultAlgorithm() string      { return "none" }
func (k *fileKMS) SupportedAlgorithms() []string { return nil }
func (k *fileKMS) CreateKey(context.Context, string) (crypto.PublicKey, error) {
	return nil, errors.New("this one makes no keys")
}
func (k *fileKMS) CryptoSigner(context.Context, func(error)) (crypto.Signer, crypto.SignerOpts, error) {
	return nil, nil, errors.New("this one signs by message alone")
}
