// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/sigdriver/sigdriver/internal/cputime"
	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

// elsewhere are the lines of the attack catalogue that are about more than one
// decision, or about nothing that package verifier sees, and where they are
// tested instead.
var elsewhere = map[string]string{
	"DS-29": "TestEd25519AcceptSet",
	"PO-23": "the YAML front end of sigdriver canonicalize",
	"SE-02": "the verdict cache of cmd/sigdriver/internal/server",
	"SE-14": "the peer check of cmd/sigdriver/internal/server",
	"SE-16": "cmd/sigdriver/internal/trust",
	"SE-17": "cmd/sigdriver/internal/record",
}

// sections are the lines of the catalogue that this package answers for.
var sections = strings.Fields(`
	DS-01 DS-02 DS-05 DS-06 DS-07 DS-08 DS-09 DS-11 DS-13 DS-15 DS-16 DS-17 DS-18 DS-19 DS-20 DS-22 DS-23 DS-25 DS-28 DS-29
	ST-01 ST-02 ST-04 ST-05 ST-06 ST-08 ST-09 ST-10 ST-13 ST-16 ST-17 ST-19 ST-20 ST-21 ST-22 ST-23
	SB-02 SB-03 SB-05 SB-06 SB-07 SB-08 SB-10 SB-12 SB-14 SB-15 SB-16 SB-17 SB-19 SB-21 SB-23 SB-24
	PO-01 PO-03 PO-04 PO-09 PO-12 PO-14 PO-15 PO-16 PO-19 PO-20 PO-21 PO-22 PO-23 PO-26 PO-27 PO-29
	SE-01 SE-02 SE-03 SE-04 SE-05 SE-06 SE-07 SE-08 SE-09 SE-10 SE-11 SE-12 SE-13 SE-14 SE-15 SE-16 SE-17 SE-18`)

// attacks are the lines that no single vector can hold.
var attacks = map[string]func(*testing.T){
	"DS-15": hostileText,
	"DS-20": junkSignatures,
	"DS-25": limits,
	"DS-28": weakKeys,
	"ST-19": replay,
	"ST-20": equivocation,
	"ST-22": manyAttestations,
	"PO-12": layerOrder,
	"PO-20": memberOrder,
	"PO-26": largest,
	"PO-27": changedBetween,
	"PO-29": revokedBetween,
	"SE-01": restoredRow,
	"SE-05": admitRaisesNothing,
	"SE-09": oneKeyTwoPrincipals,
	"SE-12": malformedRevocations,
	"SE-15": misshapen,
}

// TestAttacks runs every line of the catalogue: its vectors, each beside the
// positive that it is one change away from, and its test.
func TestAttacks(t *testing.T) {
	decisions, documents, compositions := map[string][]*cases.Case{}, map[string][]*cases.DocumentVector{}, map[string][]*cases.CompositionVector{}
	for _, c := range cases.Catalogue() {
		for _, id := range c.Attacks {
			decisions[id] = append(decisions[id], c)
		}
	}
	for _, v := range cases.DocumentVectors() {
		for _, id := range v.Attacks {
			documents[id] = append(documents[id], v)
		}
	}
	for _, v := range cases.CompositionVectors() {
		for _, id := range v.Attacks {
			compositions[id] = append(compositions[id], v)
		}
	}
	for _, id := range sections {
		t.Run(id, func(t *testing.T) {
			n := len(decisions[id]) + len(documents[id]) + len(compositions[id])
			for _, c := range decisions[id] {
				t.Run(c.Name, func(t *testing.T) { runCase(t, c) })
			}
			for _, v := range documents[id] {
				t.Run(v.Name, func(t *testing.T) { runDocument(t, v) })
			}
			for _, v := range compositions[id] {
				t.Run(v.Name, func(t *testing.T) { runComposition(t, v) })
			}
			if run := attacks[id]; run != nil {
				run(t)
				n++
			}
			if _, other := elsewhere[id]; n == 0 && !other {
				t.Error("this line of the catalogue has no test")
			}
		})
	}
}

