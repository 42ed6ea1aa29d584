// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxEventLine bounds one line of events in bytes.
const maxEventLine = 1 << 20

// EventFault is a line that could not be read.
type EventFault struct {
	Source string
	Line   int
	Text   string // one sentence; foreign text in it is quoted
}

// Events are the loads of one file, and what else stands in it.
type Events struct {
	Loads  []Load
	Faults []EventFault
	Others int // lines that report something else
}

// ParseEvents reads what sandboxes reported: OCSF JSON, one object a line, as
// OpenShell exports it, or CSV. In OCSF a load is a successful Device Config
// State Change (class 5019) with unmapped.policy_hash; its sandbox is
// container.uid. A line that looks like a load and cannot be read is a fault, not
// the end.
//
// CSV begins with a line of column names: time (RFC 3339) and sandbox_id, and
// policy_hash or effective_sha256, or both; gateway_id, sandbox_name,
// receipt_index and receipt_sha256 may be there too. The error is of a file that
// is neither.
func ParseEvents(source string, data []byte) (*Events, error) {
	e := &Events{}
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || trimmed[0] == '{' {
		e.readJSON(source, data)
		return e, nil
	}
	return e, e.readCSV(source, data)
}

func (e *Events) fault(source string, line int, format string, args ...any) {
	e.Faults = append(e.Faults, EventFault{source, line, fmt.Sprintf(format, args...)})
}

// ocsfEvent is what is read of one event. Members that are not named here are
// another reader's.
type ocsfEvent struct {
	Class    uint32 `json:"class_uid"`
	Status   uint8  `json:"status_id"`
	Time     *int64 `json:"time"` // milliseconds
	Metadata struct {
		UID string `json:"uid"`
	} `json:"metadata"`
	Container struct {
		Name string `json:"name"`
		UID  string `json:"uid"`
	} `json:"container"`
	Unmapped struct {
		PolicyHash string         `json:"policy_hash"`
		Effective  string         `json:"effective_sha256"`
		Gateway    string         `json:"gateway_id"`
		Index      jsontext.Value `json:"receipt_index"`
		Entry      string         `json:"receipt_sha256"`
	} `json:"unmapped"`
}

const (
	configStateChange = 5019
	ocsfSuccess       = 1
)

func (e *Events) readJSON(source string, data []byte) {
	line := 0
	for text := range bytes.Lines(data) {
		line++
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		if len(text) > maxEventLine {
			e.fault(source, line, "the line is longer than %d bytes", maxEventLine)
			continue
		}
		var head struct {
			Class uint32 `json:"class_uid"`
		}
		if err := json.Unmarshal(text, &head); err != nil {
			e.fault(source, line, "it is no JSON object with a class_uid")
			continue
		}
		if head.Class != configStateChange {
			e.Others++
			continue
		}
		e.addOCSF(source, line, text)
	}
}

func (e *Events) addOCSF(source string, line int, text []byte) {
	var o ocsfEvent
	if err := json.Unmarshal(text, &o); err != nil {
		e.fault(source, line, "it is a state change of a form that is not known")
		return
	}
	u := o.Unmapped
	if o.Status != ocsfSuccess || u.PolicyHash == "" && u.Effective == "" {
		e.Others++ // a setting, a failure, a candidate that was refused
		return
	}
	l := Load{Source: source, Line: line, Gateway: u.Gateway, Sandbox: o.Container.UID, Name: o.Container.Name, PolicyHash: u.PolicyHash, Effective: u.Effective}
	if l.Sandbox == "" {
		l.Sandbox = o.Metadata.UID
	}
	switch {
	case o.Time == nil || *o.Time <= 0:
		e.fault(source, line, "the event has no time")
		return
	case o.Metadata.UID != "" && o.Metadata.UID != l.Sandbox:
		e.fault(source, line, "the event names two sandboxes, %s and %s", quoteShort(l.Sandbox), quoteShort(o.Metadata.UID))
		return
	}
	l.Time = time.UnixMilli(*o.Time).UTC()
	e.add(l, strings.Trim(string(u.Index), `"`), u.Entry)
}

// add checks what both formats have in common.
func (e *Events) add(l Load, index, entry string) {
	bad := func(format string, args ...any) { e.fault(l.Source, l.Line, format, args...) }
	l.PolicyHash = trimHash(l.PolicyHash)
	l.Effective = trimHash(l.Effective)
	entry = trimHash(entry)
	switch {
	case l.Sandbox == "":
		bad("the event names no sandbox")
		return
	case l.PolicyHash == "" && l.Effective == "":
		bad("the event names no policy")
		return
	case l.Effective != "" && !isSHA256(l.Effective):
		bad("effective_sha256 %s is not 64 lower-case hex digits", quoteShort(l.Effective))
		return
	case entry != "" && !isSHA256(entry):
		bad("receipt_sha256 %s is not 64 lower-case hex digits", quoteShort(entry))
		return
	}
	if index != "" {
		n, err := strconv.ParseUint(index, 10, 63)
		if err != nil {
			bad("receipt_index %s is no number", quoteShort(index))
			return
		}
		l.Receipt = &LoadReceipt{n, entry}
	} else if entry != "" {
		bad("the event has a receipt_sha256 without a receipt_index")
		return
	}
	e.Loads = append(e.Loads, l)
}

func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// csvColumns are the names of a CSV file's first line.
var csvColumns = []string{"time", "gateway_id", "sandbox_id", "sandbox_name", "policy_hash", "effective_sha256", "receipt_index", "receipt_sha256"}

func (e *Events) readCSV(source string, data []byte) error {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil {
		return errors.New("it begins neither with a JSON object nor with a line of column names")
	}
	at := map[string]int{}
	for i, name := range head {
		if _, twice := at[name]; twice || !slices.Contains(csvColumns, name) {
			return fmt.Errorf("the column %s is not known or stands there twice: the columns are %s", quoteShort(name), strings.Join(csvColumns, ", "))
		}
		at[name] = i
	}
	for _, name := range []string{"time", "sandbox_id"} {
		if _, ok := at[name]; !ok {
			return fmt.Errorf("the column %s is missing", name)
		}
	}
	for {
		row, err := r.Read()
		if err == io.EOF {
			return nil
		}
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			e.fault(source, parse.StartLine, "it is no line of CSV")
			continue
		}
		if err != nil {
			return err
		}
		line, _ := r.FieldPos(0)
		if len(row) != len(head) {
			e.fault(source, line, "it has %d columns, the first line %d", len(row), len(head))
			continue
		}
		e.addRow(source, line, func(name string) string {
			if i, ok := at[name]; ok {
				return row[i]
			}
			return ""
		})
	}
}

func (e *Events) addRow(source string, line int, cell func(string) string) {
	t, err := time.Parse(time.RFC3339, cell("time"))
	if err != nil {
		e.fault(source, line, "time %s is not like 2026-01-02T15:04:05Z", quoteShort(cell("time")))
		return
	}
	e.add(Load{Source: source, Line: line, Time: t.UTC(), Gateway: cell("gateway_id"), Sandbox: cell("sandbox_id"), Name: cell("sandbox_name"),
		PolicyHash: cell("policy_hash"), Effective: cell("effective_sha256")}, cell("receipt_index"), cell("receipt_sha256"))
}

// trimHash takes the algorithm's name from the front of a digest: hosts write
// both forms.
func trimHash(s string) string { return strings.TrimPrefix(s, "sha256:") }
