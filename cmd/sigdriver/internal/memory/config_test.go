// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory/memorytest"
)

func TestParseURL(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	certificate(t, filepath.Dir(ca), "ca", "localhost")
	good := "postgres://driver@db.example/sigdriver?sslmode=verify-full&sslrootcert=" + ca
	for _, c := range []struct{ url, want string }{
		{good, ""},
		{strings.Replace(good, "db.example", "db.example:6432", 1), ""},
		{strings.Replace(good, ca, "system", 1), ""},
		{"postgres://driver@/sigdriver?host=/run/postgresql", ""},
		{"", "no postgres:// URL"},
		{"host=db user=driver", "no postgres:// URL"},
		{"mysql://driver@db/sigdriver", "no postgres:// URL"},
		{strings.Replace(good, "driver@", "driver:secret@", 1), "holds a password"},
		{strings.Replace(good, "driver@", "", 1), "needs a role"},
		{strings.Replace(good, "/sigdriver", "", 1), "needs a role and a database"},
		{strings.Replace(good, "db.example", "", 1), "needs a host"},
		{good + "&host=/run/postgresql", "names two hosts"},
		{strings.Replace(good, "verify-full", "verify-ca", 1), "sslmode=verify-full"},
		{strings.Replace(good, "verify-full", "require", 1), "sslmode=verify-full"},
		{strings.Replace(good, "sslmode=verify-full&", "", 1), "sslmode=verify-full"},
		{strings.Replace(good, "&sslrootcert="+ca, "", 1), "sslrootcert"},
		{good + "&options=-c%20search_path=evil", "a parameter other than"},
		{good + "&service=x", "a parameter other than"},
		{good + "x", "cannot be read"},
	} {
		_, err := memory.ParseURL(c.url, "")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.url, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// The environment decides nothing.
func TestParseURLAlone(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir, "ca", "localhost")
	good := "postgres://driver@db.example/sigdriver?sslmode=verify-full&sslrootcert=" + filepath.Join(dir, "ca.pem")
	plain, err := memory.ParseURL(good, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"PGHOST": "evil.example", "PGPORT": "9", "PGDATABASE": "evil", "PGUSER": "evil", "PGPASSWORD": "evil", "PGSSLMODE": "disable",
		"PGOPTIONS": "-c search_path=evil", "PGAPPNAME": "evil", "PGTARGETSESSIONATTRS": "standby", "PGTZ": "evil",
	} {
		t.Setenv(name, value)
	}
	with, err := memory.ParseURL(good, "")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := memory.Settings(plain), memory.Settings(with); a != b {
		t.Errorf("with variables set:\n%s\nwithout:\n%s", b, a)
	}
}

// certificate writes NAME.pem and NAME.key, self-signed for a host.
func certificate(t *testing.T, dir, name, host string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Over a network the driver talks to nobody but the server of the certificate, with the
// password from its file.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir, "right", "localhost")
	certificate(t, dir, "stranger", "localhost")
	certificate(t, dir, "elsewhere", "db.example")
	p := memorytest.Start(t)
	port := p.ServeTLS(filepath.Join(dir, "right.pem"), filepath.Join(dir, "right.key"), "secret")
	try := func(ca, password string) error {
		t.Helper()
		db, err := memory.ParseURL(fmt.Sprintf("postgres://%s@localhost:%d/postgres?sslmode=verify-full&sslrootcert=%s", memorytest.Role, port, filepath.Join(dir, ca)), password)
		if err != nil {
			t.Fatal(err)
		}
		return memory.Look(t.Context(), db)
	}
	if err := try("right.pem", "secret"); err != nil {
		t.Errorf("the right server: %v", err)
	}
	if err := try("right.pem", "wrong"); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("a wrong password: %v", err)
	}
	if err := try("stranger.pem", "secret"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger's server: %v", err)
	}
	p.ServeTLS(filepath.Join(dir, "elsewhere.pem"), filepath.Join(dir, "elsewhere.key"), "secret")
	if err := try("elsewhere.pem", "secret"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server of another name: %v", err)
	}
}
