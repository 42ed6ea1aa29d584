// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/sigdriver/sigdriver/verifier"
)

// question is a request and where its parts came from.
type question struct {
	verifier.Request
	files   []string   // of the documents
	offered [][]string // of the attestations, document by document
}

// offer adds an attestation to a document.
func (q *question) offer(document int, a attestation) {
	doc := &q.Documents[document]
	doc.Attestations = append(doc.Attestations, a.raw)
	q.offered[document] = append(q.offered[document], a.name)
}

// commandDocument is the document of a command that approves one.
var commandDocument = regexp.MustCompile(`^(sigdriver sign --document )[a-z]+\.json `)

// withFile puts the file that was asked about into a command that approves a document.
func (q *question) withFile(m verifier.NearestMiss) verifier.NearestMiss {
	if i := m.Document; i >= 0 && i < len(q.files) {
		file := strings.ReplaceAll(shellWord(q.files[i]), "$", "$$")
		m.Command = commandDocument.ReplaceAllString(m.Command, "${1}"+file+" ")
	}
	return m
}

// shellWord writes one argument that a POSIX shell reads back unchanged.
func shellWord(s string) string {
	if plain := func(r rune) bool {
		return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-@/:+=", r))
	}; s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// attestation is an encoded attestation and where it came from.
type attestation struct {
	name      string
	raw       []byte
	fromTrust bool
}

// question reads the options into a request, with the attestations that its
// documents name themselves.
func (f *verifyFlags) question(env *Env) (*question, error) {
	target, err := readTarget(f.target)
	if err != nil {
		return nil, err
	}
	q := &question{Request: verifier.Request{Purpose: verifier.Admit, Target: target}}
	for _, spec := range f.documents {
		if err := f.document(env, spec, q); err != nil {
			return nil, err
		}
	}
	if f.effective == "" {
		if len(q.Documents) > 1 {
			return nil, usageError(errors.New("several documents make a composition, and its result is missing"), "give --effective FILE, or verify one document at a time")
		}
		return q, nil
	}
	q.Purpose, q.Recipe, q.ProvidersV2, q.WithoutProfile = verifier.Compose, f.recipe, f.providersV2, f.without
	q.Target.SandboxID = f.sandboxID
	if f.sandboxID == "" {
		q.Target.SandboxID = target.Name
	}
	q.Effective, err = readFile(env, f.effective, "effective policy", verifier.MaxEffective)
	return q, err
}

// documentSpec is what one --document says.
type documentSpec struct {
	role, file, provider, workspace, noLayer string
	attestations                             []string
}

// readDocumentSpec reads FILE, or parts like role=R,provider=P,file=F.
func readDocumentSpec(s string) (*documentSpec, error) {
	if !looksLikeParts(s) {
		return &documentSpec{file: s}, nil
	}
	spec := &documentSpec{}
	for part := range strings.SplitSeq(s, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "role":
			spec.role = value
		case "provider":
			spec.provider = value
		case "workspace":
			spec.workspace = value
		case "no-layer":
			spec.noLayer = value
		case "file":
			spec.file = value
		case "attestation":
			spec.attestations = append(spec.attestations, value)
		default:
			return nil, usageError(fmt.Errorf("--document has no part %.40q", key), "its parts are role, file, provider, workspace, no-layer and attestation")
		}
	}
	if spec.file == "" {
		return nil, usageError(fmt.Errorf("--document %.80q names no file", s), "add file=FILE")
	}
	return spec, nil
}

// document adds the document of one --document to the question.
func (f *verifyFlags) document(env *Env, s string, q *question) error {
	spec, err := readDocumentSpec(s)
	if err != nil {
		return err
	}
	noLayer, ok := verifier.NoLayerByName(spec.noLayer)
	if !ok {
		return usageError(fmt.Errorf("no-layer=%.40q is no reason to insert nothing", spec.noLayer), "use no-layer=BASE_URL_ELSEWHERE, or leave it out")
	}
	doc := verifier.Document{Provider: spec.provider, Workspace: spec.workspace, NoLayer: noLayer}
	if doc.Body, err = readFile(env, spec.file, "document", verifier.MaxBody); err != nil {
		return err
	}
	if doc.Role, err = documentRole(cmp.Or(spec.role, f.role), doc.Body); err != nil {
		return err
	}
	q.Documents, q.files, q.offered = append(q.Documents, doc), append(q.files, spec.file), append(q.offered, nil)
	for _, path := range spec.attestations {
		all, err := readAttestations(env, path)
		if err != nil {
			return err
		}
		for _, a := range all {
			q.offer(len(q.Documents)-1, a)
		}
	}
	return nil
}

var documentParts = []string{"role=", "provider=", "workspace=", "no-layer=", "file=", "attestation="}

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
	bySubject map[string][]attestation // by hex sha256, what signatures prove
	others    []attestation            // prove nothing: offered to every document, to be told why
}

// pool collects the attestations of --attestation and those that trust brings.
// Of the latter, like in the driver, only those that prove something are kept.
func (f *verifyFlags) pool(env *Env, trust *offlineTrust) (*pool, error) {
	p := &pool{bySubject: map[string][]attestation{}}
	for _, path := range f.attestations {
		all, err := readAttestations(env, path)
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			if !p.add(trust.Trust, a) {
				p.others = append(p.others, a)
			}
		}
	}
	for _, a := range trust.attestations {
		p.add(trust.Trust, a)
	}
	return p, nil
}

// add files an attestation under the subjects it proves to speak of.
func (p *pool) add(trust *verifier.Trust, a attestation) bool {
	proved, _ := trust.Evidence(a.raw)
	seen := map[string]bool{}
	for _, e := range proved {
		for _, subject := range e.SubjectSHA256 {
			if !seen[subject] {
				seen[subject] = true
				p.bySubject[subject] = append(p.bySubject[subject], a)
			}
		}
	}
	return len(seen) > 0
}

// offer gives each document the attestations about it, and what proves nothing.
// An attestation about no document at all goes to the first one, so that the
// answer says what it is about.
func (p *pool) offer(q *question) {
	wanted := map[string]bool{}
	for i := range q.Documents {
		sum := sha256.Sum256(q.Documents[i].Body)
		subject := hex.EncodeToString(sum[:])
		wanted[subject] = true
		for _, a := range slices.Concat(p.bySubject[subject], p.others) {
			q.offer(i, a)
		}
	}
	for _, subject := range sortedKeys(p.bySubject) {
		for _, a := range p.bySubject[subject] {
			if !wanted[subject] && !a.fromTrust && !slices.Contains(q.offered[0], a.name) {
				q.offer(0, a)
			}
		}
	}
}
