// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const mediaTypeV03 = "application/vnd.dev.sigstore.bundle.v0.3+json"

// keyBundle is a bundle by bob without log material.
func keyBundle(t testing.TB, bob *signer, payload []byte) *protobundle.Bundle {
	t.Helper()
	return &protobundle.Bundle{
		MediaType: mediaTypeV03,
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{Hint: base64.StdEncoding.EncodeToString(bob.spki[:])}},
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			Payload: payload, PayloadType: InTotoPayloadType,
			Signatures: []*protodsse.Signature{{Sig: bob.sign(t, PAE(InTotoPayloadType, payload))}},
		}},
	}
}

func marshalJSON(t testing.TB, m *protobundle.Bundle) []byte {
	t.Helper()
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	v := jsontext.Value(text) // protojson adds spaces at random
	if err := v.Compact(); err != nil {
		t.Fatal(err)
	}
	return v
}

func marshalWire(t testing.TB, m *protobundle.Bundle) []byte {
	t.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestBundleEncodings: the same bundle in each encoding and version proves the
// same, and so does its envelope alone.
func TestBundleEncodings(t *testing.T) {
	trust, signers := keyTrust(t)
	bob := signers["bob"]
	payload := []byte(plainStatement)
	var want []byte
	for mediaType := range bundleVersions {
		m := keyBundle(t, bob, payload)
		m.MediaType = mediaType
		for how, raw := range map[string][]byte{"JSON": marshalJSON(t, m), "protobuf": marshalWire(t, m), "JSON after a line feed": append([]byte("\n"), marshalJSON(t, m)...)} {
			proofs, findings := proveAll(trust, raw)
			if len(proofs) != 1 || len(findings) != 0 || proofs[0].key != bob.signingKey {
				t.Fatalf("%s as %s: %v, %v", mediaType, how, proofs, findings)
			}
			if want == nil {
				want = proofs[0].digest[:]
			}
			if !bytes.Equal(want, proofs[0].digest[:]) || !bytes.Equal(proofs[0].payload, payload) {
				t.Errorf("%s as %s proves something else", mediaType, how)
			}
		}
	}
}

func TestParseBundleJSON(t *testing.T) {
	trust, signers := keyTrust(t)
	bob := signers["bob"]
	m := keyBundle(t, bob, []byte(plainStatement))
	good := string(marshalJSON(t, m))
	hint := base64.StdEncoding.EncodeToString(bob.spki[:])
	key := `"publicKey":{"hint":"` + hint + `"}`
	sig := `{"sig":"` + base64.StdEncoding.EncodeToString(m.GetDsseEnvelope().Signatures[0].Sig) + `"}`
	entries := func(n int) string {
		return `,"tlogEntries":[` + strings.TrimSuffix(strings.Repeat(`{},`, n), ",") + `]`
	}
	for _, c := range []struct {
		name, old, new string
		want           Reason
	}{
		{"as it is", "", "", 0},
		{"hint in hex", hint, hex.EncodeToString(bob.spki[:]), 0},
		{"no hint", key, `"publicKey":{}`, 0},
		{"nulls", key, key + `,"tlogEntries":null,"timestampVerificationData":null,"certificate":null`, 0},
		{"empty lists", key, key + `,"tlogEntries":[],"timestampVerificationData":{"rfc3161Timestamps":[]}`, 0},
		{"v0.4", "v0.3", "v0.4", BundleVersion},
		{"v0.0", "v0.3", "v0.0", BundleVersion},
		{"v0.3.1", "v0.3", "v0.3.1", BundleVersion},
		{"another media type", "vnd.dev.sigstore.bundle", "vnd.dev.sigstore.trustedroot", BundleVersion},
		{"media type in capitals", "application", "Application", BundleVersion},
		{"media type a number", `"` + mediaTypeV03 + `"`, "3", BundleVersion},
		{"no media type", `"mediaType":"` + mediaTypeV03 + `",`, "", BundleVersion},
		{"v0.4 with other members", `"mediaType":"` + mediaTypeV03 + `"`, `"mediaType":"application/vnd.dev.sigstore.bundle.v0.4+json","new":1`, BundleVersion},
		{"an unknown member", `{"mediaType"`, `{"note":1,"mediaType"`, BundleMalformed},
		{"a proto name", `"verificationMaterial"`, `"verification_material"`, BundleMalformed},
		{"another case", `"verificationMaterial"`, `"VerificationMaterial"`, BundleMalformed},
		{"an unknown member of the material", `"publicKey"`, `"note":1,"publicKey"`, BundleMalformed},
		{"an unknown member of the key", `"hint"`, `"note":1,"hint"`, BundleMalformed},
		{"an unknown member of the envelope", `"payloadType"`, `"note":1,"payloadType"`, BundleMalformed},
		{"a duplicate", `"mediaType"`, `"mediaType":"x","mediaType"`, EnvelopeDuplicateKey},
		{"no material", `"verificationMaterial":{` + key + `},`, ``, BundleMalformed},
		{"material a string", `{` + key + `}`, `"x"`, BundleMalformed},
		{"hint a number", `"` + hint + `"`, `1`, BundleMalformed},
		{"no signer", key, ``, BundleMalformed},
		{"two signers", key, key + `,"certificate":{"rawBytes":"AA=="}`, BundleMalformed},
		{"two contents", `"dsseEnvelope"`, `"messageSignature":{"signature":"AA=="},"dsseEnvelope"`, BundleMalformed},
		{"33 log entries", key, key + entries(MaxTlogEntries+1), BundleMalformed}, // SB-05
		{"log entries an object", key, key + `,"tlogEntries":{}`, BundleMalformed},
		{"33 timestamps", key, key + `,"timestampVerificationData":{"rfc3161Timestamps":[` + strings.Repeat(`{},`, MaxTimestamps) + `{}]}`, BundleMalformed},
		{"no signatures", sig, ``, NoSignatures},                    // SB-16
		{"two signatures", sig, sig + "," + sig, TooManySignatures}, // SB-16
		{"seventeen signatures", sig, strings.Repeat(sig+",", MaxSignatures) + sig, TooManySignatures},
		{"signature not padded", `"sig":"`, `"sig":"A`, EnvelopeBase64},
		{"a member of an envelope's", `{"mediaType"`, `{"payload":"","mediaType"`, EnvelopeMalformed},
		{"PAYLOAD in the envelope", `"payloadType"`, `"PAYLOAD":"","payloadType"`, BundleMalformed},
		{"trailing", `}]}}`, `}]}}{}`, EnvelopeTrailing},
		{"another key hinted", hint, base64.StdEncoding.EncodeToString(signers["alice"].spki[:]), SignatureInvalid},
		{"an unknown key hinted", hint, base64.StdEncoding.EncodeToString(make([]byte, 32)), 0}, // a hint proves nothing either way
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if c.old != "" && text == good {
			t.Fatalf("%s: the edit changes nothing in %s", c.name, good)
		}
		proofs, findings := proveAll(trust, []byte(text))
		if c.want != 0 {
			oneFinding(t, c.name, c.want, proofs, findings)
		} else if len(proofs) != 1 || len(findings) != 0 {
			t.Errorf("%s: %v, %v", c.name, proofs, findings)
		}
	}
	message := `{"mediaType":"` + mediaTypeV03 + `","verificationMaterial":{` + key + `},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"AA=="},"signature":"AA=="}}`
	proofs, findings := proveAll(trust, []byte(message))
	oneFinding(t, "a message signature", PayloadType, proofs, findings) // SB-15
}

func TestParseBundleWire(t *testing.T) {
	trust, signers := keyTrust(t)
	bob := signers["bob"]
	change := func(f func(*protobundle.Bundle)) []byte {
		m := keyBundle(t, bob, []byte(plainStatement))
		f(m)
		return marshalWire(t, m)
	}
	good := change(func(*protobundle.Bundle) {})
	mediaType := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), mediaTypeV03)
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	asVarint := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
	group := protowire.AppendTag(protowire.AppendTag(nil, 1, protowire.StartGroupType), 1, protowire.EndGroupType)
	message := marshalWire(t, &protobundle.Bundle{Content: &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{}}})
	cat := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name string
		raw  []byte
		want Reason
	}{
		{"as it is", good, 0},
		{"fields in another order", cat(good[len(mediaType):], mediaType), 0},
		{"media type twice", cat(good, mediaType), BundleMalformed},
		{"an unknown field", cat(good, unknown), BundleMalformed},
		{"a field of another type", cat(good[len(mediaType):], asVarint), BundleMalformed},
		{"a group", cat(good, group), BundleMalformed},
		{"both contents", cat(good, message), BundleMalformed},
		{"cut", good[:len(good)-1], BundleMalformed},
		{"v0.4", change(func(m *protobundle.Bundle) { m.MediaType = strings.Replace(mediaTypeV03, "v0.3", "v0.4", 1) }), BundleVersion},
		{"no media type", change(func(m *protobundle.Bundle) { m.MediaType = "" }), BundleVersion},
		{"no content", change(func(m *protobundle.Bundle) { m.Content = nil }), BundleMalformed},
		{"no signer", change(func(m *protobundle.Bundle) { m.VerificationMaterial.Content = nil }), BundleMalformed},
		{"no material", change(func(m *protobundle.Bundle) { m.VerificationMaterial = nil }), BundleMalformed},
		{"33 log entries", change(func(m *protobundle.Bundle) {
			for range MaxTlogEntries + 1 {
				m.VerificationMaterial.TlogEntries = append(m.VerificationMaterial.TlogEntries, &protorekor.TransparencyLogEntry{LogIndex: 1})
			}
		}), BundleMalformed},
		{"33 timestamps", change(func(m *protobundle.Bundle) {
			m.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{Rfc3161Timestamps: make([]*protocommon.RFC3161SignedTimestamp, MaxTimestamps+1)}
		}), BundleMalformed},
		{"no signatures", change(func(m *protobundle.Bundle) { m.GetDsseEnvelope().Signatures = nil }), NoSignatures},
		{"two signatures", change(func(m *protobundle.Bundle) {
			m.GetDsseEnvelope().Signatures = append(m.GetDsseEnvelope().Signatures, m.GetDsseEnvelope().Signatures[0])
		}), TooManySignatures},
		{"a message signature", change(func(m *protobundle.Bundle) {
			m.Content = &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{}}
		}), PayloadType},
		{"a bit of the payload flipped", change(func(m *protobundle.Bundle) { m.GetDsseEnvelope().Payload[5] ^= 1 }), SignatureInvalid},
		{"junk", []byte("\x12junk"), BundleMalformed},
		{"over the limit", change(func(m *protobundle.Bundle) { m.GetDsseEnvelope().Payload = make([]byte, MaxAttestation) }), EnvelopeTooLarge},
	} {
		proofs, findings := proveAll(trust, c.raw)
		if c.want != 0 {
			oneFinding(t, c.name, c.want, proofs, findings)
		} else if len(proofs) != 1 || len(findings) != 0 {
			t.Errorf("%s: %v, %v", c.name, proofs, findings)
		}
	}
}

