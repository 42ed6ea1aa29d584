// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"errors"
	"strconv"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// workflow is one pass of the client workflow (specification, section 5) at one
// reference time. go-tuf checks every signature, threshold, version and expiry;
// workflow checks the form before that, and gives what go-tuf found an error of this
// package. A source, the archive and a published folder are all read through it.
type workflow struct {
	trusted *trustedmetadata.TrustedMetadata
	now     time.Time
	raw     map[string][]byte   // verified metadata by role, as received
	paths   map[[2]string]error // by (role, delegator): what verifying it gave
}

// newWorkflow starts from a root that is trusted already: the pinned one, or one that
// an earlier pass reached from it.
func newWorkflow(root []byte, now time.Time) (*workflow, error) {
	if _, err := checkMetadata(RoleRoot, RoleRoot, root); err != nil {
		return nil, err
	}
	trusted, err := trustedmetadata.New(root)
	if err != nil {
		return nil, &SignatureError{RoleRoot, err}
	}
	trusted.RefTime = now
	return &workflow{trusted, now, map[string][]byte{RoleRoot: root}, map[[2]string]error{}}, nil
}

func (w *workflow) rootVersion() int64 { return w.trusted.Root.Signed.Version }

// updateRoot takes the next root of the chain: sections 5.3.4 to 5.3.7.
func (w *workflow) updateRoot(data []byte) error {
	signed, err := checkMetadata(RoleRoot, RoleRoot, data)
	if err != nil {
		return err
	}
	want := w.rootVersion() + 1
	if _, err := w.trusted.UpdateRoot(data); err != nil {
		return w.classify(RoleRoot, want, signed, err)
	}
	w.raw[RoleRoot] = data
	return nil
}

// updateTimestamp takes a timestamp: section 5.4. One with the version of the timestamp
// before it is not taken and not an error: same is then true.
func (w *workflow) updateTimestamp(data []byte) (same bool, err error) {
	signed, err := checkMetadata(RoleTimestamp, RoleTimestamp, data)
	if err != nil {
		return false, err
	}
	before := w.trusted.Timestamp
	_, err = w.trusted.UpdateTimestamp(data)
	var equal *metadata.ErrEqualVersionNumber
	switch {
	case errors.As(err, &equal):
		return true, nil
	case err != nil && w.trusted.Root.Signed.IsExpired(w.now):
		return false, &ExpiredError{RoleRoot, w.trusted.Root.Signed.Expires, w.now}
	case err != nil:
		return false, w.classifyTimestamp(before, signed, err)
	}
	w.raw[RoleTimestamp] = data
	return false, nil
}

// classifyTimestamp: a version that is too low is a rollback, of the timestamp or of
// the snapshot that it names.
func (w *workflow) classifyTimestamp(before *metadata.Metadata[metadata.TimestampType], signed *tree, err error) error {
	var version *metadata.ErrBadVersionNumber
	if before == nil || !errors.As(err, &version) {
		return w.classify(RoleTimestamp, signed.get("version").integer(), signed, err)
	}
	if got := signed.get("version").integer(); got < before.Signed.Version {
		return &RollbackError{RoleTimestamp, before.Signed.Version, got}
	}
	got := signed.get("meta").get("snapshot.json").get("version").integer()
	return &RollbackError{RoleSnapshot, before.Signed.Meta["snapshot.json"].Version, got}
}

// checkTimestampExpiry refuses a timestamp that has expired.
func (w *workflow) checkTimestampExpiry() error {
	t := &w.trusted.Timestamp.Signed
	if t.IsExpired(w.now) {
		return &ExpiredError{RoleTimestamp, t.Expires, w.now}
	}
	return nil
}

// snapshotFile is what the timestamp says about the snapshot.
func (w *workflow) snapshotFile() *metadata.MetaFiles {
	return w.trusted.Timestamp.Signed.Meta["snapshot.json"]
}

