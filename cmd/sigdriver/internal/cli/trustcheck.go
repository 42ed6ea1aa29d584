// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/verifier"
)

// contentFlags are the files that a change brings.
type contentFlags struct {
	authorities, trustedRoot, revocations, drivers string
	attestations, remove                           []string
}

func (f *contentFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.authorities, "authorities", "", "publish this authorities.json")
	cmd.Flags().StringVar(&f.trustedRoot, "trusted-root", "", "publish this Sigstore trusted_root.json")
	cmd.Flags().StringVar(&f.revocations, "revocations", "", "publish this revocations.json")
	cmd.Flags().StringVar(&f.drivers, "drivers", "", "publish this drivers.json, the receipt keys of drivers")
}

func (f *contentFlags) registerMore(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.attestations, "attestation", nil, "publish this bundle or envelope (repeatable)")
	cmd.Flags().StringArrayVar(&f.remove, "remove", nil, "take this target path out, as attestations/…/… (repeatable)")
}

// read returns the files by target path, attestations left out.
func (f *contentFlags) read(env *Env) (map[string][]byte, error) {
	files := map[string][]byte{}
	for target, path := range map[string]string{
		"authorities.json": f.authorities, "trusted_root.json": f.trustedRoot, "revocations.json": f.revocations, "drivers.json": f.drivers,
	} {
		if path == "" {
			continue
		}
		data, err := readFile(env, path, target, verifier.MaxTrustFile)
		if err != nil {
			return nil, err
		}
		files[target] = data
	}
	for _, target := range f.remove {
		if target == "authorities.json" {
			return nil, usageError(errors.New("authorities.json cannot be removed: drivers would have no trust at all"), "publish another one with --authorities")
		}
		files[target] = nil
	}
	return files, nil
}

// addAttestations files every attestation under the documents that it proves to
// speak about, as judged by the trust it will be published with.
func (f *contentFlags) addAttestations(env *Env, trust *verifier.Trust, files map[string][]byte) error {
	for _, path := range f.attestations {
		raw, err := readFile(env, path, "attestation", verifier.MaxAttestation)
		if err != nil {
			return err
		}
		evidence, findings := trust.Evidence(raw)
		if len(evidence) == 0 {
			why := "it proves nothing"
			if len(findings) > 0 {
				why = findings[0].Reason.String() + ": " + findings[0].Detail
			}
			return usageError(fmt.Errorf("the attestation %q would count for nothing: %s", path, why), "nothing was published; publish the authorities that it needs first, or leave it out")
		}
		for _, e := range evidence {
			for _, digest := range e.SubjectSHA256 {
				files["attestations/"+digest+"/"+targetName(path)] = raw
			}
		}
	}
	return nil
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

// checkTrust parses trust as a driver will see it after the files are published
// over base, and lets it check itself. Without authorities.json there is none yet.
func checkTrust(base *author.Repository, files map[string][]byte) (*verifier.Trust, error) {
	src := verifier.TrustSource{Epoch: 1, DriverVersion: version.Driver}
	for target, to := range trustFiles(&src) {
		data, err := nextTarget(base, files, target)
		if err != nil {
			return nil, err
		}
		*to = data
	}
	if src.Authorities == nil {
		if src.TrustedRoot != nil || src.Revocations != nil || src.Drivers != nil {
			return nil, usageError(errors.New("there is no authorities.json to judge the other files by"), "give it with --authorities")
		}
		return nil, nil
	}
	trust, err := verifier.ParseTrust(src)
	if err != nil {
		return nil, usageError(fmt.Errorf("drivers would refuse this trust: %w", err), "nothing was published; mend the file and try again")
	}
	if err := trust.RevocationFault(); err != nil {
		return nil, usageError(fmt.Errorf("drivers would not take this revocations.json: %w", err), "nothing was published; mend the file and try again")
	}
	return trust, nil
}

// trustFiles says which file of trust goes where.
func trustFiles(src *verifier.TrustSource) map[string]*[]byte {
	return map[string]*[]byte{
		"authorities.json": &src.Authorities, "trusted_root.json": &src.TrustedRoot,
		"revocations.json": &src.Revocations, "drivers.json": &src.Drivers,
	}
}

// nextTarget returns a file as it will be; nil when there will be none.
func nextTarget(base *author.Repository, files map[string][]byte, target string) ([]byte, error) {
	if data, ok := files[target]; ok {
		return data, nil
	}
	if base == nil || !slices.Contains(base.Targets(), target) {
		return nil, nil
	}
	data, err := base.Target(target)
	return data, trustError(err)
}
