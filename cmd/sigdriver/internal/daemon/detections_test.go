// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
)

// A refusal that has an entry is a line for whoever collects findings; an ALLOW and an
// answer that is given again are none. A file that was moved away is left on SIGHUP.
func TestDetections(t *testing.T) {
	w := newWorld(t)
	w.configure("log.detections = \"" + w.path("detections.jsonl") + "\"")
	w.start()
	lines := func(name string) []string {
		t.Helper()
		text, err := os.ReadFile(w.path(name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	w.expect(compose(1), verifier.Allowed)
	bad := compose(2)
	fresh(bad, 0, 2, "alice")
	w.expect(bad, verifier.Threshold)
	w.expect(bad, verifier.Threshold) // from the cache
	got := lines("detections.jsonl")
	if len(got) != 1 {
		t.Fatalf("%q", got)
	}
	var f struct {
		ActivityID  int    `json:"activity_id"`
		CategoryUID int    `json:"category_uid"`
		ClassUID    int    `json:"class_uid"`
		TypeUID     int    `json:"type_uid"`
		SeverityID  int    `json:"severity_id"`
		Time        int64  `json:"time"`
		Message     string `json:"message"`
		Metadata    struct {
			Version string `json:"version"`
			Product struct {
				Name   string `json:"name"`
				Vendor string `json:"vendor_name"`
			} `json:"product"`
		} `json:"metadata"`
		Info struct {
			UID   string `json:"uid"`
			Title string `json:"title"`
		} `json:"finding_info"`
		Resources []struct{ Type, Name, Namespace, UID string } `json:"resources"`
		Unmapped  map[string]string                             `json:"unmapped"`
	}
	if err := json.Unmarshal([]byte(got[0]), &f); err != nil {
		t.Fatal(err)
	}
	// What OCSF requires of the class, and what leads back to the journal.
	if f.ActivityID != 1 || f.CategoryUID != 2 || f.ClassUID != 2004 || f.TypeUID != 100*f.ClassUID+f.ActivityID || f.SeverityID != severityMedium || f.Time == 0 ||
		f.Metadata.Version == "" || f.Metadata.Product.Name == "" || f.Metadata.Product.Vendor == "" || f.Info.UID == "" || f.Info.Title != "policy refused: THRESHOLD" {
		t.Errorf("%s", got[0])
	}
	if len(f.Resources) != 1 || f.Resources[0].Name != "web-1" || f.Resources[0].Namespace != "prod" || f.Unmapped["log_index"] != "2" || f.Unmapped["gateway_id"] != "gw-east" || !strings.HasPrefix(f.Message, "THRESHOLD: the rule ") {
		t.Errorf("%s", got[0])
	}

	if err := os.Rename(w.path("detections.jsonl"), w.path("old.jsonl")); err != nil {
		t.Fatal(err)
	}
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	w.eventually("the file is opened anew", func() bool {
		_, err := os.Stat(w.path("detections.jsonl"))
		return err == nil
	})
	changed := compose(3)
	changed.Request.Documents[0].Attestations = nil
	w.expect(changed, verifier.CompositionPartUnattested)
	w.eventually("the line is in the new file", func() bool { return len(lines("detections.jsonl")[0]) > 0 })
	if got := lines("detections.jsonl"); len(lines("old.jsonl")) != 1 || len(got) != 1 || !strings.Contains(got[0], `"severity_id":4`) {
		t.Errorf("%q", got)
	}
}

// The driver does not start where it could write no line.
func TestDetectionsNeedAPlace(t *testing.T) {
	w := newWorld(t)
	w.configure("log.detections = \"" + w.path("nowhere/detections.jsonl") + "\"")
	if got := looked(t, w, "log.detections"); got.Condition != StatusRefuses {
		t.Errorf("%+v", got)
	}
	err := Run(t.Context(), Options{ConfigFile: w.path("sigdriver.toml"), Log: &w.log})
	var fault *ConfigError
	if !errors.As(err, &fault) || fault.Key != "log.detections" {
		t.Errorf("%v", err)
	}
	w.configure("log.detections = \"detections.jsonl\"")
	if _, err := LoadConfig(w.path("sigdriver.toml")); !errors.As(err, &fault) || fault.Key != "log.detections" {
		t.Errorf("%v", err)
	}
}
