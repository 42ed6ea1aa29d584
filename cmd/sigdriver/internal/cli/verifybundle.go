// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/verifier"
)

// maxArtifact bounds a signed file, in bytes.
const maxArtifact = 256 << 20

// bundleFlags are the options of verify-bundle, spelled as cosign spells them.
type bundleFlags struct {
	bundle, key, trustedRoot string
	identity, identityRegexp string
	issuer, issuerRegexp     string
	workflow                 workflowFlags
	claims                   []string
}

// workflowFlags are cosign's flags for what a certificate says about a workflow of
// GitHub, by the name of the claim.
type workflowFlags map[string]*string

var workflowClaims = []struct{ flag, claim, about string }{
	{"trigger", "githubWorkflowTrigger", "the event that must have started it"},
	{"sha", "githubWorkflowSHA", "the commit that it must have run for"},
	{"name", "githubWorkflowName", "the name that it must have"},
	{"repository", "githubWorkflowRepository", "the repository that it must have run for, as owner/name"},
	{"ref", "githubWorkflowRef", "the ref that it must have run for"},
}

func newVerifyBundleCommand(env *Env) *cobra.Command {
	f := &bundleFlags{}
	cmd := &cobra.Command{
		Use:   "verify-bundle --bundle FILE (--key FILE | --certificate-identity ID --certificate-oidc-issuer URL --trusted-root FILE) FILE_OR_sha256:HEX",
		Short: "Verify a Sigstore bundle over a file, offline",
		Long: `Makes the checks that the driver makes of a bundle, and nothing else: signature,
certificate, log and timestamp. It knows no authorities and no rules; verify does.
Nothing is fetched. With a key, log entries and timestamps are judged only when
--trusted-root is given.

Exit codes: 0 verified, 1 not verified, also because the key or the root is no good,
2 usage.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return verifyBundle(env, f, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.bundle, "bundle", "", "the Sigstore bundle")
	fl.StringVar(&f.key, "key", "", "the PEM public key that must have signed")
	fl.StringVar(&f.trustedRoot, "trusted-root", "", "the trusted_root.json to judge certificates, logs and timestamps by")
	fl.StringVar(&f.identity, "certificate-identity", "", "the identity that must have signed")
	fl.StringVar(&f.identityRegexp, "certificate-identity-regexp", "", "a regexp for it, matched against the whole identity")
	fl.StringVar(&f.issuer, "certificate-oidc-issuer", "", "who must have vouched for the identity")
	fl.StringVar(&f.issuerRegexp, "certificate-oidc-issuer-regexp", "", "a regexp for it, matched against the whole issuer")
	f.workflow = workflowFlags{}
	keyExcludes := []string{"key", "certificate-claim"}
	for _, w := range workflowClaims {
		name := "certificate-github-workflow-" + w.flag
		f.workflow[w.claim] = fl.String(name, "", "a workflow of GitHub: "+w.about)
		keyExcludes = append(keyExcludes, name)
	}
	fl.StringArrayVar(&f.claims, "certificate-claim", nil, "NAME=VALUE that the certificate must say, or NAMERegexp=PATTERN with ^ and $ (repeatable)")
	for _, name := range keyExcludes[1:] {
		cmd.MarkFlagsMutuallyExclusive("key", name)
	}
	_ = cmd.MarkFlagRequired("bundle") // fails only for a flag that does not exist
	cmd.MarkFlagsOneRequired("key", "certificate-identity", "certificate-identity-regexp")
	cmd.MarkFlagsMutuallyExclusive("key", "certificate-identity", "certificate-identity-regexp")
	cmd.MarkFlagsMutuallyExclusive("key", "certificate-oidc-issuer", "certificate-oidc-issuer-regexp")
	return cmd
}

// bundleInputs names for people what a bundle is verified by.
var bundleInputs = map[string]string{"Key": "key", "TrustedRoot": "trusted root"}

func verifyBundle(env *Env, f *bundleFlags, artifact string) error {
	q, err := f.question(env, artifact)
	if err != nil {
		return err
	}
	answer, err := verifier.VerifyBundle(q)
	var refused *verifier.BundleError
	var question *verifier.BundleInputError
	switch {
	case errors.As(err, &refused):
		p := &printer{w: env.Stdout, colour: env.colour(env.Stdout)}
		p.check(failed, "bundle", "%s", refused)
		p.line("NOT VERIFIED %s", refused.Reason)
		return &ExitError{Code: ExitDenied}
	case errors.As(err, &question) && question.Unusable:
		p := &printer{w: env.Stdout, colour: env.colour(env.Stdout)}
		p.check(failed, bundleInputs[question.Field], "refused: %v", question.Err)
		p.line("NOT VERIFIED")
		return &ExitError{Code: ExitDenied}
	case errors.As(err, &question):
		return usageError(question, "`sigdriver verify-bundle --help` lists the options")
	case err != nil:
		return err
	}
	printAnswer(&printer{w: env.Stdout, colour: env.colour(env.Stdout)}, answer)
	return nil
}

// question reads the files that the options name.
func (f *bundleFlags) question(env *Env, artifact string) (*verifier.BundleInput, error) {
	q := &verifier.BundleInput{
		Identity: f.identity, IdentityRegexp: f.identityRegexp,
		Issuer: f.issuer, IssuerRegexp: f.issuerRegexp,
		Now: env.Now(),
	}
	if f.key == "" && f.issuer+f.issuerRegexp == "" {
		return nil, usageError(errors.New("an identity means nothing without who vouches for it"), "give --certificate-oidc-issuer URL")
	}
	if f.key == "" && f.trustedRoot == "" {
		return nil, usageError(errors.New("a certificate can only be judged by a trusted root"), "give --trusted-root FILE; nothing is fetched")
	}
	var err error
	if q.Claims, err = f.requiredClaims(); err != nil {
		return nil, err
	}
	if q.Bundle, err = readFile(env, f.bundle, "bundle", verifier.MaxAttestation); err != nil {
		return nil, err
	}
	if f.key != "" {
		if q.Key, err = readFile(env, f.key, "key", 64<<10); err != nil {
			return nil, err
		}
	}
	if f.trustedRoot != "" {
		if q.TrustedRoot, err = readFile(env, f.trustedRoot, "trusted root", verifier.MaxTrustFile); err != nil {
			return nil, err
		}
		if q.TrustedRoot, err = oneRoot(env, f.trustedRoot, q.TrustedRoot); err != nil {
			return nil, err
		}
	}
	return q, readArtifact(env, artifact, q)
}

// requiredClaims gathers what the certificate must say beside its identity.
func (f *bundleFlags) requiredClaims() (map[string]string, error) {
	claims := map[string]string{}
	for name, value := range f.workflow {
		if *value != "" {
			claims[name] = *value
		}
	}
	for _, claim := range f.claims {
		name, value, ok := strings.Cut(claim, "=")
		if _, twice := claims[name]; !ok || twice {
			return nil, usageError(fmt.Errorf("--certificate-claim %.80q is no claim, or one that is asked for twice", claim),
				"write it as NAME=VALUE, of "+strings.Join(verifier.CertificateClaims(), ", "))
		}
		claims[name] = value
	}
	return claims, nil
}

// readArtifact takes the file that was signed, or its digest. As Sigstore's
// clients have it, a file of that name comes first, and what is no digest is the
// name of a file. An empty file is a file too, so its bytes are never nil.
func readArtifact(env *Env, artifact string, q *verifier.BundleInput) error {
	data, err := readFile(env, artifact, "file", maxArtifact)
	if digest, ok := strings.CutPrefix(artifact, "sha256:"); ok && errors.Is(err, fs.ErrNotExist) {
		raw, err := hex.DecodeString(digest)
		if err != nil || len(raw) != len(q.SHA256) {
			return usageError(fmt.Errorf("%.80q is no digest and no file", artifact), "write a digest as sha256: and 64 hex digits")
		}
		copy(q.SHA256[:], raw)
		return nil
	}
	if data == nil {
		data = []byte{}
	}
	q.Artifact = data
	return err
}

func printAnswer(p *printer, a *verifier.BundleResult) {
	if a.Identity != "" {
		p.check(passed, "identity", "%q by %q", a.Identity, a.Issuer)
		for _, name := range verifier.CertificateClaims() {
			if value, ok := a.Claims[name]; ok {
				p.check(passed, "claim", "%s %q", name, value)
			}
		}
	} else {
		p.check(passed, "key", "%s %s", a.Algorithm, keys.Name(a.KeySHA256))
	}
	for _, t := range a.Times {
		p.check(passed, "signed before", "%s", t.UTC().Format(time.RFC3339))
	}
	if a.PredicateType != "" {
		p.check(passed, "statement", "%q", a.PredicateType)
	}
	p.check(passed, "subject", "sha256:%x", a.SHA256)
	p.line("VERIFIED")
}
