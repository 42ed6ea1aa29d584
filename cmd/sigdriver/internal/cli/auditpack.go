// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

const packSchema = "application/vnd.sigdriver.pack-verification.v1+json"

// packReport is what audit verify says about a pack.
type packReport struct {
	Schema    string           `json:"schema"`
	SHA256    record.Digest    `json:"sha256"` // of the pack
	Files     int              `json:"files"`
	Missing   []record.Digest  `json:"missing"`
	Log       *evidence.Report `json:"log"`
	Replay    *replayReport    `json:"replay,omitempty"` // nil without a pinned root
	NotProven []string         `json:"notProven"`
	path      string
}

// isPack tells a pack from a state folder.
func isPack(path string) bool {
	st, err := disk.OS{}.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// auditVerifyPack checks a pack as if it were the state folder that it came from,
// and decides all of it again. It needs nothing else.
func auditVerifyPack(env *Env, f *auditVerifyFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	o, err := f.options(env)
	if err != nil {
		return err
	}
	dir, err := temporaryFolder("sigdriver-pack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, err := unpack(f.state, dir)
	if err != nil {
		return err
	}
	if r.Log, err = evidence.Verify(dir, o); err != nil {
		return auditError(f.state, err)
	}
	again := error(nil)
	if f.root != "" {
		if again, err = r.replay(env, dir, f); err != nil {
			return err
		}
	}
	r.NotProven = notProven(r, &o)
	if err := out.writeAll(env, r, r.print); err != nil {
		return err
	}
	switch {
	case !r.Log.Well():
		return &ExitError{Code: ExitDenied}
	case again != nil:
		return again
	case r.Replay == nil || len(r.Log.Unchecked) > 0 || r.Log.Entries == 0 || len(r.Missing) > 0:
		return &ExitError{Code: ExitInconclusive}
	}
	return nil
}

// unpack takes a pack apart into a folder.
func unpack(path, dir string) (*packReport, error) {
	in, err := disk.OS{}.Open(path, os.O_RDONLY|disk.Follow, 0)
	if err != nil {
		return nil, cannotRead(path, "pack", err)
	}
	defer in.Close()
	sum := sha256.New()
	m, err := evidence.Unpack(io.TeeReader(in, sum), dir)
	var none *evidence.NoPackError
	if errors.As(err, &none) {
		return nil, usageError(fmt.Errorf("%q is not a pack: %w", path, none), "give a file that `sigdriver audit export` wrote, or a state folder")
	}
	var fault *evidence.PackError
	if errors.As(err, &fault) {
		return nil, &ExitError{Code: ExitDenied, Err: fmt.Errorf("%s: the pack %q is not as it was written: %w", record.LogTampered, path, err), Remedy: "nothing in it was looked at; ask for it again, and compare its sha256"}
	}
	if err != nil {
		return nil, err
	}
	return &packReport{Schema: packSchema, SHA256: [32]byte(sum.Sum(nil)), Files: len(m.Members), Missing: m.Missing, path: path}, nil
}

// replay decides everything again, and says how that alone would end.
func (r *packReport) replay(env *Env, dir string, f *auditVerifyFlags) (again, err error) {
	root, err := readPinnedRoot(env, f.root)
	if err != nil {
		return nil, err
	}
	o := &replay.Options{Dir: dir, Root: root, Now: env.Now().UTC()}
	got, err := replay.Run(context.Background(), *o)
	var corrupt *record.CorruptError
	if errors.As(err, &corrupt) {
		return &ExitError{Code: ExitDenied}, nil // the report on the log says so
	}
	if err != nil {
		return nil, replayFault(f.state, err)
	}
	o.Dir = f.state
	r.Replay = newReplayReport(got, o)
	return replayExit(got), nil
}

// notProven says what no check of a pack can show.
func notProven(r *packReport, o *evidence.VerifyOptions) []string {
	var list []string
	if r.Log.Checkpoint == nil || !r.Log.Checkpoint.Signed {
		list = append(list, "who wrote it: no signature by a log key was checked, so whoever makes up a whole folder passes")
	}
	if len(o.Witnesses) == 0 {
		list = append(list, "that the driver shows everybody the same log: no witness has signed, so it could keep two")
	}
	if c := r.Log.Checkpoint; c != nil && c.Size < r.Log.Entries {
		list = append(list, fmt.Sprintf("the last %d entries against the log: they are newer than its checkpoint", r.Log.Entries-c.Size))
	}
	if r.Replay == nil {
		list = append(list, "any decision: without --root none was decided again")
	} else if r.Replay.Believed.Bodies > 0 {
		list = append(list, "that effective policies are the compositions of their parts: bodies never leave the gateway (sigdriver audit replay --documents)")
	}
	return append(list,
		"when anything happened, and when trust was accepted: the times are the driver's word",
		"that nothing else was asked: whoever runs code in the gateway can leave out the question",
		"that what was allowed is what was enforced: compare with what sandboxes report",
		"that it is all of the log: compare the last entry, or a checkpoint, with one from elsewhere")
}

func (r *packReport) print(p *printer) {
	p.line("The pack %s: %s, sha256:%s", r.path, plural(r.Files, "file", "files"), r.SHA256)
	if n := len(r.Missing); n > 0 {
		p.check(failed, "missing", "%s that the evidence names were not in the archive", plural(n, "object", "objects"))
	}
	printAudit(p, r.path, r.Log)
	if r.Replay != nil {
		r.Replay.print(p)
	}
	p.line("Not proven by this:")
	for _, sentence := range r.NotProven {
		p.line("  %s", sentence)
	}
}
