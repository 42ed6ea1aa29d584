// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	prototrust "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// The keyless positives that negatives start from.
const (
	keylessRekor1  = "allow-keyless-rekor1"
	keylessRekor2  = "allow-keyless-rekor2"
	keylessStamps  = "allow-keyless-timestamp-only"
	keylessTwoLogs = "allow-keyless-two-logs"
	keylessTwoTSAs = "allow-keyless-two-timestamps"
	keylessKey     = "allow-key-logged"
)

// keylessCases need certificates: they are made anew by each run.
func keylessCases() []*Case {
	var cases []*Case
	for _, list := range [][]*Case{keylessAllows(), keylessTimesAllowed(), keylessLogs(), keylessTimes(), keylessCertificates(), keylessSigners(), keylessClaimCases()} {
		cases = append(cases, list...)
	}
	for _, c := range cases {
		c.perRun()
	}
	return cases
}

func keylessAllows() []*Case {
	robot, dave := by(42, "robot"), by(42, "dave")
	rekor2 := vt.Evidence{Rekor2: true, TSAs: 1}
	return []*Case{
		allows(keylessRekor1, "A certificate, seen by a Rekor log of the first generation.", evidence(vt.Evidence{Rekor1: true}), robot),
		allows("allow-keyless-rekor1-timestamp", "The same with a timestamp.", evidence(vt.Evidence{Rekor1: true, TSAs: 1}), robot),
		allows(keylessRekor2, "A certificate, seen by a Rekor log of the second generation, with a timestamp.", evidence(rekor2), robot),
		allows(keylessStamps, "A certificate with a timestamp where trust asks for no log.", stampsOnly, robot),
		allows(keylessTwoLogs, "Two logs where trust asks for two.", twoLogs, robot),
		allows(keylessTwoTSAs, "Two timestamps where trust asks for two.", twoTSAs, robot),
		allows("allow-keyless-v0.1", "A bundle v0.1.", evidence(vt.Evidence{Rekor1: true, Version: "0.1"}), robot),
		allows("allow-keyless-v0.2", "A bundle v0.2.", evidence(vt.Evidence{Rekor1: true, Version: "0.2"}), robot),
		allows("allow-keyless-intermediate", "A bundle v0.2 whose chain holds the intermediate too.", chained(false), robot),
		allows("allow-keyless-root", "A bundle v0.2 whose chain holds the root too: it is passed over, since roots come from trust alone.", chained(true), robot).attack("SB-12"),
		allows("allow-keyless-v0.1-promise-only", "A bundle v0.1 with a promise and no proof, as old clients wrote it.", promiseOnly, robot),
		allows("allow-keyless-protobuf", "A bundle in protobuf.", inProtobuf, robot),
		allows("allow-keyless-p384", "A certificate for ECDSA P-384.", leafOf(verifier.ECDSAP384), robot),
		allows("allow-keyless-ed25519", "A certificate for Ed25519.", leafOf(verifier.Ed25519), robot),
		allows("allow-key-logged-v2", "A key-signed bundle that a log of the second generation has seen, with a timestamp.", loggedKeyIn(vt.Evidence{Rekor2: true, TSAs: 1}), dave),
		allows("allow-key-stamped", "A key-signed bundle with a timestamp alone.", loggedKeyIn(vt.Evidence{TSAs: 1}), dave),
		allows("allow-keyless-any-name", "A pattern that takes any name of an issuer.", anyName, robot),
		allows("allow-keyless-logged-twice", "Two entries of one log where trust asks for one log.", loggedTwice, robot),
		allows("allow-keyless-identities", "A principal of two identities, who signed by the first.", twoIdentities, robot),
		allows("allow-keyless-max-age", "An old approval that a log saw an hour ago: age is measured from there.", loggedRecently, robot),
		allows("allow-key-max-age-stamped", "A bare signature that is too old, stamped since: what has a time is as old as that.", stampedSince, dave),
		allows("allow-keyless-email", "An email address that an anchored pattern matches.", emailByPattern, robot),
		allows("allow-keyless-log-key-rotated", "The log's key was valid when the robot signed and was retired since.", rotatedLog, robot).attack("SB-23"),
		allows("allow-keyless-cosigned", "A checkpoint with the log's signature after that of a witness nobody knows.", cosigned, robot).attack("SB-07"),
		allows(keylessKey, "A key-signed bundle that a log has seen.", loggedKeyIn(vt.Evidence{Rekor1: true}), dave),
		allows("allow-key-window-logged", "The key's window has ended since, but a log saw the signature inside it.", loggedInWindow, dave),
	}
}

// offer offers a bundle made in a changed world.
func offer(change func(*vt.World)) func(*vt.Scenario) {
	return func(s *vt.Scenario) {
		w := vt.NewWorld()
		change(w)
		s.Offer(0, w.Bundle(s).JSON())
	}
}