// hostileText puts everything that could break a terminal or a log into what a
// finding may quote.
func hostileText(t *testing.T) {
	for _, text := range []string{"\x00", "a\nb", "\x1b[31mred", "\u202ereversed", "\u2028", strings.Repeat("k", 200<<10), "\x7f\u0085"} {
		s := vt.AdmitProfile()
		e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("mallory"))
		e.Signatures[0].KeyID = text
		e.PayloadType += text
		st := s.Approval(0).Of(s.Body(0))
		st.PredicateType += text
		a := s.Approval(0)
		a.Scope.Name = text
		s.Offer(0, e.JSON(), st.Seal(vt.Person("dave")).JSON(), a.Of(s.Body(0)).Seal(vt.Person("dave")).JSON())
		s.Request.Target.Name = text[:min(len(text), verifier.MaxName)]
		d := decide(t, s)
		if d.Verdict == verifier.Allow || len(d.Findings) < 3 {
			t.Errorf("%.20q: %s with %d findings", text, d.Reason, len(d.Findings))
		}
		for _, f := range d.Findings {
			checkText(t, f.Detail)
			checkText(t, f.Hint)
		}
		checkText(t, d.NearestMiss.Text)
		checkText(t, d.NearestMiss.Command)
	}
}

func checkText(t *testing.T, text string) {
	t.Helper()
	if len(text) > verifier.MaxDetail || strings.ContainsFunc(text, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }) {
		t.Errorf("%d bytes, not one printable line: %.200q", len(text), text)
	}
}

// junkSignatures fills an attestation with as many signatures as fit.
func junkSignatures(t *testing.T) {
	s := vt.AdmitProfile()
	good := s.Attestation(0, 0)
	e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave"))
	junk := vt.Signature{Sig: "MAYCAQECAQE="}
	for room := verifier.MaxAttestation - len(good) - 100; room > 0; room -= len(`{"sig":"MAYCAQECAQE="},`) {
		e.Signatures = append(e.Signatures, junk)
	}
	s.Offer(0, e.JSON())
	trust := mustTrust(t, s)
	quickest := time.Hour
	for range 10 {
		start := time.Now()
		d := verifier.Verify(&s.Request, trust, s.Floors, s.Now)
		quickest = min(quickest, time.Since(start))
		if d.Reason != verifier.TooManySignatures {
			t.Fatal(d.Reason)
		}
	}
	if quickest > 5*time.Millisecond {
		t.Errorf("%d junk signatures took %v", len(e.Signatures), quickest)
	}
	if d := decide(t, s.Offer(0, good)); d.Verdict != verifier.Allow {
		t.Errorf("without them: %s", d.Reason)
	}
}

// limits tests each bound at the limit and one past it.
func limits(t *testing.T) {
	padded := func(n int) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			a := s.Attestation(0, 0)
			s.Offer(0, append(bytes.Clone(a), bytes.Repeat([]byte(" "), n-len(a))...))
		}
	}
	signatures := func(n int) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			var signers []*vt.Key
			for i := range n - 1 {
				signers = append(signers, vt.Person(fmt.Sprint("stranger ", i)))
			}
			s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(append(signers, vt.Person("dave"))...).JSON())
		}
	}
	offered := func(n int) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			s.Offer(0, slices.Repeat([][]byte{s.Attestation(0, 0)}, n)...)
		}
	}
	body := func(n int) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			profile := vt.ForgeProfile()
			profile["description"] = ""
			profile["description"] = strings.Repeat("d", n-len(vt.Canonical(profile)))
			s.Request.Documents[0].Body = vt.Canonical(profile)
			s.Approve(0, "dave")
		}
	}
	for _, c := range []struct {
		name          string
		limit         int
		set           func(int) func(*vt.Scenario)
		past          verifier.Reason // unspecified: a call fault
		pastRequestIs string
	}{
		{"attestation", verifier.MaxAttestation, padded, verifier.EnvelopeTooLarge, ""},
		{"signatures", verifier.MaxSignatures, signatures, verifier.TooManySignatures, ""},
		{"attestations", verifier.MaxAttestations + verifier.MaxIndexed, offered, 0, "REQUEST_TOO_LARGE"},
		{"body", verifier.MaxBody, body, 0, "REQUEST_TOO_LARGE"},
	} {
		s := vt.AdmitProfile()
		c.set(c.limit)(s)
		if d := decide(t, s); d.Verdict != verifier.Allow {
			t.Errorf("%s at the limit: %s", c.name, d.Reason)
		}
		s = vt.AdmitProfile()
		c.set(c.limit + 1)(s)
		if c.pastRequestIs != "" {
			wantRequestError(t, c.name, s, c.pastRequestIs)
		} else if d := decide(t, s); d.Reason != c.past {
			t.Errorf("%s one past the limit: %s", c.name, d.Reason)
		}
	}
}

