// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// DriversProofSchema names the format of a proof of drivers.json.
const DriversProofSchema = "sigdriver.drivers-proof/v1"

// MaxDriversProof bounds a proof in bytes, MaxProofRoots the roots in it.
const (
	MaxDriversProof = 16 << 20
	MaxProofRoots   = MaxRootRotations
)

// driversProof is drivers.json with what proves it: the roots after the pinned one
// and the metadata of targets. It is read without a network, and by small readers
// that have no TUF client: [CheckDriversProof] says what they check.
type driversProof struct {
	Schema  string   `json:"schema"`
	Roots   [][]byte `json:"roots"`
	Targets []byte   `json:"targets"`
	Drivers []byte   `json:"drivers"`
}

// ProvenDrivers is what a proof of drivers.json proves.
type ProvenDrivers struct {
	Drivers []byte    // drivers.json
	Root    int64     // version of the last root
	Targets int64     // version of targets
	Expires time.Time // exclusive: that of root or of targets, the earlier one
}

// CheckDriversProof checks a proof of drivers.json from a pinned root. What it checks
// is the workflow of the specification, section 5, without timestamp and snapshot:
//
//  1. the file is strict JSON of exactly the members schema, roots, targets, drivers
//  2. roots up to the pinned one's version are passed over, but one of its version
//     must be the pinned one; each that follows has the next version and enough
//     signatures by the root before and by itself (5.3)
//  3. targets has enough signatures by the last root (5.6)
//  4. neither the last root nor targets has expired
//  5. neither version is below minRoot and minTargets, those of the proof taken before
//  6. targets itself lists drivers.json, with the length and the hashes of these bytes
//
// Metadata is read as strictly as everywhere in this package. The reader
// in Rust refuses the same, but for three things that it does not see: a key that is no
// Ed25519 key is looked at only when it has to sign, and may be no point of its curve; and
// a hash or a time that is written with escapes is the text that they stand for.
//
// Without timestamp and snapshot nobody can tell whether a newer proof exists: a proof
// holds until root or targets expires. Delegations are not followed, so revocations.json
// has no say: a lost receipt key is gone once drivers.json leaves it out.
func CheckDriversProof(file, pinned []byte, minRoot, minTargets int64, now time.Time) (p *ProvenDrivers, err error) {
	defer caught(&err)
	proof, err := readDriversProof(file)
	if err != nil {
		return nil, err
	}
	w, err := newWorkflow(pinned, now)
	if err != nil {
		return nil, err
	}
	if err := w.followRoots(proof.Roots); err != nil {
		return nil, err
	}
	root := &w.trusted.Root.Signed
	targets, err := w.targetsAlone(proof.Targets)
	switch {
	case err != nil:
		return nil, err
	case !now.Before(root.Expires):
		return nil, &ExpiredError{RoleRoot, root.Expires, now}
	case !now.Before(targets.Expires):
		return nil, &ExpiredError{RoleTargets, targets.Expires, now}
	case root.Version < minRoot:
		return nil, &RollbackError{RoleRoot, minRoot, root.Version}
	case targets.Version < minTargets:
		return nil, &RollbackError{RoleTargets, minTargets, targets.Version}
	}
	info := targets.Targets[driversFile]
	if info == nil {
		return nil, &DelegationError{Path: driversFile, Role: RoleTargets, Text: "is not listed"}
	}
	if err := checkTarget(listed{driversFile, info}, proof.Drivers); err != nil {
		return nil, err
	}
	expires := root.Expires
	if targets.Expires.Before(expires) {
		expires = targets.Expires
	}
	return &ProvenDrivers{proof.Drivers, root.Version, targets.Version, expires}, nil
}

