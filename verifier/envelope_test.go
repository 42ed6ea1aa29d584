// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// plainEnvelope is a small envelope that parses; each refusal below is one edit away.
const plainEnvelope = `{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"k","sig":"AAEC"}]}`

func TestParseEnvelope(t *testing.T) {
	const sig = `{"keyid":"k","sig":"AAEC"}`
	signatures := func(n int) string { return strings.TrimSuffix(strings.Repeat(sig+",", n), ",") }
	for _, c := range []struct {
		name, old, new string
		want           Reason // 0 when it parses
	}{
		{"as it is", "", "", 0},
		{"white space", `"payload"`, " \t\r\n\"payload\"", 0},
		{"unknown members", `{"payload"`, `{"note":{"a":[1]},"payload"`, 0},
		{"unknown member of a signature", `{"keyid"`, `{"cert":"x","keyid"`, 0},
		{"no key id", `"keyid":"k",`, ``, 0},
		{"key id null", `"keyid":"k"`, `"keyid":null`, 0},
		{"escaped name", `"payload":`, `"\u0070ayload":`, 0},
		{"sixteen signatures", sig, signatures(MaxSignatures), 0},
		{"seventeen signatures", sig, signatures(MaxSignatures + 1), TooManySignatures},
		{"URL-safe base64", `"AAEC"`, `"-_-_"`, 0},
		{"standard base64", `"AAEC"`, `"+/+/"`, 0},
		{"mixed alphabets", `"AAEC"`, `"+_+_"`, EnvelopeBase64},
		{"no padding", `"e30="`, `"e30"`, EnvelopeBase64},
		{"line break inside", `"e30="`, `"e3\n0="`, EnvelopeBase64},
		{"carriage return after", `"e30="`, `"e30=\r"`, EnvelopeBase64},
		{"space inside", `"e30="`, `"e3 0="`, EnvelopeBase64},
		{"non-zero trailing bits", `"e30="`, `"e31="`, EnvelopeBase64},
		{"non-zero trailing bits in a signature", `"AAEC"`, `"AAF="`, EnvelopeBase64},
		{"payload twice", `"payload":"e30="`, `"payload":"e30=","payload":"e30="`, EnvelopeDuplicateKey},
		{"payload twice, one escaped", `"payload":"e30="`, `"payload":"e30=","\u0070ayload":"e30="`, EnvelopeDuplicateKey},
		{"sig twice", `"sig":"AAEC"`, `"sig":"AAEC","sig":"AAEC"`, EnvelopeDuplicateKey},
		{"duplicate in an unknown member", `{"payload"`, `{"note":{"a":1,"a":1},"payload"`, EnvelopeDuplicateKey},
		{"PAYLOAD beside", `{"payload"`, `{"PAYLOAD":"e30=","payload"`, EnvelopeMalformed},
		{"PAYLOAD instead", `{"payload"`, `{"PAYLOAD"`, EnvelopeMalformed},
		{"long s", `{"payload"`, "{\"\u017fignatures\":[],\"payload\"", EnvelopeMalformed},
		{"Kelvin sign", `"keyid"`, "\"\u212aeyid\"", EnvelopeMalformed},
		{"escaped Kelvin sign", `"keyid"`, `"\u212aeyid"`, EnvelopeMalformed},
		{"Sig", `"sig"`, `"Sig"`, EnvelopeMalformed},
		{"payload a number", `"e30="`, `1`, EnvelopeMalformed},
		{"payload null", `"e30="`, `null`, EnvelopeMalformed},
		{"no payload", `"payload":"e30=",`, ``, EnvelopeMalformed},
		{"no payloadType", `"payloadType":"application/vnd.in-toto+json",`, ``, EnvelopeMalformed},
		{"signatures an object", "[" + sig + "]", sig, EnvelopeMalformed},
		{"a signature is a string", sig, `"AAEC"`, EnvelopeMalformed},
		{"no sig", `,"sig":"AAEC"`, ``, EnvelopeMalformed},
		{"key id a number", `"k"`, `1`, EnvelopeMalformed},
		{"no signatures", sig, ``, NoSignatures},
		{"signatures absent", `,"signatures":[` + sig + `]`, ``, NoSignatures},
		{"object after", `}]}`, `}]} {}`, EnvelopeTrailing},
		{"line of JSON after", `}]}`, "}]}\n" + plainEnvelope, EnvelopeTrailing},
		{"NUL after", `}]}`, "}]}\x00", EnvelopeTrailing},
		{"line feed after", `}]}`, "}]}\n", 0},
		{"0xff in payloadType", `application`, "appl\xffication", EnvelopeUTF8},
		{"overlong", `application`, "appl\xc0\xaf", EnvelopeUTF8},
		{"lone surrogate", `application`, `\ud800`, EnvelopeUTF8},
		{"byte order mark", `{"payload"`, "\xef\xbb\xbf{\"payload\"", EnvelopeUTF8},
		{"too deep", `{"payload"`, `{"note":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `,"payload"`, EnvelopeTooDeep},
		{"deep as allowed", `{"payload"`, `{"note":` + strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1) + `,"payload"`, 0},
		{"cut", `}]}`, `}]`, EnvelopeMalformed},
		{"an array", plainEnvelope, `[1]`, EnvelopeMalformed},
		{"an empty object", plainEnvelope, `{}`, EnvelopeMalformed},
		{"empty", plainEnvelope, ``, EnvelopeMalformed},
		{"at the limit", plainEnvelope, plainEnvelope + strings.Repeat(" ", MaxAttestation-len(plainEnvelope)), 0},
		{"over the limit", plainEnvelope, plainEnvelope + strings.Repeat(" ", MaxAttestation-len(plainEnvelope)+1), EnvelopeTooLarge},
	} {
		text := strings.Replace(plainEnvelope, c.old, c.new, 1)
		if c.old != "" && text == plainEnvelope {
			t.Fatalf("%s: the edit changes nothing", c.name)
		}
		a, f := parseAttestation([]byte(text))
		switch {
		case (a == nil) == (f == nil):
			t.Errorf("%s: %v with %v", c.name, a, f)
		case f == nil && c.want != 0:
			t.Errorf("%s parses, want %v", c.name, c.want)
		case f != nil && f.Reason != c.want:
			t.Errorf("%s: %v (%s), want %v", c.name, f.Reason, f.Detail, c.want)
		case f != nil && (!utf8.ValidString(f.Detail) || len(f.Detail) > MaxDetail || strings.ContainsFunc(f.Detail, func(r rune) bool { return r < 0x20 })):
			t.Errorf("%s: detail %q", c.name, f.Detail)
		}
	}
}

func TestPAE(t *testing.T) {
	// The example of the DSSE specification.
	if got, want := string(PAE("http://example.com/HelloWorld", []byte("hello world"))), "DSSEv1 29 http://example.com/HelloWorld 11 hello world"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := string(PAE("", nil)), "DSSEv1 0  0 "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestManySignatures: an envelope full of junk is refused before it costs
// anything. DS-20.
func TestManySignatures(t *testing.T) {
	for name, one := range map[string]string{"objects": `{"sig":""}`, "empty objects": `{}`, "numbers": `1`} {
		text := []byte(`{"payload":"e30=","payloadType":"t","signatures":[` + strings.Repeat(one+",", (MaxAttestation-60)/(len(one)+1)-1) + one + `]}`)
		if len(text) > MaxAttestation || len(text) < MaxAttestation*99/100 {
			t.Fatalf("%s: %d bytes", name, len(text))
		}
		best := time.Hour
		for range 5 { // the best of five: other work on the machine is not ours
			start := time.Now()
			_, f := parseAttestation(text)
			best = min(best, time.Since(start))
			if f == nil || f.Reason != TooManySignatures {
				t.Fatalf("%s: %v", name, f)
			}
		}
		if best > 5*time.Millisecond {
			t.Errorf("%s: refused in %v, at most 5 ms", name, best)
		}
	}
}

// TestSignaturesAreCounted: the count holds by itself too, also where nobody
// counted before.
func TestSignaturesAreCounted(t *testing.T) {
	array := func(n int) []byte {
		return []byte("[" + strings.TrimSuffix(strings.Repeat(`{"sig":"AAEC"},`, n), ",") + "]")
	}
	if list, f := parseSignatures(array(MaxSignatures)); f != nil || len(list) != MaxSignatures {
		t.Errorf("%d signatures: %v", len(list), f)
	}
	if list, f := parseSignatures(array(MaxSignatures + 1)); list != nil || f == nil || f.Reason != TooManySignatures {
		t.Errorf("one more: %v, %v", list, f)
	}
}

// TestStrictJSONEverywhere runs what others wrote for JSON parsers through each
// place where an attestation has JSON: what is no JSON is refused in all of them.
func TestStrictJSONEverywhere(t *testing.T) {
	invalid, valid := 0, 0
	for name, data := range outsideFiles(t, "json", "test_parsing") {
		inEnvelope := bytes.Join([][]byte{[]byte(`{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AAEC"}],"note":`), data, []byte(`}`)}, nil)
		inPayload := bytes.Join([][]byte{[]byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"t","subject":[{"digest":{"sha256":"aa"}}],"predicate":`), data, []byte(`}`)}, nil)
		_, whole := parseAttestation(data)
		_, part := parseAttestation(inEnvelope)
		_, payload := parseStatement(data)
		_, predicate := parseStatement(inPayload)
		_, approval := parseApprovalPredicate(data)
		for place, f := range map[string]*Finding{"envelope": whole, "payload": payload, "approval": approval} {
			if f == nil {
				t.Errorf("%s is accepted as %s", name, place) // none of them is one, valid or not
			}
		}
		switch {
		case strings.HasPrefix(name, "n_"):
			invalid++
			if part == nil || predicate == nil {
				t.Errorf("%s is accepted inside: %v, %v", name, part, predicate)
			}
		case strings.HasPrefix(name, "y_") && !strings.Contains(name, "duplicated"):
			valid++
			if part != nil || predicate != nil {
				t.Errorf("%s is refused inside: %v, %v", name, part, predicate)
			}
		}
	}
	if invalid == 0 || valid == 0 {
		t.Errorf("%d invalid, %d valid: not a test", invalid, valid)
	}
}

func TestDecodeBase64(t *testing.T) {
	// Every spelling that decodes is the encoder's own, in one of two alphabets.
	for n := range 64 {
		raw := bytes.Repeat([]byte{0xfb, byte(n)}, n)
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			if got, ok := decodeBase64(e.EncodeToString(raw)); !ok || !bytes.Equal(got, raw) {
				t.Fatalf("%d octets do not decode", len(raw))
			}
		}
	}
	accepted := 0
	for i := range 64 * 64 {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		text := fmt.Sprintf("%c%c==", alphabet[i/64], alphabet[i%64])
		if raw, ok := decodeBase64(text); ok {
			accepted++
			if base64.StdEncoding.EncodeToString(raw) != text {
				t.Errorf("%s is a second spelling", text)
			}
		}
	}
	if accepted != 256 {
		t.Errorf("%d spellings of one octet, want 256", accepted)
	}
}

func TestFoldsTo(t *testing.T) {
	known := []string{"keyid", "sig", "signatures"}
	for name, want := range map[string]string{
		"keyid": "", "sig": "", "": "", "key": "", "keyids": "",
		"KEYID": "keyid", "\u212aeyid": "keyid", "\u017fig": "sig", "Signatures": "signatures", "\u017fignature\u017f": "signatures",
	} {
		if got := foldsTo(name, known); got != want {
			t.Errorf("%q folds to %q, want %q", name, got, want)
		}
	}
}