// rebundle changes a bundle with this evidence before it is written.
func rebundle(e vt.Evidence, change func(*vt.World, vt.Bundle)) func(*vt.Scenario) {
	return func(s *vt.Scenario) {
		w := vt.NewWorld()
		w.Evidence = e
		b := w.Bundle(s)
		change(w, b)
		s.Offer(0, b.JSON())
	}
}

// trusting changes the trusted root.
func trusting(change func(*prototrust.TrustedRoot)) func(*vt.Scenario) {
	return func(s *vt.Scenario) {
		root := vt.NewWorld().Sigstore.Trusted()
		change(root)
		s.TrustedRoot = vt.TrustedRootJSON(root)
	}
}

func keylessLogs() []*Case {
	one, two := vt.Evidence{Rekor1: true}, vt.Evidence{Rekor2: true, TSAs: 1}
	here := func(r verifier.Reason) Want { return at(r, 0, 0) }
	// inclusion changes the inclusion proof.
	inclusion := func(name, about string, change func(*vt.World, vt.Bundle)) *Case {
		return denies("tlog-inclusion-"+name, keylessRekor1, about, rebundle(one, change), here(verifier.TlogInclusion)).attack("SB-06")
	}
	// inclusion2 changes what an entry of the second generation says beside its hashes.
	inclusion2 := func(name, about string, change func(*vt.World, vt.Bundle)) *Case {
		return denies("tlog-inclusion-v2-"+name, keylessRekor2, about+", second generation.", rebundle(two, change), here(verifier.TlogInclusion)).attack("SB-06")
	}
	// checkpoint replaces the checkpoint of either generation.
	checkpoint := func(name, positive, about string, e vt.Evidence, note func(log *vt.Log, size int64, root []byte) string) *Case {
		return denies("tlog-checkpoint-"+name, positive, about, rebundle(e, func(w *vt.World, b vt.Bundle) {
			log := w.Sigstore.Rekor1
			if e.Rekor2 {
				log = w.Sigstore.Rekor2
			}
			p := b.Entry(0).InclusionProof
			p.Checkpoint.Envelope = note(log, p.TreeSize, p.RootHash)
		}), here(verifier.TlogCheckpoint)).attack("SB-07")
	}
	otherRoot := vt.Must(hex.DecodeString(vt.SHA256([]byte("another tree"))))
	signNote := func(log *vt.Log, text string) string { return log.SignNote(text) }
	return []*Case{
		denies("tlog-missing", keylessRekor1, "No log entry where trust asks for one.", rebundle(one, func(_ *vt.World, b vt.Bundle) { b.VerificationMaterial.TlogEntries = nil }), here(verifier.TlogMissing)),
		denies("tlog-missing-promise", "allow-keyless-v0.1", "A bundle v0.1 without the log's promise.",
			rebundle(vt.Evidence{Rekor1: true, Version: "0.1"}, func(_ *vt.World, b vt.Bundle) { b.Entry(0).InclusionPromise = nil }), here(verifier.TlogMissing)).attack("SB-14"),
		denies("tlog-missing-proof", keylessRekor1, "A bundle v0.3 without an inclusion proof.",
			rebundle(one, func(_ *vt.World, b vt.Bundle) { b.Entry(0).InclusionProof = nil }), here(verifier.TlogMissing)),
		denies("tlog-missing-log-removed", keylessRekor1, "The log is no longer in the trusted root.",
			trusting(func(r *prototrust.TrustedRoot) { r.Tlogs = r.Tlogs[1:] }), here(verifier.TlogMissing)).attack("SB-23"),
		denies("tlog-mismatch", keylessRekor1, "The log entry of another bundle.",
			rebundle(one, func(w *vt.World, b vt.Bundle) { b.VerificationMaterial.TlogEntries[0] = otherEntry(w, one) }), here(verifier.TlogMismatch)).attack("SB-02"),
		denies("tlog-mismatch-v2", keylessRekor2, "The second-generation log entry of another bundle.",
			rebundle(two, func(w *vt.World, b vt.Bundle) { b.VerificationMaterial.TlogEntries[0] = otherEntry(w, two) }), here(verifier.TlogMismatch)).attack("SB-02", "SB-24"),
		relogged("verifier", "A log entry of the same signature under another certificate.", one, func(w *vt.World, e vt.Envelope, _ vt.Signer) []byte {
			cert, key := w.Sigstore.Issue(vt.Leaf{SAN: vt.Robot, Issuer: vt.Issuer, At: w.Leaf.At.Add(time.Second)})
			return vt.Body1(e, vt.Signer{Certificate: cert, Key: key})
		}),
		relogged("payload", "A log entry of the same signature over another payload.", one, func(_ *vt.World, e vt.Envelope, by vt.Signer) []byte {
			e.Payload = base64.StdEncoding.EncodeToString([]byte("{}"))
			return vt.Body1(e, by)
		}),
		relogged("verifier-v2", "The same in the second generation: another certificate.", two, func(w *vt.World, e vt.Envelope, _ vt.Signer) []byte {
			cert, key := w.Sigstore.Issue(vt.Leaf{SAN: vt.Robot, Issuer: vt.Issuer, At: w.Leaf.At.Add(time.Second)})
			return vt.Body2(e, vt.Signer{Certificate: cert, Key: key})
		}),
		relogged("payload-v2", "The same in the second generation: another payload.", two, func(_ *vt.World, e vt.Envelope, by vt.Signer) []byte {
			e.Payload = base64.StdEncoding.EncodeToString([]byte("{}"))
			return vt.Body2(e, by)
		}),
		denies("tlog-threshold", keylessTwoLogs, "One log where trust asks for two.", offer(func(w *vt.World) { w.Evidence = vt.Evidence{Rekor1: true, TSAs: 1} }), here(verifier.TlogThreshold)),
		denies("tlog-threshold-one-log-twice", keylessTwoLogs, "Two entries of one log where trust asks for two logs.",
			rebundle(vt.Evidence{Rekor1: true, TSAs: 1}, func(w *vt.World, b vt.Bundle) { b.AddEntry(again(w, b)) }), here(verifier.TlogThreshold)).attack("SB-03"),
		denies("tlog-threshold-one-entry-twice", keylessTwoLogs, "The same entry twice.",
			rebundle(vt.Evidence{Rekor1: true, TSAs: 1}, func(_ *vt.World, b vt.Bundle) { b.AddEntry(proto.CloneOf(b.Entry(0))) }), here(verifier.TlogThreshold)).attack("SB-03"),
		denies("bundle-malformed-33-entries", keylessRekor1, "One log entry more than the limit.",
			rebundle(one, func(_ *vt.World, b vt.Bundle) {
				for i := range verifier.MaxTlogEntries {
					e := proto.CloneOf(b.Entry(0))
					e.LogIndex += int64(i) + 1
					b.AddEntry(e)
				}
			}), here(verifier.BundleMalformed)).attack("SB-05"),
		denies("tlog-set", keylessRekor1, "The promise is by another key.",
			rebundle(one, func(w *vt.World, b vt.Bundle) {
				forged := &vt.Log{Host: w.Sigstore.Rekor1.Host, Key: vt.NewKey("another log", verifier.ECDSAP256), TreeID: 1}
				forged.Promise(b.Entry(0))
			}), here(verifier.TlogSET)),
		denies("tlog-set-time", keylessRekor1, "The integrated time changed after the promise was signed.",
			rebundle(one, func(_ *vt.World, b vt.Bundle) { b.Entry(0).IntegratedTime-- }), here(verifier.TlogSET)),
		inclusion("root", "Another root hash.", func(_ *vt.World, b vt.Bundle) { b.Entry(0).InclusionProof.RootHash = otherRoot }),
		inclusion("sibling", "One bit of one sibling.", func(_ *vt.World, b vt.Bundle) { b.Entry(0).InclusionProof.Hashes[0][0] ^= 1 }),
		inclusion("index", "An index that is not in the tree.", func(_ *vt.World, b vt.Bundle) {
			b.Entry(0).InclusionProof.LogIndex = b.Entry(0).InclusionProof.TreeSize
		}),
		inclusion("size", "A tree of size 0.", func(_ *vt.World, b vt.Bundle) { b.Entry(0).InclusionProof.TreeSize = 0 }),
		inclusion("long", "A path with one hash more.", func(_ *vt.World, b vt.Bundle) {
			p := b.Entry(0).InclusionProof
			p.Hashes = append(p.Hashes, otherRoot)
		}),
		inclusion("negative", "A negative index.", func(_ *vt.World, b vt.Bundle) { b.Entry(0).InclusionProof.LogIndex = -1 }),
		denies("tlog-inclusion-v2", keylessRekor2, "One bit of one sibling, second generation.",
			rebundle(two, func(_ *vt.World, b vt.Bundle) { b.Entry(0).InclusionProof.Hashes[0][0] ^= 1 }), here(verifier.TlogInclusion)).attack("SB-06"),
		inclusion2("root", "Another root hash", func(_ *vt.World, b vt.Bundle) { b.Entry(0).InclusionProof.RootHash = otherRoot }),
		inclusion2("index", "An index that is not in the tree", func(_ *vt.World, b vt.Bundle) {
			b.Entry(0).InclusionProof.LogIndex = b.Entry(0).InclusionProof.TreeSize
		}),
		inclusion2("size", "A tree of size 0", func(_ *vt.World, b vt.Bundle) { b.Entry(0).InclusionProof.TreeSize = 0 }),
		inclusion2("negative", "A negative index", func(_ *vt.World, b vt.Bundle) { b.Entry(0).InclusionProof.LogIndex = -1 }),
		inclusion2("body", "Another certificate in the body than the bundle's, under the proof of the true one", func(w *vt.World, b vt.Bundle) {
			b.Entry(0).CanonicalizedBody = otherEntry(w, two).CanonicalizedBody
		}),
		denies("tlog-mismatch-kind", keylessRekor1, "An entry that says it is of another kind than its body is.",
			rebundle(one, func(_ *vt.World, b vt.Bundle) { b.Entry(0).KindVersion.Kind = "intoto" }), here(verifier.TlogMismatch)),
		denies("tlog-mismatch-kind-v2", keylessRekor2, "The same in the second generation.",
			rebundle(two, func(_ *vt.World, b vt.Bundle) { b.Entry(0).KindVersion.Version = "0.0.1" }), here(verifier.TlogMismatch)),
		checkpoint("root", keylessRekor1, "A checkpoint of another root.", one, func(l *vt.Log, size int64, _ []byte) string {
			return signNote(l, vt.CheckpointText(l.Origin(), int(size), otherRoot))
		}),
		checkpoint("size", keylessRekor1, "A checkpoint without a size.", one, func(l *vt.Log, size int64, root []byte) string {
			return signNote(l, string(vt.Edit([]byte(vt.CheckpointText(l.Origin(), int(size), root)), "\n6\n", "\n\n")))
		}),
		checkpoint("key", keylessRekor1, "A checkpoint by another key.", one, func(l *vt.Log, size int64, root []byte) string {
			text := vt.CheckpointText(l.Origin(), int(size), root)
			return text + "\n" + vt.NoteLine(l.Host, vt.NewKey("another log", verifier.ECDSAP256), text)
		}),
		checkpoint("hint", keylessRekor1, "A checkpoint whose key hint is another key's.", one, func(l *vt.Log, size int64, root []byte) string {
			text := vt.CheckpointText(l.Origin(), int(size), root)
			return rehint(signNote(l, text))
		}),
		checkpoint("cosigned", keylessRekor1, "A first-generation checkpoint with a second signature.", one, func(l *vt.Log, size int64, root []byte) string {
			text := vt.CheckpointText(l.Origin(), int(size), root)
			return signNote(l, text) + vt.NoteLine("witness.test.example", vt.NewKey("witness", verifier.ECDSAP256), text)
		}),
		checkpoint("origin", keylessRekor2, "A checkpoint of another origin.", two, func(l *vt.Log, size int64, root []byte) string {
			text := vt.CheckpointText("other.test.example", int(size), root)
			return text + "\n" + vt.NoteLine("other.test.example", l.Key, text)
		}),
		checkpoint("hint-v2", keylessRekor2, "A second-generation checkpoint whose key hint is another key's.", two, func(l *vt.Log, size int64, root []byte) string {
			return rehint(signNote(l, vt.CheckpointText(l.Origin(), int(size), root)))
		}),
		denies("tlog-checkpoint-base-url", keylessRekor2, "The trusted root does not say the log's baseUrl.",
			trusting(func(r *prototrust.TrustedRoot) { r.Tlogs[1].BaseUrl = "" }), here(verifier.TlogCheckpoint)).attack("SB-24"),
		denies("tlog-checkpoint-window-v2", keylessRekor2, "The second-generation log's key was retired before the robot signed.",
			trusting(func(r *prototrust.TrustedRoot) {
				r.Tlogs[1].PublicKey.ValidFor.End = timestamppb.New(vt.NewWorld().Leaf.At)
			}), here(verifier.TlogCheckpoint)),
		denies("tlog-set-window", "allow-keyless-log-key-rotated", "The first-generation log's key was retired before the robot signed.",
			trusting(func(r *prototrust.TrustedRoot) {
				r.Tlogs[0].PublicKey.ValidFor.End = timestamppb.New(vt.NewWorld().Leaf.At)
			}), here(verifier.TlogSET)),
		denies("timestamp-missing", keylessStamps, "No timestamp where trust asks for one.", offer(func(w *vt.World) { w.Evidence = vt.Evidence{} }), here(verifier.TimestampMissing)).attack("SB-08"),
		denies("timestamp-missing-v2", keylessRekor2, "A second-generation log entry says no time.", offer(func(w *vt.World) { w.Evidence = vt.Evidence{Rekor2: true} }), here(verifier.TimestampMissing)).attack("SB-08"),
		denies("timestamp-missing-second", keylessTwoTSAs, "One timestamp where trust asks for two.", offer(func(w *vt.World) { w.Evidence = two }), here(verifier.TimestampMissing)),
		denies("timestamp-invalid", keylessStamps, "A timestamp over another signature.",
			rebundle(vt.Evidence{}, func(w *vt.World, b vt.Bundle) {
				b.AddTimestamp(w.Sigstore.TSAs[0].Stamp([]byte("another"), w.Signed()))
			}), here(verifier.TimestampInvalid)),
		denies("timestamp-invalid-authority", keylessStamps, "A timestamp by an authority that trust does not know.",
			rebundle(vt.Evidence{}, func(w *vt.World, b vt.Bundle) {
				other := vt.NewSigstore("another", vt.Now).TSAs[0]
				b.AddTimestamp(other.Stamp(b.Envelope().Signatures[0].Sig, w.Signed()))
			}), here(verifier.TimestampInvalid)),
		denies("timestamp-invalid-same-authority", keylessTwoTSAs, "Two timestamps of one authority where trust asks for two.",
			rebundle(two, func(w *vt.World, b vt.Bundle) {
				b.AddTimestamp(w.Sigstore.TSAs[0].Stamp(b.Envelope().Signatures[0].Sig, w.Signed().Add(time.Second)))
			}), here(verifier.TimestampInvalid)),
		twiceStamped("", "A second timestamp of one authority, outside the certificate's ten minutes.", false),
		twiceStamped("-first", "The same before the one that is inside them: order says nothing.", true),
		denies("key-tlog-mismatch", keylessKey, "A key-signed bundle with the log entry of another.",
			func(s *vt.Scenario) {
				w := vt.NewWorld()
				by := vt.Signer{Key: vt.Person("dave")}
				e := s.Approval(0).Of(s.Body(0)).Seal(vt.Person("dave"))
				b := w.Sigstore.Gather(e, by, w.Signed(), one)
				b.VerificationMaterial.TlogEntries[0] = w.Sigstore.Rekor1.Record(vt.Seal([]byte("{}"), vt.Person("dave")), by, w.Signed())
				s.Offer(0, b.JSON())
			}, here(verifier.TlogMismatch)).attack("SB-02"),
		denies("attestation-too-old-logged", "allow-keyless-max-age", "A log saw the approval before the rule's maxAge.",
			func(s *vt.Scenario) { s.Authorities.Rule("profiles").MaxAge = "58m" }, here(verifier.AttestationTooOld)),
		denies("attestation-too-old-unstamped", "allow-key-max-age-stamped", "The same without its timestamp.",
			func(s *vt.Scenario) { s.Approve(0, "dave") }, here(verifier.AttestationTooOld)),
		denies("signer-expired-logged", "allow-key-window-logged", "A log saw the signature after the key's window.",
			func(s *vt.Scenario) {
				s.Authorities.Principals["dave"].Keys[0].NotAfter = "2026-09-01T11:00:00Z"
			}, here(verifier.SignerExpired)),
	}
}

