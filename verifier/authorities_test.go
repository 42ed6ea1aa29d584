// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// testPEM is a fresh public key, JSON-escaped.
func testPEM(t *testing.T, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return strings.ReplaceAll(text, "\n", `\n`)
}

// baseAuthorities is a file that parses; every refusal below is one edit away.
func baseAuthorities(t *testing.T) string {
	t.Helper()
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{
 "schema": "sigdriver.authorities/v1",
 "principals": {
  "alice": {"keys": [{"pem": "%s", "notBefore": "2026-01-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00Z"}]},
  "bob": {"keys": [{"pem": "%s"}], "identities": [{"issuer": "https://issuer.test", "san": "bob@test"}]},
  "ci": {"identities": [{"issuer": "https://issuer.test", "sanRegexp": "^https://ci.test/[a-z]+$"}]}
 },
 "authorities": {
  "security": {"principals": ["alice", "bob"], "threshold": 2},
  "builders": {"principals": ["ci", "bob"], "threshold": 1}
 },
 "rules": [
  {"name": "policies", "surface": "openshell.sandbox.v1.SandboxPolicy", "roles": ["SANDBOX_POLICY"], "workspace": "prod",
   "mode": "enforce",
   "require": [{"authority": "security", "predicateType": "https://sigdriver.dev/policy-approval/v1"},
               {"authority": "builders", "predicateType": "https://slsa.dev/provenance/v1"}],
   "distinct": [["security", "builders"]],
   "maxAge": "72h", "algorithms": ["ed25519", "ecdsa-p256-sha256"]}
 ],
 "keyless": {"tlogs": 1, "timestamps": 0, "scts": 1},
 "floors": [{"role": "SANDBOX_POLICY", "workspace": "prod", "version": "42", "reset": true}],
 "restored": [{"kind": "document", "sha256": "%s"}],
 "maxStale": "24h",
 "minDriverVersion": "0.1.0"
}`, testPEM(t, ed), testPEM(t, ec.Public()), strings.Repeat("ab", 32))
}

func TestAuthoritiesRefusals(t *testing.T) {
	base := baseAuthorities(t)
	if _, err := parseAuthorities([]byte(base)); err != nil {
		t.Fatalf("the base must parse: %v", err)
	}
	alicePEM := base[strings.Index(base, `"pem": "`)+8:]
	alicePEM = alicePEM[:strings.Index(alicePEM, `"`)]
	bobPEM := base[strings.LastIndex(base, `"pem": "`)+8:]
	bobPEM = bobPEM[:strings.Index(bobPEM, `"`)]
	for name, edit := range map[string][2]string{
		"unknown member":                 {`"maxStale"`, `"maxstale"`},
		"unknown member in a rule":       {`"maxAge"`, `"maxage"`},
		"duplicate member":               {`"maxStale": "24h"`, `"maxStale": "24h", "maxStale": "24h"`},
		"other schema":                   {"authorities/v1", "authorities/v2"},
		"one key of two principals":      {bobPEM, alicePEM},
		"one identity of two principals": {`"sanRegexp": "^https://ci.test/[a-z]+$"`, `"san": "bob@test"`},
		"threshold above the members":    {`"threshold": 2`, `"threshold": 3`},
		"threshold zero":                 {`"threshold": 2`, `"threshold": 0`},
		"threshold negative":             {`"threshold": 2`, `"threshold": -1`},
		"unknown principal":              {`["alice", "bob"]`, `["alice", "mallory"]`},
		"principal twice":                {`["alice", "bob"]`, `["alice", "alice"]`},
		"unknown authority":              {`"authority": "security"`, `"authority": "nobody"`},
		"requirement twice":              {`{"authority": "builders", "predicateType": "https://slsa.dev/provenance/v1"}`, `{"authority": "security", "predicateType": "https://sigdriver.dev/policy-approval/v1"}`},
		"empty predicateType":            {"https://slsa.dev/provenance/v1", ""},
		"unknown surface":                {"openshell.sandbox.v1.SandboxPolicy", "openshell.sandbox.v2.SandboxPolicy"},
		"role of another surface":        {`"roles": ["SANDBOX_POLICY"]`, `"roles": ["PROVIDER_PROFILE"]`},
		"unknown mode":                   {`"enforce"`, `"warn"`},
		"no mode":                        {`"mode": "enforce",`, ``},
		"unanchored regexp":              {`"^https://ci.test/[a-z]+$"`, `"https://ci.test/[a-z]+$"`},
		"regexp with an escaped dollar":  {`"^https://ci.test/[a-z]+$"`, `"^https://ci.test/[a-z]+\\$"`},
		"regexp that closes our group":   {`"^https://ci.test/[a-z]+$"`, `"^a)|(?:b$"`},
		"regexp that does not compile":   {`"^https://ci.test/[a-z]+$"`, `"^[$"`},
		"distinct of one":                {`["security", "builders"]`, `["security", "security"]`},
		"distinct of the unrequired":     {`{"authority": "builders", "predicateType": "https://slsa.dev/provenance/v1"}`, `{"authority": "security", "predicateType": "https://slsa.dev/provenance/v1"}`},
		"distinct twice":                 {`[["security", "builders"]]`, `[["security", "builders"], ["builders", "security"]]`},
		"unknown algorithm":              {`"ed25519", `, `"rsa", `},
		"no algorithm":                   {`["ed25519", "ecdsa-p256-sha256"]`, `[]`},
		"subjectName of a set":           {"\"enforce\",\n   \"require\": [{\"authority\": \"security\", \"predicateType\": \"https://sigdriver.dev/policy-approval/v1\"}", "\"enforce\", \"subjectName\": true,\n   \"require\": [{\"authority\": \"security\", \"predicateType\": \"https://sigdriver.dev/policy-bundle/v1\"}"},
		"maxAge zero":                    {`"72h"`, `"0s"`},
		"maxVersionStep zero":            {`"maxStale"`, `"maxVersionStep": "0", "maxStale"`},
		"maxVersionStep above 2^63-1":    {`"maxStale"`, `"maxVersionStep": "9223372036854775808", "maxStale"`},
		"maxVersionStep not a string":    {`"maxStale"`, `"maxVersionStep": 5, "maxStale"`},
		"maxStale below zero":            {`"24h"`, `"-1s"`},
		"maxFloorLag too short":          {`"maxStale"`, `"maxFloorLag": "499999999ns", "maxStale"`},
		"maxFloorLag too long":           {`"maxStale"`, `"maxFloorLag": "600000000001ns", "maxStale"`},
		"maxFloorLag without a unit":     {`"maxStale"`, `"maxFloorLag": "2", "maxStale"`},
		"maxFloorLag below zero":         {`"maxStale"`, `"maxFloorLag": "-2s", "maxStale"`},
		"keyless without evidence":       {`"tlogs": 1`, `"tlogs": 0`},
		"keyless negative":               {`"tlogs": 1`, `"tlogs": -1`},
		"floor as a number":              {`"version": "42"`, `"version": 42`},
		"floor zero":                     {`"version": "42"`, `"version": "0"`},
		"floor above 2^63-1":             {`"version": "42"`, `"version": "9223372036854775808"`},
		"floor with a plus":              {`"version": "42"`, `"version": "+42"`},
		"floor of no role":               {`"role": "SANDBOX_POLICY", "workspace"`, `"role": "POLICY", "workspace"`},
		"restored of no kind":            {`"kind": "document"`, `"kind": "policy"`},
		"restored upper case":            {strings.Repeat("ab", 32), strings.Repeat("AB", 32)},
		"window upside down":             {"2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"},
		"window with an offset":          {"2026-01-01T00:00:00Z", "2026-01-01T00:00:00+01:00"},
		"minDriverVersion of two":        {`"0.1.0"`, `"0.1"`},
		"no rule":                        {base[strings.Index(base, `"rules": [`):strings.Index(base, `"keyless"`)], `"rules": [],`},
		"trailing data":                  {"\n}", "\n} {}"},
	} {
		t.Run(name, func(t *testing.T) {
			i := strings.LastIndex(base, edit[0])
			if i < 0 {
				t.Fatalf("the base does not hold %q", edit[0])
			}
			bad := base[:i] + edit[1] + base[i+len(edit[0]):]
			_, err := parseAuthorities([]byte(bad))
			if _, ok := errors.AsType[*TrustError](err); !ok {
				t.Fatalf("got %v, want a *TrustError", err)
			}
		})
	}
}

