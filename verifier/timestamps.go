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
	"io"
	"maps"
	"slices"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	tsa "github.com/sigstore/timestamp-authority/v2/pkg/verification"
)

// maxAhead is how far ahead of the driver's clock a log or a timestamp authority
// may be before what it vouches for does not count yet.
const maxAhead = 5 * time.Minute

// sigstoreRoot is a trusted root in which a service counts once, under however
// many names the file lists it. sigstore-go tells timestamp authorities apart by
// their uri and logs by their id.
type sigstoreRoot struct {
	*root.TrustedRoot
	stamping []root.TimestampingAuthority
	ctLogs   map[string]*root.TransparencyLog
}

func newSigstoreRoot(r *root.TrustedRoot) *sigstoreRoot {
	s := &sigstoreRoot{TrustedRoot: r, ctLogs: oneIDEach(r.CTLogs())}
	var list []*root.SigstoreTimestampingAuthority
	for _, a := range r.TimestampingAuthorities() {
		if a, ok := a.(*root.SigstoreTimestampingAuthority); ok {
			list = append(list, a)
		}
	}
	for i, name := range authorityNames(list) {
		s.stamping = append(s.stamping, stampAuthority{list[i], name})
	}
	return s
}

// TimestampingAuthorities returns the authorities under names of our own.
func (s *sigstoreRoot) TimestampingAuthorities() []root.TimestampingAuthority { return s.stamping }

// CTLogs returns each certificate transparency log once.
func (s *sigstoreRoot) CTLogs() map[string]*root.TransparencyLog { return s.ctLogs }

// oneIDEach leaves out a log that another id names too: an SCT does not sign the
// id of its log, so one of them could be shown under both. The id that counts is the
// digest of the key, as RFC 6962 has it, else the first.
func oneIDEach(logs map[string]*root.TransparencyLog) map[string]*root.TransparencyLog {
	byKey := map[[32]byte]string{}
	for _, id := range slices.Sorted(maps.Keys(logs)) {
		key := keyDigest(logs[id].PublicKey)
		if _, taken := byKey[key]; !taken || id == hex.EncodeToString(key[:]) {
			byKey[key] = id
		}
	}
	once := make(map[string]*root.TransparencyLog, len(byKey))
	for _, id := range byKey {
		once[id] = logs[id]
	}
	return once
}

// keyDigest is the sha256 of a key's SPKI, zero for a key of no known kind.
func keyDigest(key crypto.PublicKey) [32]byte {
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return [32]byte{}
	}
	return sha256.Sum256(spki)
}

// authorityNames names each authority so that those who are one have one name.
func authorityNames(list []*root.SigstoreTimestampingAuthority) []string {
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = fmt.Sprint(i)
		for j, other := range list[:i] {
			if !sameAuthority(a, other) {
				continue
			}
			for k, was := range names[:i+1] {
				if was == names[j] {
					names[k] = names[i]
				}
			}
		}
	}
	return names
}

// sameAuthority reports whether two authorities stamp with one key. One that is
// listed without its own certificate stamps with any key below its root.
func sameAuthority(a, b *root.SigstoreTimestampingAuthority) bool {
	if a.Leaf != nil && b.Leaf != nil {
		return bytes.Equal(a.Leaf.RawSubjectPublicKeyInfo, b.Leaf.RawSubjectPublicKeyInfo)
	}
	return a.Root != nil && b.Root != nil && bytes.Equal(a.Root.RawSubjectPublicKeyInfo, b.Root.RawSubjectPublicKeyInfo)
}

// stampAuthority is a timestamp authority under a name of our own.
type stampAuthority struct {
	*root.SigstoreTimestampingAuthority
	name string
}

// Verify checks a timestamp over a signature. The URI of the result is the
// authority's name.
func (a stampAuthority) Verify(stamp, signature []byte) (*root.Timestamp, error) {
	at, err := a.SigstoreTimestampingAuthority.Verify(stamp, signature)
	if err != nil {
		return nil, err
	}
	return &root.Timestamp{Time: at.Time, URI: a.name}, nil
}

// made reports whether the authority made the timestamp, over whatever it is.
func (a stampAuthority) made(stamp []byte) bool {
	if a.Root == nil {
		return false
	}
	// What was stamped is looked at last, once all else holds.
	stamped := &readReporter{}
	_, err := tsa.VerifyTimestampResponse(stamp, stamped, tsa.VerifyOpts{
		Roots: []*x509.Certificate{a.Root}, Intermediates: a.Intermediates, TSACertificate: a.Leaf,
	})
	return err == nil || stamped.read
}

// readReporter is empty, and remembers that somebody looked.
type readReporter struct{ read bool }

func (r *readReporter) Read([]byte) (int, error) {
	r.read = true
	return 0, io.EOF
}

// checkStamps refuses a timestamp that a known authority made over something
// else, or outside its own window, and a second one by one authority. sigstore-go
// passes over the former as long as there are times enough, and of the latter takes the
// first, so that their order would choose the time that counts. A timestamp by
// an authority that trust does not know says nothing. It returns the authorities.
func checkStamps(b *signedEntity, material root.TrustedMaterial) (map[string]bool, *Finding) {
	stamps, err := b.Timestamps()
	content, contentErr := b.SignatureContent()
	if err != nil || contentErr != nil {
		return nil, refuseAttestation(BundleMalformed, "the bundle holds no signature")
	}
	seen := map[string]bool{}
	for _, raw := range stamps {
		name, f := readStamp(raw, content.Signature(), material)
		switch {
		case f != nil:
			return nil, f
		case name == "":
			continue
		case seen[name]:
			return nil, refuseAttestation(TimestampInvalid, "one authority stamped the signature twice, and which of its times holds would be a matter of order")
		}
		seen[name] = true
	}
	return seen, nil
}

// readStamp returns the name of the authority that stamped the signature, "" for
// one that trust does not know.
func readStamp(stamp, signature []byte, material root.TrustedMaterial) (string, *Finding) {
	known := false
	for _, authority := range material.TimestampingAuthorities() {
		if at, err := authority.Verify(stamp, signature); err == nil {
			return at.URI, nil
		}
		a, ok := authority.(stampAuthority)
		known = known || ok && a.made(stamp)
	}
	if known {
		return "", refuseAttestation(TimestampInvalid, "a timestamp by an authority that trust knows is over another signature, or from a time at which it was not trusted")
	}
	return "", nil
}