func readDriversProof(file []byte) (*driversProof, error) {
	if len(file) > MaxDriversProof {
		return nil, &LengthError{File: "proof", Want: MaxDriversProof, Got: int64(len(file))}
	}
	proof := new(driversProof)
	if err := json.Unmarshal(file, proof, json.RejectUnknownMembers(true)); err != nil {
		return nil, &FormatError{"proof", "it is no proof of drivers.json"}
	}
	if proof.Schema != DriversProofSchema || proof.Roots == nil || len(proof.Roots) > MaxProofRoots || proof.Targets == nil || proof.Drivers == nil {
		return nil, &FormatError{"proof", "it is no proof of drivers.json, version 1"}
	}
	return proof, nil
}

// followRoots takes the roots after the one at hand.
func (w *workflow) followRoots(roots [][]byte) error {
	for _, data := range roots {
		signed, err := checkMetadata(RoleRoot, RoleRoot, data)
		if err != nil {
			return err
		}
		switch version := signed.get("version").integer(); {
		case version < w.rootVersion():
			continue
		case version == w.rootVersion():
			if !bytes.Equal(data, w.raw[RoleRoot]) {
				return &SignatureError{RoleRoot, errors.New("the proof stands on another root than the pinned one")}
			}
			continue
		}
		if err := w.updateRoot(data); err != nil {
			return err
		}
	}
	return nil
}

// targetsAlone takes targets by the root's word alone, without a snapshot.
func (w *workflow) targetsAlone(data []byte) (*metadata.TargetsType, error) {
	if _, err := checkMetadata(RoleTargets, RoleTargets, data); err != nil {
		return nil, err
	}
	targets, err := new(metadata.Metadata[metadata.TargetsType]).FromBytes(data)
	if err != nil {
		return nil, &FormatError{RoleTargets, err.Error()}
	}
	if err := w.trusted.Root.VerifyDelegate(RoleTargets, targets); err != nil {
		return nil, &SignatureError{RoleTargets, err}
	}
	return &targets.Signed, nil
}

// ExportDrivers writes a proof of the drivers.json that dir has: a published
// repository, a state folder or an export. First the whole of dir's trust is verified,
// as LoadOffline does, so that an author's mistake ends here; last the proof itself.
// A trust that publishes no drivers.json is an error that is fs.ErrNotExist.
func ExportDrivers(dir string, root []byte, now time.Time) (file []byte, p *ProvenDrivers, err error) {
	defer caught(&err)
	s, _, err := LoadOffline(dir, root, now)
	if err != nil {
		return nil, nil, err
	}
	drivers := s.Targets[driversFile]
	if drivers == nil {
		return nil, nil, &DelegationError{Path: driversFile, Role: RoleTargets, Text: "is not listed"}
	}
	proof := driversProof{Schema: DriversProofSchema, Roots: [][]byte{}, Drivers: drivers}
	if proof.Targets, err = ReadMetadata(dir, RoleTargets, s.Roles[RoleTargets]); err != nil {
		return nil, nil, err
	}
	w, err := newWorkflow(root, now)
	if err != nil {
		return nil, nil, err
	}
	for v := w.rootVersion() + 1; v <= s.Roles[RoleRoot].Version; v++ {
		data, err := rootOf(dir, v)
		if err != nil {
			return nil, nil, err
		}
		proof.Roots = append(proof.Roots, data)
	}
	if file, err = json.Marshal(&proof); err != nil {
		return nil, nil, err
	}
	p, err = CheckDriversProof(file, root, 0, 0, now)
	return file, p, err
}

// rootOf returns one version of the root that LoadOffline went through.
func rootOf(dir string, version int64) ([]byte, error) {
	if isRepository(dir) {
		return readFile(disk.OS{}, filepath.Join(dir, MetadataDir, fmt.Sprintf("%d.%s.json", version, RoleRoot)), MaxRoot)
	}
	h, err := openStoredHistory(dir)
	if err != nil {
		return nil, err
	}
	for _, l := range h.chain.lines {
		for _, ref := range l.Roots {
			if ref.Version == version {
				return h.objects.object(ref.SHA256)
			}
		}
	}
	return nil, &CorruptError{RoleRoot, fmt.Sprintf("version %d is not there: %v", version, fs.ErrNotExist)}
}
