// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier_test

import (
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// A policy that two people approved is asked about twice: with both approvals,
// and with one of them missing.
func ExampleVerify() {
	s := verifiertest.ComposePlain() // a COMPOSE of one policy, approved by alice and bob
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		log.Fatal(err)
	}
	d := verifier.Verify(&s.Request, trust, s.Floors, s.Now)
	fmt.Println(d.Verdict, d.Reason)
	fmt.Println("version", d.Documents[0].Version, "by", d.Documents[0].Principals)
	fmt.Println("raises the floor of", d.Raises[0].Key.Name, "to", d.Raises[0].Floor.Version)
	fmt.Println("valid until", d.ValidUntil.Format(time.RFC3339))

	s.Approve(0, "alice")
	d = verifier.Verify(&s.Request, trust, s.Floors, s.Now)
	fmt.Println(d.Verdict, d.Reason)
	fmt.Println(d.Findings[0].Detail)
	missing, _, _ := strings.Cut(d.NearestMiss.Text, " over ")
	fmt.Println("missing:", missing)
	// Output:
	// ALLOW ALLOWED
	// version 42 by [alice bob]
	// raises the floor of web-1 to 42
	// valid until 2026-09-03T12:00:00Z
	// DENY THRESHOLD
	// the rule "prod sandboxes" asks for 2 of "security": only alice has spoken
	// missing: one approval by bob or carol
}

// Trust comes from the files that TUF proved. It is parsed whole or refused whole.
func ExampleParseTrust() {
	authorities := `{
	  "schema": "sigdriver.authorities/v1",
	  "principals": {
	    "alice": {"keys": [{"pem": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"}]},
	    "carol": {"identities": [{"issuer": "https://accounts.example", "san": "carol@example.com"}]}
	  },
	  "authorities": {"security": {"principals": ["alice", "carol"], "threshold": 2}},
	  "rules": [{
	    "name": "prod sandboxes", "surface": "openshell.sandbox.v1.SandboxPolicy", "workspace": "prod", "mode": "enforce",
	    "require": [{"authority": "security", "predicateType": "https://sigdriver.dev/policy-approval/v1"}]
	  }]
	}`
	year := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	source := verifier.TrustSource{
		Authorities: []byte(authorities),
		Epoch:       1,
		Versions:    verifier.Versions{Root: 1, Timestamp: 1, Snapshot: 1, Targets: 1},
		Expires:     verifier.Expires{Root: year, Timestamp: year, Snapshot: year, Targets: year},
	}
	trust, err := verifier.ParseTrust(source)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range trust.Rules() {
		fmt.Printf("%s: %d of %v\n", r.Name, r.Require[0].Threshold, r.Require[0].Principals)
	}
	fmt.Println(trust.State(year.Add(-time.Hour)).Condition, trust.State(year).Condition)

	source.Authorities = []byte(strings.Replace(authorities, `"threshold": 2`, `"threshold": 3`, 1))
	_, err = verifier.ParseTrust(source)
	var refused *verifier.TrustError
	fmt.Println(errors.As(err, &refused), err)
	// Output:
	// prod sandboxes: 2 of [alice carol]
	// fresh refused
	// true authorities.json authorities."security".threshold: is 3: it must be 1 to 2, the number of principals
}

// A gateway's message becomes the document that people sign.
func ExampleCanonicalize() {
	document, notes, err := verifier.Canonicalize(verifier.SandboxPolicy, []byte(`{
	  "version": 1,
	  "networkPolicies": {"web": {"endpoints": [{"host": "api.example", "port": 443, "providerCredentialed": true}]}}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(document))
	for _, note := range notes {
		fmt.Println(note)
	}

	_, _, err = verifier.Canonicalize(verifier.SandboxPolicy, []byte(`{"network_policies": {}}`))
	var refused *verifier.CanonicalizeError
	if errors.As(err, &refused) {
		fmt.Println(refused.Reason, refused)
	}
	// Output:
	// {"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","networkPolicies":{"web":{"endpoints":[{"host":"api.example","port":443}]}},"version":1}
	// "/networkPolicies/web/endpoints/0/providerCredentialed" was left out: the gateway sets or clears it
	// DOCUMENT_NONCANONICAL "/network_policies" is a field's original name: write networkPolicies
}

// Canonical is the RFC 8785 form of any strict JSON.
func ExampleCanonical() {
	text, err := verifier.Canonical([]byte(`{"b": 1.0, "a": "\u00e9"}`))
	fmt.Println(string(text), err)
	_, err = verifier.Canonical([]byte(`{"a": 9007199254740993}`))
	fmt.Println(err)
	// Output:
	// {"a":"é","b":1} <nil>
	// the number before byte 22 changes its value as a double: write it as a string
}
