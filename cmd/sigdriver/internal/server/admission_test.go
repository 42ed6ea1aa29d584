// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// listen serves a world on a socket for the test's own user.
func (w *world) listen() string {
	w.t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sd")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		w.t.Fatal(err)
	}
	peers := socket.SameUser(uint32(os.Getuid()))
	w.Peers = func() *socket.PeerList { return peers }
	g := w.GRPC()
	go g.Serve(socket.NewPeerListener(l, peers, 8, func(socket.Refused) {}))
	w.t.Cleanup(g.Stop)
	return path
}

// empty waits until nothing is held.
func (a *Admission) empty(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		held := []int{a.streams.Held(), a.receiving.Held(), a.cold.Held(), a.turns.Held()}
		if held[0]+held[1]+held[2]+held[3] == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("streams, bytes, evaluations, turns are held: %v", held)
		}
	}
}

// A message that stops a byte short ends after a while, and gives back what it held.
func TestSlowMessageEnds(t *testing.T) {
	w := newWorld(t, verifiertest.AdmitPolicy())
	w.Admission.patience = 50 * time.Millisecond
	path := w.listen()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	prefix := binary.BigEndian.AppendUint32([]byte{0}, 1<<20)
	stalled, end := io.Pipe()
	defer end.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // a call that nobody ends
	defer cancel()
	for _, method := range []string{signingv1.PolicySigningDriver_Verify_FullMethodName, signingv1.PolicySigningDriver_WatchTrust_FullMethodName, "/grpc.health.v1.Health/Check"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://driver"+method, io.MultiReader(bytes.NewReader(prefix), bytes.NewReader(make([]byte, 1<<20-1)), stalled))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatalf("%s is not ended: %v", method, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatalf("%s is not ended: %v", method, err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Grpc-Status") + resp.Trailer.Get("Grpc-Status"); got != "1" { // CANCELLED: the library answers it
			t.Errorf("%s ends with status %q", method, got)
		}
	}
	w.Admission.empty(t)
}

// However many calls one uid has, it holds no more than its part, and gets it back.
func TestCallsGiveBack(t *testing.T) {
	s := verifiertest.AdmitPolicy()
	w := newWorld(t, s)
	conn, err := grpc.NewClient("unix:"+w.listen(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := signingv1.NewPolicySigningDriverClient(conn)
	uid := uint32(os.Getuid())
	for w.Admission.streams.try(uid, 1) {
	}
	if _, err := client.Verify(t.Context(), requestOf(s, "r")); status.Code(err) != codes.Unavailable {
		t.Errorf("one call too many: %v", err)
	}
	w.Admission.streams.give(uid, streamsUID)
	for w.Admission.receiving.try(uid, verifier.MaxRequest) {
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := client.Verify(ctx, requestOf(s, "r")); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("no room for a message: %v", err)
	}
	w.Admission.receiving.give(uid, receiveUID)
	if got, err := client.Verify(t.Context(), requestOf(s, "r")); err != nil || got.Reason != allowed {
		t.Errorf("got %v, %v", got, err)
	}
	watch, err := client.WatchTrust(t.Context(), &signingv1.WatchTrustRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	held := w.Admission.receiving.Held
	for end := time.Now().Add(time.Minute); held() != 0 && time.Now().Before(end); { // the call before gives back after its answer
		time.Sleep(time.Millisecond)
	}
	if n := held(); n != 0 {
		t.Errorf("a call that goes on holds %d bytes", n)
	}
	conn.Close()
	w.Admission.empty(t)
}

// What is done in the background gives way while something is decided, also while that
// waits for the disk and holds no turn.
func TestBusyWhileDeciding(t *testing.T) {
	a := NewAdmission()
	if a.Busy() {
		t.Error("busy with nothing")
	}
	a.cold.try(1, 1)
	if !a.Busy() {
		t.Error("an evaluation is under way")
	}
	a.cold.give(1, 1)
	if a.Busy() {
		t.Error("busy after it")
	}
}
