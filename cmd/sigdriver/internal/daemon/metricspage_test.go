// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
)

//go:generate go test -run ^TestMetricsPage$ . -update-metrics

var updateMetrics = flag.Bool("update-metrics", false, "write docs/metrics.md")

const metricsPage = "../../../../docs/metrics.md"

var described = regexp.MustCompile(`fqName: "(sigdriver_[a-z_]+)", help: "(.*?)", (?:unit: ".*?", )?constLabels: \{(.*?)\}, variableLabels: \{(.*?)\}\}`)

// TestMetricsPage holds docs/metrics.md against what a driver registers.
func TestMetricsPage(t *testing.T) {
	m := NewMetrics("0.0.0")
	r := readings()
	r.Log = func() LogReading { return LogReading{} }
	m.Watch(r)
	m.registry.MustRegister(newLives(nil, nil, nil, nil), &endings{within: func(time.Time, time.Duration) []server.Ending { return nil }})
	descs := make(chan *prometheus.Desc, 1000)
	m.registry.Describe(descs)
	close(descs)
	rows := map[string]string{}
	for d := range descs {
		f := described.FindStringSubmatch(d.String())
		if f == nil {
			continue // of Go or the process
		}
		labels := strings.TrimSpace(f[4])
		if f[3] != "" && labels == "" {
			labels, _, _ = strings.Cut(f[3], "=")
		}
		kind := "gauge"
		switch {
		case strings.HasSuffix(f[1], "_total"):
			kind = "counter"
		case f[1] == "sigdriver_decision_seconds":
			kind = "histogram"
		}
		rows[f[1]] = fmt.Sprintf("| `%s` | %s | %s | %s |\n", f[1], kind, strings.ReplaceAll(labels, ",", ", "), f[2])
	}
	if len(rows) < 20 {
		t.Fatalf("only %d series", len(rows))
	}
	var page strings.Builder
	page.WriteString("# Metrics\n\n<!-- Generated from cmd/sigdriver/internal/daemon by `make generate`. Do not edit. -->\n\n" +
		"`/metrics` on the admin listener has these, beside those of Go and the process. No label holds what a caller chose. " +
		"[packaging/monitoring](../packaging/monitoring) has alert rules and a dashboard made of them, [runbooks](runbooks) a page for each alert.\n\n" +
		"| series | kind | labels | is |\n|---|---|---|---|\n")
	names := []string{}
	for name := range rows {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		page.WriteString(rows[name])
	}
	if *updateMetrics {
		if err := os.WriteFile(metricsPage, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(metricsPage)
	if err != nil || string(have) != page.String() {
		t.Errorf("docs/metrics.md is not current, run `make generate`: %v", err)
	}
}
