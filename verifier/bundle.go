// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// attestation is one encoded attestation, decoded and not verified: a bare DSSE
// envelope, or a Sigstore bundle.
type attestation struct {
	envelope *envelope       // nil for a bundle with a message signature
	bundle   *sigstoreBundle // nil for a bare envelope
}

// sigstoreBundle is what a Sigstore bundle holds beside its envelope.
type sigstoreBundle struct {
	version string // "0.1", "0.2" or "0.3"
	keyed   bool   // signed by a key that the bundle only hints at; else a certificate
	hint    string
	entries int // transparency log entries
	stamps  int // RFC 3161 timestamps
	// message is the whole bundle, nil until decoded: a key-signed bundle
	// without log entries and timestamps never needs it.
	message *protobundle.Bundle
	text    []byte // the JSON that message is decoded from, nil for protobuf
}

// bundleVersions are the media types of the versions we accept.
var bundleVersions = map[string]string{
	"application/vnd.dev.sigstore.bundle+json;version=0.1": "0.1",
	"application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
	"application/vnd.dev.sigstore.bundle+json;version=0.3": "0.3",
	"application/vnd.dev.sigstore.bundle.v0.1+json":        "0.1",
	"application/vnd.dev.sigstore.bundle.v0.2+json":        "0.2",
	"application/vnd.dev.sigstore.bundle.v0.3+json":        "0.3",
}

// parseAttestation tells the three encodings apart and reads the one it is,
// strictly, before any library sees the bytes.
func parseAttestation(raw []byte) (*attestation, *Finding) {
	switch {
	case len(raw) > MaxAttestation:
		return nil, refuseAttestation(EnvelopeTooLarge, "%d bytes, at most %d are read", len(raw), MaxAttestation)
	case isWire(raw):
		return parseBundleWire(raw)
	case manySignatures(raw):
		return nil, refuseTooManySignatures()
	}
	if err := checkJSON(raw); err != nil {
		return nil, refuseText(err)
	}
	list, ok := membersOf(raw)
	if !ok {
		return nil, refuseAttestation(EnvelopeMalformed, "neither a DSSE envelope nor a Sigstore bundle")
	}
	// An envelope may have members that we do not know, a bundle may not: one
	// name of an envelope's makes it one.
	if slices.ContainsFunc(list, func(m rawMember) bool { return slices.Contains(envelopeMembers, m.name) }) {
		e, f := parseEnvelope(raw)
		if f != nil {
			return nil, f
		}
		return &attestation{envelope: e}, nil
	}
	if !slices.ContainsFunc(list, func(m rawMember) bool { return slices.Contains(bundleMembers, m.name) }) {
		return nil, refuseAttestation(EnvelopeMalformed, "neither a DSSE envelope nor a Sigstore bundle")
	}
	return parseBundleJSON(raw, list)
}

// isWire reports whether the bytes look like a bundle in protobuf: they begin with
// the tag of one of its four fields. The first of these is also a line feed, so
// what a JSON text could begin with is JSON.
func isWire(raw []byte) bool {
	if len(raw) < 2 {
		return false
	}
	switch raw[0] {
	case 0x12, 0x1a, 0x22:
		return true
	case '\n':
		rest := bytes.TrimLeft(raw, " \t\r\n")
		return len(rest) > 0 && rest[0] != '{' && rest[0] != '['
	}
	return false
}

// The members of a bundle's JSON that are read here, as every tool writes them
// (lowerCamelCase). protojson, which reads the rest, refuses unknown ones too.
var (
	bundleMembers   = []string{"mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"}
	materialMembers = []string{"publicKey", "certificate", "x509CertificateChain", "tlogEntries", "timestampVerificationData"}
)

// pick returns the values of the named members, in the order of the names; nil
// for one that is absent or null. Any other member is refused.
func pick(object jsontext.Value, names ...string) ([]jsontext.Value, *Finding) {
	list, ok := membersOf(object)
	if !ok {
		return nil, refuseAttestation(BundleMalformed, "the bundle has a %s where an object belongs", object.Kind())
	}
	values := make([]jsontext.Value, len(names))
	for _, m := range list {
		i := slices.Index(names, m.name)
		switch {
		case i < 0:
			return nil, refuseAttestation(BundleMalformed, "the bundle has an unknown member %s", quote(m.name))
		case m.value.Kind() != 'n':
			values[i] = m.value
		}
	}
	return values, nil
}

