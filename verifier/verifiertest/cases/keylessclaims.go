// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"maps"
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

const (
	keylessClaims   = "allow-keyless-claims"
	keylessPatterns = "allow-keyless-claims-patterns"
)

// buildClaims are what the robot's certificate says.
func buildClaims() map[string]string {
	return map[string]string{
		"buildSignerURI":    "https://ci.corp.example/shared/release.yml@refs/tags/v3",
		"buildSignerDigest": "1a410efbd13591db07496601ebc7a059dd55cfe9",
		"runnerEnvironment": "github-hosted", "sourceRepositoryURI": "https://ci.corp.example/policies",
		"sourceRepositoryDigest": "fdf4fc3344e67ab068f836878b6c4951e3b15f3d", "sourceRepositoryRef": "refs/heads/main",
		"sourceRepositoryIdentifier": "1234567", "sourceRepositoryOwnerURI": "https://ci.corp.example",
		"sourceRepositoryOwnerIdentifier": "42", "buildConfigURI": "https://ci.corp.example/policies/build.yml@refs/heads/main",
		"buildConfigDigest": "fdf4fc3344e67ab068f836878b6c4951e3b15f3d", "buildTrigger": "push",
		"sourceRepositoryVisibilityAtSigning": "private",
	}
}

// requiring has the robot's identity require claims, of a certificate that has all.
func requiring(required map[string]string) func() *vt.Scenario {
	return func() *vt.Scenario {
		w := vt.NewWorld()
		w.Leaf.Change = vt.Claimed(buildClaims())
		s := w.Scenario()
		s.Authorities.Principals["robot"].Identities[0].Claims = required
		return s
	}
}

// perRepository has one name sign for two principals, told apart by their repositories.
func perRepository() *vt.Scenario {
	s := requiring(map[string]string{"sourceRepositoryURI": "https://ci.corp.example/policies"})()
	s.Authorities.Principals["another"] = &vt.Principal{Identities: []vt.Identity{{Issuer: vt.Issuer, SAN: vt.Robot,
		Claims: map[string]string{"sourceRepositoryURI": "https://ci.corp.example/another"}}}}
	return s
}

func keylessClaimCases() []*Case {
	robot := by(42, "robot")
	here := at(verifier.CertIdentity, 0, 0)
	const perRepo = "allow-keyless-claims-two-principals"
	list := []*Case{
		allows(keylessClaims, "An identity that requires every claim, and a certificate that has them.", requiring(buildClaims()), robot),
		allows(keylessPatterns, "Claims by patterns.", requiring(map[string]string{
			"sourceRepositoryURI": "https://ci.corp.example/policies", "sourceRepositoryRefRegexp": `^refs/(heads/main|tags/v[0-9.]+)$`}), robot),
		allows(perRepo, "One reusable workflow signs for two principals, whose repositories tell them apart.", perRepository, robot),
		denies("signer-ambiguous-claims", perRepo, "The second principal takes any repository: the certificate fits both.", func(s *vt.Scenario) {
			s.Authorities.Principals["another"].Identities[0].Claims = nil
		}, at(verifier.SignerAmbiguous, 0, 0)).attack("SE-09"),
		denies("cert-identity-claim-pattern-part", keylessPatterns, "A pattern must match the whole claim.",
			offer(func(w *vt.World) {
				claims := buildClaims()
				claims["sourceRepositoryRef"] = "refs/heads/main-evil"
				w.Leaf.Change = vt.Claimed(claims)
			}), here).attack("SB-19"),
	}
	for _, name := range slices.Sorted(maps.Keys(vt.ClaimArcs)) {
		changed := func(kind, about string, change func(map[string]string), more ...pkix.Extension) *Case {
			return denies("cert-identity-claim-"+strings.ToLower(name)+"-"+kind, keylessClaims, about+": "+name+".", offer(func(w *vt.World) {
				claims := buildClaims()
				change(claims)
				w.Leaf.Change = func(c *x509.Certificate) {
					vt.Claimed(claims)(c)
					c.ExtraExtensions = append(c.ExtraExtensions, more...)
				}
			}), here).attack("SB-19")
		}
		without := func(m map[string]string) { delete(m, name) }
		list = append(list,
			changed("other", "A claim that says something else", func(m map[string]string) { m[name] += "-evil" }),
			changed("case", "A claim in another case", func(m map[string]string) { m[name] = otherCase(m[name]) }),
			changed("missing", "A claim that the certificate does not have", without),
			changed("kind", "A claim that is no UTF-8 string", without, vt.Claim(name, vt.Must(asn1.MarshalWithParams(buildClaims()[name], "ia5")))),
			changed("raw", "A claim without its encoding, as the older ones are", without, vt.Claim(name, []byte(buildClaims()[name]))))
	}
	return list
}

// otherCase changes the case of the first letter, or, of a number, puts a space
// before it.
func otherCase(s string) string {
	for i, r := range s {
		if 'a' <= r && r <= 'z' {
			return s[:i] + strings.ToUpper(s[i:i+1]) + s[i+1:]
		}
	}
	return " " + s
}
