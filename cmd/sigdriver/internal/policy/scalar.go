// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// What a plain scalar is, in YAML 1.1, in the core schema of 1.2, and for the
// host: all three agree once ambiguous has had its say.
type scalarType int

const (
	isText scalarType = iota
	isNothing
	isBool
	isInteger
	isFloat
	isNoNumber // .nan and .inf
)

func isNull(s string) bool {
	return s == "" || s == "~" || s == "null" || s == "Null" || s == "NULL"
}

// numberStarts are what a number in any of the spellings below begins with.
const numberStarts = "+-.0123456789"

// The numbers on which all readers agree.
var (
	integerForm = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$|^0x[0-9a-fA-F]+$`)
	floatForm   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+][0-9]+)?$`)
	noNumber    = regexp.MustCompile(`^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$`)
)

func classify(s string) scalarType {
	switch {
	case isNull(s):
		return isNothing
	case s == "true" || s == "True" || s == "TRUE" || s == "false" || s == "False" || s == "FALSE":
		return isBool
	case !strings.ContainsRune(numberStarts, rune(s[0])):
		return isText
	case integerForm.MatchString(s):
		return isInteger
	case floatForm.MatchString(s):
		return isFloat
	case noNumber.MatchString(s):
		return isNoNumber
	}
	return isText
}

// The spellings that YAML 1.1 and YAML 1.2 read as different things. A host that
// reads text where another reader sees a number signs something else than the
// author saw.
var ambiguities = []struct {
	form *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`^[-+]?0[0-9]+$`), "is octal to some readers of YAML and decimal to others"},
	{regexp.MustCompile(`^[-+]?0o[0-7]+$`), "is a number to some readers of YAML and text to others"},
	{regexp.MustCompile(`^[-+]?0b[01_]+$`), "is a number to some readers of YAML and text to others"},
	{regexp.MustCompile(`^[-+]0x[0-9a-fA-F_]+$`), "is a number to some readers of YAML and text to others"},
	{regexp.MustCompile(`^[-+]?[0-9][0-9_]*_[0-9_]*$|^0x[0-9a-fA-F]*_[0-9a-fA-F_]*$`), "is a number to some readers of YAML and text to others"},
	{regexp.MustCompile(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`), "is a number in base 60 to some readers of YAML and text to others"},
	{regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][0-9]+$|^[-+]?[0-9]+[eE][-+][0-9]+$`), "is a number to some readers of YAML and text to others"},
	{regexp.MustCompile(`^[-+]?[0-9][0-9_]*\.[0-9_]*_[0-9_]*([eE][-+]?[0-9]+)?$|^[-+]?\.[0-9]*_[0-9_]*$`), "is a number to some readers of YAML and text to others"},
	{regexp.MustCompile(`^(yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$`), "is true or false to some readers of YAML and text to others"},
	{regexp.MustCompile(`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}($|[Tt][0-9]|[ \t]+[0-9])`), "is a date to some readers of YAML and text to others"},
	{regexp.MustCompile(`^=$`), "is a special value to some readers of YAML and text to others"},
}

// ambiguous says why a plain scalar is not one thing, or nothing.
func ambiguous(s string) string {
	if s == "" || !strings.ContainsRune(numberStarts+"=yYnNoO", rune(s[0])) {
		return ""
	}
	for _, a := range ambiguities {
		if a.form.MatchString(s) {
			return a.why + ": put a text into quotes, write a number in plain decimal digits"
		}
	}
	return ""
}

// parseInteger reads an integer that all readers agree on.
func parseInteger(s string, low int64, high uint64) (string, bool) {
	if !integerForm.MatchString(s) {
		return "", false
	}
	s = strings.TrimPrefix(s, "+")
	if strings.HasPrefix(s, "-") {
		n, err := strconv.ParseInt(s, 10, 64)
		return strconv.FormatInt(n, 10), err == nil && n >= low && low < 0 // the host takes no -0 for 0
	}
	n, err := strconv.ParseUint(s, 0, 64)
	return strconv.FormatUint(n, 10), err == nil && n <= high
}

// numberText returns a number of free-form configuration as JSON: an integer in
// its digits, a fraction as the double that is nearest to it, as the host takes it.
func numberText(s string) (string, bool) {
	if n, ok := parseInteger(s, math.MinInt64, math.MaxUint64); ok {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	mantissa, _, _ := strings.Cut(strings.ToLower(s), "e")
	tooSmall := f == 0 && strings.Trim(mantissa, "+-0.") != ""
	if err != nil || tooSmall || integerForm.MatchString(s) { // an integer beyond 64 bits
		return "", false
	}
	return strconv.FormatFloat(f, 'g', -1, 64), true
}
