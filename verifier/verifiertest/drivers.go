// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import "github.com/sigdriver/sigdriver/verifier"

// DriverKey is a receipt key in drivers.json; times are RFC 3339 or empty.
type DriverKey struct {
	PEM       string `json:"pem"`
	NotBefore string `json:"notBefore,omitempty"`
	NotAfter  string `json:"notAfter,omitempty"`
}

// Drivers is the bytes of drivers.json: driver id → its keys.
func Drivers(keys map[string][]DriverKey) []byte {
	type entry struct {
		Keys []DriverKey `json:"keys"`
	}
	drivers := map[string]entry{}
	for id, list := range keys {
		drivers[id] = entry{list}
	}
	return Compact(map[string]any{"schema": verifier.DriversSchema, "drivers": drivers})
}
