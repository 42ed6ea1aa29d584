// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"sync"

	"google.golang.org/grpc/mem"
)

// fingerprint tells a question from every other one, within this process.
type fingerprint [16]byte

// maxPooled bounds the buffers that are kept for the next request.
const maxPooled = 256 << 10

// printer makes fingerprints: the GMAC (NIST SP 800-38D) of the question under a
// key that is drawn at start, with one fixed nonce. A fixed nonce is fatal where
// tags are seen; these never leave the process, and what remains is GHASH, a
// polynomial at a secret point: two different questions of n bytes have one
// fingerprint with probability at most (n/16 + 2) / 2^128, whoever chose them.
// SHA-256 would do as well and costs a 64 KiB request four times as much. Even
// then a wrong answer would show: it names the digests of other bodies.
type printer struct {
	mac     cipher.AEAD
	buffers sync.Pool
}

func newPrinter() *printer {
	var key [32]byte
	rand.Read(key[:]) // never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // of a key of another size only
	}
	mac, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // of a cipher of another block size only
	}
	return &printer{mac: mac, buffers: sync.Pool{New: func() any { return new([]byte) }}}
}

// print makes the fingerprint of all bytes of the message but the silent ones.
// What is left is the encoding of the same request without them, so equal
// fingerprints mean equal questions.
func (p *printer) print(q *question, data mem.BufferSlice) (out fingerprint) {
	buffer := p.buffers.Get().(*[]byte)
	loud := q.loud((*buffer)[:0], data)
	var nonce [12]byte
	p.mac.Seal(out[:0], nonce[:], nil, loud)
	if cap(loud) <= maxPooled {
		*buffer = loud[:0]
		p.buffers.Put(buffer)
	}
	return out
}

// loud appends the bytes that can change an answer.
func (q *question) loud(out []byte, data mem.BufferSlice) []byte {
	off := 0
	for _, b := range data {
		chunk := b.ReadOnlyData()
		from := off
		for _, s := range q.silent {
			if s.from >= off+len(chunk) || s.to <= from {
				continue
			}
			if s.from > from {
				out = append(out, chunk[from-off:s.from-off]...)
			}
			from = min(s.to, off+len(chunk))
		}
		out = append(out, chunk[from-off:]...)
		off += len(chunk)
	}
	return out
}
