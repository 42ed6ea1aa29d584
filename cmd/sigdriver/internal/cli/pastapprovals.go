// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// maxPast bounds the approvals of a folder that a version is looked for in.
const maxPast = 100_000

// pastApprovals are approvals from which the next version follows. Without trust they
// are what files say: whoever approves sees the version before anything is signed.
type pastApprovals struct {
	trust *verifier.Trust // nil to believe the files
	list  []pastApproval
}

// pastApproval is what one approval says.
type pastApproval struct {
	file            string
	role            string
	scope           scopeGlobs
	version, sha256 string
	number          uint64
}

type scopeGlobs struct{ Gateway, Workspace, Name string }

// readFolder adds the approvals of a folder. Files that are none are no matter.
func (p *pastApprovals) readFolder(env *Env, dir string) error {
	names, err := disk.OrOS(env.FS).List(dir)
	if err != nil {
		return cannotRead(dir, "folder of approvals", err)
	}
	if len(names) > maxPast {
		return usageError(fmt.Errorf("the folder %q has more than %d files", dir, maxPast), "say the version with --version N")
	}
	for _, name := range names {
		raw, err := disk.ReadInput(disk.OrOS(env.FS), filepath.Join(dir, name), verifier.MaxAttestation)
		var path *fs.PathError
		if errors.As(err, &path) && errors.Is(err, fs.ErrPermission) {
			return cannotRead(filepath.Join(dir, name), "approval", err)
		}
		if err == nil && strings.HasSuffix(name, ".json") {
			p.add(attestation{name: filepath.Join(dir, name), raw: raw})
		}
	}
	return nil
}

// add notes an attestation, if it is an approval and, with trust, if somebody known to
// it has signed.
func (p *pastApprovals) add(a attestation) {
	if p.trust != nil {
		if proved, _ := p.trust.Evidence(a.raw); len(proved) == 0 {
			return
		}
	}
	if past, ok := unverifiedApproval(a.raw); ok {
		past.file = a.name
		p.list = append(p.list, past)
	}
}

// unverifiedApproval reads what an attestation says, and nothing of whether it is true.
func unverifiedApproval(raw []byte) (pastApproval, bool) {
	var outer struct {
		DSSE struct {
			Payload string `json:"payload"`
		} `json:"dsseEnvelope"`
		Payload string `json:"payload"`
	}
	var statement struct {
		PredicateType string `json:"predicateType"`
		Subject       []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
		Predicate struct {
			Role    string     `json:"role"`
			Scope   scopeGlobs `json:"scope"`
			Version string     `json:"version"`
		} `json:"predicate"`
	}
	if json.Unmarshal(raw, &outer) != nil {
		return pastApproval{}, false
	}
	payload, err := base64.StdEncoding.DecodeString(outer.DSSE.Payload + outer.Payload)
	if err != nil || json.Unmarshal(payload, &statement) != nil ||
		statement.PredicateType != verifier.ApprovalPredicateType || len(statement.Subject) != 1 {
		return pastApproval{}, false
	}
	past := pastApproval{role: statement.Predicate.Role, scope: statement.Predicate.Scope, version: statement.Predicate.Version, sha256: statement.Subject[0].Digest["sha256"]}
	past.number, err = strconv.ParseUint(past.version, 10, 63)
	return past, err == nil
}

// next is the version under which a document is approved, and says why.
func (p *pastApprovals) next(env *Env, t *toApprove) (uint64, error) {
	probe := *t
	probe.flags.version = "1"
	quiet := *env
	quiet.Stderr = io.Discard
	a, err := probe.flags.approval(&quiet, &probe)
	if err != nil {
		return 0, err
	}
	digest := sha256.Sum256(a.Document.Body)
	var last *pastApproval
	same := false
	for i := range p.list {
		x := &p.list[i]
		if x.role != a.Document.Role.String() || x.scope != (scopeGlobs{a.Gateway, a.Workspace, a.Name}) {
			continue
		}
		ours := x.sha256 == hex.EncodeToString(digest[:])
		switch {
		case last == nil || x.number > last.number:
			last, same = x, ours
		case x.number == last.number && !ours:
			same = false // two documents of one version: neither can be joined
		}
	}
	version := p.floor(a)
	var why string
	switch {
	case last != nil && same && last.number >= version:
		version, why = last.number, "as in "+last.file
	case last != nil && last.number >= version:
		version, why = last.number+1, "one above "+last.file
	case version == 1:
		why = "the first of this place"
	default:
		why = "the signed floor"
	}
	fmt.Fprintf(env.Stderr, "%s: version %d, %s\n", printable(t.path), version, printable(why))
	return version, nil
}

// floor is the lowest version that the signed floors accept where the approval names
// one place, 1 where it names many or there is no trust.
func (p *pastApprovals) floor(a *policy.Approval) uint64 {
	if p.trust == nil || strings.Contains(a.Gateway+a.Workspace+a.Name, "*") {
		return 1
	}
	doc := verifier.Document{Role: a.Document.Role, Body: a.Document.Body, Workspace: a.Workspace}
	_, floor := p.trust.RulesFor(&doc, &verifier.Target{GatewayID: a.Gateway, Workspace: a.Workspace, Name: a.Name, SandboxID: a.Name})
	return max(floor, 1)
}
