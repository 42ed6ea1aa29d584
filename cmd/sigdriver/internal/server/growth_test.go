// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"flag"
	"testing"

	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

var growthDoublings = flag.Int("growth", 2, "how often TestGrowth doubles each dimension")

// TestGrowth doubles what callers can make larger of a driver: how many of them there are, for
// how many sandboxes they ask, each question another digest, and how many were allowed ever
// before. What all of it allocates is nearly the same on any machine, and its exponent is held
// to a bound.
func TestGrowth(t *testing.T) {
	const few = 64 // questions beside what is doubled
	for _, g := range []struct {
		name string
		from int
		// allocated is what n of them cost.
		allocated func(t *testing.T, n int) float64
	}{
		{"callers", 16, func(t *testing.T, n int) float64 {
			w, s, request := coldFleet(t)
			return verifiertest.Allocated(func() {
				for range 2 { // one that is decided and one that is known
					w.askBy(t, s, request, n, 0, 8*n)
				}
			})
		}},
		{"digests asked for", 64, func(t *testing.T, n int) float64 {
			w, s, request := coldFleet(t)
			return verifiertest.Allocated(func() { w.askBy(t, s, request, 1, 0, n) })
		}},
		{"sandboxes ever allowed", 128, func(t *testing.T, n int) float64 {
			w, s, request := coldFleet(t)
			w.askFleet(t, s, request, n)
			return verifiertest.Allocated(func() { w.askBy(t, s, request, 1, n, n+few) })
		}},
	} {
		t.Run(g.name, func(t *testing.T) {
			var sizes, bytes []float64
			for n := g.from; n <= g.from<<*growthDoublings; n *= 2 {
				least := g.allocated(t, n)
				for range 2 { // what runs beside it can only add
					least = min(least, g.allocated(t, n))
				}
				sizes, bytes = append(sizes, float64(n)), append(bytes, least)
			}
			fitted := verifiertest.Exponent(sizes, bytes)
			t.Logf("bytes allocated at %v: %v, exponent %.2f", sizes, bytes, fitted)
			if fitted > verifiertest.MostExponent {
				t.Errorf("what is allocated grows with %s to the power %.2f, at most %v is allowed", g.name, fitted, verifiertest.MostExponent)
			}
		})
	}
}
