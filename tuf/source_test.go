// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package tuf

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

func TestDirSource(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "metadata", "sub"), 0o700),
		os.WriteFile(outside, []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(dir, "metadata", "good"), []byte("12345"), 0o600),
		os.Symlink("good", filepath.Join(dir, "metadata", "inside")),
		os.Symlink(outside, filepath.Join(dir, "metadata", "escape")),
		syscall.Mkfifo(filepath.Join(dir, "metadata", "fifo"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	source := DirSource(dir)
	for name, code := range map[string]string{
		"good": "", "inside": "", "missing": CodeDownload, "escape": CodeDownload, "fifo": CodeDownload,
		"sub": CodeDownload, "../../secret": CodeDownload, "": CodeDownload,
	} {
		c, err := source.Fetch(t.Context(), File{Dir: MetadataDir, Name: name, Limit: 5})
		if Code(err) != code || err == nil && string(c.Data) != "12345" {
			t.Errorf("%q: %v, %v", name, c, err)
		}
	}
	if _, err := source.Fetch(t.Context(), File{Dir: MetadataDir, Name: "good", Limit: 4}); Code(err) != CodeLength {
		t.Errorf("one past the limit: %v", err)
	}
	_, err := source.Fetch(t.Context(), File{Dir: MetadataDir, Name: "missing", Limit: 5})
	var status *metadata.ErrDownloadHTTP
	if !errors.As(err, &status) || status.StatusCode != http.StatusNotFound || !isAbsent(err) {
		t.Errorf("a missing file: %v", err)
	}
	// No folder at all is not the end of a root chain.
	if _, err := DirSource(filepath.Join(dir, "nowhere")).Fetch(t.Context(), File{Dir: MetadataDir, Name: "2.root.json", Limit: 5}); isAbsent(err) || Code(err) != CodeDownload {
		t.Errorf("a missing repository: %v", err)
	}
}

func TestNewSource(t *testing.T) {
	for location, want := range map[string]string{
		"/srv/trust": "dir /srv/trust", "trust": "dir trust", "file:///srv/trust": "dir /srv/trust",
		"file://localhost/srv/trust": "dir /srv/trust", "https://h/x/": "http https://h/x/metadata/",
		"http://h": "http http://h/metadata/", "ftp://h/x": "", "file://host/x": "", "https://": "",
	} {
		source, err := NewSource(location)
		got := ""
		switch s := source.(type) {
		case dirSource:
			got = "dir " + s.dir
		case *httpSource:
			got = "http " + s.base[MetadataDir]
		}
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", location, got, err)
		}
	}
}

func TestHTTPSource(t *testing.T) {
	var tries atomic.Int32
	answer := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "12345") }
	handlers := map[string]http.HandlerFunc{
		"good": answer,
		"flaky": func(w http.ResponseWriter, r *http.Request) {
			if tries.Add(1) < maxAttempts {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			answer(w, r)
		},
		"down": func(w http.ResponseWriter, _ *http.Request) {
			tries.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
		},
		"forbidden": func(w http.ResponseWriter, _ *http.Request) { tries.Add(1); w.WriteHeader(http.StatusForbidden) },
		"gone":      func(w http.ResponseWriter, _ *http.Request) { tries.Add(1); w.WriteHeader(http.StatusGone) },
		"partial": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(w, "12345")
		},
		"stranger": func(w http.ResponseWriter, _ *http.Request) { tries.Add(1); w.WriteHeader(http.StatusNotModified) },
		"circle": func(w http.ResponseWriter, r *http.Request) {
			tries.Add(1)
			http.Redirect(w, r, "/metadata/circle", http.StatusFound)
		},
		"here": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/metadata/good", http.StatusFound) },
		"away": func(w http.ResponseWriter, r *http.Request) {
			tries.Add(1)
			http.Redirect(w, r, "http://127.0.0.1:1/x", http.StatusFound)
		},
		"scheme": func(w http.ResponseWriter, r *http.Request) {
			tries.Add(1)
			http.Redirect(w, r, "https://"+r.Host+"/metadata/good", http.StatusFound)
		},
		"chunked": func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			fmt.Fprint(w, "123456")
		},
		"deflate": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "deflate")
			answer(w, r)
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := handlers[strings.TrimPrefix(r.URL.Path, "/metadata/")]; h != nil {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	defer server.Close()
	source := mustHTTP(t, server.URL+"/")
	for _, c := range []struct {
		name, code string
		absent     bool
		tries      int32 // 0: not counted
	}{
		{"good", "", false, 0}, {"flaky", "", false, maxAttempts}, {"here", "", false, 0},
		{"down", CodeDownload, false, maxAttempts}, {"forbidden", CodeDownload, true, 1}, {"gone", CodeDownload, true, 1},
		{"missing", CodeDownload, true, 0}, {"partial", CodeDownload, false, 0}, {"stranger", CodeDownload, false, 1},
		{"away", CodeDownload, false, 1}, {"circle", CodeDownload, false, maxRedirects + 1},
		{"scheme", CodeDownload, false, 1},
		{"chunked", CodeLength, false, 0}, {"deflate", CodeNotMetadata, false, 0},
	} {
		tries.Store(0)
		content, err := source.Fetch(t.Context(), File{Dir: MetadataDir, Name: c.name, Limit: 5})
		if Code(err) != c.code || isAbsent(err) != c.absent || err == nil && string(content.Data) != "12345" {
			t.Errorf("%s: %v, %v", c.name, content, err)
		}
		if c.tries != 0 && tries.Load() != c.tries {
			t.Errorf("%s: %d attempts, want %d", c.name, tries.Load(), c.tries)
		}
	}
	_, err := source.Fetch(t.Context(), File{Dir: MetadataDir, Name: "good", Limit: 4})
	var length *LengthError
	if !errors.As(err, &length) || length.Got != 5 { // known before it is read
		t.Errorf("one past the limit: %v", err)
	}
}

