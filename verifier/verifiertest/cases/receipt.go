// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"bytes"
	"strings"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// What may come out of a receipt vector.
const (
	receiptVerified  = "VERIFIED"
	receiptSignature = "RECEIPT_SIGNATURE"
	receiptNonceBad  = "RECEIPT_NONCE"
	receiptScope     = "RECEIPT_SCOPE"
	receiptStale     = "RECEIPT_STALE"
	receiptDigest    = "RECEIPT_DIGEST"
)

// receiptCase changes one thing of a receipt that verifies, or of its reader.
type receiptCase struct {
	name, expect, attacks, about string
	change                       func(*issuing)
	positive                     string // "" for verified
}

func receiptCases() []receiptCase {
	var all []receiptCase
	for _, list := range [][]receiptCase{receiptsVerified(), receiptsForged(), receiptsReencoded(), receiptsMisstated(), receiptsElsewhere(), receiptsStale()} {
		all = append(all, list...)
	}
	return all
}

// bySettings makes the receipt one about settings, too.
func bySettings(i *issuing) {
	sum := vt.SHA256(vt.Canonical(vt.GatewaySettings()))
	i.predicate()["settingsSha256"], i.want.SettingsSHA256 = sum, sum
	i.predicate()["inputs"] = append(i.predicate()["inputs"].(vt.List), vt.Tree{"role": "SETTINGS", "sha256": sum, "version": "1", "principals": vt.List{"dave"}})
}

func receiptsVerified() []receiptCase {
	ok := func(name, about string, change func(*issuing)) receiptCase {
		return receiptCase{name: name, expect: receiptVerified, about: about, change: change}
	}
	return []receiptCase{
		ok("verified", "An ECDSA P-256 key signed, and everything is as wanted.", func(*issuing) {}),
		ok("verified-ed25519", "An Ed25519 key signed.", func(i *issuing) {
			i.key = vt.NewKey("east-1", verifier.Ed25519)
			i.want.Keys[0].PEM = i.key.PEM()
		}),
		ok("verified-settings", "The gateway's settings were judged, too.", bySettings),
		ok("verified-driver", "The key is of the driver that the receipt names, and within its window.", func(i *issuing) {
			i.want.Keys[0] = ReceiptPin{i.key.PEM(), "east-1", "2026-09-01T12:00:01Z", "2026-09-01T12:00:02Z"}
		}),
		ok("verified-second-key", "Two keys are pinned, the second signed.", func(i *issuing) {
			i.want.Keys = append([]ReceiptPin{{PEM: vt.Person("alice").PEM()}}, i.want.Keys...)
		}),
		ok("verified-last-second", "The last second of its life.", func(i *issuing) { i.want.Now = "2026-09-01T12:04:59Z" }),
		ok("verified-skew", "The driver's clock is half a minute ahead.", func(i *issuing) { i.want.Now = "2026-09-01T11:59:30Z" }),
		ok("verified-next", "The next receipt after one of the same epoch.", func(i *issuing) { i.want.MinEpoch, i.want.MinSequence = "41", "17" }),
		ok("verified-long-nonce", "A nonce of 64 bytes.", func(i *issuing) {
			i.want.Nonce = strings.Repeat("f0", 64)
			i.predicate()["nonce"] = i.want.Nonce
		}),
		ok("verified-names", "Names that encoders escape differently: RFC 8785 says how.", func(i *issuing) {
			name := "<a&b>\u2028\u2029\\u2028\"\x7f\x01\n\u00e9\U0001f600"
			i.want.Target.Workspace, i.predicate()["target"].(vt.Tree)["workspace"] = name, name
		}),
	}
}

