// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package floors

import (
	"bufio"
	"bytes"
	"errors"
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

	"github.com/sigdriver/sigdriver/verifier"
)

// A process killed at any time, also while it creates the file, leaves every
// floor that Apply promised, and a file that opens.
func TestKill(t *testing.T) {
	if path := os.Getenv("SIGDRIVER_TEST_FLOORS"); path != "" {
		raiseForEver(t, path)
		return
	}
	r := rand.New(rand.NewPCG(19, 11))
	path := filepath.Join(t.TempDir(), "floors.db")
	promised := map[string]uint64{}
	for round := range 25 {
		if round == 10 { // from the beginning again
			path, promised = filepath.Join(t.TempDir(), "floors.db"), map[string]uint64{}
		}
		var out bytes.Buffer
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "SIGDRIVER_TEST_FLOORS="+path)
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wait := time.Duration(r.IntN(120)) * time.Millisecond
		if round == 24 {
			wait = 2 * time.Second // also on a slow machine something is promised
		}
		time.Sleep(wait)
		cmd.Process.Kill()
		err := cmd.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the process ended by itself: %v\n%s", err, out.String())
		}
		for lines := bufio.NewScanner(&out); lines.Scan(); {
			var name string
			var version uint64
			if n, err := fmt.Sscan(lines.Text(), &name, &version); n == 2 && err == nil {
				promised[name] = max(promised[name], version)
			}
		}
		s := open(t, path)
		for name, version := range promised {
			if got := s.Snapshot().Floor(key(name)); got.Version < version || got.SHA256[0] != byte(got.Version) {
				t.Errorf("round %d: %s is at %v, promised %d", round, name, got, version)
			}
			if p, ok := s.Snapshot().Place(binding(name).Key); !ok || p.Name != name {
				t.Errorf("round %d: %s is in %v", round, name, p)
			}
		}
		s.Close()
	}
	if len(promised) == 0 {
		t.Error("nothing was ever promised")
	}
}

// raiseForEver raises floors from several callers and says so after each.
func raiseForEver(t *testing.T, path string) {
	s, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for c := range 4 {
		wg.Go(func() {
			name := fmt.Sprint("web-", c)
			for {
				before := s.Snapshot()
				next := before.Floor(key(name)).Version + 1
				if byte(next) == 0 {
					next++ // a digest of zeros is none
				}
				if err := s.Apply(compose(before, name, floor(next, byte(next)))); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				fmt.Println(name, next)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// Whatever is on the file, checkPages ends, and says so without a panic.
func FuzzCheckPages(f *testing.F) {
	path := filepath.Join(f.TempDir(), "floors.db")
	s, err := Open(path, nil)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 200 { // enough for a branch page
		name := fmt.Sprint("web-", i, strings.Repeat("x", 100))
		d := compose(s.Snapshot(), name, floor(1, 1))
		if err := s.Apply(d); err != nil {
			f.Fatal(err)
		}
	}
	s.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	if err := checkPages(whole); err != nil {
		f.Fatalf("a whole file: %v", err)
	}
	f.Add(0, byte(1), len(whole))
	f.Add(4096*2+8, byte(3), len(whole))
	f.Add(0, byte(0), 8192)
	f.Fuzz(func(t *testing.T, at int, flip byte, size int) {
		bad := append([]byte(nil), whole[:min(max(size, 0), len(whole))]...)
		if len(bad) > 0 {
			bad[((at%len(bad))+len(bad))%len(bad)] ^= flip
		}
		checkPages(bad)
	})
}

func BenchmarkApply(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			s := fresh(b)
			var wg sync.WaitGroup
			for c := range callers {
				wg.Go(func() {
					for i := c; i < b.N; i += callers {
						if err := s.Apply(compose(s.Snapshot(), fmt.Sprint("web-", c), floor(uint64(i+1), 1))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func BenchmarkHolds(b *testing.B) {
	s := fresh(b)
	var seen []verifier.Raise
	for i := range 5 {
		name := fmt.Sprint("web-", i)
		if err := s.Apply(compose(s.Snapshot(), name, floor(7, 1))); err != nil {
			b.Fatal(err)
		}
		seen = append(seen, verifier.Raise{Key: key(name), Floor: floor(7, 1)})
	}
	place := binding("web-0")
	b.ReportAllocs()
	for b.Loop() {
		if !s.Holds(seen, place.Key, place) {
			b.Fatal("does not hold")
		}
	}
}
