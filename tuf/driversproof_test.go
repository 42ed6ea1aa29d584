// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf_test

//go:generate go test -run ^TestDriversProofVectors$ . -update-proofs

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	stdjson "encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

var updateProofs = flag.Bool("update-proofs", false, "write testdata/vectors/drivers")

const proofVectors = "../testdata/vectors/drivers"

// proofVector is a proof of drivers.json, what its reader knows, and what comes of it:
// "VERIFIED" or one code.
type proofVector struct {
	Format     string `json:"format"`
	Name       string `json:"name"`
	About      string `json:"about"`
	Positive   string `json:"positive,omitempty"`
	Root       string `json:"root"`  // the pinned root, text
	Proof      string `json:"proof"` // text
	MinRoot    int64  `json:"minRoot,string"`
	MinTargets int64  `json:"minTargets,string"`
	Now        string `json:"now"`
	Expect     string `json:"expect"`
	SHA256     string `json:"driversSha256,omitempty"` // of drivers.json; there exactly if VERIFIED
}

// proof is the file's members, to be changed.
type proof struct {
	Schema  string   `json:"schema"`
	Roots   [][]byte `json:"roots"`
	Targets []byte   `json:"targets"`
	Drivers []byte   `json:"drivers"`
}

// proofCase is a repository of its own, the proof that is made of it, and its reader.
type proofCase struct {
	name, expect, about string
	options             []tuftest.Option
	publish             func(*tuftest.Repo) // what follows the publication of drivers.json
	change              func(*proof)
	text                func(string) string
	minRoot, minTargets int64
	now                 time.Duration       // after the first publication
	pinned              string              // "" for the first root
	reader              func(string) string // changes the pinned root
}

const driversText = `{"schema":"sigdriver.drivers/v1","drivers":{"east-1":{"keys":[{"pem":"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEy44I0gewNq/0nu6HDy88fwqzWsmO\nWYIEG/TPCcruB0M86X6rlToqlSDacDmmVN9/O7ZvYulQBO7aJsoB7LBRbA==\n-----END PUBLIC KEY-----\n"}]}}}`

// rotateRoot gives the root role another key, twice.
func rotateRoot(r *tuftest.Repo) {
	for range 2 {
		r.Rotate(tuftest.Root)
		r.Publish()
	}
}

func signedBy(keys ...string) func(*tuftest.Repo) {
	return func(r *tuftest.Repo) {
		var all []ed25519.PrivateKey
		for _, name := range keys {
			all = append(all, tuftest.Key(name))
		}
		r.SignWith(tuftest.Targets, all...)
		r.Publish()
	}
}

func replaced(old, new string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, new, 1) }
}

// editTargets changes targets behind its signatures' back.
func editTargets(old, new string) func(*proof) {
	return func(p *proof) { p.Targets = bytes.Replace(p.Targets, []byte(old), []byte(new), 1) }
}

// signedAgain changes what targets says and lets its key sign that, as text: also what no
// encoder of metadata would write.
func signedAgain(old, new string) func(*proof) {
	return func(p *proof) {
		var file struct {
			Signed     stdjson.RawMessage `json:"signed"`
			Signatures []any              `json:"signatures"`
		}
		if err := stdjson.Unmarshal(p.Targets, &file); err != nil {
			panic(err)
		}
		file.Signed = bytes.Replace(file.Signed, []byte(old), []byte(new), 1)
		if !bytes.Contains(file.Signed, []byte(new)) {
			panic("nothing to change: " + old)
		}
		message, err := cjson.EncodeCanonical(file.Signed)
		if err != nil {
			panic(err)
		}
		key := tuftest.Key(tuftest.Targets)
		sig := hex.EncodeToString(ed25519.Sign(key, message))
		p.Targets = fmt.Appendf(nil, `{"signatures":[{"keyid":"%s","sig":"%s"}],"signed":%s}`, tuftest.KeyID(key), sig, file.Signed)
	}
}

// targetsEdited publishes targets that were changed before they were signed.
func targetsEdited(edit func(*metadata.TargetsType)) func(*tuftest.Repo) {
	return func(r *tuftest.Repo) {
		r.EditTargets(tuftest.Targets, edit)
		r.Publish()
	}
}