// receiptsForged are about who signed.
func receiptsForged() []receiptCase {
	no := func(name, about string, change func(*issuing)) receiptCase {
		return receiptCase{name: name, expect: receiptSignature, about: about, change: change}
	}
	other := vt.NewKey("west-1", verifier.ECDSAP256)
	return []receiptCase{
		no("unknown-key", "Another key signed and says so.", func(i *issuing) { i.key = other }),
		no("claimed-key", "Another key signed under the id of the pinned one.", func(i *issuing) {
			mine := i.key.Hint()
			i.key = other
			i.envelope = func(e *vt.Envelope) { e.Signatures[0].KeyID = mine }
		}),
		no("swapped-keyid", "The pinned key signed under the id of another pinned key.", func(i *issuing) {
			i.want.Keys = append(i.want.Keys, ReceiptPin{PEM: other.PEM()})
			i.envelope = func(e *vt.Envelope) { e.Signatures[0].KeyID = other.Hint() }
		}),
		no("hex-keyid", "The pinned key's id, in hex.", func(i *issuing) {
			i.envelope = func(e *vt.Envelope) { e.Signatures[0].KeyID = i.key.SHA256() }
		}),
		no("no-keyid", "No key id at all.", func(i *issuing) { i.envelope = func(e *vt.Envelope) { e.Signatures[0].KeyID = "" } }),
		no("no-pinned-key", "Nobody is pinned.", func(i *issuing) { i.want.Keys = []ReceiptPin{} }),
		no("before-window", "The key's window has not begun.", func(i *issuing) { i.want.Keys[0].NotBefore = "2026-09-01T12:00:02Z" }),
		no("after-window", "The key's window ends just now.", func(i *issuing) { i.want.Keys[0].NotAfter = "2026-09-01T12:00:01Z" }),
		no("other-driver", "The key is pinned for another driver than the receipt names.", func(i *issuing) { i.want.Keys[0].Driver = "west-1" }),
		no("other-payload", "The payload of another receipt under this signature.", func(i *issuing) {
			i.envelope = func(e *vt.Envelope) {
				again := newIssuing(i.key)
				again.predicate()["sequence"] = "18"
				e.Payload = vt.Seal(vt.Canonical(again.statement), i.key).Payload
			}
		}),
		no("other-type", "The payload type was changed after signing.", func(i *issuing) { i.envelope = func(e *vt.Envelope) { e.PayloadType = "application/json" } }),
		no("bare-payload", "The signature is over the payload, not its PAE.", func(i *issuing) {
			i.envelope = func(e *vt.Envelope) { e.Signatures[0] = vt.SignatureBy(i.key, e.PayloadBytes()) }
		}),
		no("no-signature", "No signature.", func(i *issuing) { i.envelope = func(e *vt.Envelope) { e.Signatures = []vt.Signature{} } }),
		no("two-signatures", "A second signature, good as the first.", func(i *issuing) {
			i.envelope = func(e *vt.Envelope) { e.Signatures = append(e.Signatures, e.Signatures[0]) }
		}),
		no("stranger-beside", "A second signature, by a stranger.", func(i *issuing) {
			i.envelope = func(e *vt.Envelope) {
				e.Signatures = append(e.Signatures, vt.SignatureBy(other, vt.PAE(e.PayloadType, e.PayloadBytes())))
			}
		}),
	}
}

// receiptsReencoded say the same in other bytes. RC-01.
func receiptsReencoded() []receiptCase {
	no := func(name, about string, change func(string) string) receiptCase {
		return receiptCase{name: name, expect: receiptSignature, attacks: "RC-01", about: about, change: func(i *issuing) { i.text = change }}
	}
	return []receiptCase{
		no("newline", "A newline after the end.", func(s string) string { return s + "\n" }),
		no("space", "A space inside.", replaceOnce(`,"payloadType":`, `, "payloadType":`)),
		no("order", "Members in another order.", func(s string) string {
			payload, rest, _ := strings.Cut(strings.TrimPrefix(s, "{"), ",")
			return "{" + strings.TrimSuffix(rest, "}") + "," + payload + "}"
		}),
		no("member", "A member that nobody knows.", replaceOnce(`"payloadType":`, `"note":"","payloadType":`)),
		no("member-case", "A member whose name differs in case.", replaceOnce(`"payloadType":`, `"PayloadType":`)),
		no("member-twice", "A member twice.", replaceOnce(`"payloadType":`, `"payloadType":"","payloadType":`)),
		no("escape", "An escape for a character that needs none.", replaceOnce(`/vnd.in-toto`, `\/vnd.in-toto`)),
		no("spare-bits", "A spare bit of the signature's base64 is set.", spareBits),
		no("no-padding", "The signature's base64 lacks its padding.", func(s string) string { return strings.Replace(s, `="}]}`, `"}]}`, 1) }),
		no("url-safe", "The key id in the URL-safe alphabet.", func(s string) string { return strings.NewReplacer("+", "-", "/", "_").Replace(s) }),
	}
}

