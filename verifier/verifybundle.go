// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"regexp"
	"slices"
	"time"
)

// BundleInput is a Sigstore bundle and what it should prove about one artifact, as
// `sigdriver verify-bundle` and the Sigstore conformance suite ask.
// It has nothing to do with authorities or rules; the checks are those that
// Verify makes of a bundle.
type BundleInput struct {
	// Bundle is the bundle, JSON or protobuf, with a message signature or a
	// DSSE envelope. At most MaxAttestation bytes.
	Bundle []byte
	// TrustedRoot is a trusted_root.json of at most MaxTrustFile bytes. Required
	// unless there is a Key; then log entries and timestamps are checked only
	// with it.
	TrustedRoot []byte

	// Key is the PEM public key that must have signed. An RSA key is taken with
	// PKCS #1 v1.5 padding unless KeyAlgorithm says otherwise.
	Key          []byte
	KeyAlgorithm KeyAlgorithm
	// Without a Key the certificate must show this identity: each of the two
	// exactly, or by a regexp that must match the whole name.
	Identity, IdentityRegexp string
	Issuer, IssuerRegexp     string
	// Claims are what else the certificate must say: CertificateClaims and the
	// older githubWorkflowTrigger, SHA, Name, Repository and Ref, each exactly or, with Regexp at
	// the end of its name, by an anchored pattern.
	Claims map[string]string

	// Artifact is what was signed, or the subject of the Statement. When it is
	// nil, SHA256 is its digest; a message signature whose algorithm does not
	// hash with SHA-256 cannot be checked with that.
	Artifact []byte
	SHA256   [32]byte

	// Now is the caller's clock. A time that a log or a timestamp authority vouches
	// for and that lies more than five minutes ahead of it is refused; the zero
	// Now refuses none.
	Now time.Time
}

// BundleResult is what a bundle proves that verifies.
type BundleResult struct {
	// KeySHA256 is of the signer's SPKI: the key's or the certificate's.
	KeySHA256 [32]byte
	Algorithm KeyAlgorithm
	// Identity and Issuer are the certificate's; empty for a key.
	Identity, Issuer string
	// Claims are what else the certificate says, by name; empty for a key.
	Claims map[string]string
	// Times are the verified log and timestamp times, ascending.
	Times []time.Time
	// PredicateType is the Statement's; empty for a message signature.
	PredicateType string
	// SHA256 is the artifact's digest.
	SHA256 [32]byte
}

// BundleError is a bundle that does not verify. Reason is never Allowed.
type BundleError struct {
	Reason Reason
	Detail string // one clause, printable, foreign text quoted
}

func (e *BundleError) Error() string { return e.Reason.String() + ": " + e.Detail }

// BundleInputError is invalid input: the caller's mistake, not the bundle's.
type BundleInputError struct {
	Field string // of BundleInput
	Text  string
	Err   error
	// Unusable reports whether the field holds a public key or a trusted root, as
	// it should, with which nothing can be verified. Clients of Sigstore then say
	// that the bundle does not verify.
	Unusable bool
}

func (e *BundleInputError) Error() string {
	if e.Err != nil {
		return e.Field + ": " + e.Text + ": " + e.Err.Error()
	}
	return e.Field + ": " + e.Text
}

// Unwrap returns the cause.
func (e *BundleInputError) Unwrap() error { return e.Err }

// VerifyBundle verifies a Sigstore bundle. It fetches nothing and reads no clock.
// The error is a *BundleError when the bundle does not verify and a
// *BundleInputError when the input is invalid; with either there is no result.
func VerifyBundle(q *BundleInput) (*BundleResult, error) {
	check, err := q.check()
	if err != nil {
		return nil, err
	}
	who, err := q.signer()
	if err != nil {
		return nil, err
	}
	a, f := parseAttestation(q.Bundle)
	if f == nil && a.bundle == nil {
		f = refuseAttestation(BundleMalformed, "a bare DSSE envelope is not a Sigstore bundle")
	}
	var answer *BundleResult
	if f == nil {
		answer, f = q.judge(check, who, a)
	}
	if f != nil {
		return nil, &BundleError{Reason: f.Reason, Detail: f.Detail}
	}
	return answer, nil
}

// check prepares the bundle check: the roots, and as much evidence as they have
// the means to check.
func (q *BundleInput) check() (*sigstoreCheck, error) {
	s := &sigstoreCheck{compat: true, artifact: &artifact{bytes: q.Artifact, sha256: q.SHA256, known: q.Artifact != nil}}
	if s.artifact.known {
		s.artifact.sha256 = sha256.Sum256(q.Artifact)
	}
	if len(q.Key) > 0 {
		key, err := parseBundleKey(q.Key, q.KeyAlgorithm)
		if err != nil {
			return nil, &BundleInputError{Field: "Key", Text: "refused", Err: err, Unusable: isPublicKey(q.Key)}
		}
		s.key = key
	}
	if q.TrustedRoot == nil {
		if s.key == nil {
			return nil, &BundleInputError{Field: "TrustedRoot", Text: "required to verify a certificate"}
		}
		return s, nil
	}
	material, err := parseTrustedRoot(q.TrustedRoot)
	if err != nil {
		return nil, &BundleInputError{Field: "TrustedRoot", Text: "refused", Err: err, Unusable: checkJSON(q.TrustedRoot) == nil}
	}
	s.material = material
	s.need = thresholds{tlogs: min(1, len(material.RekorLogs())), timestamps: 1, scts: min(1, len(material.CTLogs()))}
	return s, nil
}

