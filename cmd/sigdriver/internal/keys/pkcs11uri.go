// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// scheme begins a PKCS#11 URI (RFC 7512).
const scheme = "pkcs11:"

// IsPKCS11 reports whether a key is named by a PKCS#11 URI and not by a file.
func IsPKCS11(name string) bool { return strings.HasPrefix(name, scheme) }

// tokenKey is where a key is: what we take of RFC 7512.
type tokenKey struct {
	token, object string // labels, required
	module        string // path of the token's library, required
	pinFile       string // path of a file with the PIN; empty to ask for it
}

// CheckPKCS11 reports whether this build can open the key that a URI names, as
//
//	pkcs11:token=LABEL;object=LABEL?module-path=/usr/lib/…/p11.so&pin-source=file:/etc/…/pin
//
// without opening it and without anybody to ask for the PIN.
func CheckPKCS11(uri string) error {
	if !hasPKCS11 {
		return errors.New("this build has no PKCS#11: build it with cgo and `-tags pkcs11`")
	}
	k, err := parsePKCS11(uri)
	if err == nil && k.pinFile == "" {
		err = errors.New("pin-source is missing")
	}
	return err
}

// parsePKCS11 reads a URI. All attributes but pin-source are required and no other is
// known: what is not understood must not choose a key.
func parsePKCS11(uri string) (*tokenKey, error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(uri, scheme), "?")
	k := &tokenKey{}
	known := map[string]*string{"token": &k.token, "object": &k.object, "module-path": &k.module, "pin-source": &k.pinFile}
	for _, part := range []struct{ text, separator string }{{path, ";"}, {query, "&"}} {
		for _, attribute := range strings.Split(part.text, part.separator) {
			name, value, ok := strings.Cut(attribute, "=")
			to := known[name]
			switch {
			case name == "pin-value":
				return nil, errors.New("pin-value puts the PIN into a file that others read: use pin-source=file:/PATH")
			case !ok || to == nil:
				return nil, fmt.Errorf("%.40q is no attribute that is understood: use token, object, module-path and pin-source", name)
			case *to != "":
				return nil, fmt.Errorf("%s is there twice", name)
			}
			text, err := url.PathUnescape(value)
			if err != nil || text == "" {
				return nil, fmt.Errorf("%s is empty or badly escaped", name)
			}
			*to = text
		}
	}
	for _, name := range []string{"token", "object", "module-path"} {
		if *known[name] == "" {
			return nil, fmt.Errorf("%s is missing", name)
		}
	}
	k.pinFile = strings.TrimPrefix(k.pinFile, "file:")
	if k.pinFile != "" && !filepath.IsAbs(k.pinFile) || !filepath.IsAbs(k.module) {
		return nil, errors.New("module-path and pin-source must be absolute paths")
	}
	return k, nil
}
