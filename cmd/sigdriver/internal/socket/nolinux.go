// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package socket

import (
	"errors"
	"net"
)

// No driver runs here: only Linux says for certain who connected.

func credentialsOf(*net.UnixConn) (Credentials, error) {
	return Credentials{}, errors.ErrUnsupported
}

func processOf(*net.UnixConn, int32) string { return "a process" }
