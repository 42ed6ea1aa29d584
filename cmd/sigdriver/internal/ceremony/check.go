// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package ceremony

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/verifier"
)

// Publication is a repository, or a stage as it will be one.
type Publication interface {
	States() []author.RoleState
	Targets() []string
	Target(path string) ([]byte, error)
}

var (
	_ Publication = (*author.Repository)(nil)
	_ Publication = (*author.Stage)(nil)
)

// TrustFiles says which file of trust goes where.
func TrustFiles(src *verifier.TrustSource) map[string]*[]byte {
	return map[string]*[]byte{
		"authorities.json": &src.Authorities, "trusted_root.json": &src.TrustedRoot,
		"revocations.json": &src.Revocations, "drivers.json": &src.Drivers,
	}
}

// ReadTargets reads the trust files of a publication, as far as it has them.
func ReadTargets(p Publication, src *verifier.TrustSource) error {
	targets := p.Targets()
	for target, to := range TrustFiles(src) {
		if !slices.Contains(targets, target) {
			continue
		}
		data, err := p.Target(target)
		if err != nil {
			return err
		}
		*to = data
	}
	return nil
}

// Attestations reads the attestations of a publication by target path.
func Attestations(p Publication) (map[string][]byte, error) {
	list := map[string][]byte{}
	for _, target := range p.Targets() {
		if !strings.HasPrefix(target, "attestations/") {
			continue
		}
		data, err := p.Target(target)
		if err != nil {
			return nil, err
		}
		list[target] = data
	}
	return list, nil
}

// check parses trust as a driver will see it after the files are published over base,
// and lets it check itself. Without authorities.json there is none yet.
func check(base *author.Repository, files map[string][]byte) (*verifier.Trust, error) {
	src := verifier.TrustSource{Epoch: 1, DriverVersion: version.Driver}
	for target, to := range TrustFiles(&src) {
		data, err := nextTarget(base, files, target)
		if err != nil {
			return nil, err
		}
		*to = data
	}
	if src.Authorities == nil {
		if src.TrustedRoot != nil || src.Revocations != nil || src.Drivers != nil {
			return nil, refuse("give it with --authorities", "there is no authorities.json to judge the other files by")
		}
		return nil, nil
	}
	trust, err := verifier.ParseTrust(src)
	if err != nil {
		return nil, refuse("nothing was published; mend the file and try again", "drivers would refuse this trust: %w", err)
	}
	if err := trust.RevocationFault(); err != nil {
		return nil, refuse("nothing was published; mend the file and try again", "drivers would not take this revocations.json: %w", err)
	}
	return trust, nil
}

// nextTarget returns a file as it will be; nil when there will be none.
func nextTarget(base *author.Repository, files map[string][]byte, target string) ([]byte, error) {
	if data, ok := files[target]; ok {
		return data, nil
	}
	if base == nil || !slices.Contains(base.Targets(), target) {
		return nil, nil
	}
	return base.Target(target)
}

// addAttestations files every attestation under the documents that it proves to
// speak about, as judged by the trust it will be published with.
func addAttestations(trust *verifier.Trust, attestations []Attestation, files map[string][]byte) error {
	for _, a := range attestations {
		evidence, findings := trust.Evidence(a.Data)
		if len(evidence) == 0 {
			why := "it proves nothing"
			if len(findings) > 0 {
				why = findings[0].Reason.String() + ": " + findings[0].Detail
			}
			return refuse("nothing was published; publish the authorities that it needs first, or leave it out", "the attestation %q would count for nothing: %s", a.Path, why)
		}
		for _, e := range evidence {
			for _, digest := range e.SubjectSHA256 {
				files[freeTarget(files, "attestations/"+digest+"/", a)] = a.Data
			}
		}
	}
	return nil
}

// freeTarget is where an attestation goes: under its file's name, or where another one
// of this change has that name already, under that with its own digest, so that two
// people whose files are called alike both count.
func freeTarget(files map[string][]byte, folder string, a Attestation) string {
	name := targetName(a.Path)
	if taken, there := files[folder+name]; there && !bytes.Equal(taken, a.Data) {
		sum := sha256.Sum256(a.Data)
		base, _, _ := strings.Cut(name, ".")
		name = fmt.Sprintf("%s-%x%s", base, sum[:4], name[len(base):])
	}
	return folder + name
}

var notInTargetName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// targetName turns a file name into one that every server and bucket takes.
func targetName(path string) string {
	name := notInTargetName.ReplaceAllString(filepath.Base(path), "-")
	if name[0] == '.' || name[0] == '-' || name[0] == '_' {
		name = "a" + name
	}
	return name
}
