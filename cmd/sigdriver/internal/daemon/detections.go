// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// detections writes refusals into a file, a line each, as Detection Findings of OCSF
// (schema.ocsf.io, version 1.3.0, class 2004). The journal is the record: what cannot be
// written here is said in the log, and lost. It is safe for concurrent use.
type detections struct {
	path   string
	logger hclog.Logger

	mu      sync.Mutex
	file    *os.File
	failing bool
}

// openDetections opens the file that the configuration names, if any.
func (d *driver) openDetections(context.Context) error {
	if d.conf.Log.Detections == "" {
		return nil
	}
	file := &detections{path: d.conf.Log.Detections, logger: d.logger}
	if err := file.reopen(); err != nil {
		return d.conf.Fault("log.detections", err, "name a file in a folder that the driver's user may write to")
	}
	d.detections = file
	return nil
}

// reopen leaves a file that was moved away.
func (d *detections) reopen() error {
	if d == nil {
		return nil
	}
	file, err := disk.OS{}.OpenOS(d.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.file
	d.file = file
	if old != nil {
		return old.Close()
	}
	return nil
}

// write appends a refusal.
func (d *detections) write(r server.Refusal) {
	line, err := json.Marshal(detection(r))
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		_, err = d.file.Write(append(line, '\n'))
	}
	if err != nil && !d.failing {
		d.logger.Error("refusals are not written to log.detections", "error", err)
	}
	d.failing = err != nil
}

// Severities of OCSF.
const (
	severityMedium = 3
	severityHigh   = 4
)

// detection is a refusal in the words of OCSF. What a row was changed to is more than what
// nobody has approved yet.
func detection(r server.Refusal) map[string]any {
	severity := severityMedium
	if r.Unapproved == verifier.UnapprovedChanged {
		severity = severityHigh
	}
	return map[string]any{
		"activity_id": 1, "category_uid": 2, "class_uid": 2004, "type_uid": 200401, // a finding is created
		"severity_id": severity, "status_id": 1, "time": r.Time.UnixMilli(),
		"message": r.Reason.String() + ": " + r.Finding,
		"metadata": map[string]any{
			"version": "1.3.0", "uid": fmt.Sprint(r.Index),
			"product": map[string]any{"name": "sigdriver", "vendor_name": "sigdriver", "version": version.Driver},
		},
		"finding_info": map[string]any{
			"uid": fmt.Sprintf("%s/%d", hex.EncodeToString(r.RequestSHA256[:]), r.Index), "title": "policy refused: " + r.Reason.String(),
			"desc": r.Finding, "types": []string{r.Reason.String()}, "created_time": r.Time.UnixMilli(),
		},
		"resources": []map[string]any{{"type": "sandbox", "uid": r.Target.SandboxID, "name": r.Target.Name, "namespace": r.Target.Workspace}},
		"unmapped": map[string]any{
			"gateway_id": r.Target.GatewayID, "purpose": r.Purpose.String(), "log_index": fmt.Sprint(r.Index),
			"request_sha256": hex.EncodeToString(r.RequestSHA256[:]),
		},
	}
}
