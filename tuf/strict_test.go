// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/cputime"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// TU-25: each edit of sound metadata, signed or not, is refused before go-tuf
// decodes it. The unedited file passes in the same run.
func TestStrictForm(t *testing.T) {
	repo := newRepo(t)
	files := map[string][]byte{}
	for _, role := range []string{RoleRoot, RoleTimestamp, RoleSnapshot, RoleTargets} {
		files[role] = repo.File(repo.Path(role))
		if _, err := checkMetadata(role, role, files[role]); err != nil {
			t.Fatalf("%s: %v", role, err)
		}
	}
	deep := strings.Repeat(`[`, 10001) + strings.Repeat(`]`, 10001)
	edits := []struct{ name, role, from, to string }{
		{"duplicate name", RoleRoot, `"version":1`, `"version":1,"version":2`},
		{"duplicate name at the top", RoleTimestamp, `{"signatures":`, `{"signatures":[],"signatures":`},
		{"case variant", RoleTimestamp, `"version":2}},"spec`, `"version":2,"Version":3}},"spec`},
		{"case variant by the long s", RoleTimestamp, `{"signatures":`, `{"ſigned":{},"signatures":`},
		{"case variant by the Kelvin sign", RoleRoot, `"keys":{`, `"Keys":{},"keys":{`},
		{"case variant in a key", RoleRoot, `"keytype":`, `"KeyType":"rsa","keytype":`},
		{"case variant in a role", RoleRoot, `"threshold":1`, `"threshold":1,"THRESHOLD":0`},
		{"float", RoleRoot, `"version":1`, `"version":1.0`},
		{"exponent", RoleRoot, `"version":1`, `"version":1e0`},
		{"float in an unknown member", RoleRoot, `"version":1`, `"version":1,"x":1.5`},
		{"number beyond a double", RoleRoot, `"version":1`, `"version":1,"x":9007199254740993`},
		{"minus zero", RoleRoot, `"version":1`, `"version":1,"x":-0`},
		{"NaN", RoleRoot, `"version":1`, `"version":NaN`},
		{"null version", RoleRoot, `"version":1`, `"version":null`},
		{"too deep", RoleRoot, `"version":1`, `"version":1,"x":` + deep},
		{"trailing data", RoleRoot, "", "{}"},
		{"unknown type", RoleRoot, `"_type":"root"`, `"_type":"mirrors"`},
		{"another type", RoleRoot, `"_type":"root"`, `"_type":"targets"`},
		{"specification 2.0", RoleRoot, `"spec_version":"1.0.31"`, `"spec_version":"2.0.0"`},
		{"no specification", RoleRoot, `"spec_version":"1.0.31",`, ``},
		{"version 0", RoleRoot, `"version":1`, `"version":0`},
		{"version as text", RoleRoot, `"version":1`, `"version":"1"`},
		{"threshold 0", RoleRoot, `"threshold":1`, `"threshold":0`},
		{"threshold -1", RoleRoot, `"threshold":1`, `"threshold":-1`},
		{"no role", RoleRoot, `"timestamp":{"keyids"`, `"timestomp":{"keyids"`},
		{"null role", RoleRoot, `"version":1`, `"version":1,"keys":null`},
		{"expiry with an offset", RoleRoot, `Z"`, `+00:00"`},
		{"expiry with a fraction", RoleRoot, `Z"`, `.5Z"`},
		{"signature that is not hex", RoleRoot, `"sig":"`, `"sig":"zz`},
		{"byte order mark", RoleRoot, `{"signatures"`, "\ufeff" + `{"signatures"`},
		{"broken UTF-8", RoleRoot, `"version":1`, `"version":1,"x":"` + "\xff" + `"`},
		{"lone surrogate", RoleRoot, `"version":1`, `"version":1,"x":"\ud800"`},
		{"no snapshot.json (panics go-tuf)", RoleTimestamp, `"snapshot.json"`, `"snapshut.json"`},
		{"null snapshot.json (panics go-tuf)", RoleTimestamp, `"snapshot.json":{`, `"x.json":null,"snapshot.json":{`},
		{"meta version 0", RoleTimestamp, `"version":2}},"spec`, `"version":0}},"spec`},
		{"meta length 0", RoleTimestamp, `"length":`, `"length":0,"x":`},
		{"no hashes in meta", RoleTimestamp, `"hashes":{`, `"hashes":{},"x":{`},
		{"no targets.json", RoleSnapshot, `"targets.json"`, `"targetz.json"`},
		{"no hashes of a target", RoleTargets, `"hashes":{`, `"hashes":{},"x":{`},
		{"null target (panics go-tuf)", RoleTargets, `"targets":{`, `"targets":{"x":null,`},
		{"null custom", RoleTargets, `"hashes":{`, `"custom":null,"hashes":{`},
		{"negative length", RoleTargets, `"length":`, `"length":-1,"x":`},
		{"two kinds of delegation", RoleTargets, `"delegations":{`, `"delegations":{"succinct_roles":{"keyids":[],"threshold":1,"bit_length":1,"name_prefix":"x"},`},
		{"no kind of delegation (panics go-tuf)", RoleTargets, `"roles":[`, `"x":[`},
		{"delegation to a top-level role", RoleTargets, `"name":"revocation"`, `"name":"timestamp"`},
		{"delegation to nobody's name", RoleTargets, `"name":"revocation"`, `"name":""`},
		{"two delegations to one role", RoleTargets, `"name":"revocation"`, `"name":"attestations"`},
		{"paths and prefixes", RoleTargets, `"paths":["rev`, `"path_hash_prefixes":["00"],"paths":["rev`},
	}
	for _, e := range edits {
		sound := files[e.role]
		edited := append(bytes.Clone(sound), e.to...)
		if e.from != "" {
			edited = bytes.Replace(sound, []byte(e.from), []byte(e.to), 1)
			if bytes.Equal(edited, sound) {
				t.Errorf("%s: %q is not in %s", e.name, e.from, sound)
				continue
			}
		}
		_, err := checkMetadata(e.role, e.role, edited)
		want := CodeSignature
		switch {
		case strings.HasPrefix(e.name, "no hashes"):
			want = CodeHash
		case strings.Contains(e.name, "length"):
			want = CodeLength
		}
		if Code(err) != want {
			t.Errorf("%s: %v, want %s", e.name, err, want)
		}
	}
}

