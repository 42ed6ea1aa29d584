// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// logOrigin is the name of the driver's transparency log.
const logOrigin = "demo.example/gw-1"

// logConfig gives the driver a key for its transparency log.
func (p *play) logConfig() (string, error) {
	if err := p.lab.LogKey("log"); err != nil {
		return "", err
	}
	return fmt.Sprintf("\n[transparency]\nkey = %q\norigin = %q\n", p.lab.Path("keys", "log.key"), logOrigin), nil
}

// pinLog learns the log's public key from the driver's own check.
func (p *play) pinLog(config string) error {
	out, err := p.lab.Run(p.ctx, "serve", "--config", config, "--check")
	if err != nil {
		return err
	}
	_, pinned, found := strings.Cut(out, "auditors pin ")
	if !found {
		return errors.New("serve --check names no key of the log")
	}
	p.logKey, _, _ = strings.Cut(pinned, "\n")
	return nil
}

// audit plays an auditor who has the driver's folder, the pinned root and the log's key.
func (p *play) audit() error {
	p.act("8. An auditor has a copy of the driver's folder, and decides everything again")
	if err := p.stopDriver(); err != nil {
		return err
	}
	p.say("   $ sigdriver audit verify state --log-key %s\n", p.logKey)
	if err := p.auditLog("the log: every entry, hash, signature and archived object", ""); err != nil {
		return err
	}
	p.say("   $ sigdriver audit replay --state state --root %s\n", root)
	if err := p.replay(); err != nil {
		return err
	}
	return p.edit()
}

const root = "trust/published/metadata/1.root.json"

// auditLog announces what comes of checking the log, and says whether it did.
func (p *play) auditLog(what, want string) error {
	out, err := p.lab.Run(p.ctx, "audit", "verify", "state", "--log-key", p.logKey, "-o", "json")
	var found *CommandError
	if err != nil && !errors.As(err, &found) {
		return err
	}
	var got struct {
		Findings []struct{ Code string }
	}
	if json.Unmarshal([]byte(out), &got) != nil {
		return err
	}
	came := ""
	if len(got.Findings) > 0 {
		came = got.Findings[0].Code
	}
	p.announced(came == want && (err == nil) == (want == ""), or(came, "VERIFIED"), or(want, "VERIFIED"), what)
	return nil
}

// replay decides again everything that the driver has decided.
func (p *play) replay() error {
	out, err := p.lab.Run(p.ctx, "audit", "replay", "--state", "state", "--root", root, "-o", "json")
	var found *CommandError
	if err != nil && !errors.As(err, &found) {
		return err
	}
	var got struct{ Counts map[string]int }
	if json.Unmarshal([]byte(out), &got) != nil {
		return err
	}
	same := got.Counts["identical"]
	// Those that were asked for, and what was decided ahead when trust changed.
	p.announced(err == nil && same >= len(p.entries) && got.Counts["different"]+got.Counts["unreplayable"] == 0, fmt.Sprintf("%d IDENTICAL", same), fmt.Sprintf("at least %d", len(p.entries)), "each decision, from the trust of its time, byte for byte")
	return nil
}

// edit changes one byte of the journal, as somebody who covers a trace would.
func (p *play) edit() error {
	path := p.lab.Path("state", "audit", "00000000000000000000.seg")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	at := strings.Index(string(data), "DENY")
	if at < 0 {
		return errors.New("the journal holds no DENY")
	}
	data[at] ^= 1
	if _, err := p.lab.Write("state/audit/00000000000000000000.seg", data); err != nil {
		return err
	}
	return p.auditLog("the same, after one bit of an old entry was changed", "LOG_TAMPERED")
}

// announced says what came, and counts what was announced otherwise.
func (p *play) announced(held bool, came, want, what string) {
	if held {
		p.say("   ✓ %-34s %s\n", came, what)
		return
	}
	p.differs++
	p.say("   ✗ %-34s %s\n     announced was %s\n", came, what, want)
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
