// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"log"
	"strings"
)

// values are what the example says. A key with a value of false is commented out.
var values = map[string]struct {
	value string
	set   bool
}{
	"state_dir":                     {`"/var/lib/sigdriver/state"`, true},
	"socket.path":                   {`"/run/sigdriver/driver.sock"`, true},
	"socket.group":                  {`"sigdriver"`, false},
	"peer.uid":                      {`1000`, true},
	"peer.gid":                      {`1000`, false},
	"peer.gateway_ids":              {`["gw-1"]`, true},
	"trust.root":                    {`"/etc/sigdriver/root.json"`, true},
	"trust.source":                  {`"https://trust.example.com/"`, true},
	"trust.refresh_interval":        {`"1m"`, false},
	"attestations.dir":              {`"/var/lib/sigdriver/attestations"`, false},
	"audit.deny_per_minute":         {`30`, false},
	"audit.reserve_mib":             {`64`, false},
	"transparency.key":              {`"/etc/sigdriver/log.key"`, false},
	"transparency.origin":           {`"example.com/sigdriver/gw-1"`, false},
	"transparency.witness_quorum":   {`1`, false},
	"transparency.witness_required": {`false`, false},
	"transparency.witness.key":      {`"witness.example.com+abcd1234+BASE64"`, false},
	"transparency.witness.url":      {`"https://witness.example.com/"`, false},
	"limits.answers_mib":            {`64`, false},
	"limits.memory_mib":             {`224`, false},
	"attest.driver_id":              {`"gw-1-driver"`, false},
	"attest.key":                    {`"/etc/sigdriver/receipts.key"`, false},
	"memory.postgres":               {`"postgres://sigdriver_driver@db.example.com/sigdriver?sslmode=verify-full&sslrootcert=system"`, false},
	"memory.password_file":          {`"/etc/sigdriver/database-password"`, false},
	"memory.driver_id":              {`"gw-1-driver"`, false},
	"admin.listen":                  {`"/var/lib/sigdriver/admin.sock"`, true},
	"interceptor.path":              {`"/run/sigdriver/interceptor.sock"`, false},
	"interceptor.gateway_id":        {`"gw-1"`, false},
	"log.level":                     {`"info"`, false},
	"log.format":                    {`"text"`, false},
	"log.detections":                {`"/var/lib/sigdriver/detections.jsonl"`, false},
}

const exampleHead = `# The configuration of a driver that systemd starts, with every key that there is.
# What is commented out shows its default or an example.
# sigdriver serve --config /etc/sigdriver/sigdriver.toml --check looks at everything.
`

// example writes the tables as a configuration.
func example(structs map[string]*ast.StructType, st *ast.StructType, prefix string) string {
	var keys, below strings.Builder
	for _, f := range st.Fields.List {
		name := key(f)
		if name == "" {
			continue
		}
		title, kind := "["+prefix+name+"]", f.Type
		if list, ok := kind.(*ast.ArrayType); ok {
			title, kind = "[["+prefix+name+"]]", list.Elt
		}
		if id, ok := kind.(*ast.Ident); ok && structs[id.Name] != nil {
			inner := example(structs, structs[id.Name], prefix+name+".")
			if strings.HasPrefix(title, "[[") && !isSet(prefix+name+".") {
				title = "#" + title // an empty one would be one too many
			}
			fmt.Fprintf(&below, "\n%s%s\n%s", wrapped(text(f)), title, inner)
			continue
		}
		v, ok := values[prefix+name]
		if !ok {
			log.Fatalf("the example has no value of %s%s", prefix, name)
		}
		mark := "#"
		if v.set {
			mark = ""
		}
		fmt.Fprintf(&keys, "\n%s%s%s = %s\n", wrapped(text(f)), mark, name, v.value)
	}
	return keys.String() + below.String()
}

// isSet reports whether anything of a table is set.
func isSet(table string) bool {
	for k, v := range values {
		if v.set && strings.HasPrefix(k, table) {
			return true
		}
	}
	return false
}

// wrapped is text as comment lines.
func wrapped(text string) string {
	var out strings.Builder
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 100 {
			out.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return out.String() + line + "\n"
}
