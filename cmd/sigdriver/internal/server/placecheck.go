// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"sync/atomic"
	"time"
)

// maxPlaceAge is how old the look at the disk may be that an answer leaves on.
const maxPlaceAge = time.Millisecond

// placeCheck lets calls that are under way together share one look at whether the
// journal is in its place. Its zero value is ready to use.
type placeCheck struct {
	good atomic.Pointer[time.Time] // when the last look that found it there began
}

// check looks, unless another call's look began after since and has found it there less
// than maxPlaceAge ago. The zero Time is for a look of one's own.
func (p *placeCheck) check(since time.Time, look func() error) error {
	now := time.Now()
	if at := p.good.Load(); at != nil && !since.IsZero() && at.After(since) && now.Sub(*at) < maxPlaceAge {
		return nil
	}
	if err := look(); err != nil {
		return err
	}
	p.good.Store(&now)
	return nil
}
