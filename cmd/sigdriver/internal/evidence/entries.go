// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"

	"github.com/transparency-dev/tessera/api/layout"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

// readJournal reads every entry, and holds the tiles and the archive against each.
func (v *verification) readJournal() error {
	segments, err := record.Segments(disk.OS{}, v.path("audit"))
	if err != nil {
		return err
	}
	from := uint64(0)
	if len(segments) > 0 && segments[0] > 0 && v.log != nil {
		from = segments[0]
		if whole, err := v.readBundles(from); err != nil || !whole {
			return err
		}
	}
	for batch, err := range record.ReadBatches(disk.OS{}, v.path("audit"), from) {
		if len(batch) > 0 && batch[0].Seq == from && batch[0].Prev != v.report.Head {
			return v.breakOff(&record.CorruptError{Finding: record.LogTampered, Segment: record.SegmentFile(from), Seq: from, Detail: "it does not follow the last entry of the bundles"})
		}
		if err := v.entries(batch); err != nil {
			return err
		}
		if errors.As(err, &v.report.Torn) {
			break
		}
		if err != nil {
			return v.breakOff(err)
		}
	}
	v.finishMemory()
	v.retain(segments)
	return nil
}

// readBundles reads the entries before the first segment, which were moved away,
// from their bundles; only whole ones that the checkpoint covers count. It tells
// whether they are all there.
func (v *verification) readBundles(until uint64) (bool, error) {
	for seq := range until {
		if seq >= v.log.size-v.log.size%layout.EntryBundleWidth {
			v.broken = true
			v.find(Finding{record.LogGap, "audit/" + record.SegmentFile(seq), -1, int64(seq), "the segment with this entry is gone, and no whole bundle that the checkpoint covers has it"})
			return false, nil
		}
		file := "log/" + layout.EntriesPath(seq/layout.EntryBundleWidth, 0)
		e, err := record.Parse(v.log.bundled(seq))
		if err != nil || e.Seq != seq || e.Prev != v.report.Head {
			v.broken = true
			v.find(Finding{record.LogTampered, file, -1, int64(seq), "the segment with this entry is gone, and what the bundle has in its place is not the next of the chain"})
			return false, nil
		}
		v.report.Bundled++
		if err := v.entries([]record.Stored{e}); err != nil {
			return false, err
		}
	}
	return true, nil
}

// retain lists the segments that may be kept elsewhere without a proof less: whole
// bundles below the checkpoint have their entries, and the snapshot stands for them.
// The driver reads the last two.
func (v *verification) retain(segments []uint64) {
	if v.log == nil || v.snapshot == nil || !v.report.Well() {
		return
	}
	whole := min(v.log.size-v.log.size%layout.EntryBundleWidth, v.snapshot.Head().Size)
	for i := 0; i+2 < len(segments) && segments[i+1] <= whole; i++ {
		v.report.Movable = append(v.report.Movable, "audit/"+record.SegmentFile(segments[i]))
	}
}

// entries takes the next entries in their order. Only what depends on no other entry is
// looked at before, on every processor.
func (v *verification) entries(batch []record.Stored) error {
	found := make([]foundRecord, len(batch))
	record.InParallel(len(batch), func(i int) {
		if d := batch[i].Decision; d != nil {
			found[i] = v.findRecord(d)
		}
	})
	for i := range batch {
		if err := v.entry(&batch[i], &found[i]); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) entry(e *record.Stored, found *foundRecord) error {
	v.report.Entries, v.report.Head = e.Seq+1, e.Sum
	switch {
	case e.Decision != nil:
		v.report.Decisions++
	case e.Served != nil:
		v.report.Served++
	case e.Suppressed != nil:
		v.report.Suppressed++
	case e.Start != nil:
		v.report.Starts++
	case e.Reset != nil:
		v.report.Resets++
	}
	if err := v.addUp(e); err != nil {
		return err
	}
	if v.log != nil {
		if err := v.log.add(e.Raw); err != nil {
			return err
		}
	}
	if e.Decision != nil {
		v.checkArchive(e, found)
	}
	if v.options.Entry != nil {
		return v.options.Entry(*e)
	}
	return nil
}

// breakOff is the end of reading before the journal's end. Where the tile log has the
// entry as it was, its first byte that was changed is named.
func (v *verification) breakOff(err error) error {
	corrupt := asCorrupt(err)
	if corrupt == nil {
		var path *fs.PathError
		if errors.As(err, &path) && errors.Is(err, fs.ErrNotExist) {
			return &NoStateError{v.dir}
		}
		return err
	}
	f := Finding{Code: corrupt.Finding, File: "audit/" + corrupt.Segment, Offset: corrupt.Offset, Entry: int64(corrupt.Seq), Detail: corrupt.Detail}
	if at, ok := v.pinpoint(corrupt); ok {
		f.Offset = at
		f.Detail += "; the entry bundle still has it as it was"
	}
	v.find(f)
	v.broken = true
	return nil
}

// pinpoint compares a record with the entry that the tile log has in its place,
// if that one is the next of the chain.
func (v *verification) pinpoint(corrupt *record.CorruptError) (int64, bool) {
	if v.log == nil || corrupt.Finding != record.LogTampered {
		return 0, false
	}
	entry := v.log.bundled(corrupt.Seq)
	if entry == nil || !bytes.Contains(entry, []byte(`"prev":"`+v.report.Head.String()+`"`)) {
		return 0, false
	}
	data, err := v.read("audit/" + corrupt.Segment)
	if err != nil || corrupt.Offset > int64(len(data)) {
		return 0, false
	}
	sum := sha256.Sum256(entry)
	want := append(append([]byte{0, 0, byte(len(entry) >> 8), byte(len(entry))}, entry...), sum[:]...)
	have := data[corrupt.Offset:]
	return corrupt.Offset + int64(differ(have, want)), true
}

// differ is the first index at which two texts differ.
func differ(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
