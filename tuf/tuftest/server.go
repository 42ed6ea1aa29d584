// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuftest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// serverState is the HTTP side of a Repo, guarded by its mutex.
type serverState struct {
	http     *httptest.Server
	faults   map[string]http.HandlerFunc
	requests []string
}

// URL serves the repository over HTTP until the test ends and returns the base:
// metadata is at URL()+"/metadata", targets at URL()+"/targets".
func (r *Repo) URL() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server.http == nil {
		s := httptest.NewServer(http.HandlerFunc(r.serve))
		r.server.http = s
		r.t.Cleanup(func() {
			s.CloseClientConnections()
			s.Close()
		})
	}
	return r.server.http.URL
}

// Requests returns the paths asked for since the last call, in order.
func (r *Repo) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.server.requests
	r.server.requests = nil
	return asked
}

// serve answers one request. There is no mux: hostile role names arrive as sent.
func (r *Repo) serve(w http.ResponseWriter, req *http.Request) {
	name := strings.TrimPrefix(req.URL.Path, "/")
	r.mu.Lock()
	r.server.requests = append(r.server.requests, name)
	fault := r.fault(name)
	data, ok := r.files[name]
	r.mu.Unlock()
	switch {
	case fault != nil:
		fault(w, req)
	case !ok:
		http.NotFound(w, req)
	default:
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(data)))
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(data))
	}
}

func (r *Repo) fault(name string) http.HandlerFunc {
	if f := r.server.faults[name]; f != nil {
		return f
	}
	return r.server.faults["*"]
}

// Fault answers requests for a path ("*" for all others) by a handler instead of
// the file, until Heal.
func (r *Repo) Fault(name string, handler http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server.faults == nil {
		r.server.faults = map[string]http.HandlerFunc{}
	}
	r.server.faults[name] = handler
}

// Heal ends every fault.
func (r *Repo) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server.faults = nil
}

// Endless sends spaces until the client hangs up.
func Endless(w http.ResponseWriter, req *http.Request) {
	block := bytes.Repeat([]byte(" "), 64<<10)
	for req.Context().Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// Slow sends one byte an interval until the client hangs up.
func Slow(interval time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		for {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-req.Context().Done():
				return
			case <-time.After(interval):
			}
		}
	}
}

// Hang sends nothing, not even a header, until the client hangs up.
func Hang(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }

// Oversize sends n bytes with an honest Content-Length.
func Oversize(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(n))
		_, _ = w.Write(bytes.Repeat([]byte(" "), n))
	}
}

// Truncated announces all of data and sends the first n bytes.
func Truncated(data []byte, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:n])
	}
}

// Status answers with a status code and no file.
func Status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// Redirect sends the client elsewhere.
func Redirect(url string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, url, http.StatusFound) }
}

// Dir writes the repository into a folder of its own, keeps it equal to what is
// served, and returns its path.
func (r *Repo) Dir() string {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dir == "" {
		r.dir = r.t.TempDir()
		r.mirror()
	}
	return r.dir
}

// put serves data at name, nil for nothing, and keeps the folder equal.
func (r *Repo) put(name string, data []byte) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if data == nil {
		delete(r.files, name)
	} else {
		r.files[name] = data
	}
	r.mirrorFile(name)
}

// mirror makes the folder equal to what is served. The caller holds the lock.
func (r *Repo) mirror() {
	r.t.Helper()
	if r.dir == "" {
		return
	}
	for _, top := range []string{"metadata", "targets"} {
		if err := os.RemoveAll(filepath.Join(r.dir, top)); err != nil {
			r.t.Fatalf("tuftest: %v", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		r.mirrorFile(name)
	}
}

// mirrorFile skips names that would leave the folder: those exist over HTTP only.
func (r *Repo) mirrorFile(name string) {
	r.t.Helper()
	if r.dir == "" || !filepath.IsLocal(name) || filepath.Clean(name) != name || len(filepath.Base(name)) > 255 {
		return
	}
	file := filepath.Join(r.dir, name)
	data, ok := r.files[name]
	if !ok {
		_ = os.Remove(file)
		return
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatalf("tuftest: %v", err)
	}
	if err := os.WriteFile(file+".tmp", data, 0o644); err != nil {
		r.t.Fatalf("tuftest: %v", err)
	}
	if err := os.Rename(file+".tmp", file); err != nil {
		r.t.Fatalf("tuftest: %v", err)
	}
}
