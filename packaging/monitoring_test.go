// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// promql reads expressions as Prometheus does by default.
var promql = parser.NewParser(parser.Options{})

var series = regexp.MustCompile(`sigdriver_[a-z_]+`)

// known checks that what an expression is made of is in docs/metrics.md.
func known(t *testing.T, expr string) {
	t.Helper()
	page := string(read(t, "../docs/metrics.md"))
	names := series.FindAllString(expr, -1)
	if len(names) == 0 {
		t.Errorf("%s is about no series of ours", expr)
	}
	for _, name := range names {
		if !strings.Contains(page, "`"+strings.TrimSuffix(name, "_bucket")+"`") {
			t.Errorf("%s: docs/metrics.md has no %s", expr, name)
		}
	}
}

// TestAlertRules reads the rules as Prometheus does; each alert has its page.
func TestAlertRules(t *testing.T) {
	groups, errs := rulefmt.ParseFile("monitoring/sigdriver.rules.yml", false, model.LegacyValidation, promql, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	alerts := map[string]bool{}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			alerts[r.Alert] = true
			known(t, r.Expr)
			page := string(read(t, "../"+r.Annotations["runbook"]))
			if !strings.HasPrefix(page, "# "+r.Alert+"\n") || !strings.Contains(page, "    "+r.Expr+"\n") {
				t.Errorf("the page of %s is about something else", r.Alert)
			}
		}
	}
	pages, err := os.ReadDir("../docs/runbooks")
	if err != nil || len(pages) != len(alerts) || len(pages) == 0 {
		t.Errorf("%d pages of %d alerts: %v", len(pages), len(alerts), err)
	}
}

// TestDashboard: every panel asks for series that there are.
func TestDashboard(t *testing.T) {
	var dashboard struct {
		Title         string
		UID           string
		SchemaVersion int
		Panels        []struct {
			ID         int
			Type       string
			Title      string
			Datasource struct{ Type, UID string }
			GridPos    struct{ H, W, X, Y int }
			Targets    []struct{ RefID, Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(read(t, "monitoring/sigdriver.dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.Title == "" || dashboard.UID == "" || dashboard.SchemaVersion < 36 || len(dashboard.Panels) == 0 {
		t.Errorf("%+v", dashboard)
	}
	ids := map[int]bool{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.Type == "" || p.Title == "" || p.Datasource.Type != "prometheus" || p.GridPos.X+p.GridPos.W > 24 || len(p.Targets) == 0 {
			t.Errorf("%+v", p)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			if _, err := promql.ParseExpr(target.Expr); err != nil {
				t.Errorf("%s: %v", p.Title, err)
			}
			known(t, target.Expr)
		}
	}
}
