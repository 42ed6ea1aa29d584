// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
)

// documents are what was approved, and the approvals.
type documents struct {
	policy, forge, mirror []byte
	old                   stored // version 6 of the policy
	byAlice, byBob        []byte // approvals of the policy, version 7
	byCarol               []byte
	forStaging            [][]byte
}

// approve turns the samples into documents and has people sign them.
func (p *play) approve() error {
	p.act("2. People approve documents: canonical bytes, signed as DSSE in Sigstore bundles")
	for _, d := range []struct{ typeName, sample string }{
		{"sandbox-policy", "policy"}, {"provider-profile", "forge"}, {"provider-profile", "mirror"},
	} {
		data, err := samples.ReadFile("samples/" + d.sample + ".json")
		if err != nil {
			return err
		}
		if _, err := p.lab.Write(d.sample+".protojson", data); err != nil {
			return err
		}
		if err := p.command("canonicalize", "--type", d.typeName, d.sample+".protojson", "--out", d.sample+".json"); err != nil {
			return err
		}
	}
	if err := p.oldPolicy(); err != nil {
		return err
	}
	for _, a := range []struct{ document, who, workspace, name, version, out string }{
		{"policy.json", "alice", workspace, "web-*", "7", "alice-7.bundle"},
		{"policy.json", "bob", workspace, "web-*", "7", "bob-7.bundle"},
		{"policy.json", "carol", workspace, "web-*", "7", "carol-7.bundle"},
		{"policy.json", "alice", "staging", "web-*", "7", "alice-staging.bundle"},
		{"policy.json", "bob", "staging", "web-*", "7", "bob-staging.bundle"},
		{"old-policy.json", "alice", workspace, "web-*", "6", "alice-6.bundle"},
		{"old-policy.json", "bob", workspace, "web-*", "6", "bob-6.bundle"},
		{"forge.json", "dave", "*", "forge", "3", "dave-forge.bundle"},
		{"mirror.json", "dave", "*", "mirror", "1", "dave-mirror.bundle"},
	} {
		err := p.command("sign", "--yes", "--document", a.document, "--key", "keys/"+a.who+".key",
			"--workspace", a.workspace, "--name", a.name, "--version", a.version, "--out", a.out)
		if err != nil {
			return err
		}
	}
	p.say("   the approvals of the profiles travel through TUF, those of the policy in the request\n")
	if err := p.command("trust", "publish", "--dir", "trust", "--attestation", "dave-forge.bundle", "--attestation", "dave-mirror.bundle"); err != nil {
		return err
	}
	return p.readDocuments()
}

// oldPolicy writes the policy as it was before: with one rule less.
func (p *play) oldPolicy() error {
	policy, err := os.ReadFile(p.lab.Path("policy.json"))
	if err != nil {
		return err
	}
	_, err = p.lab.Write("old-policy.json", bytes.Replace(policy, []byte(`,{"allow":{"method":"POST","path":"/v2/orders/*/notes"}}`), nil, 1))
	return err
}

func (p *play) readDocuments() (err error) {
	read := func(name string) []byte {
		data, failed := os.ReadFile(p.lab.Path(name))
		if err == nil {
			err = failed
		}
		return data
	}
	p.docs = documents{
		policy: read("policy.json"), forge: read("forge.json"), mirror: read("mirror.json"),
		old:     stored{read("old-policy.json"), [][]byte{read("alice-6.bundle"), read("bob-6.bundle")}},
		byAlice: read("alice-7.bundle"), byBob: read("bob-7.bundle"), byCarol: read("carol-7.bundle"),
		forStaging: [][]byte{read("alice-staging.bundle"), read("bob-staging.bundle")},
	}
	return err
}

// keySHA256 is the digest by which a key is revoked: of its SPKI.
func keySHA256(path string) ([32]byte, error) {
	key, err := keys.Load(path, nil)
	if err != nil {
		return [32]byte{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return sha256.Sum256(key.SPKI()), nil
}
