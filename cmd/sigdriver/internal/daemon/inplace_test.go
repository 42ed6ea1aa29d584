// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// unrecorded asserts that nothing is allowed and that every sign says so.
func (w *world) unrecorded(what string, questions ...*verifiertest.Scenario) {
	w.t.Helper()
	for _, q := range questions {
		got, err := w.client().Verify(w.t.Context(), requestOf(q))
		if status.Code(err) != codes.Unavailable || reasonOf(err) != "AUDIT_UNAVAILABLE" {
			w.t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	health, err := grpc_health_v1.NewHealthClient(w.conn).Check(w.t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "audit"})
	if err != nil || health.Status != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		w.t.Errorf("%s: health %v, %v", what, health, err)
	}
	if code, text := w.admin("/ready"); code != 503 || !strings.Contains(text, "audit failing") {
		w.t.Errorf("%s: ready %d %s", what, code, text)
	}
	if up := w.metric("sigdriver_journal_up"); up != "0" {
		w.t.Errorf("%s: journal_up %s", what, up)
	}
}

// The journal that is open is not the one in its place: nothing is allowed, neither
// anew nor again, until it is back, and what somebody else wrote is never written on.
func TestJournalNotInItsPlace(t *testing.T) {
	w := newWorld(t)
	w.start()
	cached := compose(5)
	w.expect(cached, verifier.Allowed)
	audit := w.path("state/audit")
	segment := filepath.Join(audit, "00000000000000000000.seg")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct {
		what       string
		harm, mend func()
	}{
		{"moved", func() { must(os.Rename(segment, segment+".x")) }, func() { must(os.Rename(segment+".x", segment)) }},
		{"folder moved", func() { must(os.Rename(audit, audit+".x")) }, func() { must(os.Rename(audit+".x", audit)) }},
		{"replaced by a copy", func() {
			data, err := os.ReadFile(segment)
			must(err)
			must(os.Rename(segment, segment+".x"))
			must(os.WriteFile(segment, data, 0o600))
		}, func() { must(os.Rename(segment+".x", segment)) }},
		{"replaced by a link", func() {
			must(os.Rename(segment, segment+".x"))
			must(os.Symlink(segment+".x", segment))
		}, func() { must(os.Rename(segment+".x", segment)) }},
	} {
		c.harm()
		w.unrecorded(c.what, cached, compose(10+i))
		c.mend()
		w.expect(cached, verifier.Allowed)
		w.expect(compose(10+i), verifier.Allowed)
		cached = compose(10 + i)
		if code, text := w.admin("/ready"); code != 200 {
			t.Errorf("%s and back: ready %d %s", c.what, code, text)
		}
	}
	info, err := os.Stat(segment)
	must(err)
	must(os.Truncate(segment, info.Size()-1))
	w.unrecorded("truncated", cached, compose(20))
	must(os.Remove(segment))
	w.unrecorded("removed", cached, compose(21))
}

// An archive that takes nothing lets nothing new be allowed, and the driver is not
// ready until it takes something again.
func TestArchiveIsGone(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.expect(compose(5), verifier.Allowed)
	archive := w.path("state/archive")
	if err := os.Rename(archive, archive+".x"); err != nil {
		t.Fatal(err)
	}
	w.client().Verify(t.Context(), requestOf(compose(6))) // somebody has to ask
	w.unrecorded("archive moved", compose(6))
	if err := os.Rename(archive+".x", archive); err != nil {
		t.Fatal(err)
	}
	w.expect(compose(6), verifier.Allowed)
	if code, text := w.admin("/ready"); code != 200 {
		t.Errorf("archive back: ready %d %s", code, text)
	}
}

// Somebody else writes at the end of the journal: the driver does not go on behind it.
func TestJournalWrittenByAnother(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.expect(compose(5), verifier.Allowed)
	segment := w.path("state/audit/00000000000000000000.seg")
	before, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segment, append(before, "a line of somebody else's"...), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := w.client().Verify(t.Context(), requestOf(compose(6)))
	if status.Code(err) != codes.Unavailable || reasonOf(err) != "AUDIT_UNAVAILABLE" {
		t.Errorf("%v, %v", got, err)
	}
	after, err := os.ReadFile(segment)
	if err != nil || len(after) != len(before)+len("a line of somebody else's") {
		t.Errorf("the driver wrote on: %d bytes, %d before, %v", len(after), len(before), err)
	}
	w.unrecorded("written by another", compose(6))
}

// A socket that is gone is made again, also with its folder, and open connections
// stay. What somebody else put in its place stays, and the driver is not ready.
func TestSocketIsGone(t *testing.T) {
	w := newWorld(t)
	w.configure(fmt.Sprintf("[interceptor]\npath = %q\ngateway_id = \"gw-east\"\n", w.path("run2/i")))
	w.start()
	first := w.conn
	defer first.Close()
	s := compose(5)
	w.expect(s, verifier.Allowed)
	inode := func(name string) uint64 {
		info, err := os.Lstat(w.path(name))
		if err != nil {
			return 0
		}
		return info.Sys().(*syscall.Stat_t).Ino
	}
	before := inode("run2/i")
	for what, harm := range map[string]func() error{
		"socket":  func() error { return os.Remove(w.path("run/s")) },
		"sockets": func() error { return errors.Join(os.Remove(w.path("run/s")), os.Remove(w.path("run2/i"))) },
		"folders": func() error { return errors.Join(os.RemoveAll(w.path("run")), os.RemoveAll(w.path("run2"))) },
	} {
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		w.eventually(what+" is made again", func() bool {
			if inode("run/s") == 0 || inode("run2/i") == 0 || inode("run/admin") == 0 {
				return false
			}
			code, _ := w.admin("/ready")
			return code == 200
		})
		w.expect(s, verifier.Allowed) // the connection that was open
		w.dial(w.path("run/s"))
		w.expect(s, verifier.Allowed)
		w.conn.Close()
		w.conn = first
	}
	if inode("run2/i") == before {
		t.Error("the interceptor's socket was not made again")
	}
	if err := errors.Join(os.Remove(w.path("run/s")), os.WriteFile(w.path("run/s"), []byte("mine"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if code, text := w.admin("/ready"); code != 503 || !strings.Contains(text, "socket failing") {
		t.Errorf("something else is in its place: ready %d %s", code, text)
	}
	w.eventually("it is said", func() bool { return strings.Contains(w.log.String(), "something other than a socket") })
	if data, err := os.ReadFile(w.path("run/s")); err != nil || string(data) != "mine" {
		t.Errorf("it was touched: %q, %v", data, err)
	}
}

// With a full disk the driver says that it is not ready, and with room again it is.
func TestFullDiskIsNotReady(t *testing.T) {
	small := disktest.SmallDisk(t, 80<<10)
	w := newWorld(t)
	w.stateIn(filepath.Join(small, "state"))
	w.start()
	w.expect(compose(5), verifier.Allowed)
	free := disktest.Fill(t, small, 0)
	w.unrecorded("full", compose(6))
	free()
	w.expect(compose(6), verifier.Allowed)
	if code, text := w.admin("/ready"); code != 200 {
		t.Errorf("with room again: ready %d %s", code, text)
	}
}
