// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// b64 is padded standard base64.
func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// envelopeCases are refusals of an attestation's encoding and signature. Most
// change the only approval of a profile, so that its fault is the leading one.
func envelopeCases() []*Case {
	here := func(r verifier.Reason) Want { return at(r, 0, 0) }
	// text edits the written envelope.
	text := func(old, new string) func(*vt.Scenario) {
		return func(s *vt.Scenario) { s.Offer(0, vt.Edit(s.Attestation(0, 0), old, new)) }
	}
	// envelope changes the envelope before it is written.
	envelope := func(change func(*vt.Envelope, *vt.Scenario)) mutation {
		return func(s *vt.Scenario) {
			e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave"))
			change(&e, s)
			s.Offer(0, e.JSON())
		}
	}
	// signed signs other bytes than the PAE.
	signed := func(message func(payload []byte) []byte) func(*vt.Scenario) {
		return envelope(func(e *vt.Envelope, _ *vt.Scenario) {
			e.Signatures[0] = vt.SignatureBy(vt.Person("dave"), message(e.PayloadBytes()))
		})
	}
	// after appends to the written envelope.
	after := func(tail string) func(*vt.Scenario) {
		return func(s *vt.Scenario) { s.Offer(0, append(bytes.Clone(s.Attestation(0, 0)), tail...)) }
	}
	// payloads writes two payload members.
	payloads := func(first, second string) func(*vt.Scenario) {
		return envelope(func(*vt.Envelope, *vt.Scenario) {}).then(func(s *vt.Scenario) {
			good := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave")).Payload
			bad := b64(s.Approval(0).Of([]byte("another document")).JSON())
			pick := map[string]string{"good": good, "bad": bad}
			s.Offer(0, vt.Edit(s.Attestation(0, 0), `"payload":"`+good+`"`, `"payload":"`+pick[first]+`","payload":"`+pick[second]+`"`))
		})
	}
	bundle := func(change func(*vt.Bundle)) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			b := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave")).Bundle("0.3", vt.Person("dave"))
			change(&b)
			s.Offer(0, b.JSON())
		}
	}
	none := func(*vt.Envelope, *vt.Scenario) {}
	const v03 = "allow-bundle-v0.3"
	return []*Case{
		denies("signature-invalid-payload-type", admitProfile, "The payload type changed after signing: the PAE covers it.",
			text("in-toto+json", "in-toto+JSON"), here(verifier.SignatureInvalid)).attack("DS-01"),
		denies("payload-type", admitProfile, "Signed as another payload type: never read as a Statement.",
			func(s *vt.Scenario) {
				s.Offer(0, vt.SealType("application/json", s.Approval(0).Of(s.Body(0)).JSON(), vt.Person("dave")).JSON())
			}, here(verifier.PayloadType)).attack("DS-02"),
		denies("payload-type-bundle", "allow-bundle-v0.3", "The same in a bundle.",
			func(s *vt.Scenario) {
				e := vt.SealType("application/json", s.Approval(0).Of(s.Body(0)).JSON(), vt.Person("dave"))
				s.Offer(0, e.Bundle("0.3", vt.Person("dave")).JSON())
			}, here(verifier.PayloadType)).attack("DS-02"),
		denies("signature-invalid-no-hint", "allow-no-hint", "A stranger's signature that names no key: every key that makes such signatures was tried.",
			func(s *vt.Scenario) { s.Offer(0, unhinted(s, "mallory")) }, here(verifier.SignatureInvalid)),
		denies("signer-unknown-no-hint", "allow-no-hint", "A signature that names no key, of a kind that no known key makes.",
			func(s *vt.Scenario) { s.Offer(0, unhinted(s, "rita")) }, here(verifier.SignerUnknown)),
		denies("signature-invalid-pae-v0", admitProfile, "Signed over the encoding before DSSE 1.0, with binary lengths.",
			signed(paeV0), here(verifier.SignatureInvalid)).attack("DS-05"),
		denies("signature-invalid-pae-length", admitProfile, "Signed over a PAE with a leading zero in a length.",
			signed(func(p []byte) []byte {
				return fmt.Appendf(nil, "DSSEv1 0%d %s %d %s", len(vt.PayloadType), vt.PayloadType, len(p), p)
			}), here(verifier.SignatureInvalid)).attack("DS-06"),
		denies("signature-invalid-payload", admitProfile, "One bit of the payload changed after signing.",
			envelope(func(e *vt.Envelope, _ *vt.Scenario) {
				p := e.PayloadBytes()
				p[len(p)/2] ^= 1
				e.Payload = b64(p)
			}), here(verifier.SignatureInvalid)),
		denies("signature-invalid-raw-payload", admitProfile, "Signed over the payload alone, without a PAE.",
			signed(func(p []byte) []byte { return p }), here(verifier.SignatureInvalid)),
		denies("threshold-one-of-two", admitPolicy, "One of two approvals is missing.",
			func(s *vt.Scenario) { s.Approve(0, "alice") }, at(verifier.Threshold, 0, -1)).attack("DS-07"),
		denies("threshold-one-of-two-envelope", "allow-one-envelope", "One of two signatures of the envelope is missing.",
			func(s *vt.Scenario) { s.Approve(0, "alice") }, at(verifier.Threshold, 0, -1)).attack("DS-07"),
		denies("threshold-garbage-beside", "allow-one-envelope", "The second signature is garbage: skipped, not fatal, and not counted.",
			func(s *vt.Scenario) {
				e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("alice"), vt.Person("bob"))
				e.Signatures[1].Sig = b64(bytes.Repeat([]byte{7}, 71))
				s.Offer(0, e.JSON())
			}, at(verifier.Threshold, 0, -1, finding(verifier.SignatureInvalid, 0, 0))).attack("DS-08"),
		denies("envelope-base64-signature", admitProfile, "A good signature and one that is not base64: the envelope is refused whole.",
			envelope(func(e *vt.Envelope, _ *vt.Scenario) { e.Signatures = append(e.Signatures, vt.Signature{Sig: "!!!!"}) }), here(verifier.EnvelopeBase64)).attack("DS-09"),
		denies("envelope-base64-signature-first", admitProfile, "The same in the other order.",
			envelope(func(e *vt.Envelope, _ *vt.Scenario) {
				e.Signatures = append([]vt.Signature{{Sig: "!!!!"}}, e.Signatures...)
			}), here(verifier.EnvelopeBase64)).attack("DS-09"),
		denies("threshold-one-key-two-ids", "allow-one-envelope", "The same key under two key ids is one principal.",
			func(s *vt.Scenario) {
				e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("alice"), vt.Person("alice"))
				e.Signatures[0].KeyID, e.Signatures[1].KeyID = "alice-laptop", "alice-desktop"
				s.Offer(0, e.JSON())
			}, Want{Reason: verifier.Threshold, Attestation: -1}).attack("DS-11"),
		denies("threshold-two-keys-of-one", "allow-one-envelope", "Two keys of one principal are one vote.",
			func(s *vt.Scenario) {
				second := vt.NewKey("alice at home", verifier.Ed25519)
				alice := s.Authorities.Principals["alice"]
				alice.Keys = append(alice.Keys, second.Listed())
				s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(vt.Person("alice"), second).JSON())
			}, at(verifier.Threshold, 0, -1)).attack("DS-11"),
		denies("threshold-malleated", "allow-one-envelope", "An ECDSA signature and its twin (r, n−s) are one principal.",
			func(s *vt.Scenario) {
				e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("bob"), vt.Person("bob"))
				e.Signatures[1].Sig = b64(vt.Malleate(e.Sig(1)))
				s.Offer(0, e.JSON())
			}, at(verifier.Threshold, 0, -1)).attack("DS-13"),
		denies("envelope-duplicate-payload", admitProfile, "Two payloads: the signed one, then another.", payloads("good", "bad"), here(verifier.EnvelopeDuplicateKey)).attack("DS-16"),
		denies("envelope-duplicate-payload-reversed", admitProfile, "Two payloads: another, then the signed one.", payloads("bad", "good"), here(verifier.EnvelopeDuplicateKey)).attack("DS-16"),
		denies("envelope-malformed-case", admitProfile, "A member that differs from a known one by case.",
			text(`"payload":`, `"PAYLOAD":`), here(verifier.EnvelopeMalformed)).attack("DS-17"),
		denies("envelope-malformed-long-s", admitProfile, "A member that folds to a known one: ſignatures.",
			text(`"signatures":`, `"ſignatures":`), here(verifier.EnvelopeMalformed)).attack("DS-17"),
		denies("envelope-malformed-kelvin", admitProfile, "A member that folds to a known one: a Kelvin sign in keyid.",
			text(`"keyid":`, "\"\u212Aeyid\":"), here(verifier.EnvelopeMalformed)).attack("DS-17"),
		denies("envelope-malformed-case-beside", admitProfile, "The known member, and a second one that folds to it.",
			text(`"payloadType":`, `"Payload":"e30=","payloadType":`), here(verifier.EnvelopeMalformed)).attack("DS-17"),
		denies("envelope-malformed-no-payload", admitProfile, "No payload.",
			text(`"payloadType":"application/vnd.in-toto+json",`, ``), here(verifier.EnvelopeMalformed)),
		denies("envelope-malformed-json", admitProfile, "No JSON and no bundle.",
			func(s *vt.Scenario) { s.Offer(0, []byte(`{"payload`)) }, here(verifier.EnvelopeMalformed)),
		denies("envelope-malformed-empty", admitProfile, "No bytes at all.",
			func(s *vt.Scenario) { s.Offer(0, []byte{}) }, here(verifier.EnvelopeMalformed)),
		denies("envelope-base64-whitespace", admitProfile, "White space inside base64.",
			envelope(func(e *vt.Envelope, _ *vt.Scenario) { e.Payload = e.Payload[:40] + "\n" + e.Payload[40:] }), here(verifier.EnvelopeBase64)).attack("DS-19"),
		denies("envelope-base64-unpadded", admitProfile, "Base64 without its padding.",
			padded(func(e *vt.Envelope) { e.Payload = strings.TrimRight(e.Payload, "=") }), here(verifier.EnvelopeBase64)).attack("DS-19"),
		denies("envelope-base64-trailing-bits", admitProfile, "Base64 whose last digit has bits that belong to no byte.",
			padded(func(e *vt.Envelope) { e.Payload = trailingBits(e.Payload) }), here(verifier.EnvelopeBase64)).attack("DS-19"),
		denies("envelope-base64-mixed", "allow-payload-urlsafe", "Both alphabets in one text.",
			func(s *vt.Scenario) {
				text := string(s.Attestation(0, 0))
				i := strings.IndexAny(text[len(`{"payload":"`):], "-_") + len(`{"payload":"`)
				j := strings.IndexAny(text[i+1:], "-_") + i + 1
				swapped := map[byte]string{'-': "+", '_': "/"}[text[i]]
				if j <= i {
					panic("cases: one letter only")
				}
				s.Offer(0, []byte(text[:i]+swapped+text[i+1:]))
			}, here(verifier.EnvelopeBase64)).attack("DS-19"),
		denies("too-many-signatures", admitProfile, "One signature more than the limit, all good.",
			envelope(func(e *vt.Envelope, _ *vt.Scenario) {
				for len(e.Signatures) <= verifier.MaxSignatures {
					e.Signatures = append(e.Signatures, e.Signatures[0])
				}
			}), here(verifier.TooManySignatures)).attack("DS-20"),
		denies("no-signatures", admitProfile, "An empty list of signatures.",
			envelope(func(e *vt.Envelope, _ *vt.Scenario) { e.Signatures = []vt.Signature{} }), here(verifier.NoSignatures)),
		denies("no-signatures-absent", admitProfile, "No list of signatures.",
			func(s *vt.Scenario) {
				e := s.Approval(0).Of(s.Body(0)).Seal()
				s.Offer(0, vt.Edit(e.JSON(), `,"signatures":[]`, ``))
			}, here(verifier.NoSignatures)),
		denies("envelope-trailing-object", admitProfile, "An empty object after the envelope.", after(" {}"), here(verifier.EnvelopeTrailing)).attack("DS-22"),
		denies("envelope-trailing-nul", admitProfile, "A NUL after the envelope.", after("\x00"), here(verifier.EnvelopeTrailing)).attack("DS-22"),
		denies("envelope-trailing-second", admitProfile, "A second envelope on a second line.",
			func(s *vt.Scenario) {
				s.Offer(0, bytes.Join([][]byte{s.Attestation(0, 0), s.Attestation(0, 0)}, []byte("\n")))
			}, here(verifier.EnvelopeTrailing)).attack("DS-22"),
		denies("envelope-utf8-byte", admitProfile, "A byte that is not UTF-8.", text("in-toto+json", "in-toto\xffjson"), here(verifier.EnvelopeUTF8)).attack("DS-23"),
		denies("envelope-utf8-surrogate", admitProfile, "Half a surrogate pair.", text("in-toto+json", `in-toto\ud800json`), here(verifier.EnvelopeUTF8)).attack("DS-23"),
		denies("envelope-utf8-overlong", admitProfile, "A slash in two bytes.", text("application/vnd", "application\xc0\xafvnd"), here(verifier.EnvelopeUTF8)).attack("DS-23"),
		denies("envelope-utf8-bom", admitProfile, "A byte order mark.",
			func(s *vt.Scenario) { s.Offer(0, append([]byte("\xef\xbb\xbf"), s.Attestation(0, 0)...)) }, here(verifier.EnvelopeUTF8)).attack("DS-23"),
		denies("envelope-malformed-read-twice", admitProfile, "payload_type beside payloadType: a reader of protobuf JSON sees the member twice.",
			text(`"payloadType":`, `"payload_type":"x","payloadType":`), here(verifier.EnvelopeMalformed)),
		denies("envelope-too-deep", "allow-envelope-unknown-member", "Nesting deeper than the limit, in a member that would be ignored.",
			func(s *vt.Scenario) { s.Offer(0, vt.Edit(s.Attestation(0, 0), `["thing"]`, nested(31))) }, here(verifier.EnvelopeTooDeep)),
		denies("bundle-version-0.4", v03, "A bundle of a version to come.",
			bundle(func(b *vt.Bundle) { b.MediaType = "application/vnd.dev.sigstore.bundle.v0.4+json" }), here(verifier.BundleVersion)).attack("SB-14"),
		denies("bundle-version-0.0", v03, "A bundle of no version.",
			bundle(func(b *vt.Bundle) { b.MediaType = "application/vnd.dev.sigstore.bundle+json;version=0.0" }), here(verifier.BundleVersion)).attack("SB-14"),
		denies("bundle-version-media-type", v03, "A media type that is no bundle's.",
			bundle(func(b *vt.Bundle) { b.MediaType = "application/json" }), here(verifier.BundleVersion)).attack("SB-14"),
		denies("bundle-malformed-member", v03, "A member that bundles do not have.",
			func(s *vt.Scenario) {
				s.Offer(0, vt.Edit(s.Attestation(0, 0), `{"mediaType":`, `{"extra":1,"mediaType":`))
			}, here(verifier.BundleMalformed)),
		denies("bundle-malformed-material", v03, "A bundle without verification material.",
			bundle(func(b *vt.Bundle) { b.VerificationMaterial = nil }), here(verifier.BundleMalformed)),
		denies("bundle-malformed-protobuf", "allow-bundle-v0.3-protobuf", "Protobuf that is cut off.",
			func(s *vt.Scenario) { s.Offer(0, s.Attestation(0, 0)[:len(s.Attestation(0, 0))-1]) }, here(verifier.BundleMalformed)),
		denies("bundle-no-signatures", v03, "A bundle whose envelope has no signature.",
			bundle(func(b *vt.Bundle) { b.Envelope().Signatures = nil }), here(verifier.NoSignatures)).attack("SB-16"),
		denies("bundle-too-many-signatures", v03, "A bundle whose envelope has two signatures.",
			bundle(func(b *vt.Bundle) {
				b.Envelope().Signatures = append(b.Envelope().Signatures, b.Envelope().Signatures[0])
			}), here(verifier.TooManySignatures)).attack("SB-16"),
		denies("bundle-signature-invalid", v03, "One bit of a bundle's payload changed after signing.",
			bundle(func(b *vt.Bundle) { b.Envelope().Payload[100] ^= 1 }), here(verifier.SignatureInvalid)),
		denies("bundle-payload-type-message", v03, "A bundle with a message signature where DSSE is required.",
			func(s *vt.Scenario) { s.Offer(0, vt.MessageBundle(s.Body(0), vt.Person("dave")).JSON()) }, here(verifier.PayloadType)).attack("SB-15"),
		denies("signer-unknown-hint", v03, "A bundle whose hint names nobody's key.",
			func(s *vt.Scenario) {
				s.Offer(0, s.Approval(0).Of(s.Body(0)).Seal(vt.Person("mallory")).Bundle("0.3", vt.Person("mallory")).JSON())
			}, here(verifier.SignerUnknown)),
		denies("envelope-too-large", admitProfile, "One byte more than an attestation may have.",
			envelope(none).then(func(s *vt.Scenario) {
				a := s.Attestation(0, 0)
				s.Offer(0, append(bytes.Clone(a), bytes.Repeat([]byte(" "), verifier.MaxAttestation+1-len(a))...))
			}), here(verifier.EnvelopeTooLarge)).attack("DS-25").perRun(),
	}
}

