// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

// Bounds of what may be set.
const (
	maxAnswersMiB = 1 << 14
	maxMemoryMiB  = 1 << 20
)

// workMiB is what a driver takes beside the answers that it keeps: the index, and the
// requests that are under way.
const workMiB = 160

func (c *Config) checkLimits() error {
	if c.Limits.MemoryMiB != 0 {
		if err := c.checkRange("limits.memory_mib", c.Limits.MemoryMiB, maxMemoryMiB); err != nil {
			return err
		}
	}
	return c.checkRange("limits.answers_mib", c.Limits.AnswersMiB, maxAnswersMiB)
}

// memory is where garbage is collected whatever the percentage, in bytes: what is
// configured, else what the answers and the work take, within nine tenths of what the
// cgroup may have.
func (l LimitsConfig) memory(cgroup int64) int64 {
	if l.MemoryMiB != 0 {
		return int64(l.MemoryMiB) << 20
	}
	return min(int64(workMiB+l.AnswersMiB)<<20, cgroup/10*9)
}

// tuneMemory lets more garbage pile up before it is collected: what lives is
// small and bounded, and each collection costs the calls under way. What a flood of
// large requests leaves behind is collected sooner. GOGC and GOMEMLIMIT win. It is of
// the process: the first driver in one decides.
func tuneMemory(l LimitsConfig) {
	tuned.Do(func() {
		if os.Getenv("GOGC") == "" {
			debug.SetGCPercent(400)
		}
		if os.Getenv("GOMEMLIMIT") == "" {
			debug.SetMemoryLimit(l.memory(cgroupMemory("/")))
		}
	})
}

var tuned sync.Once

// cgroupMemory is the least that memory.max allows the cgroup of this process or one
// above it (cgroup v2), in bytes; math.MaxInt64 where nothing does. The root of the file
// system is another in tests.
func cgroupMemory(root string) int64 {
	least := int64(math.MaxInt64)
	of, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return least
	}
	_, at, ok := strings.Cut("\n"+string(of), "\n0::")
	if !ok {
		return least
	}
	at, _, _ = strings.Cut(at, "\n")
	for at = path.Join("/", at); ; at = path.Dir(at) {
		text, err := os.ReadFile(filepath.Join(root, "sys/fs/cgroup", at, "memory.max"))
		if n, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && bad == nil && n > 0 {
			least = min(least, n)
		}
		if at == "/" {
			return least
		}
	}
}
