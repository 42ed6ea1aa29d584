// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"path/filepath"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// sbom says, in CycloneDX, of which modules each binary is made: what Go noted in it.
func (r *release) sbom(built []platform) error {
	for _, p := range built {
		bom, err := r.bomOf(p)
		if err != nil {
			return err
		}
		err = write(r.name(p, ".cdx.json"), func(w io.Writer) error {
			return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *release) bomOf(p platform) (*cdx.BOM, error) {
	info, err := buildinfo.ReadFile(r.binary(p))
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(r.binary(p))
	if err != nil {
		return nil, err
	}
	purl := func(path, version string) string { return fmt.Sprintf("pkg:golang/%s@%s", path, version) }
	main := cdx.Component{
		Type: cdx.ComponentTypeApplication, BOMRef: purl(info.Main.Path, r.version), Name: filepath.Base(r.binary(p)), Version: r.version,
		PackageURL: purl(info.Main.Path, r.version),
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(data))}},
		Licenses:   &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
		Properties: &[]cdx.Property{{Name: "platform", Value: p.String()}, {Name: "go", Value: info.GoVersion}},
	}
	modules := []cdx.Component{{Type: cdx.ComponentTypeLibrary, BOMRef: purl("std", info.GoVersion), Name: "std", Version: info.GoVersion, PackageURL: purl("std", info.GoVersion)}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		modules = append(modules, cdx.Component{
			Type: cdx.ComponentTypeLibrary, BOMRef: purl(m.Path, m.Version), Name: m.Path, Version: m.Version, PackageURL: purl(m.Path, m.Version),
			Properties: &[]cdx.Property{{Name: "go.sum", Value: m.Sum}},
		})
	}
	refs := []string{}
	for _, m := range modules {
		refs = append(refs, m.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Timestamp: r.date.Format("2006-01-02T15:04:05Z"), Component: &main}
	bom.Components = &modules
	bom.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	return bom, nil
}
