// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

const page = "<!doctype html><title>Welcome</title>"

// answer is a host that answers 200 to everything.
func answer(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	}
}

// crlf is what git's autocrlf makes of a file.
func crlf(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")) }

// TestNotWhatWasPublished puts something else into the place of a file. The error says
// what, and where; the client goes on once the source is mended.
func TestNotWhatWasPublished(t *testing.T) {
	long := []byte(page + strings.Repeat(" ", 100_000))
	rules := []byte("{\n  \"rules\": [\n  ]\n}\n")
	for name, c := range map[string]struct {
		says string
		do   func(r *tuftest.Repo)
	}{
		"a page in place of the next root": {aPage, func(r *tuftest.Repo) { r.Fault("metadata/2.root.json", answer("text/html", []byte(page))) }},
		"a page in place of everything":    {page, func(r *tuftest.Repo) { r.Fault("*", answer("text/html", []byte(page))) }},
		"a page longer than the timestamp": {"metadata/timestamp.json", func(r *tuftest.Repo) { r.Fault("metadata/timestamp.json", answer("text/html", long)) }},
		"a page in place of the snapshot": {"text/html", func(r *tuftest.Repo) {
			r.Publish()
			r.Fault(r.Path("snapshot"), answer("text/html", []byte(page)))
		}},
		"a page in place of a target": {aPage, func(r *tuftest.Repo) {
			r.Publish()
			r.Fault(tuftest.TargetFile("authorities.json", rules), answer("text/html", []byte(page)))
		}},
		"an error in JSON":    {noMetadata, func(r *tuftest.Repo) { r.Put("metadata/timestamp.json", []byte(`{"error": "no such key"}`)) }},
		"an error in words":   {notJSON, func(r *tuftest.Repo) { r.Put("metadata/timestamp.json", []byte("no such bucket")) }},
		"nothing":             {nothing, func(r *tuftest.Repo) { r.Put("metadata/timestamp.json", []byte{}) }},
		"gzip without a word": {compressed, func(r *tuftest.Repo) { r.Put("metadata/timestamp.json", []byte("\x1f\x8b\b\x00")) }},
		"a byte order mark": {marked, func(r *tuftest.Repo) {
			r.Edit("metadata/timestamp.json", func(b []byte) []byte { return append([]byte("\ufeff"), b...) })
		}},
		"line ends of a target": {rewritten, func(r *tuftest.Repo) {
			r.Publish()
			r.Put(tuftest.TargetFile("authorities.json", rules), crlf(rules))
		}},
		"line ends of metadata":                  {rewritten, func(r *tuftest.Repo) { unfoldSnapshot(r, true) }},
		"line ends of metadata without a length": {rewritten, func(r *tuftest.Repo) { unfoldSnapshot(r, false) }},
	} {
		t.Run(name, func(t *testing.T) {
			repo := newRepo(t)
			repo.SetTarget("authorities.json", rules)
			s := newSubject(t, repo)
			c.do(repo)
			_, err := s.Refresh(t.Context())
			var foreign *NotMetadataError
			if !errors.As(err, &foreign) || Code(err) != CodeNotMetadata || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v does not say %q", err, c.says)
			}
			if !strings.Contains(err.Error(), repo.URL()+"/") {
				t.Errorf("%v does not say where", err)
			}
		})
	}
}

// unfoldSnapshot publishes a snapshot over several lines, and serves it with other
// line ends.
func unfoldSnapshot(r *tuftest.Repo, length bool) {
	r.Publish()
	var unfolded bytes.Buffer
	_ = json.Indent(&unfolded, r.File(r.Path("snapshot")), "", " ")
	r.EditTimestamp(func(s *metadata.TimestampType) {
		signed := s.Meta["snapshot.json"]
		signed.Length = int64(unfolded.Len())
		if !length {
			signed.Length = 0
		}
		sum := digestOf(unfolded.Bytes())
		signed.Hashes = metadata.Hashes{"sha256": sum[:]}
	})
	r.PublishTimestamp()
	r.Put(r.Path("snapshot"), crlf(unfolded.Bytes()))
}
