// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tilelog

import (
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
)

// What the tests of package tilelog_test know of the inside. They are outside
// because they have the log audited, by a package that reads checkpoints with
// this one.
const (
	TreeFile      = treeFile
	MaxLag        = maxLag
	WitnessGrace  = witnessGrace
	WitnessAnswer = witnessAnswer
)

func Quiet() { quiet() }

func (l *Log) WitnessErr(now time.Time) error { return l.witness.err(now) }

// NewGate makes the transport that asks witnesses.
func NewGate() http.RoundTripper {
	return &gate{log: &Log{opts: Options{Logger: hclog.NewNullLogger()}}, refused: map[string]string{}}
}
