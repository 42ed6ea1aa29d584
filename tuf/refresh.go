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
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// refresh is one pass of the workflow over a source. What is verified goes into the
// transaction at once, so that it counts even if the refresh fails later, as the
// specification wants it.
type refresh struct {
	source Source
	tx     *transaction // nil: nothing is kept, nothing is known
	log    hclog.Logger
	search *search
	// behind are listed attestations that were not fetched.
	behind []listed
	// fetched is the source's timestamp when it is in hand already.
	fetched *Content
	// validator is the source's version of the timestamp that was fetched last.
	validator string
}

func (r *refresh) fetch(ctx context.Context, name string, limit int64) ([]byte, error) {
	return r.fetchSigned(ctx, name, limit, nil)
}

// fetchSigned is fetch for metadata about which signed, if not nil, says more.
func (r *refresh) fetchSigned(ctx context.Context, name string, limit int64, signed *metadata.MetaFiles) ([]byte, error) {
	file := File{Dir: MetadataDir, Name: name, Limit: limit}
	content, err := r.source.Fetch(ctx, file)
	if err != nil {
		return nil, err
	}
	if signed != nil {
		err = content.rewrittenLines(file, signed)
	}
	return content.Data, err
}

// metadata brings w up to date: sections 5.3 to 5.6.
func (r *refresh) metadata(ctx context.Context, w *workflow, chain *rootChain) error {
	if err := r.roots(ctx, w, chain); err != nil {
		return err
	}
	if err := r.timestamp(ctx, w, chain); err != nil {
		return err
	}
	if err := r.snapshot(ctx, w); err != nil {
		return err
	}
	r.search = &search{workflow: w, load: r.load, tolerated: map[string]bool{RoleRevocation: true}}
	return r.search.verifyDelegation(ctx, RoleTargets, RoleRoot, "")
}

// roots follows the root chain to its end. Reaching the limit is an error, not the end.
func (r *refresh) roots(ctx context.Context, w *workflow, chain *rootChain) error {
	for range MaxRootRotations {
		data, err := r.nextRoot(ctx, w)
		if err != nil {
			return err
		}
		if data == nil {
			return r.checkRoot(w, chain)
		}
		if err := w.updateRoot(data); err != nil {
			return err
		}
		chain.add(data)
		if r.tx != nil {
			r.tx.takeRoot(w.rootVersion(), data)
		}
		r.log.Info("verified a new root", "version", w.rootVersion())
	}
	if data, err := r.nextRoot(ctx, w); err != nil || data != nil {
		return errors.Join(err, &RootLimitError{w.rootVersion(), MaxRootRotations})
	}
	return r.checkRoot(w, chain)
}

// nextRoot fetches the root after the one at hand, nil if there is none.
func (r *refresh) nextRoot(ctx context.Context, w *workflow) ([]byte, error) {
	data, err := r.fetch(ctx, fmt.Sprintf("%d.root.json", w.rootVersion()+1), MaxRoot)
	if isAbsent(err) {
		return nil, nil
	}
	return data, err
}

// checkRoot compares the end of the chain with the highest root ever verified.
func (r *refresh) checkRoot(w *workflow, chain *rootChain) error {
	if r.tx == nil {
		return nil
	}
	floor := r.tx.store.floors.Root
	if w.rootVersion() < floor.Version {
		return &RollbackError{RoleRoot, floor.Version, w.rootVersion()}
	}
	if data := chain.root(floor.Version); data != nil && digestOf(data) != floor.SHA256 {
		return &CorruptError{r.tx.dir, fmt.Sprintf("root %d is not the one that was verified before", floor.Version)}
	}
	return nil
}

// timestamp loads the timestamp known from before, against which go-tuf checks
// for rollback, then the one of the source.
func (r *refresh) timestamp(ctx context.Context, w *workflow, chain *rootChain) error {
	if r.tx != nil {
		if known := r.tx.file(r.tx.current.Timestamp); known != nil {
			if _, err := w.updateTimestamp(known); err != nil {
				r.log.Info("the stored timestamp no longer counts", "error", err)
			}
		}
	}
	content := r.fetched
	if content == nil {
		var err error
		if content, err = r.source.Fetch(ctx, File{Dir: MetadataDir, Name: "timestamp.json", Limit: MaxTimestamp}); err != nil {
			return err
		}
	}
	same, err := w.updateTimestamp(content.Data)
	if err != nil {
		return chain.outdated(content.Data, err)
	}
	r.validator = content.Validator
	if !bytes.Equal(content.Data, w.raw[RoleTimestamp]) {
		r.validator = "" // the source serves another one of the same version
	}
	if r.tx != nil && !same {
		if err := r.tx.store.floors.checkTimestamp(w); err != nil {
			return err
		}
		if err := r.tx.takeTimestamp(w); err != nil {
			return err
		}
	}
	return w.checkTimestampExpiry()
}

