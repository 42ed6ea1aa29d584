// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	statementpb "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	sigstorebundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// thresholds say how much evidence a certificate needs beside its chain:
// inclusion in so many logs, times by so many logs and timestamp authorities
// together (at least one in any case), SCTs by so many CT logs.
type thresholds struct{ tlogs, timestamps, scts int }

// parseKeyless reads trusted_root.json, beside the thresholds of authorities.json.
func parseKeyless(data []byte, f keylessFile) (*keyless, error) {
	material, err := parseTrustedRoot(data)
	if err != nil {
		return nil, &TrustError{File: "trusted_root.json", Text: "refused", Err: err}
	}
	k := &keyless{root: material, tlogs: f.Tlogs, timestamps: f.Timestamps, scts: f.SCTs}
	k.sum = sha256.Sum256(fmt.Appendf(nil, "%x %d %d %d", sha256.Sum256(data), k.tlogs, k.timestamps, k.scts))
	return k, nil
}

// parseTrustedRoot reads a trusted_root.json, strictly before sigstore-go sees it.
func parseTrustedRoot(data []byte) (*sigstoreRoot, error) {
	if len(data) > MaxTrustFile {
		return nil, fmt.Errorf("longer than %d bytes", MaxTrustFile)
	}
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	r, err := root.NewTrustedRootFromJSON(data)
	if err != nil {
		return nil, err
	}
	return newSigstoreRoot(r), nil
}

// sigstoreCheck verifies bundles with sigstore-go: signature, certificate chain,
// SCTs, log entries and timestamps. It never looks into a Statement.
type sigstoreCheck struct {
	material root.TrustedMaterial // nil: nothing but the key is trusted
	need     thresholds           // of a certificate
	// key is who must have signed; nil when a certificate must have. What the
	// bundle carries of log entries and timestamps must then verify too, but
	// none is needed.
	key *signingKey
	// artifact is what a message signature is over; unused for an envelope.
	artifact *artifact
	// compat accepts what old clients wrote: P-384 signatures with SHA-256.
	compat bool
}

// artifact is what a message signature is over: the bytes, or only their sha256.
type artifact struct {
	bytes  []byte
	sha256 [32]byte
	known  bool // the bytes are
}

// verifiedBundle is what sigstore-go proved of a bundle.
type verifiedBundle struct {
	envelope *envelope         // nil for a message signature; its signature checked
	leaf     *x509.Certificate // nil for a key
	times    []time.Time       // verified, ascending
}

// verify checks one bundle. The budget pays for the public-key operations that a
// bundle makes possible.
func (s *sigstoreCheck) verify(b *sigstoreBundle, budget *signatureBudget) (proved *verifiedBundle, f *Finding) {
	if !spend(&budget.searched, 1+b.entries+b.stamps) {
		return nil, refuseAttestation(TooManySignatures, "not looked at: the request spent its %d signature checks", MaxSignatureChecks)
	}
	message, lesser, f := b.decode()
	if f != nil {
		return nil, f
	}
	// sigstore-go's parsers, and those below it, meet foreign bytes here: a
	// panic in them is a refusal of the bundle, not the end of the process.
	defer func() {
		if recover() != nil {
			proved, f = nil, refuseAttestation(BundleMalformed, "the bundle makes its parser fail")
		}
	}()
	if proved, f = s.verifyMessage(b.version, message); f == nil && lesser != nil {
		return nil, lesser
	}
	return proved, f
}

// verifyMessage checks a decoded bundle.
func (s *sigstoreCheck) verifyMessage(version string, message *protobundle.Bundle) (*verifiedBundle, *Finding) {
	if f := logMaterial(version, message); f != nil {
		return nil, f
	}
	entity, err := sigstorebundle.NewBundle(message) // parsed anew for each evaluation: Verify changes the certificate
	if err != nil {
		return nil, s.explainUnreadable(version, message)
	}
	return s.verifyEntity(&signedEntity{Bundle: entity, compat: s.compat})
}