// spareBits sets a bit that a lenient decoder ignores, in the last character of
// the signature before its padding.
func spareBits(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	end := strings.TrimRight(strings.TrimSuffix(s, `"}]}`), "=")
	i := strings.IndexByte(alphabet, end[len(end)-1])
	return end[:len(end)-1] + alphabet[i+1:i+2] + s[len(end):]
}

// receiptsMisstated are signed by the pinned key, and no receipts.
func receiptsMisstated() []receiptCase {
	no := func(name, about string, change func(*issuing)) receiptCase {
		return receiptCase{name: name, expect: receiptSignature, about: about, change: change}
	}
	payload := func(old, new string) func(*issuing) {
		return func(i *issuing) { i.payload = func(p []byte) []byte { return vt.Edit(p, old, new) } }
	}
	return []receiptCase{
		no("approval", "The driver's key signed an approval.", func(i *issuing) {
			i.payload = func([]byte) []byte {
				return vt.ApprovalFor(verifier.SandboxPolicy).Of(vt.ComposeLayers().Body(0)).JSON()
			}
		}),
		no("predicate-type", "Another predicate type.", func(i *issuing) { i.statement["predicateType"] = "https://sigdriver.dev/effective-policy/v2" }),
		no("statement-type", "An old Statement.", func(i *issuing) { i.statement["_type"] = "https://in-toto.io/Statement/v0.1" }),
		no("two-subjects", "Two subjects.", func(i *issuing) {
			i.statement["subject"] = append(i.statement["subject"].(vt.List), i.statement["subject"].(vt.List)[0])
		}),
		no("no-subject", "No subject.", func(i *issuing) { i.statement["subject"] = vt.List{} }),
		no("subject-name", "A subject of another name.", payload(`"name":"effective-policy"`, `"name":"policy"`)),
		no("subject-digest", "A subject with a second digest.", payload(`"digest":{"sha256":`, `"digest":{"sha1":"00","sha256":`)),
		no("predicate-member", "A member of the predicate that nobody knows.", func(i *issuing) { i.predicate()["note"] = "" }),
		no("payload-twice", "A member of the predicate twice.", payload(`"verdict":"ALLOW"`, `"verdict":"DENY","verdict":"ALLOW"`)),
		no("payload-space", "The payload is not in its one form.", func(i *issuing) { i.payload = func(p []byte) []byte { return append(bytes.Clone(p), ' ') } }),
		no("payload-number", "A number where a string belongs.", payload(`"sequence":"17"`, `"sequence":17`)),
		no("payload-fraction", "A time with a fraction of a second.", payload(`"issuedAt":"2026-09-01T12:00:00Z"`, `"issuedAt":"2026-09-01T12:00:00.5Z"`)),
		no("payload-zone", "A time in another zone.", payload(`"issuedAt":"2026-09-01T12:00:00Z"`, `"issuedAt":"2026-09-01T13:00:00+01:00"`)),
		no("payload-null", "Null where a list belongs.", func(i *issuing) { i.predicate()["inputs"] = nil }),
		no("payload-zeros", "A leading zero.", payload(`"sequence":"17"`, `"sequence":"017"`)),
	}
}

