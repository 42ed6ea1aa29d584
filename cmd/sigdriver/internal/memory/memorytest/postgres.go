// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package memorytest starts a PostgreSQL of its own for tests, and a proxy that cuts and
// delays its connections.
package memorytest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
)

// Role is the drivers' role, and Admin the one that owns the schema.
const (
	Role  = "sigdriver_driver"
	Admin = "admin"
)

// NeedVariable makes it a failure that there is no PostgreSQL.
const NeedVariable = "SIGDRIVER_NEED_POSTGRES"

// Here reports whether tests with a PostgreSQL are to be run: there is one, or there has to be.
func Here() bool { return binaries() != "" || os.Getenv(NeedVariable) != "" }

// Postgres is a server of this test: a folder, and a Unix socket in it.
type Postgres struct {
	t      testing.TB
	bin    string
	dir    string // of everything
	data   string
	server *exec.Cmd
	ended  chan struct{}
	log    *bytes.Buffer
	more   []string // options
	port   int      // of TLS, 0 for none
}

// Start starts a server with the schema and the drivers' role in it. It skips the test
// where there is no PostgreSQL, unless NeedVariable is set.
func Start(t testing.TB, options ...string) *Postgres {
	t.Helper()
	p := Empty(t, options...)
	p.SQL(Admin, memory.Schema(Role, 200))
	return p
}

