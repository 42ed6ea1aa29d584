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
	var typeName, line, out string
	var digest bool
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
make the same of the file, that is said.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			t, ok := policy.ParseType(typeName)
			if !ok {
				return usageError(fmt.Errorf("--type %q is no type", typeName), "use sandbox-policy, provider-profile or settings")
			}
			l, err := readLine(line)
			if err != nil {
				return err
			}
			return canonicalize(env, t, l, args[0], out, digest)
		},
	}
	cmd.Flags().StringVar(&typeName, "type", policy.SandboxPolicy.String(), "sandbox-policy (also for a global policy), provider-profile or settings")
	registerLine(cmd, &line)
	cmd.Flags().StringVar(&out, "out", "", "where to write the document (default: the standard output)")
	cmd.Flags().BoolVar(&digest, "digest", false, "print only the document's sha256; the document itself goes to --out, if that is given")
	return cmd
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

func canonicalize(env *Env, t policy.Type, l policy.Line, path, out string, digest bool) error {
	data, err := readFile(env, path, "file", policy.MaxInput)
	if err != nil {
		return err
	}
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
