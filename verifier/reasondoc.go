// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"slices"
)

//go:generate go test -run ^TestReasonsPage$ . -update-reasons

// Stage is how far something got before it was refused, in the order in which
// the checks run. Among several refused attestations the one with the highest
// stage speaks for all of them.
type Stage int

// The stages.
const (
	StageNone        Stage = iota // no refusal
	StageTrust                    // trust itself; nothing else is looked at
	StageDocument                 // the document's bytes, before any attestation
	StageParse                    // the envelope's bytes, and its revocation
	StageSignature                // the public-key operation
	StageTime                     // log entries, timestamps, certificate chain, key window
	StageIdentity                 // who the signer is
	StageStatement                // what was signed
	StageScope                    // whether it is about this document, here and now
	StageRequirement              // whether the rules have enough of what counted
	StageVersion                  // floors
	StageComposition              // the effective policy
)

var stageNames = [...]string{
	"none", "trust", "document", "parse", "signature", "time and log", "identity",
	"statement", "scope", "requirement", "version", "composition",
}

// String returns the stage's name in plain words.
func (s Stage) String() string {
	if s < 0 || int(s) >= len(stageNames) {
		return fmt.Sprintf("stage %d", int(s))
	}
	return stageNames[s]
}

// Doc is the page of one code: what it means, who fixes it and how.
type Doc struct {
	// Code is the name on the wire, in logs and in the command line.
	Code string
	// Reason is the number of a decision reason, 0 in the other lists.
	Reason Reason
	// Stage is of a decision reason, StageNone in the other lists.
	Stage Stage
	// Status is what the caller sees of a call fault, empty in the other lists.
	Status  string
	Meaning string
	// Fixer is who fixes it, Remedy what they do, Command the line that does or
	// begins it; empty where no command does.
	Fixer   string
	Remedy  string
	Command string
}

// The people who fix things.
const (
	approver   = "approver"
	author     = "policy author"
	security   = "security team"
	driverOp   = "driver operator"
	gatewayOp  = "gateway operator"
	gatewayDev = "gateway developer"
	toolVendor = "author of the signing tool"
	auditor    = "auditor"
)

// Commands that more than one page names.
const (
	cmdSign         = "sigdriver sign --document policy.json --key approver.key --gateway GATEWAY --workspace WORKSPACE --name NAME --version N --valid-for 2160h --out policy.sigstore.json"
	cmdSignSet      = "sigdriver sign --bundle-id ID --version N --member SANDBOX_POLICY:NAME:policy.json --member PROVIDER_PROFILE:ID:profile.json --key approver.key --gateway GATEWAY --workspace WORKSPACE --name NAME"
	cmdInspect      = "sigdriver inspect FILE"
	cmdCanonicalize = "sigdriver canonicalize --type sandbox-policy policy.yaml --out policy.json"
	cmdStatus       = "sigdriver trust status --dir TRUST"
	cmdPublish      = "sigdriver trust publish --dir TRUST --authorities authorities.json"
	cmdVerify       = "sigdriver verify --target GATEWAY:WORKSPACE/NAME --document policy.json --attestation policy.sigstore.json --trust DIR --root root.json"
	cmdReceipt      = "sigdriver receipt verify RECEIPT --trust DIR --root root.json --nonce HEX --target GATEWAY:WORKSPACE/NAME --sandbox-id ID --effective effective.json"
	cmdReconcile    = "sigdriver audit reconcile --state DIR --events FILE"
	cmdCheck        = "sigdriver serve --config sigdriver.toml --check"
)

// String returns the reason's name in the contract, e.g. VERSION_ROLLBACK.
func (r Reason) String() string {
	if i, ok := reasonIndex[r]; ok {
		return reasonDocs[i].Code
	}
	return fmt.Sprintf("REASON_%d", int(r))
}

// Stage returns how far something refused for this reason got.
func (r Reason) Stage() Stage {
	if i, ok := reasonIndex[r]; ok {
		return reasonDocs[i].Stage
	}
	return StageNone
}

// ReasonByName returns the reason of a name that Reason.String gives, false for
// any other.
func ReasonByName(name string) (Reason, bool) {
	for i := range reasonDocs {
		if reasonDocs[i].Code == name {
			return reasonDocs[i].Reason, true
		}
	}
	return ReasonUnspecified, false
}

