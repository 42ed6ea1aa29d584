// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// remote is one cycle of the workflow over a source: what is verified goes into
// the stage at once, so that it counts even if the cycle fails later, as the
// specification wants it.
type remote struct {
	source Source
	stage  *stage // nil: nothing is kept, nothing is known
	log    hclog.Logger
	search *search
	// validator is the source's version of the timestamp that was fetched last.
	validator string
}

func (r *remote) fetch(ctx context.Context, name string, limit int64) ([]byte, error) {
	content, err := r.source.Fetch(ctx, File{Dir: MetadataDir, Name: name, Limit: limit})
	if err != nil {
		return nil, err
	}
	return content.Data, nil
}

// metadata brings w up to date: sections 5.3 to 5.6.
func (r *remote) metadata(ctx context.Context, w *walk, chain *rootChain) error {
	if err := r.roots(ctx, w, chain); err != nil {
		return err
	}
	if err := r.timestamp(ctx, w, chain); err != nil {
		return err
	}
	if err := r.snapshot(ctx, w); err != nil {
		return err
	}
	r.search = &search{walk: w, load: r.load, tolerated: map[string]bool{RoleRevocation: true}}
	return r.search.enter(ctx, RoleTargets, RoleRoot, "")
}

// roots walks to the newest root. Reaching the limit is an error, not the end.
func (r *remote) roots(ctx context.Context, w *walk, chain *rootChain) error {
	for range MaxRootRotations {
		data, err := r.nextRoot(ctx, w)
		if err != nil {
			return err
		}
		if data == nil {
			return r.checkRoot(w, chain)
		}
		if err := w.root(data); err != nil {
			return err
		}
		chain.add(data)
		if r.stage != nil {
			r.stage.takeRoot(w.rootVersion(), data)
		}
		r.log.Info("verified a new root", "version", w.rootVersion())
	}
	if data, err := r.nextRoot(ctx, w); err != nil || data != nil {
		return errors.Join(err, &RootLimitError{w.rootVersion(), MaxRootRotations})
	}
	return r.checkRoot(w, chain)
}

// nextRoot fetches the root after the one at hand, nil if there is none.
func (r *remote) nextRoot(ctx context.Context, w *walk) ([]byte, error) {
	data, err := r.fetch(ctx, fmt.Sprintf("%d.root.json", w.rootVersion()+1), MaxRoot)
	if isAbsent(err) {
		return nil, nil
	}
	return data, err
}

// checkRoot compares the end of the chain with the highest root ever verified.
func (r *remote) checkRoot(w *walk, chain *rootChain) error {
	if r.stage == nil {
		return nil
	}
	floor := r.stage.store.floors.Root
	if w.rootVersion() < floor.Version {
		return &RollbackError{RoleRoot, floor.Version, w.rootVersion()}
	}
	if data := chain.root(floor.Version); data != nil && digestOf(data) != floor.SHA256 {
		return &CorruptError{r.stage.dir, fmt.Sprintf("root %d is not the one that was verified before", floor.Version)}
	}
	return nil
}

// timestamp loads the timestamp known from before, against which go-tuf judges
// rollback, then the one of the source.
func (r *remote) timestamp(ctx context.Context, w *walk, chain *rootChain) error {
	if r.stage != nil {
		if known := r.stage.file(r.stage.current.Timestamp); known != nil {
			if _, err := w.timestamp(known); err != nil {
				r.log.Info("the stored timestamp no longer counts", "error", err)
			}
		}
	}
	content, err := r.source.Fetch(ctx, File{Dir: MetadataDir, Name: "timestamp.json", Limit: MaxTimestamp})
	if err != nil {
		return err
	}
	same, err := w.timestamp(content.Data)
	if err != nil {
		return chain.outdated(content.Data, err)
	}
	r.validator = content.Validator
	if !bytes.Equal(content.Data, w.raw[RoleTimestamp]) {
		r.validator = "" // the source serves another one of the same version
	}
	if r.stage != nil && !same {
		if err := r.stage.store.floors.checkTimestamp(w); err != nil {
			return err
		}
		if err := r.stage.takeTimestamp(w); err != nil {
			return err
		}
	}
	return w.currentTimestamp()
}