// TestKeyedBundleWithoutRoot: trust without a Sigstore root does not judge log
// material, and takes no times from it.
func TestKeyedBundleWithoutRoot(t *testing.T) {
	trust, signers := keyTrust(t)
	m := keyBundle(t, signers["bob"], []byte(plainStatement))
	m.VerificationMaterial.TlogEntries = []*protorekor.TransparencyLogEntry{{LogIndex: 1, IntegratedTime: 1}}
	for how, raw := range map[string][]byte{"JSON": marshalJSON(t, m), "protobuf": marshalWire(t, m)} {
		proofs, findings := proveAll(trust, raw)
		if len(proofs) != 1 || len(findings) != 0 || proofs[0].times != nil {
			t.Errorf("%s: %v, %v", how, proofs, findings)
		}
	}
	trust.keyless = &keyless{}
	if proofs, findings := proveAll(trust, marshalJSON(t, m)); len(proofs) != 1 || len(findings) != 0 {
		t.Errorf("keyless without a root: %v, %v", proofs, findings)
	}
	m.VerificationMaterial.Content = &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: []byte{1}}}
	proofs, findings := proveAll(trust, marshalJSON(t, m))
	oneFinding(t, "a certificate without a root", CertChain, proofs, findings)
}

func TestIsWire(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "{": false, "\n{}": false, " \n{}": false, "\n\n {}": false, "\n[1]": false, "\n": false, "x": false, "\xef\xbb\xbf{}": false,
		"\n-application": true, "\x12\x00": true, "\x1a\x00": true, "\x22\x00": true,
	} {
		if got := isWire([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for mediaType := range bundleVersions { // no bundle we know is taken for JSON
		if !isWire(protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), mediaType)) {
			t.Errorf("a bundle of %s is taken for JSON", mediaType)
		}
	}
}