// logMaterial checks that each version carries what it must: v0.1 an inclusion
// promise, later ones an inclusion proof, and no entry twice.
func logMaterial(version string, m *protobundle.Bundle) *Finding {
	entries := m.GetVerificationMaterial().GetTlogEntries()
	var promised, proven bool
	for i, e := range entries {
		promised = promised || isPromised(e)
		proven = proven || e.GetInclusionProof() != nil
		for _, other := range entries[:i] {
			if e.GetLogIndex() == other.GetLogIndex() && bytes.Equal(e.GetLogId().GetKeyId(), other.GetLogId().GetKeyId()) {
				return refuseAttestation(TlogThreshold, "one log entry is there twice")
			}
		}
	}
	switch {
	case len(entries) == 0:
	case slices.ContainsFunc(entries, func(e *protorekor.TransparencyLogEntry) bool {
		return e.GetInclusionProof() != nil && e.GetInclusionProof().GetCheckpoint().GetEnvelope() == ""
	}):
		return refuseAttestation(TlogCheckpoint, "an inclusion proof has no checkpoint")
	case version == "0.1" && !promised:
		return refuseAttestation(TlogMissing, "a v0.1 bundle needs an inclusion promise")
	case version != "0.1" && !proven:
		return refuseAttestation(TlogMissing, "a v%s bundle needs an inclusion proof", version)
	}
	return nil
}

// isPromised reports whether the log signed the entry with its time.
func isPromised(e *protorekor.TransparencyLogEntry) bool {
	return len(e.GetInclusionPromise().GetSignedEntryTimestamp()) > 0
}

// verifyEntity asks sigstore-go, and on a refusal finds out what it was about.
func (s *sigstoreCheck) verifyEntity(b *signedEntity) (*verifiedBundle, *Finding) {
	material := s.trusted()
	v, err := verify.NewVerifier(material, s.options(b)...)
	if err != nil {
		return nil, refuseAttestation(BundleMalformed, "the thresholds do not fit together")
	}
	signer := verify.WithoutIdentitiesUnsafe() // identities are checked by us, afterwards
	if s.key != nil {
		signer = verify.WithKey()
	}
	result, err := v.Verify(b, verify.NewPolicy(s.artifactPolicy(b), signer))
	if err != nil {
		return nil, s.explain(b, material)
	}
	proved := &verifiedBundle{}
	for _, t := range result.VerifiedTimestamps {
		proved.times = append(proved.times, t.Timestamp.UTC())
	}
	slices.SortFunc(proved.times, time.Time.Compare)
	proved.times = slices.CompactFunc(proved.times, time.Time.Equal)
	if f := logWindows(b, material, proved.times); f != nil {
		return nil, f
	}
	if s.logged(b) {
		if f := soundEntries(b, material); f != nil {
			return nil, f
		}
	}
	if s.timed(b) {
		stamped, f := checkStamps(b, material)
		if f == nil {
			f = s.countByKey(b, material, len(stamped))
		}
		if f != nil {
			return nil, f
		}
	}
	if s.key == nil {
		if f := readableChain(b); f != nil {
			return nil, f
		}
		if proved.leaf, err = b.leaf(); err != nil {
			return nil, refuseAttestation(CertChain, "the certificate does not parse")
		}
		if f := soundLeaf(proved.leaf); f != nil {
			return nil, f
		}
	}
	if e := b.GetDsseEnvelope(); e != nil {
		proved.envelope = envelopeOf(e)
	}
	return proved, nil
}

// options turns the thresholds into sigstore-go's.
func (s *sigstoreCheck) options(b *signedEntity) []verify.VerifierOption {
	if s.key == nil {
		o := []verify.VerifierOption{verify.WithObserverTimestamps(max(s.need.timestamps, 1))}
		if s.need.tlogs > 0 {
			o = append(o, verify.WithTransparencyLog(s.need.tlogs))
		}
		if s.need.scts > 0 {
			o = append(o, verify.WithSignedCertificateTimestamps(s.need.scts))
		}
		return o
	}
	var o []verify.VerifierOption
	if s.logged(b) {
		o = append(o, verify.WithTransparencyLog(1))
	}
	if s.timed(b) {
		return append(o, verify.WithObserverTimestamps(1))
	}
	return append(o, verify.WithNoObserverTimestamps())
}

// logged reports whether log entries must verify, timed whether a time must come
// of it: a Rekor v2 entry has none, so it takes a promise or a timestamp.
func (s *sigstoreCheck) logged(b *signedEntity) bool {
	if s.key == nil {
		return s.need.tlogs > 0
	}
	return s.material != nil && len(b.GetVerificationMaterial().GetTlogEntries()) > 0
}

