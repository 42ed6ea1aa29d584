// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package printable makes text that others wrote safe to show: what a terminal or a
// page would obey, hide, leave blank or move elsewhere on the line is escaped.
package printable

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// scripts are written from left to right and in one cell a letter. What is
// written otherwise reorders what stands around it, and is escaped.
var scripts = []*unicode.RangeTable{unicode.Common, unicode.Latin, unicode.Greek, unicode.Cyrillic,
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul}

// hidden are letters and symbols that look like nothing: those that Unicode calls
// default-ignorable, and those that are drawn blank.
var hidden = []*unicode.RangeTable{unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Bidi_Control, {
	R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}, {Lo: 0xFFFC, Hi: 0xFFFC, Stride: 1}},     // braille blank, object replacement
	R32: []unicode.Range32{{Lo: 0x1D159, Hi: 0x1D159, Stride: 1}, {Lo: 0x1D173, Hi: 0x1D17A, Stride: 1}}, // of musical notation
}}

// Shows reports whether a character stands for itself on a line: a letter, digit,
// mark of punctuation or symbol that is seen and moves nothing, or the plain space.
func Shows(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r != 0x7f
	}
	return unicode.In(r, scripts...) && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsPunct(r) || unicode.IsSymbol(r)) &&
		!unicode.In(r, hidden...)
}

// Text returns a text as it is where every character shows, else with the others
// escaped as Go writes them in a string. It is one line.
func Text(s string) string {
	if shows(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || !Shows(r) {
			q := strconv.QuoteToASCII(s[:n])
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

func shows(s string) bool {
	for _, r := range s {
		if !Shows(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// Quote quotes foreign text for an error or a log line. Its beginning is enough to
// recognise it.
func Quote(s string) string {
	if len(s) > 128 {
		s = s[:128] + "…"
	}
	q := strconv.Quote(s)
	return `"` + Text(q[1:len(q)-1]) + `"`
}

// Clip shortens foreign text and makes it safe, without quotes around it.
func Clip(s string) string {
	if len(s) > 256 {
		s = s[:256] + "…"
	}
	q := strconv.Quote(s)
	return Text(q[1 : len(q)-1])
}

// Escape escapes what is beyond ASCII and does not show, as JSON writes it in a
// string: JSON means the same as before. Of ASCII all stays, line ends and colours
// too; whoever made the text has seen to that.
func Escape(text []byte) []byte {
	var out []byte // of what came before from; nil while nothing was escaped
	from := 0
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 || !Shows(r) {
			out = appendEscaped(append(out, text[from:i]...), r)
			from = i + n
		}
		i += n
	}
	if from == 0 {
		return text
	}
	return append(out, text[from:]...)
}

func appendEscaped(out []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(out, `\u%04x`, r)
}

// Writer escapes what is written to W as Inert does, also where a write ends within
// a character or a command. It may be used from many goroutines.
type Writer struct {
	W        io.Writer
	mu       sync.Mutex
	rest     []byte // the beginning of a character
	commands commands
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := append(w.rest, p...)
	w.rest = nil
	for cut := 1; cut < utf8.UTFMax && cut <= len(text); cut++ {
		if tail := text[len(text)-cut:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				w.rest = append(w.rest, tail...)
				text = text[:len(text)-cut]
			}
			break
		}
	}
	if _, err := w.W.Write(w.commands.inert(Escape(text))); err != nil {
		return 0, err
	}
	return len(p), nil
}
