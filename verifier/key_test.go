// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

var updateGolden = flag.Bool("update-ed25519", false, "write testdata/ed25519-accepted.txt anew")

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func spkiOf(t testing.TB, public crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// rawSPKI builds an SPKI that crypto/x509 would not write.
func rawSPKI(t testing.TB, key []byte, oids ...asn1.ObjectIdentifier) []byte {
	t.Helper()
	id := pkix.AlgorithmIdentifier{Algorithm: oids[0]}
	if len(oids) > 1 {
		params, err := asn1.Marshal(oids[1])
		if err != nil {
			t.Fatal(err)
		}
		id.Parameters = asn1.RawValue{FullBytes: params}
	}
	der, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{id, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

var (
	oidEC        = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256      = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidSecp256k1 = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
	oidEd25519   = asn1.ObjectIdentifier{1, 3, 101, 112}
)

// modulus is an odd number of so many bits; nothing here needs its factors.
func modulus(bits uint) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return n.Add(n, big.NewInt(12345))
}

func generateEC(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParseKeyAccepts(t *testing.T) {
	ed, _, _ := ed25519.GenerateKey(nil)
	for _, c := range []struct {
		public      crypto.PublicKey
		asked, want KeyAlgorithm
	}{
		{generateEC(t, elliptic.P256()).Public(), "", ECDSAP256},
		{generateEC(t, elliptic.P384()).Public(), ECDSAP384, ECDSAP384},
		{ed, "", Ed25519},
		{&rsa.PublicKey{N: modulus(3072), E: 65537}, RSAPSSSHA256, RSAPSSSHA256},
		{&rsa.PublicKey{N: modulus(8192), E: 65537}, RSAPKCS1v15, RSAPKCS1v15},
	} {
		der := spkiOf(t, c.public)
		k, err := parseKey(pemOf(der), c.asked)
		if err != nil {
			t.Fatalf("%s: %v", c.want, err)
		}
		if k.algorithm != c.want || k.spki != sha256.Sum256(der) || !strings.Contains(k.short(), hex.EncodeToString(k.spki[:4])) {
			t.Errorf("%s: read as %s, %s", c.want, k.algorithm, k.short())
		}
	}
}

// TestParseKeyRefuses: weak and odd keys never become a key. DS-28.
func TestParseKeyRefuses(t *testing.T) {
	p256 := generateEC(t, elliptic.P256())
	good := pemOf(spkiOf(t, p256.Public()))
	if _, err := parseKey(good, ""); err != nil {
		t.Fatal(err)
	}
	ed, _, _ := ed25519.GenerateKey(nil)
	point, err := p256.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	off := bytes.Clone(point)
	off[len(off)-1] ^= 1
	compressed := append([]byte{2 + point[64]&1}, point[1:33]...)
	offCurve := bytes.Repeat([]byte{0}, 32)
	offCurve[0] = 2 // y = 2 is no point of the curve
	rsaKey := func(bits uint, e int) string { return pemOf(spkiOf(t, &rsa.PublicKey{N: modulus(bits), E: e})) }
	even := pemOf(spkiOf(t, &rsa.PublicKey{N: new(big.Int).Add(modulus(3072), big.NewInt(1)), E: 65537}))
	private, err := x509.MarshalPKCS8PrivateKey(p256)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text  string
		asked KeyAlgorithm
	}{
		"empty":                  {"", ""},
		"no PEM":                 {"ssh-ed25519 AAAA", ""},
		"private key":            {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), ""},
		"certificate label":      {strings.ReplaceAll(good, "PUBLIC KEY", "CERTIFICATE"), ""},
		"two blocks":             {good + good, ""},
		"text after":             {good + "x", ""},
		"text before":            {"x\n" + good, ""},
		"PEM header":             {strings.Replace(good, "KEY-----\n", "KEY-----\nA: b\n\n", 1), ""},
		"RSA-1024":               {rsaKey(1024, 65537), RSAPKCS1v15},
		"RSA-3071":               {rsaKey(3071, 65537), RSAPKCS1v15},
		"RSA-8193":               {rsaKey(8193, 65537), RSAPKCS1v15},
		"RSA e=1":                {rsaKey(3072, 1), RSAPKCS1v15},
		"RSA e=3":                {rsaKey(3072, 3), RSAPKCS1v15},
		"RSA e even":             {rsaKey(3072, 65538), RSAPKCS1v15},
		"RSA even modulus":       {even, RSAPKCS1v15},
		"RSA without algorithm":  {rsaKey(3072, 65537), ""},
		"RSA as Ed25519":         {rsaKey(3072, 65537), Ed25519},
		"P-224":                  {pemOf(spkiOf(t, generateEC(t, elliptic.P224()).Public())), ""},
		"P-521":                  {pemOf(spkiOf(t, generateEC(t, elliptic.P521()).Public())), ""},
		"P-256 as P-384":         {good, ECDSAP384},
		"P-256 as no algorithm":  {good, "ecdsa"},
		"secp256k1":              {pemOf(rawSPKI(t, point, oidEC, oidSecp256k1)), ""},
		"P-256 off the curve":    {pemOf(rawSPKI(t, off, oidEC, oidP256)), ""},
		"P-256 infinity":         {pemOf(rawSPKI(t, []byte{0}, oidEC, oidP256)), ""},
		"P-256 compressed":       {pemOf(rawSPKI(t, compressed, oidEC, oidP256)), ""},
		"Ed25519 all zero":       {pemOf(rawSPKI(t, make([]byte, 32), oidEd25519)), ""},
		"Ed25519 31 octets":      {pemOf(rawSPKI(t, ed[:31], oidEd25519)), ""},
		"Ed25519 33 octets":      {pemOf(rawSPKI(t, append(bytes.Clone(ed), 0), oidEd25519)), ""},
		"Ed25519 off the curve":  {pemOf(rawSPKI(t, offCurve, oidEd25519)), ""},
		"Ed25519 as P-256":       {pemOf(spkiOf(t, ed)), ECDSAP256},
		"X25519":                 {pemOf(rawSPKI(t, ed, asn1.ObjectIdentifier{1, 3, 101, 110})), ""},
		"trailing octet in SPKI": {pemOf(append(spkiOf(t, ed), 0)), ""},
		"Ed25519 with NULL":      {pemOf(withNull(t, ed)), ""},
		"an element more":        {pemOf(withMore(t, ed)), ""},
	} {
		k, err := parseKey(c.text, c.asked)
		var refused *KeyError
		if k != nil || !errors.As(err, &refused) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

// TestParseKeyPKCS1: an RSA key is the same key in both forms, and has one encoding in each.
func TestParseKeyPKCS1(t *testing.T) {
	public := &rsa.PublicKey{N: modulus(3072), E: 65537}
	asPEM := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der}))
	}
	der := x509.MarshalPKCS1PublicKey(public)
	k, err := parseKey(asPEM(der), RSAPSSSHA256)
	if err != nil || k.spki != sha256.Sum256(spkiOf(t, public)) || k.algorithm != RSAPSSSHA256 {
		t.Fatalf("%+v, %v", k, err)
	}
	more, err := asn1.Marshal(struct {
		N       *big.Int
		E, More int
	}{public.N, public.E, 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		der   []byte
		asked KeyAlgorithm
	}{
		"without algorithm": {der, ""},
		"1024 bits":         {x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: modulus(1024), E: 65537}), RSAPSSSHA256},
		"an octet more":     {append(bytes.Clone(der), 0), RSAPSSSHA256},
		"an element more":   {more, RSAPSSSHA256},
		"an SPKI":           {spkiOf(t, public), RSAPSSSHA256},
		"no key":            {[]byte{1, 2, 3}, RSAPSSSHA256},
	} {
		k, err := parseKey(asPEM(c.der), c.asked)
		var refused *KeyError
		if k != nil || !errors.As(err, &refused) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

// withNull is an Ed25519 SPKI with parameters, which has no other meaning but
// another digest.
func withNull(t testing.TB, key []byte) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{pkix.AlgorithmIdentifier{Algorithm: oidEd25519, Parameters: asn1.NullRawValue}, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// withMore is an Ed25519 SPKI with a third element, which encoding/asn1 passes
// over.
func withMore(t testing.TB, key []byte) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
		More      int
	}{pkix.AlgorithmIdentifier{Algorithm: oidEd25519}, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}, 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParsePKIXPublicKey(der); err != nil {
		t.Fatalf("crypto/x509 refuses it by itself: %v", err)
	}
	return der
}

