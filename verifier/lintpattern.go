// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// strangers are identities that nobody can mean: the names are reserved, or far
// too long to be taken.
var strangers = []string{
	"https://host.invalid/path/to/workflow.yml@refs/heads/main",
	"https://github.com/somebody-else-entirely/any-repository/.github/workflows/anything.yml@refs/heads/main",
	"https://gitlab.com/somebody-else-entirely/any-repository//.gitlab-ci.yml@refs/heads/main",
	"somebody-else-entirely@host.invalid",
	"repo:somebody-else-entirely/any-repository:ref:refs/heads/main",
}

// patterns looks at each pattern over identities: whether strangers fit it, and
// whether a dot in it stands for any character where a dot was meant.
func (l *linter) patterns() {
	all := l.trust.authorities.principals
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for i := range all[name].identities {
			id := &all[name].identities[i]
			at := fmt.Sprintf("principals.%s.identities[%d]", quote(name), i)
			if id.pattern != nil {
				if fits := id.stranger(); fits != "" && len(id.claims) == 0 {
					l.inAuthorities(LintIdentityAnybody, LintWarning, at+".sanRegexp", "Name the repository or domain in the pattern, with its slash or @, or require claims.",
						"the pattern of %s fits people who have nothing to do with you, such as %s", plain(name), quote(fits))
				}
				l.looseDot(at+".sanRegexp", id.pattern.String())
			}
			for j := range id.claims {
				if c := &id.claims[j]; c.pattern != nil {
					l.looseDot(at+".claims."+c.name+patternSuffix, c.pattern.String())
				}
			}
		}
	}
}

// stranger returns a stranger whom the pattern fits, "" for none.
func (id *identity) stranger() string {
	for _, s := range strangers {
		if id.pattern.MatchString(s) {
			return s
		}
	}
	return ""
}

func (l *linter) looseDot(at, pattern string) {
	if found := looseDot(pattern); found != "" {
		l.inAuthorities(LintIdentityLooseDot, LintWarning, at, `Write \. for a dot; inside JSON that is \\.`,
			"the dot in %s stands for any character: a name that differs there fits, too", quote(found))
	}
}

// looseDot returns a place of a pattern where an unescaped dot stands between two
// letters or digits, with what is around it; "" for none.
func looseDot(pattern string) string {
	const around = 12
	class, literal := false, false // inside brackets; the character before stands for itself
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
			literal = false
			continue
		case class:
			class = c != ']' || strings.HasSuffix(pattern[:i], "[") || strings.HasSuffix(pattern[:i], "[^")
			literal = false
		case c == '[':
			class, literal = true, false
		case c == '.' && literal && i+1 < len(pattern) && isWord(pattern[i+1]):
			return pattern[max(i-around, 0):min(i+around+1, len(pattern))]
		default:
			literal = isWord(c)
		}
	}
	return ""
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
