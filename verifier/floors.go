// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

// FloorKey names one concrete subject; never a glob. With a workspace it is also
// what reaches no further of a subject of the whole gateway. SPEC: R8.
type FloorKey struct {
	GatewayID string
	Role      Role
	Workspace string
	Name      string
}

// Floor is the lowest version still acceptable for one subject and the digest
// that version was bound to when it was first allowed. The zero value is no floor.
type Floor struct {
	Version uint64
	// SHA256 is the digest bound to Version; zero after a signed reset, which
	// lowers the floor without naming a document.
	SHA256 [32]byte
}

// SandboxKey names one sandbox across renames.
type SandboxKey struct {
	GatewayID string
	SandboxID string
}

// Place is the workspace and name that a sandbox was first allowed under.
type Place struct {
	Workspace string
	Name      string
}

// Raise sets the floor of one subject.
type Raise struct {
	Key   FloorKey
	Floor Floor
}

// Binding ties a sandbox to its place.
type Binding struct {
	Key   SandboxKey
	Place Place
}

// Floors is the driver's own durable memory as one decision sees it: one
// consistent state that does not change while Verify runs. A nil Floors refuses.
type Floors interface {
	// Floor returns the floor of a subject, the zero Floor for none.
	Floor(FloorKey) Floor
	// Place returns where a sandbox was first allowed, false for never.
	Place(SandboxKey) (Place, bool)
}

// MapFloors is a Floors of two maps, for replay and tests. Its zero value is a
// driver without memory.
type MapFloors struct {
	Versions map[FloorKey]Floor
	Places   map[SandboxKey]Place
}

// Floor implements Floors.
func (m MapFloors) Floor(k FloorKey) Floor { return m.Versions[k] }

// Place implements Floors.
func (m MapFloors) Place(k SandboxKey) (Place, bool) {
	p, ok := m.Places[k]
	return p, ok
}