// What nobody has signed yet must not cost more than reading it: every key id of
// every role is looked up among the keys.
func TestLookupsAreCheap(t *testing.T) {
	const n = 60000
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `%s"%05d":%d`, map[bool]string{true: "{", false: ","}[i == 0], i, i)
	}
	keys, err := readTree([]byte(text.String() + "}"))
	if err != nil {
		t.Fatal(err)
	}
	took := cputime.Of(func() {
		for i := range int64(n) {
			if got := keys.get(fmt.Sprintf("%05d", i)).integer(); got != i {
				t.Errorf("%d is %d", i, got)
			}
		}
	})
	if took > time.Second { // one after the other they take several
		t.Errorf("%d lookups took %s", n, took)
	}
}

func TestUnknownMembersAreSignedContent(t *testing.T) {
	repo := newRepo(t)
	repo.EditRoot(func(s *metadata.RootType) {
		s.UnrecognizedFields = map[string]any{"x-ours": map[string]any{"a": 1, "b": nil}}
	})
	repo.Publish()
	s := newSubject(t, repo)
	s.accept()
	repo.Edit(repo.Path("root"), func(b []byte) []byte { return bytes.Replace(b, []byte(`"a":1`), []byte(`"a":2`), 1) })
	fresh := newSubject(t, repo)
	fresh.refuse(CodeSignature)
}

