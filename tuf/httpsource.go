// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/internal/printable"
)

// HTTPSource reads a repository from a web server: metadata below base/metadata,
// targets below base/targets. It never follows a redirect to another origin, never
// decompresses, and gives up on a file after FileDeadline. An error means that
// base is not an http or https URL.
func HTTPSource(base string) (Source, error) {
	if err := webURL(base); err != nil {
		return nil, err
	}
	base = strings.TrimSuffix(base, "/")
	return newHTTPSource(base+"/"+MetadataDir, base+"/"+TargetsDir)
}

// newHTTPSource takes the two folders apart from each other.
func newHTTPSource(metadataURL, targetsURL string) (Source, error) {
	s := &httpSource{
		base:     map[string]string{},
		deadline: FileDeadline,
		client: &http.Client{
			CheckRedirect: sameOrigin,
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DialContext:            (&net.Dialer{Timeout: FileDeadline / 2}).DialContext,
				TLSHandshakeTimeout:    FileDeadline / 2,
				MaxResponseHeaderBytes: 64 << 10,
				MaxIdleConnsPerHost:    parallelDownload,
				MaxConnsPerHost:        parallelDownload,
				IdleConnTimeout:        time.Minute,
				ForceAttemptHTTP2:      true,
				// A compressed body has another length than the signed one.
				DisableCompression: true,
			},
		},
	}
	for dir, location := range map[string]string{MetadataDir: metadataURL, TargetsDir: targetsURL} {
		if err := webURL(location); err != nil {
			return nil, err
		}
		s.base[dir] = strings.TrimSuffix(location, "/") + "/"
	}
	return s, nil
}

// webURL refuses what no base can be.
func webURL(location string) error {
	u, err := url.Parse(location)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s is not an http or https URL of a folder", printable.Quote(location))
	}
	return nil
}

type httpSource struct {
	base     map[string]string // by File.Dir, ending in "/"
	deadline time.Duration
	client   *http.Client
}

// sameOrigin allows a few redirects that stay where they were.
func sameOrigin(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if req.URL.Scheme != first.Scheme || req.URL.Host != first.Host {
		return fmt.Errorf("redirected to another origin, %s", printable.Quote(req.URL.Scheme+"://"+req.URL.Host))
	}
	return nil
}

// CloseIdleConnections lets go of the server until the next Fetch.
func (s *httpSource) CloseIdleConnections() { s.client.CloseIdleConnections() }

// Fetch implements Source. The deadline spans all attempts, so that a server that
// drips cannot hold a refresh.
func (s *httpSource) Fetch(ctx context.Context, file File) (*Content, error) {
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	for attempt := 1; ; attempt++ {
		content, err := s.once(ctx, file)
		if err == nil || attempt == maxAttempts || !worthRetrying(err) || pause(ctx, attempt) != nil {
			return content, err
		}
	}
}

// worthRetrying reports whether a later attempt could end otherwise.
func worthRetrying(err error) bool {
	var download *DownloadError
	if !errors.As(err, &download) || errors.Is(err, errRedirect) {
		return false
	}
	return download.Status == 0 || download.Status >= 500 || download.Status == http.StatusTooManyRequests
}

var errRedirect = errors.New("redirect refused")

// pause waits before the next attempt: about 100 ms, then 200 ms, jittered so that
// many clients do not come back at once.
func pause(ctx context.Context, attempt int) error {
	base := 100 * time.Millisecond << (attempt - 1)
	t := time.NewTimer(base/2 + rand.N(base))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (s *httpSource) once(ctx context.Context, file File) (*Content, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base[file.Dir]+escapeName(file), nil)
	if err != nil {
		return nil, &DownloadError{File: file.String(), Err: err}
	}
	req.Header.Set("Accept-Encoding", "identity")
	if file.Known != "" {
		req.Header.Set("If-None-Match", file.Known)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		if resp != nil { // a refused redirect: only then there is a response beside the error
			err = fmt.Errorf("%w: %w", errRedirect, err)
		}
		return nil, &DownloadError{File: file.String(), Err: err}
	}
	defer resp.Body.Close()
	return readResponse(file, resp)
}

func readResponse(file File, resp *http.Response) (*Content, error) {
	if resp.StatusCode == http.StatusNotModified && file.Known != "" {
		return &Content{Validator: file.Known, NotModified: true}, nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &DownloadError{File: file.String(), Status: resp.StatusCode}
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, &NotMetadataError{File: file.String(), Location: location(resp), Type: resp.Header.Get("Content-Type"),
			Text: "a body that the server encodes as " + printable.Quote(e) + " although nobody asked for that"}
	}
	if resp.ContentLength > file.Limit {
		return nil, &LengthError{File: file.String(), Want: file.Limit, Got: resp.ContentLength}
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, file.Limit+1))
	if err != nil {
		return nil, &DownloadError{File: file.String(), Err: err}
	}
	if int64(len(data)) > file.Limit {
		return nil, &LengthError{File: file.String(), Want: file.Limit, Got: -1}
	}
	return &Content{Data: data, Validator: validatorOf(resp), Location: location(resp), Type: resp.Header.Get("Content-Type")}, nil
}

// location is what was asked for at last, without what is nobody's business.
func location(resp *http.Response) string {
	if resp.Request == nil || resp.Request.URL == nil {
		return ""
	}
	return resp.Request.URL.Redacted()
}

// validatorOf returns an entity tag that can be sent back, "" for any other: a long
// one would be refused by the next server, at every request.
func validatorOf(resp *http.Response) string {
	tag := resp.Header.Get("ETag")
	odd := func(c rune) bool { return c < 0x21 || c > 0x7e }
	if len(tag) > maxValidator || strings.ContainsFunc(tag, odd) {
		return ""
	}
	return tag
}

// escapeName makes a URL path of a name. Names of metadata are escaped already.
func escapeName(file File) string {
	if file.Dir == MetadataDir {
		return file.Name
	}
	parts := strings.Split(file.Name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
