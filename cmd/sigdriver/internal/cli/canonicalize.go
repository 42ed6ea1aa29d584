// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
	"github.com/sigdriver/sigdriver/verifier"
)

func newCanonicalizeCommand(env *Env) *cobra.Command {
	var f canonicalizeFlags
	cmd := &cobra.Command{
		Use:   "canonicalize --type TYPE FILE",
		Short: "Turn a policy, profile or settings file into its document",
		Long: `Reads what an author writes and writes the canonical document that is signed and
verified. A sandbox policy or provider profile may be OpenShell's YAML, JSON with
the same names, ProtoJSON, or what "openshell policy get" prints. A file named -
is the standard input. Notes about what was changed go to the standard error.

What two readers of YAML could read as two things is refused; docs/documents.md
lists every field and what becomes of it.

The releases of OpenShell read files in two ways: 0.0, to 0.0.116, and 0.1, from 0.1.0
on. What is made is for the gateways of one line; if those of the other would not
make the same of the file, that is said.

With --gateway-config, --type settings reads what "openshell settings get NAME --json"
prints and makes the document that the hook of such a gateway asks about.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return f.run(env, args[0])
		},
	}
	cmd.Flags().StringVar(&f.typeName, "type", policy.SandboxPolicy.String(), "sandbox-policy (also for a global policy), provider-profile or settings")
	registerLine(cmd, &f.line)
	cmd.Flags().StringVar(&f.out, "out", "", "where to write the document (default: the standard output)")
	cmd.Flags().BoolVar(&f.digest, "digest", false, "print only the document's sha256; the document itself goes to --out, if that is given")
	cmd.Flags().StringVar(&f.gatewayConfig, "gateway-config", "", "for settings: the gateway's configuration file")
	cmd.Flags().StringVar(&f.policy, "policy", "", "with --gateway-config: the sandbox's policy, for the middleware services that it names")
	return cmd
}

type canonicalizeFlags struct {
	typeName, line, out, gatewayConfig, policy string
	digest                                     bool
}

func (f *canonicalizeFlags) run(env *Env, path string) error {
	t, ok := policy.ParseType(f.typeName)
	if !ok {
		return usageError(fmt.Errorf("--type %q is no type", f.typeName), "use sandbox-policy, provider-profile or settings")
	}
	l, err := readLine(f.line)
	if err != nil {
		return err
	}
	if f.gatewayConfig == "" && f.policy == "" {
		data, err := readFile(env, path, "file", policy.MaxInput)
		if err != nil {
			return err
		}
		return canonicalize(env, t, l, path, data, f.out, f.digest)
	}
	if t != policy.Settings || f.gatewayConfig == "" {
		return usageError(errors.New("--gateway-config is for --type settings, and --policy goes with it"), "leave them out")
	}
	data, err := f.settings(env, l, path)
	if err != nil {
		return err
	}
	return canonicalize(env, t, l, path, data, f.out, f.digest)
}

// settings makes a settings file of what OpenShell prints and is configured with.
func (f *canonicalizeFlags) settings(env *Env, l policy.Line, path string) ([]byte, error) {
	held := &policy.HeldSettings{ReadFile: func(path string) ([]byte, error) { return readFile(env, path, "certificates", policy.MaxInput) }}
	var err error
	if held.Printed, err = readFile(env, path, "file", policy.MaxInput); err != nil {
		return nil, err
	}
	if held.Config, err = readFile(env, f.gatewayConfig, "gateway's configuration", policy.MaxInput); err != nil {
		return nil, err
	}
	if f.policy != "" {
		data, err := readFile(env, f.policy, "policy", policy.MaxInput)
		if err != nil {
			return nil, err
		}
		result, err := policy.Canonicalize(policy.SandboxPolicy, l, data)
		if err != nil {
			return nil, noDocument(f.policy, err)
		}
		held.Policy = result.Document
	}
	data, err := policy.SettingsOf(l, held)
	if err != nil {
		return nil, noDocument(path, err)
	}
	return data, nil
}

// registerLine adds the flag that says whose gateways a document is for.
func registerLine(cmd *cobra.Command, line *string) {
	cmd.Flags().StringVar(line, "openshell", policy.Newest.String(), "the line of OpenShell that reads what authors write: 0.0 or 0.1")
}

func readLine(name string) (policy.Line, error) {
	l, ok := policy.ParseLine(name)
	if !ok {
		return 0, usageError(fmt.Errorf("--openshell %q is no line of releases that this build knows", name), "use 0.1 for OpenShell 0.1.0 and later, 0.0 for what came before")
	}
	return l, nil
}

func canonicalize(env *Env, t policy.Type, l policy.Line, path string, data []byte, out string, digest bool) error {
	result, err := policy.Canonicalize(t, l, data)
	if err != nil {
		return noDocument(path, err)
	}
	for _, note := range append(result.Notes, result.Elsewhere...) {
		fmt.Fprintf(env.Stderr, "note: %s\n", printable(note))
	}
	sum := sha256.Sum256(result.Document)
	if out != "" || !digest {
		if err := writeFile(env, out, result.Document); err != nil {
			return err
		}
	}
	if digest {
		_, err := fmt.Fprintf(env.Stdout, "%x\n", sum)
		return err
	}
	of := ""
	if doc, err := policy.Read(result.Document); err == nil && doc.HasLine() {
		of = doc.LineText() + ", "
	}
	fmt.Fprintf(env.Stderr, "%s document, %s%s, sha256:%x\n", t, of, plural(len(result.Document), "byte", "bytes"), sum)
	return nil
}

// noDocument says why a file has no document.
func noDocument(path string, err error) error {
	remedy := "mend it there; docs/documents.md lists every key"
	var refused *policy.CanonicalizeError
	switch errors.As(err, &refused); {
	case refused != nil && refused.Reason == verifier.DocumentReservedName:
		remedy = "take what `openshell policy get --base` prints: what providers insert is not for approval; a rule of your own takes a key without that prefix"
	case refused != nil && refused.Reason != 0:
		remedy = fmt.Sprintf("mend it there; `sigdriver explain %s` says more", refused.Reason)
	}
	return usageError(fmt.Errorf("%q has no document: %w", path, err), remedy)
}
