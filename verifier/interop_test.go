// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// What other people's tools sign is accepted when a rule names it. Each case is
// allowed, and denied one change away.

const (
	interopFolder = "../testdata/interop"
	summaryType   = "https://slsa.dev/verification_summary/v1"
	githubIssuer  = "https://token.actions.githubusercontent.com"
	githubSAN     = "https://github.com/acme/policies/.github/workflows/approve.yml@refs/heads/main"
)

// foreign is an attestation of another tool, about a sandbox policy.
type foreign struct {
	name        string
	attestation []byte
	document    []byte
	signer      *vt.Principal
	predicate   string
	// unknown is what trust that does not know the signer says. A signature that
	// names no key cannot be told from a broken one where some key could have made it.
	unknown verifier.Reason
	// broken is what a changed payload is, where it is not SIGNATURE_INVALID.
	broken verifier.Reason
	// sigstore and keyless are for certificates.
	sigstore *vt.Sigstore
	keyless  *vt.Keyless
}

// scenario asks about the document where one rule wants what the tool says.
func (f *foreign) scenario() *vt.Scenario {
	s := vt.AdmitPolicy()
	s.Request.Documents[0].Body = f.document
	s.Authorities.Principals["tool"] = f.signer
	s.Authorities.Authorities["tools"] = &vt.Authority{Principals: []string{"tool"}, Threshold: 1}
	s.Authorities.Rule("prod sandboxes").Require = []vt.Requirement{{Authority: "tools", PredicateType: f.predicate}}
	if f.sigstore != nil {
		s.TrustedRoot, s.Authorities.Keyless = f.sigstore.TrustedRoot(), f.keyless
	}
	return s.Offer(0, f.attestation)
}

// judge wants an ALLOW, and a DENY for one change of anything.
func (f *foreign) judge(t *testing.T) {
	t.Helper()
	ask := func(what string, want verifier.Reason, change func(f *foreign, s *vt.Scenario)) {
		t.Helper()
		changed := *f
		s := changed.scenario()
		change(&changed, s)
		d, err := s.Decide()
		if err != nil {
			t.Fatalf("%s, %s: %v", f.name, what, err)
		}
		if d.Reason != want || (d.Verdict == verifier.Allow) != (want == verifier.Allowed) {
			t.Errorf("%s, %s: %v, want %v: %+v", f.name, what, d.Reason, want, d.Findings)
		}
	}
	ask("as it is", verifier.Allowed, func(*foreign, *vt.Scenario) {})
	ask("a rule that names another type", verifier.PredicateType, func(_ *foreign, s *vt.Scenario) {
		s.Authorities.Rule("prod sandboxes").Require[0].PredicateType = f.predicate + "1"
	})
	ask("another document", verifier.SubjectMismatch, func(_ *foreign, s *vt.Scenario) {
		s.Request.Documents[0].Body = bytes.Replace(f.document, []byte("/sandbox"), []byte("/scratch"), 1)
	})
	ask("nothing", verifier.AttestationMissing, func(_ *foreign, s *vt.Scenario) { s.Offer(0) })
	ask("another signer", f.unknown, func(_ *foreign, s *vt.Scenario) { s.Authorities.Principals["tool"] = f.stranger() })
	ask("another payload", cmp.Or(f.broken, verifier.SignatureInvalid), func(_ *foreign, s *vt.Scenario) {
		s.Offer(0, withPayload(t, f.attestation, func(payload []byte) []byte {
			return bytes.Replace(payload, []byte("json"), []byte("jsom"), 1)
		}))
	})
}

// stranger is whoever did not sign this.
func (f *foreign) stranger() *vt.Principal {
	if f.sigstore != nil {
		return &vt.Principal{Identities: []vt.Identity{{Issuer: githubIssuer, SAN: githubSAN + "-evil"}}}
	}
	return vt.HeldBy(vt.Person("grace"))
}

