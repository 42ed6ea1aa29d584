// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
	"github.com/sigdriver/sigdriver/verifier"
)

// askFlags are the options of ask: the question of verify, and a driver instead of trust.
type askFlags struct {
	operatorFlags
	question verifyFlags
	outputs  []string
}

func newAskCommand(env *Env) *cobra.Command {
	f := &askFlags{}
	cmd := &cobra.Command{
		Use:   "ask --target GATEWAY:WORKSPACE/NAME --document FILE [--attestation FILE]",
		Short: "Ask a running driver what it would answer a gateway now",
		Long: `Asks the driver itself, with its trust, its index of attestations and its memory of
versions, and changes nothing there: no entry, no floor, no sandbox's place. The
options are those of sigdriver verify. Every attestation is offered with every
document.

Exit codes: 0 ALLOW, 1 DENY, 2 usage, 4 trust is stale or unavailable, or no driver
answers.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return ask(env, f) },
	}
	f.register(cmd)
	f.question.registerQuestion(cmd)
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func ask(env *Env, f *askFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	q, err := f.question.question(env)
	if err != nil {
		return err
	}
	for _, path := range f.question.attestations {
		all, err := readAttestations(env, path)
		if err != nil {
			return err
		}
		for _, a := range all {
			for i := range q.Documents {
				q.offer(i, a)
			}
		}
	}
	if err := checkRequest(&q.Request); err != nil {
		return err
	}
	text, err := server.RequestText(&q.Request)
	if err != nil {
		return err
	}
	answer, err := f.call("POST", "/ask", text)
	if err != nil {
		return err
	}
	d, err := verifier.ParseDecisionJSON(answer)
	if err != nil {
		return &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("what answers is no driver of this release: %w", err), Remedy: "use the sigdriver of the driver's release"}
	}
	err = out.render(env, func(p *printer, format string) error {
		if format == "json" {
			_, err := p.w.Write(append(answer, '\n'))
			return err
		}
		d.NearestMiss = q.withFile(d.NearestMiss)
		printAsked(p, d)
		return nil
	})
	if err != nil {
		return err
	}
	return verdictCode(d)
}

func printAsked(p *printer, d *verifier.Decision) {
	for _, f := range d.Findings {
		p.check(failed, f.Reason.String(), "%s", printable(f.Detail))
		if f.Hint != "" {
			p.line("    %s", printable(f.Hint))
		}
	}
	if d.Verdict == verifier.Allow {
		p.line("%s", d.Verdict)
		return
	}
	p.line("%s %s", d.Verdict, d.Reason)
	if d.NearestMiss.Text != "" {
		p.line("Nearest miss: %s", printable(d.NearestMiss.Text))
	}
	if d.NearestMiss.Command != "" {
		p.line("    %s", printable(d.NearestMiss.Command))
	}
}