func wantRequestError(t *testing.T, name string, s *vt.Scenario, reason string) {
	t.Helper()
	var fault *verifier.RequestError
	if err := verifier.CheckRequest(&s.Request); !errors.As(err, &fault) || fault.Reason != reason {
		t.Errorf("%s: %v, want %s", name, err, reason)
	}
	if d := verifier.Verify(&s.Request, mustTrust(t, s), s.Floors, s.Now); d.Verdict != verifier.VerdictUnspecified {
		t.Errorf("%s: Verify answered %v", name, d.Verdict)
	}
}

// weakKeys lists keys that trust must refuse to load.
func weakKeys(t *testing.T) {
	spki := func(oid, parameters asn1.ObjectIdentifier, key []byte) []byte {
		type algorithm struct {
			ID         asn1.ObjectIdentifier
			Parameters asn1.ObjectIdentifier `asn1:"optional"`
		}
		der, err := asn1.Marshal(struct {
			Algorithm algorithm
			Key       asn1.BitString
		}{algorithm{oid, parameters}, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}})
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	var (
		ec      = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
		p256    = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
		p224    = asn1.ObjectIdentifier{1, 3, 132, 0, 33}
		k256    = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
		ed25519 = asn1.ObjectIdentifier{1, 3, 101, 112}
	)
	point := func(size int) []byte { return append([]byte{4}, bytes.Repeat([]byte{1}, 2*size)...) }
	rsaKey := func(bits, exponent int) []byte {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits)-1)
		der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: exponent})
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	random := make([]byte, 33)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	load := func(der []byte, algorithm verifier.KeyAlgorithm) error {
		s := vt.AdmitProfile()
		s.Authorities.Principals["erin"].Keys[0] = vt.PublicKey{Algorithm: algorithm,
			PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
		_, err := verifier.ParseTrust(s.Source())
		return err
	}
	if err := load(vt.Person("somebody").SPKI(), ""); err != nil {
		t.Fatalf("a good key: %v", err)
	}
	for name, der := range map[string][]byte{
		"P-224": spki(ec, p224, point(28)), "secp256k1": spki(ec, k256, point(32)), "point not on the curve": spki(ec, p256, point(32)),
		"point at infinity": spki(ec, p256, []byte{0}), "Ed25519 all zero": spki(ed25519, nil, make([]byte, 32)),
		"Ed25519 of 31 bytes": spki(ed25519, nil, random[:31]), "Ed25519 of 33 bytes": spki(ed25519, nil, random),
		"RSA 1024": rsaKey(1024, 65537), "RSA 2048": rsaKey(2048, 65537), "RSA e=1": rsaKey(3072, 1), "RSA e=3": rsaKey(3072, 3),
	} {
		algorithm := verifier.KeyAlgorithm("")
		if strings.HasPrefix(name, "RSA") {
			algorithm = verifier.RSAPKCS1v15
		}
		var refused *verifier.KeyError
		if err := load(der, algorithm); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// replay offers version 3 after version 4 was composed, and once more to a
// driver that was given the first one's floors.
func replay(t *testing.T) {
	four := vt.ComposePlain()
	a := four.Approval(0)
	a.Version = "4"
	four.ApproveAs(0, a, "alice", "bob")
	d := decide(t, four)
	if d.Verdict != verifier.Allow {
		t.Fatal(d.Reason)
	}
	three := four.After(d)
	older := vt.Edit(three.Body(0), `"port":443`, `"port":444`)
	three.Request.Documents[0].Body = older
	a.Version = "3"
	three.ApproveAs(0, a, "alice", "bob").Recompose()
	if d := decide(t, three); d.Reason != verifier.VersionRollback {
		t.Errorf("version 3 after 4: %s", d.Reason)
	}
	// Floors are per driver: one without memory takes it, unless trust has a floor.
	three.Floors = verifier.MapFloors{}
	if d := decide(t, three); d.Verdict != verifier.Allow {
		t.Errorf("on a driver without memory: %s", d.Reason)
	}
	three.Authorities.Floors = []vt.SignedFloor{{Role: "SANDBOX_POLICY", Version: "4"}}
	if d := decide(t, three); d.Reason != verifier.VersionRollback {
		t.Errorf("on a driver without memory, under a signed floor: %s", d.Reason)
	}
}

// equivocation composes two documents that were approved under one version.
func equivocation(t *testing.T) {
	first := vt.ComposePlain()
	d := decide(t, first)
	if d.Verdict != verifier.Allow {
		t.Fatal(d.Reason)
	}
	second := first.After(d)
	second.Request.Documents[0].Body = vt.Edit(second.Body(0), `"port":443`, `"port":444`)
	second.Approve(0, "alice", "bob").Recompose()
	if d := decide(t, second); d.Reason != verifier.VersionEquivocation {
		t.Errorf("the second document of version 42: %s", d.Reason)
	}
	second.Floors = verifier.MapFloors{}
	if d := decide(t, second); d.Verdict != verifier.Allow {
		t.Errorf("alone: %s", d.Reason)
	}
}

// manyAttestations hides one good approval among as many others as fit, in
// many orders.
func manyAttestations(t *testing.T) {
	s := vt.AdmitProfile()
	good := s.Attestation(0, 0)
	offered := [][]byte{good}
	for i := 1; i < verifier.MaxAttestations+verifier.MaxIndexed; i++ {
		a := s.Approval(0)
		a.Reason = fmt.Sprint(i)
		offered = append(offered, a.Of(s.Body(0)).Seal(vt.Person(fmt.Sprint("stranger ", i))).JSON())
	}
	shuffle := mathrand.New(mathrand.NewPCG(1, 2))
	for range 20 {
		shuffle.Shuffle(len(offered), func(i, j int) { offered[i], offered[j] = offered[j], offered[i] })
		d := decide(t, s.Offer(0, offered...))
		if d.Verdict != verifier.Allow || !slices.Equal(d.Documents[0].Principals, []string{"dave"}) {
			t.Fatalf("%s by %v", d.Reason, d.Documents[0].Principals)
		}
		if len(d.Findings) != len(offered)-1 {
			t.Fatalf("%d of %d others are named", len(d.Findings), len(offered)-1)
		}
	}
	without := slices.DeleteFunc(slices.Clone(offered), func(a []byte) bool { return bytes.Equal(a, good) })
	if d := decide(t, s.Offer(0, without...)); d.Reason != verifier.SignerUnknown {
		t.Errorf("without the good one: %s", d.Reason)
	}
}

// layerOrder attaches up to five providers in every order.
func layerOrder(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for _, order := range permutations(n) {
			s := vt.ComposePlain()
			for i, p := range order {
				profile := vt.MirrorProfile()
				profile["id"] = fmt.Sprint("mirror-", p)
				s.Attach(fmt.Sprint("provider ", p), profile).Approve(1+i, "dave")
			}
			s.Recompose()
			d := decide(t, s)
			if d.Verdict != verifier.Allow {
				t.Fatalf("%v: %s", order, d.Reason)
			}
			if s.EditEffective(func(tree vt.Tree) { tree["version"] = 2 }); decide(t, s).Reason != verifier.CompositionMismatch {
				t.Fatalf("%v: a mutation passed", order)
			}
		}
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n))
		}
	}
	return all
}

