// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// A row lowers floors only as trust orders it, in every part: the id alone is no order.
func TestOrders(t *testing.T) {
	trust := ordering(t, "web", "10")
	id, name, wider := trust.Resets()[0].ID, "web", "*"
	order := func(change func(*record.AskedReset)) *record.AskedReset {
		r := &record.AskedReset{ID: id, Version: 10, Pattern: record.FloorPattern{Role: "SANDBOX_POLICY", Name: &name}}
		change(r)
		return r
	}
	if !memory.Orders(trust, order(func(*record.AskedReset) {})) {
		t.Fatal("the order itself")
	}
	if memory.Orders(nil, order(func(*record.AskedReset) {})) {
		t.Error("without trust")
	}
	for what, change := range map[string]func(*record.AskedReset){
		"another id":      func(r *record.AskedReset) { r.ID += "0" },
		"a lower version": func(r *record.AskedReset) { r.Version = 1 },
		"another role":    func(r *record.AskedReset) { r.Pattern.Role = "GLOBAL_POLICY" },
		"a wider name":    func(r *record.AskedReset) { r.Pattern.Name = &wider },
		"any name":        func(r *record.AskedReset) { r.Pattern.Name = nil },
		"a gateway":       func(r *record.AskedReset) { r.Pattern.GatewayID = &wider },
		"a workspace":     func(r *record.AskedReset) { r.Pattern.Workspace = &wider },
	} {
		if memory.Orders(trust, order(change)) {
			t.Error(what)
		}
	}
}
