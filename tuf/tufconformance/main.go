// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Command tufconformance runs our TUF client under the client protocol of
// github.com/theupdateframework/tuf-conformance:
//
//	tufconformance --metadata-dir DIR init ROOT
//	tufconformance --metadata-dir DIR --metadata-url URL refresh
//	tufconformance --metadata-dir DIR --metadata-url URL --target-name PATH … \
//	    --target-base-url URL --target-dir DIR download
//
// The metadata folder then holds the trusted metadata, unversioned and byte for
// byte; the client's own state is in a folder below it. The exit code is 0 or 1.
package main

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
	"time"

	"github.com/sigdriver/sigdriver/tuf"
)

type options struct {
	metadataDir, metadataURL, targetDir, targetURL string
	targets                                        []string
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "tufconformance: %v (%s)\n", err, tuf.Code(err))
		os.Exit(1)
	}
}

func run(args []string) error {
	var o options
	flags := flag.NewFlagSet("tufconformance", flag.ContinueOnError)
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

func (o *options) state() string { return filepath.Join(o.metadataDir, "state") }

func (o *options) pinned() string { return filepath.Join(o.state(), "pinned") }

func (o *options) init(root string) error {
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
func (o *options) update() error {
	client, err := o.open()
	if err != nil {
		return err
	}
	defer client.Close()
	return errors.Join(o.fetch(client), o.show(client))
}

func (o *options) open() (*tuf.Client, error) {
	root, err := os.ReadFile(o.pinned())
	if err != nil {
		return nil, err
	}
	targetURL := o.targetURL
	if targetURL == "" {
		targetURL = o.metadataURL
	}
	source, err := tuf.HTTPSourceAt(o.metadataURL, targetURL)
	if err != nil {
		return nil, err
	}
	now, err := fakeTime()
	if err != nil {
		return nil, err
	}
	return tuf.Open(tuf.Config{Root: root, Source: source, Dir: filepath.Join(o.state(), "trust"),
		Now: func() time.Time { return now }, OnDemand: true})
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

func (o *options) fetch(client *tuf.Client) error {
	ctx := context.Background()
	if _, err := client.Refresh(ctx); err != nil {
		return err
	}
	for _, target := range o.targets {
		data, err := client.Target(ctx, target)
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

func (o *options) show(client *tuf.Client) error {
	trusted := map[string][]byte{}
	for role, data := range client.Metadata() {
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