// updateSnapshot takes a snapshot: section 5.5. One of an earlier refresh (known) need
// not fit the timestamp: it then only guards against rollback, and is an error.
func (w *workflow) updateSnapshot(data []byte, known bool) error {
	signed, err := checkMetadata(RoleSnapshot, RoleSnapshot, data)
	if err != nil {
		return err
	}
	if !known {
		if err := checkAnnounced(RoleSnapshot, w.snapshotFile(), signed, data); err != nil {
			return err
		}
	}
	before := w.trusted.Snapshot
	if _, err := w.trusted.UpdateSnapshot(data, known); err != nil {
		if rollback := snapshotRollback(before, signed); rollback != nil {
			return rollback
		}
		return w.classify(RoleSnapshot, w.snapshotFile().Version, signed, err)
	}
	if known {
		// go-tuf compares versions only; the timestamp may have moved the digest.
		if err := w.snapshotFile().VerifyLengthHashes(data); err != nil {
			return w.classify(RoleSnapshot, w.snapshotFile().Version, signed, err)
		}
	}
	w.raw[RoleSnapshot] = data
	return nil
}

// snapshotRollback finds the first role that went back or vanished.
func snapshotRollback(before *metadata.Metadata[metadata.SnapshotType], signed *tree) error {
	if before == nil {
		return nil
	}
	for _, name := range sortedKeys(before.Signed.Meta) {
		have, got := before.Signed.Meta[name].Version, signed.get("meta").get(name).get("version").integer()
		if got < have {
			return &RollbackError{roleOfFile(name), have, got}
		}
	}
	return nil
}

// updateTargets takes the metadata of a targets role as one delegator delegates it:
// sections 5.6 and 5.7. The result holds for this delegator only.
func (w *workflow) updateTargets(data []byte, role, delegator string) error {
	signed, err := checkMetadata(role, RoleTargets, data)
	if err != nil {
		return err
	}
	file := w.trusted.Snapshot.Signed.Meta[role+".json"]
	if file == nil {
		return &DelegationError{Role: role, Text: "is not in the snapshot"}
	}
	if err := checkAnnounced(role, file, signed, data); err != nil {
		return err
	}
	if _, err := w.trusted.UpdateDelegatedTargets(data, role, delegator); err != nil {
		return w.classify(role, file.Version, signed, err)
	}
	w.raw[role] = data
	return nil
}

// updateTargetsTolerant is updateTargets for a role whose expiry the caller judges:
// all but its expiry is proven, at the last instant at which it was valid.
func (w *workflow) updateTargetsTolerant(data []byte, role, delegator string) error {
	err := w.updateTargets(data, role, delegator)
	var expired *ExpiredError
	if !errors.As(err, &expired) {
		return err
	}
	w.trusted.RefTime = expired.Expires
	defer func() { w.trusted.RefTime = w.now }()
	return w.updateTargets(data, role, delegator)
}

// classify returns the error of this package for what go-tuf found. want is the version that was
// called for, signed what the file says.
func (w *workflow) classify(role string, want int64, signed *tree, err error) error {
	var (
		expired *metadata.ErrExpiredMetadata
		version *metadata.ErrBadVersionNumber
		digest  *metadata.ErrLengthOrHashMismatch
	)
	switch {
	case errors.As(err, &expired):
		at, _ := time.Parse(time.RFC3339, signed.get("expires").text) // checkMetadata parsed it
		return &ExpiredError{role, at, w.now}
	case errors.As(err, &version):
		return &VersionError{role, want, signed.get("version").integer()}
	case errors.As(err, &digest):
		return &HashError{role, "its hash is not the announced one"}
	}
	// What is left is unsigned, or has a delegation that cannot be met: no keys, or
	// an unusable one.
	return &SignatureError{role, err}
}

// checkAnnounced compares metadata with the version and the length (0 for none) that
// the role above it names. The version comes first: a file of another version is
// mixed in rather than cut.
func checkAnnounced(role string, file *metadata.MetaFiles, signed *tree, data []byte) error {
	if got := signed.get("version").integer(); got != file.Version {
		return &VersionError{role, file.Version, got}
	}
	if file.Length != 0 && int64(len(data)) != file.Length {
		return &LengthError{File: role, Want: file.Length, Got: int64(len(data))}
	}
	return nil
}

// fileName is the name of a role's file in a repository.
func (w *workflow) fileName(role string, version int64) string {
	if w.trusted.Root.Signed.ConsistentSnapshot {
		return strconv.FormatInt(version, 10) + "." + escapeRole(role) + ".json"
	}
	return escapeRole(role) + ".json"
}