func (s *sigstoreCheck) timed(b *signedEntity) bool {
	if s.key == nil {
		return true
	}
	promised := false
	for _, e := range b.GetVerificationMaterial().GetTlogEntries() {
		promised = promised || isPromised(e)
	}
	return s.material != nil && (promised || len(b.GetVerificationMaterial().GetTimestampVerificationData().GetRfc3161Timestamps()) > 0)
}

// artifactPolicy binds a message signature to its artifact. An envelope binds
// itself; its subjects are checked by us, afterwards.
func (s *sigstoreCheck) artifactPolicy(b *signedEntity) verify.ArtifactPolicyOption {
	switch {
	case b.GetDsseEnvelope() != nil || s.artifact == nil:
		return verify.WithoutArtifactUnsafe()
	case s.artifact.known:
		return verify.WithArtifact(bytes.NewReader(s.artifact.bytes))
	}
	return verify.WithArtifactDigest("sha256", s.artifact.sha256[:])
}

// trusted returns what sigstore-go may trust: the roots, and our key for
// whatever hint the bundle has.
func (s *sigstoreCheck) trusted() root.TrustedMaterial {
	material := s.material
	if material == nil {
		material = &root.BaseTrustedMaterial{}
	}
	if s.key == nil {
		return material
	}
	key := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		v, err := s.key.sigstoreVerifier()
		if err != nil {
			return nil, err
		}
		return root.NewExpiringKey(v, time.Time{}, time.Time{}), nil // windows are ours to check
	})
	return root.TrustedMaterialCollection{key, material}
}

// sigstoreVerifier returns the key as sigstore-go wants it.
func (k *signingKey) sigstoreVerifier() (signature.Verifier, error) {
	hash := crypto.SHA256
	if k.algorithm == ECDSAP384 {
		hash = crypto.SHA384
	}
	o := []signature.LoadOption{options.WithHash(hash)}
	if k.algorithm == RSAPSSSHA256 {
		o = append(o, options.WithRSAPSS(pssOptions))
	}
	return signature.LoadVerifierWithOpts(k.public, o...)
}

// logWindows checks the window of each log key whose entry carries no time of
// its own, at every verified time: sigstore-go checks windows only with an
// inclusion promise. Only entries of known logs have been checked at all.
func logWindows(b *signedEntity, material root.TrustedMaterial, times []time.Time) *Finding {
	entries, err := b.TlogEntries()
	if err != nil {
		return refuseAttestation(BundleMalformed, "a log entry does not parse")
	}
	for _, e := range entries {
		log := material.RekorLogs()[hex.EncodeToString([]byte(e.LogKeyID()))]
		if log == nil || e.HasInclusionPromise() {
			continue
		}
		for _, at := range times {
			if at.Before(log.ValidityPeriodStart) || !log.ValidityPeriodEnd.IsZero() && at.After(log.ValidityPeriodEnd) {
				return refuseAttestation(TlogCheckpoint, "the log's key was not valid at %s, when the entry was made", stamp(at))
			}
		}
	}
	return nil
}

// soundEntries checks what entries of known logs say beside what sigstore-go looks at: it
// takes the kind from the body alone, and of a second-generation entry neither the body
// nor the root, size and index of its proof, since it makes the entry anew from the bundle.
func soundEntries(b *signedEntity, material root.TrustedMaterial) *Finding {
	entries, err := b.TlogEntries()
	if err != nil {
		return refuseAttestation(BundleMalformed, "a log entry does not parse")
	}
	for _, e := range entries {
		if material.RekorLogs()[hex.EncodeToString([]byte(e.LogKeyID()))] == nil {
			continue
		}
		switch entry := e.TransparencyLogEntry(); {
		case !namesItsBody(entry):
			return refuseAttestation(TlogMismatch, "the log entry is of another kind or version than it says")
		case entry.GetInclusionProof() != nil && !leadsToItsRoot(entry):
			return refuseAttestation(TlogInclusion, "the inclusion proof does not lead to its root")
		}
	}
	return nil
}