// custom gives drivers.json a member that belongs to nobody.
func custom(text string) func(*tuftest.Repo) {
	return targetsEdited(func(s *metadata.TargetsType) {
		value := stdjson.RawMessage(text)
		s.Targets["drivers.json"].Custom = &value
	})
}

func hashes(all metadata.Hashes) func(*tuftest.Repo) {
	return targetsEdited(func(s *metadata.TargetsType) { s.Targets["drivers.json"].Hashes = all })
}

// keyUnderTwoIDs lets one key hold targets under two ids, of which both must sign.
func keyUnderTwoIDs(r *tuftest.Repo) {
	r.EditRoot(func(root *metadata.RootType) {
		role := root.Roles[tuftest.Targets]
		again := strings.Repeat("0", 64)
		root.Keys[again] = root.Keys[role.KeyIDs[0]]
		role.KeyIDs, role.Threshold = append(role.KeyIDs, again), 2
	})
	r.Publish()
}

func signTwice(p *proof) {
	id := tuftest.KeyID(tuftest.Key(tuftest.Targets))
	signature := regexp.MustCompile(`\{"keyid":"` + id + `","sig":"[0-9a-f]+"\}`)
	p.Targets = signature.ReplaceAllFunc(p.Targets, func(one []byte) []byte {
		return slices.Concat(one, []byte(","), bytes.Replace(one, []byte(id), []byte(strings.Repeat("0", 64)), 1))
	})
}

// unsignedRoot is a root under a signature of the right form that its key did not make.
func unsignedRoot(root string) string {
	sig := regexp.MustCompile(`"sig":"[0-9a-f]{2}`)
	return sig.ReplaceAllString(root, `"sig":"00`)
}

// twoOfThree is who holds targets in the cases about its threshold.
var twoOfThree = []tuftest.Option{tuftest.Threshold(tuftest.Targets, 2, 3)}

