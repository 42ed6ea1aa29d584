// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Severity tells breakage from what is merely unwise. The zero value is none.
type Severity string

// The severities.
const (
	LintError   Severity = "error"   // something that trust promises cannot happen
	LintWarning Severity = "warning" // legal, and probably not what was meant
)

// LintCode names what Lint can find. The set is closed.
type LintCode string

// The codes. docs/ceremony.md says what each means.
const (
	LintAuthorityUnreachable LintCode = "AUTHORITY_UNREACHABLE"
	LintAuthorityExpires     LintCode = "AUTHORITY_EXPIRES"
	LintAuthorityUnused      LintCode = "AUTHORITY_UNUSED"
	LintPrincipalSilent      LintCode = "PRINCIPAL_SILENT"
	LintPrincipalUnused      LintCode = "PRINCIPAL_UNUSED"
	LintKeyExpires           LintCode = "KEY_EXPIRES"
	LintIdentityOverlap      LintCode = "IDENTITY_OVERLAP"
	LintIdentityAnybody      LintCode = "IDENTITY_ANYBODY"
	LintIdentityLooseDot     LintCode = "IDENTITY_LOOSE_DOT"
	LintRuleUnsatisfiable    LintCode = "RULE_UNSATISFIABLE"
	LintRuleNeverMatches     LintCode = "RULE_NEVER_MATCHES"
	LintRuleOnePerson        LintCode = "RULE_ONE_PERSON"
	LintSurfaceWithoutRule   LintCode = "SURFACE_WITHOUT_RULE"
	LintFloorUnheeded        LintCode = "FLOOR_UNHEEDED"
	LintFloorLag             LintCode = "FLOOR_LAG"
	LintRevocationsRefused   LintCode = "REVOCATIONS_REFUSED"
	LintRoleExpired          LintCode = "ROLE_EXPIRED"
	LintRoleExpires          LintCode = "ROLE_EXPIRES"
	LintRoleSharedKey        LintCode = "ROLE_SHARED_KEY"
	LintSurfaceDropped       LintCode = "SURFACE_DROPPED"
	LintRuleDropped          LintCode = "RULE_DROPPED"
	LintRuleWidened          LintCode = "RULE_WIDENED"
	LintRoleDropped          LintCode = "ROLE_DROPPED"
	LintRootThreshold        LintCode = "ROOT_THRESHOLD"
	LintRootNoSpare          LintCode = "ROOT_NO_SPARE"
	LintApprovalExpires      LintCode = "APPROVAL_EXPIRES"
)

// LintCodes returns every code, in the order of the documentation.
func LintCodes() []LintCode {
	return []LintCode{
		LintAuthorityUnreachable, LintAuthorityExpires, LintAuthorityUnused, LintPrincipalSilent, LintPrincipalUnused,
		LintKeyExpires, LintIdentityOverlap, LintIdentityAnybody, LintIdentityLooseDot, LintRuleUnsatisfiable, LintRuleNeverMatches, LintRuleOnePerson,
		LintSurfaceWithoutRule, LintFloorUnheeded, LintFloorLag, LintRevocationsRefused, LintRoleExpired, LintRoleExpires, LintRoleSharedKey,
		LintRootThreshold, LintRootNoSpare, LintApprovalExpires, LintSurfaceDropped, LintRuleDropped, LintRuleWidened, LintRoleDropped,
	}
}

// LintFinding is one thing about trust that somebody should look at.
type LintFinding struct {
	Code     LintCode
	Severity Severity
	File     string // "authorities.json", "revocations.json" or a role's metadata, "root.json"
	Path     string // where in the file, "" for all of it
	// Text is one sentence on what is so, Remedy one on what to do. Both are
	// printable UTF-8 of at most MaxDetail bytes.
	Text   string
	Remedy string
}

// LintRole is one TUF role of the repository that trust came from.
type LintRole struct {
	Name      string // "root", "timestamp", … "attestations"
	Expires   time.Time
	Threshold int
	Keys      []string // ids
	// Validity is how long the role lives once signed, zero for unknown. A role
	// that lives shortly by intent is reported late in its life only.
	Validity time.Duration
}