// countByKey holds the thresholds against the keys of the logs: sigstore-go counts
// their ids, and a trusted root can list one key under two.
func (s *sigstoreCheck) countByKey(b *signedEntity, material root.TrustedMaterial, stamped int) *Finding {
	if s.need.tlogs < 2 && s.need.timestamps < 2 {
		return nil
	}
	entries, err := b.TlogEntries()
	if err != nil {
		return refuseAttestation(BundleMalformed, "a log entry does not parse")
	}
	logs, timed := map[[32]byte]bool{}, map[[32]byte]bool{}
	for _, e := range entries {
		log := material.RekorLogs()[hex.EncodeToString([]byte(e.LogKeyID()))]
		one := &signedEntity{Bundle: b.Bundle, compat: b.compat, only: e}
		if _, err := verify.VerifyTlogEntry(one, material, 1, true); err != nil || log == nil {
			continue
		}
		logs[keyDigest(log.PublicKey)] = true
		if e.HasInclusionPromise() {
			timed[keyDigest(log.PublicKey)] = true
		}
	}
	switch {
	case len(logs) < s.need.tlogs:
		return refuseAttestation(TlogThreshold, "entries of %d logs verify, %d are needed", len(logs), s.need.tlogs)
	case s.need.tlogs > 0 && len(timed)+stamped < s.need.timestamps:
		return refuseAttestation(TimestampMissing, "%d of %d times that a log or a timestamp authority vouches for", len(timed)+stamped, s.need.timestamps)
	}
	return nil
}

// readableChain refuses a chain of which a certificate does not parse. None but
// the signer's is used: the others come from trust, and a root that the bundle
// brings says nothing.
func readableChain(b *signedEntity) *Finding {
	for _, c := range b.GetVerificationMaterial().GetX509CertificateChain().GetCertificates() {
		if _, err := x509.ParseCertificate(c.GetRawBytes()); err != nil {
			return refuseAttestation(CertChain, "a certificate of the chain does not parse")
		}
	}
	return nil
}

// soundLeaf checks what a chain alone does not say: that the certificate is a
// person's or a robot's for signing, and no authority's.
func soundLeaf(leaf *x509.Certificate) *Finding {
	if leaf.IsCA || leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return refuseAttestation(CertChain, "the certificate is not one for signing")
	}
	return nil
}

// signedEntity is a bundle as sigstore-go sees it, with its Statement handling
// switched off: it gets an empty one to look at, and nobody reads that.
type signedEntity struct {
	*sigstorebundle.Bundle
	compat bool
	only   *tlog.Entry // when set, the one log entry that is shown
}

// Version says which old mistakes sigstore-go should put up with.
func (b *signedEntity) Version() (string, error) {
	if b.compat {
		return b.Bundle.Version()
	}
	return "", nil
}

// TlogEntries returns the entries, or the one that is looked at.
func (b *signedEntity) TlogEntries() ([]*tlog.Entry, error) {
	if b.only != nil {
		return []*tlog.Entry{b.only}, nil
	}
	return b.Bundle.TlogEntries()
}

// SignatureContent wraps the envelope.
func (b *signedEntity) SignatureContent() (verify.SignatureContent, error) {
	content, err := b.Bundle.SignatureContent()
	if e, ok := content.(*sigstorebundle.Envelope); ok && err == nil {
		return entityEnvelope{e}, nil
	}
	return content, err
}

// leaf parses the signer's certificate, anew at each call.
func (b *signedEntity) leaf() (*x509.Certificate, error) {
	content, err := b.VerificationContent()
	if err != nil {
		return nil, err
	}
	if content.Certificate() == nil {
		return nil, sigstorebundle.ErrMissingVerificationMaterial
	}
	return content.Certificate(), nil
}

type entityEnvelope struct{ *sigstorebundle.Envelope }

func (e entityEnvelope) EnvelopeContent() verify.EnvelopeContent { return e }

// RawEnvelope leaves the key ids out. Whoever sends a bundle can write them, and
// the library below skips a key that it would give another id.
func (e entityEnvelope) RawEnvelope() *dsse.Envelope {
	raw := *e.Envelope.RawEnvelope()
	raw.Signatures = slices.Clone(raw.Signatures)
	for i := range raw.Signatures {
		raw.Signatures[i].KeyID = ""
	}
	return &raw
}

// Statement returns an empty one: the signed payload is parsed by us, after its
// signature checked.
func (entityEnvelope) Statement() (*statementpb.Statement, error) {
	return &statementpb.Statement{}, nil
}
