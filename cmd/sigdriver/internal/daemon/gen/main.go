// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Command gen makes docs/config.md, packaging/sigdriver.toml and the pages of
// `sigdriver explain KEY` from the comments of daemon.Config.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"log"
	"os"
	"reflect"
	"strings"
)

const head = `# Configuration

<!-- Generated from cmd/sigdriver/internal/daemon by ` + "`make generate`" + `. Do not edit. -->

` + "`sigdriver serve --config FILE`" + ` reads one TOML file. ` + "`sigdriver serve --config FILE --check`" + ` reads it,
tries everything it names, and exits: 0 when the driver would start, 2 with the line and the remedy of all that is wrong
when not. It tries files, groups and ports as the user that it runs as. Root tries them as the user of the unit
` + "`sigdriver.service`" + `, if that starts a driver with this file, or as ` + "`--user`" + `, and says so. Whether the source serves trust, and the
gateway's user reaches the socket, is tried and said too, and keeps no driver from starting.

SIGHUP reads the file again. ` + "`[[peer]]`, `trust.refresh_interval` and `log.level`" + ` take effect at once, everything
else at the next start, and the log says so. A file that does not check changes nothing.

`

func main() {
	out := flag.String("o", "", "file to write")
	sample := flag.String("example", "", "example of a configuration to write")
	pages := flag.String("pages", "", "Go file to write, with what each key is")
	flag.Parse()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		log.Fatal(err)
	}
	structs := map[string]*ast.StructType{}
	for _, d := range file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range gen.Specs {
			if t, ok := s.(*ast.TypeSpec); ok {
				if st, ok := t.Type.(*ast.StructType); ok {
					structs[t.Name.Name] = st
				}
			}
		}
	}
	text := head + "## Top level\n\n" + table(structs, structs["Config"], "")
	if err := os.WriteFile(*out, []byte(text), 0o644); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*sample, []byte(exampleHead+example(structs, structs["Config"], "")), 0o644); err != nil {
		log.Fatal(err)
	}
	code, err := format.Source([]byte(pagesHead + explained(structs, structs["Config"], "") + "}\n"))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*pages, code, 0o644); err != nil {
		log.Fatal(err)
	}
}

// table describes the keys of one table, then the tables below it, whose names
// begin with prefix.
func table(structs map[string]*ast.StructType, st *ast.StructType, prefix string) string {
	var keys, below strings.Builder
	for _, f := range st.Fields.List {
		key := key(f)
		if key == "" {
			continue
		}
		comment := text(f)
		title, kind := "["+prefix+key+"]", f.Type
		if list, ok := kind.(*ast.ArrayType); ok {
			title, kind = "[["+prefix+key+"]]", list.Elt
		}
		name, ok := kind.(*ast.Ident)
		if !ok || structs[name.Name] == nil {
			fmt.Fprintf(&keys, "- `%s`: %s\n", key, comment)
			continue
		}
		fmt.Fprintf(&below, "\n## %s\n\n%s\n\n%s", title, comment, table(structs, structs[name.Name], prefix+key+"."))
	}
	return keys.String() + below.String()
}

const pagesHead = `// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Code generated from the comments of daemon.Config. DO NOT EDIT.

package cli

// configPages say what each key of the configuration is, in the order of docs/config.md.
var configPages = []configPage{
`

// explained is a line of Go for each key.
func explained(structs map[string]*ast.StructType, st *ast.StructType, prefix string) string {
	var own, below strings.Builder
	for _, f := range st.Fields.List {
		name := key(f)
		if name == "" {
			continue
		}
		kind := f.Type
		if list, ok := kind.(*ast.ArrayType); ok {
			kind = list.Elt
		}
		id, ok := kind.(*ast.Ident)
		if !ok || structs[id.Name] == nil {
			fmt.Fprintf(&own, "{%q, %q},\n", prefix+name, text(f))
			continue
		}
		fmt.Fprintf(&below, "{%q, %q},\n%s", prefix+name, text(f), explained(structs, structs[id.Name], prefix+name+"."))
	}
	return own.String() + below.String()
}

func key(f *ast.Field) string {
	if f.Tag == nil {
		return ""
	}
	return reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("toml")
}

// text is a field's comment on one line, without the field's name in front.
func text(f *ast.Field) string {
	words := strings.Fields(f.Doc.Text())
	if len(words) > 2 && words[0] == f.Names[0].Name {
		words = words[2:]
	}
	s := strings.Join(words, " ")
	return strings.ToUpper(s[:1]) + s[1:]
}
