// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// nothingToSign are the reasons of which a refusal may ask for no signature: what is
// wrong is no approval that is missing.
var nothingToSign = map[verifier.Reason]string{
	verifier.TrustUnavailable:       "the driver has no trust",
	verifier.TrustStale:             "trust has to be signed and published anew",
	verifier.DriverTooOld:           "the driver has to be newer",
	verifier.DocumentMissing:        "the gateway sent too little",
	verifier.DocumentNoncanonical:   "the document has to be written anew, and is another one then",
	verifier.DocumentDuplicateKey:   "the same",
	verifier.DocumentSurface:        "the same",
	verifier.DocumentReservedName:   "the same",
	verifier.DocumentRevoked:        "no approval outweighs a revocation",
	verifier.RuleMissing:            "no rule says whose approval would count",
	verifier.CompositionPartMissing: "the gateway composed something else than was approved",
	verifier.CompositionPartExtra:   "the same",
	verifier.CompositionMismatch:    "the same",
	verifier.CompositionSource:      "the same",
	verifier.CompositionRecipe:      "the same",
}

// nothingToSignHere are the other cases that no signature of those who are named can flip.
var nothingToSignHere = map[string]string{
	"attestation-missing-empty-require": "the rule accepts pinned documents only",
	"attestation-too-old-unknown":       "the test has no log for that attestation",
	"cert-chain-authority-removed":      "trust has dropped what the robot signs by: its trusted root has to change",
	"cert-chain-issuer-expired":         "the same",
	"cert-chain-name-constraints":       "the same",
	"cert-chain-no-trusted-root":        "the same",
	"sct-one-log-twice":                 "the robot's authority has one log, and trust asks for two",
	"timestamp-invalid-logged-window":   "trust has dropped the robot's timestamp authority",
	"timestamp-invalid-one-key":         "trust lists one authority where it asks for two",
	"timestamp-invalid-one-key-windows": "the same",
	"tlog-checkpoint-base-url":          "trust does not say where the robot's log is",
	"tlog-checkpoint-window-v2":         "trust has dropped the robot's log",
	"tlog-missing-log-removed":          "the same",
	"tlog-set-window":                   "the same",
	"signer-ambiguous":                  "whatever the robot signs is two principals'",
	"signer-ambiguous-claims":           "the same",
	"signer-revoked-identity":           "whatever the robot signs is revoked",
	"signer-revoked-certificate-key":    "the test's robot has one key",
	"distinct-set-below":                "the person who is left has a key that sigdriver sign does not take",
	"scope-mismatch-renamed":            "the sandbox has another name than when it was first allowed",
	"scope-mismatch-moved":              "the same",
	"scope-mismatch-renamed-global":     "the same",
	"version-equivocation-twin":         "one request has two documents of one subject",
}

// claimAgain are cases that refuse one more claim in one more way: one way does here.
var claimAgain = regexp.MustCompile(`^cert-identity-claim-.*-(case|missing|kind|raw)$`)

// TestNearestMissesCarriedOut does what every refusal of the catalogue says, with the
// commands that it prints, until the request is allowed; or the refusal says that no
// signature will do.
func TestNearestMissesCarriedOut(t *testing.T) {
	flipped, used := 0, map[string]bool{}
	for _, c := range cases.Catalogue() {
		if c.Want.Reason == verifier.Allowed || claimAgain.MatchString(c.Name) {
			continue
		}
		m := &missRunner{t: t, c: c, dir: t.TempDir(), s: c.Scenario()}
		d, why := m.run()
		_, listed := nothingToSignHere[c.Name]
		_, general := nothingToSign[d.Reason]
		switch {
		case why == "":
			flipped++
			if listed {
				t.Errorf("%s: is listed as one that no signature flips", c.Name)
			}
		case listed:
			used[c.Name] = true
		case !general || strings.HasPrefix(d.NearestMiss.Command, "sigdriver sign"):
			t.Errorf("%s: %s", c.Name, why)
		}
	}
	for name := range nothingToSignHere {
		if !used[name] {
			t.Errorf("%s is no case any more", name)
		}
	}
	if flipped < 350 {
		t.Errorf("only %d flipped", flipped)
	}
	t.Logf("%d flipped", flipped)
}

// missRunner carries out what the refusals of one scenario say.
type missRunner struct {
	t   *testing.T
	c   *cases.Case
	dir string
	s   *vt.Scenario
}

// run returns why nothing can be done, "" when the request ends allowed.
func (m *missRunner) run() (d verifier.Decision, why string) {
	signed := map[string]bool{}
	for range 12 {
		var err error
		if d, err = m.s.Decide(); err != nil {
			m.t.Fatalf("%s: %v", m.c.Name, err)
		}
		miss := d.NearestMiss
		switch {
		case d.Verdict == verifier.Allow:
			return d, ""
		case miss.Text == "":
			m.t.Errorf("%v says nothing", d.Reason)
			return d, "nothing"
		case signed[miss.Command]:
			return d, fmt.Sprintf("%v asks again: %s | %s", d.Reason, miss.Command, miss.Text)
		case strings.Contains(miss.Text, "it would be allowed as it is"):
			if m.s.Now, err = time.Parse("at "+time.RFC3339, miss.Text[:len("at 2006-01-02T15:04:05Z")]); err != nil {
				return d, err.Error()
			}
		case strings.HasPrefix(miss.Command, "sigdriver sign "):
			signed[miss.Command] = true
			if fault := m.sign(miss); fault != "" {
				return d, fault
			}
		case miss.Command == "" && !signed[miss.Text] && m.speak(miss):
			signed[miss.Text] = true
		default:
			return d, fmt.Sprintf("%v %.30s | %.60s", d.Reason, miss.Command, miss.Text)
		}
	}
	return d, "still refused"
}

