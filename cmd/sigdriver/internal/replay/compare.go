// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/verifier"
)

// rulesOf is the version of the rules that decided an entry. Release 0.1.0 did not
// write it.
func rulesOf(e *record.Entry) uint64 { return max(e.Rules, 1) }

// compare holds a recorded decision against what it comes to today, as DecisionJSON.
// Within one version of the rules they have to be the same bytes but for their prose;
// across versions they have to say the same.
func compare(e *record.Entry, was, is []byte, today uint64) (Outcome, string, error) {
	if rulesOf(e) > today {
		return Unreplayable, fmt.Sprintf("rules version %d decided it, this release knows up to version %d: replay it with a newer one", rulesOf(e), today), nil
	}
	if bytes.Equal(was, is) {
		return Identical, "", nil
	}
	before, err := verifier.ParseDecisionJSON(was)
	if err != nil {
		return "", "", err
	}
	now, err := verifier.ParseDecisionJSON(is)
	if err != nil {
		return "", "", err
	}
	if rulesOf(e) == today {
		stripProse(before)
		stripProse(now)
		if was, is = verifier.DecisionJSON(before), verifier.DecisionJSON(now); bytes.Equal(was, is) {
			return Identical, "", nil
		}
		return Different, difference(e, was, is), nil
	}
	if sameAnswer(before, now) {
		return Identical, "", nil
	}
	decides := fmt.Sprintf("decides %s %s", now.Verdict, now.Reason)
	if before.Verdict == now.Verdict && before.Reason == now.Reason {
		decides = "decides the same with other versions or principals"
		if sameDocuments(before, now) {
			decides = "decides the same with other floors"
		}
	}
	return OtherRules, fmt.Sprintf("recorded as %s %s by rules version %d, today's version %d %s", before.Verdict, before.Reason, rulesOf(e), today, decides), nil
}

// RuleChanges are the changes of the rules since the oldest version by which a decision
// was made that today's rules make otherwise; none where there is no such decision.
func (r *Report) RuleChanges() []verifier.RuleChange { return r.changesOf(verifier.RuleChanges) }

func (r *Report) changesOf(all []verifier.RuleChange) (since []verifier.RuleChange) {
	oldest := uint64(math.MaxUint64)
	for i := range r.Results {
		if r.Results[i].Outcome == OtherRules {
			oldest = min(oldest, rulesOf(r.Results[i].Entry))
		}
	}
	for _, c := range all {
		if c.Version > oldest {
			since = append(since, c)
		}
	}
	return since
}

// stripProse takes out what is for people and not part of a decision: details, hints
// and the nearest miss.
func stripProse(d *verifier.Decision) {
	d.NearestMiss = verifier.NearestMiss{}
	for _, list := range [][]verifier.Finding{d.Findings, d.Shadow} {
		for i := range list {
			list[i].Detail, list[i].Hint = "", ""
		}
	}
}

// sameAnswer reports whether two decisions say the same: verdict, reason, versions,
// principals and floors.
func sameAnswer(a, b *verifier.Decision) bool {
	return a.Verdict == b.Verdict && a.Reason == b.Reason && slices.Equal(a.Raises, b.Raises) && sameDocuments(a, b)
}

func sameDocuments(a, b *verifier.Decision) bool {
	return slices.EqualFunc(a.Documents, b.Documents, func(x, y verifier.DocumentResult) bool {
		return x.SHA256 == y.SHA256 && x.Version == y.Version && slices.Equal(x.Principals, y.Principals)
	})
}

// difference names the members of two decisions that differ.
func difference(e *record.Entry, was, now []byte) string {
	var a, b map[string]jsontext.Value
	if json.Unmarshal(was, &a) != nil || json.Unmarshal(now, &b) != nil {
		return "the decision cannot be compared"
	}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if !bytes.Equal(a[name], b[name]) {
			wrong = append(wrong, name)
		}
		delete(b, name)
	}
	wrong = append(wrong, slices.Sorted(maps.Keys(b))...)
	text := fmt.Sprintf("recorded as %s %s, decided again as %s %s; what differs: %s", e.Verdict, e.Reason, memberOf(now, "verdict"), memberOf(now, "reason"), sentence(wrong))
	if e.Driver != version.Driver {
		text += fmt.Sprintf("; the driver was %.40q, this is %s", e.Driver, version.Driver)
	}
	return text
}

// memberOf is one member of a decision.
func memberOf(decision []byte, member string) string {
	var m map[string]jsontext.Value
	var s string
	if json.Unmarshal(decision, &m) == nil {
		_ = json.Unmarshal(m[member], &s) // anything else stays empty
	}
	return s
}
