// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/verifier"
)

// verifyFlags are the options of verify.
type verifyFlags struct {
	target       string
	sandboxID    string
	documents    []string
	role         string
	attestations []string
	effective    string
	recipe       string
	providersV2  bool
	without      []string
	trust        trustFlags
	at           string
	outputs      []string
}

func newVerifyCommand(env *Env) *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify --target [GATEWAY:]WORKSPACE/NAME --document FILE --trust DIR --root FILE",
		Short: "Decide offline what the driver would decide",
		Long: `Asks the question a gateway asks, of the same code, with trust from a folder: a
published repository, an export or a driver's state folder. The network is not
used and a running driver is not disturbed. The driver's own memory of versions
(its floors) is not read; the signed floors apply.

One --document is an admission. With --effective it is a composition: the source
policy first, then the profiles in the order in which they are attached, each as

    --document role=PROVIDER_PROFILE,provider=NAME,file=profile.json

Further parts of that form are workspace=W for a profile of one workspace,
no-layer=BASE_URL_ELSEWHERE for a provider that inserts nothing, and attestation=FILE,
as often as needed. --recipe says how the gateway composes:
openshell.compose/2026-08 up to OpenShell 0.0.116, /2026-09 for 0.1.0 to 0.1.2,
/2026-10 from 0.1.3 on. Files given with --attestation are offered
to every document they name, and so are the attestations that trust brings.

For pipelines, -o github writes annotations of a GitHub workflow's run, -o junit and
-o sarif files that other systems show.

Exit codes: 0 ALLOW, 1 DENY, 2 usage, 4 trust is stale or unavailable.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return verify(env, f) },
	}
	f.registerQuestion(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.at, "as-of", "", "decide with the trust in force at this time, as 2026-01-02T15:04:05Z, and at this time")
	fl.StringArrayVarP(&f.outputs, "output", "o", []string{"text"}, "text, json, github, junit or sarif, with =FILE to write to a file (repeatable)")
	f.trust.register(cmd)
	for _, name := range []string{"trust", "root"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
	return cmd
}

// registerQuestion adds the options that make up the question.
func (f *verifyFlags) registerQuestion(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.target, "target", "", "where it would be enforced: [GATEWAY:]WORKSPACE/NAME")
	fl.StringVar(&f.sandboxID, "sandbox-id", "", "the sandbox's id (default: its name)")
	fl.StringArrayVar(&f.documents, "document", nil, "a canonical document: FILE or role=ROLE,file=FILE,… (repeatable)")
	fl.StringVar(&f.role, "role", "", "the role of a --document FILE (default: the one its @type usually has)")
	fl.StringArrayVar(&f.attestations, "attestation", nil, "a bundle or envelope to offer, or a file with one on each line (repeatable)")
	fl.StringVar(&f.effective, "effective", "", "the canonical effective policy: makes it a composition")
	fl.StringVar(&f.recipe, "recipe", verifier.Recipes()[0], "how the effective policy was composed")
	fl.BoolVar(&f.providersV2, "providers-v2", false, "whether the profiles are inserted into the effective policy")
	fl.StringArrayVar(&f.without, "without-profile", nil, "an attached provider that has no profile (repeatable)")
	for _, name := range []string{"target", "document"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
}

func verify(env *Env, f *verifyFlags) error {
	sinks, err := readOutputs(f.outputs, "github", "junit", "sarif")
	if err != nil {
		return err
	}
	q, err := f.question(env)
	if err != nil {
		return err
	}
	now := env.Now().UTC()
	if f.at != "" {
		if now, err = readTime("--as-of", f.at); err != nil {
			return err
		}
	}
	trust, err := f.trust.load(env, now, f.at != "")
	if err != nil {
		return err
	}
	pool, err := f.pool(env, trust)
	if err != nil {
		return err
	}
	pool.offer(q)
	if err := checkRequest(&q.Request); err != nil {
		return err
	}
	decision := verifier.Verify(&q.Request, trust.Trust, verifier.MapFloors{}, now)
	decision.NearestMiss = q.withFile(decision.NearestMiss)
	r := &report{question: q, trust: trust.Trust, decision: &decision, now: now, asOf: f.at != ""}
	if err := sinks.render(env, r.render); err != nil {
		return err
	}
	return verdictCode(&decision)
}

// checkRequest turns a call fault into a usage error.
func checkRequest(req *verifier.Request) error {
	err := verifier.CheckRequest(req)
	var fault *verifier.RequestError
	if errors.As(err, &fault) {
		return usageError(fmt.Errorf("%s: %s %s", fault.Reason, fault.Field, fault.Text), fmt.Sprintf("`sigdriver explain %s` says more", fault.Reason))
	}
	return err
}

// verdictCode is the exit code of a decision; nothing but an ALLOW is 0.
func verdictCode(d *verifier.Decision) error {
	switch {
	case d.Verdict == verifier.Allow:
		return nil
	case d.Reason == verifier.TrustStale || d.Reason == verifier.TrustUnavailable:
		return &ExitError{Code: ExitInconclusive}
	case d.Verdict == verifier.Deny:
		return &ExitError{Code: ExitDenied}
	}
	return &ExitError{Code: ExitFault, Err: errors.New("no decision was made")}
}

// readTarget reads [GATEWAY:]WORKSPACE/NAME.
func readTarget(s string) (verifier.Target, error) {
	t := verifier.Target{GatewayID: "default"}
	if gateway, rest, ok := strings.Cut(s, ":"); ok {
		t.GatewayID, s = gateway, rest
	}
	workspace, name, ok := strings.Cut(s, "/")
	if !ok || name == "" || t.GatewayID == "" {
		return t, usageError(fmt.Errorf("--target %.80q is no target", s), "write it as GATEWAY:WORKSPACE/NAME, for example --target gw-1:prod/web-1")
	}
	t.Workspace, t.Name = workspace, name
	return t, nil
}

// report is everything that is said about one decision.
type report struct {
	*question
	trust    *verifier.Trust
	decision *verifier.Decision
	now      time.Time
	asOf     bool
}
