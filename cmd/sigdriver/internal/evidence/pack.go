// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"archive/tar"
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

const (
	packSchema   = "sigdriver.pack/v1"
	manifestName = "manifest.json"

	// maxManifest bounds the manifest in bytes: about two million members.
	maxManifest = 256 << 20
	maxMember   = 1<<33 - 1 // of an ustar file
	tarBlock    = 512
)

// Manifest is what a pack says about itself.
type Manifest struct {
	Entries uint64        `json:"entries,string"` // of the journal
	Head    record.Digest `json:"head"`           // sha256 of the last entry
	Members []Member      `json:"members"`
	// Missing are objects that the evidence names and the archive did not have.
	Missing []record.Digest `json:"missing"`
	Schema  string          `json:"schema"`
}

// Member is one file of the state folder.
type Member struct {
	Name   string        `json:"name"` // below the state folder
	SHA256 record.Digest `json:"sha256"`
	Size   int64         `json:"size,string"`
}

// NoPackError says that a file does not begin as a pack does.
type NoPackError struct{ Text string }

func (e *NoPackError) Error() string { return e.Text }

// PackError says what is wrong with a pack, and where.
type PackError struct {
	Offset int64  // in the pack
	Member string // whose header or bytes are there; empty for none
	Text   string
}

func (e *PackError) Error() string {
	at := ""
	if e.Member != "" {
		at = fmt.Sprintf(", in %.120q", e.Member)
	}
	return fmt.Sprintf("byte %d%s: %s", e.Offset, at, e.Text)
}

// packNames are the only members that a pack has.
var packNames = regexp.MustCompile(`^(audit/[0-9]{20}\.seg|log/checkpoint|log/\.state/treeState|log/tile/(entries|[0-9]{1,2})(/x[0-9]{3})*/[0-9]{3}(\.p/[0-9]{1,3})?|trust/history\.jsonl|archive/sha256/[0-9a-f]{2}/[0-9a-f]{64})$`)

// check refuses a name that no pack has, and an object under another's name.
func (m *Member) check() string {
	switch {
	case !packNames.MatchString(m.Name) || path.Clean(m.Name) != m.Name:
		return "no pack has a member of this name"
	case m.Size < 0 || m.Size > maxMember:
		return "the size is no size"
	case len(m.Name) > 99:
		return "the name is too long"
	case strings.HasPrefix(m.Name, "archive/") && m.Name != objectName(m.SHA256):
		return "an object is named after its sha256, and this is another's"
	}
	return ""
}

// tarHeader is the one header block of a member.
func tarHeader(name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR})
	if err == nil && b.Len() != tarBlock {
		err = fmt.Errorf("%q needs more than one header", name)
	}
	return b.Bytes(), err
}

// tarPadding is how many zeros follow a member.
func tarPadding(size int64) int64 { return (tarBlock - size%tarBlock) % tarBlock }

// encode is the one form of a manifest.
func (m *Manifest) encode() ([]byte, error) {
	text, err := json.Marshal(m, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(text)
	return value, value.Canonicalize()
}

// parseManifest reads a manifest in its one form.
func parseManifest(text []byte) (*Manifest, error) {
	m := &Manifest{}
	if err := json.Unmarshal(text, m, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("the manifest cannot be read: %w", err)
	}
	if m.Schema != packSchema {
		return nil, fmt.Errorf("its schema is %.60q, this build reads %s", m.Schema, packSchema)
	}
	if again, err := m.encode(); err != nil || !bytes.Equal(again, text) {
		return nil, fmt.Errorf("the manifest is not in its one form")
	}
	for i := range m.Members {
		if fault := m.Members[i].check(); fault != "" {
			return nil, fmt.Errorf("member %.120q: %s", m.Members[i].Name, fault)
		}
		if i > 0 && m.Members[i].Name <= m.Members[i-1].Name {
			return nil, fmt.Errorf("member %.120q is out of order, or there twice", m.Members[i].Name)
		}
	}
	return m, nil
}