// unhinted is an approval whose signature names no key.
func unhinted(s *vt.Scenario, name string) []byte {
	e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person(name))
	e.Signatures[0].KeyID = ""
	return e.JSON()
}

// mutation is a change that another may follow.
type mutation func(*vt.Scenario)

func (m mutation) then(next func(*vt.Scenario)) func(*vt.Scenario) {
	return func(s *vt.Scenario) { m(s); next(s) }
}

// padded changes an envelope whose payload needs padding in base64.
func padded(change func(*vt.Envelope)) func(*vt.Scenario) {
	return func(s *vt.Scenario) {
		approval := s.Approval(0)
		e := approval.Of(s.Body(0)).Seal(vt.Person("dave"))
		for !strings.HasSuffix(e.Payload, "=") {
			approval.Reason += "."
			e = approval.Of(s.Body(0)).Seal(vt.Person("dave"))
		}
		change(&e)
		s.Offer(0, e.JSON())
	}
}

// trailingBits sets a bit of the last digit that decodes to nothing.
func trailingBits(text string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	body := strings.TrimRight(text, "=")
	last := strings.IndexByte(digits, body[len(body)-1])
	return body[:len(body)-1] + string(digits[last|1]) + text[len(body):]
}

// paeV0 is the encoding before DSSE 1.0: counts and lengths in eight bytes,
// little endian.
func paeV0(payload []byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, 2)
	out = append(binary.LittleEndian.AppendUint64(out, uint64(len(vt.PayloadType))), vt.PayloadType...)
	return append(binary.LittleEndian.AppendUint64(out, uint64(len(payload))), payload...)
}
