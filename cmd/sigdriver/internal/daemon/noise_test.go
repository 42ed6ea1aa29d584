// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/tuf/disk/disktest"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// sizeOf is how many bytes the files below a folder have.
func sizeOf(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, _ := d.Info()
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// Refused requests with one approval that is padded otherwise each time add what one
// peer may add in a minute, and no more.
func TestPaddedRefusals(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.expect(compose(5), verifier.Allowed)
	before := sizeOf(t, w.path("state/archive"))
	const requests = 8
	one := compose(6).Attestation(0, 0)
	for i := range requests {
		s := compose(6)
		var padded [][]byte
		for j := range verifier.MaxAttestations {
			padded = append(padded, append(bytes.Repeat([]byte(" "), 250<<10+i*verifier.MaxAttestations+j), one...))
		}
		s.Request.Documents[0].Attestations = padded
		w.expect(s, verifier.Threshold)
	}
	grown := sizeOf(t, w.path("state/archive")) - before
	t.Logf("the archive grew by %d KiB for each of %d refused requests", grown>>10/requests, requests)
	if grown > 2*5<<20 { // a minute may turn meanwhile
		t.Errorf("the archive grew by %d bytes", grown)
	}
}

// Refusals of invented sandboxes use up what their peer may record. The first refusal
// of a sandbox that is there is recorded all the same, for each reason, and what is
// not is counted and said.
func TestInventedNamesHideNoRefusal(t *testing.T) {
	w := newWorld(t)
	w.configure("audit.deny_per_minute = 1")
	w.start()
	w.expect(compose(5), verifier.Allowed)
	recorded := 0
	const invented = 300
	for i := range invented {
		s := compose(6)
		s.Request.Target.SandboxID = fmt.Sprint("invented-", i)
		s.Request.Documents[0].Attestations = nil
		if w.expect(s, verifier.CompositionPartUnattested).Receipt != nil {
			recorded++
		}
	}
	t.Logf("%d first refusals of %d invented names are recorded", recorded, invented)
	if recorded > 2*64 { // a minute may turn meanwhile
		t.Errorf("%d refusals of invented names are recorded", recorded)
	}
	for reason, change := range map[verifier.Reason]func(*verifiertest.Scenario){
		verifier.CompositionPartUnattested: func(s *verifiertest.Scenario) { s.Request.Documents[0].Attestations = nil },
		verifier.Threshold:                 func(s *verifiertest.Scenario) { s.Offer(0, s.Attestation(0, 0)) },
		verifier.ScopeMismatch:             func(s *verifiertest.Scenario) { s.Request.Target.Name = "web-2" },
	} {
		s := compose(6)
		change(s)
		if w.expect(s, reason).Receipt == nil {
			t.Errorf("the first refusal of a bound sandbox for %v is not recorded", reason)
		}
	}
	if n := w.metric(`sigdriver_unrecorded_total{why="budget"}`); n == "" || n == "0" {
		t.Errorf("%q unrecorded refusals are counted", n)
	}
	if n := strings.Count(w.log.String(), "refusals go out unrecorded"); n < 1 || n > 2 {
		t.Errorf("it is said %d times", n)
	}
}

// A reserve that is as large as the volume would keep every refusal out of the
// journal: the driver does not start with one, and --check says why. One that is
// larger than what is free is said.
func TestReserveFitsTheVolume(t *testing.T) {
	small := disktest.SmallDisk(t, 32<<10)
	w := newWorld(t)
	w.stateIn(filepath.Join(small, "state"))
	_, err := checked(w.path("sigdriver.toml"))
	if err == nil || !strings.Contains(err.Error(), "audit.reserve_mib") || !strings.Contains(err.Error(), "no refusal would ever be recorded") {
		t.Errorf("--check: %v", err)
	}
	if err := Run(t.Context(), Options{ConfigFile: w.path("sigdriver.toml"), Log: &w.log}); err == nil {
		t.Error("the driver started")
	}
	w.configure("audit.reserve_mib = 24")
	w.stateIn(filepath.Join(small, "state"))
	free := disktest.Fill(t, small, 4000)
	defer free()
	notes, err := checked(w.path("sigdriver.toml"))
	if err != nil || !strings.Contains(strings.Join(notes, "\n"), "refusals are not recorded") {
		t.Errorf("--check: %q, %v", notes, err)
	}
	w.start()
	if !strings.Contains(w.log.String(), "refusals are not recorded") {
		t.Error("the start does not say it")
	}
	w.expect(compose(5), verifier.Allowed)
	s := compose(6)
	s.Request.Documents[0].Attestations = nil
	if w.expect(s, verifier.CompositionPartUnattested).Receipt != nil {
		t.Error("a refusal was recorded on the room for ALLOWs")
	}
	if n := w.metric(`sigdriver_unrecorded_total{why="full"}`); n != "1" {
		t.Errorf("%q unrecorded refusals are counted", n)
	}
}