// parseBundleKey reads a key; RSA has a default here, as Sigstore's tools have.
func parseBundleKey(text []byte, algorithm KeyAlgorithm) (*signingKey, error) {
	key, err := parseKey(string(text), algorithm)
	if err != nil && algorithm == "" {
		if rsa, rsaErr := parseKey(string(text), RSAPKCS1v15); rsaErr == nil {
			return rsa, nil
		}
	}
	return key, err
}

// isPublicKey reports whether the text calls itself a public key.
func isPublicKey(text []byte) bool {
	block, _ := pem.Decode(text)
	return block != nil && (block.Type == "PUBLIC KEY" || block.Type == typePKCS1)
}

// certificateIdentity is who must have signed with a certificate.
type certificateIdentity struct {
	san, issuer *regexp.Regexp
	claims      []requiredClaim
}

// signer reads the identity that is asked for; nil when a key is.
func (q *BundleInput) signer() (*certificateIdentity, error) {
	if len(q.Key) > 0 {
		if q.Identity+q.IdentityRegexp+q.Issuer+q.IssuerRegexp != "" || len(q.Claims) > 0 {
			return nil, &BundleInputError{Field: "Key", Text: "give a key or an identity with its issuer, not both"}
		}
		return nil, nil
	}
	san, err := wholeName("Identity", q.Identity, q.IdentityRegexp)
	if err != nil {
		return nil, err
	}
	issuer, err := wholeName("Issuer", q.Issuer, q.IssuerRegexp)
	if err != nil {
		return nil, err
	}
	claims, member, err := readRequiredClaims(q.Claims, true)
	if err != nil {
		return nil, &BundleInputError{Field: "Claims", Text: quote(member), Err: err}
	}
	return &certificateIdentity{san, issuer, claims}, nil
}

// wholeName returns a regexp for a name given exactly or by a regexp, which is
// anchored here: what matches is the name and never a part of it.
func wholeName(field, exact, expr string) (*regexp.Regexp, error) {
	if (exact == "") == (expr == "") {
		return nil, &BundleInputError{Field: field, Text: "give it exactly or by a regexp, one of the two"}
	}
	if exact != "" {
		return regexp.MustCompile(`\A` + regexp.QuoteMeta(exact) + `\z`), nil
	}
	if _, err := regexp.Compile(expr); err != nil { // alone, so that it cannot close our group
		return nil, &BundleInputError{Field: field + "Regexp", Text: "does not compile", Err: err}
	}
	return regexp.MustCompile(`\A(?:` + expr + `)\z`), nil
}

func (q *BundleInput) judge(check *sigstoreCheck, who *certificateIdentity, a *attestation) (*BundleResult, *Finding) {
	budget := newSignatureBudget()
	seen, f := check.verify(a.bundle, budget)
	if f != nil {
		return nil, f
	}
	for _, at := range seen.times {
		if !q.Now.IsZero() && at.After(q.Now.Add(maxAhead)) {
			return nil, refuseAttestation(TimestampInvalid, "a log or a timestamp authority vouches for %s, which has not come yet", stamp(at))
		}
	}
	answer := &BundleResult{Times: seen.times, SHA256: check.artifact.sha256}
	if check.key != nil {
		answer.KeySHA256, answer.Algorithm = check.key.spki, check.key.algorithm
	} else {
		cert, f := readSigner(seen.leaf)
		if f != nil {
			return nil, f
		}
		if f := who.check(cert); f != nil {
			return nil, f
		}
		answer.KeySHA256, answer.Algorithm, answer.Identity, answer.Issuer = cert.spki, cert.algorithm, cert.san, cert.issuer
		answer.Claims = cert.claims
	}
	if seen.envelope == nil {
		return answer, nil
	}
	answer.PredicateType, f = predicateAbout(seen.envelope, check.artifact)
	if f != nil {
		return nil, f
	}
	return answer, nil
}

// check compares the certificate with who is asked for.
func (w *certificateIdentity) check(cert *signerCertificate) *Finding {
	switch {
	case !w.issuer.MatchString(cert.issuer):
		return refuseAttestation(CertIssuer, "vouched for by %s, not by the issuer asked for", quote(cert.issuer))
	case !w.san.MatchString(cert.san):
		return refuseAttestation(CertIdentity, "signed by %s, not by the identity asked for", quote(cert.san))
	}
	if missed := missedClaim(w.claims, cert.claims); missed != nil {
		return refuseAttestation(CertIdentity, "signed by %s, but not so: %s", quote(cert.san), claimFinding(missed, cert.claims))
	}
	return nil
}

// predicateAbout checks that the artifact is a subject of the verified Statement and
// returns its predicate type. Where the bytes are known a sha512 will do, and no
// digest of that subject may be wrong, as with a document.
func predicateAbout(e *envelope, about *artifact) (string, *Finding) {
	if e.payloadType != InTotoPayloadType {
		return "", refuseAttestation(PayloadType, "the payload type %s is not %s", quote(e.payloadType), InTotoPayloadType)
	}
	s, f := parseStatement(e.payload)
	if f != nil {
		return "", f
	}
	want := hex.EncodeToString(about.sha256[:])
	if !slices.ContainsFunc(s.subjects, func(s subject) bool {
		sum, named := s.digest["sha256"]
		_, strong := s.digest["sha512"]
		if !about.known {
			return sum == want
		}
		return (named && sum == want || !named && strong) && wrongDigest(s, about.bytes) == ""
	}) {
		return "", refuseAttestation(SubjectMismatch, "the Statement is not about sha256:%s", want)
	}
	return s.predicateType, nil
}
