// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"strings"
	"testing"
	"time"
)

const plainApproval = `{"surface":"openshell.sandbox.v1.SandboxPolicy","role":"SANDBOX_POLICY","scope":{"gateway":"*","workspace":"prod","name":"web-*"},"version":"42","notBefore":"2026-01-02T15:04:05Z","notAfter":"2027-01-02T15:04:05Z","reason":"because"}`

func TestParseApproval(t *testing.T) {
	version := func(v string) [2]string { return [2]string{`"42"`, v} }
	after := func(v string) [2]string { return [2]string{`2027-01-02T15:04:05Z`, v} }
	before := func(v string) [2]string { return [2]string{`2026-01-02T15:04:05Z`, v} }
	drop := func(m string) [2]string { return [2]string{m, ""} }
	for _, c := range []struct {
		name string
		edit [2]string
		ok   bool
	}{
		{"without a reason", drop(`,"reason":"because"`), true},
		{"version 1", version(`"1"`), true},
		{"the highest version", version(`"9223372036854775807"`), true},
		{"a fraction", before("2026-01-02T15:04:05.123456789Z"), true},
		{"a short fraction", before("2026-01-02T15:04:05.5Z"), true},
		{"the first second of 1970", before("1970-01-01T00:00:00Z"), true},
		{"an empty workspace", [2]string{`"prod"`, `""`}, true},
		{"the year 9999", after("9999-12-31T23:59:59Z"), true},
		{"a leap day", before("2024-02-29T00:00:00Z"), true},

		{"an unknown member", [2]string{`"surface"`, `"note":1,"surface"`}, false},
		{"an unknown member of the scope", [2]string{`"gateway"`, `"note":1,"gateway"`}, false},
		{"Surface", [2]string{`"surface"`, `"Surface"`}, false},
		{"Reason beside", [2]string{`"reason"`, `"Reason":"x","reason"`}, false},
		{"a duplicate", [2]string{`"surface"`, `"surface":"x","surface"`}, false},
		{"a duplicate in the scope", [2]string{`"name"`, `"name":"*","name"`}, false},
		{"no surface", drop(`"surface":"openshell.sandbox.v1.SandboxPolicy",`), false},
		{"no role", drop(`"role":"SANDBOX_POLICY",`), false},
		{"no scope", drop(`"scope":{"gateway":"*","workspace":"prod","name":"web-*"},`), false},
		{"no gateway", drop(`"gateway":"*",`), false},
		{"no workspace", drop(`"workspace":"prod",`), false},
		{"no name", drop(`,"name":"web-*"`), false},
		{"no version", drop(`"version":"42",`), false},
		{"no notBefore", drop(`"notBefore":"2026-01-02T15:04:05Z",`), false},
		{"no notAfter", drop(`"notAfter":"2027-01-02T15:04:05Z",`), false},
		{"a null", [2]string{`"*"`, `null`}, false},
		{"a null reason", [2]string{`"because"`, `null`}, false},
		{"a scope that is a string", [2]string{`{"gateway":"*","workspace":"prod","name":"web-*"}`, `"*"`}, false},
		{"an empty surface", [2]string{`openshell.sandbox.v1.SandboxPolicy`, ``}, false},
		{"an unknown role", [2]string{`SANDBOX_POLICY`, `sandbox_policy`}, false},
		{"the unspecified role", [2]string{`SANDBOX_POLICY`, `ROLE_UNSPECIFIED`}, false},

		{"version 0", version(`"0"`), false},
		{"version -1", version(`"-1"`), false},
		{"version +1", version(`"+1"`), false},
		{"a leading zero", version(`"042"`), false},
		{"a number", version(`42`), false},
		{"a fraction of a version", version(`"4.2"`), false},
		{"an exponent", version(`"4e1"`), false},
		{"2^63", version(`"9223372036854775808"`), false},
		{"2^64+1", version(`"18446744073709551617"`), false},
		{"a space", version(`" 42"`), false},
		{"an empty version", version(`""`), false},
		{"an underscore", version(`"4_2"`), false},

		{"a leap second", after("2026-12-31T23:59:60Z"), false},
		{"the 30th of February", after("2026-02-30T00:00:00Z"), false},
		{"the 29th of February in 2026", after("2026-02-29T00:00:00Z"), false},
		{"an offset", after("2027-01-02T15:04:05+00:00"), false},
		{"an impossible offset", after("2027-01-02T15:04:05+24:00"), false},
		{"the year 10000", after("10000-01-01T00:00:00Z"), false},
		{"before 1970", before("1969-12-31T23:59:59Z"), false},
		{"the year 1", before("0001-01-01T00:00:00Z"), false},
		{"small letters", after("2027-01-02t15:04:05z"), false},
		{"no T", after("2027-01-02 15:04:05Z"), false},
		{"no seconds", after("2027-01-02T15:04Z"), false},
		{"hour 24", after("2027-01-02T24:00:00Z"), false},
		{"one digit", after("2027-1-02T15:04:05Z"), false},
		{"a comma", after("2027-01-02T15:04:05,5Z"), false},
		{"a sign in a fraction", after("2027-01-02T15:04:05.-5Z"), false},
		{"a colon in a fraction", after("2027-01-02T15:04:05.5:Z"), false},
		{"a bare point", after("2027-01-02T15:04:05.Z"), false},
		{"ten digits", after("2027-01-02T15:04:05.1234567890Z"), false},
		{"a day only", after("2027-01-02"), false},
		{"a number of seconds", [2]string{`"2027-01-02T15:04:05Z"`, `1798902245`}, false},
		{"an end before the start", after("2026-01-02T15:04:04Z"), false},
		{"an end at the start", after("2026-01-02T15:04:05Z"), false},
		{"an end just after the start", after("2026-01-02T15:04:05.000000001Z"), true},
		{"trailing", [2]string{`"because"}`, `"because"}x`}, false},
		{"an array", [2]string{plainApproval, `[]`}, false},
		{"nothing", [2]string{plainApproval, ``}, false},
	} {
		text := strings.Replace(plainApproval, c.edit[0], c.edit[1], 1)
		if text == plainApproval {
			t.Fatalf("%s: the edit changes nothing", c.name)
		}
		a, f := parseApprovalPredicate([]byte(text))
		switch {
		case (a == nil) == (f == nil):
			t.Errorf("%s: %v with %v", c.name, a, f)
		case f == nil && !c.ok:
			t.Errorf("%s is accepted", c.name)
		case f != nil && (c.ok || f.Reason != PredicateInvalid):
			t.Errorf("%s: %v (%s)", c.name, f.Reason, f.Detail)
		}
	}
}

