// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	intoto "github.com/in-toto/in-toto-golang/in_toto"
)

// InTotoPayloadType is the DSSE payload type of an in-toto Statement.
const InTotoPayloadType = intoto.PayloadType

// envelope is a DSSE envelope, decoded and not verified.
type envelope struct {
	payloadType string
	payload     []byte
	signatures  []envelopeSignature // 1 to MaxSignatures
}

// envelopeSignature is one signature of an envelope. The key id is a hint that
// anybody could have written.
type envelopeSignature struct {
	keyID string
	sig   []byte
}

// The members that the DSSE specification names. Any other is ignored, as it
// demands, unless it could pass for one of these.
var (
	envelopeMembers  = []string{"payload", "payloadType", "signatures"}
	signatureMembers = []string{"keyid", "sig"}
	envelopeAliases  = map[string]string{"payload_type": "payloadType"}
)

// PAE is DSSE's pre-authentication encoding: what a signature is over. The
// sha256 of it is the digest of an attestation, everywhere.
func PAE(payloadType string, payload []byte) []byte {
	b := make([]byte, 0, len("DSSEv1    ")+len(payloadType)+len(payload)+20)
	b = append(b, "DSSEv1 "...)
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(b, ' ')
	b = append(b, payloadType...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	b = append(b, ' ')
	return append(b, payload...)
}

// parseEnvelope reads a bare DSSE envelope whose text checkJSON accepted.
func parseEnvelope(text []byte) (*envelope, *Finding) {
	list, ok := membersOf(text)
	if !ok {
		return nil, refuseAttestation(EnvelopeMalformed, "the envelope is not a JSON object")
	}
	e := &envelope{}
	var have struct{ payload, payloadType bool }
	for _, m := range list {
		var f *Finding
		switch m.name {
		case "payload":
			have.payload = true
			e.payload, f = base64Member(m)
		case "payloadType":
			have.payloadType = true
			e.payloadType, f = stringMember(m)
		case "signatures":
			e.signatures, f = parseSignatures(m.value)
		default:
			f = refuseReadTwice(EnvelopeMalformed, m.name, envelopeMembers, envelopeAliases)
		}
		if f != nil {
			return nil, f
		}
	}
	switch {
	case !have.payload:
		return nil, refuseAttestation(EnvelopeMalformed, "the envelope has no payload")
	case !have.payloadType:
		return nil, refuseAttestation(EnvelopeMalformed, "the envelope has no payloadType")
	case len(e.signatures) == 0:
		return nil, refuseAttestation(NoSignatures, "the envelope has no signatures")
	}
	return e, nil
}

// parseSignatures reads the signatures, counted before any of them is looked
// into: an envelope full of junk must cost nothing.
func parseSignatures(array jsontext.Value) ([]envelopeSignature, *Finding) {
	elements, ok := elementsOf(array, MaxSignatures)
	switch {
	case !ok:
		return nil, refuseAttestation(EnvelopeMalformed, "signatures is not an array")
	case len(elements) > MaxSignatures:
		return nil, refuseTooManySignatures()
	}
	list := make([]envelopeSignature, 0, len(elements))
	for i, v := range elements {
		s, f := parseSignature(v)
		if f != nil {
			f.Detail = fmt.Sprintf("signature %d: %s", i, f.Detail)
			return nil, f
		}
		list = append(list, s)
	}
	return list, nil
}

func parseSignature(object jsontext.Value) (s envelopeSignature, f *Finding) {
	list, ok := membersOf(object)
	if !ok {
		return s, refuseAttestation(EnvelopeMalformed, "is not a JSON object")
	}
	have := false
	for _, m := range list {
		switch m.name {
		case "sig":
			have = true
			s.sig, f = base64Member(m)
		case "keyid":
			if m.value.Kind() != 'n' { // null is how some writers spell no hint
				s.keyID, f = stringMember(m)
			}
		default:
			f = refuseVariant(EnvelopeMalformed, m.name, signatureMembers)
		}
		if f != nil {
			return s, f
		}
	}
	if !have {
		return s, refuseAttestation(EnvelopeMalformed, "has no sig")
	}
	return s, nil
}

// manySignatures reports whether the text is an object whose signatures array
// is over the limit, reading no further than that takes. It runs before the
// whole text is checked, because a quarter of a megabyte of signatures is
// cheaper to count than to read; what it says of text that is no JSON does not
// matter, since that is refused in any case.
func manySignatures(text []byte) bool {
	c := cutter{rest: text}
	if !c.take('{') {
		return false
	}
	for len(c.rest) > 0 {
		name, _ := stringOf(c.value())
		if !c.take(':') {
			return false
		}
		if name == "signatures" {
			list, _ := elementsOf(c.rest, MaxSignatures)
			return len(list) > MaxSignatures
		}
		if c.value(); !c.take(',') {
			return false
		}
	}
	return false
}

func base64Member(m rawMember) ([]byte, *Finding) {
	text, f := stringMember(m)
	if f != nil {
		return nil, f
	}
	raw, ok := decodeBase64(text)
	if !ok {
		return nil, refuseAttestation(EnvelopeBase64, "%s is not padded base64 in its one spelling", m.name)
	}
	return raw, nil
}

func stringMember(m rawMember) (string, *Finding) {
	s, ok := stringOf(m.value)
	if !ok {
		return "", refuseAttestation(EnvelopeMalformed, "%s is not a string", m.name)
	}
	return s, nil
}

// refuseVariant refuses a name that a case-insensitive reader takes for a known
// one; nil for any other name.
func refuseVariant(reason Reason, name string, known []string) *Finding {
	if k := foldsTo(name, known); k != "" {
		return refuseAttestation(reason, "the member %s could be taken for %q", quote(name), k)
	}
	return nil
}

func refuseTooManySignatures() *Finding {
	return refuseAttestation(TooManySignatures, "more than %d signatures", MaxSignatures)
}

// refuseText names the fault that checkJSON found in an attestation.
func refuseText(err error) *Finding {
	reason := EnvelopeMalformed
	var fault *jsonError
	if errors.As(err, &fault) {
		switch fault.Fault {
		case jsonDuplicate:
			reason = EnvelopeDuplicateKey
		case jsonUTF8:
			reason = EnvelopeUTF8
		case jsonTrailing:
			reason = EnvelopeTrailing
		case jsonTooDeep:
			reason = EnvelopeTooDeep
		}
	}
	return refuseAttestation(reason, "%v", err)
}

// refuseAttestation makes the finding of an attestation that does not count.
// The caller fills in which one.
func refuseAttestation(reason Reason, format string, args ...any) *Finding {
	return &Finding{Reason: reason, Document: -1, Attestation: -1,
		Detail: clip(fmt.Sprintf(format, args...), MaxDetail-4)}
}
