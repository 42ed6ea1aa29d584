// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxCommand bounds the command of a nearest miss, as the contract does.
const maxCommand = 1024

// nearestSet says whose approval of which set is missing: of the one that some
// have approved, or of one that holds every document that the rule matches.
func (e *evaluation) nearestSet(s *shortfall, now time.Time) (text, command string) {
	able := s.able(e.trust, now)
	set := s.set
	var of string
	if set != nil {
		of = fmt.Sprintf(" of the set %s", set.name)
	} else {
		set = e.setFor(s.rule)
		of = fmt.Sprintf(" of one set with all %s that the rule %s matches", documents(len(set.members)), quote(s.rule.name))
	}
	if signer := e.trust.withKey(able, now); signer != "" {
		command = set.signCommand(signer, &e.req.Target)
	}
	return clip(s.missing("approval", of, able)+" would allow it", MaxDetail-4), command
}

// setFor is the set that would do: every document that the rule matches and does
// not pin, as high as the floors and what was approved before demand.
func (e *evaluation) setFor(r *rule) *policySet {
	s := &policySet{}
	for _, d := range e.documents {
		if d.parsed == nil || r.pinned[d.sha256] || !slices.Contains(d.rules, r) {
			continue
		}
		s.members = append(s.members, setMember{d.parsed.role.String(), d.parsed.subject.name, hex.EncodeToString(d.sha256[:])})
		s.name.version = max(s.name.version, d.approveAt())
		for _, v := range d.approvals {
			if v.set != nil && s.name.id == "" {
				s.name.id = v.set.name.id
			}
		}
	}
	return s
}

// signCommand is the command that approves the set.
func (s *policySet) signCommand(signer string, where *Target) string {
	id := "ID"
	if s.name.id != "" {
		id = shell(s.name.id)
	}
	args := []string{"sigdriver sign --bundle-id", id, "--version", fmt.Sprint(s.name.version)}
	for _, m := range s.members {
		args = append(args, "--member", shell(m.role+":"+m.name+":"+m.file()))
	}
	rest := []string{"--key", shell(signer + ".key"), "--gateway", shell(where.GatewayID), "--workspace", shell(where.Workspace), "--name", shell(where.Name)}
	if full := strings.Join(append(args, rest...), " "); len(full) <= maxCommand {
		return full
	}
	return strings.Join(append(append(args[:4:4], "--member ROLE:NAME:FILE"), rest...), " ")
}

// file is what the member's document may be called.
func (m setMember) file() string {
	role, _ := RoleByName(m.role)
	if role == ProviderProfile && strings.IndexFunc(m.name, notPlain) < 0 && !strings.Contains(m.name, "/") {
		return m.name + ".json"
	}
	return documentFile[role]
}

func documents(n int) string {
	if n == 1 {
		return "1 document"
	}
	return fmt.Sprintf("%d documents", n)
}