func (r *remote) snapshot(ctx context.Context, w *walk) error {
	if r.stage != nil {
		if known := r.stage.file(r.stage.current.Snapshot); known != nil && w.snapshot(known, true) == nil {
			return nil
		}
	}
	file := w.snapshotFile()
	data, err := r.fetch(ctx, w.fileName(RoleSnapshot, file.Version), signedLimit(file.Length, MaxSnapshot))
	if err != nil {
		return err
	}
	if err := w.snapshot(data, false); err != nil {
		return err
	}
	if r.stage == nil {
		return nil
	}
	if err := r.stage.store.floors.checkSnapshot(w); err != nil {
		return err
	}
	return r.stage.takeSnapshot(w)
}

// signedLimit bounds a download by its signed length, if there is one.
func signedLimit(length, limit int64) int64 {
	if length > 0 {
		return min(length, limit)
	}
	return limit
}

// load brings the metadata of a targets role: the archived bytes if they are the
// version that the snapshot names, else those of the source.
func (r *remote) load(ctx context.Context, role string, file *metadata.MetaFiles) ([]byte, error) {
	if r.stage != nil {
		if ref := r.stage.current.Roles[role]; ref.Version == file.Version {
			known := r.stage.file(ref)
			if known != nil && file.VerifyLengthHashes(known) == nil {
				return known, nil
			}
		}
	}
	return r.fetch(ctx, r.search.fileName(role, file.Version), signedLimit(file.Length, MaxTargets))
}

// keepRoles puts the verified targets roles into the stage.
func (r *remote) keepRoles() error {
	if r.stage == nil || r.search == nil {
		return nil
	}
	for _, role := range sortedKeys(r.search.trusted.Targets) {
		if err := r.stage.takeTargets(r.search.walk, role); err != nil {
			return err
		}
	}
	return nil
}

// target brings one target file, from the archive if it is there.
func (r *remote) target(ctx context.Context, l listed, limit int64) ([]byte, error) {
	if l.info.Length > limit {
		return nil, &LengthError{File: l.path, Want: limit, Got: l.info.Length}
	}
	if sum := l.info.Hashes["sha256"]; r.stage != nil && len(sum) == len(digest{}) {
		if data, err := r.stage.object(digest(sum)); err == nil && checkTarget(l, data) == nil {
			return data, nil
		}
	}
	return r.fetchTarget(ctx, l)
}

func (r *remote) fetchTarget(ctx context.Context, l listed) ([]byte, error) {
	var err error
	for _, name := range r.targetNames(l) {
		var content *Content
		content, err = r.source.Fetch(ctx, File{Dir: TargetsDir, Name: name, Limit: l.info.Length})
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return content.Data, checkTarget(l, content.Data)
	}
	return nil, err
}

// targetNames are the names under which a source may serve a target: with
// consistent snapshots one for each signed hash, SHA-256 first, always in that order.
func (r *remote) targetNames(l listed) []string {
	if !r.search.trusted.Root.Signed.ConsistentSnapshot {
		return []string{l.path}
	}
	var names []string
	for _, algorithm := range sortedKeys(l.info.Hashes) {
		name := hex.EncodeToString(l.info.Hashes[algorithm]) + "." + path.Base(l.path)
		names = append(names, path.Join(path.Dir(l.path), name))
	}
	return names
}

// collect brings every target that sigdriver uses.
func (r *remote) collect(ctx context.Context) (*collection, error) {
	c, err := r.search.wellKnown(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range c.listed {
		if c.targets[l.path], err = r.target(ctx, l, MaxTargetFile); err != nil {
			return nil, err
		}
	}
	c.attestations, err = r.attestations(ctx, c)
	return c, err
}

// attestations brings the files below attestations/. The returned error is about
// them alone.
func (r *remote) attestations(ctx context.Context, c *collection) (map[string][]byte, error) {
	found, err := r.search.attestations(ctx)
	if err != nil {
		return nil, &attestationsError{err}
	}
	c.faults = append(c.faults, found.faults...)
	files := make([][]byte, len(found.listed))
	errs := make([]error, len(found.listed))
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallelDownload)
	known := r.known(found.listed, files)
	for i, l := range found.listed {
		if known[i] {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			defer caught(&errs[i])
			files[i], errs[i] = r.fetchTarget(ctx, l)
		})
	}
	wg.Wait()
	targets := map[string][]byte{}
	for i, l := range found.listed {
		if errs[i] != nil {
			return nil, &attestationsError{errs[i]}
		}
		targets[l.path] = files[i]
	}
	return targets, nil
}