// chained is a bundle v0.2 whose chain holds the intermediate, and the root.
func chained(root bool) func() *vt.Scenario {
	return func() *vt.Scenario {
		w := vt.NewWorld()
		w.Evidence.Version = "0.2"
		s := w.Scenario()
		b := w.Bundle(s)
		chain := b.VerificationMaterial.GetX509CertificateChain()
		chain.Certificates = append(chain.Certificates, &protocommon.X509Certificate{RawBytes: w.Sigstore.Fulcio.Intermediate.Raw})
		if root {
			chain.Certificates = append(chain.Certificates, &protocommon.X509Certificate{RawBytes: w.Sigstore.Fulcio.Root.Raw})
		}
		return s.Offer(0, b.JSON())
	}
}

// relogged is a bundle with a log entry, rightly logged, of which one part is
// about something else.
func relogged(name, about string, e vt.Evidence, body func(*vt.World, vt.Envelope, vt.Signer) []byte) *Case {
	positive := keylessRekor1
	if e.Rekor2 {
		positive = keylessRekor2
	}
	return denies("tlog-mismatch-"+name, positive, about, func(s *vt.Scenario) {
		w := vt.NewWorld()
		cert, key := w.Sigstore.Issue(w.Leaf)
		envelope := s.Approval(0).Of(s.Body(0)).Seal(key)
		b := w.Sigstore.Gather(envelope, vt.Signer{Certificate: cert, Key: key}, w.Signed(), e)
		log, kind, version, at := w.Sigstore.Rekor1, "dsse", "0.0.1", w.Signed()
		if e.Rekor2 {
			log, kind, version, at = w.Sigstore.Rekor2, "hashedrekord", "0.0.2", time.Time{}
		}
		b.VerificationMaterial.TlogEntries[0] = log.Append(body(w, envelope, vt.Signer{Certificate: cert, Key: key}), kind, version, at)
		s.Offer(0, b.JSON())
	}, at(verifier.TlogMismatch, 0, 0)).attack("SB-02")
}