// A fraction is worth what its digits say, however many there are.
func TestParseInstant(t *testing.T) {
	for text, want := range map[string]time.Time{
		"1970-01-01T00:00:00Z":           time.Unix(0, 0),
		"2026-01-02T15:04:05.5Z":         time.Date(2026, 1, 2, 15, 4, 5, 500_000_000, time.UTC),
		"2026-01-02T15:04:05.000000001Z": time.Date(2026, 1, 2, 15, 4, 5, 1, time.UTC),
	} {
		if got, ok := parseInstant(text); !ok || !got.Equal(want) {
			t.Errorf("%s: %v, %v", text, got, ok)
		}
	}
}

// Of several members that are missing one is named, always the same.
func TestTheFirstMissingMemberIsNamed(t *testing.T) {
	for range 32 {
		if _, f := parseApprovalPredicate([]byte(`{"version":"1"}`)); f == nil || !strings.Contains(f.Detail, "notAfter is missing") {
			t.Fatalf("%+v", f)
		}
	}
}

func TestApprovalContent(t *testing.T) {
	a, f := parseApprovalPredicate([]byte(strings.Replace(plainApproval, `"42"`, `"9007199254740993"`, 1)))
	if f != nil {
		t.Fatal(f)
	}
	want := approvalPredicate{
		surface: "openshell.sandbox.v1.SandboxPolicy", role: "SANDBOX_POLICY",
		scope:     approvalScope{gateway: "*", workspace: "prod", name: "web-*"},
		version:   9007199254740993, // a double would hold …992
		notBefore: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), notAfter: time.Date(2027, 1, 2, 15, 4, 5, 0, time.UTC),
		reason: "because",
	}
	if *a != want {
		t.Errorf("%+v, want %+v", *a, want)
	}
}
