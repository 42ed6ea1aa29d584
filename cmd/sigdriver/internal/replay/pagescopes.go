// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// scope is one subject: what was last in force there, and who stood for it.
type scope struct {
	Gateway, Workspace, Name, Role string
	Version                        uint64 // 0: none, the document was pinned
	SHA256                         string // the first digits
	Signers                        string
	Allowed                        int
	Last                           time.Time
	Today                          string
	Class                          string
}

// scopes lists the subjects of allowed compositions: what was allowed there last,
// the most recent first.
func (p *page) scopes(r *Report) {
	found := map[verifier.FloorKey]*scope{}
	for i := range r.Results {
		if x := &r.Results[i]; x.Decision != nil && x.Entry.Verdict == verifier.Allow.String() && x.Entry.Purpose == verifier.Compose.String() {
			followScope(found, x)
		}
	}
	for _, s := range found {
		p.Scopes = append(p.Scopes, *s)
	}
	slices.SortFunc(p.Scopes, func(a, b scope) int {
		return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.Gateway, b.Gateway), strings.Compare(a.Workspace, b.Workspace),
			strings.Compare(a.Role, b.Role), strings.Compare(a.Name, b.Name))
	})
	if more := len(p.Scopes) - mostScopes; more > 0 {
		p.Scopes, p.MoreScopes = p.Scopes[:mostScopes], more
	}
}

// followScope notes what one ALLOW says about each of its subjects.
func followScope(found map[verifier.FloorKey]*scope, x *Result) {
	for i, seen := range x.Decision.Consulted {
		if i >= len(x.Decision.Documents) {
			return
		}
		key, doc := seen.Key, x.Decision.Documents[i]
		s := found[key]
		if s == nil {
			s = &scope{Gateway: key.GatewayID, Workspace: key.Workspace, Name: key.Name, Role: key.Role.String()}
			found[key] = s
		}
		s.Allowed++
		s.Version, s.SHA256, s.Last = doc.Version, fmt.Sprintf("%x", doc.SHA256[:6]), x.Entry.Time
		s.Signers = strings.Join(doc.Principals, ", ")
		s.Today, s.Class = "", ""
		if x.Today != nil {
			s.Today, s.Class = string(x.Today.Change), string(x.Today.Change)
		}
	}
}
