// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Command packaging makes what is released: static binaries, deb and rpm packages, an OCI
// image layout, an SBOM and checksums. The same commit and Go version give the same bytes.
//
//	go run . -version 1.2.3 -o ../dist
//
// It is a module of its own, so that what it needs is not the driver's.
package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// platform is a system that the command is built for. A driver runs on Linux alone.
type platform struct{ os, arch string }

var platforms = []platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}}

func (p platform) String() string { return p.os + "_" + p.arch }

// release is one run.
type release struct {
	source  string // the repository
	version string
	date    time.Time // of the commit
	out     string
	work    string // what is packed and not released by itself
}

func main() {
	r := &release{}
	only := flag.String("only", "", "build for this platform alone, such as linux_amd64")
	flag.StringVar(&r.source, "source", "..", "the repository")
	flag.StringVar(&r.version, "version", "", "the version that is released")
	flag.StringVar(&r.out, "o", "dist", "folder to write, which is emptied")
	flag.Parse()
	if err := r.make(*only); err != nil {
		log.Fatal(err)
	}
}

func (r *release) make(only string) (err error) {
	if r.version == "" {
		return fmt.Errorf("give the version with -version")
	}
	if r.date, err = commitDate(r.source); err != nil {
		return err
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	if r.work, err = os.MkdirTemp("", "sigdriver-dist-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.work)
	if err := r.run(nil, "go", "run", "./cmd/sigdriver/internal/cli/gen", "-o", r.work, "-date", strconv.FormatInt(r.date.Unix(), 10)); err != nil {
		return err
	}
	built := []platform{}
	for _, p := range platforms {
		if only != "" && p.String() != only {
			continue
		}
		if err := r.build(p); err != nil {
			return err
		}
		built = append(built, p)
	}
	if len(built) == 0 {
		return fmt.Errorf("no platform is called %q", only)
	}
	for _, step := range []func([]platform) error{r.archives, r.packages, r.image, r.sbom} {
		if err := step(built); err != nil {
			return err
		}
	}
	return r.sums()
}

// commitDate is the time that every file of the release has.
func commitDate(source string) (time.Time, error) {
	out, err := exec.Command("git", "-C", source, "log", "-1", "--format=%ct").Output()
	if err != nil {
		return time.Time{}, fmt.Errorf("the commit's date: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Unix(n, 0).UTC(), err
}

// run runs a command in the repository.
func (r *release) run(env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr, cmd.Env = r.source, os.Stderr, append(os.Environ(), env...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(append([]string{name}, args...), " "), err)
	}
	return nil
}

// binary is where the binary of a platform is built.
func (r *release) binary(p platform) string {
	name := "sigdriver"
	if p.os == "windows" {
		name += ".exe"
	}
	return filepath.Join(r.work, p.String(), name)
}

// build makes a static binary that does not know where it was built.
func (r *release) build(p platform) error {
	return r.run([]string{"CGO_ENABLED=0", "GOFLAGS=", "GOOS=" + p.os, "GOARCH=" + p.arch},
		"go", "build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", r.binary(p), "./cmd/sigdriver")
}

// name is that of a released file.
func (r *release) name(p platform, ending string) string {
	return filepath.Join(r.out, fmt.Sprintf("sigdriver_%s_%s%s", r.version, p, ending))
}

// archives packs each binary with its manual: a tar, for Windows a zip.
func (r *release) archives(built []platform) error {
	for _, p := range built {
		list, err := r.archived(p)
		if err != nil {
			return err
		}
		if p.os == "windows" {
			err = r.zip(r.name(p, ".zip"), list)
		} else {
			err = r.tar(r.name(p, ".tar.gz"), list)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// packed is a file of an archive.
type packed struct {
	name, from string
	mode       fs.FileMode
}

func (r *release) archived(p platform) ([]packed, error) {
	list := []packed{{filepath.Base(r.binary(p)), r.binary(p), 0o755}}
	for _, name := range []string{"LICENSE", "NEWS.md", "README.md"} {
		list = append(list, packed{name, filepath.Join(r.source, name), 0o644})
	}
	for _, dir := range []string{"man", "completions"} {
		entries, err := os.ReadDir(filepath.Join(r.work, dir))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			list = append(list, packed{dir + "/" + e.Name(), filepath.Join(r.work, dir, e.Name()), 0o644})
		}
	}
	return list, nil
}

func (r *release) tar(to string, list []packed) error {
	return write(to, func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.DefaultCompression)
		if err != nil {
			return err
		}
		if err := r.tarball(z, list); err != nil {
			return err
		}
		return z.Close()
	})
}

func (r *release) tarball(w io.Writer, list []packed) error {
	t := tar.NewWriter(w)
	for _, f := range list {
		data, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		if err := t.WriteHeader(&tar.Header{Name: f.name, Mode: int64(f.mode), Size: int64(len(data)), ModTime: r.date, Format: tar.FormatPAX}); err != nil {
			return err
		}
		if _, err := t.Write(data); err != nil {
			return err
		}
	}
	return t.Close()
}

func (r *release) zip(to string, list []packed) error {
	return write(to, func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, f := range list {
			data, err := os.ReadFile(f.from)
			if err != nil {
				return err
			}
			h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: r.date}
			h.SetMode(f.mode)
			e, err := z.CreateHeader(h)
			if err != nil {
				return err
			}
			if _, err := e.Write(data); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// write makes a file of what somebody writes.
func write(to string, what func(io.Writer) error) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	err = what(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// sums writes the sha256 of everything that is released.
func (r *release) sums() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var lines []string
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), e.Name()))
	}
	slices.Sort(lines)
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(strings.Join(lines, "")), 0o644)
}