// memberOrder writes one message in many orders of its members.
func memberOrder(t *testing.T) {
	want := vt.Canonical(vt.Policy())
	shuffle := mathrand.New(mathrand.NewPCG(3, 4))
	seen := map[string]bool{}
	for range 50 {
		text := shuffled(t, vt.Policy(), shuffle)
		seen[text] = true
		got, _, err := verifier.Canonicalize(verifier.SandboxPolicy, []byte(text))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	if len(seen) < 2 {
		t.Error("nothing was shuffled")
	}
}

func shuffled(t *testing.T, v any, shuffle *mathrand.Rand) string {
	switch v := v.(type) {
	case vt.Tree:
		var members []string
		for name, value := range v {
			members = append(members, fmt.Sprintf("%q: %s", name, shuffled(t, value, shuffle)))
		}
		slices.Sort(members)
		shuffle.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		return "{ " + strings.Join(members, ",\n") + " }"
	case vt.List:
		var elements []string
		for _, e := range v {
			elements = append(elements, shuffled(t, e, shuffle))
		}
		return "[" + strings.Join(elements, ", ") + "]"
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// largest composes a policy of a thousand rules and ten thousand endpoints with
// 32 layers.
func largest(t *testing.T) {
	policy, rules := vt.Policy(), vt.Tree{}
	for r := range 1000 {
		endpoints := vt.List{}
		for e := range 10 {
			endpoints = append(endpoints, vt.Tree{"host": fmt.Sprintf("h%d.r%d.example", e, r), "port": 443})
		}
		rules[fmt.Sprint("rule_", r)] = vt.Tree{"name": fmt.Sprint("rule ", r), "endpoints": endpoints}
	}
	policy["networkPolicies"] = rules
	s := vt.ComposePlain()
	s.Request.Documents[0].Body = vt.Canonical(policy)
	s.Approve(0, "alice", "bob")
	for l := range 32 {
		profile := vt.ForgeProfile()
		profile["id"] = fmt.Sprint("forge-", l)
		s.Attach(fmt.Sprint("provider ", l), profile).Approve(1+l, "dave")
	}
	s.Recompose()
	trust := mustTrust(t, s)
	var d verifier.Decision
	if took := cputime.Of(func() { d = verifier.Verify(&s.Request, trust, s.Floors, s.Now) }); d.Verdict != verifier.Allow || took > 3*time.Second {
		t.Errorf("%s after %v", d.Reason, took)
	}
	profile := s.Request.Documents[1]
	for i := len(s.Request.Documents); i <= verifier.MaxDocuments; i++ {
		profile.Provider = fmt.Sprint("provider ", i)
		s.Request.Documents = append(s.Request.Documents, profile)
	}
	wantRequestError(t, "documents", s, "REQUEST_TOO_LARGE")
	s = vt.ComposePlain()
	s.Request.Effective = bytes.Repeat([]byte(" "), verifier.MaxEffective+1)
	wantRequestError(t, "effective", s, "REQUEST_TOO_LARGE")
}

// changedBetween changes a layer between admission and composition.
func changedBetween(t *testing.T) {
	admit := vt.AdmitProfile()
	if d := decide(t, admit); d.Verdict != verifier.Allow {
		t.Fatal(d.Reason)
	}
	s := vt.ComposeLayers()
	if d := decide(t, s); d.Verdict != verifier.Allow {
		t.Fatal(d.Reason)
	}
	s.Request.Documents[1].Body = vt.Edit(s.Body(1), "api.forge.example", "api.forge.exbmple")
	if d := decide(t, s.Recompose()); d.Reason != verifier.SubjectMismatch {
		t.Errorf("changed and composed anew: %s", d.Reason)
	}
}

// revokedBetween revokes one of two signers between two compositions.
func revokedBetween(t *testing.T) {
	s := vt.ComposeLayers()
	d := decide(t, s)
	if d.Verdict != verifier.Allow {
		t.Fatal(d.Reason)
	}
	next := s.After(d)
	next.Epoch++
	next.Revocations = vt.Revocations(vt.Revoke("key", vt.Person("bob").SHA256()))
	if d := decide(t, next); d.Reason != verifier.Threshold {
		t.Errorf("after the revocation: %s", d.Reason)
	}
}

// restoredRow allows 42, then 43, and restores the row of 42.
func restoredRow(t *testing.T) {
	old := vt.ComposePlain()
	d := decide(t, old)
	if d.Verdict != verifier.Allow {
		t.Fatal(d.Reason)
	}
	next := old.After(d)
	next.Request.Documents[0].Body = vt.Edit(next.Body(0), `"port":443`, `"port":444`)
	a := next.Approval(0)
	a.Version = "43"
	next.ApproveAs(0, a, "alice", "bob").Recompose()
	if d = decide(t, next); d.Verdict != verifier.Allow {
		t.Fatal(d.Reason)
	}
	old.Floors = next.After(d).Floors
	if d := decide(t, old); d.Reason != verifier.VersionRollback {
		t.Errorf("42 after 43: %s", d.Reason)
	}
}

// admitRaisesNothing admits 43 and composes 42.
func admitRaisesNothing(t *testing.T) {
	admit := vt.AdmitPolicy()
	a := admit.Approval(0)
	a.Version = "43"
	d := decide(t, admit.ApproveAs(0, a, "alice", "bob"))
	if d.Verdict != verifier.Allow || len(d.Raises) > 0 || d.Binding != nil {
		t.Fatalf("%s raises %v binds %v", d.Reason, d.Raises, d.Binding)
	}
	compose := vt.ComposePlain()
	compose.Floors = admit.After(d).Floors
	if d := decide(t, compose); d.Verdict != verifier.Allow {
		t.Error(d.Reason)
	}
}

// oneKeyTwoPrincipals lists one key, and one identity, under two names.
func oneKeyTwoPrincipals(t *testing.T) {
	refused := func(name string, change func(*vt.Authorities)) {
		s := vt.AdmitPolicy()
		if _, err := verifier.ParseTrust(s.Source()); err != nil {
			t.Fatal(err)
		}
		change(s.Authorities)
		var fault *verifier.TrustError
		if _, err := verifier.ParseTrust(s.Source()); !errors.As(err, &fault) || fault.File != "authorities.json" {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("one key", func(a *vt.Authorities) { a.Principals["alias"] = vt.HeldBy(vt.Person("alice")) })
	refused("one key twice", func(a *vt.Authorities) { a.Principals["alice"] = vt.HeldBy(vt.Person("alice"), vt.Person("alice")) })
	refused("one identity", func(a *vt.Authorities) {
		id := []vt.Identity{{Issuer: vt.Issuer, SAN: vt.Robot}}
		a.Principals["robot"], a.Principals["alias"] = &vt.Principal{Identities: id}, &vt.Principal{Identities: id}
	})
}

// malformedRevocations shows that the new authorities are in force beside the
// old ratchet, and that the fault is told.
func malformedRevocations(t *testing.T) {
	s := cases.Find("allow-revocations-malformed").Scenario()
	trust := mustTrust(t, s)
	if trust.RevocationFault() == nil {
		t.Error("nobody is told")
	}
	if !bytes.Equal(trust.Ratchet(), vt.Canonical(json.RawMessage(s.Ratchet))) {
		t.Errorf("the ratchet became %s", trust.Ratchet())
	}
	s.Approve(0, "mallory")
	s.Authorities.Principals["mallory"] = vt.HeldBy(vt.Person("mallory"))
	s.Authorities.Authorities["platform"].Principals = []string{"mallory"}
	if d := decide(t, s); d.Reason != verifier.SignerRevoked {
		t.Errorf("somebody the ratchet names: %s", d.Reason)
	}
}

// misshapen lists requests that are their caller's mistake.
func misshapen(t *testing.T) {
	for name, change := range map[string]func(*verifier.Request){
		"no purpose":         func(q *verifier.Request) { q.Purpose = 0 },
		"unknown purpose":    func(q *verifier.Request) { q.Purpose = 3 },
		"unknown role":       func(q *verifier.Request) { q.Documents[0].Role = 9 },
		"no gateway":         func(q *verifier.Request) { q.Target.GatewayID = "" },
		"no sandbox":         func(q *verifier.Request) { q.Target.SandboxID = "" },
		"no name":            func(q *verifier.Request) { q.Target.Name = "" },
		"unknown recipe":     func(q *verifier.Request) { q.Recipe = "openshell.compose/2027-01" },
		"no recipe":          func(q *verifier.Request) { q.Recipe = "" },
		"two sources":        func(q *verifier.Request) { q.Documents = append(q.Documents, q.Documents[0]) },
		"both sources":       func(q *verifier.Request) { q.Documents[1].Role, q.Documents[1].Provider = verifier.GlobalPolicy, "" },
		"duplicate provider": func(q *verifier.Request) { q.Documents[2].Provider = q.Documents[1].Provider },
		"nameless provider":  func(q *verifier.Request) { q.Documents[1].Provider = "" },
		"provider of policy": func(q *verifier.Request) { q.Documents[0].Provider = "x" },
		"other workspace":    func(q *verifier.Request) { q.Documents[1].Workspace = "dev" },
		"name not UTF-8":     func(q *verifier.Request) { q.Target.Name = "\xff" },
		"admit of three":     func(q *verifier.Request) { q.Purpose = verifier.Admit },
	} {
		s := vt.ComposeLayers()
		if d := decide(t, s); d.Verdict != verifier.Allow {
			t.Fatal(d.Reason)
		}
		change(&s.Request)
		wantRequestError(t, name, s, "REQUEST_INVALID")
	}
}

func mustTrust(t *testing.T, s *vt.Scenario) *verifier.Trust {
	t.Helper()
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// TestAttestationDigests compares the digests that a request's summary holds
// with those of the envelopes they were made of.
func TestAttestationDigests(t *testing.T) {
	s := vt.AdmitProfile()
	e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave"))
	urlSafe := e
	urlSafe.Payload = base64.URLEncoding.EncodeToString(e.PayloadBytes())
	for name, raw := range map[string][]byte{
		"envelope": e.JSON(), "URL-safe": urlSafe.JSON(),
		"bundle v0.1": e.Bundle("0.1", vt.Person("dave")).JSON(), "protobuf": e.Bundle("0.3", vt.Person("dave")).Proto(),
	} {
		if got := verifier.AttestationDigest(raw); got != e.SHA256() {
			t.Errorf("%s: %s, want %s", name, got, e.SHA256())
		}
	}
	if got, want := verifier.AttestationDigest([]byte("no envelope")), "raw:"+vt.SHA256([]byte("no envelope")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