// speak has somebody whom the text names say what it asks for, where `sigdriver sign`
// cannot: by an identity, by a key of another kind, or in a Statement of another type.
func (m *missRunner) speak(miss verifier.NearestMiss) bool {
	asked := regexp.MustCompile(`(approval|attestation of type "([^"]+)")s? by (any [0-9]+ of )?([a-z0-9-]+)`).FindStringSubmatch(miss.Text)
	if asked == nil {
		return false
	}
	who, document := asked[4], miss.Document
	st := m.s.Approval(document).Of(m.s.Body(document))
	if asked[2] != "" {
		st = vt.Provenance(m.s.Body(document))
		st.PredicateType = asked[2]
		if rules := m.s.Authorities.Rules; slices.ContainsFunc(rules, func(r *vt.Rule) bool { return r.SubjectName }) {
			st.Subject[0].Name = "forge"
		}
	}
	if who == "robot" && m.c.Name == "attestation-too-old-logged" {
		w := vt.NewWorld()
		w.Leaf.At = m.s.Now.Add(-5 * time.Minute)
		m.offer(document, w.Bundle(m.s).JSON())
		return true
	}
	if who == "robot" {
		m.offer(document, cases.Find(m.c.Positive).Scenario().Attestation(0, 0))
		return true
	}
	m.offer(document, st.Seal(vt.Person(who)).JSON())
	return true
}

func (m *missRunner) offer(document int, raw []byte) {
	doc := &m.s.Request.Documents[document]
	doc.Attestations = append(slices.Clone(doc.Attestations), raw)
}

// sign runs the command, with the documents and the key where it says, and offers
// what it writes.
func (m *missRunner) sign(miss verifier.NearestMiss) string {
	args, err := words(miss.Command)
	if err != nil {
		return err.Error()
	}
	for i := 1; i < len(args); i++ {
		switch args[i-1] {
		case "--document":
			m.write(args[i], m.s.Body(miss.Document))
			args[i] = filepath.Join(m.dir, args[i])
		case "--key":
			m.write(args[i], vt.Person(strings.TrimSuffix(args[i], ".key")).PrivatePEM())
			args[i] = filepath.Join(m.dir, args[i])
		case "--bundle-id":
			if args[i] == "ID" { // people give the set its name
				args[i] = "stack"
			}
		case "--member":
			parts := strings.SplitN(args[i], ":", 3)
			m.write(parts[2], m.member(parts[0], parts[1]))
			args[i] = parts[0] + ":" + parts[1] + ":" + filepath.Join(m.dir, parts[2])
		}
	}
	code, stdout, stderr := runAt(m.s.Now, append(args[1:], "--yes")...)
	if code != ExitOK {
		return fmt.Sprintf("%s: exit code %d: %.300s", miss.Command, code, stderr[max(0, len(stderr)-300):])
	}
	if !slices.Contains(args, "--bundle-id") {
		m.offer(miss.Document, []byte(stdout))
		return ""
	}
	for i := range m.s.Request.Documents {
		m.offer(i, []byte(stdout))
	}
	return ""
}

// member is the document of the request that a member of a set names.
func (m *missRunner) member(role, name string) []byte {
	for i, d := range m.s.Request.Documents {
		view, err := verifier.ViewDocument(d.Role, d.Body)
		if d.Role.String() == role && (err == nil && view.Name == name || d.Role != verifier.ProviderProfile) {
			return m.s.Body(i)
		}
	}
	m.t.Fatalf("the request has no %s %s", role, name)
	return nil
}

func (m *missRunner) write(name string, data []byte) {
	if err := os.WriteFile(filepath.Join(m.dir, name), data, 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// words splits a command as a shell does, for the quotes that nearest misses use.
func words(command string) ([]string, error) {
	var list []string
	var word strings.Builder
	begun, quoted := false, false
	for i := 0; i < len(command); i++ {
		switch c := command[i]; {
		case c == '\'':
			quoted, begun = !quoted, true
		case c == '\\' && !quoted && i+1 < len(command):
			i++
			word.WriteByte(command[i])
			begun = true
		case c == ' ' && !quoted:
			if begun {
				list = append(list, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if quoted {
		return nil, fmt.Errorf("%s: an open quote", command)
	}
	if begun {
		list = append(list, word.String())
	}
	return list, nil
}

// TestChangedRow edits a row that was approved, and does what the refusal says: no command
// signs what was found, and the one that is printed shows what differs.
func TestChangedRow(t *testing.T) {
	s := vt.ComposePlain()
	allowed, err := s.Decide()
	if err != nil || allowed.Verdict != verifier.Allow {
		t.Fatal(allowed.Reason, err)
	}
	inForce := s.Body(0)
	s = s.After(allowed)
	s.Request.Documents[0].Body = vt.Edit(inForce, `"/tmp"`, `"/"`)
	d, err := s.Recompose().Decide()
	if err != nil || d.Unapproved() != verifier.UnapprovedChanged {
		t.Fatal(d.Reason, d.Unapproved(), err)
	}
	m := &missRunner{t: t, dir: t.TempDir(), s: s}
	args, err := words(d.NearestMiss.Command)
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range [][]byte{inForce, s.Body(0)} {
		name := args[len(args)-2+i]
		m.write(name, body)
		args[len(args)-2+i] = filepath.Join(m.dir, name)
	}
	code, stdout, stderr := runAt(s.Now, args[1:]...)
	if code != ExitDenied || !strings.Contains(stdout, "widens") || !strings.Contains(stdout, "/filesystem") {
		t.Errorf("%s: exit code %d\n%s%s", d.NearestMiss.Command, code, stdout, stderr)
	}
}
