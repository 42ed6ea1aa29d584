// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxMessage bounds what the database says in one message, in bytes: a row, with room for
// letters of four bytes.
const maxMessage = 1 << 20

// Times of one connection.
const (
	dialTime  = 3 * time.Second
	queryTime = 3 * time.Second
)

// Database is where a memory is, and who asks it.
type Database struct {
	conf *pgx.ConnConfig
	// User is the database role.
	User string
}

// the parameters that a URL may have.
var parameters = []string{"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"}

// ParseURL reads postgres://ROLE@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE,
// or postgres://ROLE@/DATABASE?host=/FOLDER for a Unix socket. Everything is said there:
// the environment of the process decides nothing. A password is none of it.
func ParseURL(text, password string) (*Database, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URL") // whose error might show a password
	}
	_, secret := u.User.Password()
	q := u.Query()
	database := strings.TrimPrefix(u.Path, "/")
	local := filepath.IsAbs(q.Get("host")) && u.Host == ""
	switch {
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		return nil, errors.New("it is no postgres:// URL")
	case secret:
		return nil, errors.New("it holds a password, which belongs in a file of its own")
	case u.User.Username() == "" || database == "" || strings.Contains(database, "/"):
		return nil, errors.New("it needs a role and a database, as in postgres://ROLE@HOST/DATABASE")
	case u.Hostname() == "" && !local:
		return nil, errors.New("it needs a host, or the absolute folder of a Unix socket as ?host=")
	case u.Host != "" && q.Has("host"):
		return nil, errors.New("it names two hosts")
	case !local && q.Get("sslmode") != "verify-full":
		return nil, errors.New("over a network it needs sslmode=verify-full")
	case !local && q.Get("sslrootcert") == "":
		return nil, errors.New("over a network it needs sslrootcert: a file of certificates, or system")
	}
	for name := range q {
		if !slices.Contains(parameters, name) {
			return nil, fmt.Errorf("it has a parameter other than %s", strings.Join(parameters, ", "))
		}
	}
	switch { // nothing is left to the environment
	case local:
		q.Set("sslmode", "disable")
		if !q.Has("port") {
			q.Set("port", "5432")
		}
		u.RawQuery = q.Encode()
	case u.Port() == "":
		u.Host += ":5432"
	}
	conf, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, errors.New("its files of certificates or keys cannot be read, or a parameter is invalid")
	}
	conf.Password = password
	conf.ConnectTimeout = dialTime
	conf.RuntimeParams = map[string]string{
		"application_name": "sigdriver", "search_path": "pg_catalog", "client_encoding": "UTF8",
		// An answer leaves when the row is durable, also on standbys that are asked to wait for.
		"synchronous_commit": "on", "statement_timeout": fmt.Sprint(queryTime.Milliseconds()),
		"default_transaction_isolation": "read committed",
	}
	conf.MaxProtocolMessageBodyLen = maxMessage
	conf.OnNotice, conf.OnNotification, conf.ValidateConnect = nil, nil, nil
	if err := checkEndpoints(conf, local); err != nil {
		return nil, err
	}
	return &Database{conf, conf.User}, nil
}

// checkEndpoints makes sure of what was parsed, whatever the environment says: each
// way to the database verifies who answers.
func checkEndpoints(conf *pgx.ConnConfig, local bool) error {
	check := func(host string, t *tls.Config) bool {
		if local {
			return filepath.IsAbs(host)
		}
		return t != nil && !t.InsecureSkipVerify && t.ServerName == host
	}
	ok := check(conf.Host, conf.TLSConfig)
	for _, f := range conf.Fallbacks {
		ok = ok && check(f.Host, f.TLSConfig)
	}
	if !ok {
		return errors.New("it has a way to the database that does not verify who answers: unset the PG… variables of the environment")
	}
	return nil
}
