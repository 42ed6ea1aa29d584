// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"time"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/verifier"
)

// Lives says how long trust lasts while nobody renews any of it.
type Lives struct {
	Roles map[string]time.Duration // of each role, once signed
	// MaxStale is how long drivers go on after the timestamp or the revocation role has
	// expired; meaningless without HasRules.
	MaxStale time.Duration
	HasRules bool
	// Refused is when drivers refuse everything; zero while nothing is published.
	Refused time.Time
}

// Lives reads how long what is staged, or else published, lasts.
func (f *Folder) Lives() (*Lives, error) {
	notes, err := f.Notes()
	if err != nil {
		return nil, err
	}
	l := &Lives{}
	if l.Roles, err = notes.Lives(); err != nil {
		return nil, err
	}
	_, p, err := f.Latest()
	if err != nil {
		return nil, err
	}
	var src verifier.TrustSource
	if err := ReadTargets(p, &src); err != nil {
		return nil, err
	}
	if trust, err := verifier.ParseTrust(src); err == nil {
		l.MaxStale, l.HasRules = trust.MaxStale(), true
	}
	base, err := f.Repository()
	if err != nil || base == nil {
		return l, err
	}
	for _, s := range base.States() {
		ends := s.Expires
		switch s.Role {
		case tuf.RoleAttestations: // its expiry only stops new ones
			continue
		case tuf.RoleTimestamp, tuf.RoleRevocation:
			ends = ends.Add(l.MaxStale)
		}
		if l.Refused.IsZero() || ends.Before(l.Refused) {
			l.Refused = ends
		}
	}
	return l, nil
}
