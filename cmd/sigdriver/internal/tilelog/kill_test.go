// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog_test

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
)

var (
	kills     = flag.Int("kills", 100, "how often the writer is killed under 32 callers")
	tileKills = flag.Int("tile-kills", 40, "how often the writer is killed while it only makes tiles")
)

const (
	victimDir     = "SIGDRIVER_TEST_VICTIM_DIR"
	victimCallers = "SIGDRIVER_TEST_VICTIM_CALLERS"
)

// TestVictim is the process that is killed: journal, archive and log, with callers
// that say aloud what they were promised.
func TestVictim(t *testing.T) {
	dir := os.Getenv(victimDir)
	if dir == "" {
		t.Skip("it is a process of other tests")
	}
	var callers int
	if _, err := fmt.Sscan(os.Getenv(victimCallers), &callers); err != nil {
		t.Fatal(err)
	}
	store, err := archive.Open(filepath.Join(dir, "archive"), nil)
	if err != nil {
		t.Fatal(err)
	}
	j, err := record.Open(dir, record.Options{Archive: store, SegmentSize: 1 << 18})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tilelog.Open(filepath.Join(dir, "log"), j.Journal, tilelog.Options{Key: logKey(t), Interval: tilelog.MinInterval, Logger: hclog.New(&hclog.LoggerOptions{Output: os.Stdout})}); err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready", j.Head().Size)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := 0; ; i++ {
				seq, sum, err := appendOne(j, fmt.Sprintf("sb-%d-%d-%d", os.Getpid(), c, i))
				if err != nil {
					fmt.Println("failed", err)
					return
				}
				fmt.Printf("told %d %x\n", seq, sum)
			}
		})
	}
	all.Wait()
	select {}
}

// victim starts the process, kills it some time after it is ready, or has told
// somebody something, and returns what its callers were promised and how long it
// took to be ready.
func victim(t *testing.T, dir string, callers int, told bool, after time.Duration) (promised map[uint64]string, took time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$")
	cmd.Env = append(os.Environ(), victimDir+"="+dir, fmt.Sprintf("%s=%d", victimCallers, callers))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	promised = map[uint64]string{}
	ready := false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var seq uint64
		var sum string
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "ready"):
			ready, took = true, time.Since(begin)
			if !told {
				time.AfterFunc(after, func() { cmd.Process.Kill() })
			}
		case strings.HasPrefix(line, "told"):
			if _, err := fmt.Sscanf(line, "told %d %s", &seq, &sum); err == nil && len(sum) == 64 {
				promised[seq] = sum
			}
			if told && len(promised) == 1 {
				time.AfterFunc(after, func() { cmd.Process.Kill() })
			}
		default:
			t.Errorf("the writer says %q", line)
		}
	}
	err = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ready || !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the writer ended by itself, ready %v: %v", ready, err)
	}
	return promised, took
}

// keeps asserts that everything promised is in the journal, from an entry on, and
// returns its size.
func keeps(t *testing.T, dir string, from uint64, promised map[uint64]string) uint64 {
	t.Helper()
	for e, err := range record.Read(disk.OS{}, filepath.Join(dir, "audit"), from) {
		if _, torn := err.(*record.TornError); torn {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if sum, ok := promised[e.Seq]; ok && sum != e.Sum.String() {
			t.Errorf("entry %d is not what was promised", e.Seq)
		}
		delete(promised, e.Seq)
		from = e.Seq + 1
	}
	if len(promised) > 0 {
		t.Errorf("promised and gone: %v", promised)
	}
	return from
}

// Whoever was answered finds the answer in the log, whenever the process is
// killed: the answer, what it was made from, and its place in the tiles.
func TestKilledUnderCallers(t *testing.T) {
	rounds := *kills
	if testing.Short() {
		rounds = min(rounds, 12)
	}
	const seed = 20261125
	random := rand.New(rand.NewPCG(seed, seed))
	s := newState(t)
	s.decide(1)
	s.mustOpen(tilelog.Options{})
	s.covered() // on a busy machine every life may end before a first checkpoint
	s.close()
	if err := s.journal.Close(); err != nil {
		t.Fatal(err)
	}
	var size uint64
	told, slowest := 0, time.Duration(0)
	for round := range rounds {
		promised, took := victim(t, s.dir, 32, round%2 == 0, time.Duration(random.Int64N(int64(70*time.Millisecond))))
		told += len(promised)
		slowest = max(slowest, took)
		size = keeps(t, s.dir, size, promised)
		if round%100 == 99 || round == rounds-1 {
			s.auditKilled()
		}
	}
	t.Logf("%d kills, %d answers, %d entries; at worst ready after %v", rounds, told, size, slowest)
	if told < rounds/2 {
		t.Error("hardly anybody was answered")
	}
	s.finish(size)
}

// auditKilled audits what a killed writer left: nothing was changed, and nothing
// that a decision stands on is missing.
func (s *state) auditKilled() {
	s.t.Helper()
	if r := s.audit(); !r.Well() || r.Decisions == 0 {
		s.t.Fatalf("%d decisions: %+v", r.Decisions, r.Findings)
	}
}

// finish lets the log catch up, and has two implementations check it.
func (s *state) finish(size uint64) {
	s.t.Helper()
	s.openJournal(record.Options{SegmentSize: 1 << 18})
	s.mustOpen(tilelog.Options{})
	s.covered()
	s.close()
	if r := s.well(); r.Checkpoint.Size < size {
		s.t.Errorf("the log has %d entries, the journal %d", r.Checkpoint.Size, size)
	}
	if err := s.fsck(); err != nil {
		s.t.Error(err)
	}
}

// The log's own files are tessera's, which does no operation through our layer: it
// is killed at random times while it does nothing but make tiles.
func TestKilledInTiles(t *testing.T) {
	rounds := *tileKills
	if testing.Short() {
		rounds = min(rounds, 10)
	}
	const seed = 4711
	random := rand.New(rand.NewPCG(seed, seed))
	s := newState(t)
	s.journal.Close()
	s.openJournal(record.Options{SegmentSize: 1 << 18})
	s.decide(20)
	progress := map[uint64]bool{}
	for range rounds {
		s.count(64 + random.IntN(300))
		size := s.journal.Head().Size
		s.journal.Close()
		victim(t, s.dir, 0, false, time.Duration(random.Int64N(int64(120*time.Millisecond))))
		s.openJournal(record.Options{SegmentSize: 1 << 18})
		if got := s.journal.Head().Size; got != size {
			t.Fatalf("the journal had %d entries and has %d", size, got)
		}
		if data, err := os.ReadFile(filepath.Join(s.dir, "log", ".state", "treeState")); err == nil {
			var tree uint64
			fmt.Sscanf(string(data), `{"size":%d`, &tree)
			progress[tree] = true
		}
	}
	s.auditKilled()
	size := s.journal.Head().Size
	s.journal.Close()
	t.Logf("%d kills, tiles of %d sizes on the way to %d entries", rounds, len(progress), size)
	if !testing.Short() && len(progress) < rounds/20 {
		t.Error("it was hardly ever killed in between")
	}
	s.finish(size)
}
