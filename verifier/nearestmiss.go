// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// missSearch looks for the nearest miss of a refusal.
type missSearch struct {
	*evaluation
	decision *Decision
	now      time.Time
	verdicts []documentVerdict
	changed  map[int]Raise // what has been in force in place of a changed document
}

// find names the one signature or change that would have turned the refusal into
// an ALLOW, or the one that comes first when there are several.
func (m *missSearch) find() NearestMiss {
	d := m.decision
	i := d.leading.Document
	miss := NearestMiss{Document: i, Text: d.Reason.remedy(), Command: d.Reason.command()}
	if i < 0 || m.documents[i].parsed == nil {
		return miss
	}
	doc, r := m.documents[i], &m.verdicts[i]
	if text := m.awaited(m.now); text != "" {
		miss.Text, miss.Command = text, ""
		return miss
	}
	switch j := m.changedWith(i, r.shortfall); {
	case d.Reason == ScopeMismatch && m.bindingFault != nil && d.leading.Attestation < 0:
		// SPEC: R6 a sandbox under another name: no signature mends that.
		miss.Text, miss.Command = "no approval changes where the sandbox was first allowed: give it back its workspace and name, or let the gateway make a new one", ""
	case j >= 0:
		miss.Text, miss.Command = m.documents[j].changedText(m.changed[j]), changedCommand
	case r.shortfall != nil && r.shortfall.requirement != nil:
		miss.Text, miss.Command = m.missing(doc, r.shortfall)
	case r.shortfall != nil: // SPEC: R7 an empty require holds for pinned documents alone.
		miss.Text = fmt.Sprintf("%s: the security team lists sha256:%s there, or lets the rule require somebody", r.shortfall.text(), hex.EncodeToString(doc.sha256[:]))
		miss.Command = cmdPublish
	case r.rollback != nil:
		miss.Text, miss.Command = m.again(i)
	}
	return miss
}

// oneFloor reports whether two documents are held against one floor.
func (m *missSearch) oneFloor(i, j int) bool {
	if m.documents[i].parsed == nil || m.documents[j].parsed == nil {
		return false
	}
	keys := []FloorKey{m.documents[j].parsed.floors.own, m.verdicts[j].raises}
	return slices.Contains(keys, m.documents[i].parsed.floors.own) || slices.Contains(keys, m.verdicts[i].raises)
}

// lacking returns the first of those who have approved the document, by name, who has
// not approved it at a version from this one to the highest that the floors accept, and
// can now; "" for none.
func (d *documentEvaluation) lacking(t *Trust, version uint64, now time.Time) string {
	have, all := map[string]bool{}, map[string]bool{}
	for _, a := range d.approvals {
		if a.versioned {
			all[a.principal.name] = true
			have[a.principal.name] = have[a.principal.name] || a.version >= version && a.version <= d.floors.highest()
		}
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool { return have[name] })
	return t.withKey(names, now)
}

// again says at which version the document has to be approved again.
func (m *missSearch) again(i int) (text, command string) {
	doc, own := m.documents[i], &m.verdicts[i]
	v := doc.floors.next(doc.sha256)
	for j := range m.verdicts {
		other := &m.verdicts[j]
		if j == i || !m.oneFloor(i, j) || other.result.Version < own.result.Version {
			continue
		}
		if other.result.SHA256 != own.result.SHA256 {
			return "the request has two documents of one subject, and at most one of them can be in force: send that one", ""
		}
		v = max(v, other.result.Version)
	}
	above := "or above"
	if own.rollback.Reason == VersionStep {
		above = fmt.Sprintf("to %d", doc.floors.highest())
	}
	text = fmt.Sprintf("approving sha256:%s again at version %d %s would allow it; if nobody put it back on purpose, find out who did", hex.EncodeToString(doc.sha256[:]), v, above)
	signer := doc.lacking(m.trust, v, m.now)
	for _, r := range doc.rules {
		if r.sets && signer != "" {
			set := m.setFor(r)
			set.name.version = max(set.name.version, v)
			return text, set.signCommand(signer, &m.req.Target)
		}
	}
	return text, doc.signCommand(signer, v)
}

