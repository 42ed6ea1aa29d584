// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// scriptWorld holds the files that scripts need and that expire or hold keys.
type scriptWorld struct {
	things map[string]map[string][]byte // thing → file name → contents
}

// newWorld makes
//
//	keys       alice.key … erin.key and their public halves, alice.pub …;
//	           erin-2.key is the one that Erin makes when hers is lost;
//	           sealed.key is alice's under the passphrase "correct horse"
//	documents  policy.json, forge.json, mirror.json, the effective policy of
//	           all three, effective.json, and policy.protojson, not canonical
//	changes    wider.json, the policy with a rule more; audited.json, where nothing
//	           is enforced; strange.json, with a member that nobody knows
//	rules      authorities.json, the base; one.json, where one of security is
//	           enough; three.json, where alice, bob and erin all have to; unreachable.json, where nobody is; stacks.json, where
//	           policy and profiles are approved together
//	driver     the receipt key of a driver, east-1.key and east-1.pub; drivers.json,
//	           which lists it; both.json, which lists alice's instead
//	repo       a published TUF repository with the base authorities, and root.json
//	stale      the same, its timestamp expired two days ago
func newWorld(t *testing.T) *scriptWorld {
	compose := verifiertest.ComposeLayers()
	loose, err := json.MarshalIndent(verifiertest.Policy(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	w := &scriptWorld{things: map[string]map[string][]byte{
		"keys": {},
		"documents": {
			"policy.json":      compose.Body(0),
			"forge.json":       compose.Body(1),
			"mirror.json":      compose.Body(2),
			"effective.json":   compose.Request.Effective,
			"policy.protojson": loose,
		},
		"changes": changes(),
		"rules": {
			"authorities.json": rules(2),
			"one.json":         rules(1),
			"three.json":       threePeople(),
			"stacks.json":      verifiertest.ComposeSet().Authorities.JSON(),
			"unreachable.json": rules(9),
		},
		"repo":  repository(t, "repo", time.Now()),
		"stale": repository(t, "stale", time.Now().AddDate(0, 0, -3)),
	}}
	for _, name := range []string{"alice", "bob", "dave", "erin", "erin-2"} {
		key := verifiertest.Person(name)
		w.things["keys"][name+".key"] = key.PrivatePEM()
		w.things["keys"][name+".pub"] = []byte(key.PEM())
	}
	driver := verifiertest.NewKey("east-1", verifier.Ed25519)
	w.things["driver"] = map[string][]byte{
		"east-1.key": driver.PrivatePEM(), "east-1.pub": []byte(driver.PEM()),
		"drivers.json": verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east-1": {{PEM: driver.PEM()}}}),
		"both.json":    verifiertest.Drivers(map[string][]verifiertest.DriverKey{"east-1": {{PEM: verifiertest.Person("alice").PEM()}}}),
	}
	w.things["keys"]["sealed.key"] = sealed(t, w.things["keys"]["alice.key"], "correct horse")
	return w
}

// changes are documents that differ from the policy.
func changes() map[string][]byte {
	files := map[string][]byte{}
	for name, change := range map[string]func(policy, rules verifiertest.Tree){
		"wider.json": func(_, rules verifiertest.Tree) {
			rules["other"] = verifiertest.Tree{"endpoints": verifiertest.List{verifiertest.Tree{"host": "other.example", "port": 443}}}
		},
		"audited.json": func(_, rules verifiertest.Tree) {
			endpoint := rules["tickets"].(verifiertest.Tree)["endpoints"].(verifiertest.List)[0]
			endpoint.(verifiertest.Tree)["enforcement"] = "audit"
		},
		"strange.json": func(policy, _ verifiertest.Tree) { policy["mystery"] = "\u202e" },
	} {
		policy := verifiertest.Policy()
		change(policy, policy["networkPolicies"].(verifiertest.Tree))
		files[name] = verifiertest.Canonical(policy)
	}
	return files
}

// sealed encrypts a private key as cosign does.
func sealed(t *testing.T, plain []byte, passphrase string) []byte {
	key, err := keys.Parse(plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.Marshal([]byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// rules is the base authorities with another threshold for security.
func rules(threshold int) []byte {
	a := verifiertest.BaseAuthorities()
	a.Authorities["security"].Threshold = threshold
	return a.JSON()
}

// threePeople is the base authorities with all three of security needed.
func threePeople() []byte {
	a := verifiertest.BaseAuthorities()
	a.Principals["erin"] = verifiertest.HeldBy(verifiertest.Person("erin"))
	a.Authorities["security"].Principals, a.Authorities["security"].Threshold = []string{"alice", "bob", "erin"}, 3
	return a.JSON()
}

func repository(t *testing.T, name string, now time.Time) map[string][]byte {
	repo := tuftest.New(t, tuftest.At(now))
	repo.SetTarget("authorities.json", verifiertest.BaseAuthorities().JSON())
	repo.SetTarget("revocations.json", verifiertest.Revocations())
	repo.Publish()
	files := map[string][]byte{name + "-root.json": repo.Root()}
	for file, data := range repo.Files() {
		files[name+"/"+file] = data
	}
	return files
}

// write is the script command: world THING…
func (w *scriptWorld) write(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: world THING…")
	}
	for _, thing := range args {
		files, ok := w.things[thing]
		if !ok {
			ts.Fatalf("world has no %s, only %v", thing, slices.Sorted(maps.Keys(w.things)))
		}
		for name, data := range files {
			path := ts.MkAbs(name)
			ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
			ts.Check(os.WriteFile(path, data, 0o600))
		}
	}
}
