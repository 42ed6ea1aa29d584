// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// otherDigests are the digest algorithms that we know besides sha256 (in-toto's
// DigestSet names). They can contradict a subject, never make one.
var otherDigests = map[string]func([]byte) []byte{
	"sha1":       func(b []byte) []byte { s := sha1.Sum(b); return s[:] },
	"sha224":     func(b []byte) []byte { s := sha256.Sum224(b); return s[:] },
	"sha384":     func(b []byte) []byte { s := sha512.Sum384(b); return s[:] },
	"sha512":     func(b []byte) []byte { s := sha512.Sum512(b); return s[:] },
	"sha512_224": func(b []byte) []byte { s := sha512.Sum512_224(b); return s[:] },
	"sha512_256": func(b []byte) []byte { s := sha512.Sum512_256(b); return s[:] },
}

// checkSubjects checks that one subject of the claim's statement is the document,
// in whatever order they are.
func checkSubjects(c *claim, doc *parsedDocument) *Finding {
	want := hex.EncodeToString(doc.sha256[:])
	named := false
	var conflict *Finding
	for _, s := range c.statement.subjects {
		got, ok := s.digest["sha256"]
		if !ok {
			continue
		}
		named = true
		// SPEC: R5 a subject's sha256 equals the document's digest …
		if got != want {
			continue
		}
		// SPEC: R5 … and no other digest of a known algorithm in that subject is wrong.
		f := doc.digestConflict(c, s)
		if f == nil {
			return nil
		}
		conflict = cmp.Or(conflict, f)
	}
	switch {
	case conflict != nil:
		return conflict
	case !named:
		return refuse(c, SubjectDigestAlg, "no subject has a sha256 digest")
	}
	return refuse(c, SubjectMismatch, "is about another document, not sha256:%s", want)
}

// namesDocument reports whether a subject that has the document's sha256 has the name
// of what it is about, too.
func namesDocument(c *claim, doc *parsedDocument) bool {
	want := hex.EncodeToString(doc.sha256[:])
	return slices.ContainsFunc(c.statement.subjects, func(s subject) bool {
		return s.digest["sha256"] == want && s.name == doc.subject.name && doc.digestConflict(c, s) == nil
	})
}

// digestConflict says which other digest of a subject is not the document's.
// Without the body it repeats what the record says.
func (doc *parsedDocument) digestConflict(c *claim, s subject) *Finding {
	if doc.recordedFindings == nil {
		if alg := wrongDigest(s, doc.body); alg != "" {
			return refuse(c, SubjectMismatch, "a subject has the document's sha256 but another document's %s", alg)
		}
		return nil
	}
	for _, f := range doc.recordedFindings(c.attestation) {
		if f.Reason == SubjectMismatch && len(s.digest) > 1 {
			return &f
		}
	}
	return nil
}

// wrongDigest names the first known algorithm whose digest is not the body's.
func wrongDigest(s subject, body []byte) string {
	for _, alg := range slices.Sorted(maps.Keys(s.digest)) {
		if sum, known := otherDigests[alg]; known && s.digest[alg] != hex.EncodeToString(sum(body)) {
			return alg
		}
	}
	return ""
}

// refuse makes the finding of a claim that does not count. The caller fills in
// the document.
func refuse(c *claim, reason Reason, format string, args ...any) *Finding {
	return &Finding{Reason: reason, Document: -1, Attestation: c.attestation,
		Detail: clip(fmt.Sprintf(format, args...), MaxDetail-4)}
}
