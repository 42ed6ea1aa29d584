// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package memory_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// childVariable has the test binary be a driver of its own process.
const childVariable = "SIGDRIVER_TEST_MEMORY_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		runChild(text)
		return
	}
	os.Exit(m.Run())
}

// childConfig is what the process is told.
type childConfig struct {
	ID, Dir, URL string
	Bound        time.Duration
}

// question and answer are the lines that the processes speak.
type (
	question struct {
		N       int
		Name    string
		Place   verifier.Place
		Version uint64
		Digest  byte
	}
	answer struct {
		N       int
		Allowed bool
		Fault   string `json:",omitempty"`
		Index   uint64
		Sum     record.Digest
	}
)

// fatal is a testing.TB for the child: it ends the process.
type fatal struct{ testing.TB }

func (fatal) Helper()                   {}
func (fatal) Cleanup(func())            {}
func (fatal) Fatal(args ...any)         { fmt.Fprintln(os.Stderr, args...); os.Exit(3) }
func (fatal) Fatalf(f string, a ...any) { fmt.Fprintf(os.Stderr, f+"\n", a...); os.Exit(3) }

// runChild answers questions until it is killed.
func runChild(text string) {
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		panic(err)
	}
	d := &driver{t: fatal{}, id: c.ID, dir: c.Dir, url: c.URL, log: &syncWriter{}, ordered: func(*record.AskedReset) bool { return false }}
	d.up()
	fmt.Println(`{"N":-1}`)
	var out sync.Mutex
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			panic(err)
		}
		go func() {
			data, err := json.Marshal(d.answer(&q, c.Bound))
			if err != nil {
				panic(err)
			}
			out.Lock()
			defer out.Unlock()
			fmt.Println(string(data))
		}()
	}
}

// answer is one question as the server answers it: of a view that is fresh enough when
// the answer leaves.
func (d *driver) answer(q *question, bound time.Duration) answer {
	out := d.askAt(q.Name, q.Place, floor(q.Version, q.Digest))
	a := answer{N: q.N, Allowed: out.allowed, Index: out.index, Sum: out.sum}
	switch {
	case d.client.Err() != nil:
		a.Allowed, a.Fault = false, d.client.Err().Error()
	case out.err != nil:
		a.Allowed, a.Fault = false, out.err.Error()
	case time.Since(out.asOf) > bound:
		a.Allowed, a.Fault = false, "stale"
	}
	return a
}

// process is a driver in a process of its own, as its caller sees it.
type process struct {
	t    testing.TB
	conf childConfig

	mu      sync.Mutex
	cmd     *exec.Cmd
	in      *json.Encoder
	waiting map[int]chan answer
	over    *bool // it answers nothing any more
	next    int
}

func startProcess(t testing.TB, conf childConfig) *process {
	p := &process{t: t, conf: conf}
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *process) start() {
	text, err := json.Marshal(p.conf)
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	waiting, over := map[int]chan answer{}, new(bool)
	p.mu.Lock()
	p.cmd, p.in, p.waiting, p.over = cmd, json.NewEncoder(in), waiting, over
	p.mu.Unlock()
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var a answer
			if json.Unmarshal(lines.Bytes(), &a) != nil {
				continue
			}
			p.mu.Lock()
			if c, ok := waiting[a.N]; ok {
				c <- a
				delete(waiting, a.N)
			}
			p.mu.Unlock()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		*over = true // the kernel may end its output before its input, which then still takes a question
		for n, c := range waiting {
			close(c)
			delete(waiting, n)
		}
	}()
}

// kill ends the process as a crash does.
func (p *process) kill() {
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	cmd.Process.Kill()
	cmd.Wait()
}

// ask asks the process; false when it died over it.
func (p *process) ask(q question) (answer, bool) {
	c := make(chan answer, 1)
	p.mu.Lock()
	p.next++
	q.N = p.next
	p.waiting[q.N] = c
	err := os.ErrProcessDone
	if !*p.over {
		err = p.in.Encode(&q)
	}
	if err != nil {
		delete(p.waiting, q.N)
	}
	p.mu.Unlock()
	if err != nil {
		time.Sleep(5 * time.Millisecond)
		return answer{}, false
	}
	late := time.NewTimer(overdue)
	defer late.Stop()
	select {
	case a, ok := <-c:
		return a, ok
	case <-late.C:
		p.t.Errorf("driver %s has not answered within %s; what it does is in its log", p.conf.ID, overdue)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.cmd.Process.Signal(syscall.SIGQUIT)
		return answer{}, false
	}
}

// overdue is more than any answer takes: a raise is given up after 5 seconds, and 16 in a
// row may meet others.
const overdue = 2 * time.Minute
