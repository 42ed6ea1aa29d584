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

// The numbers of OpenShell 0.1: a zero in front means nothing, an exponent needs
// neither a sign nor a point before it.
var (
	integerForm01 = regexp.MustCompile(`^[-+]?[0-9]+$|^0x[0-9a-fA-F]+$|^0o[0-7]+$`)
	floatForm01   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

var octalForm = regexp.MustCompile(`^[-+]?0[0-9]+$`)

func classify(l Line, s string) scalarType {
	whole, float := integerForm, floatForm
	if l.strict() {
		whole, float = integerForm01, floatForm01
	}
	switch {
	case isNull(s):
		return isNothing
	case s == "true" || s == "True" || s == "TRUE" || s == "false" || s == "False" || s == "FALSE":
		return isBool
	case !strings.ContainsRune(numberStarts, rune(s[0])):
		return isText
	case whole.MatchString(s):
		return isInteger
	case float.MatchString(s):
		return isFloat
	case noNumber.MatchString(s):
		return isNoNumber
	}
	return isText
}

// The spellings that YAML 1.1 and YAML 1.2 read as different things. A host that
// reads text where another reader sees a number signs something else than the
// author saw. These are refused in line 0.0.
var ambiguities = []struct {
	form *regexp.Regexp
	why  string
}{
	{octalForm, "is octal to some readers of YAML and decimal to others"},
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

// The spellings that this reader and that of OpenShell 0.1 do not read alike. All
// others are what OpenShell takes them for.
var ambiguities01 = regexp.MustCompile(`^0X[0-9a-fA-F]+$|^0O[0-7]+$`)

// ambiguous says why a plain scalar is not one thing, or nothing.
func ambiguous(l Line, s string) string {
	if l.strict() {
		if ambiguities01.MatchString(s) || bigHex(s) {
			return "is a number to some readers of YAML and text to others: put a text into quotes, write a number in plain decimal digits"
		}
		return ""
	}
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
	if err != nil || vanishes(s, f) || integerForm.MatchString(s) { // an integer beyond 64 bits
		return "", false
	}
	return strconv.FormatFloat(f, 'g', -1, 64), true
}

// bigHex reports whether a text is a number in base 16 of more than 63 bits.
func bigHex(s string) bool {
	if !strings.HasPrefix(s, "0x") || !integerForm01.MatchString(s) {
		return false
	}
	_, err := strconv.ParseInt(s[2:], 16, 64)
	return err != nil
}

// parse01 reads an integer as OpenShell 0.1 does, of at most 64 bits with its sign.
func parse01(s string) (n int64, ok bool) {
	if !integerForm01.MatchString(s) {
		return 0, false
	}
	base, digits := 10, s
	switch {
	case strings.HasPrefix(s, "0x"):
		base, digits = 16, s[2:]
	case strings.HasPrefix(s, "0o"):
		base, digits = 8, s[2:]
	}
	n, err := strconv.ParseInt(digits, base, 64)
	return n, err == nil
}

// parseWhole reads a whole number as OpenShell 0.1 does, which takes 443.0 and 1e3 for
// one.
func parseWhole(s string, low int64, high uint64) (string, bool) {
	n, ok := parse01(s)
	if !ok {
		if !floatForm01.MatchString(s) || integerForm01.MatchString(s) {
			return "", false
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 || vanishes(s, f) {
			return "", false
		}
		n = int64(f)
	}
	return strconv.FormatInt(n, 10), n >= low && (n < 0 || uint64(n) <= high)
}

// vanishes reports whether a number is not 0 and becomes it as a double.
func vanishes(s string, f float64) bool {
	mantissa, _, _ := strings.Cut(strings.ToLower(s), "e")
	return f == 0 && strings.Trim(mantissa, "+-0.") != ""
}

// numberTextOf01 returns a number of free-form configuration as JSON. OpenShell reads
// what is longer than 63 bits as a double, and rounds it silently.
func numberTextOf01(s string) (string, bool) {
	if integerForm01.MatchString(s) {
		n, ok := parse01(s)
		return strconv.FormatInt(n, 10), ok
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || vanishes(s, f) {
		return "", false
	}
	return strconv.FormatFloat(f, 'g', -1, 64), true
}

var durationForm = regexp.MustCompile(`^([0-9]+)(?:\.([0-9]+))?s$`)

// parseDuration reads seconds with a fraction and writes them as ProtoJSON does.
func parseDuration(s string, high uint64) (string, bool) {
	found := durationForm.FindStringSubmatch(s)
	if found == nil || len(found[2]) > 9 {
		return "", false
	}
	n, err := strconv.ParseUint(found[1], 10, 64)
	nanos := strings.TrimRight(found[2], "0")
	if err != nil || n > high || n == high && nanos != "" {
		return "", false
	}
	if nanos == "" {
		return strconv.FormatUint(n, 10) + "s", true
	}
	for len(nanos)%3 != 0 {
		nanos += "0"
	}
	return strconv.FormatUint(n, 10) + "." + nanos + "s", true
}