// receiptsElsewhere answer another question. RC-02, RC-05.
func receiptsElsewhere() []receiptCase {
	says := func(name, expect, attacks, about, member string, value any) receiptCase {
		return receiptCase{name: name, expect: expect, attacks: attacks, about: about, change: func(i *issuing) { i.predicate()[member] = value }}
	}
	target := func(name, about, member string) receiptCase {
		return receiptCase{name: name, expect: receiptScope, attacks: "RC-02", about: about, change: func(i *issuing) { i.predicate()["target"].(vt.Tree)[member] = "other" }}
	}
	wants := func(name, expect, attacks, about string, change func(*issuing)) receiptCase {
		return receiptCase{name: name, expect: expect, attacks: attacks, about: about, change: change}
	}
	bad := vt.SHA256([]byte("other"))
	settings := func(name, about string, change func(*issuing)) receiptCase {
		return receiptCase{name: name, expect: receiptDigest, attacks: "RC-02", about: about, positive: "verified-settings",
			change: func(i *issuing) { bySettings(i); change(i) }}
	}
	return []receiptCase{
		says("deny", receiptScope, "RC-05", "A refusal in the form of a receipt.", "verdict", "DENY"),
		says("verdict-case", receiptScope, "RC-05", "A verdict spelled another way.", "verdict", "allow"),
		says("verdict-none", receiptScope, "RC-05", "No verdict.", "verdict", ""),
		says("admit", receiptScope, "RC-05", "An admission in the form of a receipt.", "purpose", "ADMIT"),
		target("gateway", "Another gateway.", "gatewayId"),
		target("workspace", "Another workspace.", "workspace"),
		target("sandbox", "Another sandbox.", "sandboxId"),
		target("name", "Another name.", "name"),
		says("nonce", receiptNonceBad, "RC-02", "Another nonce.", "nonce", "000102030405060708090a0b0c0d0e10"),
		says("nonce-longer", receiptNonceBad, "RC-02", "The nonce and one byte more.", "nonce", receiptNonce+"00"),
		says("nonce-none", receiptNonceBad, "RC-02", "No nonce.", "nonce", ""),
		wants("nonce-empty", receiptNonceBad, "RC-02", "No nonce, and none is wanted: that is no question.", func(i *issuing) {
			i.predicate()["nonce"], i.want.Nonce = "", ""
		}),
		wants("nonce-short", receiptNonceBad, "RC-02", "A nonce of 15 bytes on both sides.", func(i *issuing) {
			i.want.Nonce = receiptNonce[2:]
			i.predicate()["nonce"] = i.want.Nonce
		}),
		wants("effective", receiptDigest, "RC-02", "Another effective policy is at hand.", func(i *issuing) { i.want.EffectiveSHA256 = bad }),
		settings("settings", "Other settings are at hand.", func(i *issuing) { i.want.SettingsSHA256 = bad }),
		settings("settings-unwanted", "Settings were judged, and none are at hand.", func(i *issuing) { i.want.SettingsSHA256 = "" }),
		settings("settings-unjudged", "Settings are at hand, and none were judged.", func(i *issuing) { delete(i.predicate(), "settingsSha256") }),
	}
}

// receiptsStale come too late, too early, or after a newer one. RC-03.
func receiptsStale() []receiptCase {
	no := func(name, about string, change func(*issuing)) receiptCase {
		return receiptCase{name: name, expect: receiptStale, attacks: "RC-03", about: about, change: change}
	}
	return []receiptCase{
		no("expired", "It ends just now.", func(i *issuing) { i.want.Now = receiptEnds }),
		no("last-year", "A receipt of last year.", func(i *issuing) { i.want.Now = "2027-09-01T12:00:01Z" }),
		no("future", "Issued 31 seconds from now.", func(i *issuing) { i.want.Now = "2026-09-01T11:59:29Z" }),
		no("clock-back", "The reader's clock was set back an hour.", func(i *issuing) { i.want.Now = "2026-09-01T11:00:01Z" }),
		no("lives-long", "It claims a second more than five minutes.", func(i *issuing) { i.predicate()["notAfter"] = "2026-09-01T12:05:01Z" }),
		no("lives-for-ever", "It claims a century.", func(i *issuing) { i.predicate()["notAfter"] = "2126-09-01T12:00:00Z" }),
		no("ends-before", "It ends before it begins.", func(i *issuing) { i.predicate()["notAfter"] = "2026-09-01T11:00:00Z" }),
		no("epoch", "A receipt of a later epoch was seen.", func(i *issuing) { i.want.MinEpoch = "42" }),
		no("sequence", "This receipt, or a later one, was seen.", func(i *issuing) { i.want.MinSequence = "18" }),
	}
}
