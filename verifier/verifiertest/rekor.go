// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"

	"github.com/sigdriver/sigdriver/verifier"
)

// Log is a Rekor log of the first generation (promises with a time, a tree id
// in the checkpoint) or the second (checkpoints only).
type Log struct {
	Host   string
	Key    *Key
	TreeID int64 // 0 in the second generation
	leaves [][]byte
}

func newLog(host string, key *Key, first bool) *Log {
	l := &Log{Host: host, Key: key}
	if first {
		l.TreeID = 1193050959916656506
	}
	for i := range 5 { // neighbours, so that proofs have something to prove
		l.leaves = append(l.leaves, leafHash(fmt.Appendf(nil, "an older entry, %d", i)))
	}
	return l
}

// BaseURL is how a trusted root names the log.
func (l *Log) BaseURL() string { return "https://" + l.Host }

// ID is the log's id: in the first generation the digest of its key, in the
// second the digest of its note key.
func (l *Log) ID() []byte {
	if l.TreeID != 0 {
		return unhex(l.Key.SHA256())
	}
	return noteKeyID(l.Host, l.Key)
}

// Origin is the first line of its checkpoints.
func (l *Log) Origin() string {
	if l.TreeID != 0 {
		return fmt.Sprintf("%s - %d", l.Host, l.TreeID)
	}
	return l.Host
}

// Signer is who signed what is logged: a certificate or a bare key.
type Signer struct {
	Certificate *x509.Certificate
	Key         *Key
}

func (s Signer) pem() []byte {
	if s.Certificate != nil {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate.Raw})
	}
	return []byte(s.Key.PEM())
}

// Body1 is the body of a first-generation entry of kind dsse 0.0.1.
func Body1(e Envelope, by Signer) []byte {
	hash := func(data []byte) Tree { return Tree{"algorithm": "sha256", "value": SHA256(data)} }
	return Canonical(Tree{"apiVersion": "0.0.1", "kind": "dsse", "spec": Tree{
		"envelopeHash": hash(e.JSON()),
		"payloadHash":  hash(e.PayloadBytes()),
		"signatures":   List{Tree{"signature": e.Signatures[0].Sig, "verifier": base64.StdEncoding.EncodeToString(by.pem())}},
	}})
}

// Body2 is the body of a second-generation entry of kind hashedrekord 0.0.2
// over the PAE.
func Body2(e Envelope, by Signer) []byte {
	details, algorithm, hashName := "PKIX_ECDSA_P256_SHA_256", sha256.New(), "SHA2_256"
	if by.Key.Algorithm != verifier.ECDSAP256 {
		panic("verifiertest: the second generation is made for P-256 only")
	}
	algorithm.Write(PAE(e.PayloadType, e.PayloadBytes()))
	who := Tree{"keyDetails": details}
	if by.Certificate != nil {
		who["x509Certificate"] = Tree{"rawBytes": base64.StdEncoding.EncodeToString(by.Certificate.Raw)}
	} else {
		who["publicKey"] = Tree{"rawBytes": base64.StdEncoding.EncodeToString(by.Key.SPKI())}
	}
	return Canonical(Tree{"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": Tree{"hashedRekordV002": Tree{
		"data":      Tree{"algorithm": hashName, "digest": base64.StdEncoding.EncodeToString(algorithm.Sum(nil))},
		"signature": Tree{"content": e.Signatures[0].Sig, "verifier": who},
	}}})
}

// Record logs an envelope at a time and returns the entry: with a promise, a
// proof and a checkpoint in the first generation, without promise and time in
// the second.
func (l *Log) Record(e Envelope, by Signer, at time.Time) *protorekor.TransparencyLogEntry {
	if l.TreeID != 0 {
		return l.Append(Body1(e, by), "dsse", "0.0.1", at)
	}
	return l.Append(Body2(e, by), "hashedrekord", "0.0.2", time.Time{})
}

// Append logs a body.
func (l *Log) Append(body []byte, kind, version string, at time.Time) *protorekor.TransparencyLogEntry {
	index := len(l.leaves)
	l.leaves = append(l.leaves, leafHash(body))
	entry := &protorekor.TransparencyLogEntry{
		LogIndex:          int64(index),
		LogId:             &protocommon.LogId{KeyId: l.ID()},
		KindVersion:       &protorekor.KindVersion{Kind: kind, Version: version},
		CanonicalizedBody: body,
		InclusionProof: &protorekor.InclusionProof{
			LogIndex: int64(index), TreeSize: int64(len(l.leaves)),
			RootHash: treeHash(l.leaves), Hashes: proof(index, l.leaves),
			Checkpoint: &protorekor.Checkpoint{Envelope: l.Checkpoint()},
		},
	}
	if !at.IsZero() {
		entry.IntegratedTime = at.Unix()
		l.Promise(entry)
	}
	return entry
}

// Promise signs the entry timestamp over the entry as it is now.
func (l *Log) Promise(entry *protorekor.TransparencyLogEntry) {
	payload := Canonical(Tree{
		"body":           base64.StdEncoding.EncodeToString(entry.CanonicalizedBody),
		"integratedTime": entry.IntegratedTime,
		"logIndex":       entry.LogIndex,
		"logID":          hex.EncodeToString(entry.LogId.KeyId),
	})
	entry.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: l.Key.Sign(payload)}
}

// Checkpoint is the signed note over the tree as it is now.
func (l *Log) Checkpoint() string {
	return l.SignNote(CheckpointText(l.Origin(), len(l.leaves), treeHash(l.leaves)))
}

// CheckpointText is the text of a checkpoint.
func CheckpointText(origin string, size int, root []byte) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root))
}

// SignNote signs a note's text by the log's key.
func (l *Log) SignNote(text string) string { return text + "\n" + NoteLine(l.Host, l.Key, text) }

// NoteLine is one signature line of a note.
func NoteLine(name string, key *Key, text string) string {
	hint := noteKeyID(name, key)[:4]
	return fmt.Sprintf("— %s %s\n", name, base64.StdEncoding.EncodeToString(append(hint, key.Sign([]byte(text))...)))
}

// noteKeyID is the note id of a key: the digest of the SPKI for ECDSA, of name
// and key for Ed25519.
func noteKeyID(name string, key *Key) []byte {
	if key.Algorithm != verifier.Ed25519 {
		return unhex(key.SHA256())
	}
	spki := key.SPKI()
	raw := string(spki[len(spki)-32:])
	return unhex(SHA256([]byte(strings.Join([]string{name, "\n", "\x01", raw}, ""))))
}

func leafHash(body []byte) []byte {
	sum := sha256.Sum256(append([]byte{0}, body...))
	return sum[:]
}

func nodeHash(left, right []byte) []byte {
	sum := sha256.Sum256(append(append([]byte{1}, left...), right...))
	return sum[:]
}

// treeHash is the Merkle tree hash of RFC 6962, 2.1.
func treeHash(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(len(leaves))
	return nodeHash(treeHash(leaves[:k]), treeHash(leaves[k:]))
}

// proof is the audit path of RFC 6962, 2.1.1.
func proof(index int, leaves [][]byte) [][]byte {
	if len(leaves) == 1 {
		return nil
	}
	k := split(len(leaves))
	if index < k {
		return append(proof(index, leaves[:k]), treeHash(leaves[k:]))
	}
	return append(proof(index-k, leaves[k:]), treeHash(leaves[:k]))
}

// split is the largest power of two below n.
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}