// otherEntry is the log entry of another bundle by the same certificate.
func otherEntry(w *vt.World, e vt.Evidence) *protorekor.TransparencyLogEntry {
	return w.Sigstore.Keyless([]byte(`{}`), w.Leaf, e).Entry(0)
}

// twiceStamped adds a second timestamp of the same authority, a day earlier.
func twiceStamped(name, about string, before bool) *Case {
	return denies("timestamp-invalid-twice"+name, keylessRekor2, about, rebundle(vt.Evidence{Rekor2: true, TSAs: 1}, func(w *vt.World, b vt.Bundle) {
		b.AddTimestamp(w.Sigstore.TSAs[0].Stamp(b.Envelope().Signatures[0].Sig, w.Leaf.At.Add(-24*time.Hour)))
		if before {
			slices.Reverse(b.VerificationMaterial.TimestampVerificationData.Rfc3161Timestamps)
		}
	}), at(verifier.TimestampInvalid, 0, 0)).attack("SB-10")
}

// again logs the bundle's envelope a second time.
func again(w *vt.World, b vt.Bundle) *protorekor.TransparencyLogEntry {
	first := b.Entry(0)
	return w.Sigstore.Rekor1.Append(first.CanonicalizedBody, first.KindVersion.Kind, first.KindVersion.Version, w.Signed())
}