// TU-24: keys that make go-tuf panic, or that it would misuse.
func TestKeys(t *testing.T) {
	pem := func(curve elliptic.Curve) string {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return encodePEM(t, k.Public())
	}
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key := func(keytype, scheme, public string) *metadata.Key {
		return &metadata.Key{Type: keytype, Scheme: scheme, Value: metadata.KeyVal{PublicKey: public}}
	}
	const ed, p256, p384 = metadata.KeyTypeEd25519, metadata.KeySchemeECDSA_SHA2_P256, metadata.KeySchemeECDSA_SHA2_P384
	bad := map[string]*metadata.Key{
		"ed25519 of 31 bytes":     key(ed, ed, strings.Repeat("ab", 31)),
		"ed25519 of 33 bytes":     key(ed, ed, strings.Repeat("ab", 33)),
		"ed25519 of 0 bytes":      key(ed, ed, ""),
		"ed25519 not hex":         key(ed, ed, strings.Repeat("zz", 32)),
		"ed25519 other scheme":    key(ed, p256, strings.Repeat("ab", 32)),
		"ecdsa P-224":             key("ecdsa", p256, pem(elliptic.P224())),
		"ecdsa P-384 as P-256":    key("ecdsa", p256, pem(elliptic.P384())),
		"ecdsa P-521":             key("ecdsa", p384, pem(elliptic.P521())),
		"ecdsa not PEM":           key("ecdsa", p256, "hello"),
		"ecdsa key is RSA":        key("ecdsa", p256, encodePEM(t, small.Public())),
		"rsa of 2048 bits":        key("rsa", metadata.KeySchemeRSASSA_PSS_SHA256, encodePEM(t, small.Public())),
		"rsa for another scheme":  key("rsa", "rsa-pkcs1v15-sha256", encodePEM(t, small.Public())),
		"compat type, other PEM":  key(metadata.KeyTypeECDSA_SHA2_P256_COMPAT, p256, hex.EncodeToString([]byte("04"))),
		"ecdsa for no scheme":     key("ecdsa", "", pem(elliptic.P256())),
		"rsa that is not a key":   key("rsa", metadata.KeySchemeRSASSA_PSS_SHA256, ""),
		"rsa type with ecdsa key": key("rsa", metadata.KeySchemeRSASSA_PSS_SHA256, pem(elliptic.P256())),
	}
	for name, k := range bad {
		t.Run(name, func(t *testing.T) {
			for _, place := range []string{"root", "delegation"} {
				repo := newRepo(t)
				s := newSubject(t, repo)
				s.accept()
				if place == "root" {
					repo.EditRoot(func(r *metadata.RootType) {
						r.Keys["bad"] = k
						r.Roles["timestamp"].KeyIDs = append(r.Roles["timestamp"].KeyIDs, "bad")
					})
				} else {
					repo.EditTargets("targets", func(r *metadata.TargetsType) {
						r.Delegations.Keys["bad"] = k
						r.Delegations.Roles[0].KeyIDs = append(r.Delegations.Roles[0].KeyIDs, "bad")
					})
				}
				repo.Publish()
				err := s.refuse(CodeSignature)
				var panicked *PanicError
				if errors.As(err, &panicked) {
					t.Errorf("%s: %v", place, err)
				}
			}
		})
	}
	for _, k := range []*metadata.Key{
		key(ed, ed, strings.Repeat("ab", 32)), key("ecdsa", p256, pem(elliptic.P256())),
		key(metadata.KeyTypeECDSA_SHA2_P256_COMPAT, p256, pem(elliptic.P256())), key("ecdsa", p384, pem(elliptic.P384())),
	} {
		if fault := keyFault(k); fault != "" {
			t.Errorf("%s %s: %s", k.Type, k.Scheme, fault)
		}
	}
}

func encodePEM(t *testing.T, public any) string {
	t.Helper()
	pem, err := cryptoutils.MarshalPublicKeyToPEM(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem)
}

// A panic anywhere in a cycle is an error of that cycle.
func TestPanicsAreErrors(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	before, _, _ := s.Accepted()
	repo.PublishTimestamp()
	s.cfg.Now = func() time.Time { panic("a clock that explodes") }
	s.Client.cfg.Now = s.cfg.Now
	_, err := s.Refresh(t.Context())
	var panicked *PanicError
	if !errors.As(err, &panicked) || Code(err) != CodeCorrupt {
		t.Errorf("got %v", err)
	}
	if after, _, ok := s.Accepted(); !ok || after != before {
		t.Error("the panic changed what is in force")
	}
	s.Client.cfg.Now = repo.Now
	s.accept()
}