func TestAuthoritiesLimits(t *testing.T) {
	base := baseAuthorities(t)
	at := base + strings.Repeat(" ", MaxTrustFile-len(base))
	if _, err := parseAuthorities([]byte(at)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := parseAuthorities([]byte(at + " ")); err == nil {
		t.Error("one byte past the limit is accepted")
	}
}

func TestSANRegexpMatchesWholeNames(t *testing.T) {
	id, err := readIdentity(identityFile{Issuer: "i", SANRegexp: "^a|b$"}, "")
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]bool{"a": true, "b": true, "ax": false, "xb": false, "a\n": false} {
		if got := id.pattern.MatchString(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}

func TestDriverOld(t *testing.T) {
	for _, c := range []struct {
		have, want string
		old        bool
	}{
		{"0.1.0", "", false}, {"0.1.0", "0.1.0", false}, {"0.1.1", "0.1.0", false}, {"0.2.0", "0.10.0", true},
		{"0.1.0", "0.1.1", true}, {"devel", "0.0.1", true}, {"", "0.0.1", true}, {"1.0.0-rc1", "1.0.0", false},
	} {
		if got := driverOld(c.have, c.want); got != c.old {
			t.Errorf("driverOld(%q, %q) = %v", c.have, c.want, got)
		}
	}
}
