// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/printable"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// Source is where a published repository is read from. It is not trusted with
// anything but delivery. Implementations must honour the context and the limit.
type Source interface {
	// Fetch returns one file. A file that does not exist is a *DownloadError with
	// status 404 (which unwraps to *metadata.ErrDownloadHTTP), one longer than
	// its limit a *LengthError.
	Fetch(ctx context.Context, file File) (*Content, error)
}

// File names one file of a repository.
type File struct {
	// Dir is MetadataDir or TargetsDir.
	Dir string
	// Name is the name below Dir as in the specification, section 3: "2.root.json",
	// "attestations/<sha256>/<sha256>.bundle.json". A role's name in it is escaped
	// as a URL path segment, so "/" in Name always separates folders.
	Name string
	// Limit is the largest acceptable length in bytes.
	Limit int64
	// Known, if not empty, is the Validator of bytes that the caller already has.
	Known string
}

// The folders of a repository, below its base.
const (
	MetadataDir = "metadata"
	TargetsDir  = "targets"
)

// Content is a file that was fetched. When NotModified is set it is still the one
// that File.Known stands for, and Data is nil.
type Content struct {
	Data      []byte
	Validator string // an opaque version of the file, "" if the source has none
	// Location and Type are where the file was read and what the server calls it. They
	// are for people, when it turns out to be something else; both may be empty.
	Location, Type string
	NotModified    bool
}

func (f File) String() string { return path.Join(f.Dir, f.Name) }

// isAbsent reports whether a download failed because there is no such file. Buckets
// that may not be listed answer 403 for that, so 403 counts too.
func isAbsent(err error) bool {
	var status *metadata.ErrDownloadHTTP
	return errors.As(err, &status) &&
		(status.StatusCode == http.StatusNotFound || status.StatusCode == http.StatusForbidden || status.StatusCode == http.StatusGone)
}

// DirSource reads a repository from a folder that holds metadata/ and targets/.
// Links that leave the folder are refused.
func DirSource(dir string) Source { return dirSource{dir} }

type dirSource struct{ dir string }

func (s dirSource) Fetch(ctx context.Context, file File) (*Content, error) {
	if err := ctx.Err(); err != nil {
		return nil, &DownloadError{File: file.String(), Err: err}
	}
	data, err := s.read(file)
	var tooLong *LengthError
	switch {
	case errors.As(err, &tooLong):
		return nil, tooLong
	case errors.Is(err, fs.ErrNotExist) && s.present():
		return nil, &DownloadError{File: file.String(), Status: http.StatusNotFound}
	case err != nil:
		return nil, &DownloadError{File: file.String(), Err: err}
	}
	return &Content{Data: data, Location: filepath.Join(s.dir, filepath.FromSlash(file.String()))}, nil
}

// present tells a repository without one file from no repository at all.
func (s dirSource) present() bool {
	st, err := disk.OS{}.Stat(s.dir)
	return err == nil && st.IsDir()
}

func (s dirSource) read(file File) ([]byte, error) {
	data, err := disk.ReadBelow(disk.OS{}, s.dir, file.String(), file.Limit)
	return data, lengthFault(file.String(), err)
}

// NewSource returns the Source for what an operator writes: a folder, or a URL
// with the scheme file, http or https.
func NewSource(location string) (Source, error) {
	u, err := url.Parse(location)
	if err != nil || !strings.Contains(location, "://") {
		return DirSource(location), nil
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" {
			return nil, fmt.Errorf("%s: a file URL has no host: write file:///path", printable.Quote(location))
		}
		return DirSource(u.Path), nil
	case "http", "https":
		return HTTPSource(location)
	}
	return nil, fmt.Errorf("%s: unknown scheme: use a folder, file, http or https", printable.Quote(location))
}
