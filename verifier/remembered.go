// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "sync"

// maxRemembered bounds each half of what is remembered by digest.
const maxRemembered = 1 << 16

// remembered is a bounded memory by digest: what is used stays, the rest goes. Its zero
// value is empty. It is safe for concurrent use.
type remembered[V any] struct {
	mu         sync.Mutex
	young, old map[[32]byte]V // the old half goes when the young one is full
}

func (m *remembered[V]) get(name [32]byte) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.young[name]; ok {
		return v, true
	}
	v, ok := m.old[name]
	if ok {
		m.put(name, v)
	}
	return v, ok
}

func (m *remembered[V]) add(name [32]byte, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(name, v)
}

func (m *remembered[V]) put(name [32]byte, v V) {
	if m.young == nil || len(m.young) >= maxRemembered {
		m.young, m.old = map[[32]byte]V{}, m.young
	}
	m.young[name] = v
}