// missing says whose approval or attestation is missing.
func (m *missSearch) missing(doc *documentEvaluation, s *shortfall) (text, command string) {
	if s.requirement.predicateType == SetPredicateType {
		return m.nearestSet(s, m.now)
	}
	text, command = doc.nearestApproval(s, m.trust, m.now)
	if what, _ := doc.unapproved(s); what == UnapprovedNew {
		text = clip(newText+text, MaxDetail-4)
	}
	return text, command
}

// changedWith returns the document that was changed: the one that was refused, or,
// where a set is asked for, another that the set would have to hold; -1 for none.
func (m *missSearch) changedWith(i int, s *shortfall) int {
	if _, yes := m.changed[i]; yes {
		return i
	}
	if s == nil || s.requirement == nil || s.requirement.predicateType != SetPredicateType {
		return -1
	}
	for j, d := range m.documents {
		if _, yes := m.changed[j]; yes && slices.Contains(d.rules, s.rule) {
			return j
		}
	}
	return -1
}

// awaited says when the beginning of an approval will allow the request, "" if none
// will: somebody whose clock is ahead has signed, and need not sign again.
func (e *evaluation) awaited(now time.Time) string {
	var begins []*approval
	for _, d := range e.documents {
		for _, a := range d.approvals {
			if a.versioned && a.notBefore.After(now) {
				begins = append(begins, a)
			}
		}
	}
	slices.SortStableFunc(begins, func(a, b *approval) int { return a.notBefore.Compare(b.notBefore) })
	for _, a := range begins[:min(len(begins), maxAwaited, e.lookahead())] {
		if e.decide(a.notBefore).Verdict != Allow {
			continue
		}
		text := fmt.Sprintf("at %s it would be allowed as it is: the approval by %s begins then", stamp(a.notBefore), plain(a.principal.name))
		if a.notBefore.Sub(now) < time.Hour {
			text += "; if that was signed just now, the signer's clock is ahead"
		}
		return clip(text, MaxDetail-4)
	}
	return ""
}

// nearestApproval says whose statement is missing.
func (d *documentEvaluation) nearestApproval(s *shortfall, t *Trust, now time.Time) (text, command string) {
	able := s.able(t, now)
	what := "approval"
	if s.requirement.predicateType != ApprovalPredicateType {
		what = "attestation of type " + quote(s.requirement.predicateType)
	}
	with := ""
	if s.rule.maxAge > 0 && !versioned(s.requirement.predicateType) {
		with = ", seen by a log or a timestamp authority,"
	}
	text = fmt.Sprintf("%s over sha256:%s%s would allow it", s.missing(what, "", able), hex.EncodeToString(d.sha256[:]), with)
	if signer := t.withKey(able, now); s.requirement.predicateType == ApprovalPredicateType && signer != "" {
		command = d.signCommand(signer, d.approveAt())
	}
	return clip(text, MaxDetail-4), command
}

