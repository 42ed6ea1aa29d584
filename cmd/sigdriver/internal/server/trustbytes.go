// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"sync/atomic"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
)

// trustBytes keeps the encoded trust submessage of the trust in use.
type trustBytes struct{ last atomic.Pointer[encodedTrust] }

type encodedTrust struct {
	of    *trust.Snapshot
	stale bool
	bytes []byte
}

// encoded returns the trust field of a VerifyResponse, nothing without trust.
func (b *trustBytes) encoded(snap *trust.Snapshot, stale bool) ([]byte, error) {
	if snap.Trust == nil {
		return nil, nil
	}
	if e := b.last.Load(); e != nil && e.of == snap && e.stale == stale {
		return e.bytes, nil
	}
	data, err := encodeTrust(snap.Trust, stale)
	if err != nil {
		return nil, err
	}
	b.last.Store(&encodedTrust{snap, stale, data})
	return data, nil
}
