// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// flight lets equal questions under way share one evaluation. Its zero value is
// ready to use.
type flight struct {
	mu    sync.Mutex
	calls map[key]*shared
}

type shared struct {
	done   chan struct{}
	answer *answer
	err    error
}

// errAbandoned is what waits on an evaluation get when it ended in a panic.
var errAbandoned = errors.New("the evaluation of an equal request failed")

// do evaluates, or waits for an equal evaluation under way.
// A caller that hangs up stops waiting. An evaluation that was cancelled with
// its own caller, or that nobody had asked for, is begun again by one that waits.
func (f *flight) do(ctx context.Context, k key, evaluate func() (*answer, error)) (*answer, error) {
	for {
		f.mu.Lock()
		c, ok := f.calls[k]
		if !ok {
			c = f.begin(k)
			f.mu.Unlock()
			defer f.end(k, c)
			c.answer, c.err = evaluate()
			return c.answer, c.err
		}
		f.mu.Unlock()
		select {
		case <-c.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if errors.Is(c.err, errDeclined) || errors.Is(c.err, context.Canceled) || errors.Is(c.err, context.DeadlineExceeded) {
			continue
		}
		if c.err != nil {
			return nil, fmt.Errorf("shared: %w", c.err)
		}
		return c.answer, nil
	}
}

func (f *flight) begin(k key) *shared {
	if f.calls == nil {
		f.calls = map[key]*shared{}
	}
	c := &shared{done: make(chan struct{}), err: errAbandoned}
	f.calls[k] = c
	return c
}

func (f *flight) end(k key, c *shared) {
	f.mu.Lock()
	delete(f.calls, k)
	f.mu.Unlock()
	close(c.done)
}
