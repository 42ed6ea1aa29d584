// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"time"
)

// unknownPrincipal is a principal that no authorities.json can name.
var unknownPrincipal = &principal{name: "check.invalid"}

// selfCheck proves that trust is not vacuous: every rule, run as if it
// were enforced, refuses an unpinned document that nobody signed, and one that
// only somebody unknown approved. It runs the code that decides, so a mistake
// there keeps trust from being swapped in instead of letting a policy through.
func (t *Trust) selfCheck() error {
	for i, r := range t.authorities.rules {
		var approvals []*approval
		if a := combine([]*ruleResult{evaluateRule(r, [32]byte{}, approvals, time.Time{})}, everyVersion); a.shortfall == nil {
			return refuseAuthorities(fmt.Sprintf("rules[%d]", i), "%s accepts a document that nobody signed", quote(r.name))
		}
		for _, q := range r.require {
			for alg := range knownAlgorithms {
				c := &claim{principal: unknownPrincipal, algorithm: alg, statement: &statement{predicateType: q.predicateType}}
				approvals = append(approvals, &approval{claim: c, version: everyVersion, ageFrom: time.Unix(0, 0), set: &policySet{}})
			}
		}
		if a := combine([]*ruleResult{evaluateRule(r, [32]byte{}, approvals, time.Unix(0, 0))}, everyVersion); a.shortfall == nil {
			return refuseAuthorities(fmt.Sprintf("rules[%d]", i), "%s accepts a claim by somebody it does not name", quote(r.name))
		}
	}
	return nil
}
