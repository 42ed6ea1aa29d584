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
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"slices"
)

// KeyAlgorithm is one of the few signature algorithms we accept.
type KeyAlgorithm string

// The algorithms, as authorities.json spells them. RSA has no default padding,
// so a key says which; the hash follows from the curve or the name.
const (
	ECDSAP256    KeyAlgorithm = "ecdsa-p256-sha256"
	ECDSAP384    KeyAlgorithm = "ecdsa-p384-sha384"
	Ed25519      KeyAlgorithm = "ed25519"
	RSAPSSSHA256 KeyAlgorithm = "rsa-pss-sha256"
	RSAPKCS1v15  KeyAlgorithm = "rsa-pkcs1v15-sha256"
)

// knownAlgorithms are those we accept, with their names for people.
var knownAlgorithms = map[KeyAlgorithm]string{
	ECDSAP256: "ecdsa-p256", ECDSAP384: "ecdsa-p384", Ed25519: "ed25519",
	RSAPSSSHA256: "rsa-pss", RSAPKCS1v15: "rsa-pkcs1v15",
}

// known reports whether the algorithm is one we accept.
func (a KeyAlgorithm) known() bool { return knownAlgorithms[a] != "" }

// An RSA modulus is at least as strong as P-256 and at most what one check may
// cost; the exponent is the one everybody uses or larger.
const (
	minRSABits     = 3072
	maxRSABits     = 8192
	minRSAExponent = 65537
)

// pssOptions fix the salt to the length of the hash (RFC 8017's usual choice and
// that of the key services), so that a signature has one form.
var pssOptions = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

// KeyError is a public key that is refused. Text says why and holds no part of
// the key.
type KeyError struct {
	Text string
	Err  error // what the parser said, nil when the refusal is ours
}

func (e *KeyError) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

// Unwrap returns the parser's error.
func (e *KeyError) Unwrap() error { return e.Err }

// parseKey reads one PEM SubjectPublicKeyInfo, or an RSA key of PKCS#1. The algorithm may be left empty
// where the key has only one; an RSA key must say its padding. The error is
// always a *KeyError.
func parseKey(text string, algorithm KeyAlgorithm) (*signingKey, error) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return nil, &KeyError{Text: "not PEM: expected a block that begins with -----BEGIN PUBLIC KEY-----"}
	case block.Type != "PUBLIC KEY" && block.Type != typePKCS1:
		return nil, &KeyError{Text: "PEM block " + quote(block.Type) + " is not a PUBLIC KEY: extract the public half first"}
	case len(block.Headers) > 0 || len(bytes.TrimSpace(rest)) > 0 || !bytes.HasPrefix(bytes.TrimSpace([]byte(text)), []byte("-----BEGIN")):
		return nil, &KeyError{Text: "expected exactly one PEM block and nothing beside it"}
	}
	public, spki, err := publicKeyOf(block)
	if err != nil {
		return nil, err
	}
	own, err := algorithmOf(public, algorithm)
	if err != nil {
		return nil, err
	}
	return &signingKey{spki: sha256.Sum256(spki), public: public, algorithm: own}, nil
}

// typePKCS1 is the PEM type of an RSA key outside a SubjectPublicKeyInfo (RFC 8017, A.1.1).
const typePKCS1 = "RSA PUBLIC KEY"

// publicKeyOf reads the key of a PEM block, and returns it as SubjectPublicKeyInfo too:
// one key has one SPKI and one encoding, or a revocation by SPKI could be stepped round.
func publicKeyOf(block *pem.Block) (public crypto.PublicKey, spki []byte, err error) {
	var again []byte
	if block.Type == typePKCS1 {
		var key *rsa.PublicKey
		if key, err = x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
			public, again = key, x509.MarshalPKCS1PublicKey(key)
		}
	} else if public, err = x509.ParsePKIXPublicKey(block.Bytes); err == nil {
		again, err = x509.MarshalPKIXPublicKey(public)
	}
	if err != nil {
		return nil, nil, &KeyError{Text: "not a public key we know", Err: err}
	}
	if !bytes.Equal(again, block.Bytes) {
		return nil, nil, &KeyError{Text: "not the canonical encoding of its key"}
	}
	if spki, err = x509.MarshalPKIXPublicKey(public); err != nil {
		return nil, nil, &KeyError{Text: "not a public key we know", Err: err}
	}
	return public, spki, nil
}

// algorithmOf returns the algorithm of a key that is strong enough, and refuses
// one that is not or that does not fit the algorithm asked for.
func algorithmOf(public crypto.PublicKey, asked KeyAlgorithm) (KeyAlgorithm, error) {
	var own KeyAlgorithm
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			own = ECDSAP256
		case elliptic.P384():
			own = ECDSAP384
		default:
			return "", &KeyError{Text: "curve " + k.Curve.Params().Name + " is not accepted: use P-256 or P-384"}
		}
	case ed25519.PublicKey:
		if !soundEd25519(k) {
			return "", &KeyError{Text: "this Ed25519 key is of small order or no point of the curve"}
		}
		own = Ed25519
	case *rsa.PublicKey:
		return algorithmOfRSA(k, asked)
	default:
		return "", &KeyError{Text: "key type is not accepted: use ECDSA P-256 or P-384, Ed25519 or RSA"}
	}
	if asked != "" && asked != own {
		return "", &KeyError{Text: "algorithm " + quote(string(asked)) + " does not fit the key, which is " + string(own)}
	}
	return own, nil
}

