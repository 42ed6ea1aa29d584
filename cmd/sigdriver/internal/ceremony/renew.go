// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// Renewal is what a renewal found.
type Renewal struct {
	Result
	// Next is when the next role is due that can be renewed here.
	Next time.Time
	// Away are the roles that are due and whose keys are elsewhere, and Urgent whether one
	// of them has less than a quarter of its life left.
	Away   []string
	Urgent bool
}

// Renew signs anew, with the keys at hand, the roles of which at most the share due of
// their lives is left, and publishes them; nothing else changes. A role whose keys are
// elsewhere, or that what is staged touches, does not hold up the others.
func (f *Folder) Renew(due float64) (*Renewal, error) {
	release, err := f.hold("renew")
	if err != nil {
		return nil, err
	}
	defer release()
	base, staged, err := f.open()
	if err != nil {
		return nil, err
	}
	if staged != nil && slices.Contains(staged.Roles(), tuf.RoleTimestamp) {
		// Fully signed, and its publication was interrupted: perhaps our own.
		if _, err := f.publishStaged(base, staged); err != nil {
			return nil, err
		}
		if base, staged, err = f.open(); err != nil {
			return nil, err
		}
	}
	if base == nil {
		return nil, f.unpublished()
	}
	return f.renew(base, staged, due)
}

func (f *Folder) renew(base *author.Repository, staged *author.Stage, due float64) (*Renewal, error) {
	r := &Renewal{Result: Result{Action: NotDue, Staged: staged}}
	roles, err := f.renewable(base, staged, due, r)
	if err != nil || len(roles) == 0 {
		return r, err
	}
	notes := r.Notes
	s, err := f.newStage(base, &Change{Renew: roles})
	if err != nil {
		return nil, err
	}
	result, err := f.signAndCommit(s, staged, tuf.Roles(), notes)
	if err != nil {
		return nil, err
	}
	r.Result = *result
	after, err := f.MustRepository()
	if err != nil {
		return nil, err
	}
	again := &Renewal{}
	_, err = f.renewable(after, staged, due, again)
	r.Next = again.Next
	return r, err
}

// renewable returns the roles that are due and can be renewed here, and notes in r what
// is due and cannot, and when the next one will be due.
func (f *Folder) renewable(base *author.Repository, staged *author.Stage, due float64, r *Renewal) ([]string, error) {
	notes, err := f.Notes()
	if err != nil {
		return nil, err
	}
	lives, err := notes.Lives()
	if err != nil {
		return nil, err
	}
	now := f.Now()
	var roles []string
	for _, s := range base.States() {
		share := func(x float64) time.Time { return s.Expires.Add(-time.Duration(x * float64(lives[s.Role]))) }
		at := share(due)
		if now.Before(at) {
			if r.Next.IsZero() || at.Before(r.Next) {
				r.Next = at
			}
			continue
		}
		why, err := f.cannotRenew(base, staged, s)
		if err != nil {
			return nil, err
		}
		if why == "" {
			roles = append(roles, s.Role)
			continue
		}
		r.Away = append(r.Away, s.Role)
		r.Urgent = r.Urgent || !now.Before(share(0.25))
		r.Notes = append(r.Notes, fmt.Sprintf("%s is due, it expires at %s: %s", s.Role, s.Expires.UTC().Format(time.RFC3339), why))
	}
	return roles, nil
}

// cannotRenew says why a role cannot be renewed here, "" when it can.
func (f *Folder) cannotRenew(base *author.Repository, staged *author.Stage, s author.RoleState) (string, error) {
	if staged != nil && (s.Role == tuf.RoleRoot || s.Role == tuf.RoleTargets || slices.Contains(staged.Roles(), s.Role)) {
		return "what is staged comes first; `sigdriver trust publish --dir DIR` completes it", nil
	}
	held, err := base.Keyholders(s.Role)
	if err != nil {
		return "", err
	}
	ids := map[string]bool{}
	for _, key := range held.Keys {
		id, err := author.KeyID(key)
		if err != nil {
			return "", err
		}
		ids[id] = true
	}
	at, err := f.keysAtHand(ids)
	if err != nil {
		return "", err
	}
	if at >= held.Threshold || s.Role == tuf.RoleSnapshot || s.Role == tuf.RoleTimestamp {
		return "", nil // without those two nothing can be published, which is an error of its own
	}
	return fmt.Sprintf("%d of its keys are here and %d have to sign; `sigdriver trust stage --dir DIR --renew %s` lets their holders", at, held.Threshold, s.Role), nil
}

// keysAtHand counts the keys with one of the ids whose private half is here. Those of
// the keys folder stay closed.
func (f *Folder) keysAtHand(ids map[string]bool) (int, error) {
	found := map[string]bool{}
	add := func(key crypto.PublicKey) {
		if id, err := author.KeyID(key); err == nil && ids[id] {
			found[id] = true
		}
	}
	list := []string{}
	for id := range ids {
		list = append(list, id)
	}
	local, err := f.localKeys(list)
	if err != nil {
		return 0, err
	}
	for _, file := range local {
		key, err := f.PublicKey(strings.TrimSuffix(file, ".key") + ".pub")
		if err != nil {
			return 0, err
		}
		add(key)
	}
	for _, file := range f.KeyFiles {
		key, err := f.OpenKey(file)
		if err != nil {
			return 0, err
		}
		add(key.Signer().Public())
	}
	return len(found), nil
}
