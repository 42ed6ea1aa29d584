// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"slices"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	sigstorebundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/protobuf/proto"
)

// explain finds the stage at which sigstore-go refused a bundle, by running its
// exported stages one by one. It only names the reason: whatever it finds, the
// bundle stays refused. Nothing here reads the text of an error.
func (s *sigstoreCheck) explain(b *signedEntity, material root.TrustedMaterial) *Finding {
	d := &bundleFailure{check: s, bundle: b, material: material}
	for _, stage := range []func() *Finding{d.content, d.signature, d.log, d.time, d.certificate} {
		if f := stage(); f != nil {
			return f
		}
	}
	return refuseAttestation(BundleMalformed, "sigstore-go refuses the bundle, though each of its stages passes")
}

// explainUnreadable finds out what was wrong with a bundle that sigstore-go does not
// read. An entry that is one by its form and contradicts itself is about
// something else than it says.
func (s *sigstoreCheck) explainUnreadable(version string, m *protobundle.Bundle) *Finding {
	unreadable := refuseAttestation(BundleMalformed, "the bundle is not as version %s has it", version)
	if !slices.ContainsFunc(m.GetVerificationMaterial().GetTlogEntries(), contradictsItself) {
		return unreadable
	}
	bare := proto.CloneOf(m)
	bare.VerificationMaterial.TlogEntries = nil
	entity, err := sigstorebundle.NewBundle(bare)
	if err != nil {
		return unreadable
	}
	d := &bundleFailure{check: s, bundle: &signedEntity{Bundle: entity, compat: s.compat}, material: s.trusted()}
	for _, stage := range []func() *Finding{d.content, d.signature} {
		if f := stage(); f != nil {
			return f
		}
	}
	return refuseAttestation(TlogMismatch, "the log entry holds a signature, a key and a payload that do not belong together")
}

// contradictsItself reports whether a log entry names its kind and version as its body does,
// and yet sigstore-go does not read it.
func contradictsItself(e *protorekor.TransparencyLogEntry) bool {
	if e.GetLogIndex() < 0 || e.GetLogId().GetKeyId() == nil || e.GetKindVersion() == nil || checkJSON(e.GetCanonicalizedBody()) != nil {
		return false
	}
	_, err := tlog.ParseTransparencyLogEntry(e)
	return namesItsBody(e) && err != nil
}

// namesItsBody reports whether a log entry names its kind and version as its body does.
func namesItsBody(e *protorekor.TransparencyLogEntry) bool {
	list, _ := membersOf(e.GetCanonicalizedBody())
	for _, m := range list {
		value, _ := stringOf(m.value)
		if m.name == "kind" && value != e.GetKindVersion().GetKind() || m.name == "apiVersion" && value != e.GetKindVersion().GetVersion() {
			return false
		}
	}
	return len(list) > 0
}

// leadsToItsRoot reports whether the inclusion proof of an entry leads from its body to
// the root that it names.
func leadsToItsRoot(e *protorekor.TransparencyLogEntry) bool {
	p := e.GetInclusionProof()
	leaf := rfc6962.DefaultHasher.HashLeaf(e.GetCanonicalizedBody())
	return p.GetLogIndex() >= 0 && p.GetTreeSize() >= 0 &&
		merkle.VerifyInclusion(rfc6962.DefaultHasher, uint64(p.GetLogIndex()), uint64(p.GetTreeSize()), leaf, p.GetHashes(), p.GetRootHash()) == nil
}

// bundleFailure is a bundle that sigstore-go refused, with what its stages share.
type bundleFailure struct {
	check    *sigstoreCheck
	bundle   *signedEntity
	material root.TrustedMaterial

	signed  verify.SignatureContent
	signer  verify.VerificationContent
	entries []*tlog.Entry
	times   []time.Time // those that verify
}