// TestProveOutsideBundles: the DSSE bundles that others wrote prove, or fail, as
// the name of their folder says.
func TestProveOutsideBundles(t *testing.T) {
	dir := outsideData(t, "sigstore")
	dsse := 0
	for _, c := range bundleCases(t, dir, dir+"/a.txt", dir+"/trusted_root_public_good.json") {
		root, err := parseKeyless(c.question.TrustedRoot, keylessFile{Tlogs: 1, Timestamps: 1, SCTs: 1})
		if err != nil {
			t.Fatal(err)
		}
		ci := &principal{name: "ci", identities: []identity{{issuer: c.question.Issuer, san: c.question.Identity}}}
		trust := &Trust{keyless: root, authorities: &authorities{principals: map[string]*principal{"ci": ci}}, revoked: ratchet{}}
		proofs, findings := proveAll(trust, c.question.Bundle)
		switch {
		case !bytes.Contains(c.question.Bundle, []byte(`"dsseEnvelope"`)):
			oneFinding(t, c.name, PayloadType, proofs, findings)
		case c.fails:
			dsse++
			if len(proofs) != 0 || len(findings) != 1 {
				t.Errorf("%s: %v, %v", c.name, proofs, findings)
			}
		default:
			dsse++
			if len(proofs) != 1 || len(findings) != 0 || len(proofs[0].times) == 0 {
				t.Fatalf("%s: %v, %v", c.name, proofs, findings)
			}
			if claim, f := trust.newClaim(&proofs[0]); f != nil || claim.principal != ci {
				t.Errorf("%s: %v", c.name, f)
			}
			trust.revoked = ratchet{revokedThing{kind: "identity", id: revokedIdentity{c.question.Issuer, c.question.Identity}}: ""}
			if _, f := trust.newClaim(&proofs[0]); f == nil || f.Reason != SignerRevoked {
				t.Errorf("%s: revoked identity: %v", c.name, f)
			}
			trust.revoked = ratchet{revokedThing{kind: "key", sha256: proofs[0].certificate.spki}: ""}
			if _, f := trust.newClaim(&proofs[0]); f == nil || f.Reason != SignerRevoked {
				t.Errorf("%s: revoked key: %v", c.name, f)
			}
		}
	}
	if dsse == 0 {
		t.Error("no DSSE bundle: not a test")
	}
}