// rehint changes the key hint in front of the last signature of a note.
func rehint(note string) string {
	i := strings.LastIndexByte(strings.TrimSpace(note), ' ') + 1
	raw := vt.Must(base64.StdEncoding.DecodeString(strings.TrimSpace(note[i:])))
	raw[0] ^= 1
	return note[:i] + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func keylessCertificates() []*Case {
	here := func(r verifier.Reason) Want { return at(r, 0, 0) }
	leaf := func(change func(*x509.Certificate)) func(*vt.Scenario) {
		return offer(func(w *vt.World) { w.Leaf.Change = change })
	}
	// issuedBy issues by another intermediate under the same root and key, and
	// trusts it.
	issuedBy := func(change func(*x509.Certificate)) func(*vt.Scenario) {
		return func(s *vt.Scenario) {
			w := vt.NewWorld()
			w.Sigstore.Fulcio.Reissue(change)
			s.TrustedRoot = w.Sigstore.TrustedRoot()
			s.Offer(0, w.Bundle(s).JSON())
		}
	}
	chain := func(name, about string, change func(*vt.Scenario)) *Case {
		return denies("cert-chain-"+name, keylessRekor1, about, change, here(verifier.CertChain)).attack("SB-12")
	}
	return []*Case{
		chain("other-authority", "A certificate by an authority that trust does not know.",
			offer(func(w *vt.World) { w.Leaf.By = vt.NewSigstore("another", vt.Now).Fulcio })),
		chain("embedded", "The same, with the authority's certificates embedded in the bundle.", func(s *vt.Scenario) {
			w := vt.NewWorld()
			w.Evidence.Version = "0.2"
			w.Leaf.By = vt.NewSigstore("another", vt.Now).Fulcio
			b := w.Bundle(s)
			chain := b.VerificationMaterial.GetX509CertificateChain()
			for _, c := range []*x509.Certificate{w.Leaf.By.Intermediate, w.Leaf.By.Root} {
				chain.Certificates = append(chain.Certificates, &protocommon.X509Certificate{RawBytes: c.Raw})
			}
			s.Offer(0, b.JSON())
		}),
		denies("cert-chain-unreadable", "allow-keyless-intermediate", "A certificate of the chain that is none.", func(s *vt.Scenario) {
			w := vt.NewWorld()
			w.Evidence.Version = "0.2"
			b := w.Bundle(s)
			chain := b.VerificationMaterial.GetX509CertificateChain()
			chain.Certificates = append(chain.Certificates, &protocommon.X509Certificate{RawBytes: []byte("junk")})
			s.Offer(0, b.JSON())
		}, here(verifier.CertChain)).attack("SB-12"),
		chain("leaf-is-authority", "A certificate for signing that is an authority.",
			leaf(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true })),
		chain("usage", "A certificate for another use.",
			leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })),
		chain("critical", "A critical extension that nobody knows.", leaf(func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}})
		})),
		chain("name-constraints", "An intermediate that may name another domain only.", issuedBy(func(c *x509.Certificate) {
			c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"other.example"}, true
		})),
		chain("issuer-expired", "An intermediate that had expired when the robot signed.",
			issuedBy(func(c *x509.Certificate) { c.NotAfter = vt.NewWorld().Leaf.At.Add(-time.Minute) })),
		chain("authority-removed", "The authority is no longer in the trusted root.",
			trusting(func(r *prototrust.TrustedRoot) {
				r.CertificateAuthorities[0] = vt.NewSigstore("another", vt.Now).Trusted().CertificateAuthorities[0]
			})),
		denies("cert-time-logged-late", keylessRekor1, "Logged after the certificate's ten minutes.", late(vt.Evidence{Rekor1: true}), here(verifier.CertTime)),
		denies("cert-time-stamped-late", keylessStamps, "Stamped after the certificate's ten minutes.", late(vt.Evidence{TSAs: 1}), here(verifier.CertTime)),
		denies("cert-time-backdated", keylessTwoTSAs, "Of two timestamps one is outside the certificate's ten minutes: the chain must hold at every verified time.",
			rebundle(vt.Evidence{Rekor2: true, TSAs: 1}, func(w *vt.World, b vt.Bundle) {
				b.AddTimestamp(w.Sigstore.TSAs[1].Stamp(b.Envelope().Signatures[0].Sig, w.Leaf.At.Add(-24*time.Hour)))
			}), here(verifier.CertTime)).attack("SB-10"),
		denies("sct", keylessRekor1, "No promise of a certificate transparency log.", offer(func(w *vt.World) { w.Leaf.SCTs = -1 }), here(verifier.SCT)),
		denies("sct-other-log", keylessRekor1, "A promise by a log that trust does not know.",
			offer(func(w *vt.World) { w.Leaf.CTLog = vt.NewKey("another ct log", verifier.ECDSAP256) }), here(verifier.SCT)),
		denies("sct-one-log-twice", keylessRekor1, "Two promises of one log where trust asks for two.", func(s *vt.Scenario) {
			s.Thresholds(1, 1, 2)
			offer(func(w *vt.World) { w.Leaf.SCTs = 2 })(s)
		}, here(verifier.SCT)),
	}
}

