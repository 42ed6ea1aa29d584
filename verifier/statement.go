// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"
	intoto "github.com/in-toto/in-toto-golang/in_toto"
)

// statement is an in-toto Statement read from a payload whose signature checked.
type statement struct {
	predicateType string // empty when the Statement has none; no rule asks for that
	subjects      []subject
	predicate     []byte // the raw predicate member; nil when there is none
}

// subject is one subject of a Statement: digest algorithm → hex digest.
type subject struct {
	name   string
	digest map[string]string
}

// The names that the in-toto specification gives a meaning. Others are ignored,
// as it demands, unless they could pass for one of these. The keys of a digest
// set are free, but a known algorithm has one spelling.
var (
	statementMembers = []string{"_type", "subject", "predicateType", "predicate"}
	subjectMembers   = []string{"name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"}
	digestAlgorithms = []string{
		"sha256", "sha224", "sha384", "sha512", "sha512_224", "sha512_256",
		"sha3_224", "sha3_256", "sha3_384", "sha3_512", "shake128", "shake256",
		"blake2b", "blake2s", "ripemd160", "sm3", "gost", "sha1", "md5",
		"gitCommit", "gitTree", "gitBlob", "gitTag", "dirHash",
	}
)

// The other names that a reader of protobuf JSON takes for some of them: those of
// the fields in the proto file. Beside the first they are a second value to such
// a reader and none to others.
var (
	statementAliases = map[string]string{"type": "_type", "predicate_type": "predicateType"}
	subjectAliases   = map[string]string{"download_location": "downloadLocation", "media_type": "mediaType"}
)

// refuseReadTwice refuses a name that some reader takes for a known one; nil for
// any other name.
func refuseReadTwice(reason Reason, name string, known []string, aliases map[string]string) *Finding {
	if k, ok := aliases[name]; ok {
		return refuseAttestation(reason, "the member %s could be taken for %q", quote(name), k)
	}
	return refuseVariant(reason, name, known)
}

// parseStatement reads a Statement from a payload whose signature checked. Only
// what judging needs is read; the predicate is left raw.
func parseStatement(payload []byte) (*statement, *Finding) {
	if err := checkJSON(payload); err != nil {
		reason := StatementMalformed
		if fault := (*jsonError)(nil); errors.As(err, &fault) && fault.Fault == jsonTooDeep {
			reason = EnvelopeTooDeep
		}
		return nil, refuseAttestation(reason, "the signed payload: %v", err)
	}
	list, ok := membersOf(payload)
	if !ok {
		return nil, refuseAttestation(StatementMalformed, "the signed payload is not a JSON object")
	}
	var typ, predicateType, subjects jsontext.Value
	s := &statement{}
	for _, m := range list {
		switch m.name {
		case "_type":
			typ = m.value
		case "predicateType":
			predicateType = m.value
		case "subject":
			subjects = m.value
		case "predicate":
			s.predicate = m.value
		default:
			if f := refuseReadTwice(StatementMalformed, m.name, statementMembers, statementAliases); f != nil {
				return nil, f
			}
		}
	}
	// v0.1 too, because tools in the field still write it.
	switch name, ok := stringOf(typ); {
	case typ == nil:
		return nil, refuseAttestation(StatementType, "the signed payload has no _type")
	case !ok:
		return nil, refuseAttestation(StatementMalformed, "_type is not a string")
	case name != intoto.StatementInTotoV1 && name != intoto.StatementInTotoV01:
		return nil, refuseAttestation(StatementType, "_type %s is no in-toto Statement version we know", quote(name))
	}
	if predicateType != nil {
		if s.predicateType, ok = stringOf(predicateType); !ok {
			return nil, refuseAttestation(StatementMalformed, "predicateType is not a string")
		}
	}
	var f *Finding
	if s.subjects, f = parseSubjects(subjects); f != nil {
		return nil, f
	}
	return s, nil
}

func parseSubjects(array jsontext.Value) ([]subject, *Finding) {
	if array == nil {
		return nil, refuseAttestation(SubjectMissing, "the Statement has no subject")
	}
	elements, ok := elementsOf(array, MaxSubjects)
	switch {
	case !ok:
		return nil, refuseAttestation(StatementMalformed, "subject is not an array")
	case len(elements) == 0:
		return nil, refuseAttestation(SubjectMissing, "the Statement has no subject")
	case len(elements) > MaxSubjects:
		return nil, refuseAttestation(StatementMalformed, "more than %d subjects", MaxSubjects)
	}
	list := make([]subject, 0, len(elements))
	for _, v := range elements {
		s, f := parseSubject(v)
		if f != nil {
			return nil, f
		}
		list = append(list, s)
	}
	return list, nil
}

func parseSubject(object jsontext.Value) (s subject, f *Finding) {
	list, ok := membersOf(object)
	if !ok {
		return s, refuseAttestation(StatementMalformed, "a subject is not a JSON object")
	}
	for _, m := range list {
		switch m.name {
		case "name":
			if s.name, ok = stringOf(m.value); !ok && m.value.Kind() != 'n' {
				return s, refuseAttestation(StatementMalformed, "a subject's name is not a string")
			}
		case "digest":
			if s.digest, f = parseDigestSet(m.value); f != nil {
				return s, f
			}
		default:
			if f := refuseReadTwice(StatementMalformed, m.name, subjectMembers, subjectAliases); f != nil {
				return s, f
			}
		}
	}
	if len(s.digest) == 0 {
		return s, refuseAttestation(SubjectMissing, "a subject has no digest")
	}
	return s, nil
}

func parseDigestSet(object jsontext.Value) (map[string]string, *Finding) {
	list, ok := membersOf(object)
	if !ok {
		return nil, refuseAttestation(StatementMalformed, "a subject's digest is not a JSON object")
	}
	set := make(map[string]string, len(list))
	for _, m := range list {
		if f := refuseVariant(SubjectDigestAlg, m.name, digestAlgorithms); f != nil {
			return nil, f
		}
		value, ok := stringOf(m.value)
		if !ok {
			return nil, refuseAttestation(StatementMalformed, "the digest %s is not a string", quote(m.name))
		}
		set[m.name] = value
	}
	return set, nil
}
