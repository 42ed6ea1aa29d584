// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var updateReasons = flag.Bool("update-reasons", false, "write docs/reasons.md anew")

// TestReasonsPage compares docs/reasons.md with the tables; -update-reasons writes it.
func TestReasonsPage(t *testing.T) {
	path := filepath.Join("..", "docs", "reasons.md")
	want := reasonsPage()
	if *updateReasons {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not current: run `go generate ./verifier`", path)
	}
}

// TestReasonsAreDocumented reads the constants of reason.go, so that a new one
// without a page, or with a number used before, is noticed.
func TestReasonsAreDocumented(t *testing.T) {
	declared := declaredReasons(t)
	if len(declared) < 60 {
		t.Fatalf("found only %d reasons in reason.go", len(declared))
	}
	seen := map[int]string{}
	for name, number := range declared {
		if other, dup := seen[number]; dup {
			t.Errorf("%s and %s share number %d", name, other, number)
		}
		seen[number] = name
		if _, ok := reasonIndex[Reason(number)]; !ok {
			t.Errorf("reason %s = %d has no page in reasondoc.go", name, number)
		}
	}
	for _, d := range reasonDocs {
		name, ok := seen[int(d.Reason)]
		if !ok {
			t.Errorf("page %s is about number %d, which reason.go does not declare", d.Code, d.Reason)
		}
		if squash(strings.TrimPrefix(name, "Reason")) != squash(d.Code) {
			t.Errorf("page %s is about the constant %s", d.Code, name)
		}
	}
}

// TestReasonOrder checks the order of numbers and what the stage rank promises.
func TestReasonOrder(t *testing.T) {
	var all []Reason
	for _, d := range reasonDocs {
		all = append(all, d.Reason)
	}
	for i, r := range all {
		if i > 0 && r <= all[i-1] {
			t.Errorf("%v comes after %v", r, all[i-1])
		}
		if i > 0 && r.Stage() < all[i-1].Stage() {
			t.Errorf("%v has an earlier stage than %v before it", r, all[i-1])
		}
		back, ok := ReasonByName(r.String())
		if !ok || back != r {
			t.Errorf("ReasonByName(%q) = %v, %v", r, back, ok)
		}
	}
	if _, ok := ReasonByName("NO_SUCH_REASON"); ok {
		t.Error("ReasonByName knows a name nobody declared")
	}
	if got := Reason(999).String(); got != "REASON_999" {
		t.Errorf("unknown reason prints as %q", got)
	}
	if Reason(999).Stage() != StageNone {
		t.Error("unknown reason has a stage")
	}
}

// TestPagesAreComplete checks every page of the four lists.
func TestPagesAreComplete(t *testing.T) {
	code := regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)
	seen := map[string]bool{}
	for i, list := range [][]Doc{ReasonDocs(), FaultDocs(), EventDocs(), AuditDocs()} {
		if len(list) == 0 {
			t.Fatalf("list %d is empty", i)
		}
		for _, d := range list {
			switch {
			case !code.MatchString(d.Code):
				t.Errorf("odd code %q", d.Code)
			case seen[d.Code]:
				t.Errorf("%s stands in two lists", d.Code)
			case d.Meaning == "" || d.Fixer == "" || d.Remedy == "":
				t.Errorf("%s: the page is not complete", d.Code)
			case (i == 1) != (d.Status != ""):
				t.Errorf("%s: only call faults have a status", d.Code)
			case i > 0 && d.Reason != 0:
				t.Errorf("%s: only decision reasons have a number", d.Code)
			}
			seen[d.Code] = true
			if found, ok := Explain(d.Code); !ok || found != d {
				t.Errorf("Explain(%s) finds another page", d.Code)
			}
		}
	}
}

// declaredReasons reads name → number of every Reason constant in reason.go.
func declaredReasons(t *testing.T) map[string]int {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]int{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			number, err := strconv.Atoi(spec.Values[i].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatalf("%s has no plain number: %v", name.Name, err)
			}
			declared[name.Name] = number
		}
		return true
	})
	return declared
}

func squash(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }

// reasonsPage renders docs/reasons.md.
func reasonsPage() []byte {
	var b bytes.Buffer
	b.WriteString(`<!-- Generated from verifier/reasondoc.go by "go generate ./verifier". Do not edit. -->

# Reasons

Every refusal, fault and alarm has a code. ` + "`sigdriver explain CODE`" + ` prints the same pages offline.
Codes and numbers are part of the contract: they are added, never renamed, renumbered or used again.

`)
	for _, list := range []struct {
		title, intro string
		docs         []Doc
	}{
		{"Decisions", "The leading reason and the findings of a decision. The answer itself is an OK response, and it is recorded.\nThe stage says how far something got: of several refused attestations, the one that got furthest speaks.", reasonDocs},
		{"Call faults", "A gRPC status with `ErrorInfo.reason`. No decision was made, nothing was recorded, and it never means yes.", faultDocs},
		{"Trust events", "What happened while trust was fetched, checked or loaded. The last good trust stays in use until it is stale.", eventDocs},
		{"Receipt and log findings", "What an auditor or a supervisor may find in receipts and in the decision log.", auditDocs},
	} {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n", list.title, list.intro)
		for _, d := range list.docs {
			writePage(&b, d, list.title == "Decisions")
		}
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

func writePage(b *bytes.Buffer, d Doc, numbered bool) {
	fmt.Fprintf(b, "### %s\n\n", d.Code)
	if numbered {
		fmt.Fprintf(b, "Number %d · stage: %s\n\n", d.Reason, d.Stage)
	}
	if d.Status != "" {
		fmt.Fprintf(b, "Status: %s\n\n", d.Status)
	}
	fmt.Fprintf(b, "%s\n\n**Who fixes it:** %s. %s\n\n", d.Meaning, d.Fixer, d.Remedy)
	if d.Command != "" {
		fmt.Fprintf(b, "    %s\n\n", d.Command)
	}
}
