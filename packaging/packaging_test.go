// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// here is the platform whose packages can be looked into.
const here = "linux_" + runtime.GOARCH

// TestTwiceTheSame releases from two copies of the repository, which are at different
// places: the same bytes. Then it looks at what is in them.
func TestTwiceTheSame(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		clone := filepath.Join(t.TempDir(), strings.Repeat("x", i+1))
		if out, err := exec.Command("git", "clone", "-q", "--shared", "..", clone).CombinedOutput(); err != nil {
			t.Fatalf("git clone: %v %s", err, out)
		}
		r := &release{source: clone, version: "1.2.3", out: dir}
		if err := r.make(here); err != nil {
			t.Fatal(err)
		}
	}
	one, two := read(t, filepath.Join(dirs[0], "SHA256SUMS")), read(t, filepath.Join(dirs[1], "SHA256SUMS"))
	if !bytes.Equal(one, two) || bytes.Count(one, []byte("\n")) != 5 {
		t.Errorf("two releases of one commit differ:\n%s\n%s", one, two)
	}
	t.Run("deb", func(t *testing.T) { looksInstalled(t, filepath.Join(dirs[0], "sigdriver_1.2.3_"+here+".deb")) })
	t.Run("oci", func(t *testing.T) { isLayout(t, filepath.Join(dirs[0], "sigdriver_1.2.3_oci.tar")) })
	t.Run("sbom", func(t *testing.T) { isBOM(t, filepath.Join(dirs[0], "sigdriver_1.2.3_"+here+".cdx.json")) })
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// looksInstalled unpacks a deb and runs what is in it.
func looksInstalled(t *testing.T, deb string) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("there is no dpkg-deb")
	}
	root := t.TempDir()
	if out, err := exec.Command("dpkg-deb", "-x", deb, root).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v %s", err, out)
	}
	for _, name := range []string{
		"etc/sigdriver/sigdriver.toml", "usr/lib/systemd/system/sigdriver.service", "usr/lib/systemd/system/sigdriver.socket",
		"usr/lib/systemd/system/sigdriver-renew.service", "usr/lib/systemd/system/sigdriver-renew.timer", "usr/lib/sysusers.d/sigdriver.conf", "usr/lib/tmpfiles.d/sigdriver.conf",
		"usr/share/man/man1/sigdriver-serve.1", "usr/share/bash-completion/completions/sigdriver",
	} {
		if _, err := os.Lstat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	t.Run("manual", func(t *testing.T) { readsWell(t, filepath.Join(root, "usr/share/man/man1")) })
	out, err := exec.Command(filepath.Join(root, "usr/bin/sigdriver"), "version").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("sigdriver")) {
		t.Errorf("%v: %s", err, out)
	}
	for unit, most := range map[string]string{"sigdriver.service": "20", "sigdriver-renew.service": "20"} {
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			t.Skip("there is no systemd-analyze")
		}
		// Exposure in tenths, and an error above it.
		cmd := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold="+most, filepath.Join(root, "usr/lib/systemd/system", unit))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s is more exposed than %s: %s", unit, most, out)
		}
	}
}

// readsWell holds the pages of the manual against mandoc's checker.
func readsWell(t *testing.T, dir string) {
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("there is no mandoc")
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 30 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	if out, err := exec.Command("mandoc", append([]string{"-T", "lint", "-W", "warning"}, pages...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// isLayout reads an OCI layout as far as its images' configurations.
func isLayout(t *testing.T, name string) {
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(read(t, name))); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	type descriptor struct{ MediaType, Digest string }
	var index struct{ Manifests []descriptor }
	follow := func(d descriptor, v any) {
		t.Helper()
		if err := json.Unmarshal(files["blobs/"+strings.ReplaceAll(d.Digest, ":", "/")], v); err != nil {
			t.Fatalf("%s: %v", d.Digest, err)
		}
	}
	if err := json.Unmarshal(files["index.json"], &index); err != nil || len(index.Manifests) != 1 || len(files["oci-layout"]) == 0 {
		t.Fatalf("%v: %s", err, files["index.json"])
	}
	follow(index.Manifests[0], &index)
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	follow(index.Manifests[0], &manifest)
	var config struct {
		Architecture string
		Config       struct {
			User       string
			Entrypoint []string
		}
	}
	follow(manifest.Config, &config)
	if config.Architecture != runtime.GOARCH || config.Config.User != "65532:65532" || len(manifest.Layers) != 1 || config.Config.Entrypoint[0] != "/usr/bin/sigdriver" {
		t.Errorf("%+v %+v", manifest, config)
	}
}

func isBOM(t *testing.T, name string) {
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(read(t, name)), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, c := range *bom.Components {
		found = found || c.Name == "google.golang.org/grpc"
	}
	if !found || bom.Metadata.Component.Version != "1.2.3" {
		t.Errorf("%d components of %+v", len(*bom.Components), bom.Metadata.Component)
	}
}
