// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/internal/cputime"
)

// signer is a private key and the key that trust has of it.
type signer struct {
	*signingKey
	private crypto.Signer
}

func (s *signer) sign(t testing.TB, message []byte) []byte {
	t.Helper()
	hash, sum := crypto.Hash(0), message
	switch s.algorithm {
	case ECDSAP256:
		d := sha256.Sum256(message)
		hash, sum = crypto.SHA256, d[:]
	case ECDSAP384:
		d := sha512.Sum384(message)
		hash, sum = crypto.SHA384, d[:]
	}
	sig, err := s.private.Sign(nil, sum, hash)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// keyTrust is trust in one key each of alice (Ed25519), bob (P-256) and carol (P-384).
func keyTrust(t testing.TB) (*Trust, map[string]*signer) {
	t.Helper()
	trust := &Trust{authorities: &authorities{principals: map[string]*principal{}, keys: map[[32]byte]*signingKey{}}, revoked: ratchet{}}
	signers := map[string]*signer{}
	add := func(name string, private crypto.Signer) {
		p := trust.authorities.principals[name]
		if p == nil {
			p = &principal{name: name}
			trust.authorities.principals[name] = p
		}
		k, err := parseKey(pemOf(spkiOf(t, private.Public())), "")
		if err != nil {
			t.Fatal(err)
		}
		k.owner = p
		p.keys = append(p.keys, k)
		trust.authorities.keys[k.spki] = k
		signers[name] = &signer{k, private}
	}
	_, ed, _ := ed25519.GenerateKey(nil)
	add("alice", ed)
	add("bob", generateEC(t, elliptic.P256()))
	add("carol", generateEC(t, elliptic.P384()))
	return trust, signers
}

type testSignature struct{ keyID, sig string }

func envelopeText(payloadType string, payload []byte, sigs ...testSignature) []byte {
	var parts []string
	for _, s := range sigs {
		parts = append(parts, fmt.Sprintf(`{"keyid":%q,"sig":%q}`, s.keyID, s.sig))
	}
	return fmt.Appendf(nil, `{"payload":%q,"payloadType":%q,"signatures":[%s]}`,
		base64.StdEncoding.EncodeToString(payload), payloadType, strings.Join(parts, ","))
}

func (s *signer) over(t testing.TB, payloadType string, payload []byte) testSignature {
	return testSignature{hex.EncodeToString(s.spki[:]), base64.StdEncoding.EncodeToString(s.sign(t, PAE(payloadType, payload)))}
}

func (s *signer) seal(t testing.TB, payload []byte) []byte {
	return envelopeText(InTotoPayloadType, payload, s.over(t, InTotoPayloadType, payload))
}

func proveAll(trust *Trust, raw []byte) ([]verifiedSignature, []Finding) {
	budget := newSignatureBudget()
	return trust.verifySignatures(3, raw, budget)
}

// oneFinding fails unless the attestation proves nothing, for exactly one reason.
func oneFinding(t *testing.T, name string, want Reason, proofs []verifiedSignature, findings []Finding) {
	t.Helper()
	if len(proofs) != 0 || len(findings) != 1 {
		t.Errorf("%s: %d proofs, findings %v", name, len(proofs), findings)
		return
	}
	if f := findings[0]; f.Reason != want || f.Document != -1 || f.Attestation != 3 || f.Detail == "" {
		t.Errorf("%s: %v (document %d, attestation %d, %s), want %v", name, f.Reason, f.Document, f.Attestation, f.Detail, want)
	}
}

func TestProveKeys(t *testing.T) {
	trust, signers := keyTrust(t)
	for name, s := range signers {
		payload := []byte(plainStatement)
		sig := s.over(t, InTotoPayloadType, payload)
		for how, id := range map[string]string{
			"hex": sig.keyID, "base64": base64.StdEncoding.EncodeToString(s.spki[:]), "none": "", "a name": "my key",
			"a key trust does not know": strings.Repeat("ab", 32),
		} {
			proofs, findings := proveAll(trust, envelopeText(InTotoPayloadType, payload, testSignature{id, sig.sig}))
			if len(proofs) != 1 || len(findings) != 0 {
				t.Fatalf("%s, key id %s: %d proofs, %v", name, how, len(proofs), findings)
			}
			p := proofs[0]
			if p.key != s.signingKey || p.attestation != 3 || p.digest != sha256.Sum256(PAE(InTotoPayloadType, payload)) || !bytes.Equal(p.payload, payload) || p.times != nil || p.certificate != nil {
				t.Errorf("%s, key id %s: %+v", name, how, p)
			}
		}
	}
}

func TestProveRefuses(t *testing.T) {
	trust, signers := keyTrust(t)
	payload := []byte(plainStatement)
	bob, alice, carol := signers["bob"], signers["alice"], signers["carol"]
	good := bob.over(t, InTotoPayloadType, payload)
	flipped := func(s testSignature) testSignature {
		raw, _ := base64.StdEncoding.DecodeString(s.sig)
		raw[len(raw)-1] ^= 1
		return testSignature{s.keyID, base64.StdEncoding.EncodeToString(raw)}
	}
	signed := func(message string) testSignature {
		return testSignature{good.keyID, base64.StdEncoding.EncodeToString(bob.sign(t, []byte(message)))}
	}
	noHint := func(s testSignature) testSignature { return testSignature{"", s.sig} }
	b64 := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	stranger, _ := ecdsa.GenerateKey(elliptic.P256(), nil)
	k, err := parseKey(pemOf(spkiOf(t, stranger.Public())), "")
	if err != nil {
		t.Fatal(err)
	}
	foreign := (&signer{k, stranger}).over(t, InTotoPayloadType, payload)
	pae := string(PAE(InTotoPayloadType, payload))
	for _, c := range []struct {
		name string
		typ  string
		sigs []testSignature
		want Reason
	}{
		{"a bit flipped", InTotoPayloadType, []testSignature{flipped(good)}, SignatureInvalid},
		{"a bit flipped, no hint", InTotoPayloadType, []testSignature{noHint(flipped(good))}, SignatureInvalid},
		{"type changed after signing", "application/vnd.in-toto+JSON", []testSignature{good}, SignatureInvalid}, // DS-01
		{"type changed after signing, no hint", "application/vnd.in-toto+JSON", []testSignature{noHint(good)}, SignatureInvalid},
		{"another type signed", "application/json", []testSignature{bob.over(t, "application/json", payload)}, PayloadType}, // DS-02
		{"an empty type signed", "", []testSignature{bob.over(t, "", payload)}, PayloadType},
		{"PAE of before DSSE 1.0", InTotoPayloadType, []testSignature{signed("\x02\x00\x00\x00\x00\x00\x00\x00" + InTotoPayloadType)}, SignatureInvalid}, // DS-05
		{"leading zero in the PAE", InTotoPayloadType, []testSignature{signed(strings.Replace(pae, "DSSEv1 ", "DSSEv1 0", 1))}, SignatureInvalid},        // DS-06
		{"the payload alone signed", InTotoPayloadType, []testSignature{signed(string(payload))}, SignatureInvalid},
		{"the hint names another known key", InTotoPayloadType, []testSignature{{hex.EncodeToString(alice.spki[:]), good.sig}}, SignatureInvalid},
		{"by a stranger", InTotoPayloadType, []testSignature{foreign}, SignerUnknown},
		{"by a stranger, no hint", InTotoPayloadType, []testSignature{noHint(foreign)}, SignatureInvalid},
		{"of a shape no key here makes", InTotoPayloadType, []testSignature{{"", b64(make([]byte, 384))}}, SignerUnknown},
		{"of no shape", InTotoPayloadType, []testSignature{{"", b64([]byte("junk"))}}, SignatureInvalid},
		{"empty", InTotoPayloadType, []testSignature{{"", ""}}, SignatureInvalid},
		{"P-384 over SHA-256", InTotoPayloadType, []testSignature{{hex.EncodeToString(carol.spki[:]), b64((&signer{&signingKey{algorithm: ECDSAP256}, carol.private}).sign(t, []byte(pae)))}}, SignatureInvalid},
	} {
		proofs, findings := proveAll(trust, envelopeText(c.typ, payload, c.sigs...))
		oneFinding(t, c.name, c.want, proofs, findings)
	}
	if proofs, _ := proveAll(trust, envelopeText(InTotoPayloadType, payload, good)); len(proofs) != 1 {
		t.Error("the positive beside them does not prove")
	}
}

// TestProveEachSignature: each signature is judged alone, a fault of the
// envelope is not, and one key is one proof.
func TestProveEachSignature(t *testing.T) {
	trust, signers := keyTrust(t)
	payload := []byte(plainStatement)
	alice, bob := signers["alice"].over(t, InTotoPayloadType, payload), signers["bob"].over(t, InTotoPayloadType, payload)
	junk := testSignature{"", base64.StdEncoding.EncodeToString(make([]byte, 64))}
	renamed := testSignature{"another id", bob.sig}
	raw, _ := base64.StdEncoding.DecodeString(bob.sig)
	twin := testSignature{bob.keyID, base64.StdEncoding.EncodeToString(malleated(t, raw))}
	for _, c := range []struct {
		name   string
		sigs   []testSignature
		keys   string
		faults []Reason
	}{
		{"two signers", []testSignature{alice, bob}, "alice bob", nil},
		{"garbage after", []testSignature{alice, junk}, "alice", []Reason{SignatureInvalid}},  // DS-08
		{"garbage before", []testSignature{junk, alice}, "alice", []Reason{SignatureInvalid}}, // DS-08
		{"one key, two ids", []testSignature{bob, renamed}, "bob", nil},                       // DS-11
		{"one signature twice", []testSignature{bob, bob}, "bob", nil},
		{"the malleated twin", []testSignature{bob, twin}, "bob", nil}, // DS-13
		{"the twin alone", []testSignature{twin}, "bob", nil},
		{"not base64 after", []testSignature{alice, {"", "!"}}, "", []Reason{EnvelopeBase64}},  // DS-09
		{"not base64 before", []testSignature{{"", "!"}, alice}, "", []Reason{EnvelopeBase64}}, // DS-09
	} {
		proofs, findings := proveAll(trust, envelopeText(InTotoPayloadType, payload, c.sigs...))
		var keys []string
		for _, p := range proofs {
			keys = append(keys, p.key.owner.name)
			if p.digest != sha256.Sum256(PAE(InTotoPayloadType, payload)) {
				t.Errorf("%s: another digest", c.name)
			}
		}
		var faults []Reason
		for _, f := range findings {
			faults = append(faults, f.Reason)
		}
		if strings.Join(keys, " ") != c.keys || fmt.Sprint(faults) != fmt.Sprint(c.faults) {
			t.Errorf("%s: %v, %v", c.name, keys, faults)
		}
	}
}

// malleated returns (r, n-s).
func malleated(t testing.TB, sig []byte) []byte {
	t.Helper()
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &rs); err != nil {
		t.Fatal(err)
	}
	rs.S.Sub(elliptic.P256().Params().N, rs.S)
	out, err := asn1.Marshal(rs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestBudget: every check of a signature is paid for, those that a hint assigns
// to a known key from a part of their own.
func TestBudget(t *testing.T) {
	trust, signers := keyTrust(t)
	payload := []byte(plainStatement)
	named := signers["bob"].over(t, InTotoPayloadType, payload)
	unnamed := testSignature{"", named.sig}
	misfit := testSignature{named.keyID, "AAAA"}
	for _, c := range []struct {
		name        string
		budget      signatureBudget
		sig         testSignature
		named, less int // left, and whether less is left of the other part
		reason      Reason
	}{
		{"named", signatureBudget{1, 0, 0}, named, 0, 0, Allowed},
		{"named, nothing left", signatureBudget{0, 9, 0}, named, -1, 0, TooManySignatures},
		{"named, of another shape", signatureBudget{1, 0, 0}, misfit, 1, 0, SignatureInvalid},
		{"unnamed", signatureBudget{0, 2, 0}, unnamed, 0, 1, Allowed}, // one or two: it depends on the keys
		{"unnamed, nothing left", signatureBudget{9, 0, 0}, unnamed, 9, 1, TooManySignatures},
	} {
		budget := c.budget
		proofs, findings := trust.verifySignatures(0, envelopeText(InTotoPayloadType, payload, c.sig), &budget)
		got := Allowed
		if len(findings) == 1 {
			got = findings[0].Reason
		}
		if got != c.reason || (len(proofs) == 1) != (c.reason == Allowed) || budget.named != c.named || (budget.searched < c.budget.searched) != (c.less == 1) {
			t.Errorf("%s: %d proofs, %v, budget %v", c.name, len(proofs), findings, budget)
		}
	}
}

// TestPlausible: what could be somebody's signature is by a stranger, and what
// could be nobody's is no signature.
func TestPlausible(t *testing.T) {
	der := func(n int) []byte { return append([]byte{0x30, byte(n)}, make([]byte, n)...) }
	for _, c := range []struct {
		sig  []byte
		want bool
	}{
		{make([]byte, 64), true}, {make([]byte, 63), false}, {make([]byte, 65), false},
		{der(70), true}, {der(6), true}, {der(5), false}, {der(70)[:71], false}, {append([]byte{0x31, 68}, make([]byte, 68)...), false},
		{make([]byte, 384), true}, {make([]byte, 383), false}, {make([]byte, 1024), true}, {make([]byte, 1025), false},
		{nil, false}, {[]byte{0x30}, false},
	} {
		if got := plausible(c.sig); got != c.want {
			t.Errorf("%d bytes % x…: %v", len(c.sig), c.sig[:min(2, len(c.sig))], got)
		}
	}
}

// TestJunkIsBounded: sixteen junk signatures that look like everybody's cost at
// most one check for each of eight keys.
func TestJunkIsBounded(t *testing.T) {
	trust, _ := keyTrust(t)
	trust.authorities.keys = map[[32]byte]*signingKey{}
	for range 8 {
		k, err := parseKey(pemOf(spkiOf(t, generateEC(t, elliptic.P256()).Public())), "")
		if err != nil {
			t.Fatal(err)
		}
		trust.authorities.keys[k.spki] = k
	}
	stranger := generateEC(t, elliptic.P256())
	k, _ := parseKey(pemOf(spkiOf(t, stranger.Public())), "")
	payload := bytes.Repeat([]byte{' '}, 150<<10)
	junk := (&signer{k, stranger}).over(t, InTotoPayloadType, payload)
	junk.keyID = ""
	sigs := make([]testSignature, MaxSignatures)
	for i := range sigs {
		sigs[i] = junk
	}
	budget := newSignatureBudget()
	envelope := envelopeText(InTotoPayloadType, payload, sigs...)
	var proofs []verifiedSignature
	var findings []Finding
	if took := cputime.Of(func() { proofs, findings = trust.verifySignatures(0, envelope, budget) }); took > time.Second {
		t.Errorf("took %v", took)
	}
	if spent := MaxSignatureChecks - budget.searched; spent != MaxSignatures*8 || len(proofs) != 0 || len(findings) != MaxSignatures {
		t.Errorf("spent %d, %d proofs, %d findings", spent, len(proofs), len(findings))
	}
}

// TestJudge: revocation, the key's window and the statement, each one step from
// a claim that counts.
func TestJudge(t *testing.T) {
	trust, signers := keyTrust(t)
	bob := signers["bob"]
	opens, ends := time.Unix(1000, 0), time.Unix(2000, 0)
	bob.notBefore, bob.notAfter = opens, ends
	proofs, _ := proveAll(trust, bob.seal(t, []byte(plainStatement)))
	if len(proofs) != 1 {
		t.Fatal("no proof")
	}
	type change func(p *verifiedSignature, t *Trust)
	times := func(at ...int64) change {
		return func(p *verifiedSignature, _ *Trust) {
			for _, s := range at {
				p.times = append(p.times, time.Unix(s, 0))
			}
		}
	}
	revoke := func(kind string, sum [32]byte) change {
		return func(_ *verifiedSignature, t *Trust) { t.revoked[revokedThing{kind: kind, sha256: sum}] = "" }
	}
	for _, c := range []struct {
		name   string
		change change
		want   Reason
	}{
		{"bare", times(), 0},
		{"logged inside the window", times(1000, 1999), 0},
		{"logged before it", times(999), SignerExpired},
		{"logged at its end", times(2000), SignerExpired},
		{"one of two times outside", times(1500, 2000), SignerExpired},
		{"attestation revoked", revoke("attestation", proofs[0].digest), AttestationRevoked},
		{"document of that digest revoked", revoke("document", proofs[0].digest), 0},
		{"key revoked", revoke("key", bob.spki), SignerRevoked},
		{"key revoked, logged long ago", func(p *verifiedSignature, t *Trust) { times(1500)(p, t); revoke("key", bob.spki)(p, t) }, SignerRevoked},
		{"another key revoked", revoke("key", signers["alice"].spki), 0},
		{"a key of nobody", func(p *verifiedSignature, _ *Trust) { k := *p.key; k.owner = nil; p.key = &k }, SignerUnknown},
		{"no Statement", func(p *verifiedSignature, _ *Trust) { p.payload = []byte(`{}`) }, StatementType},
	} {
		p, own := proofs[0], *trust
		own.revoked = ratchet{}
		c.change(&p, &own)
		got, f := own.newClaim(&p)
		switch {
		case (got == nil) == (f == nil):
			t.Errorf("%s: %v with %v", c.name, got, f)
		case f != nil && (f.Reason != c.want || f.Attestation != 3):
			t.Errorf("%s: %v (%s), want %v", c.name, f.Reason, f.Detail, c.want)
		case f == nil && c.want != 0:
			t.Errorf("%s counts, want %v", c.name, c.want)
		case f == nil && (got.principal.name != "bob" || got.algorithm != ECDSAP256 || got.statement.predicateType != "https://example.test/p" || got.digest != p.digest):
			t.Errorf("%s: %+v", c.name, got)
		case f == nil && len(p.times) == 0 && (!got.from.Equal(opens) || !got.until.Equal(ends)):
			t.Errorf("%s: a bare signature's window is %v to %v", c.name, got.from, got.until)
		case f == nil && len(p.times) > 0 && (!got.from.IsZero() || !got.until.IsZero()):
			t.Errorf("%s: has a window still", c.name)
		}
	}
}

// TestOwner: a certificate is one principal's, or nobody's.
func TestOwner(t *testing.T) {
	const issuer, san = "https://issuer.test", "https://ci.test/build@refs/heads/main"
	exact := func(issuer, san string) identity { return identity{issuer: issuer, san: san} }
	pattern := func(expr string) identity {
		return identity{issuer: issuer, pattern: regexp.MustCompile(`\A(?:` + expr + `)\z`)}
	}
	for _, c := range []struct {
		name       string
		principals map[string][]identity
		want       string
		reason     Reason
	}{
		{"exact", map[string][]identity{"ci": {exact(issuer, san)}, "x": {exact(issuer, "y")}}, "ci", 0},
		{"by pattern", map[string][]identity{"ci": {pattern(`https://ci\.test/.*`)}}, "ci", 0},
		{"twice in one principal", map[string][]identity{"ci": {exact(issuer, san), pattern(`.*`)}}, "ci", 0},
		{"two principals", map[string][]identity{"ci": {exact(issuer, san)}, "any": {pattern(`.*`)}}, "", SignerAmbiguous}, // SE-09
		{"another issuer", map[string][]identity{"ci": {exact(issuer+"/", san)}}, "", CertIssuer},
		{"another case", map[string][]identity{"ci": {exact(issuer, strings.ToUpper(san))}}, "", CertIdentity},
		{"a slash more", map[string][]identity{"ci": {exact(issuer, san+"/")}}, "", CertIdentity},
		{"a prefix", map[string][]identity{"ci": {exact(issuer, strings.TrimSuffix(san, "main"))}}, "", CertIdentity},
		{"main-evil", map[string][]identity{"ci": {pattern(`https://ci\.test/build@refs/heads/mai`)}}, "", CertIdentity},
		{"an empty identity", map[string][]identity{"ci": {exact(issuer, "")}}, "", CertIdentity},
		{"somebody else", map[string][]identity{"ci": {exact("https://other.test", "z")}}, "", SignerUnknown},
		{"nobody", nil, "", SignerUnknown},
	} {
		trust := &Trust{authorities: &authorities{principals: map[string]*principal{}}}
		for name, ids := range c.principals {
			trust.authorities.principals[name] = &principal{name: name, identities: ids}
		}
		p, f := trust.owner(&signerCertificate{issuer: issuer, san: san})
		if f != nil && f.Reason != c.reason || f == nil && (c.reason != 0 || p.name != c.want) {
			t.Errorf("%s: %v, %v", c.name, p, f)
		}
	}
}

// TestEvidence: what the index gets does not depend on the clock.
func TestEvidence(t *testing.T) {
	trust, signers := keyTrust(t)
	signers["bob"].notAfter = time.Unix(1, 0) // long over
	sum := strings.Repeat("0123456789abcdef", 4)
	payload := []byte(strings.NewReplacer(`"aa"`, `"`+sum+`"`, "https://example.test/p", ApprovalPredicateType, `{"a":1}`, plainApproval).Replace(plainStatement))
	list, findings := trust.Evidence(signers["bob"].seal(t, payload))
	if len(list) != 1 || len(findings) != 0 {
		t.Fatalf("%v, %v", list, findings)
	}
	if e := list[0]; e.Principal != "bob" || e.Version != 42 || e.PredicateType != ApprovalPredicateType ||
		len(e.SubjectSHA256) != 1 || e.SubjectSHA256[0] != sum || e.SHA256 != sha256.Sum256(PAE(InTotoPayloadType, payload)) {
		t.Errorf("%+v", e)
	}
	for name, c := range map[string]struct {
		payload string
		want    Reason
	}{
		"no sha256":           {strings.Replace(string(payload), sum, "xx", 1), SubjectDigestAlg},
		"an invalid approval": {strings.Replace(string(payload), `"42"`, `42`, 1), PredicateInvalid},
		"no Statement":        {"{}", StatementType},
	} {
		if list, findings := trust.Evidence(signers["bob"].seal(t, []byte(c.payload))); len(list) != 0 || len(findings) != 1 || findings[0].Reason != c.want {
			t.Errorf("%s: %v, %v", name, list, findings)
		}
	}
	var none *Trust
	if list, findings := none.Evidence(signers["bob"].seal(t, payload)); len(list) != 0 || len(findings) != 1 {
		t.Errorf("no trust: %v, %v", list, findings)
	}
}

// TestUnverifiedSHA256: re-encoding an attestation changes nothing about its name.
func TestUnverifiedSHA256(t *testing.T) {
	_, signers := keyTrust(t)
	payload := append([]byte(plainStatement), "\xff\xfe~~??"...) // base64 differs between the alphabets
	want := sha256.Sum256(PAE(InTotoPayloadType, payload))
	first := signers["bob"].seal(t, payload)
	std := base64.StdEncoding.EncodeToString(payload)
	url := base64.URLEncoding.EncodeToString(payload)
	if std == url {
		t.Fatal("the alphabets agree: not a test")
	}
	for name, raw := range map[string][]byte{
		"first":             first,
		"another signature": signers["alice"].seal(t, payload),
		"URL-safe":          bytes.Replace(first, []byte(std), []byte(url), 1),
		"an unknown member": bytes.Replace(first, []byte(`{"payload"`), []byte(`{"note":1,"payload"`), 1),
		"white space":       append(first, "\n"...),
		"a bundle":          fmt.Appendf(nil, `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},"dsseEnvelope":%s}`, first),
	} {
		if got, ok := unverifiedSHA256(raw); !ok || got != want {
			t.Errorf("%s: %x, %v", name, got, ok)
		}
	}
	if _, ok := unverifiedSHA256([]byte(`{}`)); ok {
		t.Error("what is no attestation has a digest")
	}
}

// unverifiedSHA256 returns the digest by which an encoded attestation is named
// everywhere (revocation, log, cache, archive): sha256 of the DSSE PAE over its
// decoded payload. It checks no signature. False for bytes that are no bare DSSE
// envelope or Sigstore bundle with one.
func unverifiedSHA256(raw []byte) ([32]byte, bool) {
	a, f := parseAttestation(raw)
	if f != nil || a.envelope == nil {
		return [32]byte{}, false
	}
	return newSignedMessage(PAE(a.envelope.payloadType, a.envelope.payload)).sha256, true
}