// content reads the parts that the stages need.
func (d *bundleFailure) content() *Finding {
	var err error
	if d.signed, err = d.bundle.SignatureContent(); err != nil {
		return refuseAttestation(BundleMalformed, "the bundle holds no signature")
	}
	if d.signer, err = d.bundle.VerificationContent(); err != nil {
		return refuseAttestation(CertChain, "the certificate does not parse")
	}
	if d.entries, err = d.bundle.TlogEntries(); err != nil {
		return refuseAttestation(BundleMalformed, "a log entry does not parse")
	}
	if isCertificate := d.signer.Certificate() != nil; isCertificate == (d.check.key != nil) {
		return refuseAttestation(SignerUnknown, "the bundle is not signed by what it has to be signed by, a key or a certificate")
	}
	return nil
}

func (d *bundleFailure) signature() *Finding {
	var err error
	switch a := d.check.artifact; {
	case d.signed.EnvelopeContent() != nil:
		err = verify.VerifySignature(d.signed, d.signer, d.material)
	case a == nil:
		return refuseAttestation(PayloadType, "the bundle holds a signature over a message, and no message was given")
	case a.known:
		err = verify.VerifySignatureWithArtifacts(d.signed, d.signer, d.material, []io.Reader{bytes.NewReader(a.bytes)})
	default:
		err = verify.VerifySignatureWithArtifactDigests(d.signed, d.signer, d.material, []verify.ArtifactDigest{{Algorithm: "sha256", Digest: a.sha256[:]}})
	}
	if err != nil {
		return refuseAttestation(SignatureInvalid, "the signature is not by the bundle's signer, or over other bytes")
	}
	return nil
}

// log checks each entry alone, and then how many logs there are.
func (d *bundleFailure) log() *Finding {
	if !d.check.logged(d.bundle) {
		return nil
	}
	logs := map[string]bool{}
	var first *Finding
	for _, e := range d.entries {
		f := d.entry(e)
		if f == nil {
			logs[e.LogKeyID()] = true
		} else if first == nil || first.Reason == TlogMissing {
			first = f
		}
	}
	need := max(d.check.need.tlogs, 1)
	switch {
	case len(d.entries) == 0:
		return refuseAttestation(TlogMissing, "the bundle has no transparency log entry")
	case first != nil && first.Reason != TlogMissing:
		return first
	case len(logs) == 0:
		return first
	case len(logs) < need:
		return refuseAttestation(TlogThreshold, "entries of %d logs verify, %d are needed", len(logs), need)
	}
	return nil
}

// entry says why one log entry does not count; nil when it does.
func (d *bundleFailure) entry(e *tlog.Entry) *Finding {
	one := &signedEntity{Bundle: d.bundle.Bundle, compat: d.bundle.compat, only: e}
	if _, err := verify.VerifyTlogEntry(one, d.material, 1, true); err == nil {
		return nil
	}
	log := d.material.RekorLogs()[hex.EncodeToString([]byte(e.LogKeyID()))]
	switch {
	case log == nil:
		return refuseAttestation(TlogMissing, "the entry is in a log that trust does not know")
	case !e.HasInclusionProof() && (!e.HasInclusionPromise() || e.IsRekorV2()):
		return refuseAttestation(TlogMissing, "the entry carries no proof that the log has it")
	case e.HasInclusionPromise() && tlog.VerifySET(e, d.material.RekorLogs()) != nil:
		return refuseAttestation(TlogSET, "the log's promise is not by the log, or for another entry or time")
	}
	if f := inclusion(e, log); f != nil {
		return f
	}
	if at := e.IntegratedTime(); !d.aboutAnother(e) && !at.IsZero() && !d.signer.ValidAtTime(at, d.material) {
		return refuseAttestation(CertTime, "logged at %s, when the certificate was not valid", stamp(at))
	}
	return refuseAttestation(TlogMismatch, "the log entry is about another signature")
}

// aboutAnother reports whether a first-generation entry holds another signature,
// key or payload than the bundle. It matters before the entry's time does.
func (d *bundleFailure) aboutAnother(e *tlog.Entry) bool {
	if e.IsRekorV2() {
		return false // it has no time of its own
	}
	if !bytes.Equal(e.Signature(), d.signed.Signature()) || !d.signer.CompareKey(e.PublicKey(), d.material) {
		return true
	}
	if m := d.signed.MessageSignatureContent(); m != nil {
		digest, _, ok := e.GetHashedRekordDigest()
		return !ok || !bytes.Equal(digest, m.Digest())
	}
	digest, ok := e.GetDssePayloadHash()
	payload := sha256.Sum256(d.bundle.GetDsseEnvelope().GetPayload())
	return !ok || !bytes.Equal(digest, payload[:])
}

