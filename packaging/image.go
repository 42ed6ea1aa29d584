// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"io/fs"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// image makes an OCI image layout with an image for each Linux binary, over nothing: the
// driver, a user of its own, and no shell. It is packed as one tar.
func (r *release) image(built []platform) error {
	index := v1.ImageIndex(empty.Index)
	index = mutate.IndexMediaType(index, types.OCIImageIndex)
	images := 0
	for _, p := range built {
		if p.os != "linux" {
			continue
		}
		images++
		image, err := r.imageOf(p)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.os, Architecture: p.arch}}})
	}
	if images == 0 {
		return nil
	}
	dir := filepath.Join(r.work, "oci")
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": r.version})); err != nil {
		return err
	}
	list := []packed{}
	err = filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		list = append(list, packed{filepath.ToSlash(name), file, 0o644})
		return err
	})
	if err != nil {
		return err
	}
	return write(filepath.Join(r.out, "sigdriver_"+r.version+"_oci.tar"), func(w io.Writer) error { return r.tarball(w, list) })
}

func (r *release) imageOf(p platform) (v1.Image, error) {
	var layer bytes.Buffer
	if err := r.tarball(&layer, []packed{{"usr/bin/sigdriver", r.binary(p), 0o755}, {"usr/share/doc/sigdriver/copyright", filepath.Join(r.source, "LICENSE"), 0o644}}); err != nil {
		return nil, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil }, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.Append(image, mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: r.date}, CreatedBy: "sigdriver packaging"}}); err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = p.os, p.arch, v1.Time{Time: r.date}
	config.Config = r.config()
	return mutate.ConfigFile(image, config)
}

// config is how a container of the image runs.
func (r *release) config() v1.Config {
	return v1.Config{
		User: "65532:65532", Entrypoint: []string{"/usr/bin/sigdriver"}, Cmd: []string{"serve", "--config", "/etc/sigdriver/sigdriver.toml"},
		Labels: map[string]string{"org.opencontainers.image.title": "sigdriver", "org.opencontainers.image.version": r.version, "org.opencontainers.image.licenses": "Apache-2.0"},
	}
}
