// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// maxBatch bounds the bytes of one write. The entries beyond it wait for the next.
const maxBatch = 4 << 20

// run is the committer: the only writer of the segments.
func (j *Journal) run() {
	defer close(j.done)
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-j.wake:
		case <-tick.C:
		}
		closed := j.drain()
		j.tell(closed)
		if closed {
			return
		}
	}
}

// drain commits until nothing is pending, and reports whether the journal closes.
func (j *Journal) drain() bool {
	for {
		j.mu.Lock()
		batch, closed := j.pending, j.closed
		j.pending = nil
		mark := j.taking != nil && j.taking()
		j.mu.Unlock()
		empty := len(batch) == 0
		for len(batch) > 0 {
			n := batchLength(batch)
			j.commit(batch[:n])
			batch = batch[n:]
		}
		if mark && j.Err() == nil {
			j.taken(j.Head())
		}
		if empty {
			return closed
		}
	}
}

// tell writes one entry for each peer and target that had denials suppressed
// in a minute that is over; in any minute when the journal closes. While the
// disk is full, or the journal not in its place, the counts wait.
func (j *Journal) tell(closing bool) {
	if free, err := j.opts.FS.Free(j.dir); err != nil || free < j.opts.Reserve || j.named() != nil {
		return
	}
	now := j.opts.Now()
	if closing {
		now = now.Add(time.Minute)
	}
	var batch []*waiting
	for _, s := range j.budget.expired(now) {
		if body, err := canonical(&s); err == nil {
			batch = append(batch, newWaiting(kindSuppressed, body))
		}
	}
	if len(batch) > 0 {
		j.commit(batch)
	}
}

// batchLength is how many entries fit one write, at least one.
func batchLength(batch []*waiting) int {
	size := 0
	for i, w := range batch {
		if size += len(w.body); size > maxBatch && i > 0 {
			return i
		}
	}
	return len(batch)
}

// commit gives the entries their places, writes them at once and makes them
// durable with one fsync.
func (j *Journal) commit(batch []*waiting) {
	err := j.Err()
	if err == nil {
		err = j.write(batch)
	}
	for _, w := range batch {
		if err != nil {
			w.seq, w.sum, w.err = 0, Digest{}, err
		}
		close(w.done)
	}
}

// write is never tried again after it failed: what is on the disk is unknown. Entries
// that are durable in a file that is not in its place are entries: nobody is told of
// them until it is back.
func (j *Journal) write(batch []*waiting) error {
	head := j.Head()
	err := j.unchanged()
	if err == nil {
		err = j.rotate(head.Size)
	}
	if err == nil {
		var data []byte
		for _, w := range batch {
			entry := frame(w.kind, w.body, head.Size, head.Sum)
			w.seq, w.sum = head.Size, sha256.Sum256(entry)
			head = Head{Size: head.Size + 1, Sum: w.sum}
			data = appendRecord(data, entry, w.sum)
		}
		j.size += int64(len(data))
		if _, err = j.file.Write(data); err == nil {
			err = cmp.Or(j.file.Sync(), j.unchanged())
		}
	}
	if err != nil {
		err = &WriteError{Err: err}
		j.failed.Store(&err)
		return err
	}
	now := *j.segment.Load()
	now.size = j.size
	j.segment.Store(&now)
	j.head.Store(&head)
	return j.named()
}

// rotate begins a new segment when the current one is large enough, or another one
// was asked for.
func (j *Journal) rotate(next uint64) error {
	if fresh := j.fresh.Swap(false) && j.size > 0; !fresh && j.size < j.opts.SegmentSize {
		return nil
	}
	return j.begin(next)
}

// appendRecord adds one record to a segment's bytes.
func appendRecord(data, entry []byte, sum Digest) []byte {
	data = binary.BigEndian.AppendUint32(data, uint32(len(entry)))
	data = append(data, entry...)
	return append(data, sum[:]...)
}
