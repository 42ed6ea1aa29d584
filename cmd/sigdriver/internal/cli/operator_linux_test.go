// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoDriverAnswers has something else listen where a driver should: what it says is
// never taken for well, is shown in part, and leads nowhere else.
func TestNoDriverAnswers(t *testing.T) {
	long := strings.Repeat("no driver\x1b[2J", 1<<20)
	for name, answer := range map[string]http.HandlerFunc{
		"500":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, long, http.StatusInternalServerError) },
		"400":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, long, http.StatusBadRequest) },
		"200":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, long) },
		"more": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, long, long) },
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "driver" || strings.Contains(r.URL.Path, "else") {
				t.Errorf("asked for %s of %s", r.URL.Path, r.Host)
			}
			http.Redirect(w, r, "http://example.com/else", http.StatusTemporaryRedirect)
		},
		"nothing": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		dir, err := os.MkdirTemp("", "sd") // short, for the socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		path := filepath.Join(dir, "admin.sock")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(answer)
		s.Listener.Close()
		s.Listener = l
		s.Start()
		code, stdout, stderr := runOn(nil, "status", "--admin", path)
		s.Close()
		if code != ExitInconclusive && (code != ExitUsage || name != "400") || len(stdout)+len(stderr) > 2*maxRefusal+500 || strings.Contains(stderr, "\x1b") || !strings.HasPrefix(stderr, "sigdriver: ") {
			t.Errorf("%s: exit code %d, %d bytes: %.200q %.400q", name, code, len(stdout)+len(stderr), stdout, stderr)
		}
	}
}
