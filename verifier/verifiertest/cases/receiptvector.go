// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// ReceiptFormat names the format of a receipt vector.
const ReceiptFormat = "sigdriver.receipt-vector/v1"

// ReceiptVector is one receipt, what its reader wants, and what must come out:
// "VERIFIED" or one finding.
type ReceiptVector struct {
	Format  string   `json:"format"`
	Name    string   `json:"name"`
	About   string   `json:"about"`
	Attacks []string `json:"attacks,omitempty"`
	// Positive is the vector that is VERIFIED and that this one is one change
	// away from.
	Positive string      `json:"positive,omitempty"`
	Receipt  Bytes       `json:"receipt"`
	Want     ReceiptWant `json:"want"`
	Expect   string      `json:"expect"`
}

// ReceiptWant is what a reader of a receipt knows beforehand.
type ReceiptWant struct {
	Keys            []ReceiptPin `json:"keys"`
	Nonce           string       `json:"nonce"` // hex
	Target          VectorTarget `json:"target"`
	EffectiveSHA256 string       `json:"effectiveSha256"`
	SettingsSHA256  string       `json:"settingsSha256,omitempty"`
	MinEpoch        string       `json:"minEpoch"`
	MinSequence     string       `json:"minSequence"`
	Now             string       `json:"now"`
}

// ReceiptPin is a pinned key.
type ReceiptPin struct {
	PEM       string `json:"pem"`
	Driver    string `json:"driver,omitempty"`
	NotBefore string `json:"notBefore,omitempty"`
	NotAfter  string `json:"notAfter,omitempty"`
}

// ParseReceiptVector reads a vector. An unknown member is an error.
func ParseReceiptVector(data []byte) (*ReceiptVector, error) {
	v := new(ReceiptVector)
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if v.Format != ReceiptFormat {
		return nil, fmt.Errorf("format is %q, not %s", v.Format, ReceiptFormat)
	}
	return v, nil
}

// issuing is a receipt in the making: a case changes one thing of it.
type issuing struct {
	statement vt.Tree
	key       *vt.Key
	payload   func([]byte) []byte // changes what is signed
	envelope  func(*vt.Envelope)  // changes the envelope, in its members …
	text      func(string) string // … or in its bytes
	want      ReceiptWant
}

// predicate is the predicate of the statement.
func (i *issuing) predicate() vt.Tree { return i.statement["predicate"].(vt.Tree) }

// receiptTime is when the receipts of the vectors are issued: Now.
const (
	receiptIssued = "2026-09-01T12:00:00Z"
	receiptEnds   = "2026-09-01T12:05:00Z"
	receiptNonce  = "000102030405060708090a0b0c0d0e0f"
)

// newIssuing is a receipt for a policy with two layers, and a reader who wants it.
func newIssuing(key *vt.Key) *issuing {
	s := vt.ComposeLayers()
	effective := vt.SHA256(s.Request.Effective)
	inputs := []any{}
	for i, by := range [][]any{{"alice", "bob"}, {"dave"}, {"erin"}} {
		in := vt.Tree{"role": vt.RoleNames[s.Request.Documents[i].Role], "sha256": s.SHA256(i), "version": "42", "principals": by}
		if p := s.Request.Documents[i].Provider; p != "" {
			in["provider"] = p
		}
		inputs = append(inputs, in)
	}
	t := s.Request.Target
	return &issuing{
		key: key,
		statement: vt.Tree{
			"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://sigdriver.dev/effective-policy/v1",
			"subject": []any{vt.Tree{"name": "effective-policy", "digest": vt.Tree{"sha256": effective}}},
			"predicate": vt.Tree{
				"driver": vt.Tree{"id": "east-1", "version": "0.1.0"}, "inputs": inputs,
				"issuedAt": receiptIssued, "notAfter": receiptEnds, "nonce": receiptNonce, "sequence": "17",
				"log":    vt.Tree{"index": "5", "entrySha256": vt.SHA256([]byte("entry 5"))},
				"recipe": vt.Recipe, "providersV2Enabled": true, "requestSha256": RequestSHA256(&s.Request),
				"purpose": "COMPOSE", "verdict": "ALLOW",
				"target": vt.Tree{"gatewayId": t.GatewayID, "workspace": t.Workspace, "sandboxId": t.SandboxID, "name": t.Name},
				"trust":  vt.Tree{"epoch": "41", "root": "7", "timestamp": "900", "snapshot": "80", "targets": "31", "revocation": "12", "stale": false},
			},
		},
		want: ReceiptWant{
			Keys: []ReceiptPin{{PEM: key.PEM()}}, Nonce: receiptNonce, EffectiveSHA256: effective,
			Target:   VectorTarget{t.GatewayID, t.Workspace, t.SandboxID, t.Name},
			MinEpoch: "0", MinSequence: "0", Now: "2026-09-01T12:00:01Z",
		},
	}
}

// bytes signs the receipt.
func (i *issuing) bytes() []byte {
	payload := vt.Canonical(i.statement)
	if i.payload != nil {
		payload = i.payload(payload)
	}
	e := vt.Seal(payload, i.key)
	if i.envelope != nil {
		i.envelope(&e)
	}
	text := string(e.JSON())
	if i.text != nil {
		changed := i.text(text)
		if changed == text {
			panic("cases: a receipt that was to be changed is as it was")
		}
		text = changed
	}
	return []byte(text)
}

// replaceOnce is Edit for text.
func replaceOnce(old, new string) func(string) string {
	return func(text string) string { return string(vt.Edit([]byte(text), old, new)) }
}

// ReceiptVectors returns the receipt vectors: those that verify, then each finding.
func ReceiptVectors() []*ReceiptVector {
	var all []*ReceiptVector
	names := map[string]bool{}
	for _, c := range receiptCases() {
		i := newIssuing(vt.NewKey("east-1", verifier.ECDSAP256))
		c.change(i)
		v := &ReceiptVector{Format: ReceiptFormat, Name: c.name, About: c.about, Expect: c.expect, Receipt: i.bytes(), Want: i.want}
		if c.attacks != "" {
			v.Attacks = strings.Fields(c.attacks)
		}
		if c.expect != receiptVerified {
			v.Positive = cmp.Or(c.positive, "verified")
		}
		if names[c.name] {
			panic("cases: two receipt vectors " + c.name)
		}
		names[c.name] = true
		all = append(all, v)
	}
	return all
}
