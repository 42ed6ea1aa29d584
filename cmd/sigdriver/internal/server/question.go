// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/grpc/mem"

	"github.com/sigdriver/sigdriver/verifier"
)

// The fields of VerifyRequest and Target that are read before the rest.
const (
	fieldRequestID = 1
	fieldPurpose   = 2
	fieldTarget    = 3
	fieldDocuments = 4
	fieldHost      = 8
	fieldWithout   = 9 // providers_without_profile
	fieldFirst     = 1 // gateway_id of Target, policy_hash of Host

	fieldAttestations = 5 // of Document
)

// question is what the envelope of an encoded VerifyRequest says: enough to
// know who is asked about, nothing of what is asked.
type question struct {
	requestID []byte
	gatewayID []byte
	purpose   uint64
	// silent are the parts that cannot change an answer, in order: request_id
	// and host.
	silent [2]span
}

// span is bytes from..to of a message.
type span struct{ from, to int }

// readQuestion reads the top level of an encoded VerifyRequest. It never looks
// into a document. A field that may occur once and occurs twice is refused: the
// readers of protobuf differ in what they make of it.
func readQuestion(data mem.BufferSlice) (q question, err error) {
	w := wire{rest: data}
	end := data.Len()
	seen, silent, documents, without := 0, 0, 0, 0
	for w.off < end {
		f, ok := w.next(end)
		if !ok {
			return q, malformed("request", "is not a protobuf message")
		}
		if f.number <= fieldHost && f.number != fieldDocuments {
			if seen&(1<<f.number) != 0 {
				return q, malformed("request", "has field %d twice", f.number)
			}
			seen |= 1 << f.number
		}
		if f.number == fieldDocuments {
			if documents++; documents > verifier.MaxDocuments {
				return q, tooLarge("documents", verifier.MaxDocuments, "documents")
			}
		}
		if f.number == fieldWithout {
			if without++; without > verifier.MaxDocuments {
				return q, tooLarge("providers_without_profile", verifier.MaxDocuments, "providers")
			}
		}
		if f.number == fieldPurpose {
			q.purpose = f.value
		}
		if f.kind != kindBytes {
			continue
		}
		switch f.number {
		case fieldRequestID:
			if f.size > 4*verifier.MaxRequestID {
				return q, badRequestID()
			}
			q.requestID, ok = w.take(f.size)
		case fieldTarget:
			if q.gatewayID, err = readFirst(&w, f.body+f.size, "target", "gateway_id"); err != nil {
				return q, err
			}
		case fieldHost: // it is silent, so nothing after this looks at it when the answer is cached
			if _, err = readFirst(&w, f.body+f.size, "host", "policy_hash"); err != nil {
				return q, err
			}
		default:
			ok = w.skip(f.size)
		}
		if !ok {
			return q, malformed("request", "is not a protobuf message")
		}
		if f.number == fieldRequestID || f.number == fieldHost {
			q.silent[silent], silent = span{f.start, w.off}, silent+1
		}
	}
	return q, q.check()
}

// readFirst reads the first field of one Target or Host up to end: a string.
func readFirst(w *wire, end int, message, name string) (value []byte, err error) {
	seen := false
	for w.off < end {
		f, ok := w.next(end)
		switch {
		case !ok:
			return nil, malformed(message, "is not a protobuf message")
		case f.kind != kindBytes:
		case f.number != fieldFirst:
			ok = w.skip(f.size)
		case seen:
			return nil, malformed(message, "has field %d twice", f.number)
		case f.size > verifier.MaxName:
			return nil, tooLarge(message+"."+name, verifier.MaxName, "bytes")
		default:
			seen = true
			value, ok = w.take(f.size)
			ok = ok && utf8.Valid(value)
		}
		if !ok {
			return nil, malformed(message, "is not a protobuf message")
		}
	}
	return value, nil
}

// countAttestations refuses a document with more attestations than allowed before
// protobuf makes a slice for each of them, and returns how many there are in all. The
// message is one that readQuestion took.
func countAttestations(data mem.BufferSlice) (all int, err error) {
	w := wire{rest: data}
	end, document := data.Len(), -1
	for w.off < end {
		f, ok := w.next(end)
		if ok && f.kind == kindBytes {
			if f.number != fieldDocuments {
				ok = w.skip(f.size)
			} else {
				document++
				n, err := countIn(&w, f.body+f.size, document)
				if err != nil {
					return 0, err
				}
				all += n
			}
		}
		if !ok {
			return 0, malformed("request", "is not a protobuf message")
		}
	}
	return all, nil
}

func bringsAttestations(data mem.BufferSlice) bool {
	n, err := countAttestations(data)
	return n > 0 || err != nil // which is said in its place
}

func countIn(w *wire, end, document int) (n int, err error) {
	for w.off < end {
		f, ok := w.next(end)
		if ok && f.kind == kindBytes {
			ok = w.skip(f.size)
		}
		if !ok {
			return 0, malformed(fmt.Sprintf("documents[%d]", document), "is not a protobuf message")
		}
		if f.number == fieldAttestations {
			if n++; n > verifier.MaxAttestations {
				return 0, tooLarge(fmt.Sprintf("documents[%d].attestations", document), verifier.MaxAttestations, "attestations")
			}
		}
	}
	return n, nil
}

func (q *question) check() error {
	n := utf8.RuneCount(q.requestID)
	if n < 1 || n > verifier.MaxRequestID || !utf8.Valid(q.requestID) {
		return badRequestID()
	}
	if len(q.gatewayID) == 0 {
		return malformed("target.gateway_id", "is required, 1 to %d bytes", verifier.MaxName)
	}
	return nil
}

func badRequestID() error {
	return malformed("request_id", "must be 1 to %d characters of UTF-8", verifier.MaxRequestID)
}
