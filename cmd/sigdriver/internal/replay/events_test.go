// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// ocsf is an event as OpenShell's supervisor writes it when it has loaded a policy.
const ocsf = `{"class_uid":5019,"class_name":"Device Config State Change","category_uid":5,"category_name":"Discovery","activity_id":1,"activity_name":"Log","type_uid":501901,"type_name":"Device Config State Change: Log","time":1788264000123,"severity_id":1,"severity":"Informational","status_id":1,"status":"Success","message":"Policy reloaded successfully [policy_hash:abc]","metadata":{"version":"1.8.0","product":{"name":"OpenShell Sandbox Supervisor","vendor_name":"OpenShell","version":"0.1.0"},"profiles":["security_control"],"uid":"sb-1"},"container":{"name":"web-1","uid":"sb-1","image":{"name":"img"}},"unmapped":{"policy_hash":"abc","global_version":3},"state_id":2,"state":"loaded"}`

func TestParseOCSF(t *testing.T) {
	e, err := ParseEvents("f", []byte("\n"+ocsf+"\r\n"+`{"class_uid":4001,"time":1}`+"\n"))
	if err != nil || len(e.Faults) != 0 || len(e.Loads) != 1 || e.Others != 1 {
		t.Fatalf("%v %+v", err, e)
	}
	want := Load{Source: "f", Line: 2, Time: time.UnixMilli(1788264000123).UTC(), Sandbox: "sb-1", Name: "web-1", PolicyHash: "abc"}
	if e.Loads[0] != want {
		t.Errorf("%+v", e.Loads[0])
	}
	sum := strings.Repeat("ab", 32)
	with := func(old, new string) string {
		text := strings.Replace(ocsf, old, new, 1)
		if text == ocsf {
			t.Fatalf("%s: nothing was changed", old)
		}
		return text
	}
	e, _ = ParseEvents("f", []byte(with(`"policy_hash":"abc",`, `"policy_hash":"sha256:abc","gateway_id":"gw","effective_sha256":"sha256:`+sum+`","receipt_index":5,"receipt_sha256":"`+sum+`",`)))
	if len(e.Loads) != 1 || e.Loads[0].Gateway != "gw" || e.Loads[0].PolicyHash != "abc" || e.Loads[0].Effective != sum || *e.Loads[0].Receipt != (LoadReceipt{5, sum}) {
		t.Errorf("%+v", e)
	}
	e, _ = ParseEvents("f", []byte(with(`"container":{"name":"web-1","uid":"sb-1","image":{"name":"img"}},`, "")))
	if len(e.Loads) != 1 || e.Loads[0].Sandbox != "sb-1" {
		t.Errorf("without a container: %+v", e)
	}
	for name, text := range map[string]string{
		"failed":    with(`"status_id":1`, `"status_id":2`),
		"candidate": with(`"policy_hash"`, `"candidate_policy_hash"`),
		"a setting": with(`"policy_hash":"abc"`, `"key":"log_level"`),
	} {
		if e, _ := ParseEvents("f", []byte(text)); len(e.Loads)+len(e.Faults) != 0 || e.Others != 1 {
			t.Errorf("%s: %+v", name, e)
		}
	}
	for name, text := range map[string]string{
		"no JSON":        "{class",
		"no class":       `{"class_uid":"x"}`,
		"cut":            ocsf[:len(ocsf)-3],
		"twice":          with(`"policy_hash":"abc"`, `"policy_hash":"abc","policy_hash":"abd"`),
		"a number":       with(`"policy_hash":"abc"`, `"policy_hash":12`),
		"no time":        with(`"time":1788264000123,`, ""),
		"a text as time": with(`"time":1788264000123`, `"time":"now"`),
		"two sandboxes":  with(`"uid":"sb-1"}`, `"uid":"sb-2"}`),
		"no sandbox":     strings.ReplaceAll(ocsf, `"uid":"sb-1"`, `"uid":""`),
		"a bad digest":   with(`"policy_hash":"abc"`, `"effective_sha256":"ABC"`),
		"a bad index":    with(`"policy_hash":"abc"`, `"policy_hash":"abc","receipt_index":"x"`),
		"a bad receipt":  with(`"policy_hash":"abc"`, `"policy_hash":"abc","receipt_index":1,"receipt_sha256":"x"`),
		"no index":       with(`"policy_hash":"abc"`, `"policy_hash":"abc","receipt_sha256":"`+sum+`"`),
		"too long":       with(`"web-1"`, `"`+strings.Repeat("x", maxEventLine)+`"`),
	} {
		e, err := ParseEvents("f", []byte(ocsf+"\n"+text+"\n"+ocsf))
		if err != nil || len(e.Faults) != 1 || e.Faults[0].Line != 2 || len(e.Loads) != 2 {
			t.Errorf("%s: %v, %d loads, %+v", name, err, len(e.Loads), e.Faults)
		}
	}
}

