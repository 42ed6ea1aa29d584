// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/sigdriver/sigdriver/internal/printable"
)

// NotMetadataError: the source hands out something else in the place of a file of the
// repository, or has rewritten it. No holder of a key can mend that; whoever runs the
// source can.
type NotMetadataError struct {
	File     string
	Location string // where it was read, as a URL or a path; may be empty
	Type     string // what the server calls it; may be empty
	Text     string // what is there instead
	Start    string // its first bytes; may be empty
}

func (e *NotMetadataError) Error() string {
	var b strings.Builder
	b.WriteString(printable.Quote(e.File) + " is not what was published: ")
	if e.Location != "" {
		b.WriteString("at " + printable.Quote(e.Location) + " ")
	}
	b.WriteString("there is " + e.Text)
	if e.Type != "" {
		b.WriteString(", of the type " + printable.Quote(e.Type))
	}
	if e.Start != "" {
		b.WriteString(", that begins with " + printable.Quote(e.Start))
	}
	return b.String()
}
func (e *NotMetadataError) Code() string { return CodeNotMetadata }

// What stands in a file's place.
const (
	aPage       = "a web page"
	compressed  = "a compressed file"
	rewritten   = "the file with other line ends (CR LF, as git's core.autocrlf writes them)"
	nothing     = "an empty file"
	marked      = "a file with a byte order mark before it"
	noMetadata  = "JSON that is no metadata: it has no signed part"
	notJSON     = "something that is no JSON object"
	spaceOfJSON = " \t\r\n"
)

// maxForeign bounds what is read to say what a file of the wrong length is, beyond
// twice the right one.
const maxForeign = 1 << 20

// sniffed is a source whose answers are looked at before anything else is done with
// them. That decides nothing: what it lets pass is judged as before, and what it names
// would have been refused.
type sniffed struct{ Source }

// Fetch implements Source.
func (s sniffed) Fetch(ctx context.Context, file File) (*Content, error) {
	content, err := s.Source.Fetch(ctx, file)
	var length *LengthError
	switch {
	case errors.As(err, &length):
		return nil, s.tooLong(ctx, file, err)
	case err != nil || content.NotModified || file.Dir != MetadataDir:
		return content, err
	}
	if foreign := content.foreign(file, true); foreign != nil {
		return nil, foreign
	}
	return content, nil
}

// tooLong fetches a file that is longer than it may be once more, to say what it is.
func (s sniffed) tooLong(ctx context.Context, file File, err error) error {
	again := file
	again.Known, again.Limit = "", 2*file.Limit+maxForeign
	content, fault := s.Source.Fetch(ctx, again)
	if fault != nil {
		return err
	}
	if foreign := content.foreign(file, file.Dir == MetadataDir); foreign != nil {
		return foreign
	}
	if unix := unixLines(content.Data); len(unix) < len(content.Data) && int64(len(unix)) <= file.Limit {
		return content.isForeign(file, rewritten, false)
	}
	return err
}

// foreign says what the bytes are when they cannot be a file of the repository, nil
// when they might be. Metadata is a JSON object, of which metadata says more.
func (c *Content) foreign(file File, metadata bool) error {
	text := bytes.TrimLeft(c.Data, spaceOfJSON)
	switch {
	case bytes.HasPrefix(c.Data, []byte{0x1f, 0x8b}):
		return c.isForeign(file, compressed, false)
	case bytes.HasPrefix(text, []byte("<")):
		return c.isForeign(file, aPage, true)
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		return c.isForeign(file, marked, false)
	case !metadata:
		return nil
	case len(c.Data) == 0:
		return c.isForeign(file, nothing, false)
	case len(text) == 0:
		return nil
	case text[0] != '{':
		return c.isForeign(file, notJSON, true)
	case !bytes.Contains(text, []byte(`"sign`)): // signed, signatures
		return c.isForeign(file, noMetadata, true)
	}
	return nil
}

func (c *Content) isForeign(file File, what string, show bool) error {
	e := &NotMetadataError{File: file.String(), Location: c.Location, Type: c.Type, Text: what}
	if show {
		e.Start = firstBytes(c.Data)
	}
	return e
}

// firstBytes are enough of a file to recognise it by, cut at a character's edge.
func firstBytes(data []byte) string {
	const few = 60
	if len(data) <= few {
		return string(data)
	}
	n := few
	for n > 0 && !utf8.RuneStart(data[n]) {
		n--
	}
	return string(data[:n])
}

func unixLines(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) }

// signedFile is what metadata says about another file.
type signedFile interface{ VerifyLengthHashes([]byte) error }

// rewrittenLines is a *NotMetadataError when the file is the signed one but for its
// line ends, nil otherwise.
func (c *Content) rewrittenLines(file File, signed signedFile) error {
	unix := unixLines(c.Data)
	if len(unix) == len(c.Data) || signed.VerifyLengthHashes(c.Data) == nil || signed.VerifyLengthHashes(unix) != nil {
		return nil
	}
	return c.isForeign(file, rewritten, false)
}