// TestSmallOrder refuses each point of small order in each of its encodings, and
// every y that is not reduced.
func TestSmallOrder(t *testing.T) {
	var keys []ed25519.PublicKey
	for _, h := range smallOrderY {
		be, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(be)
		keys = append(keys, be)
	}
	for over := range 19 { // p … 2^255-1
		y := new(big.Int).Add(edP, big.NewInt(int64(over))).Bytes()
		slices.Reverse(y)
		keys = append(keys, y)
	}
	for _, k := range keys {
		signed := slices.Clone(k)
		signed[31] |= 0x80
		if soundEd25519(k) || soundEd25519(signed) {
			t.Errorf("%x passes", []byte(k))
		}
	}
	for range 64 {
		k, _, _ := ed25519.GenerateKey(nil)
		if !soundEd25519(k) {
			t.Errorf("%x is refused", []byte(k))
		}
	}
}

func TestHints(t *testing.T) {
	k, err := parseKey(pemOf(spkiOf(t, generateEC(t, elliptic.P256()).Public())), "")
	if err != nil {
		t.Fatal(err)
	}
	sum := k.spki[:]
	for _, hint := range []string{hex.EncodeToString(sum), strings.ToUpper(hex.EncodeToString(sum)), base64.StdEncoding.EncodeToString(sum), base64.RawStdEncoding.EncodeToString(sum)} {
		if got, ok := hintedSPKI(hint); !ok || got != k.spki {
			t.Errorf("%s does not name the key", hint)
		}
	}
	for _, hint := range []string{"", "alice", hex.EncodeToString(sum[:31]), hex.EncodeToString(sum) + "\n", strings.Repeat("\x00", 64), strings.Repeat("z", 44)} {
		if _, ok := hintedSPKI(hint); ok {
			t.Errorf("%q names a key", hint)
		}
	}
}