func TestParseCSV(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	e, err := ParseEvents("f", []byte("time,sandbox_id,policy_hash,gateway_id,receipt_index,receipt_sha256\n"+
		"2026-09-01T12:00:00Z,sb-1,sha256:abc,gw,7,"+sum+"\n"+
		"2026-09-01T14:00:00+02:00,\"sb,2\",abd,,,\n"))
	if err != nil || len(e.Faults) != 0 || len(e.Loads) != 2 {
		t.Fatalf("%v %+v", err, e)
	}
	if l := e.Loads[0]; l.Line != 2 || !l.Time.Equal(noon) || l.PolicyHash != "abc" || l.Gateway != "gw" || *l.Receipt != (LoadReceipt{7, sum}) {
		t.Errorf("%+v", l)
	}
	if l := e.Loads[1]; l.Line != 3 || !l.Time.Equal(noon) || l.Sandbox != "sb,2" || l.Receipt != nil {
		t.Errorf("%+v", l)
	}
	for name, row := range map[string]string{
		"time":       "yesterday,s,h",
		"no sandbox": "2026-09-01T12:00:00Z,,h",
		"no policy":  "2026-09-01T12:00:00Z,s,",
		"too few":    "2026-09-01T12:00:00Z,s",
		"too many":   "2026-09-01T12:00:00Z,s,h,x",
		"quotes":     `2026-09-01T12:00:00Z,a"b,h`,
	} {
		e, err := ParseEvents("f", []byte("time,sandbox_id,policy_hash\n"+row+"\n2026-09-01T12:00:00Z,s,h\n"))
		if err != nil || len(e.Faults) != 1 || e.Faults[0].Line != 2 || len(e.Loads) != 1 {
			t.Errorf("%s: %v %+v", name, err, e)
		}
	}
	for name, text := range map[string]string{
		"unknown column": "time,sandbox_id,policy\n",
		"twice":          "time,time,sandbox_id\n",
		"no time":        "sandbox_id,policy_hash\n",
		"no sandbox":     "time,policy_hash\n",
		"prose":          "the quick brown fox\n",
		"a list":         "[1,2]\n",
		"binary":         "\x00\x01\"",
	} {
		if e, err := ParseEvents("f", []byte(text)); err == nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func FuzzParseEvents(f *testing.F) {
	f.Add([]byte(ocsf))
	f.Add([]byte("time,sandbox_id,policy_hash\n2026-09-01T12:00:00Z,s,h\n"))
	f.Add([]byte("time,sandbox_id,effective_sha256,receipt_index\n2026-09-01T12:00:00Z,s," + strings.Repeat("ab", 32) + ",1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseEvents("f", data)
		if err != nil {
			return
		}
		for _, l := range e.Loads {
			if l.Sandbox == "" || l.PolicyHash == "" && l.Effective == "" || l.Line < 1 || l.Effective != "" && !isSHA256(l.Effective) {
				t.Errorf("%+v", l)
			}
		}
		for _, x := range Reconcile([]*DecisionLog{{}}, nil, e.Loads, reconcileOptions).Results {
			if x.Kind == Matched {
				t.Errorf("an empty log accounts for %+v", x.Load)
			}
		}
		for _, fault := range e.Faults {
			if fault.Line < 1 || fmt.Sprintf("%q", fault.Text) == `""` {
				t.Errorf("%+v", fault)
			}
		}
	})
}
