// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Command bench compares the driver with a gRPC echo that reads its request and answers
// as many bytes: the same request, the same server options and settings of the collector,
// each server a process of its own. It measures in interleaved rounds and reports ratios
// within a round, because absolute times on a shared machine mean little. A second echo
// stands beside the first: its ratio to it is what noise alone does. What the machine is
// worth is told by what a bare check of an ECDSA P-256 signature takes. With --beside,
// another build of the driver is measured in the same rounds.
//
//	bench --sigdriver PATH [--beside PATH] [--rounds N]
package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/demo"
)

// aims are what the driver should cost, as a ratio to the echo. Nothing fails where one is
// missed: docs/performance.md says why.
var aims = []struct {
	figure string
	limit  float64
	below  bool // the ratio should be at most the limit; else at least
}{{"p50", 1.10, true}, {"p99", 1.30, true}, {"throughput", 0.85, false}}

func main() {
	binary := flag.String("sigdriver", "", "the sigdriver binary")
	beside := flag.String("beside", "", "another sigdriver binary, measured in the same rounds")
	rounds := flag.Int("rounds", 21, "interleaved rounds a size, at least 3")
	echo := flag.String("echo", "", "serve an echo on this socket; for the program itself")
	reply := flag.Int("reply", 0, "bytes of the echo's answer; for the program itself")
	flag.Parse()
	if *echo != "" {
		fail(serveEcho(*echo, *reply))
		return
	}
	if *binary == "" || *rounds < 3 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "bench: needs --sigdriver PATH and at least 3 rounds")
		os.Exit(2)
	}
	fail(run(*binary, *beside, *rounds))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(5)
	}
}

// run sets the servers up, measures both sizes and prints the tables.
func run(binary, beside string, rounds int) error {
	ctx := context.Background()
	driver, requests, reply, err := start(ctx, binary)
	if err != nil {
		return err
	}
	defer driver.close()
	sockets := map[string]string{"driver": driver.Socket}
	if beside != "" {
		other, same, _, err := start(ctx, beside)
		if err != nil {
			return err
		}
		defer other.close()
		for size := range requests {
			if !bytes.Equal(requests[size], same[size]) {
				return errors.New("the two drivers were not asked the same")
			}
		}
		sockets["beside"] = other.Socket
	}
	for i, name := range []string{"echo", "echo again"} {
		socket := driver.lab.Path(fmt.Sprintf("echo-%d.sock", i))
		stop, err := startEcho(socket, reply)
		if err != nil {
			return err
		}
		defer stop()
		sockets[name] = socket
	}
	before := bareCheck()
	if err := measure(sockets, requests, rounds); err != nil {
		return err
	}
	fmt.Printf("\n%d processors; a bare ECDSA P-256 check takes %.0f µs before and %.0f µs after; an answer has %d bytes\n",
		runtime.NumCPU(), before, bareCheck(), reply)
	return nil
}

// running is a driver in a world of its own.
type running struct {
	*demo.Driver
	lab *demo.Lab
}

func (r *running) close() {
	_ = r.Stop()
	r.lab.Close()
}

// start runs a build of the driver and has it allow a request of each size.
func start(ctx context.Context, binary string) (r *running, requests map[int][]byte, reply int, err error) {
	if binary, err = filepath.Abs(binary); err != nil {
		return nil, nil, 0, err
	}
	lab, err := demo.NewLab(binary)
	if err != nil {
		return nil, nil, 0, err
	}
	driver, requests, reply, err := serve(ctx, lab, sizes)
	if err != nil {
		lab.Close()
		return nil, nil, 0, err
	}
	return &running{driver, lab}, requests, reply, nil
}

// bareCheck is the median time that checking a signature takes, in microseconds.
func bareCheck() float64 {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fail(err)
	sum := sha256.Sum256([]byte("what was signed"))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	fail(err)
	took := make([]float64, 1001)
	for i := range took {
		begin := time.Now()
		if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], sig) {
			fail(fmt.Errorf("a good signature does not verify"))
		}
		took[i] = float64(time.Since(begin).Nanoseconds()) / 1e3
	}
	return quartiles(took)[1]
}

// startEcho runs this program again as an echo.
func startEcho(socket string, reply int) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "--echo", socket, fmt.Sprintf("--reply=%d", reply))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	for range 1000 {
		if conn, err := net.Dial("unix", socket); err == nil {
			return stop, conn.Close()
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	return nil, fmt.Errorf("the echo did not start on %s", socket)
}