func (r *refresh) snapshot(ctx context.Context, w *workflow) error {
	if r.tx != nil {
		if known := r.tx.file(r.tx.current.Snapshot); known != nil && w.updateSnapshot(known, true) == nil {
			return nil
		}
	}
	file := w.snapshotFile()
	data, err := r.fetchSigned(ctx, w.fileName(RoleSnapshot, file.Version), signedLimit(file.Length, MaxSnapshot), file)
	if err != nil {
		return err
	}
	if err := w.updateSnapshot(data, false); err != nil {
		return err
	}
	if r.tx == nil {
		return nil
	}
	if err := r.tx.store.floors.checkSnapshot(w); err != nil {
		return err
	}
	return r.tx.takeSnapshot(w)
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
func (r *refresh) load(ctx context.Context, role string, file *metadata.MetaFiles) ([]byte, error) {
	if r.tx != nil {
		if ref := r.tx.current.Roles[role]; ref.Version == file.Version {
			known := r.tx.file(ref)
			if known != nil && file.VerifyLengthHashes(known) == nil {
				return known, nil
			}
		}
	}
	return r.fetchSigned(ctx, r.search.fileName(role, file.Version), signedLimit(file.Length, MaxTargets), file)
}

// keepRoles puts the verified targets roles into the transaction.
func (r *refresh) keepRoles() error {
	if r.tx == nil || r.search == nil {
		return nil
	}
	for _, role := range sortedKeys(r.search.trusted.Targets) {
		if err := r.tx.takeTargets(r.search.workflow, role); err != nil {
			return err
		}
	}
	return nil
}

// target brings one target file, from the archive if it is there.
func (r *refresh) target(ctx context.Context, l listed, limit int64) ([]byte, error) {
	if l.info.Length > limit {
		return nil, &LengthError{File: l.path, Want: limit, Got: l.info.Length}
	}
	if sum := l.info.Hashes["sha256"]; r.tx != nil && len(sum) == len(digest{}) {
		if data, err := r.tx.object(digest(sum)); err == nil && checkTarget(l, data) == nil {
			return data, nil
		}
	}
	var err error
	for _, name := range r.targetNames(l) {
		var content *Content
		file := File{Dir: TargetsDir, Name: name, Limit: l.info.Length}
		content, err = r.source.Fetch(ctx, file)
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return content.Data, content.checkTarget(file, l)
	}
	return nil, err
}

// targetNames are the names under which a source may serve a target: with
// consistent snapshots one for each signed hash, SHA-256 first, always in that order.
func (r *refresh) targetNames(l listed) []string {
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
func (r *refresh) collect(ctx context.Context) (*collection, error) {
	c, err := r.search.fixedTargets(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range c.listed {
		if c.targets[l.path], err = r.target(ctx, l, MaxTargetFile); err != nil {
			return nil, err
		}
	}
	if c.attestationList, err = r.search.attestations(ctx); err != nil {
		return c, &attestationsError{err}
	}
	c.faults = append(c.faults, c.attestationList.faults...)
	return c, nil
}

// late reports whether the attestations are too many to be fetched before the rest
// of trust is used. A role that adds no authority must not hold back the others.
func (r *refresh) late(list []listed) bool {
	var files, bytes int64
	for _, l := range list {
		if !r.isKnown(l) {
			files++
			bytes += l.info.Length
		}
	}
	return files > promptFiles || bytes > promptBytes
}

// isKnown reports whether a target is in the archive, durably.
func (r *refresh) isKnown(l listed) bool {
	sum := l.info.Hashes["sha256"]
	return len(sum) == len(digest{}) && r.tx.archive.Known(digest(sum))
}

// attestations brings files below attestations/. The returned error is about them alone.
func (r *refresh) attestations(ctx context.Context, list []listed) (map[string][]byte, error) {
	files := make([][]byte, len(list))
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallelDownload)
	for i, l := range list {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			defer caught(&errs[i])
			files[i], errs[i] = r.target(ctx, l, MaxAttestationFile)
		})
	}
	wg.Wait()
	targets := map[string][]byte{}
	for i, l := range list {
		if errs[i] != nil {
			return nil, &attestationsError{errs[i]}
		}
		targets[l.path] = files[i]
	}
	return targets, nil
}

// attestationsError marks a fault that must not hold back the rest of trust.
type attestationsError struct{ error }

func (e *attestationsError) Unwrap() error { return e.error }
