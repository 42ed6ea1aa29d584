// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	for _, c := range []struct {
		limits LimitsConfig
		cgroup int64
		want   int64
	}{
		{LimitsConfig{AnswersMiB: 64}, math.MaxInt64, 224 << 20},
		{LimitsConfig{AnswersMiB: 1024}, math.MaxInt64, 1184 << 20},
		{LimitsConfig{AnswersMiB: 64}, 200 << 20, 200 << 20 / 10 * 9},
		{LimitsConfig{AnswersMiB: 64, MemoryMiB: 500}, 200 << 20, 500 << 20},
	} {
		if got := c.limits.memory(c.cgroup); got != c.want {
			t.Errorf("%+v in a cgroup of %d: %d, want %d", c.limits, c.cgroup, got, c.want)
		}
	}
}

func TestCgroupMemory(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when string, want int64) {
		t.Helper()
		if got := cgroupMemory(root); got != want {
			t.Errorf("%s: %d, want %d", when, got, want)
		}
	}
	expect("no cgroups", math.MaxInt64)
	write("proc/self/cgroup", "4:memory:/old\n")
	expect("version 1 alone", math.MaxInt64)
	write("proc/self/cgroup", "1:name=systemd:/x\n0::/system.slice/sigdriver.service\n")
	expect("no controller", math.MaxInt64)
	write("sys/fs/cgroup/system.slice/sigdriver.service/memory.max", "max\n")
	expect("no limit", math.MaxInt64)
	write("sys/fs/cgroup/system.slice/memory.max", "1000\n")
	expect("a limit above", 1000)
	write("sys/fs/cgroup/system.slice/sigdriver.service/memory.max", "500\n")
	expect("a lower one here", 500)
	write("sys/fs/cgroup/memory.max", "100\n")
	expect("a lower one at the top, as in a container", 100)
	write("proc/self/cgroup", "0::/../../etc\n")
	expect("a path that leads out", 100)
}