func parseBundleJSON(text []byte, list []rawMember) (*attestation, *Finding) {
	b := &sigstoreBundle{text: text}
	for _, m := range list { // first of all: another version may have other members
		if m.name == "mediaType" {
			mediaType, _ := stringOf(m.value)
			b.version = bundleVersions[mediaType]
		}
	}
	if b.version == "" {
		return nil, refuseAttestation(BundleVersion, "the media type is no Sigstore bundle v0.1, v0.2 or v0.3")
	}
	top, f := pick(text, bundleMembers...)
	if f != nil {
		return nil, f
	}
	material, dsse, message := top[1], top[2], top[3]
	switch {
	case (dsse == nil) == (message == nil):
		return nil, refuseAttestation(BundleMalformed, "a bundle has either a DSSE envelope or a message signature")
	case material == nil:
		return nil, refuseAttestation(BundleMalformed, "the bundle has no verificationMaterial")
	}
	if f := b.readMaterial(material); f != nil {
		return nil, f
	}
	a := &attestation{bundle: b}
	if dsse != nil {
		if _, f := pick(dsse, envelopeMembers...); f != nil {
			return nil, f
		}
		if a.envelope, f = parseEnvelope(dsse); f != nil {
			return nil, f
		}
	}
	if f := a.checkBundled(); f != nil {
		return nil, f
	}
	return a, nil
}

// readMaterial reads what decides how the bundle is verified, and counts.
func (b *sigstoreBundle) readMaterial(object jsontext.Value) *Finding {
	v, f := pick(object, materialMembers...)
	if f != nil {
		return f
	}
	key, certificate, chain, entries, stamps := v[0], v[1], v[2], v[3], v[4]
	b.keyed = key != nil
	if n := present(key) + present(certificate) + present(chain); n != 1 {
		return refuseAttestation(BundleMalformed, "a bundle has exactly one of publicKey, certificate and x509CertificateChain, this one %d", n)
	}
	if key != nil {
		hint, f := pick(key, "hint")
		if f != nil {
			return f
		}
		if b.hint, f = optionalString("hint", hint[0]); f != nil {
			return f
		}
	}
	if b.entries, f = countElements("tlogEntries", entries, MaxTlogEntries); f != nil || stamps == nil {
		return f
	}
	inner, f := pick(stamps, "rfc3161Timestamps")
	if f != nil {
		return f
	}
	b.stamps, f = countElements("rfc3161Timestamps", inner[0], MaxTimestamps)
	return f
}

func present(v jsontext.Value) int {
	if v == nil {
		return 0
	}
	return 1
}

func optionalString(name string, v jsontext.Value) (string, *Finding) {
	if v == nil {
		return "", nil
	}
	s, ok := stringOf(v)
	if !ok {
		return "", refuseAttestation(BundleMalformed, "%s is not a string", name)
	}
	return s, nil
}

// countElements counts an array that may be absent and must not be over its limit.
func countElements(name string, array jsontext.Value, limit int) (int, *Finding) {
	if array == nil {
		return 0, nil
	}
	list, ok := elementsOf(array, limit)
	switch {
	case !ok:
		return 0, refuseAttestation(BundleMalformed, "%s is not an array", name)
	case len(list) > limit:
		return 0, refuseAttestation(BundleMalformed, "more than %d %s", limit, name)
	}
	return len(list), nil
}

// checkBundled refuses what no bundle may have, in either encoding.
func (a *attestation) checkBundled() *Finding {
	if a.envelope == nil {
		return nil
	}
	switch n := len(a.envelope.signatures); n {
	case 0:
		return refuseAttestation(NoSignatures, "the envelope has no signatures")
	case 1:
		return nil
	default:
		return refuseAttestation(TooManySignatures, "a bundle carries exactly one signature, this one %d", n)
	}
}