// ReasonDocs returns the pages of the decision reasons, by number.
func ReasonDocs() []Doc { return slices.Clone(reasonDocs) }

// FaultDocs returns the pages of call faults: a gRPC status with
// ErrorInfo.reason, no decision, nothing recorded.
func FaultDocs() []Doc { return slices.Clone(faultDocs) }

// EventDocs returns the pages of trust events: what a refresh of trust, a key or
// the configuration can run into.
func EventDocs() []Doc { return slices.Clone(eventDocs) }

// AuditDocs returns the pages of findings about receipts and the log.
func AuditDocs() []Doc { return slices.Clone(auditDocs) }

// Explain returns the page of a code of any of the four lists.
func Explain(code string) (Doc, bool) {
	for _, list := range [][]Doc{reasonDocs, faultDocs, eventDocs, auditDocs} {
		for i := range list {
			if list[i].Code == code {
				return list[i], true
			}
		}
	}
	return Doc{}, false
}

var reasonIndex = func() map[Reason]int {
	index := make(map[Reason]int, len(reasonDocs))
	for i := range reasonDocs {
		index[reasonDocs[i].Reason] = i
	}
	return index
}()

// reasonDocs is list (a), by number. Decisions record its remedies as hints, so a
// change of one shows where a recorded decision is compared byte for byte.
var reasonDocs = []Doc{
	{"UNSPECIFIED", ReasonUnspecified, StageNone, "", "No decision was made. It is the zero value, and it refuses.",
		gatewayDev, "Treat it as a refusal. A driver that works never sends it with a verdict; report it with the driver's version.", "sigdriver version"},
	{"ALLOWED", Allowed, StageNone, "", "Every document passed every enforce rule that matches it and, in COMPOSE, the effective policy is what the parts compose to.",
		"nobody", "Nothing to fix.", ""},

	{"TRUST_UNAVAILABLE", TrustUnavailable, StageTrust, "", "The driver has no trust: it never fetched any, or what it fetched failed its self-check.",
		driverOp, "Read the driver's last TUF_* or TRUST_* event, then mend the source of trust; the driver takes it up by itself.", cmdStatus},
	{"TRUST_STALE", TrustStale, StageTrust, "", "A TUF role that trust rests on has expired: root, snapshot or targets, or timestamp or revocation by more than maxStale.",
		security, "Re-sign the expired role and publish; if it is not expired at the source, the driver cannot reach the source.", cmdStatus},
	{"DRIVER_TOO_OLD", DriverTooOld, StageTrust, "", "authorities.json demands a newer driver (minDriverVersion) than this one.",
		driverOp, "Upgrade the driver.", "sigdriver version"},

	{"DOCUMENT_MISSING", DocumentMissing, StageDocument, "", "A document that has to be judged was not sent: there is no document at all, COMPOSE has no source policy, an enforce rule asks for SETTINGS and none came, or a provider is attached that has no profile where an enforce rule is about profiles.",
		gatewayOp, "Give the sandbox a policy; without one the image would supply its own. For SETTINGS, run a gateway hook that sends them. Give the provider a type that has a profile, or say allowWithoutProfile in the rule.", ""},
	{"DOCUMENT_NONCANONICAL", DocumentNoncanonical, StageDocument, "", "The document is not in its canonical form (RFC 8785 of the ProtoJSON of the message): it is no strict JSON, is not written canonically, or holds a value the form leaves out.",
		gatewayDev, "Send the canonical bytes. A file for signing is made with canonicalize.", cmdCanonicalize},
	{"DOCUMENT_DUPLICATE_KEY", DocumentDuplicateKey, StageDocument, "", "The document has the same member name twice in one object; two readers could see two policies.",
		author, "Remove one of them.", cmdCanonicalize},
	{"DOCUMENT_SURFACE", DocumentSurface, StageDocument, "", "The document's @type is missing, unknown, or does not fit the role it was sent in.",
		gatewayDev, "Send a policy as a policy and a profile as a profile, with the @type of the message.", cmdCanonicalize},
	{"DOCUMENT_RESERVED_NAME", DocumentReservedName, StageDocument, "", "The source policy has a network policy whose key starts with _provider_, a name kept for what providers insert: it was made of a composed policy.",
		author, "Make the document from what `openshell policy get --base` prints, which leaves out what providers insert, and have that approved. A rule of your own takes a key without that prefix.", cmdCanonicalize},
	{"DOCUMENT_REVOKED", DocumentRevoked, StageDocument, "", "The document's digest is in the revocations. No approval and no pin outweighs that.",
		author, "Use another document. Where the revocation itself was the mistake, the security team lists it under restored in authorities.json.", cmdPublish},
	{"RULE_MISSING", RuleMissing, StageDocument, "", "No enforce rule in authorities.json matches the document here, and what no rule covers is refused.",
		security, "Add a rule for this surface, role, gateway, workspace and name, and publish it.", cmdPublish},

	{"ENVELOPE_MALFORMED", EnvelopeMalformed, StageParse, "", "The attestation is no DSSE envelope: not strict JSON, a required member is missing or has the wrong type, or a name is spelled in another case.",
		toolVendor, "Look at the file, and sign again with a tool that writes DSSE 1.0.", cmdInspect},
	{"ENVELOPE_DUPLICATE_KEY", EnvelopeDuplicateKey, StageParse, "", "The envelope has a member twice; which of the two a reader takes is anybody's guess.",
		toolVendor, "Sign again. If nobody's tool did this, somebody edited the file.", cmdInspect},
	{"ENVELOPE_UTF8", EnvelopeUTF8, StageParse, "", "The envelope holds bytes that are not UTF-8, a byte order mark or half a surrogate pair.",
		toolVendor, "Sign again; if the file was copied, copy it as binary.", cmdInspect},
	{"ENVELOPE_BASE64", EnvelopeBase64, StageParse, "", "The payload or a signature in the envelope, or other bytes in a bundle, are not clean base64: white space, bits left over, no padding, or foreign characters.",
		toolVendor, "Sign again.", cmdInspect},
	{"ENVELOPE_TRAILING", EnvelopeTrailing, StageParse, "", "Something follows the end of the envelope.",
		approver, "Keep one attestation in a file.", cmdInspect},
	{"ENVELOPE_TOO_DEEP", EnvelopeTooDeep, StageParse, "", "The envelope or its payload nests deeper than 32 levels.",
		toolVendor, "Sign a flatter statement.", cmdInspect},
	{"ENVELOPE_TOO_LARGE", EnvelopeTooLarge, StageParse, "", "The attestation is larger than 256 KiB.",
		approver, "Attest with a smaller predicate; put bulk beside it and sign its digest.", cmdInspect},
	{"NO_SIGNATURES", NoSignatures, StageParse, "", "The envelope carries no signature.",
		approver, "Sign it.", cmdSign},
	{"TOO_MANY_SIGNATURES", TooManySignatures, StageParse, "", "A bare envelope carries more than 16 signatures, or a bundle more than one. None of them was checked.",
		approver, "Keep the signatures that count, or put each into an attestation of its own.", cmdInspect},
	{"PAYLOAD_TYPE", PayloadType, StageParse, "", "What was signed is no in-toto Statement: the payloadType is not application/vnd.in-toto+json, or the bundle signs a message instead of a DSSE envelope.",
		approver, "Sign an attestation, not the bare file (cosign attest-blob, not sign-blob).", cmdSign},
	{"BUNDLE_MALFORMED", BundleMalformed, StageParse, "", "The Sigstore bundle cannot be read, or is not complete for its version.",
		toolVendor, "Look at the file, and sign again.", cmdInspect},
	{"BUNDLE_VERSION", BundleVersion, StageParse, "", "The bundle's media type is none of the Sigstore bundle versions 0.1 to 0.3.",
		toolVendor, "Sign with a tool that writes bundle 0.3.", cmdInspect},
	{"ATTESTATION_REVOKED", AttestationRevoked, StageParse, "", "The attestation's digest is in the revocations. Encoding it in another way does not change its digest.",
		approver, "Have the document approved again. Where the revocation was the mistake, the security team lists it under restored.", cmdSign},

	{"SIGNATURE_INVALID", SignatureInvalid, StageSignature, "", "The signature does not verify over this payload with the key it names: the payload or its type was changed, or another key signed.",
		approver, "Sign again. If nobody changed the file by accident, find out who did.", cmdSign},
	{"ALGORITHM", Algorithm, StageSignature, "", "The signature's algorithm is not accepted at all, or not by the rule.",
		approver, "Sign with ECDSA P-256 or Ed25519, or with what the rule's algorithms lists.", cmdSign},

	{"TLOG_MISSING", TlogMissing, StageTime, "", "The bundle has no transparency log entry that trusted_root.json lets us check, and the rules demand one.",
		approver, "Sign with the log switched on. If the log is new, the security team publishes a trusted_root.json that holds its key.", cmdInspect},
	{"TLOG_MISMATCH", TlogMismatch, StageTime, "", "The log entry is about another signature, key or payload than the bundle's.",
		approver, "Sign again; this file was put together from two.", cmdInspect},
	{"TLOG_SET", TlogSET, StageTime, "", "The log's signed promise of inclusion (SET) does not verify.",
		approver, "Sign again, or publish the key of the log that was used.", cmdInspect},
	{"TLOG_INCLUSION", TlogInclusion, StageTime, "", "The proof that the entry is in the log does not lead to the log's root hash.",
		approver, "Sign again; the proof was damaged or made up.", cmdInspect},
	{"TLOG_CHECKPOINT", TlogCheckpoint, StageTime, "", "The log's checkpoint is not signed by a log in trusted_root.json, or states another root or size than the proof.",
		security, "If the log is one you trust, publish a trusted_root.json that holds its key and origin.", cmdPublish},
	{"TLOG_THRESHOLD", TlogThreshold, StageTime, "", "Fewer different logs than keyless.tlogs demands have recorded the signature; two entries of one log count once.",
		approver, "Sign with as many logs as the rules demand.", cmdInspect},
	{"TIMESTAMP_MISSING", TimestampMissing, StageTime, "", "Nothing trustworthy says when a short-lived certificate was used: no log time, and no signed timestamp where one is demanded.",
		approver, "Sign with a log or a timestamp authority.", cmdInspect},
	{"TIMESTAMP_INVALID", TimestampInvalid, StageTime, "", "A signed timestamp does not verify against the timestamp authorities in trusted_root.json, one of theirs is over another signature, or what vouches for the time names one that lies more than five minutes ahead.",
		approver, "Sign again; or the security team publishes the authority's certificate.", cmdInspect},
	{"CERT_CHAIN", CertChain, StageTime, "", "The signing certificate does not chain to a certificate authority in trusted_root.json, or is not made for code signing.",
		approver, "Sign with the Fulcio that trusted_root.json names.", cmdInspect},
	{"CERT_TIME", CertTime, StageTime, "", "The certificate was not valid at one of the times at which the signature is proved to have existed.",
		approver, "Sign again. A time far from the others points at a bad timestamp authority.", cmdInspect},
	{"SCT", SCT, StageTime, "", "The certificate lacks enough valid certificate transparency timestamps (keyless.scts).",
		approver, "Sign with a Fulcio whose CT log is in trusted_root.json.", cmdInspect},
	{"SIGNER_EXPIRED", SignerExpired, StageTime, "", "The key was used outside its notBefore and notAfter in authorities.json. A bare signature, which proves no time, ends with its key.",
		approver, "Sign again with the key that replaced it.", cmdSign},

	{"CERT_IDENTITY", CertIdentity, StageIdentity, "", "The certificate's subject is not one that authorities.json names for that issuer, or the certificate names more than one.",
		approver, "Sign as the identity that was agreed, letter by letter; or the security team adds this one.", cmdInspect},
	{"CERT_ISSUER", CertIssuer, StageIdentity, "", "The certificate's subject is known, but its OIDC issuer is another one.",
		approver, "Sign in with the agreed issuer.", cmdInspect},
	{"SIGNER_UNKNOWN", SignerUnknown, StageIdentity, "", "No principal in authorities.json owns the key or identity that signed.",
		security, "If the signer should count, add the key or identity to a principal and publish.", cmdPublish},
	{"SIGNER_REVOKED", SignerRevoked, StageIdentity, "", "The key or identity is in the revocations. Whatever it signed counts for nothing, whenever it was signed.",
		approver, "Have another principal approve, or sign with a new key.", cmdSign},
	{"SIGNER_AMBIGUOUS", SignerAmbiguous, StageIdentity, "", "The certificate matches more than one principal, so it is nobody's vote.",
		security, "Make the sanRegexp patterns in authorities.json disjoint.", cmdPublish},

	{"STATEMENT_MALFORMED", StatementMalformed, StageStatement, "", "The signed payload is no readable in-toto Statement: not strict JSON, a member twice, missing, of the wrong type or in another case, or more than 64 subjects.",
		toolVendor, "Look at the payload, and sign again.", cmdInspect},
	{"STATEMENT_TYPE", StatementType, StageStatement, "", "The payload's _type is neither in-toto Statement v1 nor v0.1.",
		toolVendor, "Sign with a tool that writes in-toto Statement v1.", cmdInspect},
	{"PREDICATE_TYPE", PredicateType, StageStatement, "", "The statement is fine, but its predicateType is none that a rule for this document asks for.",
		approver, "Sign the kind of attestation that the rule requires.", cmdVerify},
	{"PREDICATE_INVALID", PredicateInvalid, StageStatement, "", "The policy-approval predicate breaks its own format: a member is missing, unknown or malformed, or a time or version is none.",
		approver, "Sign again with sigdriver sign, which writes it right.", cmdSign},
	{"SUBJECT_MISSING", SubjectMissing, StageStatement, "", "The statement has no subject, or a subject without a digest.",
		approver, "Sign again over the document's digest.", cmdSign},
	{"SUBJECT_MISMATCH", SubjectMismatch, StageStatement, "", "The attestation is about another document: no subject's sha256 is this document's.",
		approver, "Compare the digests. Approve the document that is stored, or store the one that was approved.", cmdSign},
	{"SUBJECT_AMBIGUOUS", SubjectAmbiguous, StageStatement, "", "An approval names more than one subject; it must name exactly one.",
		approver, "Sign one approval for each document.", cmdSign},
	{"SUBJECT_DIGEST_ALG", SubjectDigestAlg, StageStatement, "", "The subject has no sha256 in 64 lower-case hexadecimal digits, or another digest in it contradicts it.",
		toolVendor, "Name the subject by its sha256.", cmdSign},

	{"SCOPE_MISMATCH", ScopeMismatch, StageScope, "", "The approval is for another surface, role, gateway, workspace or name, or the sandbox was bound to another workspace and name when it was first allowed.",
		approver, "Approve it for this place, if it should run here.", cmdSign},
	{"ATTESTATION_EXPIRED", AttestationExpired, StageScope, "", "The approval's notAfter has passed.",
		approver, "Approve again.", cmdSign},
	{"ATTESTATION_NOT_YET_VALID", AttestationNotYetValid, StageScope, "", "The approval's notBefore has not come yet.",
		approver, "Wait, or approve with an earlier notBefore; check both clocks.", cmdSign},
	{"ATTESTATION_TOO_OLD", AttestationTooOld, StageScope, "", "The rule has a maxAge and the attestation is older, or proves no time at all.",
		approver, "Attest again.", cmdSign},
	{"SIGNER_OUT_OF_SCOPE", SignerOutOfScope, StageScope, "", "The signer is known, but belongs to no authority that a rule for this document requires.",
		approver, "Have a member of the required authority sign.", cmdVerify},

	{"ATTESTATION_MISSING", AttestationMissing, StageRequirement, "", "Nothing was offered for a requirement of the rule.",
		approver, "Approve the document, and bring the approval in the request, through TUF or in the local directory.", cmdSign},
	{"THRESHOLD", Threshold, StageRequirement, "", "Some principals counted, but fewer than the authority's threshold agree on one version.",
		approver, "Have one more member approve the same document at the same version.", cmdSign},
	{"DISTINCT", Distinct, StageRequirement, "", "Two authorities must speak through different people, and the same principal was needed for both.",
		approver, "Have somebody else approve for one of the two.", cmdSign},
	{"SET_MISMATCH", SetMismatch, StageRequirement, "", "A rule asks for one approved set over every document that it matches. Sets were approved, and none of them covers all: the documents at hand come from different sets, or one was left out. The finding names the set that came closest and the document it lacks.",
		approver, "Have the documents approved together, as one set under one version; or put back the ones that were.", cmdSignSet},

	{"VERSION_ROLLBACK", VersionRollback, StageVersion, "", "The document's approved version is below the floor: a newer version was already enforced for this subject, or the signed floors demand more.",
		approver, "To go back on purpose, approve the old document again under a higher version.", cmdSign},
	{"VERSION_EQUIVOCATION", VersionEquivocation, StageVersion, "", "Another document was already enforced under this very version. Somebody approved two documents as one version; this raises an alarm.",
		approver, "Find out why, then approve the right one under a higher version.", cmdSign},
	{"VERSION_STEP", VersionStep, StageVersion, "", "The approved version is further above the floor than `maxVersionStep` in authorities.json allows, a million where it says nothing. A version may not be so high that none is left above it.",
		approver, "Approve the document under the version that the finding names, or a lower one; where versions are dates, have a signed floor or a higher `maxVersionStep` published first.", cmdSign},

	{"COMPOSITION_PART_UNATTESTED", CompositionPartUnattested, StageComposition, "", "A part of the effective policy has no attestation at all; the finding names the layer.",
		approver, "Approve that document too.", cmdSign},
	{"COMPOSITION_PART_MISSING", CompositionPartMissing, StageComposition, "", "The effective policy lacks a rule that one of the parts brings.",
		gatewayOp, "Compose again from the stored parts; if that does not help, the gateway's composition or database was changed.", ""},
	{"COMPOSITION_PART_EXTRA", CompositionPartExtra, StageComposition, "", "The effective policy has a rule that no part brings.",
		gatewayOp, "Find out where the rule comes from; nobody approved it.", ""},
	{"COMPOSITION_MISMATCH", CompositionMismatch, StageComposition, "", "A rule, a static field or a credential marker of the effective policy differs from what the parts compose to.",
		gatewayOp, "Compose again from the stored parts; the finding names the place.", ""},
	{"COMPOSITION_SOURCE", CompositionSource, StageComposition, "", "The parts do not fit together: SETTINGS says another policy source than the one that was sent, or there is no source or more than one.",
		gatewayDev, "Send the source that was really used.", ""},
	{"COMPOSITION_RECIPE", CompositionRecipe, StageComposition, "", "The recipe was not the one to apply: SETTINGS and the request disagree on whether providers insert rules, or this driver does not know the recipe.",
		gatewayDev, "Send providers_v2_enabled as the settings have it, and a recipe that GetCapabilities lists.", ""},
}

