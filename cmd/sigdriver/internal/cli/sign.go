// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
	"github.com/sigdriver/sigdriver/verifier"
)

// signFlags are the options of sign.
type signFlags struct {
	documents                      []string
	key, manifest, typeName, line  string
	role, gateway, workspace, name string
	version                        string
	notBefore, notAfter, validFor  string
	reason, out, subjectName       string
	passphrase                     passphraseFlags
	previous                       string
	yes, unsigned                  bool
	workspaceGiven, nameGiven      bool
	set                            setFlags
	written                        []string // the files of several approvals
}

func newSignCommand(env *Env) *cobra.Command {
	f := &signFlags{}
	cmd := &cobra.Command{
		Use:   "sign {--document FILE… | --manifest FILE | --bundle-id ID --member ROLE:NAME:FILE…} --key KEY --workspace GLOB --name GLOB --version N",
		Short: "Approve documents, each for itself or several together",
		Long: `Signs an approval of a document: which kind it is, where it may be enforced, under
which version, and how long. The result is a Sigstore bundle. The file is a canonical
document, or what an author writes, of which --type says the kind.

Several documents, a folder of them, or a --manifest are shown one after the other and
asked about once; each gets an approval of its own, in --out, the folder (default: the
current one), named DOCUMENT.SIGNER.sigstore.json. A manifest is TOML:

    [[document]]
    file = "web.yaml"            # relative to the manifest
    type = "sandbox-policy"      # and role, gateway, workspace, name, version:
    name = "web-*"               # where they differ from the options

The scope is three globs over the document's subject, in which * is any run of
characters: the sandbox's gateway, workspace and name for a sandbox policy; the
gateway alone for a global policy; the gateway, its workspace if it has one, and
its id for a provider profile.

With --bundle-id it approves several documents as one set, for rules that accept them
only together: one --member for each, and the scope is where the set may be enforced,
the sandbox's gateway, workspace and name.

What is being approved, and what it grants, is printed before the key is opened; with
--previous also what that widens and narrows. Then it asks, on the terminal.

With --unsigned no key is used: it writes the predicate, for cosign attest-blob, gh or
a key service to sign.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.workspaceGiven = cmd.Flags().Changed("workspace")
			f.nameGiven = cmd.Flags().Changed("name")
			if f.set.id != "" {
				return signSet(env, f)
			}
			if f.version == "" && f.manifest == "" {
				return usageError(errors.New(`required flag(s) "version" not set`), "give --version N, above the last one; `sigdriver approve` finds it")
			}
			return sign(env, f)
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.documents, "document", nil, "the document to approve, or a folder of them (repeatable)")
	fl.StringVar(&f.version, "version", "", "the version to approve it as, 1 or more; above the last one")
	fl.StringVar(&f.out, "out", "", "where to write the bundle (default: the standard output); the folder of several")
	fl.StringVar(&f.previous, "previous", "", "an earlier document, to show what this one changes")
	fl.BoolVar(&f.unsigned, "unsigned", false, "write the predicate for another tool to sign")
	f.register(cmd)
	f.set.register(cmd)
	cmd.MarkFlagsMutuallyExclusive("key", "unsigned")
	cmd.MarkFlagsOneRequired("key", "unsigned")
	return cmd
}

// register adds the options that sign and approve have in common.
func (f *signFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.manifest, "manifest", "", "a TOML file of documents and their places")
	fl.StringVar(&f.typeName, "type", policy.SandboxPolicy.String(), "what a file is that is no document yet: sandbox-policy, provider-profile or settings")
	registerLine(cmd, &f.line)
	fl.StringVar(&f.key, "key", "", "your private key: a PEM file, pkcs11:… or the URI of a KMS")
	fl.StringVar(&f.role, "role", "", "the document's role (default: the one its @type usually has)")
	fl.StringVar(&f.gateway, "gateway", "*", "glob over the gateway's id")
	fl.StringVar(&f.workspace, "workspace", "", "glob over the workspace")
	fl.StringVar(&f.name, "name", "", "glob over the name (default: a provider profile's id)")
	fl.StringVar(&f.notBefore, "not-before", "", "when the approval begins, as 2026-01-02T15:04:05Z (default: now)")
	fl.StringVar(&f.notAfter, "not-after", "", "when the approval ends, as 2026-01-02T15:04:05Z")
	fl.StringVar(&f.validFor, "valid-for", "90d", "how long the approval lasts, as 90d or 36h")
	fl.StringVar(&f.reason, "reason", "", "why, for people")
	fl.StringVar(&f.subjectName, "subject-name", "", "the document's name in the Statement, for rules with subjectName (default: the file's name)")
	fl.BoolVar(&f.yes, "yes", false, "sign without being asked")
	f.passphrase.register(cmd)
	cmd.MarkFlagsMutuallyExclusive("not-after", "valid-for")
}

func sign(env *Env, f *signFlags) error {
	list, err := f.files(env)
	if err != nil {
		return err
	}
	if len(list) != 1 || f.manifest != "" {
		return signMany(env, f, list)
	}
	a, err := f.approval(env, &list[0])
	if err != nil {
		return err
	}
	if err := showApproval(env, f, a); err != nil {
		return err
	}
	return f.finish(env, a, verifier.ApprovalPredicateType)
}

// showApproval prints what is approved, what it grants, and what to look at twice.
func showApproval(env *Env, f *signFlags, a *policy.Approval) error {
	printApproval(env.Stderr, a)
	if err := f.show(env, a.Document); err != nil {
		return err
	}
	lookTwice(env.Stderr, a, env.Now())
	return nil
}

// signable is what people approve: one document, or a set.
type signable interface {
	Statement() ([]byte, error)
	Sign(*keys.Key) (*policy.Signed, error)
}

// finish writes what was shown for others to sign, or asks and signs it.
func (f *signFlags) finish(env *Env, a signable, predicateType string) error {
	if f.unsigned {
		return f.writePredicate(env, a, predicateType)
	}
	if err := f.confirm(env, 1); err != nil {
		return err
	}
	key, err := f.passphrase.load(env, f.key)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "  key        %s %s\n", key.Algorithm(), key.ID())
	signed, err := a.Sign(key)
	if err != nil {
		return approvalError(err)
	}
	return f.deliver(env, signed)
}

// deliver writes the finished approval to where it belongs.
func (f *signFlags) deliver(env *Env, signed *policy.Signed) error {
	if err := writeFile(env, f.out, signed.Bundle); err != nil {
		return err
	}
	where := "written to the standard output"
	if f.out != "" && f.out != "-" {
		where = "written to " + printable(f.out)
	}
	fmt.Fprintf(env.Stderr, "Signed: attestation sha256:%x %s\n", signed.SHA256, where)
	return nil
}

// approval reads the options into an approval and checks it.
func (f *signFlags) approval(env *Env, t *toApprove) (*policy.Approval, error) {
	body, err := t.body(env)
	if err != nil {
		return nil, err
	}
	role := verifier.RoleUnspecified
	if f.role != "" {
		if role, err = readRole("--role", f.role); err != nil {
			return nil, err
		}
	}
	doc, err := policy.ReadSubject(filepath.Base(t.path), role, body)
	if err != nil {
		return nil, approvalError(err)
	}
	a := &policy.Approval{Document: doc, Gateway: f.gateway, Reason: f.reason, SubjectName: f.subjectName}
	if err := f.scope(a); err != nil {
		return nil, err
	}
	if a.Version, err = readVersion(f.version); err != nil {
		return nil, err
	}
	if a.NotBefore, a.NotAfter, err = f.window(env.Now()); err != nil {
		return nil, err
	}
	return a, approvalError(a.Check())
}

// scope fills in the globs. A global policy's subject has neither workspace nor
// name, a profile's name is its id; else both must be said.
func (f *signFlags) scope(a *policy.Approval) error {
	a.Workspace, a.Name = f.workspace, f.name
	if a.Document.Role == verifier.GlobalPolicy {
		return nil
	}
	if a.Document.Role == verifier.ProviderProfile && !f.nameGiven {
		a.Name = a.Document.Name
	}
	if !f.workspaceGiven && a.Document.Role == verifier.ProviderProfile {
		return usageError(errors.New("say whether the profile is the whole gateway's or a workspace's"),
			"give --workspace '' for a profile of the whole gateway, --workspace NAME for one of a workspace")
	}
	if !f.workspaceGiven {
		return usageError(errors.New("the approval needs a workspace"), "give --workspace NAME, or --workspace '*' for any")
	}
	if a.Name == "" {
		return usageError(errors.New("the approval needs a name"), "give --name NAME, or a glob like --name 'web-*'")
	}
	return nil
}

// window reads the times of the approval, in whole seconds.
func (f *signFlags) window(now time.Time) (from, until time.Time, err error) {
	from = now.UTC().Truncate(time.Second)
	if f.notBefore != "" {
		if from, err = readTime("--not-before", f.notBefore); err != nil {
			return from, until, err
		}
	}
	if f.notAfter != "" {
		until, err = readTime("--not-after", f.notAfter)
		return from, until, err
	}
	d, err := readDuration("--valid-for", f.validFor)
	return from, from.Add(d), err
}

func printApproval(w io.Writer, a *policy.Approval) {
	fmt.Fprintln(w, "You are approving:")
	fmt.Fprintf(w, "  document   %s, %s\n", printable(a.Document.File), plural(a.Document.Size, "byte", "bytes"))
	fmt.Fprintf(w, "  digest     sha256:%x\n", a.Document.SHA256)
	fmt.Fprintf(w, "  as         %s (%s)\n", a.Document.Role, a.Document.Surface)
	fmt.Fprintf(w, "  for        %s\n", scopeText(a))
	fmt.Fprintf(w, "  version    %d\n", a.Version)
	fmt.Fprintf(w, "  from       %s\n", a.NotBefore.UTC().Format(time.RFC3339))
	fmt.Fprintf(w, "  until      %s\n", a.NotAfter.UTC().Format(time.RFC3339))
	if a.Reason != "" {
		fmt.Fprintf(w, "  reason     %s\n", printable(a.Reason))
	}
}

func scopeText(a *policy.Approval) string {
	if a.Document.Role == verifier.GlobalPolicy && a.Workspace == "" && a.Name == "" {
		return "every sandbox of gateway " + printable(a.Gateway)
	}
	workspace := "workspace " + printable(a.Workspace)
	if a.Workspace == "" {
		workspace = "no workspace"
	}
	return fmt.Sprintf("gateway %s, %s, name %s", printable(a.Gateway), workspace, printable(a.Name))
}

func approvalError(err error) error {
	var refused *policy.ApprovalError
	if errors.As(err, &refused) {
		return usageError(refused, refused.Remedy)
	}
	return err
}

// readRole reads a role's name in the contract.
func readRole(option, s string) (verifier.Role, error) {
	role, ok := verifier.RoleByName(s)
	if !ok {
		return 0, usageError(fmt.Errorf("%s %.60q is no role", option, s), "use SANDBOX_POLICY, GLOBAL_POLICY, PROVIDER_PROFILE or SETTINGS")
	}
	return role, nil
}

func readVersion(s string) (uint64, error) {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 1 || strconv.FormatInt(v, 10) != s {
		return 0, usageError(fmt.Errorf("--version %.40q is no version", s), "give a whole number from 1 to 9223372036854775807")
	}
	return uint64(v), nil
}

// readTime reads a UTC time in whole seconds.
func readTime(option, s string) (time.Time, error) {
	t, err := time.Parse("2006-01-02T15:04:05Z", s)
	if err != nil {
		return t, usageError(fmt.Errorf("%s %.40q is no time", option, s), "write it in UTC, like 2026-01-02T15:04:05Z")
	}
	return t, nil
}

// readDuration reads a duration of Go's spelling, or a number of days.
func readDuration(option, s string) (time.Duration, error) {
	d, err := ceremony.ParseDuration(option, s)
	return d, trustError(err)
}