// withPayload changes the payload of an envelope or bundle.
func withPayload(t *testing.T, attestation []byte, change func([]byte) []byte) []byte {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal(attestation, &tree); err != nil {
		t.Fatal(err)
	}
	envelope := tree
	if inner, ok := tree["dsseEnvelope"].(map[string]any); ok {
		envelope = inner
	}
	payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
	if err != nil {
		t.Fatal(err)
	}
	changed := change(payload)
	if bytes.Equal(changed, payload) {
		t.Fatal("the change changes nothing")
	}
	envelope["payload"] = base64.StdEncoding.EncodeToString(changed)
	out, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func interopFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestCosign judges what cosign v2 and v3 wrote with a key: as it lies in
// testdata/interop, or, for make interop, as it was made just now.
func TestCosign(t *testing.T) {
	dir := os.Getenv("SIGDRIVER_INTEROP")
	if dir == "" {
		dir = interopFolder
	}
	document := interopFile(t, interopFolder, "document.json")
	signer := &vt.Principal{Keys: []vt.PublicKey{{PEM: string(interopFile(t, dir, "cosign.pub"))}}}
	files, err := filepath.Glob(filepath.Join(dir, "cosign-v*.json"))
	if err != nil || len(files) != 7 {
		t.Fatalf("%d attestations in %s, want 7: %v", len(files), dir, err)
	}
	for _, path := range files {
		f := foreign{name: filepath.Base(path), document: document, signer: signer, predicate: vt.ApprovalType, unknown: verifier.SignatureInvalid}
		f.attestation = interopFile(t, dir, f.name)
		if bytes.Contains(f.attestation, []byte(`"hint"`)) {
			f.unknown = verifier.SignerUnknown
		}
		switch {
		case strings.HasSuffix(f.name, "-legacy.json"):
			d, err := f.scenario().Decide()
			if err != nil || d.Reason != verifier.EnvelopeMalformed {
				t.Errorf("%s: %v, want %v: %v", f.name, d.Reason, verifier.EnvelopeMalformed, err)
			}
			continue
		case strings.HasSuffix(f.name, "-vsa.json"):
			f.predicate = summaryType
		}
		f.judge(t)
	}
}

// TestKeylessOfGitHub: bundles in the shapes in which GitHub and cosign write
// them, by a workflow's identity. For public repositories a Rekor log has seen
// them; for private ones GitHub's own authority stamps them, and neither a log nor
// a certificate log knows of it.
func TestKeylessOfGitHub(t *testing.T) {
	for _, shape := range []struct {
		name     string
		evidence vt.Evidence
		keyless  vt.Keyless
		identity vt.Identity
	}{
		{"public", vt.Evidence{Rekor1: true}, vt.Keyless{Tlogs: 1, Timestamps: 1, SCTs: 1}, vt.Identity{Issuer: githubIssuer, SAN: githubSAN}},
		{"private", vt.Evidence{TSAs: 1}, vt.Keyless{Timestamps: 1}, vt.Identity{Issuer: githubIssuer, SAN: githubSAN}},
		{"second-generation log", vt.Evidence{Rekor2: true, TSAs: 1}, vt.Keyless{Tlogs: 1, Timestamps: 1, SCTs: 1}, vt.Identity{Issuer: githubIssuer, SAN: githubSAN}},
		{"by a pattern", vt.Evidence{Rekor1: true}, vt.Keyless{Tlogs: 1, Timestamps: 1, SCTs: 1},
			vt.Identity{Issuer: githubIssuer, SANRegexp: `^https://github\.com/acme/policies/\.github/workflows/approve\.yml@refs/(heads/main|tags/v[0-9.]+)$`}},
	} {
		sigstore := vt.NewSigstore("github", vt.Now)
		document := interopFile(t, interopFolder, "document.json")
		for _, statement := range []vt.Statement{approvalStatement(t, document), vt.Provenance(document), summary(document)} {
			f := &foreign{
				name: shape.name, document: document, predicate: statement.PredicateType, unknown: verifier.CertIdentity,
				signer:   &vt.Principal{Identities: []vt.Identity{shape.identity}},
				sigstore: sigstore, keyless: &shape.keyless,
			}
			f.attestation = sigstore.Keyless(statement.JSON(), vt.Leaf{SAN: githubSAN, Issuer: githubIssuer, At: vt.Now.Add(-time.Hour)}, shape.evidence).JSON()
			f.judge(t)
		}
	}
}

// approvalStatement is the recorded approval about a document.
func approvalStatement(t *testing.T, document []byte) vt.Statement {
	t.Helper()
	return vt.Statement{
		Type: vt.StatementV1, Subject: []vt.Subject{vt.SubjectOf(document)}, PredicateType: vt.ApprovalType,
		Predicate: json.RawMessage(interopFile(t, interopFolder, "approval.json")),
	}
}

// summary is an SLSA verification summary about a document.
func summary(document []byte) vt.Statement {
	s := vt.Provenance(document)
	s.PredicateType = summaryType
	s.Predicate = vt.Tree{
		"verifier": vt.Tree{"id": "https://ci.corp.example/policy-linter"}, "timeVerified": "2026-08-01T00:00:00Z",
		"resourceUri": "git+https://git.corp.example/policies", "policy": vt.Tree{"uri": "https://ci.corp.example/rules"},
		"verificationResult": "PASSED", "verifiedLevels": vt.List{"SLSA_BUILD_LEVEL_3"}, "slsaVersion": "1.0",
	}
	return s
}

// TestSummaryBesideApproval: a rule may want a linter's verification summary and
// people's approvals; either alone is not enough.
func TestSummaryBesideApproval(t *testing.T) {
	ask := func(attestations ...[]byte) verifier.Reason {
		s := vt.AdmitPolicy()
		s.Authorities.Authorities["linter"] = &vt.Authority{Principals: []string{"dave"}, Threshold: 1}
		rule := s.Authorities.Rule("prod sandboxes")
		rule.Require = append(rule.Require, vt.Requirement{Authority: "linter", PredicateType: summaryType})
		s.Offer(0, attestations...)
		d, err := s.Decide()
		if err != nil {
			t.Fatal(err)
		}
		return d.Reason
	}
	base := vt.AdmitPolicy()
	approvals := [][]byte{base.Attestation(0, 0), base.Attestation(0, 1)}
	sealed := summary(base.Body(0)).Seal(vt.Person("dave")).JSON()
	if got := ask(append(approvals, sealed)...); got != verifier.Allowed {
		t.Errorf("both: %v", got)
	}
	if got := ask(approvals...); got == verifier.Allowed {
		t.Errorf("without the summary: %v", got)
	}
	if got := ask(sealed); got == verifier.Allowed {
		t.Errorf("without the approvals: %v", got)
	}
	if got := ask(append(approvals, summary(base.Body(0)).Seal(vt.Person("alice")).JSON())...); got == verifier.Allowed {
		t.Errorf("a summary by somebody else: %v", got)
	}
}

// python is an interpreter that has testdata/interop/requirements.txt:
// SIGDRIVER_PYTHON, or the one of `make interop-python`.
func python(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("SIGDRIVER_PYTHON"); path != "" {
		return path // and if it has them not, the test fails
	}
	path := filepath.Join("..", "out", "python", "bin", "python")
	if _, err := os.Stat(path); err != nil {
		t.Skip("no python3 with securesystemslib and in-toto-attestation: run `make interop-python`, or set SIGDRIVER_PYTHON")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPythonDSSE: an envelope that securesystemslib signs around a Statement of
// in-toto-attestation, with keys of every kind.
func TestPythonDSSE(t *testing.T) {
	interpreter := python(t)
	for _, algorithm := range []verifier.KeyAlgorithm{verifier.ECDSAP256, verifier.ECDSAP384, verifier.Ed25519, verifier.RSAPSSSHA256} {
		signer := vt.NewKey("python "+string(algorithm), algorithm)
		key := filepath.Join(t.TempDir(), "key.pem")
		if err := os.WriteFile(key, signer.PrivatePEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(interpreter, "dsse.py", key, "document.json", "approval.json", vt.ApprovalType)
		cmd.Dir = interopFolder
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		attestation, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		f := &foreign{
			name: string(algorithm), document: interopFile(t, interopFolder, "document.json"), attestation: attestation,
			signer: vt.HeldBy(signer), predicate: vt.ApprovalType,
			// Its key ids look like ours and are the sha256 of something else.
			unknown: verifier.SignerUnknown, broken: verifier.SignerUnknown,
		}
		f.judge(t)
	}
}

// TestKeylessOfOthers: bundles that real certificate authorities and logs vouch
// for. They are about a file that is no document, so what is left to say is
// SUBJECT_MISMATCH; with a change before that it is the change.
func TestKeylessOfOthers(t *testing.T) {
	base := os.Getenv("SIGDRIVER_DATA")
	if base == "" {
		base = filepath.Join("..", "..", "shared", "data")
	}
	dir := filepath.Join(base, "sigstore")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no outside data at %s: set SIGDRIVER_DATA", dir)
	}
	for _, name := range []string{"happy-path-intoto-in-dsse-v3", "rekor2-dsse-happy-path"} {
		root := filepath.Join(dir, name, "trusted_root.json")
		if _, err := os.Stat(root); err != nil {
			root = filepath.Join(dir, "trusted_root_public_good.json")
		}
		bundle := interopFile(t, filepath.Join(dir, name), "bundle.sigstore.json")
		beacon := vt.Identity{Issuer: githubIssuer, SAN: "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"}
		ask := func(what string, want verifier.Reason, change func(s *vt.Scenario)) {
			f := foreign{document: interopFile(t, interopFolder, "document.json"), attestation: bundle, signer: &vt.Principal{Identities: []vt.Identity{beacon}}, predicate: predicateType(t, bundle)}
			s := f.scenario()
			s.TrustedRoot = interopFile(t, filepath.Dir(root), filepath.Base(root))
			change(s)
			d, err := s.Decide()
			if err != nil || d.Reason != want {
				t.Errorf("%s, %s: %v, want %v: %v %+v", name, what, d.Reason, want, err, d.Findings)
			}
		}
		ask("as it is", verifier.SubjectMismatch, func(*vt.Scenario) {})
		ask("another identity", verifier.CertIdentity, func(s *vt.Scenario) {
			s.Authorities.Principals["tool"].Identities[0].SAN += "-evil"
		})
		ask("another issuer", verifier.CertIssuer, func(s *vt.Scenario) { s.Authorities.Principals["tool"].Identities[0].Issuer += "/" })
		ask("another instance", verifier.TlogMissing, func(s *vt.Scenario) { s.TrustedRoot = vt.NewSigstore("other", vt.Now).TrustedRoot() })
		ask("another payload", verifier.SignatureInvalid, func(s *vt.Scenario) {
			s.Offer(0, withPayload(t, bundle, func(p []byte) []byte { return bytes.Replace(p, []byte("sha256"), []byte("sha257"), 1) }))
		})
	}
}

// predicateType is what the Statement in a bundle says it is.
func predicateType(t *testing.T, bundle []byte) string {
	t.Helper()
	var s struct {
		PredicateType string `json:"predicateType"`
	}
	withPayload(t, bundle, func(payload []byte) []byte {
		if err := json.Unmarshal(payload, &s); err != nil || s.PredicateType == "" {
			t.Fatalf("no predicate type: %v", err)
		}
		return append(bytes.Clone(payload), ' ')
	})
	return s.PredicateType
}
