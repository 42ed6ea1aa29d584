// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "time"

// Quorum is one requirement that a document has to meet, and who could meet it
// with a statement made at the instant asked about.
type Quorum struct {
	Document      int // index into the request
	Rule          string
	Authority     string
	PredicateType string
	Threshold     int
	Able          []string // names of principals, sorted
}

// Margin is how many of those who are able may be missing. Below zero nobody can
// meet the requirement.
func (q Quorum) Margin() int { return len(q.Able) - q.Threshold }

// Quorums lists the requirements of every rule in force that matches a document
// of the request and does not pin it, in the order of documents and rules. It
// looks at no approvals: it says who could make them.
func (t *Trust) Quorums(req *Request, at time.Time) []Quorum {
	if t == nil || t.authorities == nil {
		return nil
	}
	var list []Quorum
	disputed := t.disputes()
	for i := range req.Documents {
		doc, fault := parseDocument(&req.Documents[i], &req.Target)
		if fault != nil {
			continue
		}
		for _, r := range t.authorities.rules {
			if r.shadow || !r.matches(doc, &req.Target) || r.pinned[doc.sha256] {
				continue
			}
			for _, q := range r.require {
				s := Quorum{Document: i, Rule: r.name, Authority: q.authority.name, PredicateType: q.predicateType, Threshold: q.authority.threshold}
				for _, p := range t.able(q.authority, r.algorithms, at, disputed) {
					s.Able = append(s.Able, p.name)
				}
				list = append(list, s)
			}
		}
	}
	return list
}