// Empty starts a server with an empty database.
func Empty(t testing.TB, options ...string) *Postgres {
	t.Helper()
	p := folder(t, options)
	p.tool("initdb", "-D", p.data, "-U", Admin, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	p.Up()
	return p
}

func folder(t testing.TB, options []string) *Postgres {
	t.Helper()
	bin := binaries()
	if bin == "" {
		if os.Getenv(NeedVariable) != "" {
			t.Fatalf("there is no PostgreSQL here, and %s is set: apt-get install postgresql", NeedVariable)
		}
		t.Skip("there is no PostgreSQL here: apt-get install postgresql")
	}
	dir, err := os.MkdirTemp("", "sdpg") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	p := &Postgres{t: t, bin: bin, dir: dir, data: filepath.Join(dir, "data"), more: options}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the log of PostgreSQL:\n%s", tail(p.log))
		}
		os.RemoveAll(dir)
	})
	if c := p.credential(); c != nil {
		if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func tail(log *bytes.Buffer) string {
	if log == nil {
		return ""
	}
	text := log.String()
	return text[max(0, len(text)-4000):]
}

// binaries is the newest folder that has initdb, as Debian installs them or in PATH.
func binaries() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	sort.Slice(found, func(i, j int) bool { return version(found[i]) < version(found[j]) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return ""
	}
	return filepath.Dir(path)
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// credential is whom the server runs as: it refuses root.
func (p *Postgres) credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		p.t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (p *Postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + p.bin + ":/usr/bin:/bin", "LC_ALL=C", "HOME=" + p.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential(), Setpgid: true}
	return cmd
}

func (p *Postgres) tool(name string, args ...string) string {
	p.t.Helper()
	out, err := p.command(name, args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// Up starts the server and waits until it takes connections.
func (p *Postgres) Up() {
	p.t.Helper()
	p.log = &bytes.Buffer{}
	args := []string{"-D", p.data, "-k", p.dir, "-c", "listen_addresses=", "-c", "shared_buffers=16MB", "-c", "max_connections=250"}
	for _, o := range p.more {
		args = append(args, "-c", o)
	}
	p.server = p.command("postgres", args...)
	p.server.Stdout, p.server.Stderr = p.log, p.log
	if err := p.server.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	p.ended = ended
	go func() {
		p.server.Wait()
		close(ended)
	}()
	for {
		if p.command("psql", "-X", "-h", p.dir, "-p", p.socketPort(), "-U", Admin, "-d", "postgres", "-c", "select 1").Run() == nil {
			return
		}
		select {
		case <-ended:
			p.t.Fatalf("PostgreSQL did not start:\n%s", tail(p.log))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill ends the server at once, as a crash does.
func (p *Postgres) Kill() { p.end(syscall.SIGKILL) }

// Down stops the server: every connection ends, and what was committed is kept.
func (p *Postgres) Down() { p.end(syscall.SIGINT) }

func (p *Postgres) end(sig syscall.Signal) {
	if p.server == nil || p.server.Process == nil {
		return
	}
	if sig == syscall.SIGKILL { // its children too, which would go on for a moment
		syscall.Kill(-p.server.Process.Pid, sig)
	} else {
		p.server.Process.Signal(sig)
	}
	<-p.ended
}

// Socket is the folder of the server's socket, for ?host=.
func (p *Postgres) Socket() string { return p.dir }

// URL is the database as a driver names it.
func (p *Postgres) URL() string { return URL(p.dir) }

// URL is the database behind a folder with a socket.
func URL(folder string) string { return fmt.Sprintf("postgres://%s@/postgres?host=%s", Role, folder) }

// SQL runs statements as a role, all of them or none, and returns what they print.
func (p *Postgres) SQL(role, text string) string {
	p.t.Helper()
	out, err := p.TrySQL(role, text)
	if err != nil {
		p.t.Fatalf("psql: %v\n%s", err, out)
	}
	return out
}

// TrySQL is SQL that may be refused.
func (p *Postgres) TrySQL(role, text string) (string, error) {
	cmd := p.command("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", p.dir, "-p", p.socketPort(), "-U", role, "-d", "postgres")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// Copy is a copy of the stopped server's folder, to be put back.
func (p *Postgres) Copy() (restore func()) {
	p.t.Helper()
	old := filepath.Join(p.dir, fmt.Sprintf("copy%d", time.Now().UnixNano()))
	p.run("cp", "-a", p.data, old)
	return func() {
		p.run("rm", "-rf", p.data)
		p.run("cp", "-a", old, p.data)
	}
}

func (p *Postgres) run(name string, args ...string) {
	p.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// Dump is the rows as pg_dump writes them.
func (p *Postgres) Dump() string {
	p.t.Helper()
	return p.tool("pg_dump", "-h", p.dir, "-U", Admin, "-d", "postgres", "--schema=sigdriver")
}

// Restore puts a dump in the place of what there is.
func (p *Postgres) Restore(dump string) {
	p.t.Helper()
	p.SQL(Admin, "drop schema sigdriver cascade;\n"+dump)
}

// Standby makes a second server that follows this one, which has to allow it with
// wal_level=replica.
func (p *Postgres) Standby(options ...string) *Postgres {
	p.t.Helper()
	s := folder(p.t, options)
	p.tool("pg_basebackup", "-h", p.dir, "-U", Admin, "-D", s.data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
	s.Up()
	return s
}

// Promote makes a standby the primary.
func (p *Postgres) Promote() {
	p.t.Helper()
	p.tool("pg_ctl", "promote", "-w", "-D", p.data)
}

// ServeTLS starts the server anew with a certificate, on a port of this machine, where the
// drivers' role needs a password.
func (p *Postgres) ServeTLS(certificate, key, password string) (port int) {
	p.t.Helper()
	p.SQL(Admin, fmt.Sprintf("alter role %s password '%s'", Role, password))
	p.Down()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	for from, to := range map[string]string{certificate: "server.crt", key: "server.key"} {
		to = filepath.Join(p.data, to)
		p.run("cp", from, to)
		p.run("chmod", "0600", to)
		if c := p.credential(); c != nil {
			p.run("chown", fmt.Sprintf("%d:%d", c.Uid, c.Gid), to)
		}
	}
	p.run("sh", "-c", "printf 'local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n' > "+filepath.Join(p.data, "pg_hba.conf"))
	if p.port == 0 {
		p.port = port
		p.more = append(p.more, "ssl=on", "listen_addresses=localhost", fmt.Sprint("port=", port), "unix_socket_directories="+p.dir)
	}
	p.Up()
	return p.port
}

// socketPort is in the name of the server's socket.
func (p *Postgres) socketPort() string {
	if p.port != 0 {
		return fmt.Sprint(p.port)
	}
	return "5432"
}
