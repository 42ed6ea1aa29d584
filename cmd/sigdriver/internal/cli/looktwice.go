// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
)

// A version above this is no count and no time in milliseconds: whoever types it leaves
// no room, for nothing goes below it again.
const absurdVersion = 9_999_999_999_999

// farOff is how long an approval lasts that nobody will remember the end of.
const farOff = 2 * 366 * 24 * time.Hour

// lookTwice says what is allowed and seldom meant.
func lookTwice(w io.Writer, a *policy.Approval, now time.Time) {
	var lines []string
	if a.Version > absurdVersion {
		lines = append(lines, fmt.Sprintf("version %d: every later version of this must be above it", a.Version))
	}
	if a.NotAfter.Sub(now) > farOff {
		lines = append(lines, "it ends in more than two years: until then only a floor or a revocation retires it")
	}
	if a.Workspace == "*" && a.Name == "*" {
		lines = append(lines, "it is for every name in every workspace")
	}
	for _, host := range policy.Hosts(a.Document.Body) {
		if text := oddHost(host); text != "" {
			lines = append(lines, fmt.Sprintf("host %.100q %s", host, text))
		}
	}
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(w, "\nLook twice:")
	for _, line := range lines {
		fmt.Fprintf(w, "  %s\n", printable(line))
	}
}

// oddHost says what is odd about a host, "" for nothing.
func oddHost(host string) string {
	switch {
	case strings.HasSuffix(host, "."):
		return "ends in a dot: what a client asks for may lack it"
	case strings.ToLower(host) != host:
		return "has capital letters"
	case strings.HasPrefix(host, "xn--") || strings.Contains(host, ".xn--"):
		return "is punycode: look at what it spells"
	case numericHost(host):
		return "is a number, not a name: who answers there can change"
	}
	return ""
}

// numericHost reports whether a host is an address, also in the spellings that only
// some clients take for one.
func numericHost(host string) bool {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	if host == "" || strings.Contains(host, "*") {
		return false
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	digits := strings.TrimPrefix(last, "0x")
	return digits != "" && strings.Trim(digits, "0123456789") == "" || digits != last && strings.Trim(digits, "0123456789abcdef") == ""
}
