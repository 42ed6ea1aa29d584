// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/cli"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/daemon"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/demo"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
)

// stateExpectations is testdata/state-0.1.0/expected.json: what release 0.1.0
// says about the folders that it left.
type stateExpectations struct {
	Commit  string      `json:"commit"`
	Vectors string      `json:"vectorsSha256"`
	Main    stateFolder `json:"main"`
	Killed  stateFolder `json:"killed"`
}

// stateFolder is what is expected of one folder.
type stateFolder struct {
	Folder     string          `json:"folder"` // of the state, inside the archive
	Origin     string          `json:"origin"`
	LogKey     string          `json:"logKey"`
	RootSHA256 string          `json:"rootSha256"`
	Journal    stateJournal    `json:"journal"`
	PackSHA256 string          `json:"packSha256"`
	Floors     json.RawMessage `json:"floors"`
	Questions  []stateQuestion `json:"questions"`
	Receipts   []stateReceipt  `json:"receipts"`
	Said       []stateSaid     `json:"said"`
}

// stateJournal is what the segments of audit/ hold.
type stateJournal struct {
	Entries    uint64            `json:"entries"`
	LastSHA256 string            `json:"lastSha256"`
	Kinds      map[string]uint64 `json:"kinds"`
	Reasons    map[string]uint64 `json:"reasons"`
	Purposes   map[string]uint64 `json:"purposes"`
	Epochs     map[string]uint64 `json:"epochs"`
	Roots      map[string]uint64 `json:"roots"`
}

// stateSaid is a file in the archive with what a command printed: its exit code,
// then its output with DIR for the archive's folder and NOW for the time.
type stateSaid struct {
	File string   `json:"file"`
	Args []string `json:"args"` // DIR is the archive's folder
}

// stateReceipt is a receipt and the arguments that it is verified with.
type stateReceipt struct {
	File      string `json:"file"`
	AsOf      string `json:"asOf"`
	Nonce     string `json:"nonce"`
	Target    string `json:"target"`
	SandboxID string `json:"sandboxId"`
	Effective string `json:"effective"`
	Settings  string `json:"settings,omitempty"`
	Sequence  uint64 `json:"sequence,string"`
	Epoch     uint64 `json:"epoch,string"`
	SHA256    string `json:"sha256"`
}

