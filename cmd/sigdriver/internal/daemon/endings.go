// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
)

// endings counts the documents in force whose approvals end soon.
type endings struct {
	now    func() time.Time
	within func(now time.Time, d time.Duration) []server.Ending
}

var endingCount = prometheus.NewDesc("sigdriver_approvals_ending", "Documents that were allowed since the start and whose approvals end within a time: 1d, 7d or 30d.", []string{"within"}, nil)

// Describe implements prometheus.Collector.
func (e *endings) Describe(out chan<- *prometheus.Desc) { out <- endingCount }

// Collect implements prometheus.Collector.
func (e *endings) Collect(out chan<- prometheus.Metric) {
	const day = 24 * time.Hour
	list, now := e.within(e.now(), 30*day), e.now()
	for _, w := range []struct {
		name string
		d    time.Duration
	}{{"1d", day}, {"7d", 7 * day}, {"30d", 30 * day}} {
		n := 0
		for _, one := range list {
			if one.NotAfter.Sub(now) <= w.d {
				n++
			}
		}
		out <- prometheus.MustNewConstMetric(endingCount, prometheus.GaugeValue, float64(n), w.name)
	}
}
