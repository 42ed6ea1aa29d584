// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
)

func TestSweep(t *testing.T) {
	s := newState(t)
	s.mustOpen(tilelog.Options{})
	s.decide(300)
	s.covered()
	s.close()
	before := s.evidence()
	var left []string
	for _, name := range []string{"checkpoint1234", ".state/treeState99", ".state/gcState5", "tile/0/0001234", "tile/0/001.p/44300", "tile/entries/001.p/44812", "tile/entries/00077", "tile/1/000.p/1999999999"} {
		left = append(left, filepath.Join(s.dir, "log", name))
		if err := os.WriteFile(left[len(left)-1], []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.mustOpen(tilelog.Options{})
	s.decide(1)
	s.covered()
	for _, path := range left {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", path)
		}
	}
	for _, name := range before {
		if _, err := os.Stat(filepath.Join(s.dir, name)); err != nil {
			t.Error(err)
		}
	}
	s.well()
}
