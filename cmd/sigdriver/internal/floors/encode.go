// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/sigdriver/sigdriver/verifier"
)

// sealSize is how many bytes of sha256 close each value: bbolt checks its own
// metadata, not the rows, and a flipped bit in a floor lowers it.
const sealSize = 16

// row is one key and value of one bucket.
type row struct{ bucket, key, value []byte }

// sealed returns the value with its seal, as it is stored.
func (r row) sealed() []byte {
	sum := r.seal()
	return append(bytes.Clone(r.value), sum[:]...)
}

// unseal takes the seal off a stored value, false when the seal is wrong.
func unseal(bucket, key, stored []byte) (row, bool) {
	n := len(stored) - sealSize
	if n < 0 {
		return row{}, false
	}
	r := row{bucket, key, stored[:n]}
	sum := r.seal()
	return r, bytes.Equal(stored[n:], sum[:])
}

func (r row) seal() [sealSize]byte {
	h := sha256.New()
	for _, part := range [][]byte{r.bucket, r.key, r.value} {
		h.Write(encodeNumber(uint64(len(part))))
		h.Write(part)
	}
	return [sealSize]byte(h.Sum(nil))
}

// total is the sum of the seals of all rows, so that a row that got lost shows.
type total [sealSize]byte

// toggle adds a row, or takes one away that was added before.
func (t *total) toggle(r row) {
	for i, b := range r.seal() {
		t[i] ^= b
	}
}

func floorRow(k verifier.FloorKey, f verifier.Floor) row {
	return row{bucketFloors, encodeFloorKey(k), encodeFloor(f)}
}

func placeRow(k verifier.SandboxKey, p verifier.Place) row {
	return row{bucketPlaces, encodePair(k.GatewayID, k.SandboxID), encodePair(p.Workspace, p.Name)}
}

func resetRow(id string, version uint64) row {
	return row{bucketResets, []byte(id), encodeNumber(version)}
}

// encodePair writes two strings so that no other pair writes the same bytes.
func encodePair(a, b string) []byte {
	out := binary.AppendUvarint(nil, uint64(len(a)))
	out = append(out, a...)
	return append(out, b...)
}

func decodePair(data []byte) (a, b string, ok bool) {
	n, used := binary.Uvarint(data)
	if used <= 0 || n > uint64(len(data)-used) {
		return "", "", false
	}
	data = data[used:]
	return string(data[:n]), string(data[n:]), true
}

func encodeFloorKey(k verifier.FloorKey) []byte {
	return append([]byte{byte(k.Role)}, encodePair(k.GatewayID, string(encodePair(k.Workspace, k.Name)))...)
}

func decodeFloorKey(data []byte) (k verifier.FloorKey, ok bool) {
	if len(data) == 0 {
		return k, false
	}
	k.Role = verifier.Role(data[0])
	gateway, rest, ok := decodePair(data[1:])
	if !ok {
		return k, false
	}
	k.GatewayID = gateway
	k.Workspace, k.Name, ok = decodePair([]byte(rest))
	return k, ok
}

func encodeFloor(f verifier.Floor) []byte {
	return append(encodeNumber(f.Version), f.SHA256[:]...)
}

func decodeFloor(data []byte) (f verifier.Floor, ok bool) {
	if len(data) != 8+len(f.SHA256) {
		return f, false
	}
	f.Version = binary.BigEndian.Uint64(data)
	copy(f.SHA256[:], data[8:])
	return f, f.Version > 0
}

func encodeNumber(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func decodeNumber(data []byte) (uint64, bool) {
	if len(data) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(data), true
}
