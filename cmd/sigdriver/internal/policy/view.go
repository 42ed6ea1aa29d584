// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// View is what a document grants, ready to print: foreign text in it is quoted.
type View struct {
	// Surface is the full name of the message; empty if this build does not know it.
	Surface string `json:"surface"`
	// Lines are the lines of OpenShell that the document may be of.
	Lines  []Line  `json:"openshell,omitempty"`
	Grants []Grant `json:"grants"`
	// Unusual is what to look at twice, in document order; unknown members among it.
	Unusual []Note `json:"unusual"`
}

// Grant is one thing that is granted, or a setting that bounds it.
type Grant struct {
	Kind string `json:"kind"` // network, filesystem, process, credential, file, middleware, profile or setting
	Path string `json:"path"` // JSON pointer to what says it; foreign text
	Name string `json:"name"` // the rule, credential or middleware
	Text string `json:"text"`
	// Details are the single requests, scopes and the like.
	Details []string `json:"details,omitempty"`
}

// Note is a remark on one place of a document.
type Note struct {
	Path string `json:"path"` // JSON pointer; foreign text
	Text string `json:"text"`
}

// View says what the document grants.
func (d *Document) View() *View {
	v := &viewer{view: &View{Lines: d.fits, Grants: []Grant{}, Unusual: []Note{}}, line: d.line}
	if d.Known() {
		v.view.Surface = d.Surface
	} else {
		v.note("", "this build does not know the message %s, so nothing can be said about what it grants", word(d.Surface))
	}
	switch d.Surface {
	case policySurface:
		v.policy(d.root)
	case profileSurface:
		v.profile(d.root)
	case settingsSurface:
		v.settings(d.root)
	}
	if d.Known() {
		v.strangers(d.message(), "", d.root)
	}
	return v.view
}

// viewer collects a view.
type viewer struct {
	view *View
	line Line
}

func (v *viewer) grant(kind, at, name, format string, args ...any) *Grant {
	v.view.Grants = append(v.view.Grants, Grant{Kind: kind, Path: at, Name: name, Text: fmt.Sprintf(format, args...)})
	return &v.view.Grants[len(v.view.Grants)-1]
}

func (v *viewer) note(at, format string, args ...any) {
	v.view.Unusual = append(v.view.Unusual, Note{at, fmt.Sprintf(format, args...)})
}

// strangers notes what the tables do not know: members, types and duplicates.
func (v *viewer) strangers(m *message, at string, n *value) {
	if n.kind != jsonObject {
		v.note(at, "is %s where this build knows a message", n.json())
		return
	}
	for i, name := range n.names {
		here := pointer(at, name)
		f := m.byMember(v.line, name)
		switch {
		case n.again(i):
			v.note(here, "is there twice: readers differ in which one counts")
		case f == nil && (name != "@type" || at != ""):
			v.note(here, "is not known to this build: %s", n.items[i].json())
		case f == nil:
		case f.wrong(n.items[i]):
			v.note(here, "is %s, not of the type that this build knows", n.items[i].json())
		default:
			v.strangersIn(f, here, n.items[i])
		}
	}
}

func (v *viewer) strangersIn(f *field, at string, n *value) {
	switch f.kind {
	case messageKind:
		v.strangers(f.of, at, n)
	case messageList, binaryList:
		for i, e := range n.items {
			v.strangers(f.of, pointer(at, strconv.Itoa(i)), e)
		}
	case messageMap, matcherMap, paramMap:
		for i, e := range n.items {
			if n.again(i) {
				v.note(pointer(at, n.names[i]), "is there twice: readers differ in which one counts")
			}
			v.strangers(f.of, pointer(at, n.names[i]), e)
		}
	}
}

func (v *viewer) policy(root *value) {
	if rules := root.get("networkPolicies"); rules != nil && rules.kind == jsonObject {
		for i, rule := range rules.items {
			at := pointer("/networkPolicies", rules.names[i])
			v.rule(at, rules.names[i], rule)
		}
	}
	if len(itemsOf(root.get("networkPolicies"))) == 0 {
		v.grant("network", "/networkPolicies", "", "nothing: no host can be reached, but for what attached providers add")
	}
	v.filesystem(root)
	v.process(root.get("process"))
	if all := root.get("networkMiddlewares"); all != nil && all.kind == jsonObject {
		for i, m := range all.items {
			v.middleware(pointer("/networkMiddlewares", all.names[i]), all.names[i], m)
		}
	}
}

// rule shows who may use a rule, and its endpoints.
func (v *viewer) rule(at, name string, rule *value) {
	v.grant("network", pointer(at, "binaries"), word(name), "for %s", v.binaries(at, rule))
	for i, e := range rule.list("endpoints") {
		v.endpoint(pointer(pointer(at, "endpoints"), strconv.Itoa(i)), name, e)
	}
	if len(rule.list("endpoints")) == 0 {
		v.grant("network", pointer(at, "endpoints"), word(name), "no endpoint")
	}
}

