// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

// This test binary, under the name tufconformance, runs the client under the client
// protocol of github.com/theupdateframework/tuf-conformance:
//
//	tufconformance --metadata-dir DIR init ROOT
//	tufconformance --metadata-dir DIR --metadata-url URL refresh
//	tufconformance --metadata-dir DIR --metadata-url URL --target-name PATH … \
//	    --target-base-url URL --target-dir DIR download
//
// The metadata folder then holds the trusted metadata, unversioned and byte for
// byte; the client's own state is in a folder below it. The exit code is 0 or 1.
// `make conformance` builds it and runs the suite.
const conformanceProgram = "tufconformance"

func conformance(args []string) int {
	if err := runConformance(args); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v (%s)\n", conformanceProgram, err, Code(err))
		return 1
	}
	return 0
}

type conformanceOptions struct {
	metadataDir, metadataURL, targetDir, targetURL string
	targets                                        []string
}

func runConformance(args []string) error {
	var o conformanceOptions
	flags := flag.NewFlagSet(conformanceProgram, flag.ContinueOnError)
	flags.StringVar(&o.metadataDir, "metadata-dir", "", "folder for trusted metadata")
	flags.StringVar(&o.metadataURL, "metadata-url", "", "where metadata is served")
	flags.StringVar(&o.targetDir, "target-dir", "", "folder for downloaded targets")
	flags.StringVar(&o.targetURL, "target-base-url", "", "where targets are served")
	flags.Func("target-name", "path of a target, repeatable", func(s string) error {
		o.targets = append(o.targets, s)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.metadataDir == "" {
		return errors.New("--metadata-dir is missing")
	}
	switch command := flags.Args(); {
	case len(command) == 2 && command[0] == "init":
		return o.init(command[1])
	case len(command) == 1 && command[0] == "refresh":
		o.targets = nil
		return o.update()
	case len(command) == 1 && command[0] == "download" && len(o.targets) > 0 && o.targetDir != "":
		return o.update()
	}
	return errors.New("want init ROOT, refresh, or download with --target-name and --target-dir")
}

func (o *conformanceOptions) state() string { return filepath.Join(o.metadataDir, "state") }

func (o *conformanceOptions) pinned() string { return filepath.Join(o.state(), "pinned") }

func (o *conformanceOptions) init(root string) error {
	data, err := os.ReadFile(root)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.state(), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(o.pinned(), data, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.metadataDir, "root.json"), data, 0o600)
}

// update refreshes and downloads, and shows the suite what is trusted afterwards,
// also after a failure.
func (o *conformanceOptions) update() error {
	client, err := o.open()
	if err != nil {
		return err
	}
	defer client.Close()
	return errors.Join(o.fetch(client), o.show(client))
}

func (o *conformanceOptions) open() (*Client, error) {
	root, err := os.ReadFile(o.pinned())
	if err != nil {
		return nil, err
	}
	targetURL := o.targetURL
	if targetURL == "" {
		targetURL = o.metadataURL
	}
	source, err := newHTTPSource(o.metadataURL, targetURL)
	if err != nil {
		return nil, err
	}
	now, err := fakeTime()
	if err != nil {
		return nil, err
	}
	return Open(Config{Root: root, Source: source, Dir: filepath.Join(o.state(), "trust"),
		Now: func() time.Time { return now }})
}

// fakeTime asks the date command: the suite sets the time of its clients with
// faketime, which Go programs do not notice.
func fakeTime() (time.Time, error) {
	out, err := exec.Command("date", "+%s").Output()
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Unix(seconds, 0), err
}

func (o *conformanceOptions) fetch(client *Client) error {
	ctx := context.Background()
	if err := client.refreshMetadata(ctx); err != nil {
		return err
	}
	for _, target := range o.targets {
		data, err := client.target(ctx, target)
		if err != nil {
			return err
		}
		file := filepath.Join(o.targetDir, url.PathEscape(target))
		if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, data) {
			continue // the suite watches modification times
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (o *conformanceOptions) show(client *Client) error {
	trusted := map[string][]byte{}
	for role, data := range client.metadata() {
		trusted[url.PathEscape(role)+".json"] = data
	}
	shown, err := filepath.Glob(filepath.Join(o.metadataDir, "*.json"))
	if err != nil {
		return err
	}
	for _, file := range shown {
		if trusted[filepath.Base(file)] == nil {
			err = errors.Join(err, os.Remove(file))
		}
	}
	for name, data := range trusted {
		err = errors.Join(err, os.WriteFile(filepath.Join(o.metadataDir, name), data, 0o600))
	}
	return err
}

// refreshMetadata is Refresh of the top-level metadata alone: the suite's
// repositories have none of our targets.
func (c *Client) refreshMetadata(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.cycle(ctx, c.now(), nil, func(_ context.Context, r *refresh, _ *rootChain) (*Update, error) {
		return &Update{Snapshot: r.search.describe(nil)}, nil
	})
	return err
}

// target returns one verified target file by its path, found through delegations
// in the metadata of the last Refresh. A path that no role may list, or none does,
// is a *DelegationError.
func (c *Client) target(ctx context.Context, target string) (data []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer caught(&err)
	if c.closed {
		return nil, ErrClosed
	}
	if c.last == nil {
		return nil, errors.New("tuf: refresh first")
	}
	if !safePath(target) {
		return nil, &DelegationError{Path: target, Text: "not a path of a target"}
	}
	r := c.last
	r.tx = c.store.begin()
	data, err = r.listedTarget(ctx, target)
	if err := errors.Join(err, r.keepRoles(), r.tx.commit()); err != nil {
		return nil, unwrapSingle(err)
	}
	return data, nil
}

func (r *refresh) listedTarget(ctx context.Context, target string) ([]byte, error) {
	info, _, err := r.search.find(ctx, target)
	if err != nil {
		return nil, err
	}
	data, err := r.target(ctx, listed{target, info}, MaxTargets)
	if err == nil {
		_, err = r.tx.batch.put(data)
	}
	return data, err
}

// metadata returns the metadata verified last, as received, by role: also what was
// verified by a refresh that failed later.
func (c *Client) metadata() map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	files := map[string][]byte{RoleRoot: bytes.Clone(c.chain.latest())}
	refs := map[string]fileRef{RoleTimestamp: c.store.current.Timestamp, RoleSnapshot: c.store.current.Snapshot}
	for role, ref := range c.store.current.Roles {
		refs[role] = ref
	}
	for role, ref := range refs {
		if data := c.store.file(ref); data != nil {
			files[role] = data
		}
	}
	return files
}

// TestConformanceProgram goes once through the protocol, as the suite would.
func TestConformanceProgram(t *testing.T) {
	repo := newRepo(t)
	dir := t.TempDir()
	metadata, targets := filepath.Join(dir, "metadata"), filepath.Join(dir, "targets")
	for _, d := range []string{metadata, targets} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(dir, "root.json")
	if err := os.WriteFile(root, repo.Root(), 0o600); err != nil {
		t.Fatal(err)
	}
	// The time of the suite's clients is that of the date command.
	date := fmt.Sprintf("#!/bin/sh\necho %d\n", repo.Now().Unix())
	if err := os.WriteFile(filepath.Join(dir, "date"), []byte(date), 0o700); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) error {
		cmd := exec.Command(os.Args[0])
		cmd.Args = append([]string{conformanceProgram, "--metadata-dir", metadata}, args...)
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	}
	if err := run("init", root); err != nil {
		t.Fatal(err)
	}
	if err := run("--metadata-url", repo.URL()+"/metadata", "refresh"); err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{RoleRoot, RoleTimestamp, RoleSnapshot, RoleTargets} {
		got, err := os.ReadFile(filepath.Join(metadata, role+".json"))
		if err != nil || !bytes.Equal(got, repo.File(repo.Path(role))) {
			t.Errorf("%s is not what is published: %v", role, err)
		}
	}
	download := []string{"--metadata-url", repo.URL() + "/metadata", "--target-base-url", repo.URL() + "/targets", "--target-dir", targets, "--target-name"}
	if err := run(append(download, "authorities.json", "download")...); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(targets, "authorities.json")); err != nil || string(got) != `{"v":1}` {
		t.Errorf("downloaded %q, %v", got, err)
	}
	if err := run(append(download, "nobody/lists.this", "download")...); err == nil {
		t.Error("a target that nobody lists was downloaded")
	}
	repo.SignWith(RoleTimestamp, tuftest.Key("stranger"))
	repo.PublishTimestamp()
	if err := run("--metadata-url", repo.URL()+"/metadata", "refresh"); err == nil {
		t.Error("a timestamp by a stranger was taken")
	}
}
