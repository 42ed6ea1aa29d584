// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
)

// guard is the signer that the log's writer gets. It signs a checkpoint only once
// it has read back from the bundles what the checkpoint newly covers, found it to
// be the journal's, and made the root again from it. AU-10: one bit that flips
// between memory and disk would otherwise be signed for ever.
type guard struct {
	key  *Key
	dir  string
	tell func(size uint64) // of each signature, may be nil

	mu     sync.Mutex // guards what follows
	size   uint64     // of the tree that was checked
	rng    *compact.Range
	want   [][]byte // hashes of the journal's entries from size on
	failed error    // sticks
	closed bool
}

// errAhead says that tiles are ahead of what the guard knows of the journal: it
// will know more soon.
var errAhead = errors.New("the journal was not read as far yet")

var errClosed = errors.New("the log is closed")

// expect tells the guard the next entry of the journal, before the log gets it.
func (g *guard) expect(entry []byte) {
	hash := rfc6962.DefaultHasher.HashLeaf(entry)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.want = append(g.want, hash)
}

// err returns what the guard found, nil for nothing.
func (g *guard) err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failed
}

// close ends all signing.
func (g *guard) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// Name and KeyHash implement note.Signer.
func (g *guard) Name() string    { return g.key.Name() }
func (g *guard) KeyHash() uint32 { return g.key.KeyHash() }

// Sign implements note.Signer.
func (g *guard) Sign(msg []byte) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return nil, errClosed
	case g.failed != nil:
		return nil, g.failed
	}
	size, err := g.check(string(msg))
	var wrong *Error
	if errors.As(err, &wrong) {
		g.failed = err
	}
	if err != nil {
		return nil, err
	}
	if g.tell != nil {
		g.tell(size)
	}
	return g.key.Sign(msg)
}

// check moves the tree to the size that a checkpoint speaks of.
func (g *guard) check(text string) (uint64, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 {
		return 0, errors.New("this is no checkpoint")
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	switch {
	case err != nil:
		return 0, err
	case size > g.size+uint64(len(g.want)):
		return 0, errAhead
	case size < g.size:
		return 0, &Error{record.LogFork, "", -1, fmt.Sprintf("a checkpoint for %d entries, after one for %d", size, g.size)}
	}
	next, err := g.extend(size)
	if err != nil {
		return 0, err
	}
	root := rfc6962.DefaultHasher.EmptyRoot()
	if size > 0 {
		if root, err = next.GetRootHash(nil); err != nil {
			return 0, err
		}
	}
	c := Checkpoint{Origin: g.key.Name(), Size: size, Root: [32]byte(root)}
	if text != c.Text() {
		return 0, &Error{record.LogTampered, "tile", -1, fmt.Sprintf("at %d entries the tiles do not lead to the journal's root %x", size, root)}
	}
	g.want, g.size, g.rng = g.want[size-g.size:], size, next
	return size, nil
}

// extend returns the tree with what the bundles hold up to size.
func (g *guard) extend(size uint64) (*compact.Range, error) {
	// A copy: a failure leaves the guard as it was.
	next, err := ranges.NewRange(0, g.size, append([][]byte(nil), g.rng.Hashes()...))
	if err != nil {
		return nil, err
	}
	files := client.FileFetcher{Root: g.dir}
	for at := g.size; at < size; {
		n := at / layout.EntryBundleWidth
		bundle, err := client.GetEntryBundle(context.Background(), files.ReadEntryBundle, n, size)
		if err != nil {
			return nil, err // it may be readable the next time
		}
		end := min((n+1)*layout.EntryBundleWidth, size)
		for ; at < end; at++ {
			i := at % layout.EntryBundleWidth
			if i >= uint64(len(bundle.Entries)) || string(rfc6962.DefaultHasher.HashLeaf(bundle.Entries[i])) != string(g.want[at-g.size]) {
				return nil, &Error{record.LogTampered, layout.EntriesPath(n, layout.PartialTileSize(0, n, size)), int64(at), "what was read back is not what the journal has"}
			}
			if err := next.Append(g.want[at-g.size], nil); err != nil {
				return nil, err
			}
		}
	}
	return next, nil
}
