// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"strings"
	"testing"
)

const goodURI = "pkcs11:token=my%20token;object=receipts?module-path=/usr/lib/p11.so&pin-source=file:/etc/pin"

func TestParsePKCS11(t *testing.T) {
	got, err := parsePKCS11(goodURI)
	if err != nil || *got != (tokenKey{token: "my token", object: "receipts", module: "/usr/lib/p11.so", pinFile: "/etc/pin"}) {
		t.Fatalf("%+v, %v", got, err)
	}
	if !IsPKCS11(goodURI) || IsPKCS11("/etc/pkcs11:key") {
		t.Error("a URI is not told from a path")
	}
	if got, err := parsePKCS11(strings.Replace(goodURI, "file:", "", 1)); err != nil || got.pinFile != "/etc/pin" {
		t.Errorf("a PIN file without file: %v, %v", got, err)
	}
	// Without a PIN somebody is asked; a driver has nobody.
	asked := strings.Replace(goodURI, "&pin-source=file:/etc/pin", "", 1)
	if got, err := parsePKCS11(asked); err != nil || got.pinFile != "" {
		t.Errorf("no PIN: %+v, %v", got, err)
	}
	if err := CheckPKCS11(asked); err == nil {
		t.Error("a driver has nobody to ask for a PIN")
	}
	for name, edit := range map[string][2]string{
		"no token":           {"token=my%20token;", ""},
		"no object":          {";object=receipts", ""},
		"no module":          {"module-path=/usr/lib/p11.so&", ""},
		"a PIN in the text":  {"pin-source=file:/etc/pin", "pin-value=1234"},
		"unknown attribute":  {"object=", "id=%01;object="},
		"an attribute twice": {"object=", "token=other;object="},
		"empty":              {"token=my%20token", "token="},
		"bad escape":         {"my%20token", "my%2"},
		"relative module":    {"/usr/lib/p11.so", "p11.so"},
		"relative PIN":       {"file:/etc/pin", "file:pin"},
		"no value":           {"token=my%20token", "token"},
		"a fragment":         {"/etc/pin", "/etc/pin&"},
	} {
		uri := strings.Replace(goodURI, edit[0], edit[1], 1)
		if uri == goodURI {
			t.Fatalf("%s changes nothing", name)
		}
		if got, err := parsePKCS11(uri); err == nil {
			t.Errorf("%s: %+v", name, got)
		} else if strings.Contains(err.Error(), "1234") {
			t.Errorf("%s: the error holds the PIN: %v", name, err)
		}
	}
}
