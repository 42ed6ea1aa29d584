// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// Unpack writes the members of a pack into an empty folder, which is then a copy
// of the state folder for an auditor. What is wrong with a pack is a *PackError, and
// what was written until then is of no use; a file that is none is a *NoPackError. A pack is not compressed: it takes as
// much room as the file.
func Unpack(in io.Reader, dir string) (*Manifest, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	r := &unpacker{in: bufio.NewReaderSize(in, 1<<20)}
	m, err := r.manifest()
	if err != nil {
		return nil, err
	}
	for i := range m.Members {
		if err := r.member(root, &m.Members[i]); err != nil {
			return nil, err
		}
	}
	r.name = ""
	if err := r.end(); err != nil {
		return nil, err
	}
	if err := r.sameJournal(dir, m); err != nil {
		return nil, err
	}
	return m, nil
}

// sameJournal holds what the manifest says about the journal against the journal.
// One that cannot be read to its end is for audit verify to describe.
func (r *unpacker) sameJournal(dir string, m *Manifest) error {
	var entries uint64
	var head record.Digest
	for e, err := range record.Read(disk.OS{}, filepath.Join(dir, "audit"), 0) {
		if err != nil {
			break
		}
		entries, head = e.Seq+1, e.Sum
	}
	if entries != m.Entries || head != m.Head {
		r.name, r.offset = manifestName, tarBlock
		return r.fault("it speaks of %d entries, the last being %s; the journal has %d, the last being %s", m.Entries, m.Head, entries, head)
	}
	return nil
}

type unpacker struct {
	in     *bufio.Reader
	offset int64
	name   string // of the member that is being read
}

func (r *unpacker) fault(format string, args ...any) error {
	return &PackError{r.offset, r.name, fmt.Sprintf(format, args...)}
}

// take reads exactly n bytes.
func (r *unpacker) take(n int64) ([]byte, error) {
	var b bytes.Buffer
	got, err := io.CopyN(&b, r.in, n)
	if errors.Is(err, io.EOF) {
		r.offset += got
		return nil, r.fault("the pack ends here")
	}
	if err != nil {
		return nil, err
	}
	r.offset += n
	return b.Bytes(), nil
}

// expect reads bytes that can only be these.
func (r *unpacker) expect(want []byte, what string) error {
	begin := r.offset
	got, err := r.take(int64(len(want)))
	if err != nil {
		return err
	}
	for i := range want {
		if got[i] != want[i] {
			r.offset = begin + int64(i)
			return r.fault("%s", what)
		}
	}
	return nil
}

// manifest reads the first member. Its size is the only thing in a pack that is
// believed before it is checked.
func (r *unpacker) manifest() (*Manifest, error) {
	r.name = manifestName
	head, err := r.in.Peek(tarBlock)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.HasPrefix(head, []byte(manifestName+"\x00")) {
		return nil, &NoPackError{"it does not begin with " + manifestName}
	}
	if len(head) < tarBlock {
		return nil, r.fault("its first header is not whole")
	}
	size, err := strconv.ParseInt(strings.TrimRight(string(head[124:135]), "\x00 "), 8, 64)
	if err != nil || size < 0 || size > maxManifest {
		return nil, r.fault("its first header has no size")
	}
	want, err := tarHeader(manifestName, size)
	if err != nil {
		return nil, err
	}
	if err := r.expect(want, "its first header is not that of a manifest"); err != nil {
		return nil, err
	}
	text, err := r.take(size)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, r.fault("%v", err)
	}
	return m, r.expect(make([]byte, tarPadding(size)), "the padding is not zero")
}

// member reads one member and writes it.
func (r *unpacker) member(root *os.Root, m *Member) error {
	r.name = m.Name
	want, err := tarHeader(m.Name, m.Size)
	if err != nil {
		return err
	}
	if err := r.expect(want, "the header is not that of the member that the manifest has here"); err != nil {
		return err
	}
	if err := r.save(root, m); err != nil {
		return err
	}
	return r.expect(make([]byte, tarPadding(m.Size)), "the padding is not zero")
}

// save copies the bytes of a member into its file while it hashes them.
func (r *unpacker) save(root *os.Root, m *Member) error {
	if err := root.MkdirAll(path.Dir(m.Name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(m.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	begin, sum := r.offset, sha256.New()
	n, err := io.CopyN(io.MultiWriter(f, sum), r.in, m.Size)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	r.offset += n
	if errors.Is(err, io.EOF) {
		return r.fault("the pack ends here")
	}
	if err != nil {
		return err
	}
	if [32]byte(sum.Sum(nil)) != m.SHA256 {
		r.offset = begin
		return r.fault("these %d bytes are not those of the manifest", m.Size)
	}
	return nil
}

// end reads the two zero blocks that end a tar file, and nothing after them.
func (r *unpacker) end() error {
	if err := r.expect(make([]byte, 2*tarBlock), "there is a member that the manifest does not have"); err != nil {
		return err
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return r.fault("there is something after the end")
	}
	return nil
}