// faultDocs is list (b).
var faultDocs = []Doc{
	{"REQUEST_INVALID", 0, 0, "InvalidArgument", "The request has not the shape of its purpose: a field is missing, unknown or does not belong there.",
		gatewayDev, "Fix the call; the message names the field.", ""},
	{"REQUEST_TOO_LARGE", 0, 0, "InvalidArgument", "A field, a count or the whole request is over its limit.",
		gatewayDev, "Stay within the limits that GetCapabilities lists.", ""},
	{"OVERLOADED", 0, 0, "Unavailable", "Too many calls of this caller's uid are open, or the floors that the decision stands on kept changing while it was made. Evaluations beyond what is made at once wait for their turn as long as their callers do.",
		driverOp, "Retry after a moment. If it lasts, look for a caller that asks for ever new documents.", ""},
	{"AUDIT_UNAVAILABLE", 0, 0, "Unavailable", "The decision could not be recorded durably, or its receipt not signed, or the journal is not in its place any more, so it was not given.",
		driverOp, "Make room on the journal's disk, or put the files of the state folder back; after a failed write restart the driver.", ""},
	{"MEMORY_UNAVAILABLE", 0, 0, "Unavailable", "The answer would have raised a floor or bound a sandbox in the memory that drivers share, and the database could not be asked, or not in time. What stands already is answered meanwhile.",
		driverOp, "See whether PostgreSQL takes connections, and the driver's log for what it says: docs/memory.md lists the failures.", "sigdriver memory status --config /etc/sigdriver/sigdriver.toml"},
	{"MEMORY_STALE", 0, 0, "Unavailable", "The memory that drivers share could not be read for longer than maxFloorLag of authorities.json, so another driver may have raised what this one does not know.",
		driverOp, "See whether PostgreSQL takes connections, and the driver's log for what it says: docs/memory.md lists the failures.", "sigdriver memory status --config /etc/sigdriver/sigdriver.toml"},
	{"MEMORY_ROLLBACK", 0, 0, "Unavailable", "The memory that drivers share lacks rows that this driver has learned, or has others in their place: an old copy was restored, or another database answers. Nothing is answered until somebody has looked.",
		driverOp, "Find out which copy of the database it is. Put the right one back and restart the driver; or have each driver bring back what it knows, with the driver stopped.", "sigdriver memory import --config /etc/sigdriver/sigdriver.toml"},
	{"INDEX_UNAVAILABLE", 0, 0, "Unavailable", "The driver has just started and has not read every attestation of its folder and of trust, so that a refusal now might be wrong. Whatever it could allow already, it allowed.",
		driverOp, "Retry after a moment. If it lasts, look at what fills attestations.dir: sigdriver_index_waiting counts what is not read yet.", ""},
	{"CLOCK_UNTRUSTED", 0, 0, "Unavailable", "The clock stepped by more than five minutes less than a minute ago, or is that far behind a time that trust vouched for.",
		driverOp, "Fix the machine's time service. If the clock is right, start the driver once with --accept-clock.", "timedatectl status"},
	{"PEER_NOT_ALLOWED", 0, 0, "connection closed, or PermissionDenied", "The calling process is not on the allow-list, or speaks for a gateway that is not its own.",
		driverOp, "Add the gateway's uid or gid with its gateway_ids to the configuration.", cmdCheck},
	{"DEADLINE", 0, 0, "DeadlineExceeded", "The caller gave up before the decision was made and recorded.",
		gatewayOp, "Allow more time, or find out why the driver is slow.", ""},
	{"INTERNAL", 0, 0, "Internal", "A fault of the driver's own. Nothing was allowed.",
		driverOp, "Report it with the log line that carries the same request id.", "sigdriver version"},
}