func TestConditionalRequests(t *testing.T) {
	repo := newRepo(t)
	source := mustHTTP(t, repo.URL())
	file := File{Dir: MetadataDir, Name: "timestamp.json", Limit: MaxTimestamp}
	first, err := source.Fetch(t.Context(), file)
	if err != nil || first.Validator == "" {
		t.Fatalf("%v, %v", first, err)
	}
	file.Known = first.Validator
	if again, err := source.Fetch(t.Context(), file); err != nil || !again.NotModified || again.Data != nil {
		t.Errorf("unchanged: %v, %v", again, err)
	}
	repo.PublishTimestamp()
	if changed, err := source.Fetch(t.Context(), file); err != nil || changed.NotModified {
		t.Errorf("changed: %v, %v", changed, err)
	}
}

// A source that keeps saying "not modified" is a freeze: expiry ends it.
func TestNotModifiedForEver(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	s.accept() // from here on the timestamp is asked for first
	repo.Fault("metadata/timestamp.json", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(repo.File("metadata/timestamp.json"))
	})
	repo.PublishTimestamp()
	if u := s.accept(); u.Changed {
		t.Error("the fault does not work")
	}
	repo.Fault("metadata/timestamp.json", tuftest.Status(http.StatusNotModified))
	repo.Advance(25 * time.Hour)
	s.refuse(CodeDownload)
}

// A server, or somebody before it, that once gave a tag which the next one refuses
// must not stop every refresh from then on; nor one that refuses the question.
func TestTagsThatCannotBeSentBack(t *testing.T) {
	for name, tag := range map[string]string{
		"long": `"` + strings.Repeat("e", 20000) + `"`, "not ASCII": "\"\xff\"", "a space": `"a b"`, "ordinary": `"a"`, "as long as may be": `"` + strings.Repeat("e", maxValidator-2) + `"`,
	} {
		repo := newRepo(t)
		s := newSubject(t, repo)
		repo.Fault("metadata/timestamp.json", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", tag)
			_, _ = w.Write(repo.File("metadata/timestamp.json"))
		})
		s.accept()
		s.accept() // from here on the timestamp is asked for first
		asked := ""
		repo.Fault("metadata/timestamp.json", func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("If-None-Match"); got != "" {
				asked = got
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			_, _ = w.Write(repo.File("metadata/timestamp.json"))
		})
		_, err := s.Refresh(t.Context())
		usable := strings.HasPrefix(name, "ordinary") || strings.HasPrefix(name, "as long")
		if usable != (asked == tag) || !usable && err != nil {
			t.Errorf("%s: asked with %.40q, %v", name, asked, err)
		}
		s.accept() // at the latest now
	}
}

// TU-37: refreshes race with each other and with readers.
func TestConcurrentUse(t *testing.T) {
	repo := newRepo(t)
	s := newSubject(t, repo)
	s.accept()
	stop := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 16 {
		readers.Go(func() {
			last := uint64(0)
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
				snapshot, note, ok := s.Accepted()
				if !ok || note.Epoch < last || string(snapshot.Targets["authorities.json"]) == "" {
					t.Errorf("in force: %v, epoch %d after %d", ok, note.Epoch, last)
					return
				}
				last = note.Epoch
			}
		})
	}
	for range 4 {
		writers.Go(func() {
			for range 5 {
				u, err := s.Refresh(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				err = s.Accept(u, Note{Epoch: s.LastEpoch() + 1})
				var rollback *RollbackError
				if err != nil && !errors.Is(err, ErrSuperseded) && !errors.As(err, &rollback) {
					t.Error(err)
				}
			}
		})
	}
	for i := range 10 {
		repo.SetTarget("authorities.json", fmt.Appendf(nil, "version %d", i))
		repo.PublishTimestamp()
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

func TestErrorsAreSafeToPrint(t *testing.T) {
	foreign := "a\x1b[31m\n" + strings.Repeat("x", 10000)
	for _, err := range []interface {
		error
		Code() string
	}{
		&SignatureError{foreign, errors.New(foreign)}, &FormatError{foreign, "text"}, &KeyError{foreign, foreign, "text"},
		&VersionError{foreign, 1, 2}, &RollbackError{foreign, 2, 1}, &ExpiredError{foreign, time.Time{}, time.Time{}},
		&LengthError{foreign, 1, 2, ""}, &LengthError{foreign, 1, -1, ""}, &HashError{foreign, "text"},
		&DelegationError{foreign, foreign, "text"}, &DownloadError{foreign, 0, errors.New(foreign)}, &DownloadError{foreign, 500, nil},
		&CorruptError{foreign, "text"}, &FloorsLostError{"a", "b"}, &RootLimitError{1, 2}, &LockedError{foreign},
		&PanicError{foreign}, &NoHistoryError{foreign, time.Time{}},
	} {
		text := err.Error()
		if strings.ContainsAny(text, "\x1b\n") || len(text) > 1000 || err.Code() == "" || Code(fmt.Errorf("wrapped: %w", err)) != err.Code() {
			t.Errorf("%T: %d bytes, %q", err, len(text), err.Code())
		}
	}
	if Code(errors.New("x")) != "" || Code(nil) != "" {
		t.Error("a code for nothing")
	}
}
