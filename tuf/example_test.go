// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// A client follows a repository on a web server, accepts what it proved, and proves
// later, without network, what was in force.
func ExampleOpen() {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	dir, err := os.MkdirTemp("", "tuf-example-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	published, state := filepath.Join(dir, "published"), filepath.Join(dir, "state")
	publish(published, now, `{"rules": "first"}`)
	web := httptest.NewServer(http.FileServer(http.Dir(published)))
	defer web.Close()

	root, err := os.ReadFile(filepath.Join(published, "metadata", "1.root.json"))
	if err != nil {
		log.Fatal(err)
	}
	source, err := tuf.NewSource(web.URL)
	if err != nil {
		log.Fatal(err)
	}
	client, err := tuf.Open(tuf.Config{Root: root, Source: source, Dir: state, Now: func() time.Time { return now }})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for _, rules := range []string{`{"rules": "second"}`, ""} {
		update, err := client.Refresh(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("targets %d: %s, changed: %v\n", update.Roles[tuf.RoleTargets].Version, update.Targets["authorities.json"], update.Changed)
		if err := client.Accept(update, tuf.Note{Epoch: client.LastEpoch() + 1}); err != nil {
			log.Fatal(err)
		}
		if rules != "" {
			now = now.Add(time.Hour)
			publish(published, now, rules)
		}
	}

	past, note, err := tuf.AsOf(state, root, now.Add(-time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("a minute before: epoch %d, %s\n", note.Epoch, past.Targets["authorities.json"])

	// Output:
	// targets 1: {"rules": "first"}, changed: true
	// targets 2: {"rules": "second"}, changed: true
	// a minute before: epoch 1, {"rules": "first"}
}

// publish publishes authorities.json, with one key for each role.
func publish(dir string, now time.Time, authorities string) {
	change := author.Change{Files: map[string][]byte{"authorities.json": []byte(authorities)}}
	var keys []crypto.Signer
	for _, role := range []string{tuf.RoleRoot, tuf.RoleTargets, tuf.RoleSnapshot, tuf.RoleTimestamp} {
		seed := sha256.Sum256([]byte(role))
		keys = append(keys, ed25519.NewKeyFromSeed(seed[:]))
	}
	base, err := author.OpenRepository(nil, dir)
	if err != nil { // there is none yet: say who holds the roles
		change.Keyholders = map[string]author.Keyholders{}
		for i, role := range []string{tuf.RoleRoot, tuf.RoleTargets, tuf.RoleSnapshot, tuf.RoleTimestamp} {
			change.Keyholders[role] = author.Keyholders{Keys: []crypto.PublicKey{keys[i].Public()}, Threshold: 1}
		}
	}
	stage, err := author.NewStage(base, change, now)
	if err != nil {
		log.Fatal(err)
	}
	if err := stage.Complete(keys, now, nil); err != nil {
		log.Fatal(err)
	}
	if err := stage.Publish(nil, dir, now); err != nil {
		log.Fatal(err)
	}
}
