// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package record

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkDurable compares, in interleaved rounds, what 64 callers get durable in
// a second with a bare append and fsync of as many bytes. TMPDIR has to be on a
// disk: a tmpfs makes anything durable at once. Where an fsync is quick, encoding
// is the limit; so memory is collected as often as in a driver, and no more.
func BenchmarkDurable(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	const rounds, slice = 9, 300 * time.Millisecond
	dir := b.TempDir()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		b.Fatal(err)
	}
	if st.Type == unix.TMPFS_MAGIC {
		b.Skip("a tmpfs: set TMPDIR to a folder on a disk")
	}
	j := start(b, dir, Options{DenyBudget: 1})
	e := allowed("web-" + strings.Repeat("x", 64))
	add(b, j, e)
	size := 0
	for s, err := range j.Entries(0) {
		if size = len(s.Raw); err != nil || size < 1400 || size > 1600 {
			b.Fatalf("an entry of %d bytes, %v", size, err)
		}
	}
	bare, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	for b.Loop() {
		var ratios, each []float64
		for range rounds {
			alone := rate(1, slice, func() error {
				if _, err := bare.Write(make([]byte, size)); err != nil {
					return err
				}
				return bare.Sync()
			}, b)
			many := rate(64, slice, func() error { _, _, err := put(j, e); return err }, b)
			ratios, each = append(ratios, many/alone), append(each, many)
		}
		slices.Sort(ratios)
		slices.Sort(each)
		b.ReportMetric(ratios[rounds/2], "×bare")
		b.ReportMetric(ratios[rounds/4], "×bare-q1")
		b.ReportMetric(ratios[rounds-1-rounds/4], "×bare-q3")
		b.ReportMetric(each[rounds/2], "appends/s")
	}
}

// rate is how often callers together get work done in a second.
func rate(callers int, during time.Duration, work func() error, b *testing.B) float64 {
	var done atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for range callers {
		all.Go(func() {
			for time.Since(begin) < during {
				if err := work(); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(begin).Seconds()
}