// eventDocs is list (c).
var eventDocs = []Doc{
	{"TUF_SIGNATURE", 0, 0, "", "TUF metadata is not signed by enough of the keys its role demands.",
		security, "Have the missing holders sign; if all did, the mirror serves something else.", cmdStatus},
	{"TUF_VERSION", 0, 0, "", "TUF metadata has a lower version than was already accepted, skips a version, or does not fit the snapshot: a rollback or a mix.",
		security, "Compare the mirror with what was published last.", cmdStatus},
	{"TUF_EXPIRED", 0, 0, "", "TUF metadata at the source has expired.",
		security, "Sign it anew and publish.", cmdPublish},
	{"TUF_LENGTH", 0, 0, "", "A file is not as long as its metadata says, or longer than any such file may be.",
		security, "Publish again; a half-copied mirror looks like this.", cmdPublish},
	{"TUF_HASH", 0, 0, "", "A file's bytes have not the hash that its metadata says.",
		security, "Publish again; if the mirror is right, somebody on the way changes files.", cmdPublish},
	{"TUF_DELEGATION", 0, 0, "", "A delegated role signed a path that was not delegated to it, or delegations go round in a circle.",
		security, "Move the target to the role that owns the path.", cmdPublish},
	{"TUF_DOWNLOAD", 0, 0, "", "The source of trust cannot be read: no connection, a timeout, a foreign redirect or a missing file. Good trust stays in use until it is stale.",
		driverOp, "Fix the path to the source.", cmdCheck},
	{"TUF_NOT_METADATA", 0, 0, "", "What the source hands out is not the file that was published: a web page or an error page in its place, a compressed body, or the file with other line ends.",
		driverOp, "The error names the URL, its content type and the first bytes. Have the source answer 404 for what it lacks, serve files as they are, and keep git from changing line ends (`* -text` in .gitattributes). Nobody has to sign again.", cmdCheck},
	{"TRUST_ROLLBACK", 0, 0, "", "What is offered as trust is older than what this driver has accepted before.",
		security, "Find out who serves old metadata. Never delete the state folder to make this go away.", cmdStatus},
	{"TRUST_CORRUPT", 0, 0, "", "Stored or published trust cannot be used: damaged state, an authorities.json that does not parse or fails its self-check, or a revocations.json that does not parse.",
		security, "The event names the file and the place: fix it and publish. The last good trust stays in use.", cmdPublish},
	{"KEY_INVALID", 0, 0, "", "A public key is of a kind we do not take: a weak or odd curve, a short RSA modulus, a point off its curve, wrong length.",
		security, "Use ECDSA P-256 or P-384, Ed25519, or RSA of at least 3072 bits.", "openssl pkey -pubin -in key.pub -text -noout"},
	{"CONFIG_INVALID", 0, 0, "", "The configuration is refused: an unknown key, a path or permission that is not safe, or one key used for two purposes.",
		driverOp, "Fix the line or path that is named.", cmdCheck},
}

