// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// signingMeans is by what means a principal can make a statement that counts.
type signingMeans struct {
	algorithms map[KeyAlgorithm]bool
	// unusable says why each key and identity that cannot be used cannot.
	unusable []string
}

// accepts reports whether one of the algorithms, nil for all, will do.
func (v *signingMeans) accepts(accepted map[KeyAlgorithm]bool) bool {
	for alg := range v.algorithms {
		if accepted == nil || accepted[alg] {
			return true
		}
	}
	return false
}

// signingMeans returns with what the principal can sign at an instant so that it
// counts. The key in a
// certificate may be of any kind. disputed are identities that count for nobody.
func (t *Trust) signingMeans(p *principal, at time.Time, disputed map[string]bool) *signingMeans {
	v := &signingMeans{algorithms: map[KeyAlgorithm]bool{}}
	for _, k := range p.keys {
		if why := t.unusable(k, at); why != "" {
			v.unusable = append(v.unusable, "the key "+k.short()+" "+why)
			continue
		}
		v.algorithms[k.algorithm] = true
	}
	for _, id := range p.identities {
		switch {
		case t.keyless == nil:
			v.unusable = append(v.unusable, "identities need a trusted_root.json, and there is none")
		case id.pattern == nil && t.revoked.identity(id.issuer, id.san):
			v.unusable = append(v.unusable, "the identity "+quote(id.san)+" is revoked")
		case id.pattern == nil && disputed[id.key()]:
			v.unusable = append(v.unusable, "the identity "+quote(id.san)+" fits another principal, too")
		default:
			for alg := range knownAlgorithms {
				v.algorithms[alg] = true
			}
		}
	}
	v.unusable = slices.Compact(v.unusable)
	return v
}

// unusable says why a bare signature by the key at an instant counts for nothing.
func (t *Trust) unusable(k *signingKey, at time.Time) string {
	switch {
	case t.revoked.key(k.spki):
		return "is revoked"
	case at.Before(k.notBefore):
		return "is valid from " + stamp(k.notBefore) + " only"
	case !k.notAfter.IsZero() && !at.Before(k.notAfter):
		return "ended at " + stamp(k.notAfter)
	}
	return ""
}

// able lists the members of an authority who can sign at an instant with one of
// the algorithms, by name.
func (t *Trust) able(a *authority, algorithms map[KeyAlgorithm]bool, at time.Time, disputed map[string]bool) []*principal {
	set := map[*principal]bool{}
	for p := range a.members {
		if t.signingMeans(p, at, disputed).accepts(algorithms) {
			set[p] = true
		}
	}
	return sortedPrincipals(set)
}

func (l *linter) able(a *authority, algorithms map[KeyAlgorithm]bool, at time.Time) []*principal {
	return l.trust.able(a, algorithms, at, l.disputed)
}

// disputes finds the exact identities that another principal's pattern fits.
func (t *Trust) disputes() map[string]bool {
	found := map[string]bool{}
	t.eachOverlap(func(p *principal, i int, other *principal) {
		id := &p.identities[i]
		if id.pattern == nil && slices.ContainsFunc(other.identities, func(o identity) bool { return id.overlaps(o) && claimsImply(id.claims, o.claims) }) {
			found[id.key()] = true
		}
	})
	return found
}

// eachOverlap visits every identity that another principal has, too, in order:
// an exact one that the other's pattern fits, or the same pattern.
func (t *Trust) eachOverlap(visit func(p *principal, identity int, other *principal)) {
	people := slices.SortedFunc(maps.Values(t.authorities.principals), byName)
	for _, p := range people {
		for i := range p.identities {
			for _, other := range people {
				if other != p && slices.ContainsFunc(other.identities, p.identities[i].overlaps) {
					visit(p, i, other)
				}
			}
		}
	}
}

// overlaps reports whether a pattern fits this exact identity, or is this pattern, or
// the exact identity is the same, and no claim tells them apart. Whether two
// different patterns have a name in common is not checked.
func (id *identity) overlaps(other identity) bool {
	switch {
	case other.issuer != id.issuer || claimsDisjoint(id.claims, other.claims):
		return false
	case other.pattern == nil:
		return id.pattern == nil && other.san == id.san
	case id.pattern == nil:
		return other.pattern.MatchString(id.san)
	}
	return other.pattern.String() == id.pattern.String()
}

func (l *linter) overlaps() {
	l.disputed = l.trust.disputes()
	l.trust.eachOverlap(func(p *principal, i int, other *principal) {
		what := "the identity " + quote(p.identities[i].san)
		if p.identities[i].pattern != nil {
			what = "this pattern"
		}
		l.inAuthorities(LintIdentityOverlap, LintError, fmt.Sprintf("principals.%s.identities[%d]", quote(p.name), i),
			"Make the pattern narrower, or let one principal have both.",
			"%s of %s fits %s as well, and a claim that fits two principals counts for none", what, plain(p.name), plain(other.name))
	})
}