func algorithmOfRSA(k *rsa.PublicKey, asked KeyAlgorithm) (KeyAlgorithm, error) {
	switch bits := k.N.BitLen(); {
	case bits < minRSABits:
		return "", &KeyError{Text: "RSA key has fewer than 3072 bits"}
	case bits > maxRSABits:
		return "", &KeyError{Text: "RSA key has more than 8192 bits"}
	case k.N.Bit(0) == 0:
		return "", &KeyError{Text: "RSA modulus is even"}
	case k.E < minRSAExponent || k.E%2 == 0:
		return "", &KeyError{Text: "RSA exponent is even or below 65537"}
	case asked != RSAPSSSHA256 && asked != RSAPKCS1v15:
		return "", &KeyError{Text: "an RSA key needs its algorithm: " + string(RSAPSSSHA256) + " or " + string(RSAPKCS1v15)}
	}
	return asked, nil
}

// Edwards25519: -x² + y² = 1 + dx²y² modulo p.
var (
	edP, _ = new(big.Int).SetString("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed", 16)
	edD, _ = new(big.Int).SetString("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3", 16)
)

// smallOrderY are the y coordinates of the eight points of small order.
var smallOrderY = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000001",
	"05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826",
	"7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d7a6a17c7",
	"7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec",
}

// soundEd25519 reports whether the key is the canonical encoding of a point of the
// curve that is not of small order: for such a point anybody can sign something.
func soundEd25519(k ed25519.PublicKey) bool {
	if len(k) != ed25519.PublicKeySize {
		return false
	}
	be := slices.Clone(k)
	slices.Reverse(be)
	be[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(be)
	if y.Cmp(edP) >= 0 || slices.Contains(smallOrderY, hex.EncodeToString(be)) {
		return false
	}
	// x² = (y²-1)/(dy²+1) must be a square, so (y²-1)(dy²+1) must be.
	yy := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(yy, big.NewInt(1))
	v := yy.Mul(yy, edD)
	v.Add(v, big.NewInt(1))
	return big.Jacobi(u.Mul(u, v).Mod(u, edP), edP) == 1
}

// signedMessage is what a signature is over, with the hashes that the accepted
// algorithms need, each computed once however many keys are tried.
type signedMessage struct {
	bytes  []byte
	sha256 [32]byte
	sha384 []byte // nil until a P-384 key asks
}

func newSignedMessage(b []byte) *signedMessage {
	return &signedMessage{bytes: b, sha256: sha256.Sum256(b)}
}

// verify reports whether sig is the key's signature over the message. For a DSSE
// envelope the message is the PAE.
func (k *signingKey) verify(m *signedMessage, sig []byte) bool {
	switch pub := k.public.(type) {
	case *ecdsa.PublicKey:
		if k.algorithm == ECDSAP256 {
			return ecdsa.VerifyASN1(pub, m.sha256[:], sig)
		}
		if m.sha384 == nil {
			sum := sha512.Sum384(m.bytes)
			m.sha384 = sum[:]
		}
		return ecdsa.VerifyASN1(pub, m.sha384, sig)
	case ed25519.PublicKey:
		return ed25519.Verify(pub, m.bytes, sig)
	case *rsa.PublicKey:
		if k.algorithm == RSAPSSSHA256 {
			return rsa.VerifyPSS(pub, crypto.SHA256, m.sha256[:], sig, pssOptions) == nil
		}
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, m.sha256[:], sig) == nil
	}
	return false
}

// fits reports whether sig has the shape of a signature by this kind of key, so
// that junk costs no public-key operation.
func (k *signingKey) fits(sig []byte) bool {
	switch pub := k.public.(type) {
	case ed25519.PublicKey:
		return len(sig) == ed25519.SignatureSize
	case *rsa.PublicKey:
		return len(sig) == pub.Size()
	case *ecdsa.PublicKey:
		// SEQUENCE of two INTEGERs of at most a sign octet more than the field;
		// below 128 octets of content the length has one octet.
		field := (pub.Params().BitSize + 7) / 8
		return len(sig) >= 8 && len(sig) <= 2*(field+3)+2 && sig[0] == 0x30 && int(sig[1]) == len(sig)-2
	}
	return false
}

// hintedSPKI reads a key id that is the sha256 of an SPKI, as base64 with or
// without padding, or as hex. Any other text names no key that we could know.
func hintedSPKI(hint string) (sum [32]byte, ok bool) {
	var raw []byte
	var err error
	switch len(hint) {
	case 64:
		raw, err = hex.DecodeString(hint)
	case 44:
		raw, err = base64.StdEncoding.Strict().DecodeString(hint)
	case 43:
		raw, err = base64.RawStdEncoding.Strict().DecodeString(hint)
	default:
		return sum, false
	}
	if err != nil || len(raw) != 32 {
		return sum, false
	}
	return [32]byte(raw), true
}

// short is how people tell keys apart: the algorithm and the first four octets
// of the SPKI's digest.
func (k *signingKey) short() string { return shortKey(k.algorithm, k.spki) }

func shortKey(a KeyAlgorithm, spki [32]byte) string {
	return knownAlgorithms[a] + " " + hex.EncodeToString(spki[:4])
}