// able lists who else could make a statement that counts toward the requirement.
func (s *shortfall) able(t *Trust, now time.Time) (names []string) {
	for p := range s.requirement.authority.members {
		if !slices.Contains(s.have, p) && t.canSign(p, now) {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return names
}

// missing says how many statements are missing, and by whom.
func (s *shortfall) missing(what, of string, able []string) string {
	n := max(s.need-len(s.have), 1)
	if n == 1 {
		return fmt.Sprintf("one %s%s by %s", what, of, oneOf(able, "or"))
	}
	by := oneOf(able, "and")
	if len(able) > n {
		by = fmt.Sprintf("any %d of %s", n, by)
	}
	noun, rest, _ := strings.Cut(what+" ", " ") // an approval, or an attestation of some type
	return fmt.Sprintf("%d %ss%s by %s", n, noun, strings.TrimSuffix(" "+rest, " ")+of, by)
}

// canSign reports whether a signature that the principal made now could count:
// with a key that is neither revoked nor out of its window, or an identity.
func (t *Trust) canSign(p *principal, now time.Time) bool {
	for _, k := range p.keys {
		if t.unusable(k, now) == "" {
			return true
		}
	}
	return t.keyless != nil && slices.ContainsFunc(p.identities, func(id identity) bool { return !t.revoked.identity(id.issuer, id.san) })
}

// withKey returns the first of the people who can sign with a key of their own of a kind that
// `sigdriver sign` takes: others sign elsewhere. "" for none.
func (t *Trust) withKey(people []string, now time.Time) string {
	for _, name := range people {
		p := t.authorities.principals[name]
		if p != nil && slices.ContainsFunc(p.keys, func(k *signingKey) bool {
			return k.algorithm != RSAPKCS1v15 && t.unusable(k, now) == ""
		}) {
			return name
		}
	}
	return ""
}

// oneOf lists names for people, the first few of many.
func oneOf(names []string, conjunction string) string {
	const few = 5
	quoted := make([]string, 0, few)
	for _, n := range names[:min(len(names), few)] {
		quoted = append(quoted, plain(n))
	}
	switch {
	case len(names) == 0:
		return "somebody whom trust would have to name first"
	case len(names) > few:
		return strings.Join(quoted, ", ") + fmt.Sprintf(" %s %d others", conjunction, len(names)-few)
	case len(names) == 1:
		return quoted[0]
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " " + conjunction + " " + quoted[len(quoted)-1]
}

// approveAt is the version at which one more approval would count with those
// that are there: the highest they say that is not too high, but not below the floors.
func (d *documentEvaluation) approveAt() uint64 {
	v := d.floors.next(d.sha256)
	for _, a := range d.approvals {
		if a.versioned && a.version <= d.floors.highest() {
			v = max(v, a.version)
		}
	}
	return v
}

// signCommand is the command that makes the missing approval.
func (d *documentEvaluation) signCommand(signer string, version uint64) string {
	if signer == "" {
		signer = "approver"
	}
	s := d.parsed.subject
	args := []string{"sigdriver sign --document", documentFile[d.parsed.role], "--key", shell(signer + ".key")}
	if d.parsed.role != SandboxPolicy {
		args = append(args, "--role", d.parsed.role.String())
	}
	args = append(args, "--gateway", shell(s.gateway), "--workspace", shell(s.workspace), "--name", shell(s.name),
		"--version", fmt.Sprint(version))
	if s.name != "" && slices.ContainsFunc(d.rules, func(r *rule) bool { return r.subjectName }) {
		args = append(args, "--subject-name", shell(s.name))
	}
	return strings.Join(args, " ")
}

var documentFile = map[Role]string{
	SandboxPolicy: "policy.json", GlobalPolicy: "policy.json", ProviderProfile: "profile.json", Settings: "settings.json",
}

// plain shows a name as it is when it is harmless, else quoted.
func plain(s string) string {
	if s != "" && len(s) <= maxQuoted && strings.IndexFunc(s, notPlain) < 0 {
		return s
	}
	return quote(s)
}

func notPlain(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-@/:+=", r))
}

// shell writes one argument that a POSIX shell reads back unchanged. A name
// with control characters becomes a placeholder: nobody should paste it.
func shell(s string) string {
	switch {
	case s != "" && strings.IndexFunc(s, notPlain) < 0:
		return s
	case len(s) > MaxName || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r >= 0x7f }):
		return "NAME"
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// text says what a rule lacks, for people.
func (s *shortfall) text() string {
	if s.requirement == nil {
		return fmt.Sprintf("the rule %s accepts pinned documents only", quote(s.rule.name))
	}
	who := make([]string, len(s.have))
	for i, p := range s.have {
		who[i] = plain(p.name)
	}
	got := "nobody has"
	switch {
	case len(who) == 1:
		got = "only " + who[0] + " has"
	case len(who) > 1:
		got = "only " + strings.Join(who, ", ") + " have"
	}
	if s.reason == Distinct {
		return clip(fmt.Sprintf("the rule %s asks for %d different principals over two authorities: %s spoken", quote(s.rule.name), s.need, got), MaxDetail-4)
	}
	if s.gap != nil {
		return s.gap.text(s.rule)
	}
	if s.set != nil {
		got += " approved the set " + s.set.name.String()
		return clip(fmt.Sprintf("the rule %s asks for %d of %s over one set: %s", quote(s.rule.name), s.need, quote(s.requirement.authority.name), got), MaxDetail-4)
	}
	return clip(fmt.Sprintf("the rule %s asks for %d of %s: %s spoken", quote(s.rule.name), s.need, quote(s.requirement.authority.name), got), MaxDetail-4)
}

// remedy and command come from the reason's page.
func (r Reason) remedy() string { return reasonDoc(r).Remedy }

func (r Reason) command() string { return reasonDoc(r).Command }

func reasonDoc(r Reason) Doc {
	if i, ok := reasonIndex[r]; ok {
		return reasonDocs[i]
	}
	return Doc{}
}
