// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
)

// request reads the options into a request, with the attestations that its
// documents name themselves.
func (f *verifyFlags) request(env *Env) (*verifier.Request, []string, error) {
	target, err := readTarget(f.target)
	if err != nil {
		return nil, nil, err
	}
	req := &verifier.Request{Purpose: verifier.Admit, Target: target}
	var files []string
	for _, spec := range f.documents {
		doc, file, err := f.document(env, spec)
		if err != nil {
			return nil, nil, err
		}
		req.Documents = append(req.Documents, *doc)
		files = append(files, file)
	}
	if f.effective == "" {
		if len(req.Documents) > 1 {
			return nil, nil, usageError(errors.New("several documents make a composition, and its result is missing"), "give --effective FILE, or verify one document at a time")
		}
		return req, files, nil
	}
	req.Purpose, req.Recipe, req.ProvidersV2 = verifier.Compose, f.recipe, f.providersV2
	req.Target.SandboxID = f.sandboxID
	if f.sandboxID == "" {
		req.Target.SandboxID = target.Name
	}
	req.Effective, err = readFile(env, f.effective, "effective policy", verifier.MaxEffective)
	return req, files, err
}

// document reads FILE, or parts like role=R,provider=P,file=F.
func (f *verifyFlags) document(env *Env, spec string) (*verifier.Document, string, error) {
	doc, file, role := &verifier.Document{}, spec, f.role
	var attestations []string
	if looksLikeParts(spec) {
		file = ""
		for part := range strings.SplitSeq(spec, ",") {
			key, value, _ := strings.Cut(part, "=")
			switch key {
			case "role":
				role = value
			case "provider":
				doc.Provider = value
			case "workspace":
				doc.Workspace = value
			case "file":
				file = value
			case "attestation":
				attestations = append(attestations, value)
			default:
				return nil, "", usageError(fmt.Errorf("--document has no part %.40q", key), "its parts are role, file, provider, workspace and attestation")
			}
		}
	}
	if file == "" {
		return nil, "", usageError(fmt.Errorf("--document %.80q names no file", spec), "add file=FILE")
	}
	var err error
	if doc.Body, err = readFile(env, file, "document", verifier.MaxBody); err != nil {
		return nil, "", err
	}
	if doc.Role, err = documentRole(role, doc.Body); err != nil {
		return nil, "", err
	}
	for _, path := range attestations {
		raw, err := readFile(env, path, "attestation", verifier.MaxAttestation)
		if err != nil {
			return nil, "", err
		}
		doc.Attestations = append(doc.Attestations, raw)
	}
	return doc, file, nil
}

var documentParts = []string{"role=", "provider=", "workspace=", "file=", "attestation="}

func looksLikeParts(spec string) bool {
	return slices.ContainsFunc(documentParts, func(p string) bool { return strings.HasPrefix(spec, p) })
}

// documentRole is the role that was said, or the one a body usually has. A body
// that says nothing goes on as a sandbox policy: Verify names what is wrong.
func documentRole(name string, body []byte) (verifier.Role, error) {
	if name != "" {
		return readRole("role", name)
	}
	if view, fault := verifier.ViewDocument(verifier.RoleUnspecified, body); fault == nil {
		return view.Role, nil
	}
	return verifier.SandboxPolicy, nil
}

// pool is the attestations that belong to no document yet.
type pool struct {
	bySubject map[string][][]byte // by hex sha256, what signatures prove
	others    [][]byte            // named by nobody: offered to every document, to be told why
}

// pool collects the attestations of --attestation and those that trust brings.
// Of the latter, like in the driver, only those that prove something are kept.
func (f *verifyFlags) pool(env *Env, trust *offlineTrust) (*pool, error) {
	p := &pool{bySubject: map[string][][]byte{}}
	for _, path := range f.attestations {
		raw, err := readFile(env, path, "attestation", verifier.MaxAttestation)
		if err != nil {
			return nil, err
		}
		if !p.add(trust.Trust, raw) {
			p.others = append(p.others, raw)
		}
	}
	for _, raw := range trust.attestations {
		p.add(trust.Trust, raw)
	}
	return p, nil
}

// add files an attestation under the subjects it proves to speak of.
func (p *pool) add(trust *verifier.Trust, raw []byte) bool {
	proved, _ := trust.Evidence(raw)
	seen := map[string]bool{}
	for _, e := range proved {
		for _, subject := range e.SubjectSHA256 {
			if !seen[subject] {
				seen[subject] = true
				p.bySubject[subject] = append(p.bySubject[subject], raw)
			}
		}
	}
	return len(seen) > 0
}

// offer gives each document the attestations about it. What is about none of
// the documents goes to all of them, so that the answer says what is wrong.
func (p *pool) offer(req *verifier.Request) {
	wanted := map[string]bool{}
	for i := range req.Documents {
		sum := sha256.Sum256(req.Documents[i].Body)
		wanted[hex.EncodeToString(sum[:])] = true
	}
	for i := range req.Documents {
		doc := &req.Documents[i]
		sum := sha256.Sum256(doc.Body)
		doc.Attestations = append(doc.Attestations, p.bySubject[hex.EncodeToString(sum[:])]...)
		doc.Attestations = append(doc.Attestations, p.others...)
	}
}