// principals looks at each principal: whether anybody asks for them, whether they
// can sign, and which of their keys end soon.
func (l *linter) principals() {
	all := l.trust.authorities
	for _, name := range slices.Sorted(maps.Keys(all.principals)) {
		p, at := all.principals[name], "principals."+quote(name)
		asked := false
		for _, a := range all.named {
			asked = asked || a.members[p]
		}
		if !asked {
			l.inAuthorities(LintPrincipalUnused, LintWarning, at, "Add it to an authority, or take it out.", "%s is in no authority: nothing it signs counts", plain(name))
			continue
		}
		if v := l.trust.signingMeans(p, l.now, l.disputed); len(v.algorithms) == 0 {
			l.inAuthorities(LintPrincipalSilent, LintWarning, at, "List a key that is valid now, or take the principal out.",
				"nothing that %s signs now counts: %s", plain(name), strings.Join(v.unusable, "; "))
		}
		for i, k := range p.keys {
			if l.soon(k.notAfter) && !l.trust.revoked.key(k.spki) {
				l.inAuthorities(LintKeyExpires, LintWarning, fmt.Sprintf("%s.keys[%d].notAfter", at, i),
					"List the next key beside it and let approvals be signed again while both are valid.",
					"the key %s of %s ends at %s", k.short(), plain(name), stamp(k.notAfter))
			}
		}
	}
}

// authorities looks at each authority: whether a rule asks for it, and whether it
// can reach its threshold, now and for the time ahead.
func (l *linter) authorities() {
	all := l.trust.authorities
	for _, name := range slices.Sorted(maps.Keys(all.named)) {
		a, at := all.named[name], "authorities."+quote(name)
		used, enforced := l.use(a)
		if !used {
			l.inAuthorities(LintAuthorityUnused, LintWarning, at, "Let a rule require it, or take it out.", "no rule asks for %s", plain(name))
			continue
		}
		if able := l.able(a, nil, l.now); len(able) < a.threshold {
			severity := LintWarning
			if enforced {
				severity = LintError
			}
			l.inAuthorities(LintAuthorityUnreachable, severity, at, "Give its principals keys that are valid now, add principals, or lower the threshold.",
				"%s", l.unreachable(a, able))
			continue
		}
		if end, left := l.nextShortage(a); !end.IsZero() {
			l.inAuthorities(LintAuthorityExpires, LintWarning, at, "List the next keys of its principals before that.",
				"%s asks for %s, and from %s on %s can sign", plain(name), principals(a.threshold), stamp(end), onlyOf(left))
		}
	}
}

// use reports whether a rule asks for the authority, and whether one in force does.
func (l *linter) use(a *authority) (used, enforced bool) {
	for _, r := range l.trust.authorities.rules {
		for _, q := range r.require {
			if q.authority == a {
				used, enforced = true, enforced || !r.shadow
			}
		}
	}
	return used, enforced
}

// unreachable says who of an authority can sign and why the others cannot.
func (l *linter) unreachable(a *authority, able []*principal) string {
	var why []string
	for _, p := range sortedPrincipals(a.members) {
		if v := l.trust.signingMeans(p, l.now, l.disputed); len(v.algorithms) == 0 {
			why = append(why, fmt.Sprintf("%s cannot (%s)", plain(p.name), strings.Join(v.unusable, "; ")))
		}
	}
	return fmt.Sprintf("%s asks for %s and %s can sign: %s", plain(a.name), principals(a.threshold), onlyOf(able), strings.Join(why, ", "))
}

// nextShortage finds the first end of a key, in the time ahead, that leaves the authority
// short, and who can sign then. The zero time means none.
func (l *linter) nextShortage(a *authority) (time.Time, []*principal) {
	var ends []time.Time
	for p := range a.members {
		for _, k := range p.keys {
			if l.soon(k.notAfter) {
				ends = append(ends, k.notAfter)
			}
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	for _, end := range ends {
		if left := l.able(a, nil, end); len(left) < a.threshold {
			return end, left
		}
	}
	return time.Time{}, nil
}

func byName(a, b *principal) int { return strings.Compare(a.name, b.name) }

// principals counts them for people.
func principals(n int) string {
	if n == 1 {
		return "1 principal"
	}
	return fmt.Sprintf("%d principals", n)
}

// onlyOf names those who can, "nobody" for none.
func onlyOf(able []*principal) string {
	if len(able) == 0 {
		return "nobody"
	}
	names := make([]string, len(able))
	for i, p := range able {
		names[i] = p.name
	}
	return "only " + oneOf(names, "and")
}
