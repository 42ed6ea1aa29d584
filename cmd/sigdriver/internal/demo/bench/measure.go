// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// sizes are those of the encoded requests, in bytes; about.
var sizes = []int{4 << 10, 64 << 10}

const (
	warmCalls  = 2000                   // before the first round
	aloneCalls = 3000                   // a round, one caller: p50 and p99
	callers    = 16                     // a round: throughput
	together   = 500 * time.Millisecond // how long they call
)

// figures are what one server does in one round.
type figures struct{ p50, p99, throughput float64 }

func (f figures) get(name string) float64 {
	return map[string]float64{"p50": f.p50, "p99": f.p99, "throughput": f.throughput}[name]
}

// measure runs the rounds and prints the ratios.
func measure(sockets map[string]string, requests map[int][]byte, rounds int) error {
	names := []string{"echo", "driver", "echo again"}
	if sockets["beside"] != "" {
		names = append(names, "beside")
	}
	conns := map[string]*grpc.ClientConn{}
	for _, n := range names {
		conn, err := grpc.NewClient("unix://"+sockets[n], grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{})))
		if err != nil {
			return err
		}
		defer conn.Close()
		conns[n] = conn
	}
	for _, size := range sizes {
		all := map[string][]figures{}
		for round := -1; round < rounds; round++ {
			for i := range names {
				n := names[(i+round+len(names))%len(names)] // nobody is always first
				f, err := oneRound(conns[n], requests[size], round < 0)
				if err != nil {
					return fmt.Errorf("%s: %w", n, err)
				}
				if round >= 0 {
					all[n] = append(all[n], f)
				}
			}
		}
		report(size, len(requests[size]), all)
	}
	return nil
}

// oneRound measures one server once, or only warms it.
func oneRound(conn *grpc.ClientConn, request []byte, warm bool) (f figures, err error) {
	n := aloneCalls
	if warm {
		n = warmCalls
	}
	took := make([]float64, 0, n)
	for range n {
		begin := time.Now()
		if err := call(conn, request); err != nil {
			return f, err
		}
		took = append(took, float64(time.Since(begin).Nanoseconds())/1e3)
	}
	slices.Sort(took)
	f.p50, f.p99 = took[len(took)/2], took[len(took)*99/100]
	f.throughput, err = flood(conn, request)
	return f, err
}

func call(conn *grpc.ClientConn, request []byte) error {
	var reply []byte
	return conn.Invoke(context.Background(), method, &request, &reply)
}

// flood counts the calls a second of many callers at once.
func flood(conn *grpc.ClientConn, request []byte) (float64, error) {
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	begin := time.Now()
	for range callers {
		all.Go(func() {
			for time.Since(begin) < together {
				if err := call(conn, request); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(begin).Seconds(), nil
}

// report prints the medians of the per-round ratios with their quartiles.
func report(size, bytes int, all map[string][]figures) {
	fmt.Printf("\n%d KiB (%d bytes), %d rounds: ratio to the echo, median [quartiles]\n", size>>10, bytes, len(all["echo"]))
	fmt.Printf("  %-11s %-24s %-24s %-8s %s\n", "", "driver / echo", "echo again / echo", "aim", "echo alone, driver alone (medians)")
	for _, a := range aims {
		driver, again := ratios(all["driver"], all["echo"], a.figure), ratios(all["echo again"], all["echo"], a.figure)
		sign, unit := "≤", "µs"
		if !a.below {
			sign, unit = "≥", "calls/s"
		}
		mark := "✓"
		if within := (driver[1] <= a.limit) == a.below || driver[1] == a.limit; !within {
			mark = "✗"
		}
		fmt.Printf("  %-11s %-24s %-24s %s %.2f %s %.0f, %.0f %s\n", a.figure, spread(driver), spread(again), sign, a.limit, mark,
			median(all["echo"], a.figure), median(all["driver"], a.figure), unit)
		if beside := all["beside"]; beside != nil {
			fmt.Printf("  %-11s %s of the driver beside it\n", "", spread(ratios(all["driver"], beside, a.figure)))
		}
	}
}

// ratios returns the lower quartile, median and upper quartile of a / b by round.
func ratios(a, b []figures, figure string) [3]float64 {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = a[i].get(figure) / b[i].get(figure)
	}
	return quartiles(r)
}

func median(a []figures, figure string) float64 {
	v := make([]float64, len(a))
	for i := range a {
		v[i] = a[i].get(figure)
	}
	return quartiles(v)[1]
}

// quartiles interpolates between the values at hand.
func quartiles(v []float64) (q [3]float64) {
	slices.Sort(v)
	for i := range q {
		at := float64(i+1) / 4 * float64(len(v)-1)
		low := int(at)
		high := min(low+1, len(v)-1)
		q[i] = v[low] + (at-float64(low))*(v[high]-v[low])
	}
	return q
}

func spread(q [3]float64) string { return fmt.Sprintf("%.2f [%.2f–%.2f]", q[1], q[0], q[2]) }