// inclusion says what is wrong with an entry's inclusion proof; nil for nothing.
func inclusion(e *tlog.Entry, log *root.TransparencyLog) *Finding {
	p := e.TransparencyLogEntry().GetInclusionProof()
	if p == nil {
		return nil
	}
	key, err := signature.LoadVerifier(log.PublicKey, log.SignatureHashFunc)
	if err != nil {
		return refuseAttestation(TlogCheckpoint, "the log's key is of a kind that signs no checkpoints")
	}
	if included(e, log, key) {
		return nil
	}
	if !leadsToItsRoot(e.TransparencyLogEntry()) {
		return refuseAttestation(TlogInclusion, "the inclusion proof does not lead to its root")
	}
	return refuseAttestation(TlogCheckpoint, "the checkpoint is not by the log, or of another root")
}

// included reports whether a checkpoint by the log covers the entry. The origin of
// a Rekor v2 log is its host name, as trust has it.
func included(e *tlog.Entry, log *root.TransparencyLog, key signature.Verifier) bool {
	if !e.IsRekorV2() {
		return tlog.VerifyInclusion(e, key) == nil
	}
	u, err := url.Parse(log.BaseURL)
	return err == nil && tlog.VerifyCheckpointAndInclusion(e, key, u.Hostname()) == nil
}

// time counts the times that verify, and keeps them for the certificate.
func (d *bundleFailure) time() *Finding {
	if !d.check.timed(d.bundle) {
		return nil
	}
	if _, f := checkStamps(d.bundle, d.material); f != nil {
		return f
	}
	if d.check.logged(d.bundle) {
		logged, err := verify.VerifyTlogEntry(d.bundle, d.material, 1, true)
		if err == nil {
			for _, t := range logged {
				d.times = append(d.times, t.Time)
			}
		}
	}
	stamps, faults, err := verify.VerifySignedTimestamp(d.bundle, d.material)
	for _, t := range stamps {
		d.times = append(d.times, t.Time)
	}
	need := max(d.check.need.timestamps, 1)
	switch {
	case len(d.times) >= need:
		return nil
	case err != nil || len(faults) > 0:
		return refuseAttestation(TimestampInvalid, "a timestamp is not by an authority that trust knows, or over another signature")
	}
	return refuseAttestation(TimestampMissing, "%d of %d times that a log or a timestamp authority vouches for", len(d.times), need)
}

// certificate checks the chain at each of the times, and the SCTs.
func (d *bundleFailure) certificate() *Finding {
	if d.check.key != nil {
		return nil
	}
	leaf, err := d.bundle.leaf()
	if err != nil {
		return refuseAttestation(CertChain, "the certificate does not parse")
	}
	// crypto/x509 does not know every kind of name; which we accept is checked later.
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(leaf.UnhandledCriticalExtensions, oidSubjectAltName.Equal)
	for _, at := range d.times {
		if at.Before(leaf.NotBefore) || at.After(leaf.NotAfter) {
			return refuseAttestation(CertTime, "signed at %s, when the certificate was not valid", stamp(at))
		}
		chains, err := verify.VerifyLeafCertificate(at, leaf, d.material)
		if err != nil {
			return refuseAttestation(CertChain, "the certificate does not lead to an authority that trust knows and that was valid at %s", stamp(at))
		}
		if n := d.check.need.scts; n > 0 && verify.VerifySignedCertificateTimestamp(chains, n, d.material) != nil {
			return refuseAttestation(SCT, "fewer than %d certificate transparency logs vouch for the certificate", n)
		}
	}
	if _, err := certificate.SummarizeCertificate(leaf); err != nil {
		return refuseAttestation(CertIdentity, "the certificate names nobody")
	}
	return nil
}