// auditDocs is list (d).
var auditDocs = []Doc{
	{"RECEIPT_SIGNATURE", 0, 0, "", "A receipt is not signed by a pinned receipt key within its window, or its bytes are not the one form of what they say.",
		auditor, "Treat it as forged. If the driver's key is new, publish it in drivers.json.", cmdReceipt},
	{"RECEIPT_NONCE", 0, 0, "", "A receipt answers another question: its nonce is not the one that was asked with, or none was.",
		auditor, "Ask again with a fresh nonce of at least 16 bytes; a replayed receipt looks like this.", ""},
	{"RECEIPT_SCOPE", 0, 0, "", "A receipt is about another gateway, workspace or sandbox, or is no ALLOW for COMPOSE.",
		auditor, "Ask for a receipt of this target.", ""},
	{"RECEIPT_STALE", 0, 0, "", "A receipt is used outside its lifetime, or its trust epoch or sequence is below one that was seen before.",
		auditor, "Ask for a new one; check both clocks. If new ones are below as well, the driver works from an old copy of its state folder.", "timedatectl status"},
	{"RECEIPT_DIGEST", 0, 0, "", "What is about to be enforced, or its settings, is not what the receipt is about.",
		auditor, "Take it as an alarm: something changed the policy behind the decision.", ""},
	{"LOG_GAP", 0, 0, "", "The log lacks an entry: the sequence jumps.",
		auditor, "Find the missing segment in a copy; if there is none, entries were deleted.", ""},
	{"LOG_FORK", 0, 0, "", "The log contradicts what was seen of it before: a second history, or an old copy put back.",
		driverOp, "Bring back the right state folder; do not go on with this one.", ""},
	{"LOG_TAMPERED", 0, 0, "", "An entry's bytes are not the ones its digest, the next entry or the checkpoint speaks of.",
		auditor, "Compare with a copy. A single flipped bit points at hardware, anything else at an intruder.", ""},
	{"ENFORCED_WITHOUT_RECEIPT", 0, 0, "", "A sandbox reports that it enforces a policy, and the log knows nothing of that sandbox: the driver was not asked.",
		auditor, "Find out how the gateway came to serve it: a hook that is off, a second gateway, or one that skips the driver.", cmdReconcile},
	{"ENFORCED_SOMETHING_ELSE", 0, 0, "", "A sandbox reports a policy that is not the one the driver allowed for it.",
		auditor, "Compare the two policies. A gateway that asks about one and serves another is owned.", cmdReconcile},
	{"ENFORCED_AFTER_DENIAL", 0, 0, "", "A sandbox reports that it loaded a policy which the driver had refused and not allowed since.",
		auditor, "Find out who served it; the entry that is named says why it was refused.", cmdReconcile},
	{"ENFORCED_RECEIPT_LOST", 0, 0, "", "A sandbox was shown a log entry beyond the log's end: the log was cut, or an old copy was put back.",
		driverOp, "Bring back the right state folder; do not go on with this one.", cmdReconcile},
	{"ENFORCED_RECEIPT_FORKED", 0, 0, "", "A sandbox was shown a log entry in whose place the log has another: there are two logs.",
		auditor, "Look for the second driver, or for the copy that was gone on with.", cmdReconcile},
}
