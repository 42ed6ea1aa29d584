// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// eachFile parses the package's own files, without its tests.
func eachFile(t *testing.T, visit func(fset *token.FileSet, f *ast.File)) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset, seen := token.NewFileSet(), 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		visit(fset, f)
	}
	if seen < 10 {
		t.Fatalf("saw only %d files: run in the package's folder", seen)
	}
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// SPEC: R10 one assignment in the code sets ALLOW.
func TestOneAssignmentOfAllow(t *testing.T) {
	var at []string
	eachFile(t, func(fset *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, rhs := range n.Rhs {
					if isIdent(rhs, "Allow") {
						at = append(at, fset.Position(n.Pos()).String())
					}
				}
			case *ast.KeyValueExpr:
				if isIdent(n.Value, "Allow") {
					at = append(at, fset.Position(n.Pos()).String())
				}
			case *ast.CallExpr: // a conversion makes any verdict
				if isIdent(n.Fun, "Verdict") {
					at = append(at, fset.Position(n.Pos()).String())
				}
			}
			return true
		})
	})
	if len(at) != 1 {
		t.Errorf("ALLOW is set at %d places, want one: %v", len(at), at)
	}
}

func TestVerifyFitsAScreen(t *testing.T) {
	found := false
	eachFile(t, func(fset *token.FileSet, f *ast.File) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name != "Verify" || fn.Recv != nil {
				continue
			}
			found = true
			if lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; lines >= 40 {
				t.Errorf("Verify has %d lines, want under 40", lines)
			}
		}
	})
	if !found {
		t.Error("Verify is not there")
	}
}

func TestNothingReadsTheClock(t *testing.T) {
	eachFile(t, func(fset *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if ok && isIdent(s.X, "time") && (s.Sel.Name == "Now" || s.Sel.Name == "Since" || s.Sel.Name == "Until") {
				t.Errorf("%s reads the clock", fset.Position(s.Pos()))
			}
			return true
		})
	})
}
