// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// MaxCheckpoint bounds a checkpoint in bytes.
const MaxCheckpoint = 64 << 10

// Checkpoint is what a log said of itself at one size. Its text is a signed note
// (c2sp.org/tlog-checkpoint, c2sp.org/signed-note):
//
//	example.com/sigdriver/gw-1
//	20852163
//	CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//
//	— example.com/sigdriver/gw-1 Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//
// Exactly one encoding of each is taken: two texts that differ in a byte are never
// the same checkpoint.
type Checkpoint struct {
	Origin string // the log's name
	Size   uint64 // entries
	Root   [32]byte
	// Signers are the names of the keys that were given and whose signature
	// verified, in the order of the text; Unknown are the names in signatures by
	// other keys, which were not checked. One of a bad signature by a given key
	// is never returned.
	Signers, Unknown []string
}

// CheckpointError says what is wrong with a checkpoint.
type CheckpointError struct {
	Offset int // the byte at which it begins, 0 when the whole is meant
	Text   string
}

func (e *CheckpointError) Error() string {
	if e.Offset > 0 {
		return fmt.Sprintf("at byte %d: %s", e.Offset, e.Text)
	}
	return e.Text
}

// ParseCheckpoint reads a checkpoint and checks the signatures by the keys that are
// given. Whether enough of them signed is for the caller to see. The error is a
// *CheckpointError.
func ParseCheckpoint(data []byte, keys ...note.Verifier) (*Checkpoint, error) {
	if len(data) > MaxCheckpoint {
		return nil, &CheckpointError{0, fmt.Sprintf("it is larger than %d bytes", MaxCheckpoint)}
	}
	at := bytes.LastIndex(data, []byte("\n\n"))
	if at < 0 {
		return nil, &CheckpointError{0, "it has no signatures"}
	}
	c, err := parseCheckpointText(data[:at+1])
	if err != nil {
		return nil, err
	}
	if err := checkSignatureLines(data, at+2); err != nil {
		return nil, err
	}
	n, err := note.Open(data, note.VerifierList(keys...))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		n = unverified.Note
	case errors.As(err, &invalid):
		return nil, &CheckpointError{0, fmt.Sprintf("the signature of %q does not verify: the text or the signature was changed", invalid.Name)}
	case err != nil:
		return nil, &CheckpointError{0, "it is no signed note"}
	}
	for _, s := range n.Sigs {
		c.Signers = append(c.Signers, s.Name)
	}
	for _, s := range n.UnverifiedSigs {
		c.Unknown = append(c.Unknown, s.Name)
	}
	return c, nil
}

// parseCheckpointText reads the three lines that are signed.
func parseCheckpointText(text []byte) (*Checkpoint, error) {
	lines := strings.Split(string(text), "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return nil, &CheckpointError{0, "its text has not the three lines of a checkpoint"}
	}
	c := &Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = strconv.ParseUint(lines[1], 10, 64); err != nil || strconv.FormatUint(c.Size, 10) != lines[1] {
		return nil, &CheckpointError{len(lines[0]) + 1, "the size is no plain number"}
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) || base64.StdEncoding.EncodeToString(root) != lines[2] {
		return nil, &CheckpointError{len(lines[0]) + len(lines[1]) + 2, "the root hash is not the base64 of 32 bytes"}
	}
	copy(c.Root[:], root)
	return c, nil
}

// checkSignatureLines refuses signature lines with another encoding than the one there is,
// and two by one key: a reader of notes takes either.
func checkSignatureLines(data []byte, at int) error {
	seen := map[string]bool{}
	for at < len(data) {
		line, _, whole := bytes.Cut(data[at:], []byte("\n"))
		name, text, ok := strings.Cut(strings.TrimPrefix(string(line), "— "), " ")
		raw, err := base64.StdEncoding.DecodeString(text)
		switch {
		case !whole || !ok || !strings.HasPrefix(string(line), "— "):
			return &CheckpointError{at, "this is no signature line"}
		case err != nil || len(raw) < 5 || base64.StdEncoding.EncodeToString(raw) != text:
			return &CheckpointError{at, "the signature is not plain base64"}
		case seen[name+string(raw[:4])]:
			return &CheckpointError{at, fmt.Sprintf("%.80q signed twice", name)}
		}
		seen[name+string(raw[:4])] = true
		at += len(line) + 1
	}
	if len(seen) == 0 {
		return &CheckpointError{at, "it has no signatures"}
	}
	return nil
}

// Text is what is signed.
func (c *Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}
