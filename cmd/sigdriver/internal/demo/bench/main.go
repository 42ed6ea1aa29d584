// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Command bench compares the driver with a gRPC echo: the same request bytes, the
// same server options, a reply of 600 bytes, each server a process of its own. It
// measures in interleaved rounds and reports ratios within a round, because
// absolute times on a shared machine mean little. A second echo stands beside the
// first: its ratio to it is what noise alone does. Below the table stands the
// ratio to an echo that drops its request unread.
//
//	bench --sigdriver PATH [--rounds N]
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/demo"
)

// replySize is the echo's answer: about what an ALLOW of five documents takes.
const replySize = 600

// budget is what the driver may cost, as a ratio to the echo.
var budgets = []struct {
	figure string
	limit  float64
	below  bool // the ratio must be at most the limit; else at least
}{{"p50", 1.30, true}, {"p99", 1.60, true}, {"throughput", 0.70, false}}

func main() {
	binary := flag.String("sigdriver", "", "the sigdriver binary")
	rounds := flag.Int("rounds", 21, "interleaved rounds a size, at least 3")
	echo := flag.String("echo", "", "serve an echo on this socket; for the program itself")
	drop := flag.Bool("drop", false, "let requests go unread; for the program itself")
	strict := flag.Bool("strict", false, "exit 1 when a median is over its budget")
	flag.Parse()
	if *echo != "" {
		fail(serveEcho(*echo, *drop))
		return
	}
	if *binary == "" || *rounds < 3 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "bench: needs --sigdriver PATH and at least 3 rounds")
		os.Exit(2)
	}
	ok, err := run(*binary, *rounds)
	fail(err)
	if *strict && !ok {
		os.Exit(1)
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(5)
	}
}

// run sets the servers up, measures both sizes and prints the table.
func run(binary string, rounds int) (ok bool, err error) {
	binary, err = filepath.Abs(binary)
	if err != nil {
		return false, err
	}
	world, err := demo.NewLab(binary)
	if err != nil {
		return false, err
	}
	defer world.Close()
	ctx := context.Background()
	driver, requests, err := serve(ctx, world, sizes)
	if err != nil {
		return false, err
	}
	defer driver.Stop()
	sockets := map[string]string{"driver": driver.Socket}
	for i, name := range []string{"echo", "echo again", "drop"} {
		socket := world.Path(fmt.Sprintf("echo-%d.sock", i))
		stop, err := startEcho(socket, name == "drop")
		if err != nil {
			return false, err
		}
		defer stop()
		sockets[name] = socket
	}
	return measure(sockets, requests, rounds)
}

// startEcho runs this program again as an echo.
func startEcho(socket string, drop bool) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "--echo", socket, fmt.Sprintf("--drop=%t", drop))
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
