// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// maxRoot bounds a pinned root.json in bytes.
const maxRoot = 1 << 20

// trustFlags say where offline commands take trust from.
type trustFlags struct{ dir, root string }

func (f *trustFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "trust", "", "folder with trust: a published repository, an export or a state folder")
	cmd.Flags().StringVar(&f.root, "root", "", "the pinned root.json that trust must start from")
}

// offlineTrust is trust read from a folder, and the attestations it brings.
type offlineTrust struct {
	*verifier.Trust
	attestations []attestation // in the order of their paths
}

// load reads trust as it stands at now, or with asOf as it stood then. Trust
// that cannot be used is inconclusive: nothing was verified.
func (f *trustFlags) load(env *Env, now time.Time, asOf bool) (*offlineTrust, error) {
	read := tuf.LoadOffline
	if asOf {
		read = tuf.AsOf
	}
	snapshot, note, err := f.read(env, read, now)
	if err != nil {
		return nil, err
	}
	trust, err := verifier.ParseTrust(trustSource(snapshot, note))
	if err != nil {
		return nil, unavailable(f.dir, err)
	}
	return &offlineTrust{trust, trustAttestations(snapshot)}, nil
}

// read proves the trust in the folder. An ExitError tells a mistake in what was named
// from trust that cannot be used.
func (f *trustFlags) read(env *Env, load func(string, []byte, time.Time) (*tuf.Snapshot, tuf.Note, error), now time.Time) (*tuf.Snapshot, tuf.Note, error) {
	root, err := readPinnedRoot(env, f.root)
	if err != nil {
		return nil, tuf.Note{}, err
	}
	if err := findTrust(f.dir); err != nil {
		return nil, tuf.Note{}, err
	}
	snapshot, note, err := load(f.dir, root, now)
	if err != nil {
		return nil, note, unavailable(f.dir, err)
	}
	return snapshot, note, nil
}

// findTrust refuses a path at which there is nothing, or nothing that could be trust.
func findTrust(dir string) error {
	_, err := disk.OS{}.Stat(dir)
	const remedy = "give the folder of a published repository (the one with metadata/ in it), a driver's state folder or an export of one"
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usageError(fmt.Errorf("there is no folder or export %q", dir), remedy)
	case errors.As(err, &path):
		return usageError(fmt.Errorf("cannot read the trust in %q: %w", dir, path.Err), "read it as the user that owns it, or copy it first")
	case err == nil && exists(filepath.Join(dir, "published", "metadata")):
		return usageError(fmt.Errorf("%q is a ceremony's folder", dir), fmt.Sprintf("give what it publishes, --trust %s", printable(filepath.Join(dir, "published"))))
	case err == nil && !holdsTrust(dir):
		return usageError(fmt.Errorf("there is no trust in the folder %q", dir), remedy)
	}
	return err
}

// holdsTrust reports whether a path is a file, or a folder that has trust of any kind.
func holdsTrust(path string) bool {
	if st, err := (disk.OS{}).Stat(path); err == nil && st.Mode().IsRegular() {
		return true
	}
	for _, sign := range []string{"metadata", "history.jsonl", filepath.Join("trust", "history.jsonl"), "audit"} {
		if exists(filepath.Join(path, sign)) {
			return true
		}
	}
	return false
}

// unavailable says why nothing could be verified, with the trust event's code.
func unavailable(dir string, err error) error {
	code := verifier.TrustUnavailable.String()
	var event interface{ Code() string }
	if errors.As(err, &event) {
		code += ", " + event.Code()
	}
	remedy := "nothing was verified; check that --root is the root.json that was published first, or restore the trust from a backup"
	var foreign *tuf.NotMetadataError
	if errors.As(err, &foreign) {
		remedy = "nothing was verified; copy the repository again, byte for byte (`* -text` in .gitattributes keeps git from changing line ends)"
	}
	var expired *tuf.ExpiredError
	if errors.As(err, &expired) {
		code, remedy = verifier.TrustStale.String(), "nothing was verified; `sigdriver trust status` shows what is there"
	}
	var none *tuf.NoHistoryError
	if errors.As(err, &none) {
		code, remedy = verifier.TrustUnavailable.String(), "nothing was verified; what was in force earlier is known to a driver: give its state folder, or an export of one"
	}
	return &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("%s: the trust in %q cannot be used: %w", code, dir, err), Remedy: remedy}
}

// trustSource hands over what TUF proved, for this build.
func trustSource(s *tuf.Snapshot, note tuf.Note) verifier.TrustSource {
	src := trust.Source(s, note)
	src.DriverVersion = version.Driver
	return src
}

// trustAttestations returns the attestations that travel with trust.
func trustAttestations(s *tuf.Snapshot) []attestation {
	var all []attestation
	for _, path := range sortedKeys(s.Targets) {
		if strings.HasPrefix(path, "attestations/") {
			all = append(all, attestation{name: path, raw: s.Targets[path], fromTrust: true})
		}
	}
	return all
}
