// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf"
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
	root, err := readFile(env, f.root, "pinned root", maxRoot)
	if err != nil {
		return nil, err
	}
	read := tuf.LoadOffline
	if asOf {
		read = tuf.AsOf
	}
	snapshot, note, err := read(f.dir, root, now)
	if err != nil {
		return nil, unavailable(f.dir, err)
	}
	trust, err := verifier.ParseTrust(trustSource(snapshot, note))
	if err != nil {
		return nil, unavailable(f.dir, err)
	}
	return &offlineTrust{trust, trustAttestations(snapshot)}, nil
}

// unavailable says why nothing could be verified, with the trust event's code.
func unavailable(dir string, err error) error {
	code := verifier.TrustUnavailable.String()
	var event interface{ Code() string }
	if errors.As(err, &event) {
		code += ", " + event.Code()
	}
	remedy := "nothing was verified; check that --root is the root.json that was published first, or restore the trust from a backup"
	var expired *tuf.ExpiredError
	if errors.As(err, &expired) {
		code, remedy = verifier.TrustStale.String(), "nothing was verified; `sigdriver trust status` shows what is there"
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