// Lint looks for what is legal and wrong: trust that Verify would use, and that
// cannot do what it says or does more than it seems to. It looks at who can make a
// statement that counts at now; LintApprovals looks at those made earlier. Keys
// and roles are reported when they end within the given time. Errors come first,
// then the order is that of the files. A nil Trust has no findings of its own.
func (t *Trust) Lint(now time.Time, within time.Duration, roles ...LintRole) []LintFinding {
	l := &linter{trust: t, now: now, within: within}
	if t != nil && t.authorities != nil {
		l.overlaps()
		l.patterns()
		l.principals()
		l.authorities()
		l.rules()
		l.surfaces()
		l.floors()
		l.floorLag()
		if t.revocationFault != nil {
			l.find(LintRevocationsRefused, LintError, "revocations.json", "", "drivers do not take it: "+clip(t.revocationFault.Error(), MaxDetail/2),
				"Fix the file and publish it; until then only what was revoked before is.")
		}
	}
	l.roles(roles)
	slices.SortStableFunc(l.found, func(a, b LintFinding) int { return cmp.Compare(a.Severity, b.Severity) })
	return l.found
}

// linter collects findings about one trust at one instant.
type linter struct {
	trust  *Trust
	now    time.Time
	within time.Duration
	found  []LintFinding
	// disputed are the exact identities that another principal's pattern fits as
	// well: a claim under one counts for nobody.
	disputed map[string]bool
}

func (l *linter) find(code LintCode, severity Severity, file, path, text, remedy string) {
	l.found = append(l.found, LintFinding{code, severity, file, path, clip(text, MaxDetail-4), remedy})
}

// inAuthorities reports something about authorities.json.
func (l *linter) inAuthorities(code LintCode, severity Severity, path, remedy, format string, args ...any) {
	l.find(code, severity, "authorities.json", path, fmt.Sprintf(format, args...), remedy)
}

// soon reports whether an instant lies ahead, within the time asked for.
func (l *linter) soon(at time.Time) bool {
	return !at.IsZero() && at.After(l.now) && !at.After(l.now.Add(l.within))
}

// roles looks at the TUF roles.
func (l *linter) roles(roles []LintRole) {
	owner := map[string]string{}
	for _, r := range roles {
		l.roleExpiry(r)
		for _, id := range r.Keys {
			if first, taken := owner[id]; taken {
				l.find(LintRoleSharedKey, LintWarning, "root.json", "roles."+r.Name, fmt.Sprintf("the key %s holds %s and %s: whoever takes it takes both", plain(id[:min(len(id), 12)]), first, r.Name),
					"Give each role a key of its own with sigdriver trust stage --add-key and --remove-key.")
				continue
			}
			owner[id] = r.Name
		}
		if r.Name != "root" || r.Threshold == 0 {
			continue
		}
		switch {
		case r.Threshold == 1:
			l.find(LintRootThreshold, LintWarning, "root.json", "roles.root.threshold", "one signature changes the root: one stolen key takes over everything for good",
				"Let two or more people hold root: sigdriver trust rotate-root.")
		case r.Threshold == len(r.Keys):
			l.find(LintRootNoSpare, LintWarning, "root.json", "roles.root.keyids", fmt.Sprintf("all %d keys of root must sign: with one lost the root can never change again", len(r.Keys)),
				"Add a holder with sigdriver trust rotate-root.")
		}
	}
}

// shortLife is how long a role lives, at most, that a machine signs anew in time:
// nobody wants to hear of it every day.
const shortLife = 30 * 24 * time.Hour

// roleExpiry reports a role that is over or soon will be. A quarter of a short
// life is soon enough: a timestamp is always about to expire.
func (l *linter) roleExpiry(r LintRole) {
	if r.Expires.IsZero() {
		return
	}
	left, soon := r.Expires.Sub(l.now), l.within
	if r.Validity > 0 && r.Validity <= shortLife {
		soon = min(soon, r.Validity/4)
	}
	remedy := "Sign it anew with sigdriver trust publish --renew " + r.Name + "."
	switch {
	case left <= 0 && r.Name == "attestations": // its expiry only stops new entries
		l.find(LintRoleExpired, LintWarning, r.Name+".json", "expires", "it expired at "+stamp(r.Expires)+": drivers take no new attestations from it", remedy)
	case left <= 0:
		l.find(LintRoleExpired, LintError, r.Name+".json", "expires", "it expired at "+stamp(r.Expires)+": drivers refuse, at the latest when maxStale is over", remedy)
	case left <= soon:
		l.find(LintRoleExpires, LintWarning, r.Name+".json", "expires", "it expires at "+stamp(r.Expires), remedy)
	}
}
