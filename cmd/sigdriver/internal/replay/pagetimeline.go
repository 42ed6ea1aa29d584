// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"fmt"
	"math"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// timeline is decisions over time, drawn in a box of 1000 by 300 units, with the
// trust that they were made by below.
type timeline struct {
	From, To time.Time
	Bars     []bar
	Lines    []tick // across, with a count
	Dates    []tick
	Epochs   []epochSpan
	Marks    []trustMark
	Legend   []row
}

// bar is one stretch of time for one outcome. All numbers are SVG units.
type bar struct {
	X, Y, Width, Height string
	Class, Title        string
}

// tick is a line with a label, and where the label is anchored.
type tick struct{ At, Label, Anchor string }

// epochSpan is one stretch of trust.
type epochSpan struct {
	X, Width, Middle string
	Label, Title     string
	Odd              bool
}

// trustMark is an event of trust.
type trustMark struct{ X, Class, Title string }

// The plot: bars stand on plotBase, and are at most as high as plotHeight.
const (
	plotLeft, plotRight  = 50.0, 990.0
	plotBase, plotHeight = 210.0, 190.0
	plotSlots            = 60
)

// plotSpread is how time maps to the plot.
type plotSpread struct{ from, to time.Time }

func (s plotSpread) x(t time.Time) float64 {
	whole := s.to.Sub(s.from)
	if whole <= 0 {
		return plotLeft
	}
	return plotLeft + (plotRight-plotLeft)*min(max(float64(t.Sub(s.from))/float64(whole), 0), 1)
}

func (s plotSpread) slot(t time.Time) int {
	return min(int((s.x(t)-plotLeft)/(plotRight-plotLeft)*plotSlots), plotSlots-1)
}

func (s plotSpread) start(slot int) time.Time {
	return s.from.Add(time.Duration(float64(s.to.Sub(s.from)) * float64(slot) / plotSlots))
}

func newTimeline(r *Report, denials []row) timeline {
	var t timeline
	for i, x := range r.Results {
		if at := x.Entry.Time; i == 0 || at.Before(t.From) {
			t.From = at
		}
		if at := x.Entry.Time; at.After(t.To) {
			t.To = at
		}
	}
	s := plotSpread{t.From, t.To.Add(time.Second)}
	t.bars(s, r, denials)
	t.dates(s)
	if r.Fleet == nil { // each driver counts its own epochs
		t.epochs(s, r.Lines)
	}
	t.Legend = append(t.Legend, row{Name: "ALLOW", Class: "allow"})
	for i, d := range denials {
		if i < colours {
			t.Legend = append(t.Legend, row{Name: d.Name, Class: d.Class})
		}
	}
	if len(denials) > colours {
		t.Legend = append(t.Legend, row{Name: fmt.Sprintf("%d other reasons", len(denials)-colours), Class: denialClass(colours)})
	}
	return t
}

// bars stacks what was decided in each slot: allowed below, refused by reason above.
func (t *timeline) bars(s plotSpread, r *Report, denials []row) {
	classes, of := []string{"allow"}, map[string]int{}
	for i, d := range denials {
		at := min(i, colours) + 1
		if of[d.Name] = at; at == len(classes) {
			classes = append(classes, d.Class)
		}
	}
	counts := make([][]int, plotSlots)
	most := 0
	for i := range counts {
		counts[i] = make([]int, len(classes))
	}
	for _, x := range r.Results {
		slot, kind := s.slot(x.Entry.Time), 0
		if x.Entry.Verdict != verifier.Allow.String() {
			kind = of[x.Entry.Reason]
		}
		counts[slot][kind]++
	}
	for _, c := range counts {
		most = max(most, total(c))
	}
	top := nice(most)
	for i := 0; i <= 4; i++ {
		t.Lines = append(t.Lines, tick{svgUnits(plotBase - plotHeight*float64(i)/4), grouped(top * i / 4), "end"})
	}
	width := (plotRight - plotLeft) / plotSlots
	for slot, c := range counts {
		y := plotBase
		for kind, n := range c {
			if n == 0 {
				continue
			}
			h := plotHeight * float64(n) / float64(top)
			y -= h
			name := "allowed"
			if kind > 0 {
				name = "refused: " + kindName(kind, denials)
			}
			t.Bars = append(t.Bars, bar{svgUnits(plotLeft + float64(slot)*width + 0.5), svgUnits(y), svgUnits(width - 1), svgUnits(h), classes[kind],
				fmt.Sprintf("%s UTC: %s %s", s.start(slot).UTC().Format("2006-01-02 15:04"), grouped(n), name)})
		}
	}
}

func kindName(kind int, denials []row) string {
	if kind > colours {
		return "other reasons"
	}
	return denials[kind-1].Name
}

func total(list []int) (n int) {
	for _, x := range list {
		n += x
	}
	return n
}

// nice is the next number from n on that four lines divide well.
func nice(n int) int {
	n = max(n, 1)
	step := math.Pow(10, math.Floor(math.Log10(float64(max(n, 4)))))
	for _, f := range []float64{0.4, 1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10, 12} {
		if top := int(f * step); top >= n && top%4 == 0 {
			return top
		}
	}
	return (n + 3) / 4 * 4
}

func (t *timeline) dates(s plotSpread) {
	layout := "2 Jan"
	switch whole := s.to.Sub(s.from); {
	case whole < 10*time.Minute:
		layout = "15:04:05"
	case whole < 48*time.Hour:
		layout = "15:04"
	case whole > 300*24*time.Hour:
		layout = "Jan 2006"
	}
	for i := range 7 {
		at := s.start(plotSlots * i / 6)
		anchor := "middle"
		switch i {
		case 0:
			anchor = "start"
		case 6:
			anchor = "end"
		}
		t.Dates = append(t.Dates, tick{svgUnits(s.x(at)), at.UTC().Format(layout), anchor})
	}
}

// epochs draws the trust in force below the bars, and marks what changed it.
func (t *timeline) epochs(s plotSpread, lines []Line) {
	for i, l := range lines {
		if i > 0 && lines[i-1].Epoch == l.Epoch {
			continue
		}
		end := s.to
		for _, next := range lines[i+1:] {
			if next.Epoch != l.Epoch {
				end = next.AcceptedAt
				break
			}
		}
		x, to := s.x(l.AcceptedAt), s.x(end)
		e := epochSpan{X: svgUnits(x), Width: svgUnits(max(to-x-1, 1)), Middle: svgUnits((x + to) / 2), Odd: l.Epoch%2 == 1,
			Title: fmt.Sprintf("epoch %d, accepted %s UTC: %s", l.Epoch, l.AcceptedAt.UTC().Format("2006-01-02 15:04"), l.Changes)}
		if to-x > 16 {
			e.Label = fmt.Sprint(l.Epoch)
		}
		t.Epochs = append(t.Epochs, e)
		t.mark(s, i, lines)
	}
}

// mark points at rotations of the root and at revocations.
func (t *timeline) mark(s plotSpread, i int, lines []Line) {
	l := lines[i]
	for _, c := range l.Changes {
		var class string
		switch {
		case i > 0 && l.Versions.Root != lines[i-1].Versions.Root && len(c) > 4 && c[:4] == "root":
			class = "rotation"
		case i > 0 && len(c) > 11 && c[:11] == "revocations":
			class = "revocation"
		default:
			continue
		}
		t.Marks = append(t.Marks, trustMark{svgUnits(s.x(l.AcceptedAt)), class, fmt.Sprintf("%s, epoch %d", c, l.Epoch)})
	}
}

func svgUnits(x float64) string { return fmt.Sprintf("%.1f", x) }