// stateQuestion is a question to a driver that starts on a copy of the folder, and
// what the driver that left it answers. Its file is ProtoJSON of a VerifyRequest.
type stateQuestion struct {
	File    string `json:"file"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
}

// TestStateOf010 holds the folders that release 0.1.0 left against what it said
// about them.
func TestStateOf010(t *testing.T) {
	if *stateOut != "" {
		t.Skip("they are being made")
	}
	expect := readStateExpectations(t)
	for name, folder := range map[string]stateFolder{"main": expect.Main, "killed": expect.Killed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := stateWorld{folder: folder, dir: unpackState(t, name), run: func(args ...string) (string, int) {
				var out, said bytes.Buffer
				code := cli.Main(args, strings.NewReader(""), &out, &said)
				if code != 0 {
					t.Logf("exit code %d: %v\n%s", code, args, said.String())
				}
				return out.String(), code
			}}
			w.check(t)
			w.goOn(t)
		})
	}
}

// readStateExpectations reads expected.json.
func readStateExpectations(t *testing.T) *stateExpectations {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "state-0.1.0", "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	expect := &stateExpectations{}
	if err := json.Unmarshal(data, expect); err != nil {
		t.Fatal(err)
	}
	return expect
}

// unpackState unpacks one of the archives into a folder of its own.
func unpackState(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "state-0.1.0", name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := unpackFolder(data, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// stateWorld is an unpacked archive and a sigdriver to ask about it.
type stateWorld struct {
	folder stateFolder
	dir    string
	run    func(args ...string) (string, int)
}

func (w stateWorld) path(elem ...string) string {
	return filepath.Join(append([]string{w.dir}, elem...)...)
}

func (w stateWorld) state() string { return w.path(w.folder.Folder) }

func (w stateWorld) root() string { return w.path("trust", "published", "metadata", "1.root.json") }

// now is where replay says when it ran.
var now = regexp.MustCompile(`(Valid now\? At |"at": ")[0-9TZ:-]+`)

// said runs a command and puts down its exit code and its output.
func (w stateWorld) said(args ...string) string {
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR/", w.dir+"/")
	}
	out, code := w.run(args...)
	return fmt.Sprintf("exit %d\n%s", code, now.ReplaceAllString(strings.ReplaceAll(out, w.dir, "DIR"), "${1}NOW"))
}

// commands are what is asked about a folder.
func (f *stateFolder) commands() (list []stateSaid) {
	state, root := "DIR/"+f.Folder, "DIR/trust/published/metadata/1.root.json"
	add := func(file string, args ...string) { list = append(list, stateSaid{"said/" + file, args}) }
	for form, ending := range map[string]string{"text": ".txt", "json": ".json"} {
		add("verify"+ending, "audit", "verify", state, "--log-key", f.LogKey, "-o", form)
		add("replay"+ending, "audit", "replay", "--state", state, "--root", root, "-o", form)
	}
	for i, r := range f.Receipts {
		args := []string{"receipt", "verify", "DIR/" + r.File, "--driver", "gw-1-driver", "--as-of", r.AsOf, "--nonce", r.Nonce,
			"--target", r.Target, "--sandbox-id", r.SandboxID, "--effective", r.Effective,
			"--min-sequence", fmt.Sprint(r.Sequence), "--min-epoch", fmt.Sprint(r.Epoch), "-o", "json"}
		if r.Settings != "" {
			args = append(args, "--settings", r.Settings)
		}
		for name, keys := range map[string][]string{
			"key": {"--key", "DIR/receipts.pub"}, "history": {"--trust", "DIR/history.tar", "--root", root}, "state": {"--trust", state, "--root", root},
		} {
			add(fmt.Sprintf("receipt-%d-by-%s.json", i, name), slices.Concat(args, keys)...)
		}
	}
	slices.SortFunc(list, func(a, b stateSaid) int { return strings.Compare(a.File, b.File) })
	return list
}

// pack exports the evidence and returns the sha256 of the pack.
func (w stateWorld) pack(path string) string {
	if _, code := w.run("audit", "export", "--state", w.state(), "--out", path); code != 0 {
		return fmt.Sprintf("exit %d", code)
	}
	data, _ := os.ReadFile(path)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// check compares everything.
func (w stateWorld) check(t *testing.T) {
	f := w.folder
	journal := readJournal(t, filepath.Join(w.state(), "audit"))
	if got, want := fmt.Sprintf("%+v", journal), fmt.Sprintf("%+v", f.Journal); got != want {
		t.Errorf("the journal is\n%s\nnot\n%s", got, want)
	}
	root, err := os.ReadFile(w.root())
	if sum := sha256.Sum256(root); err != nil || hex.EncodeToString(sum[:]) != f.RootSHA256 {
		t.Errorf("the pinned root is another one: %v", err)
	}
	for _, said := range f.Said {
		want, err := os.ReadFile(w.path(said.File))
		if err != nil {
			t.Fatal(err)
		}
		got := w.said(said.Args...)
		switch {
		case said.File == "said/replay.json":
			sameReplay(t, got, string(want))
		case said.File == "said/replay.txt": // the same for people
		case strings.HasSuffix(said.File, ".json"):
			sameReport(t, said.File, got, string(want))
		default:
			sameText(t, said.File, got, string(want))
		}
	}
	sameText(t, "audit export", w.pack(filepath.Join(t.TempDir(), "pack")), f.PackSHA256)
}

// goOn starts a driver of today on the folder, asks it what 0.1.0 was asked on a
// copy, in the same order, and checks what is then there.
func (w stateWorld) goOn(t *testing.T) {
	short, err := os.MkdirTemp("", "sd") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	config, socket := filepath.Join(short, "toml"), filepath.Join(short, "run", "s")
	if err := os.WriteFile(config, w.config(socket), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- daemon.Run(ctx, daemon.Options{ConfigFile: config, Log: &log, Ready: func() { close(ready) }})
	}()
	select {
	case err := <-done:
		t.Fatalf("the driver does not start: %v\n%s", err, log.String())
	case <-ready:
	}
	w.ask(t, socket)
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"audit", "verify", w.state(), "--log-key", w.folder.LogKey}, {"audit", "replay", "--state", w.state(), "--root", w.root()},
	} {
		if out, code := w.run(args...); code != 0 {
			t.Errorf("after the driver went on: %v: %s", args, out)
		}
	}
}