func proofCases() []proofCase {
	const targetsLife, rootLife = 90 * 24 * time.Hour, 365 * 24 * time.Hour
	ok := []proofCase{
		{name: "verified", about: "The first root signed for targets."},
		{name: "verified-rotated", about: "Two roots follow the pinned one.", publish: rotateRoot},
		{name: "verified-pinned-later", about: "The pinned root is in the middle of the chain.", publish: rotateRoot, pinned: "metadata/2.root.json"},
		{name: "verified-threshold", about: "Three keys hold targets, two must sign and did.", options: twoOfThree, publish: signedBy("targets-1", "targets-3")},
		{name: "verified-again", about: "The versions that were taken before.", minRoot: 1, minTargets: 2},
		{name: "verified-last-second", about: "The last second before targets expires.", now: targetsLife - time.Second},
		{name: "verified-unknown-member", about: "A member of targets that nobody knows, and in it names that are known elsewhere.", change: signedAgain(`"version":2`, `"version":2,"x-note":{"Version":1,"_TYPE":null}`)},
		{name: "verified-stranger", about: "Somebody nobody knows signed targets, too.", publish: signedBy("stranger", tuftest.Targets)},
	}
	for i := range ok {
		ok[i].expect = "VERIFIED"
	}
	return append(ok, []proofCase{
		{name: "expired-targets", expect: tuf.CodeExpired, about: "Targets expires just now.", now: targetsLife},
		{name: "expired-root", expect: tuf.CodeExpired, about: "The root expires just now; targets was signed for longer.", now: rootLife, publish: func(r *tuftest.Repo) {
			r.SetExpiry(tuftest.Targets, tuftest.Start.Add(2*rootLife))
			r.Publish()
		}},
		{name: "wrong-key", expect: tuf.CodeSignature, about: "Another key signed targets.", publish: signedBy("stranger")},
		{name: "claimed-key", expect: tuf.CodeSignature, about: "Another key signed targets under the id of the right one.", publish: signedBy("stranger"),
			change: editTargets(tuftest.KeyID(tuftest.Key("stranger")), tuftest.KeyID(tuftest.Key(tuftest.Targets)))},
		{name: "unsigned", expect: tuf.CodeSignature, about: "Nobody signed targets.", publish: signedBy()},
		{name: "threshold", expect: tuf.CodeSignature, about: "One of the two that must sign targets.", options: twoOfThree, publish: signedBy("targets-2")},
		{name: "threshold-stranger", expect: tuf.CodeSignature, about: "One of the two that must sign, and a stranger.", options: twoOfThree, publish: signedBy("targets-2", "stranger")},
		{name: "two-ids", expect: tuf.CodeSignature, about: "One key under two ids is one key.", publish: keyUnderTwoIDs, change: signTwice},
		{name: "id-twice", expect: tuf.CodeSignature, about: "The root lists a key of targets twice.", publish: func(r *tuftest.Repo) {
			r.EditRoot(func(root *metadata.RootType) {
				role := root.Roles[tuftest.Targets]
				role.KeyIDs = append(role.KeyIDs, role.KeyIDs[0])
			})
			r.Publish()
		}},
		{name: "other-root", expect: tuf.CodeSignature, about: "A proof from another root of the pinned one's version.", change: func(p *proof) {
			p.Roots[0] = bytes.Replace(p.Roots[0], []byte(`"sig":"`), []byte(`"sig":"00`), 1)
		}},
		{name: "root-skipped", expect: tuf.CodeVersion, about: "The second root is missing; the pinned root's key signed the third.", publish: func(r *tuftest.Repo) {
			for range 2 {
				r.EditRoot(func(*metadata.RootType) {})
				r.Publish()
			}
		}, change: func(p *proof) { p.Roots = p.Roots[2:] }},
		{name: "root-unsigned", expect: tuf.CodeSignature, about: "The second root is missing, and only its key signed the third.", publish: rotateRoot, change: func(p *proof) { p.Roots = p.Roots[2:] }},
		{name: "root-by-predecessor", expect: tuf.CodeSignature, about: "Only the pinned root's key signed the second, not its own.", publish: func(r *tuftest.Repo) {
			before := r.Keys(tuftest.Root)
			r.Rotate(tuftest.Root)
			r.SignWith(tuftest.Root, before...)
			r.Publish()
		}},
		{name: "root-by-itself", expect: tuf.CodeSignature, about: "Only its own new key signed the second root, not the pinned one's.", publish: func(r *tuftest.Repo) {
			r.Rotate(tuftest.Root)
			r.SignWith(tuftest.Root, r.Keys(tuftest.Root)...)
			r.Publish()
		}},
		{name: "pinned-unsigned", expect: tuf.CodeSignature, about: "The pinned root's own key did not sign it.", reader: unsignedRoot, change: func(p *proof) {
			p.Roots[0] = []byte(unsignedRoot(string(p.Roots[0])))
		}},
		{name: "threshold-zero", expect: tuf.CodeSignature, about: "The root asks for nobody's signature on targets, and nobody signed.", publish: func(r *tuftest.Repo) {
			r.EditRoot(func(root *metadata.RootType) { root.Roles[tuftest.Targets].Threshold = 0 })
			r.SignWith(tuftest.Targets)
			r.Publish()
		}},
		{name: "role-missing", expect: tuf.CodeSignature, about: "The second root has no snapshot role.", publish: func(r *tuftest.Repo) {
			r.EditRoot(func(root *metadata.RootType) { delete(root.Roles, tuftest.Snapshot) })
			r.Publish()
		}},
		{name: "root-missing", expect: tuf.CodeSignature, about: "The root is missing that gives targets another key.", publish: func(r *tuftest.Repo) {
			r.Rotate(tuftest.Targets)
			r.Publish()
		}, change: func(p *proof) { p.Roots = p.Roots[:1] }},
		{name: "rolled-back-targets", expect: tuf.CodeRollback, about: "Older targets than were taken before.", minRoot: 1, minTargets: 3},
		{name: "rolled-back-root", expect: tuf.CodeRollback, about: "An older root than was taken before.", minRoot: 2, minTargets: 2},
		{name: "hash", expect: tuf.CodeHash, about: "A byte of drivers.json was changed.", change: func(p *proof) { p.Drivers[20] ^= 1 }},
		{name: "length", expect: tuf.CodeLength, about: "drivers.json has a byte more.", change: func(p *proof) { p.Drivers = append(p.Drivers, '\n') }},
		{name: "not-listed", expect: tuf.CodeDelegation, about: "Targets lists no drivers.json.", publish: func(r *tuftest.Repo) {
			r.RemoveTarget("drivers.json")
			r.Publish()
		}},
		{name: "number-fraction", expect: tuf.CodeSignature, about: "A version with a fraction of zero.", change: editTargets(`"version":2`, `"version":2.0`)},
		{name: "number-exponent", expect: tuf.CodeSignature, about: "A version with an exponent.", change: editTargets(`"version":2`, `"version":2e0`)},
		{name: "number-rounded", expect: tuf.CodeSignature, about: "A number that another reader would round to the signed one.", publish: custom(`{"n":1}`), change: editTargets(`"n":1`, `"n":1.5`)},
		{name: "number-negative-zero", expect: tuf.CodeSignature, about: "Zero with a sign.", publish: custom(`{"n":0}`), change: editTargets(`"n":0`, `"n":-0`)},
		{name: "number-inexact", expect: tuf.CodeSignature, about: "A number that a double may have been rounded to.", publish: custom(`{"n":9007199254740992}`)},
		{name: "version-inexact", expect: tuf.CodeSignature, about: "A version that a double may have been rounded to.", publish: func(r *tuftest.Repo) {
			r.SetVersion(tuftest.Targets, 1<<53)
			r.Publish()
		}},
		{name: "version-zero", expect: tuf.CodeSignature, about: "Targets of version 0.", publish: targetsEdited(func(s *metadata.TargetsType) { s.Version = 0 })},
		{name: "specification", expect: tuf.CodeSignature, about: "Another version of the specification.", publish: targetsEdited(func(s *metadata.TargetsType) { s.SpecVersion = "2.0.0" })},
		{name: "specification-parts", expect: tuf.CodeSignature, about: "A version of the specification of four parts.", publish: targetsEdited(func(s *metadata.TargetsType) { s.SpecVersion = "1.0.0.0" })},
		{name: "specification-long", expect: tuf.CodeSignature, about: "A version of the specification of five digits.", publish: targetsEdited(func(s *metadata.TargetsType) { s.SpecVersion = "1.10000" })},
		{name: "other-type", expect: tuf.CodeSignature, about: "Metadata of another type, signed by the key of targets.", publish: targetsEdited(func(s *metadata.TargetsType) { s.Type = tuftest.Snapshot })},
		{name: "signature-twice", expect: tuf.CodeSignature, about: "One signature twice.", change: func(p *proof) {
			one := regexp.MustCompile(`\{"keyid":"[0-9a-f]+","sig":"[0-9a-f]+"\}`)
			p.Targets = one.ReplaceAll(p.Targets, []byte("$0,$0"))
		}},
		{name: "signature-no-hex", expect: tuf.CodeSignature, about: "A stranger's signature that is not hex.", publish: signedBy("stranger", tuftest.Targets),
			change: func(p *proof) {
				stranger := regexp.MustCompile(`("keyid":"` + tuftest.KeyID(tuftest.Key("stranger")) + `","sig":")[0-9a-f]{2}`)
				p.Targets = stranger.ReplaceAll(p.Targets, []byte("${1}zz"))
			}},
		{name: "key-missing", expect: tuf.CodeSignature, about: "The second root gives targets a key that it does not list.", publish: func(r *tuftest.Repo) {
			r.EditRoot(func(root *metadata.RootType) {
				role := root.Roles[tuftest.Targets]
				role.KeyIDs = append(role.KeyIDs, strings.Repeat("0", 64))
			})
			r.Publish()
		}},
		{name: "key-of-another-kind", expect: tuf.CodeSignature, about: "An Ed25519 key that the second root calls an ECDSA one.", publish: func(r *tuftest.Repo) {
			r.EditRoot(func(root *metadata.RootType) {
				der, err := x509.MarshalPKIXPublicKey(tuftest.Key(tuftest.Targets).Public())
				if err != nil {
					panic(err)
				}
				text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
				key := *root.Keys[root.Roles[tuftest.Targets].KeyIDs[0]]
				key.Type, key.Scheme, key.Value.PublicKey = "ecdsa", "ecdsa-sha2-nistp256", text
				root.Keys[root.Roles[tuftest.Targets].KeyIDs[0]] = &key
			})
			r.Publish()
		}},
		{name: "hash-none", expect: tuf.CodeHash, about: "No hash of drivers.json.", publish: hashes(metadata.Hashes{})},
		{name: "hash-unknown", expect: tuf.CodeHash, about: "A hash of drivers.json of an unknown kind, beside the right one.", publish: func(r *tuftest.Repo) {
			targetsEdited(func(s *metadata.TargetsType) { s.Targets["drivers.json"].Hashes["md5"] = make([]byte, 16) })(r)
		}},
		{name: "changed", expect: tuf.CodeSignature, about: "Targets was changed after signing.", change: editTargets(`"version":2`, `"version":9`)},
		{name: "member-twice", expect: tuf.CodeSignature, about: "A member of targets twice.", change: editTargets(`"_type":"targets"`, `"_type":"targets","_type":"targets"`)},
		{name: "member-in-other-case", expect: tuf.CodeSignature, about: "A member beside a known one that differs only in case; targets' key signed it.", change: signedAgain(`"version":2`, `"Version":3,"version":2`)},
		{name: "member-in-other-case-alone", expect: tuf.CodeSignature, about: "A member of drivers.json's entry in another case.", change: signedAgain(`"length":`, `"LENGTH":1,"length":`)},
		{name: "member-in-other-letters", expect: tuf.CodeSignature, about: "A member with the long s, which folds to the known one.", change: signedAgain(`"expires":`, `"expireſ":"","expires":`)},
		{name: "signature-in-other-case", expect: tuf.CodeSignature, about: "A member of a signature in another case; nobody signs those.", change: editTargets(`"keyid":`, `"KeyID":"","keyid":`)},
		{name: "member-kind", expect: tuf.CodeSignature, about: "Something else than an object where drivers.json's custom members belong.", change: signedAgain(`"length":`, `"custom":7,"length":`)},
		{name: "delegation-kind", expect: tuf.CodeSignature, about: "A text where delegations belong.", change: signedAgain(`"version":2`, `"delegations":"","version":2`)},
		{name: "delegation-nowhere", expect: tuf.CodeSignature, about: "Delegations to nobody.", change: signedAgain(`"version":2`, `"delegations":{"keys":{}},"version":2`)},
		{name: "delegation-name", expect: tuf.CodeSignature, about: "A delegation to the root role.", change: signedAgain(`"version":2`, `"delegations":{"keys":{},"roles":[{"keyids":[],"name":"root","paths":["*"],"terminating":false,"threshold":1}]},"version":2`)},
		{name: "delegation-key", expect: tuf.CodeSignature, about: "A delegation to a key that is not listed.", change: signedAgain(`"version":2`, `"delegations":{"keys":{},"roles":[{"keyids":["00"],"name":"a","paths":["*"],"terminating":false,"threshold":1}]},"version":2`)},
		{name: "key-too-short", expect: tuf.CodeSignature, about: "An Ed25519 key of two bytes among delegations' keys.", change: signedAgain(`"version":2`, `"delegations":{"keys":{"00":{"keytype":"ed25519","keyval":{"public":"0011"},"scheme":"ed25519"}},"roles":[]},"version":2`)},
		{name: "length-elsewhere", expect: tuf.CodeLength, about: "A negative length of another target.", change: signedAgain(`"targets":{`, `"targets":{"a":{"hashes":{"sha256":"00"},"length":-1},`)},
		{name: "hash-elsewhere", expect: tuf.CodeHash, about: "No hash of another target.", change: signedAgain(`"targets":{`, `"targets":{"a":{"hashes":{},"length":1},`)},
		{name: "root-as-targets", expect: tuf.CodeSignature, about: "A root where targets belongs.", change: func(p *proof) { p.Targets = p.Roots[0] }},
		{name: "unknown-member", expect: tuf.CodeSignature, about: "A member of the proof that nobody knows.", text: replaced(`"schema":`, `"note":"","schema":`)},
		{name: "schema", expect: tuf.CodeSignature, about: "Another schema.", text: replaced(`drivers-proof/v1`, `drivers-proof/v2`)},
		{name: "no-drivers", expect: tuf.CodeSignature, about: "No drivers.json at all.", text: func(s string) string { return s[:strings.Index(s, `,"drivers":`)] + "}" }},
		{name: "cut", expect: tuf.CodeSignature, about: "The file is cut.", text: func(s string) string { return s[:len(s)/2] }},
	}...)
}

