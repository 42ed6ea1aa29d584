// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/verifier"
)

// fault is one thing that a decision holds against a file, or against the whole.
type fault struct {
	file    string // empty for the whole
	code    string
	text    string
	refuses bool // else it was set aside
}

// faults are the findings of the decision. A refusal has at least one that refuses.
func (r *report) faults() []fault {
	var list []fault
	refused := false
	for _, f := range r.decision.Findings {
		item := fault{code: f.Reason.String(), text: f.Detail, refuses: r.decision.Verdict != verifier.Allow}
		if f.Document >= 0 {
			item.file = r.files[f.Document]
			item.refuses = item.refuses && !r.decision.Documents[f.Document].Passed
			if f.Attestation >= 0 {
				item.text = r.offered[f.Document][f.Attestation] + ": " + f.Detail
			}
		}
		refused = refused || item.refuses
		list = append(list, item)
	}
	if r.decision.Verdict != verifier.Allow && !refused {
		list = append(list, fault{code: r.decision.Reason.String(), text: "refused", refuses: true})
	}
	return list
}

// github writes workflow commands, which become annotations of a run.
func (r *report) github(w io.Writer) {
	for _, f := range r.faults() {
		level := "notice"
		if f.refuses {
			level = "error"
		}
		where := ""
		if f.file != "" {
			where = "file=" + githubProperty(f.file) + ","
		}
		fmt.Fprintf(w, "::%s %stitle=%s::%s\n", level, where, githubProperty(f.code), githubText(f.text))
	}
	if r.decision.Verdict == verifier.Allow {
		fmt.Fprintf(w, "::notice title=ALLOW::%s\n", githubText(strings.Join(r.files, ", ")))
		return
	}
	text := r.decision.NearestMiss.Text
	if c := r.decision.NearestMiss.Command; c != "" {
		text += "\n" + c
	}
	fmt.Fprintf(w, "::error title=%s::%s\n", githubProperty("DENY "+r.decision.Reason.String()), githubText(text))
}

// What would end a workflow command, or begin another one, is escaped as GitHub's own
// toolkit does it.
var (
	githubTextEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubPropertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func githubText(s string) string { return githubTextEscapes.Replace(s) }

func githubProperty(s string) string { return githubPropertyEscapes.Replace(s) }

// The part of JUnit's XML that every reader takes.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// junit writes a test for each document and one for the decision.
func (r *report) junit(w io.Writer) error {
	target := fmt.Sprintf("%s:%s/%s", r.Target.GatewayID, r.Target.Workspace, r.Target.Name)
	suite := junitSuite{Name: "sigdriver verify " + target}
	for i, file := range r.files {
		c := junitCase{Class: r.Documents[i].Role.String(), Name: file}
		for _, f := range r.faults() {
			if f.refuses && f.file == file && c.Failure == nil {
				c.Failure = &junitFailure{Message: f.code, Text: f.text}
			}
		}
		suite.Cases = append(suite.Cases, c)
	}
	whole := junitCase{Class: r.Purpose.String(), Name: target}
	if r.decision.Verdict != verifier.Allow {
		whole.Failure = &junitFailure{Message: "DENY " + r.decision.Reason.String(), Text: strings.TrimSpace(r.decision.NearestMiss.Text + "\n" + r.decision.NearestMiss.Command)}
	}
	suite.Cases = append(suite.Cases, whole)
	for _, c := range suite.Cases {
		suite.Tests++
		if c.Failure != nil {
			suite.Failures++
		}
	}
	text, err := xml.MarshalIndent(suite, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	}
	return err
}

// The part of SARIF 2.1.0 that code scanning reads.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string       `json:"id"`
		Short sarifMessage `json:"shortDescription"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical struct {
			Artifact struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
		} `json:"physicalLocation"`
	}
)

// sarif writes one result for each finding.
func (r *report) sarif(w io.Writer) error {
	run := sarifRun{Results: []sarifResult{}, Tool: sarifTool{sarifDriver{Name: "sigdriver", Version: version.Driver, Rules: []sarifRule{}}}}
	known := map[string]bool{}
	for _, f := range r.faults() {
		result := sarifResult{RuleID: f.code, Level: "note", Message: sarifMessage{f.text}}
		if f.refuses {
			result.Level = "error"
		}
		if f.file != "" {
			var at sarifLocation
			at.Physical.Artifact.URI = (&url.URL{Path: filepath.ToSlash(f.file)}).String()
			result.Locations = []sarifLocation{at}
		}
		run.Results = append(run.Results, result)
		if doc, ok := verifier.Explain(f.code); ok && !known[f.code] {
			known[f.code] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{f.code, sarifMessage{doc.Meaning}})
		}
	}
	return writeJSON(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}