// config is a configuration for a driver on the folder.
func (w stateWorld) config(socket string) []byte {
	return fmt.Appendf(nil, `state_dir = %q
socket.path = %q
peer = [{uid = %d, gateway_ids = ["gw-1", "gw-2"]}]
trust = {root = %q, source = %q, refresh_interval = "1s"}
transparency = {key = %q, origin = %q}
attest = {driver_id = "gw-1-driver", key = %q}
`, w.state(), socket, os.Getuid(), w.root(), w.path("trust", "published"), w.path("log.key"), w.folder.Origin, w.path("receipts.key"))
}

// ask asks the questions and compares the answers.
func (w stateWorld) ask(t *testing.T, socket string) {
	gateway, err := demo.Dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer gateway.Close()
	for _, q := range w.folder.Questions {
		data, err := os.ReadFile(w.path(q.File))
		req := &signingv1.VerifyRequest{}
		if err := errors.Join(err, protojson.Unmarshal(data, req)); err != nil {
			t.Fatal(err)
		}
		resp, err := gateway.Ask(t.Context(), req)
		if err != nil {
			t.Fatalf("%s: %v", q.File, err)
		}
		if resp.Verdict.String() != "VERDICT_"+q.Verdict || resp.Reason.String() != "REASON_"+q.Reason {
			t.Errorf("%s: %v %v, want %s %s: %v", q.File, resp.Verdict, resp.Reason, q.Verdict, q.Reason, resp.Findings)
		}
	}
}

// sameText shows the first line that differs.
// report reads the JSON of a command behind its exit code, without the envelope that
// release 0.1.0 did not write.
func report(t *testing.T, text string) (exit string, members map[string]any) {
	t.Helper()
	exit, text, _ = strings.Cut(text, "\n")
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	for _, name := range []string{"schema", "command", "exitCode"} {
		delete(members, name)
	}
	return exit, members
}

// sameReport holds a report against what release 0.1.0 said, member by member.
func sameReport(t *testing.T, what, got, want string) {
	t.Helper()
	gotExit, is := report(t, got)
	wantExit, was := report(t, want)
	if gotExit != wantExit || !reflect.DeepEqual(is, was) {
		sameText(t, what, gotExit+"\n"+pretty(is), wantExit+"\n"+pretty(was))
	}
}

func pretty(v any) string {
	text, _ := json.MarshalIndent(v, "", "  ")
	return string(text)
}

