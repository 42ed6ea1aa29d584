// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"fmt"
	"os"
	"path/filepath"
)

// Files returns every committed vector file by its path below
// testdata/vectors: the decisions, the documents, the compositions, the receipts,
// the request digests and the globs over names.
func Files() map[string][]byte {
	files := map[string][]byte{}
	add := func(path string, data []byte) {
		if _, taken := files[path]; taken {
			panic("cases: two vectors for " + path)
		}
		files[path] = data
	}
	for _, c := range Catalogue() {
		if !c.PerRun {
			add("decisions/"+c.Name+".json", c.Vector().Marshal())
		}
	}
	for _, v := range DocumentVectors() {
		add("documents/"+v.Name+".json", pretty(v))
	}
	for _, v := range CompositionVectors() {
		add("compositions/"+v.Name+".json", pretty(v))
	}
	for _, v := range ReceiptVectors() {
		add("receipts/"+v.Name+".json", pretty(v))
	}
	add("request-sha256.json", pretty(RequestVectors()))
	add("name-globs.json", pretty(NameGlobs()))
	return files
}

// WriteVectors writes the files below a folder and removes vectors that no
// longer are among them.
func WriteVectors(dir string) error {
	files := Files()
	for _, kind := range []string{"decisions", "documents", "compositions", "receipts"} {
		if err := os.MkdirAll(filepath.Join(dir, kind), 0o755); err != nil {
			return err
		}
		old, err := filepath.Glob(filepath.Join(dir, kind, "*.json"))
		if err != nil {
			return err
		}
		for _, path := range old {
			if _, kept := files[kind+"/"+filepath.Base(path)]; kept {
				continue
			}
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for path, data := range files {
		if err := os.WriteFile(filepath.Join(dir, path), data, 0o644); err != nil {
			return fmt.Errorf("write vector: %w", err)
		}
	}
	return nil
}