func FuzzMetadata(f *testing.F) {
	repo := tuftest.New(f)
	for _, role := range []string{RoleRoot, RoleTimestamp, RoleSnapshot, RoleTargets} {
		f.Add(repo.File(repo.Path(role)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, kind := range []string{RoleRoot, RoleTimestamp, RoleSnapshot, RoleTargets} {
			if _, err := checkMetadata(kind, kind, data); err != nil {
				continue
			}
			// What passes must not panic go-tuf, and must be what it decodes.
			if !decodesAsReceived(kind, data) {
				t.Errorf("%s passes but decodes differently", kind)
			}
			exercise(kind, data)
		}
	})
}

// exercise lets go-tuf use what it decoded.
func exercise(kind string, data []byte) {
	w, err := newWorkflow(data, time.Time{})
	if kind == RoleRoot && err == nil {
		_ = w.updateRoot(data)
	}
	switch kind {
	case RoleRoot:
		exerciseAs[metadata.RootType](data)
	case RoleTimestamp:
		exerciseAs[metadata.TimestampType](data)
	case RoleSnapshot:
		exerciseAs[metadata.SnapshotType](data)
	default:
		exerciseAs[metadata.TargetsType](data)
	}
}

func exerciseAs[T metadata.Roles](data []byte) {
	m, err := new(metadata.Metadata[T]).FromBytes(data)
	if err != nil {
		return
	}
	for _, role := range append(Roles(), "x") {
		_ = m.VerifyDelegate(role, m)
	}
}

func FuzzHistory(f *testing.F) {
	l := line{Schema: historySchema, Line: 1, Epoch: 1, AcceptedAt: tuftest.Start, Root: 1,
		Roles: map[string]fileRef{"targets": {1, digestOf(nil)}}, Targets: map[string]digest{"a": digestOf(nil)}}
	text, err := encodeStrict(l)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(text, '\n'))
	f.Add([]byte(fmt.Sprintf("%s\n%s", text, text[:20])))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := readHistory("history", data)
		if err != nil && c != nil {
			t.Error("half a result beside an error")
		}
		if err == nil && (c.size > int64(len(data)) || c.size > 0 && data[c.size-1] != '\n') {
			t.Errorf("%d of %d bytes are whole lines", c.size, len(data))
		}
	})
}

// What go-tuf would refuse too is refused by us first, in our words; and what only we
// refuse is refused at the limit, not before.
func TestStrictFirst(t *testing.T) {
	sound := newRepo(t).File("metadata/1.root.json")
	nest := func(n int) []byte {
		return bytes.Replace(sound, []byte(`"version":1`), []byte(`"version":1,"x":`+strings.Repeat("[", n)+strings.Repeat("]", n)), 1)
	}
	signatures := func(n int) []byte {
		var b strings.Builder
		for i := range n - 1 {
			fmt.Fprintf(&b, `{"keyid":"%d","sig":""},`, i)
		}
		return bytes.Replace(sound, []byte(`"signatures":[`), []byte(`"signatures":[`+b.String()), 1)
	}
	keyid := string(sound[bytes.Index(sound, []byte(`"keyids":["`))+len(`"keyids":["`):][:64])
	first := sound[bytes.Index(sound, []byte(`{"keyid":"`)):]
	first = first[:bytes.IndexByte(first, '}')+1]
	for _, c := range []struct {
		data []byte
		says string
	}{
		{nest(MaxMetadataDepth - 2), ""}, {nest(MaxMetadataDepth - 1), "deeper"},
		{signatures(MaxSignatures), ""}, {signatures(MaxSignatures + 1), "signatures"},
		{bytes.Replace(sound, []byte(`"keyids":["`), []byte(`"keyids":["nobody","`), 1), "lists a key"},
		{bytes.Replace(sound, []byte(`"keyids":["`), []byte(`"keyids":["`+keyid+`","`), 1), "lists a key"},
		{bytes.Replace(sound, []byte(`"consistent_snapshot":true,`), nil, 1), "decode"},
		{append(bytes.Clone(sound), "{}"...), "after the end"}, {append(bytes.Clone(sound), " \n"...), ""},
		{bytes.Replace(sound, []byte(`"_type":"root"`), []byte(`"_type":"mirrors"`), 1), "of type"},
		{bytes.Replace(sound, []byte(`"version":1`), []byte(`"version":"1"`), 1), "JSON type"},
		{bytes.Replace(sound, []byte(`"signatures":[`), []byte(`"signatures":[`+string(first)+","), 1), "two signatures"},
	} {
		_, err := checkMetadata(RoleRoot, RoleRoot, c.data)
		var format *FormatError
		if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &format) || !strings.Contains(format.Text, c.says)) {
			t.Errorf("want %q, got %v", c.says, err)
		}
	}
}