// wycheproof is what the files of C2SP/wycheproof have in common.
type wycheproof struct {
	TestGroups []struct {
		PublicKeyPem string `json:"publicKeyPem"`
		Tests        []struct {
			TcID   int    `json:"tcId"`
			Msg    string `json:"msg"`
			Sig    string `json:"sig"`
			Result string `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWycheproof runs the files through our constructors: every valid signature
// is good, every invalid one is not, and what has no shape of its key is bad.
func TestWycheproof(t *testing.T) {
	for name, algorithm := range map[string]KeyAlgorithm{
		"wycheproof-ecdsa_secp256r1_sha256_test.json":      ECDSAP256,
		"wycheproof-ecdsa_secp384r1_sha384_test.json":      ECDSAP384,
		"wycheproof-ed25519_test.json":                     Ed25519,
		"wycheproof-rsa_pss_3072_sha256_mgf1_32_test.json": RSAPSSSHA256,
		"wycheproof-rsa_signature_3072_sha256_test.json":   RSAPKCS1v15,
	} {
		t.Run(name, func(t *testing.T) {
			var f wycheproof
			if err := json.Unmarshal(readFile(t, filepath.Join(outsideData(t, "crypto"), name)), &f); err != nil {
				t.Fatal(err)
			}
			good, bad := 0, 0
			for _, g := range f.TestGroups {
				k, err := parseKey(g.PublicKeyPem, algorithm)
				if refused := (*KeyError)(nil); errors.As(err, &refused) {
					t.Logf("group refused: %v", err) // the file for RSA has one with e = 3
					continue
				}
				for _, c := range g.Tests {
					m, sig := newSignedMessage(unhex(t, c.Msg)), unhex(t, c.Sig)
					ok := k.verify(m, sig)
					switch {
					case ok && !k.fits(sig):
						t.Errorf("%d is good and does not fit", c.TcID)
					case c.Result == "valid" && !ok, c.Result == "invalid" && ok:
						t.Errorf("%d is %s, verify says %v", c.TcID, c.Result, ok)
					case ok:
						good++
					default:
						bad++
					}
				}
			}
			if good == 0 || bad == 0 {
				t.Errorf("%d good, %d bad: not a test", good, bad)
			}
		})
	}
}

// TestEd25519AcceptSet pins which of the CCTV vectors we accept. A second
// implementation must accept exactly these. DS-29.
func TestEd25519AcceptSet(t *testing.T) {
	var vectors []struct {
		Number        int
		Key, Sig, Msg string
		Flags         []string
	}
	data := readFile(t, filepath.Join(outsideData(t, "crypto"), "cctv-ed25519vectors.json"))
	if err := json.Unmarshal(data, &vectors, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	var got strings.Builder
	for _, v := range vectors {
		k, err := parseKey(pemOf(rawSPKI(t, unhex(t, v.Key), oidEd25519)), Ed25519)
		switch sig := unhex(t, v.Sig); {
		case err != nil:
			fmt.Fprintf(&got, "%d key\n", v.Number)
		case k.fits(sig) && k.verify(newSignedMessage([]byte(v.Msg)), sig):
			fmt.Fprintf(&got, "%d accept\n", v.Number)
		}
	}
	golden := filepath.Join("testdata", "ed25519-accepted.txt")
	const head = "# Of the vectors in C2SP/CCTV ed25519vectors.json: those whose key is refused (key) and those whose\n# signature is good (accept). Every other signature is bad.\n"
	if *updateGolden {
		if err := os.WriteFile(golden, []byte(head+got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(readFile(t, golden)); want != head+got.String() {
		t.Errorf("the accept set changed; -update-ed25519 writes it anew")
	}
	if !strings.Contains(got.String(), "accept") || !strings.Contains(got.String(), "key") {
		t.Error("nothing accepted or nothing refused: not a test")
	}
}
