// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/binary"

	"github.com/sigdriver/sigdriver/verifier"
)

// row is one fact of the state as a snapshot has it. The first byte of a key says
// which kind of fact it is; rows are ordered by the bytes of their keys.
type row struct{ key, value []byte }

// The kinds of rows.
const (
	rowFloor = 'f'
	rowPlace = 'p'
	rowReset = 'r'
)

func floorRow(k verifier.FloorKey, f verifier.Floor) row {
	return row{floorRowKey(k), append(encodeNumber(f.Version), f.SHA256[:]...)}
}

func placeRow(k verifier.SandboxKey, p verifier.Place) row {
	return row{placeRowKey(k), encodePair(p.Workspace, p.Name)}
}

func resetRow(id string, version uint64) row {
	return row{resetRowKey(id), encodeNumber(version)}
}

func floorRowKey(k verifier.FloorKey) []byte {
	return append([]byte{rowFloor}, encodeFloorKey(k)...)
}

func placeRowKey(k verifier.SandboxKey) []byte {
	return append([]byte{rowPlace}, encodePair(k.GatewayID, k.SandboxID)...)
}

func resetRowKey(id string) []byte { return append([]byte{rowReset}, id...) }

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
