// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// packages makes a deb and an rpm of each Linux binary.
func (r *release) packages(built []platform) error {
	for _, p := range built {
		if p.os != "linux" {
			continue
		}
		for _, format := range []string{"deb", "rpm"} {
			if err := r.pack(p, format); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *release) pack(p platform, format string) error {
	contents, err := r.contents(p)
	if err != nil {
		return err
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "sigdriver", Arch: p.arch, Platform: "linux", Version: r.version, MTime: r.date,
		Section: "admin", Priority: "optional", Maintainer: "The sigdriver authors <sigdriver@example.invalid>", Vendor: "The sigdriver authors",
		Description: "Decide whether an OpenShell policy may be enforced\nA gateway asks it over a Unix socket; it answers from signed approvals, judged by\nkeys and rules that arrive only through TUF.",
		License:     "Apache-2.0", Homepage: "https://github.com/sigdriver/sigdriver",
		Overridables: nfpm.Overridables{
			Contents: contents,
			Scripts:  nfpm.Scripts{PostInstall: filepath.Join(r.source, "packaging", "postinstall.sh")},
			RPM:      nfpm.RPM{BuildHost: "localhost", Compression: "gzip"},
			Deb:      nfpm.Deb{Compression: "gzip"},
		},
	})
	if err := nfpm.Validate(info); err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	return write(r.name(p, "."+format), func(w io.Writer) error { return packager.Package(info, w) })
}

// contents are the files that are installed.
func (r *release) contents(p platform) (files.Contents, error) {
	units := filepath.Join(r.source, "packaging")
	all := files.Contents{}
	add := func(from, to string, mode os.FileMode, kind string) {
		all = append(all, &files.Content{Source: from, Destination: to, Type: kind,
			FileInfo: &files.ContentFileInfo{Mode: mode, Owner: "root", Group: "root", MTime: r.date}})
	}
	add(r.binary(p), "/usr/bin/sigdriver", 0o755, files.TypeFile)
	add(filepath.Join(units, "sigdriver.toml"), "/etc/sigdriver/sigdriver.toml", 0o644, files.TypeConfigNoReplace)
	for _, unit := range []string{"sigdriver.service", "sigdriver.socket", "sigdriver-renew.service", "sigdriver-renew.timer"} {
		add(filepath.Join(units, unit), "/usr/lib/systemd/system/"+unit, 0o644, files.TypeFile)
	}
	add(filepath.Join(units, "sysusers.conf"), "/usr/lib/sysusers.d/sigdriver.conf", 0o644, files.TypeFile)
	add(filepath.Join(units, "tmpfiles.conf"), "/usr/lib/tmpfiles.d/sigdriver.conf", 0o644, files.TypeFile)
	add(filepath.Join(r.source, "LICENSE"), "/usr/share/doc/sigdriver/copyright", 0o644, files.TypeFile)
	for name, to := range map[string]string{
		"sigdriver.bash": "/usr/share/bash-completion/completions/sigdriver",
		"_sigdriver":     "/usr/share/zsh/site-functions/_sigdriver",
		"sigdriver.fish": "/usr/share/fish/vendor_completions.d/sigdriver.fish",
	} {
		add(filepath.Join(r.work, "completions", name), to, 0o644, files.TypeFile)
	}
	pages, err := os.ReadDir(filepath.Join(r.work, "man"))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		add(filepath.Join(r.work, "man", page.Name()), "/usr/share/man/man1/"+page.Name(), 0o644, files.TypeFile)
	}
	return all, nil
}
