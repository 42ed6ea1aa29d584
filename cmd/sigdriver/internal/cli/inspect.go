// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// maxInspect bounds a file that inspect reads, in bytes: a journal segment is the largest.
const maxInspect = record.MaxSegment

// lenient reads JSON that a verifier would refuse, so that people can see why.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func newInspectCommand(env *Env) *cobra.Command {
	var outputs []string
	var typeName, line string
	cmd := &cobra.Command{
		Use:   "inspect [--type TYPE] FILE",
		Short: "Show what a file says, without verifying any of it",
		Long: `Shows a document, bundle, envelope, statement, trust file, TUF metadata, public key,
certificate or journal segment in a form that is safe to print. It verifies nothing.
Of a document it shows what it grants, and the document as its author would write it.
-o json and -o yaml are for documents alone: the view, versioned, and the YAML. With
--type the file is what an author writes, and what is shown is its document.
A file named - is the standard input.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			out, err := readOutputs(outputs, "yaml")
			if err != nil {
				return err
			}
			read := func() ([]byte, error) { return readFile(env, args[0], "file", maxInspect) }
			if typeName != "" {
				read = func() ([]byte, error) { return readAuthored(env, typeName, line, args[0]) }
			}
			data, err := read()
			if err != nil {
				return err
			}
			return inspectTo(env, out, args[0], data)
		},
	}
	cmd.Flags().StringVar(&typeName, "type", "", "the file is no document yet: sandbox-policy, provider-profile or settings")
	registerLine(cmd, &line)
	cmd.Flags().StringArrayVarP(&outputs, "output", "o", []string{"text"}, "text, json or yaml, with =FILE to write to a file (repeatable)")
	return cmd
}

// inspectTo shows a file in every form that was asked for.
func inspectTo(env *Env, out sinks, name string, data []byte) error {
	return out.render(env, func(p *printer, format string) error {
		if format == "text" {
			return inspect(p.w, name, data)
		}
		return inspectDocument(p.w, format, name, data)
	})
}

// inspector prints the parts of a file.
type inspector struct{ w io.Writer }

func inspect(w io.Writer, name string, data []byte) error {
	in := &inspector{w}
	in.line("Not verified: this is what %q says, not whether it is true.", name)
	in.line("file: %s, sha256:%x", plural(len(data), "byte", "bytes"), sha256.Sum256(data))
	lines := jsonLines(data)
	for i, line := range lines {
		in.head("Object %d of %d", i+1, len(lines))
		in.object(line)
	}
	switch {
	case lines != nil:
	case bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")):
		in.object(bytes.TrimSpace(data))
	case bytes.Contains(data, []byte("-----BEGIN ")):
		in.pem(data)
	case in.segment(data), in.protobuf(data):
	default:
		return usageError(errors.New("the file is nothing that inspect knows"), "it knows bundles, DSSE envelopes, statements, documents, trust files, TUF metadata, PEM keys and certificates, and journal segments")
	}
	return nil
}

// line prints one line; whatever is foreign in it must be quoted or printable.
func (in *inspector) line(format string, args ...any) {
	fmt.Fprintln(in.w, printable(fmt.Sprintf(format, args...)))
}

func (in *inspector) head(format string, args ...any) {
	fmt.Fprintln(in.w)
	in.line(format, args...)
}

func (in *inspector) field(name, format string, args ...any) {
	in.line("  %-14s %s", name, fmt.Sprintf(format, args...))
}

// object tells the kinds of JSON apart by the members that only they have.
func (in *inspector) object(data []byte) {
	var m map[string]jsontext.Value
	if err := json.Unmarshal(data, &m, lenient); err != nil {
		in.head("Broken JSON")
		in.field("fault", "%s", faultOf(data, err))
		return
	}
	has := func(name string) bool { _, ok := m[name]; return ok }
	mediaType := text(m["mediaType"])
	switch {
	case strings.HasPrefix(mediaType, "application/vnd.dev.sigstore.bundle"):
		in.bundleJSON(data)
	case has("payload") && has("signatures"):
		in.envelopeJSON(data)
	case has("_type") && has("predicateType"):
		in.statement(data)
	case has("@type"):
		in.document(data)
	case has("signed") && has("signatures"):
		in.tuf(data, m)
	case has("schema"):
		in.head("Trust file, schema %q", text(m["schema"]))
		in.json(data)
	case mediaType != "":
		in.head("JSON, media type %q", mediaType)
		in.json(data)
	default:
		in.head("JSON")
		in.json(data)
	}
	if _, err := verifier.Canonical(data); err != nil {
		in.head("Not strict JSON, a verifier refuses it: %s", err)
	}
}

func faultOf(data []byte, err error) error {
	if _, strict := verifier.Canonical(data); strict != nil {
		return strict
	}
	return err
}

// text returns a JSON string's value, "" for anything else.
func text(v jsontext.Value) string {
	var s string
	if json.Unmarshal(v, &s, lenient) != nil {
		return ""
	}
	return s
}

// json prints a JSON text indented, line by line, with nothing in it that a
// terminal would obey.
func (in *inspector) json(data []byte) {
	v := jsontext.Value(bytes.Clone(data))
	if err := v.Indent(lenient, jsontext.WithIndentPrefix("    "), jsontext.WithIndent("  ")); err != nil {
		in.line("    %q", data)
		return
	}
	for line := range strings.Lines("    " + string(v)) {
		in.line("%s", strings.TrimSuffix(line, "\n"))
	}
}

func (in *inspector) bundleJSON(data []byte) {
	b := &bundlepb.Bundle{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, b); err != nil {
		in.head("Sigstore bundle that cannot be read")
		in.json(data)
		return
	}
	in.bundle(b)
}

// protobuf shows a bundle in its binary form.
func (in *inspector) protobuf(data []byte) bool {
	b := &bundlepb.Bundle{}
	if proto.Unmarshal(data, b) != nil || !strings.HasPrefix(b.GetMediaType(), "application/vnd.dev.sigstore.bundle") {
		return false
	}
	in.bundle(b)
	return true
}

func (in *inspector) bundle(b *bundlepb.Bundle) {
	in.head("Sigstore bundle, %q", b.GetMediaType())
	material := b.GetVerificationMaterial()
	if key := material.GetPublicKey(); key != nil {
		in.field("signer", "public key, hint %q", key.GetHint())
	}
	if cert := material.GetCertificate(); cert != nil {
		in.certificate(cert.GetRawBytes())
	}
	for _, cert := range material.GetX509CertificateChain().GetCertificates() {
		in.certificate(cert.GetRawBytes())
	}
	for i, e := range material.GetTlogEntries() {
		in.field(fmt.Sprintf("log entry %d", i), "%q index %d, log %x", e.GetKindVersion().GetKind()+" "+e.GetKindVersion().GetVersion(), e.GetLogIndex(), e.GetLogId().GetKeyId())
		if at := e.GetIntegratedTime(); at != 0 {
			in.field("", "integrated at %s", unixTime(at))
		}
	}
	for i, ts := range material.GetTimestampVerificationData().GetRfc3161Timestamps() {
		in.field(fmt.Sprintf("timestamp %d", i), "RFC 3161, %d bytes", len(ts.GetSignedTimestamp()))
	}
	if m := b.GetMessageSignature(); m != nil {
		in.field("message", "a signature over a file, not an attestation; digest %x", m.GetMessageDigest().GetDigest())
	}
	if e := b.GetDsseEnvelope(); e != nil {
		env := envelope{PayloadType: e.GetPayloadType(), payload: e.GetPayload()}
		for _, s := range e.GetSignatures() {
			env.Signatures = append(env.Signatures, signature{KeyID: s.GetKeyid(), sig: s.GetSig()})
		}
		in.envelope(&env)
	}
}

// The members of a DSSE envelope.
type (
	envelope struct {
		Payload     string      `json:"payload"`
		PayloadType string      `json:"payloadType"`
		Signatures  []signature `json:"signatures"`
		payload     []byte
	}
	signature struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
		sig   []byte
	}
)

func (in *inspector) envelopeJSON(data []byte) {
	e := &envelope{}
	if err := json.Unmarshal(data, e, lenient); err != nil {
		in.head("DSSE envelope that cannot be read")
		in.json(data)
		return
	}
	var ok bool
	if e.payload, ok = fromBase64(e.Payload); !ok {
		in.head("DSSE envelope whose payload is no base64")
		in.json(data)
		return
	}
	for i := range e.Signatures {
		e.Signatures[i].sig, _ = fromBase64(e.Signatures[i].Sig)
	}
	in.envelope(e)
}

// fromBase64 reads both alphabets, as DSSE allows.
func fromBase64(s string) ([]byte, bool) {
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		if data, err := enc.DecodeString(s); err == nil {
			return data, true
		}
	}
	return nil, false
}

func (in *inspector) envelope(e *envelope) {
	in.head("DSSE envelope")
	in.field("payloadType", "%q", e.PayloadType)
	in.field("payload", "%s", plural(len(e.payload), "byte", "bytes"))
	in.field("attestation", "sha256:%x (the digest that logs and revocations use)", sha256.Sum256(dsse.PAE(e.PayloadType, e.payload)))
	for i, s := range e.Signatures {
		in.field(fmt.Sprintf("signature %d", i), "%s, key id %q", plural(len(s.sig), "byte", "bytes"), clip(s.KeyID, 128))
	}
	if len(e.Signatures) == 0 {
		in.field("signatures", "none")
	}
	if bytes.HasPrefix(bytes.TrimSpace(e.payload), []byte("{")) {
		in.statement(e.payload)
		return
	}
	in.field("payload", "%q", clip(string(e.payload), 256))
}

func (in *inspector) statement(data []byte) {
	var s struct {
		Type    string `json:"_type"`
		Subject []struct {
			Name   string            `json:"name"`
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
		PredicateType string         `json:"predicateType"`
		Predicate     jsontext.Value `json:"predicate"`
	}
	if err := json.Unmarshal(data, &s, lenient); err != nil {
		in.head("Payload that is no in-toto Statement")
		in.json(data)
		return
	}
	in.head("in-toto Statement")
	in.field("_type", "%q", s.Type)
	in.field("predicateType", "%q", s.PredicateType)
	for i, subject := range s.Subject {
		in.field(fmt.Sprintf("subject %d", i), "%q", subject.Name)
		for _, algorithm := range sortedKeys(subject.Digest) {
			in.field("", "%q %q", algorithm, subject.Digest[algorithm])
		}
	}
	if len(s.Predicate) > 0 {
		in.field("predicate", "")
		in.json(s.Predicate)
	}
}

func (in *inspector) document(data []byte) {
	var head struct {
		Type string `json:"@type"`
	}
	_ = json.Unmarshal(data, &head, lenient) // the caller saw the member; a wrong type shows below
	in.head("Document, %q", head.Type)
	if view, fault := verifier.ViewDocument(verifier.RoleUnspecified, data); fault != nil {
		in.field("form", "a verifier refuses it: %s: %s", fault.Reason, fault.Detail)
	} else {
		in.field("form", "canonical")
		in.field("role", "%s", view.Role)
		in.field("digest", "sha256:%x", view.SHA256)
	}
	doc, err := policy.Read(data)
	if err != nil {
		in.json(data)
		return
	}
	if doc.HasLine() {
		in.field("line", "%s", doc.LineText())
	}
	in.head("What it grants")
	doc.View().Print(in.w)
	in.head("As its author would write it")
	for line := range strings.Lines(doc.YAML()) {
		in.line("    %s", strings.TrimSuffix(line, "\n"))
	}
}

func (in *inspector) tuf(data []byte, m map[string]jsontext.Value) {
	var signed struct {
		Type    string `json:"_type"`
		Version int64  `json:"version"`
		Expires string `json:"expires"`
	}
	var signatures []struct {
		KeyID string `json:"keyid"`
	}
	if json.Unmarshal(m["signed"], &signed, lenient) != nil || json.Unmarshal(m["signatures"], &signatures, lenient) != nil {
		in.head("TUF metadata that cannot be read")
		in.json(data)
		return
	}
	in.head("TUF metadata, %q version %d", signed.Type, signed.Version)
	in.field("expires", "%q", signed.Expires)
	for _, s := range signatures {
		in.field("signed by", "key id %q", s.KeyID)
	}
	in.json(m["signed"])
}
