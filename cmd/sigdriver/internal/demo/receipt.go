// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// driverID is the driver's name in receipts.
const driverID = "gw-1-driver"

// giveDriverKey makes the driver's receipt key, which trust hands out, and returns
// what its configuration says about it.
func (p *play) giveDriverKey() (drivers string, err error) {
	pem, err := p.lab.Person(driverID)
	if err != nil {
		return "", err
	}
	type keys struct {
		Keys []publicKey `json:"keys"`
	}
	data, err := json.MarshalIndent(map[string]any{
		"schema": "sigdriver.drivers/v1", "drivers": map[string]keys{driverID: {[]publicKey{{pem}}}},
	}, "", "  ")
	if err != nil {
		return "", err
	}
	if _, err := p.lab.Write("drivers.json", data); err != nil {
		return "", err
	}
	return "drivers.json", nil
}

// attestConfig lets the driver sign receipts.
func (p *play) attestConfig() string {
	return fmt.Sprintf("\n[attest]\ndriver_id = %q\nkey = %q\n", driverID, p.lab.Path("keys", driverID+".key"))
}

// askForReceipt plays a supervisor that does not take the gateway's word.
func (p *play) askForReceipt() error {
	p.act("6. The sandbox's supervisor does not take the gateway's word: it wants a receipt")
	req, err := p.web1().compose()
	if err != nil {
		return err
	}
	nonce, other := make([]byte, 16), make([]byte, 16)
	rand.Read(nonce) // never fails
	rand.Read(other)
	resp, err := p.gateway.AskReceipt(p.ctx, req, nonce)
	if err != nil {
		return err
	}
	swapped, err := Compose(req.Effective, []Layer{{Provider: "extra", Profile: p.docs.mirror}})
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"receipt.json": resp.GetEnvelope(), "effective.json": req.Effective, "swapped.json": swapped} {
		if _, err := p.lab.Write(name, data); err != nil {
			return err
		}
	}
	p.say("   $ sigdriver receipt verify receipt.json --trust trust/published --root … --nonce %x --effective effective.json …\n", nonce)
	for _, check := range []struct {
		want, what, effective string
		nonce                 []byte
	}{
		{"VERIFIED", "what is about to be enforced, for the supervisor's own nonce", "effective.json", nonce},
		{"RECEIPT_NONCE", "an old receipt, handed over again for another nonce", "effective.json", other},
		{"RECEIPT_DIGEST", "a policy with an extra rule, put in after the driver was asked", "swapped.json", nonce},
	} {
		if err := p.checkReceipt(check.want, check.what, check.effective, check.nonce); err != nil {
			return err
		}
	}
	return nil
}

// checkReceipt announces what comes of a receipt, checks it, and says whether it did.
func (p *play) checkReceipt(want, what, effective string, nonce []byte) error {
	out, err := p.lab.Run(p.ctx, "receipt", "verify", "receipt.json", "--trust", "trust/published",
		"--root", root, "--driver", driverID, "--nonce", hex.EncodeToString(nonce),
		"--target", gatewayID+":"+workspace+"/web-1", "--sandbox-id", "sb-1", "--effective", effective, "-o", "json")
	var refused *CommandError
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	var got struct{ Result, Finding string }
	if json.Unmarshal([]byte(out), &got) != nil {
		return err
	}
	came := got.Result
	if got.Finding != "" {
		came = got.Finding
	}
	p.announced(came == want && (err == nil) == (want == "VERIFIED"), came, want, what)
	return nil
}