// parseBundleWire reads a bundle in protobuf.
func parseBundleWire(raw []byte) (*attestation, *Finding) {
	m := &protobundle.Bundle{}
	if !strictWire(raw, m.ProtoReflect().Descriptor(), 1) {
		return nil, refuseAttestation(BundleMalformed, "not a Sigstore bundle in protobuf, or one with unknown or repeated fields")
	}
	if err := proto.Unmarshal(raw, m); err != nil {
		return nil, refuseAttestation(BundleMalformed, "not a Sigstore bundle in protobuf")
	}
	material := m.GetVerificationMaterial()
	b := &sigstoreBundle{
		version: bundleVersions[m.GetMediaType()], message: m,
		keyed: material.GetPublicKey() != nil, hint: material.GetPublicKey().GetHint(),
		entries: len(material.GetTlogEntries()),
		stamps:  len(material.GetTimestampVerificationData().GetRfc3161Timestamps()),
	}
	switch {
	case b.version == "":
		return nil, refuseAttestation(BundleVersion, "the media type is no Sigstore bundle v0.1, v0.2 or v0.3")
	case m.GetContent() == nil:
		return nil, refuseAttestation(BundleMalformed, "a bundle has either a DSSE envelope or a message signature")
	case material.GetContent() == nil:
		return nil, refuseAttestation(BundleMalformed, "the bundle has neither a certificate nor a key hint")
	case b.entries > MaxTlogEntries:
		return nil, refuseAttestation(BundleMalformed, "more than %d log entries", MaxTlogEntries)
	case b.stamps > MaxTimestamps:
		return nil, refuseAttestation(BundleMalformed, "more than %d timestamps", MaxTimestamps)
	}
	a := &attestation{bundle: b}
	if e := m.GetDsseEnvelope(); e != nil {
		a.envelope = envelopeOf(e)
	}
	if f := a.checkBundled(); f != nil {
		return nil, f
	}
	return a, nil
}

// envelopeOf returns the envelope of a decoded bundle.
func envelopeOf(e *protodsse.Envelope) *envelope {
	out := &envelope{payloadType: e.GetPayloadType(), payload: e.GetPayload()}
	for _, s := range e.GetSignatures() {
		out.signatures = append(out.signatures, envelopeSignature{keyID: s.GetKeyid(), sig: s.GetSig()})
	}
	return out
}

// strictWire walks an encoded message and refuses what proto.Unmarshal lets
// pass: unknown fields, a field of another wire type, and a field or a oneof
// that occurs twice, where the last one would win.
func strictWire(b []byte, md protoreflect.MessageDescriptor, depth int) bool {
	if depth > MaxDepth {
		return false
	}
	seen := map[protoreflect.FullName]bool{}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		fd := md.Fields().ByNumber(num)
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if fd == nil || m < 0 || typ != wireTypeOf(fd) {
			return false
		}
		if !fd.IsList() {
			slot := fd.FullName()
			if o := fd.ContainingOneof(); o != nil {
				slot = o.FullName()
			}
			if seen[slot] {
				return false
			}
			seen[slot] = true
		}
		if fd.Message() != nil {
			inner, _ := protowire.ConsumeBytes(b[n:])
			if !strictWire(inner, fd.Message(), depth+1) {
				return false
			}
		}
		b = b[n+m:]
	}
	return true
}

// wireTypeOf returns how a field of a bundle is encoded; bundles have no fixed
// or packed fields, so those are refused.
func wireTypeOf(fd protoreflect.FieldDescriptor) protowire.Type {
	switch fd.Kind() {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		return protowire.VarintType
	}
	return -1
}

// decode returns the whole bundle for sigstore-go, decoded by the protobuf
// library from text that has passed our own checks. The lesser fault is one for
// which the bundle is refused where it has no other.
func (b *sigstoreBundle) decode() (message *protobundle.Bundle, lesser, f *Finding) {
	if b.message != nil {
		return b.message, nil, nil
	}
	m := &protobundle.Bundle{}
	text := b.text
	if loose := looseBytes(text, m.ProtoReflect().Descriptor()); loose != "" {
		lesser = refuseAttestation(EnvelopeBase64, "%s is not padded base64 in its one spelling", loose)
		text = tidied(text)
	}
	if err := protojson.Unmarshal(text, m); err != nil {
		if lesser != nil {
			return nil, nil, lesser
		}
		// The library's text differs from build to build, a finding must not.
		return nil, nil, refuseAttestation(BundleMalformed, "a member below verificationMaterial is not as the Sigstore bundle format has it")
	}
	if lesser == nil {
		b.message = m
	}
	return m, lesser, nil
}
