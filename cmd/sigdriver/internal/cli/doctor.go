// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/daemon"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
	"github.com/sigdriver/sigdriver/verifier/receipt"
)

// doctorSchema names the JSON form of what doctor finds.
const doctorSchema = "application/vnd.sigdriver.doctor.v1+json"

// doctorReport is what doctor finds.
type doctorReport struct {
	Schema    string        `json:"schema"`
	At        time.Time     `json:"at"`
	Condition string        `json:"condition"`
	Looks     []daemon.Look `json:"checks"`
}

func newDoctorCommand(env *Env) *cobra.Command {
	f, who := &operatorFlags{}, &userFlag{}
	var outputs []string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Try everything that a driver needs, and say what mends what is wrong",
		Long: `Makes every check of sigdriver serve --check, as the user that the driver runs as,
then asks the running driver how it is and, where it signs receipts, has it sign a
nonce and verifies that. It changes nothing.

Exit codes: 0 well, 1 the driver refuses, or none runs and none would start, 2 usage,
4 somebody has to look, or no driver answers.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			out, err := readOutputs(outputs)
			if err != nil {
				return err
			}
			return who.run(env, f.config, func() error { return doctor(env, f, out) })
		},
	}
	cmd.Flags().StringVar(&f.config, "config", defaultConfigFile, "the driver's configuration")
	who.register(cmd)
	registerOutputs(cmd, &outputs)
	return cmd
}

func doctor(env *Env, f *operatorFlags, out sinks) error {
	looks := daemon.Preflight(context.Background(), f.config)
	live, answers := liveLooks(f)
	if answers {
		for i := range looks { // it runs: what is wrong now stops only the next start
			if looks[i].Condition == daemon.StatusRefuses {
				looks[i].Condition, looks[i].Text = daemon.StatusDegraded, "the next start would fail: "+looks[i].Text
			}
		}
	}
	r := &doctorReport{Schema: doctorSchema, At: env.Now().UTC(), Condition: daemon.StatusWell, Looks: append(looks, live...)}
	for _, l := range r.Looks {
		switch {
		case l.Condition == daemon.StatusRefuses:
			r.Condition = daemon.StatusRefuses
		case l.Condition == daemon.StatusDegraded && r.Condition == daemon.StatusWell:
			r.Condition = daemon.StatusDegraded
		}
	}
	if err := out.writeAll(env, r, func(p *printer) { printDoctor(p, r) }); err != nil {
		return err
	}
	return conditionCode(r.Condition)
}

// liveLooks are what the running driver says, and shows.
func liveLooks(f *operatorFlags) (looks []daemon.Look, answers bool) {
	s, err := (&statusFlags{operatorFlags: *f}).look()
	if err != nil {
		return []daemon.Look{lookOf("driver", daemon.StatusDegraded, err)}, false
	}
	text := fmt.Sprintf("version %s answers, up since %s", s.Driver.Version, s.Driver.Started.Format(time.RFC3339))
	looks = append(looks, daemon.Look{Name: "driver", Condition: daemon.StatusWell, Text: text})
	for _, problem := range s.Problems {
		condition := daemon.StatusDegraded
		if problem.Refuses {
			condition = daemon.StatusRefuses
		}
		looks = append(looks, daemon.Look{Name: "driver", Condition: condition, Text: problem.Text, Remedy: problem.Remedy})
	}
	conf, err := daemon.LoadConfig(f.config)
	if err != nil {
		return looks, true // which is said
	}
	if sum := conf.SHA256(); s.Driver.ConfigSHA256 != hex.EncodeToString(sum[:]) {
		looks = append(looks, daemon.Look{Name: "configuration", Condition: daemon.StatusDegraded, Text: "the file is not the one that the driver started with", Remedy: "restart the driver"})
	}
	if conf.Attest.Key == "" {
		return append(looks, daemon.Look{Name: "receipts", Condition: daemon.LookSkipped, Text: "it signs none: [attest] names no key"}), true
	}
	return append(looks, receiptLooks(f, conf)...), true
}

// receiptLooks have the driver sign a nonce, and look for its key in trust.
func receiptLooks(f *operatorFlags, conf *daemon.Config) []daemon.Look {
	key, err := conf.AttestKey()
	if err != nil {
		return nil // which is said
	}
	nonce := make([]byte, receipt.MinNonce)
	rand.Read(nonce)
	answer, err := f.call("POST", "/prove", nonce)
	if err != nil {
		return []daemon.Look{lookOf("receipts", daemon.StatusRefuses, err)}
	}
	proof, err := server.CheckKeyProof(answer, nonce, key.Signer().Public())
	if err != nil {
		return []daemon.Look{{Name: "receipts", Condition: daemon.StatusRefuses, Text: err.Error(), Remedy: "restart the driver, so that it reads attest.key again"}}
	}
	looks := []daemon.Look{{Name: "receipts", Condition: daemon.StatusWell, Text: fmt.Sprintf("%s signed a nonce, which verifies by key %s", proof.Driver.ID, key.ID())}}
	if listed, known := conf.ReceiptKeyListed(sha256.Sum256(key.SPKI())); known && !listed {
		looks = append(looks, daemon.Look{Name: "receipts", Condition: daemon.StatusDegraded, Text: fmt.Sprintf("drivers.json of the trust in use has not this key for %q, so that supervisors take no receipt of it", conf.Attest.DriverID),
			Remedy: "add its public half to drivers.json and publish that: `sigdriver trust publish --dir TRUST --drivers drivers.json`"})
	}
	return looks
}

// lookOf is what a command would end with.
func lookOf(name, condition string, err error) daemon.Look {
	look := daemon.Look{Name: name, Condition: condition, Text: err.Error()}
	var exit *ExitError
	if errors.As(err, &exit) {
		look.Remedy = exit.Remedy
	}
	return look
}

func printDoctor(p *printer, r *doctorReport) {
	printLooks(p, r.Looks)
	p.line("%s", map[string]string{
		daemon.StatusWell: "well", daemon.StatusDegraded: "degraded: somebody has to look", daemon.StatusRefuses: "refusing",
	}[r.Condition])
}

// printLooks prints a line a check, and its remedy below.
func printLooks(p *printer, looks []daemon.Look) {
	width := 0
	for _, l := range looks {
		width = max(width, utf8.RuneCountInString(l.Name))
	}
	for _, l := range looks {
		mark := map[string]string{daemon.StatusWell: passed, daemon.StatusDegraded: failed, daemon.StatusRefuses: failed, daemon.LookSkipped: unseen}[l.Condition]
		p.check(mark, fmt.Sprintf("%-*s", width, printable(l.Name)), "%s", printable(l.Text))
		if l.Remedy != "" {
			p.line("    %s", printable(l.Remedy))
		}
	}
}