// sameReplay holds a replay against that of release 0.1.0. Rules version 2 has some
// floors reach less far: what only differs by that is of the class "other rules", and
// whether it holds today is not asked.
func sameReplay(t *testing.T, got, want string) {
	t.Helper()
	gotExit, is := report(t, got)
	wantExit, was := report(t, want)
	now, then := is["decisions"].([]any), was["decisions"].([]any)
	if gotExit != wantExit || len(now) != len(then) {
		t.Fatalf("%s with %d decisions, want %s with %d", gotExit, len(now), wantExit, len(then))
	}
	others := 0
	for i := range now {
		n, th := now[i].(map[string]any), then[i].(map[string]any)
		if n["outcome"] == "other rules" && th["outcome"] == "identical" && strings.Contains(n["why"].(string), "decides the same with other floors") {
			others++
			continue
		}
		for _, member := range []string{"seq", "time", "target", "purpose", "verdict", "reason", "epoch", "outcome"} {
			if n[member] != th[member] {
				t.Errorf("entry %v: %s is %v, was %v", n["seq"], member, n[member], th[member])
			}
		}
	}
	if others == 0 || others > len(now)/5 {
		t.Errorf("%d of %d decisions by other rules", others, len(now))
	}
}

func sameText(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("%s, line %d:\ngot  %.2000s\nwant %.2000s", what, i+1, a[i], b[i])
			return
		}
	}
	t.Errorf("%s: %d lines, want %d", what, len(a), len(b))
}

// readJournal reads the segments as package record documents them.
func readJournal(t *testing.T, dir string) stateJournal {
	t.Helper()
	j := stateJournal{Kinds: map[string]uint64{}, Reasons: map[string]uint64{}, Purposes: map[string]uint64{}, Epochs: map[string]uint64{}, Roots: map[string]uint64{}}
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("no segments in %s: %v", dir, err)
	}
	prev := strings.Repeat("0", 64)
	for _, name := range segments {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for len(data) > 0 {
			n := binary.BigEndian.Uint32(data)
			entry, sum := data[4:4+n], data[4+n:4+n+32]
			data = data[4+n+32:]
			if got := sha256.Sum256(entry); !bytes.Equal(got[:], sum) {
				t.Fatalf("entry %d: wrong sha256", j.Entries)
			}
			prev = j.add(t, entry, prev)
		}
	}
	j.LastSHA256 = prev
	return j
}

// add counts an entry and returns its sha256.
func (j *stateJournal) add(t *testing.T, data []byte, prev string) string {
	t.Helper()
	var e struct {
		Prev     string `json:"prev"`
		Seq      uint64 `json:"seq,string"`
		Decision *struct {
			Purpose, Verdict, Reason string
			Trust                    struct {
				Epoch string
				Roles map[string]struct{ Version string }
			}
			Raised []any
			Bound  bool
			Elided []string
		}
		Served, Suppressed any
	}
	if err := json.Unmarshal(data, &e); err != nil || e.Prev != prev || e.Seq != j.Entries {
		t.Fatalf("entry %d does not follow the one before: %v", j.Entries, err)
	}
	j.Entries++
	switch {
	case e.Served != nil:
		j.Kinds["served"]++
	case e.Suppressed != nil:
		j.Kinds["suppressed"]++
	default:
		d := e.Decision
		j.Kinds["decision "+d.Verdict]++
		j.Reasons[d.Reason]++
		j.Purposes[d.Purpose]++
		j.Epochs[d.Trust.Epoch]++
		j.Roots[d.Trust.Roles["root"].Version]++
		if len(d.Elided) > 0 {
			j.Kinds["decision too long for its lists"]++
		}
		if len(d.Raised) > 0 {
			j.Kinds["decision that raised"]++
		}
		if d.Bound {
			j.Kinds["decision that bound"]++
		}
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// unpackFolder unpacks an archive, with the modes of its files.
func unpackFolder(packed []byte, dir string) error {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	r := tar.NewReader(z)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(header.Name) {
			return fmt.Errorf("%q leads out of the folder", header.Name)
		}
		path, mode := filepath.Join(dir, filepath.FromSlash(header.Name)), fs.FileMode(header.Mode).Perm()
		if header.Typeflag == tar.TypeDir {
			err = os.Mkdir(path, mode)
		} else {
			var data []byte
			if data, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, data, mode)
			}
		}
		if err == nil {
			err = os.Chmod(path, mode) // whatever the umask
		}
		if err != nil {
			return err
		}
	}
}