func TestDriversProofVectors(t *testing.T) {
	seen := map[string]int{}
	for _, c := range proofCases() {
		v := c.vector(t)
		data, err := json.Marshal(v, jsontext.WithIndent("  "))
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, '\n')
		file := filepath.Join(proofVectors, c.name+".json")
		if *updateProofs {
			if err := os.MkdirAll(proofVectors, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if old, err := os.ReadFile(file); err != nil || !bytes.Equal(old, data) {
			t.Errorf("%s is not what its case makes: go generate ./tuf (%v)", file, err)
		}
		got, sum := judgeProof(t, v)
		if got != v.Expect || sum != v.SHA256 {
			t.Errorf("%s: %s %s, want %s %s", v.Name, got, sum, v.Expect, v.SHA256)
		}
		seen[v.Expect]++
	}
	files, err := filepath.Glob(filepath.Join(proofVectors, "*.json"))
	if err != nil || len(files) != len(proofCases()) {
		t.Errorf("%d files for %d cases (%v)", len(files), len(proofCases()), err)
	}
	for _, code := range []string{"VERIFIED", tuf.CodeSignature, tuf.CodeVersion, tuf.CodeExpired, tuf.CodeLength, tuf.CodeHash, tuf.CodeDelegation, tuf.CodeRollback} {
		if seen[code] == 0 {
			t.Errorf("no vector comes to %s", code)
		}
	}
}

func judgeProof(t *testing.T, v *proofVector) (code, sum string) {
	now, err := time.Parse(time.RFC3339, v.Now)
	if err != nil {
		t.Fatal(err)
	}
	p, err := tuf.CheckDriversProof([]byte(v.Proof), []byte(v.Root), v.MinRoot, v.MinTargets, now)
	if err != nil {
		var coded interface{ Code() string }
		if !errors.As(err, &coded) || p != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		return coded.Code(), ""
	}
	return "VERIFIED", hexSum(p.Drivers)
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (c *proofCase) vector(t *testing.T) *proofVector {
	t.Helper()
	repo := tuftest.New(t, c.options...)
	repo.SetTarget("drivers.json", []byte(driversText))
	repo.Publish()
	if c.publish != nil {
		c.publish(repo)
	}
	p := &proof{Schema: tuf.DriversProofSchema, Targets: repo.File(repo.Path(tuftest.Targets)), Drivers: []byte(driversText)}
	for version := int64(1); version <= repo.Version(tuftest.Root); version++ {
		p.Roots = append(p.Roots, repo.File(fmt.Sprintf("metadata/%d.root.json", version)))
	}
	if c.change != nil {
		c.change(p)
	}
	v := &proofVector{Format: "sigdriver.drivers-vector/v1", Name: c.name, About: c.about, Root: string(repo.Root()), Proof: encoded(t, p),
		MinRoot: c.minRoot, MinTargets: c.minTargets, Now: tuftest.Start.Add(c.now).Format(time.RFC3339), Expect: c.expect}
	if c.pinned != "" {
		v.Root = string(repo.File(c.pinned))
	}
	if c.reader != nil {
		v.Root = c.reader(v.Root)
	}
	if c.text != nil {
		v.Proof = c.text(v.Proof)
	}
	if c.expect == "VERIFIED" {
		v.SHA256 = hexSum([]byte(driversText))
	} else {
		v.Positive = "verified"
	}
	return v
}

// The limits of a proof, with what is at the limit still taken. The Rust crate's
// tests/proofs.rs has the same, made of the same vector.
func TestDriversProofLimits(t *testing.T) {
	v := new(proofVector)
	data, err := os.ReadFile(filepath.Join(proofVectors, "verified.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
	whole := v.Proof
	padded := func(n int) string { return whole + strings.Repeat(" ", n-len(whole)) }
	roots := func(n int) string {
		p := new(proof)
		if err := json.Unmarshal([]byte(whole), p); err != nil {
			t.Fatal(err)
		}
		p.Roots = slices.Repeat(p.Roots[:1], n)
		return encoded(t, p)
	}
	signatures := func(n int) string {
		p := new(proof)
		if err := json.Unmarshal([]byte(whole), p); err != nil {
			t.Fatal(err)
		}
		var strangers strings.Builder
		for i := 1; i < n; i++ {
			fmt.Fprintf(&strangers, `{"keyid":"%d","sig":"00"},`, i)
		}
		p.Targets = bytes.Replace(p.Targets, []byte(`"signatures":[`), []byte(`"signatures":[`+strangers.String()), 1)
		return encoded(t, p)
	}
	for _, c := range []struct{ name, proof, want string }{
		{"largest", padded(tuf.MaxDriversProof), "VERIFIED"},
		{"a byte larger", padded(tuf.MaxDriversProof + 1), tuf.CodeLength},
		{"most roots", roots(tuf.MaxProofRoots), "VERIFIED"},
		{"a root more", roots(tuf.MaxProofRoots + 1), tuf.CodeSignature},
		{"most signatures", signatures(tuf.MaxSignatures), "VERIFIED"},
		{"a signature more", signatures(tuf.MaxSignatures + 1), tuf.CodeSignature},
	} {
		v.Proof = c.proof
		if got, _ := judgeProof(t, v); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func encoded(t *testing.T, p *proof) string {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What a repository exports is what a reader takes, from the first root and from a
// later one; a repository that lists no drivers.json exports nothing.
func TestExportDrivers(t *testing.T) {
	repo := tuftest.New(t)
	if file, _, err := tuf.ExportDrivers(repo.Dir(), repo.Root(), repo.Now()); err == nil {
		t.Errorf("without drivers.json: %s", file)
	}
	repo.SetTarget("drivers.json", []byte(driversText))
	repo.Publish()
	rotateRoot(repo)
	for _, pinned := range []string{"metadata/1.root.json", "metadata/3.root.json"} {
		file, p, err := tuf.ExportDrivers(repo.Dir(), repo.File(pinned), repo.Now())
		if err != nil || string(p.Drivers) != driversText || p.Root != 3 || p.Targets != 2 {
			t.Fatalf("%s: %+v, %v", pinned, p, err)
		}
		if want := tuftest.Start.Add(90 * 24 * time.Hour); !p.Expires.Equal(want) {
			t.Errorf("it expires at %s, want %s", p.Expires, want)
		}
		if _, err := tuf.CheckDriversProof(file, repo.File(pinned), 3, 2, p.Expires.Add(-time.Second)); err != nil {
			t.Error(err)
		}
	}
	// Everything that trust consists of is looked at, not the proof's part alone.
	if _, _, err := tuf.ExportDrivers(repo.Dir(), repo.Root(), repo.Now().Add(30*24*time.Hour)); err == nil {
		t.Error("with an expired timestamp")
	}
}

// FuzzDriversProof: what is taken is the drivers.json that was signed.
func FuzzDriversProof(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(proofVectors, "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	var good proofVector
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var v proofVector
		if err := json.Unmarshal(data, &v); err != nil {
			f.Fatal(err)
		}
		if v.Name == "verified" {
			good = v
		}
		f.Add([]byte(v.Proof))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := tuf.CheckDriversProof(file, []byte(good.Root), 0, 0, tuftest.Start)
		if err == nil && string(p.Drivers) != driversText {
			t.Errorf("taken: %s", p.Drivers)
		}
	})
}