// late gathers the evidence an hour after the certificate was issued.
func late(e vt.Evidence) func(*vt.Scenario) {
	return func(s *vt.Scenario) {
		w := vt.NewWorld()
		cert, key := w.Sigstore.Issue(w.Leaf)
		envelope := s.Approval(0).Of(s.Body(0)).Seal(key)
		s.Offer(0, w.Sigstore.Gather(envelope, vt.Signer{Certificate: cert, Key: key}, w.Leaf.At.Add(50*time.Minute), e).JSON())
	}
}

func keylessSigners() []*Case {
	here := func(r verifier.Reason) Want { return at(r, 0, 0) }
	san := func(value string) func(*vt.Scenario) { return offer(func(w *vt.World) { w.Leaf.SAN = value }) }
	names := func(change func(*x509.Certificate)) func(*vt.Scenario) {
		return offer(func(w *vt.World) { w.Leaf.Change = change })
	}
	rawSAN := func(value []byte) func(*vt.Scenario) {
		return names(func(c *x509.Certificate) {
			c.URIs = nil
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: vt.OIDSAN, Critical: true, Value: value})
		})
	}
	identity := func(name, about string, change func(*vt.Scenario), attack string) *Case {
		return denies("cert-identity-"+name, keylessRekor1, about, change, here(verifier.CertIdentity)).attack(attack)
	}
	return []*Case{
		denies("cert-issuer", keylessRekor1, "The right name, vouched for by another issuer.",
			offer(func(w *vt.World) { w.Leaf.Issuer = "https://issuer.evil.example" }), here(verifier.CertIssuer)).attack("SB-19"),
		denies("cert-issuer-slash", keylessRekor1, "The issuer with a slash more.",
			offer(func(w *vt.World) { w.Leaf.Issuer = vt.Issuer + "/" }), here(verifier.CertIssuer)).attack("SB-19"),
		denies("cert-issuer-identities", "allow-keyless-identities", "The first name, vouched for by neither issuer.",
			offer(func(w *vt.World) { w.Leaf.Issuer = "https://issuer.evil.example" }), here(verifier.CertIssuer)).attack("SB-19"),
		denies("cert-issuer-crossed", "allow-keyless-identities", "The first name, vouched for by the issuer of the second.",
			offer(func(w *vt.World) { w.Leaf.Issuer = "https://issuer.second.example" }), here(verifier.CertIssuer)).attack("SB-19"),
		denies("cert-identity-identities", "allow-keyless-identities", "Neither name, vouched for by the first issuer.",
			san(vt.Robot+"-evil"), here(verifier.CertIdentity)).attack("SB-19"),
		identity("case", "The name in another case.", san(strings.Replace(vt.Robot, "release", "Release", 1)), "SB-19"),
		identity("slash", "The name with a slash more.", san(vt.Robot+"/"), "SB-19"),
		identity("suffix", "The name with something after it.", san(vt.Robot+"-evil"), "SB-19"),
		denies("cert-identity-pattern", "allow-keyless-email", "A pattern must match the whole name.",
			san("grace@corp.example.evil.example"), here(verifier.CertIdentity)).attack("SB-19"),
		identity("two-names", "Two names, the first of them right.", names(func(c *x509.Certificate) {
			c.URIs = append(c.URIs, vt.Must(url.Parse("https://ci.corp.example/other")))
		}), "SB-21"),
		identity("two-kinds", "A URI and an email address.", names(func(c *x509.Certificate) { c.EmailAddresses = []string{"grace@corp.example"} }), "SB-21"),
		denies("cert-identity-two-names-any", "allow-keyless-any-name", "Two names, where any name will do.", names(func(c *x509.Certificate) {
			c.URIs = append(c.URIs, vt.Must(url.Parse("https://ci.corp.example/other")))
		}), here(verifier.CertIdentity)).attack("SB-21"),
		denies("cert-identity-dns-any", "allow-keyless-any-name", "A DNS name, where any name will do.", rawSAN(vt.Must(asn1.Marshal(
			[]asn1.RawValue{{Class: 2, Tag: 2, Bytes: []byte("ci.corp.example")}}))), here(verifier.CertIdentity)).attack("SB-21"),
		denies("cert-identity-empty-any", "allow-keyless-any-name", "An empty name, where any name will do.", rawSAN(vt.Must(asn1.Marshal(
			[]asn1.RawValue{{Class: 2, Tag: 6}}))), here(verifier.CertIdentity)).attack("SB-21"),
		denies("cert-identity-none-any", "allow-keyless-any-name", "No name, where any name will do.",
			names(func(c *x509.Certificate) { c.URIs = nil }), here(verifier.CertIdentity)).attack("SB-21"),
		denies("cert-issuer-absent", keylessRekor1, "A certificate that does not say who vouched.", offer(func(w *vt.World) {
			w.Leaf.Change = func(c *x509.Certificate) { c.ExtraExtensions = nil }
		}), here(verifier.CertIssuer)).attack("SB-19"),
		identity("other-name", "An OtherName.", rawSAN(otherName("grace")), "SB-21"),
		identity("none", "No name.", names(func(c *x509.Certificate) { c.URIs = nil }), "SB-21"),
		identity("empty", "An empty name.", rawSAN(vt.Must(asn1.Marshal([]asn1.RawValue{{Class: 2, Tag: 6}}))), "SB-21"),
		identity("address", "An IP address.", names(func(c *x509.Certificate) {
			c.URIs, c.IPAddresses = nil, []net.IP{net.IPv4(192, 0, 2, 1)}
		}), "SB-21"),
		denies("signer-ambiguous", keylessRekor1, "A certificate that matches two principals counts for none.", func(s *vt.Scenario) {
			s.Authorities.Principals["other robot"] = &vt.Principal{Identities: []vt.Identity{{Issuer: vt.Issuer, SANRegexp: `^https://ci\.corp\.example/.*$`}}}
		}, here(verifier.SignerAmbiguous)).attack("SE-09"),
		denies("signer-revoked-identity", keylessRekor1, "The identity is revoked.", func(s *vt.Scenario) {
			s.Revocations = vt.Revocations(vt.Revocation{Kind: "identity", Issuer: vt.Issuer, SAN: vt.Robot, Reason: "taken over"})
		}, here(verifier.SignerRevoked)),
		denies("signer-revoked-certificate-key", keylessRekor1, "The certificate's key is revoked.", func(s *vt.Scenario) {
			w := vt.NewWorld()
			_, key := w.Sigstore.Issue(w.Leaf)
			s.Revocations = vt.Revocations(vt.Revoke("key", key.SHA256()))
		}, here(verifier.SignerRevoked)),
		denies("signer-out-of-scope-certificate", keylessRekor1, "A known identity of another authority.", func(s *vt.Scenario) {
			s.Authorities.Authorities["platform"].Principals = []string{"dave"}
		}, here(verifier.SignerOutOfScope)),
		denies("cert-chain-no-trusted-root", keylessRekor1, "Trust has no trusted root: certificates count for nothing.",
			func(s *vt.Scenario) { s.TrustedRoot = nil }, here(verifier.CertChain)),
		denies("keyless-signature-invalid", keylessRekor1, "One bit of the payload changed after signing.",
			rebundle(vt.Evidence{Rekor1: true}, func(_ *vt.World, b vt.Bundle) { b.Envelope().Payload[50] ^= 1 }), here(verifier.SignatureInvalid)),
		denies("keyless-payload-type", keylessRekor1, "A good certificate over another payload type.", func(s *vt.Scenario) {
			w := vt.NewWorld()
			cert, key := w.Sigstore.Issue(w.Leaf)
			e := vt.SealType("application/json", s.Approval(0).Of(s.Body(0)).JSON(), key)
			s.Offer(0, w.Sigstore.Gather(e, vt.Signer{Certificate: cert, Key: key}, w.Signed(), w.Evidence).JSON())
		}, here(verifier.PayloadType)).attack("DS-02"),
		denies("keyless-statement-type", keylessRekor1, "A good certificate over a Statement of another type.", func(s *vt.Scenario) {
			w := vt.NewWorld()
			st := s.Approval(0).Of(s.Body(0))
			st.Type = "https://in-toto.io/Statement/v9"
			s.Offer(0, w.Sigstore.Keyless(st.JSON(), w.Leaf, w.Evidence).JSON())
		}, here(verifier.StatementType)),
	}
}

// otherName is a subjectAltName extension with an OtherName as Fulcio writes it.
func otherName(value string) []byte {
	type other struct {
		ID    asn1.ObjectIdentifier
		Value string `asn1:"utf8,explicit,tag:0"`
	}
	name := vt.Must(asn1.MarshalWithParams(other{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 7}, value}, "tag:0"))
	return vt.Must(asn1.Marshal([]asn1.RawValue{{FullBytes: name}}))
}
