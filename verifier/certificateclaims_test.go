// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

// TestRequiredClaims: what an identity may say about claims.
func TestRequiredClaims(t *testing.T) {
	base := baseAuthorities(t)
	for name, c := range map[string]struct{ claims, path string }{ // no path: accepted
		"one":                {`{"sourceRepositoryURI": "https://a.test/b"}`, ""},
		"a pattern":          {`{"sourceRepositoryRefRegexp": "^refs/tags/v.*$"}`, ""},
		"several":            {`{"sourceRepositoryURI": "x", "runnerEnvironment": "y", "buildTriggerRegexp": "^a|b$"}`, ""},
		"none":               {`{}`, ".claims"},
		"unknown":            {`{"repository": "x"}`, ".claims.repository"},
		"another case":       {`{"sourceRepositoryUri": "x"}`, ".claims.sourceRepositoryUri"},
		"an older one":       {`{"githubWorkflowRepository": "acme/policies"}`, ".claims.githubWorkflowRepository"},
		"the issuer":         {`{"issuer": "x"}`, ".claims.issuer"},
		"empty":              {`{"buildTrigger": ""}`, ".claims.buildTrigger"},
		"not anchored":       {`{"buildTriggerRegexp": "push"}`, ".claims.buildTriggerRegexp"},
		"an escaped dollar":  {`{"buildTriggerRegexp": "^push\\$"}`, ".claims.buildTriggerRegexp"},
		"does not compile":   {`{"buildTriggerRegexp": "^[$"}`, ".claims.buildTriggerRegexp"},
		"closes our group":   {`{"buildTriggerRegexp": "^a)|(?:b$"}`, ".claims.buildTriggerRegexp"},
		"exactly and by one": {`{"buildTrigger": "push", "buildTriggerRegexp": "^push$"}`, ".claims.buildTriggerRegexp"},
		"twice":              {`{"buildTrigger": "push", "buildTrigger": "push"}`, "refused"},
		"a number":           {`{"buildTrigger": 1}`, "refused"},
	} {
		file := strings.Replace(base, `"san": "bob@test"`, `"san": "bob@test", "claims": `+c.claims, 1)
		_, err := parseAuthorities([]byte(file))
		var refused *TrustError
		switch {
		case c.path == "" && err != nil, c.path != "" && !errors.As(err, &refused):
			t.Errorf("%s: %v", name, err)
		case c.path != "" && c.path != "refused" && !strings.HasSuffix(refused.Path, c.path):
			t.Errorf("%s: at %q, want %q", name, refused.Path, c.path)
		}
	}
}

// TestOneIdentityOnePrincipal: the same name twice is two identities only where
// their claims differ.
func TestOneIdentityOnePrincipal(t *testing.T) {
	base := baseAuthorities(t)
	for claims, ok := range map[string]bool{
		``: false, `, "claims": {"buildTrigger": "push"}`: true, `, "claims": {"buildTrigger": "tag"}`: true,
	} {
		file := strings.Replace(base, `"sanRegexp": "^https://ci.test/[a-z]+$"`, `"san": "bob@test"`+claims, 1)
		if _, err := parseAuthorities([]byte(file)); (err == nil) != ok {
			t.Errorf("%q beside none: %v", claims, err)
		}
		both := strings.Replace(file, `"san": "bob@test"}`, `"san": "bob@test"`+claims+`}`, 1)
		if _, err := parseAuthorities([]byte(both)); err == nil {
			t.Errorf("%q twice is accepted", claims)
		}
	}
}

// TestClaimsOfRealBundles: what bundles of the public instance say of themselves is
// what may be required of them, and nothing else.
func TestClaimsOfRealBundles(t *testing.T) {
	dir := outsideData(t, "sigstore")
	claimed := 0
	for _, c := range bundleCases(t, dir, filepath.Join(dir, "a.txt"), filepath.Join(dir, "trusted_root_public_good.json")) {
		if c.fails || len(c.question.Key) > 0 {
			continue
		}
		q := c.question
		plain, err := VerifyBundle(&q)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		q.Claims = plain.Claims
		if _, err := VerifyBundle(&q); err != nil {
			t.Errorf("%s: with its own claims: %v", c.name, err)
		}
		for name, value := range plain.Claims {
			claimed++
			for _, other := range []map[string]string{{name: value + "x"}, {name: strings.ToUpper(value) + " "}, {name + patternSuffix: "^x" + "$"}} {
				q.Claims = other
				var refused *BundleError
				if _, err := VerifyBundle(&q); !errors.As(err, &refused) || refused.Reason != CertIdentity {
					t.Errorf("%s: %v: %v", c.name, other, err)
				}
			}
		}
		for _, absent := range CertificateClaims() {
			if _, there := plain.Claims[absent]; there {
				continue
			}
			q.Claims = maps.Clone(plain.Claims)
			q.Claims[absent+patternSuffix] = "^.*$"
			var refused *BundleError
			if _, err := VerifyBundle(&q); !errors.As(err, &refused) || refused.Reason != CertIdentity {
				t.Errorf("%s: %s is not there, and %v", c.name, absent, err)
			}
		}
	}
	if claimed == 0 {
		t.Error("no bundle has a claim")
	}
	t.Logf("%d claims", claimed)
}

// TestLooseDot: where a pattern's dot was meant to be one.
func TestLooseDot(t *testing.T) {
	for pattern, want := range map[string]string{
		`^https://github.com/acme/.*$`: `tps://github.com/acme/.*$`,
		`^a.b$`:                        `^a.b$`, `^a\.b$`: "", `^a.*b$`: "", `^a.+$`: "", `^a.?b$`: `^a.?b$`[:0], `^[a.b]$`: "", `^[]a.b]$`: "", `^v[0-9.]+$`: "",
		`^\d.x$`: "", `^a[.]b$`: "", `^.b$`: "", `^a.$`: "", `^(a|b).c$`: "", `^x\\.y$`: "", `^xa.{2}$`: "",
	} {
		if got := looseDot(pattern); got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
}