// known fills in what the archive has: it is not shared between goroutines.
func (r *remote) known(all []listed, files [][]byte) []bool {
	known := make([]bool, len(all))
	for i, l := range all {
		sum := l.info.Hashes["sha256"]
		if r.stage == nil || len(sum) != len(digest{}) {
			continue
		}
		data, err := r.stage.object(digest(sum))
		if err == nil && checkTarget(l, data) == nil {
			files[i], known[i] = data, true
		}
	}
	return known
}

// attestationsError marks a fault that must not hold back the rest of trust.
type attestationsError struct{ error }

func (e *attestationsError) Unwrap() error { return e.error }

// collection is what a search found and its targets' bytes.
type collection struct {
	listed       []listed
	roles        map[string]bool // consulted, beside the top-level ones
	targets      map[string][]byte
	attestations map[string][]byte
	faults       []error
}

// wellKnown finds the targets with fixed names. Who may list what: the top-level
// role for all but revocations.json, which is found through delegations.
func (s *search) wellKnown(ctx context.Context) (*collection, error) {
	c := &collection{roles: map[string]bool{}, targets: map[string][]byte{}}
	for _, name := range ownTargets {
		if info := s.trusted.Targets[RoleTargets].Signed.Targets[name]; info != nil {
			c.listed = append(c.listed, listed{name, info})
		}
	}
	info, role, err := s.find(ctx, revocationsFile)
	switch {
	case err == nil:
		c.listed = append(c.listed, listed{revocationsFile, info})
		c.roles[role] = true
	case !notListed(err):
		return nil, err
	}
	// Its expiry counts also while it lists nothing.
	if s.delegates(RoleRevocation) {
		if err := s.enter(ctx, RoleRevocation, RoleTargets, revocationsFile); err != nil {
			return nil, err
		}
		c.roles[RoleRevocation] = true
		if d := s.trusted.Targets[RoleRevocation].Signed; d.IsExpired(s.now) {
			c.faults = append(c.faults, &ExpiredError{RoleRevocation, d.Expires, s.now})
		}
		c.faults = append(c.faults, s.strayTargets(RoleRevocation, func(p string) bool { return p == revocationsFile })...)
	}
	return c, nil
}

// notListed reports whether a search ended with nothing found.
func notListed(err error) bool {
	var d *DelegationError
	return errors.As(err, &d) && d.Role == ""
}

// strayTargets are the targets that a role lists in vain.
func (s *search) strayTargets(role string, mine func(string) bool) []error {
	var faults []error
	for _, p := range sortedKeys(s.trusted.Targets[role].Signed.Targets) {
		if !mine(p) && len(faults) < MaxDelegations {
			faults = append(faults, &DelegationError{Path: p, Role: role, Text: "lists it in vain: that path is not delegated to it"})
		}
	}
	return faults
}

// attestations finds every file below attestations/ that the role in charge lists.
func (s *search) attestations(ctx context.Context) (*collection, error) {
	roles, err := s.rolesBelow(ctx, attestationsFolder)
	if err != nil {
		return nil, err
	}
	c := &collection{roles: map[string]bool{}}
	paths := map[string]bool{}
	for _, role := range roles[1:] { // the first is the top-level role
		c.roles[role] = true
		for p := range s.trusted.Targets[role].Signed.Targets {
			paths[p] = true
		}
		inside := func(p string) bool { return strings.HasPrefix(p, attestationsFolder+"/") }
		c.faults = append(c.faults, s.strayTargets(role, inside)...)
	}
	for p := range s.trusted.Targets[RoleTargets].Signed.Targets {
		paths[p] = true
	}
	var total int64
	for _, p := range sortedKeys(paths) {
		if !isAttestationPath(p) {
			continue
		}
		info, _, err := s.find(ctx, p)
		if notListed(err) {
			c.faults = append(c.faults, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if total, err = addAttestation(c, listed{p, info}, total); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// addAttestation counts before anything is downloaded.
func addAttestation(c *collection, l listed, total int64) (int64, error) {
	total += l.info.Length
	switch {
	case l.info.Length > MaxAttestationFile:
		return total, &LengthError{File: l.path, Want: MaxAttestationFile, Got: l.info.Length}
	case total > MaxAttestationBytes:
		return total, &LengthError{File: attestationsFolder, Want: MaxAttestationBytes, Got: total}
	case len(c.listed) >= MaxAttestationFiles:
		return total, &LengthError{File: attestationsFolder, Text: fmt.Sprintf("more than %d files", MaxAttestationFiles)}
	}
	c.listed = append(c.listed, l)
	return total, nil
}