// binaries says which executables a rule is for.
func (v *viewer) binaries(at string, rule *value) string {
	var paths []string
	for i, b := range rule.list("binaries") {
		path := b.text("path")
		paths = append(paths, path)
		here := pointer(pointer(at, "binaries"), strconv.Itoa(i))
		switch {
		case strings.Trim(path, "/*") == "":
			v.note(here, "any binary may use it: the path is %s", word(path))
		case strings.Contains(path, "**"):
			v.note(here, "whatever lies below %s may use it, also what is written there later", word(path))
		}
	}
	if len(paths) == 0 {
		return "no binary (nobody, or everybody where the gateway does not ask for binaries)"
	}
	return words(paths)
}

// systemPaths are folders that a sandbox has no reason to write to.
var systemPaths = []string{"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var"}

func (v *viewer) filesystem(root *value) {
	fs := root.get("filesystem")
	if fs == nil {
		v.note("", "has no filesystem section: the policy itself restricts no path")
	} else {
		v.grant("filesystem", "/filesystem/readOnly", "read-only", "%s", orNone(words(fs.texts("readOnly"))))
		write := words(fs.texts("readWrite"))
		if fs.flag("includeWorkdir") {
			write = strings.TrimPrefix(write+", the working directory", ", ")
		}
		v.grant("filesystem", "/filesystem/readWrite", "read-write", "%s", orNone(write))
	}
	for _, list := range []string{"readOnly", "readWrite"} {
		for i, p := range fs.texts(list) {
			here := "/filesystem/" + list + "/" + strconv.Itoa(i)
			clean := "/" + strings.Trim(p, "/")
			if !strings.HasPrefix(p, "/") || slices.Contains(strings.Split(p, "/"), "..") {
				v.note(here, "%s is no plain absolute path", word(p))
			} else if list == "readWrite" && slices.Contains(systemPaths, clean) {
				v.note(here, "%s can be written to", word(p))
			}
		}
	}
	mode := root.get("landlock").text("compatibility")
	switch mode {
	case "hard_requirement":
		v.grant("filesystem", "/landlock", "landlock", "hard_requirement: no sandbox starts where this cannot be kept up")
	case "", "best_effort":
		v.grant("filesystem", "/landlock", "landlock", "best_effort: a sandbox starts also where paths cannot be restricted")
	default:
		v.note("/landlock/compatibility", "%s is no mode that this build knows", word(mode))
	}
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func (v *viewer) process(p *value) {
	user, group := p.text("runAsUser"), p.text("runAsGroup")
	driver := func(s string) string {
		if s == "" {
			return "chosen by the compute driver"
		}
		return word(s)
	}
	v.grant("process", "/process", "", "user %s, group %s", driver(user), driver(group))
	for _, name := range []string{"runAsUser", "runAsGroup"} {
		if id := p.text(name); id == "0" || id == "root" {
			v.note("/process/"+name, "is root")
		}
	}
}

func (v *viewer) middleware(at, name string, m *value) {
	selector := m.get("endpoints")
	g := v.grant("middleware", at, word(name), "%s sees traffic to %s", word(m.text("middleware")), orNone(words(selector.texts("include"))))
	if exclude := selector.texts("exclude"); len(exclude) > 0 {
		g.Details = append(g.Details, "but not to "+words(exclude))
	}
	if config := m.get("config"); config != nil && len(config.items) > 0 {
		g.Details = append(g.Details, "config "+config.json())
	}
	switch mode := m.text("onError"); mode {
	case "", "fail_closed":
	case "fail_open":
		v.note(at, "traffic passes while the middleware is away: onError is fail_open")
	default:
		v.note(at, "onError is %s, which this build does not know", word(mode))
	}
}

func (v *viewer) settings(root *value) {
	for _, name := range []string{"policySource", "providersV2Enabled", "policyValidationFailureMode", "extensionAuthenticationEnabled"} {
		v.grant("setting", "/"+name, name, "%s", orUnset(root.get(name)))
	}
	if !root.flag("extensionAuthenticationEnabled") {
		v.note("/extensionAuthenticationEnabled", "extensions are not asked who they are")
	}
	if all := root.get("settings"); all != nil && all.kind == jsonObject {
		for i, value := range all.items {
			v.grant("setting", pointer("/settings", all.names[i]), word(all.names[i]), "%s", value.json())
		}
	}
	for _, name := range []string{"volumes", "drivers"} {
		if value := root.get(name); value != nil {
			v.grant("setting", "/"+name, name, "%s", value.json())
		}
	}
	for i, s := range root.list("middlewareServices") {
		at := "/middlewareServices/" + strconv.Itoa(i)
		g := v.grant("middleware", at, word(s.text("name")), "at %s", word(s.text("endpoint")))
		if ca := s.text("caSha256"); ca != "" {
			g.Details = append(g.Details, "its CA is sha256:"+word(ca))
		}
		if s.flag("allowInsecureTransport") || strings.HasPrefix(s.text("endpoint"), "http:") {
			v.note(at, "traffic may reach it unprotected")
		}
	}
}

func orUnset(n *value) string {
	if n == nil {
		return "not set"
	}
	if n.kind == jsonString {
		return word(n.value)
	}
	return n.json()
}
