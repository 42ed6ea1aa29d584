// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"encoding/json"
	"fmt"
	"os"
)

const approvalType = "https://sigdriver.dev/policy-approval/v1"

// trust is what the security team writes, as authorities.json spells it.
type trust struct {
	Schema      string               `json:"schema"`
	Principals  map[string]principal `json:"principals"`
	Authorities map[string]authority `json:"authorities"`
	Rules       []rule               `json:"rules"`
	MaxStale    string               `json:"maxStale"`
}

type principal struct {
	Keys []publicKey `json:"keys"`
}

type publicKey struct {
	PEM string `json:"pem"`
}

type authority struct {
	Principals []string `json:"principals"`
	Threshold  int      `json:"threshold"`
}

type rule struct {
	Name      string        `json:"name"`
	Surface   string        `json:"surface"`
	Workspace string        `json:"workspace,omitempty"`
	Mode      string        `json:"mode"`
	Require   []requirement `json:"require"`
}

type requirement struct {
	Authority     string `json:"authority"`
	PredicateType string `json:"predicateType"`
}

// setUpTrust makes keys, writes the rules and publishes the first trust.
func (p *play) setUpTrust() error {
	p.act("1. The security team sets up trust")
	p.say("   alice, bob and carol review policies, dave reviews provider profiles\n")
	p.say("   rules: 2 of {alice, bob} for a policy of workspace prod, dave for a profile\n")
	p.trust = &trust{
		Schema:     "sigdriver.authorities/v1",
		Principals: map[string]principal{},
		Authorities: map[string]authority{
			"security": {[]string{"alice", "bob"}, 2},
			"platform": {[]string{"dave"}, 1},
		},
		Rules: []rule{
			{"prod policies", "openshell.sandbox.v1.SandboxPolicy", workspace, "enforce", []requirement{{"security", approvalType}}},
			{"profiles", "openshell.v1.ProviderProfile", "", "enforce", []requirement{{"platform", approvalType}}},
		},
		MaxStale: "72h",
	}
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		pem, err := p.lab.Person(name)
		if err != nil {
			return err
		}
		if name != "carol" {
			p.trust.Principals[name] = principal{[]publicKey{{pem}}}
		}
	}
	if err := p.writeTrust(); err != nil {
		return err
	}
	drivers, err := p.giveDriverKey()
	if err != nil {
		return err
	}
	return p.command("trust", "init", "--dir", "trust", "--authorities", "authorities.json", "--drivers", drivers)
}

func (p *play) writeTrust() error {
	data, err := json.MarshalIndent(p.trust, "", "  ")
	if err != nil {
		return err
	}
	_, err = p.lab.Write("authorities.json", data)
	return err
}

// publishSigner makes carol a third reviewer.
func (p *play) publishSigner() error {
	pem, err := os.ReadFile(p.lab.Path("keys", "carol.pub"))
	if err != nil {
		return err
	}
	p.trust.Principals["carol"] = principal{[]publicKey{{string(pem)}}}
	p.trust.Authorities["security"] = authority{[]string{"alice", "bob", "carol"}, 2}
	if err := p.writeTrust(); err != nil {
		return err
	}
	return p.publish("--authorities", "authorities.json")
}

// publishRevocation takes carol's key away again.
func (p *play) publishRevocation() error {
	sum, err := keySHA256(p.lab.Path("keys", "carol.key"))
	if err != nil {
		return err
	}
	list := fmt.Sprintf(`{"schema":"sigdriver.revocations/v1","entries":[{"kind":"key","sha256":"%x","reason":"laptop stolen"}]}`, sum)
	if _, err := p.lab.Write("revocations.json", []byte(list)); err != nil {
		return err
	}
	return p.publish("--revocations", "revocations.json")
}

// publish signs and publishes a change and waits until the driver serves it.
func (p *play) publish(change ...string) error {
	if err := p.command(append([]string{"trust", "publish", "--dir", "trust"}, change...)...); err != nil {
		return err
	}
	before := p.epoch
	if err := p.awaitEpoch(before + 1); err != nil {
		return err
	}
	p.say("     the driver, still process %d, went from trust epoch %d to %d\n", p.driver.PID(), before, p.epoch)
	return nil
}
