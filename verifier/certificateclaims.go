// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// What Fulcio writes into a certificate about a build, beside the identity: one
// workflow that is called by many repositories signs under one name for all of
// them, and only these claims tell whose build it was.

// certificateClaim is one of them.
type certificateClaim struct {
	name string
	arc  int // below 1.3.6.1.4.1.57264.1
	// old claims are the bytes of the extension, without an encoding. verify-bundle
	// compares them, as cosign does; trust uses what replaced them.
	old bool
}

var certificateClaims = []certificateClaim{
	{"buildSignerURI", 9, false},
	{"buildSignerDigest", 10, false},
	{"runnerEnvironment", 11, false},
	{"sourceRepositoryURI", 12, false},
	{"sourceRepositoryDigest", 13, false},
	{"sourceRepositoryRef", 14, false},
	{"sourceRepositoryIdentifier", 15, false},
	{"sourceRepositoryOwnerURI", 16, false},
	{"sourceRepositoryOwnerIdentifier", 17, false},
	{"buildConfigURI", 18, false},
	{"buildConfigDigest", 19, false},
	{"buildTrigger", 20, false},
	{"sourceRepositoryVisibilityAtSigning", 22, false},
	{"githubWorkflowTrigger", 2, true},
	{"githubWorkflowSHA", 3, true},
	{"githubWorkflowName", 4, true},
	{"githubWorkflowRepository", 5, true},
	{"githubWorkflowRef", 6, true},
}

func (c certificateClaim) oid() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, c.arc}
}

// CertificateClaims lists the names of the claims that an identity in trust may
// require.
func CertificateClaims() []string {
	var names []string
	for _, c := range certificateClaims {
		if !c.old {
			names = append(names, c.name)
		}
	}
	return names
}

// readClaims reads the claims of a verified certificate. One that is not in the
// encoding that Fulcio gives it is as good as absent.
func readClaims(leaf *x509.Certificate) map[string]string {
	claims := map[string]string{}
	for _, e := range leaf.Extensions {
		for _, c := range certificateClaims {
			if !e.Id.Equal(c.oid()) {
				continue
			}
			if c.old {
				claims[c.name] = string(e.Value)
				continue
			}
			var text string
			var value asn1.RawValue
			rest, err := asn1.Unmarshal(e.Value, &value)
			if err == nil && len(rest) == 0 && value.Class == asn1.ClassUniversal && value.Tag == asn1.TagUTF8String {
				if _, err = asn1.Unmarshal(e.Value, &text); err == nil {
					claims[c.name] = text
				}
			}
		}
	}
	return claims
}

// requiredClaim is a claim that an identity requires: exactly one value, or a
// pattern for all of it.
type requiredClaim struct {
	name    string
	value   string
	pattern *regexp.Regexp // nil: the value
}

func (r *requiredClaim) accepts(value string) bool {
	if r.pattern != nil {
		return r.pattern.MatchString(value)
	}
	return value != "" && value == r.value
}

// String writes the claim as trust does.
func (r *requiredClaim) String() string {
	if r.pattern != nil {
		return r.name + patternSuffix + " " + r.pattern.String()
	}
	return r.name + " " + r.value
}

// patternSuffix turns the name of a member into that of its pattern.
const patternSuffix = "Regexp"

// readRequiredClaims reads claims that are required: the name of one and its value, or the name
// with Regexp at its end and an anchored pattern. The path of a fault is the member.
func readRequiredClaims(members map[string]string, old bool) (list []requiredClaim, path string, err error) {
	for _, member := range slices.Sorted(maps.Keys(members)) {
		value := members[member]
		name, isPattern := strings.CutSuffix(member, patternSuffix)
		known := slices.ContainsFunc(certificateClaims, func(c certificateClaim) bool { return c.name == name && (old || !c.old) })
		switch {
		case !known:
			return nil, member, fmt.Errorf("no such claim; there are %s, each also with %s at its end", strings.Join(CertificateClaims(), ", "), patternSuffix)
		case value == "":
			return nil, member, fmt.Errorf("must not be empty: leave it out to take any")
		case slices.ContainsFunc(list, func(r requiredClaim) bool { return r.name == name }):
			return nil, member, fmt.Errorf("is required exactly already; say one of the two")
		}
		r := requiredClaim{name: name, value: value}
		if isPattern {
			if r.pattern, err = anchored(value); err != nil {
				return nil, member, err
			}
		}
		list = append(list, r)
	}
	return list, "", nil
}

// anchored compiles a pattern that begins with ^ and ends with $, so that it
// matches whole texts only.
func anchored(pattern string) (*regexp.Regexp, error) {
	inner, ok := strings.CutPrefix(pattern, "^")
	if ok {
		inner, ok = strings.CutSuffix(inner, "$")
	}
	if ok {
		slashes := len(inner) - len(strings.TrimRight(inner, `\`))
		ok = slashes%2 == 0 // an odd number escapes the dollar
	}
	if !ok {
		return nil, fmt.Errorf("must be anchored: start with ^ and end with $")
	}
	if _, err := regexp.Compile(inner); err != nil { // alone, so that it cannot close our group
		return nil, fmt.Errorf("does not compile: %w", err)
	}
	return regexp.MustCompile(`\A(?:` + inner + `)\z`), nil
}

// missedClaim returns the first claim that a certificate does not meet, nil for none.
func missedClaim(required []requiredClaim, claims map[string]string) *requiredClaim {
	for i := range required {
		if value, there := claims[required[i].name]; !there || !required[i].accepts(value) {
			return &required[i]
		}
	}
	return nil
}

// claimFinding says which claim a certificate misses.
func claimFinding(missed *requiredClaim, claims map[string]string) string {
	value, there := claims[missed.name]
	if !there {
		return "the certificate has no " + missed.name
	}
	return fmt.Sprintf("its %s is %s", missed.name, quote(value))
}

// claimsDisjoint reports whether no certificate can meet both lists, as far as a value
// on one side shows it.
func claimsDisjoint(a, b []requiredClaim) bool {
	for i := range a {
		for j := range b {
			if a[i].name != b[j].name {
				continue
			}
			if a[i].pattern == nil && !b[j].accepts(a[i].value) || b[j].pattern == nil && !a[i].accepts(b[j].value) {
				return true
			}
		}
	}
	return false
}

// claimsImply reports whether whatever meets the first list surely meets the second.
func claimsImply(a, b []requiredClaim) bool {
	for j := range b {
		if !slices.ContainsFunc(a, func(r requiredClaim) bool {
			return r.name == b[j].name && (r.pattern == nil && b[j].accepts(r.value) || r.String() == b[j].String())
		}) {
			return false
		}
	}
	return true
}
