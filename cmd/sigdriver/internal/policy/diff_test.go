// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"
	"testing"
)

// policyWith is a policy with one rule, of which some text is replaced.
func policyWith(edits ...string) string {
	return strings.NewReplacer(edits...).Replace(`{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy",
"filesystem":{"includeWorkdir":true,"readOnly":["/usr"],"readWrite":["/tmp"]},"landlock":{"compatibility":"hard_requirement"},
"networkMiddlewares":{"guard":{"endpoints":{"include":["a.example"],"exclude":["b.example"]},"middleware":"g","onError":"fail_closed"}},
"networkPolicies":{"web":{"binaries":[{"path":"/bin/a"},{"path":"/bin/b"}],"endpoints":[
{"access":"read-write","allowedIps":["10.0.0.1"],"enforcement":"enforce","host":"a.example","port":443,"ports":[443,444],"protocol":"rest"},
{"denyRules":[{"method":"DELETE"}],"enforcement":"enforce","host":"b.example","mcp":{"strictToolNames":true},"path":"/x","port":80,"protocol":"mcp",
"rules":[{"allow":{"method":"initialize"}},{"allow":{"method":"tools/call"}}]}]},"EXTRA":{}},
"process":{"runAsUser":"sandbox"},"version":1}`)
}

// TestClasses holds what single changes of a policy are classed as, and their
// opposites.
func TestClasses(t *testing.T) {
	for _, c := range []struct {
		what, from, to string
		class, back    Class
	}{
		{"enforcement", `"access":"read-write","allowedIps":["10.0.0.1"],"enforcement":"enforce"`, `"access":"read-write","allowedIps":["10.0.0.1"],"enforcement":"audit"`, Widens, Narrows},
		{"enforcement left out", `["10.0.0.1"],"enforcement":"enforce",`, `["10.0.0.1"],`, Widens, Narrows},
		{"an enforcement nobody knows", `["10.0.0.1"],"enforcement":"enforce"`, `["10.0.0.1"],"enforcement":"strict"`, Changes, Changes},
		{"access up", "read-write", "full", Widens, Narrows},
		{"access down", "read-write", "read-only", Narrows, Widens},
		{"access gone", `"access":"read-write",`, "", Changes, Changes},
		{"inspection gone", `"protocol":"rest"`, `"protocol":"tcp"`, Widens, Changes},
		{"protocol left out", `,"protocol":"rest"`, "", Widens, Changes},
		{"another inspection", `"protocol":"rest"`, `"protocol":"graphql"`, Changes, Changes},
		{"tls skip", `"protocol":"rest"`, `"protocol":"rest","tls":"skip"`, Widens, Changes},
		{"an address more", `["10.0.0.1"]`, `["10.0.0.0/8","10.0.0.1"]`, Widens, Narrows},
		{"no address", `"allowedIps":["10.0.0.1"],`, "", Changes, Changes},
		{"a port more", "[443,444]", "[443,444,445]", Widens, Narrows},
		{"another port", `"port":80`, `"port":81`, Widens, Widens},
		{"a rule more", `{"allow":{"method":"initialize"}},`, `{"allow":{"method":"initialize"}},{"allow":{"method":"x"}},`, Widens, Narrows},
		{"no rules", `"rules":[{"allow":{"method":"initialize"}},{"allow":{"method":"tools/call"}}]`, `"rules":[]`, Widens, Changes},
		{"a denial more", `{"method":"DELETE"}`, `{"method":"DELETE"},{"method":"PUT"}`, Narrows, Widens},
		{"denials gone", `"denyRules":[{"method":"DELETE"}],`, "", Widens, Narrows},
		{"no path", `"path":"/x",`, "", Widens, Changes},
		{"loose tool names", `"strictToolNames":true`, `"strictToolNames":false`, Widens, Narrows},
		{"strict tool names by default", `{"strictToolNames":true}`, "{}", Changes, Changes},
		{"all methods", `"strictToolNames":true`, `"allowAllKnownMcpMethods":true,"strictToolNames":true`, Widens, Narrows},
		{"uninspected credentials", `"access":`, `"allowUninspectedCredentials":true,"access":`, Widens, Narrows},
		{"encoded slash", `"access":`, `"allowEncodedSlash":true,"access":`, Widens, Narrows},
		{"WebSocket credentials", `"access":`, `"websocketCredentialRewrite":true,"access":`, Widens, Changes},
		{"body credentials", `"access":`, `"requestBodyCredentialRewrite":true,"access":`, Widens, Narrows},
		{"a credential binding", `"access":`, `"credentialBinding":{"provider":"p"},"access":`, Widens, Changes}, // without a credential, what is not inspected may pass
		{"signing", `"access":`, `"credentialSigning":"sigv4","access":`, Widens, Changes},
		{"a proposal", `"access":`, `"advisorProposed":true,"access":`, Changes, Widens},
		{"persisted queries", `"access":`, `"persistedQueries":"allow_registered","access":`, Widens, Narrows},
		{"a body limit", `"access":`, `"jsonRpcMaxBodyBytes":1,"access":`, Changes, Changes},
		{"a member nobody knows", `"access":`, `"mystery":1,"access":`, Changes, Changes},
		{"a binary more", `{"path":"/bin/b"}`, `{"path":"/bin/b"},{"path":"/bin/c"}`, Widens, Narrows},
		{"a network rule more", `"EXTRA":{}`, `"EXTRA":{},"more":{"endpoints":[{"host":"c.example","port":443}]}`, Widens, Narrows},
		{"a network rule more to the same place", `"EXTRA":{}`, `"EXTRA":{},"more":{"endpoints":[{"host":"A.example","port":443}]}`, Widens, Changes},
		{"a path to read more", `["/usr"]`, `["/lib","/usr"]`, Widens, Narrows},
		{"the working directory", `"includeWorkdir":true,`, "", Narrows, Widens},
		{"best effort", "hard_requirement", "best_effort", Widens, Narrows},
		{"landlock left out", `"landlock":{"compatibility":"hard_requirement"},`, "", Widens, Narrows},
		{"no filesystem", `"filesystem":{"includeWorkdir":true,"readOnly":["/usr"],"readWrite":["/tmp"]},`, "", Widens, Changes},
		{"root", `"runAsUser":"sandbox"`, `"runAsUser":"root"`, Widens, Changes},
		{"another user", `"runAsUser":"sandbox"`, `"runAsUser":"1500"`, Changes, Changes},
		{"fail open", "fail_closed", "fail_open", Widens, Narrows},
		{"a host without middleware", `"include":["a.example"]`, `"include":[]`, Widens, Changes},
		{"an exclusion more", `["b.example"]`, `["b.example","c.example"]`, Widens, Changes},
		{"no middleware", `"guard":{"endpoints":{"include":["a.example"],"exclude":["b.example"]},"middleware":"g","onError":"fail_closed"}`, "", Widens, Changes},
		{"another version", `"version":1`, `"version":2`, Changes, Changes},
	} {
		was, is := read(t, policyWith()), read(t, policyWith(c.from, c.to))
		if was.root.json() == is.root.json() {
			t.Errorf("%s: the edit changes nothing", c.what)
			continue
		}
		for _, way := range []struct {
			was, is *Document
			want    Class
		}{{was, is, c.class}, {is, was, c.back}} {
			changes, err := Diff(way.was, way.is)
			if err != nil {
				t.Fatal(err)
			}
			if !only(changes, way.want) {
				t.Errorf("%s: %+v, want only %v", c.what, changes, way.want)
			}
		}
	}
}

// TestNotNarrower: what looks like taking away and is not, or not for certain, and
// what is for certain beside it.
func TestNotNarrower(t *testing.T) {
	for _, c := range []struct {
		what string
		from []string // turns the base into the old document
		to   []string // and into the new one
		want Class
	}{
		{"the last path", []string{`"includeWorkdir":true,"readOnly":["/usr"],"readWrite":["/tmp"]`, `"readOnly":["/usr"]`},
			[]string{`"includeWorkdir":true,"readOnly":["/usr"],"readWrite":["/tmp"]`, `"readOnly":[]`}, Widens},
		{"a port that a pattern covers", []string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"*.example","port":444}]}`},
			[]string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"*.example","port":444}]}`, "[443,444]", "[443]"}, Changes},
		{"a binary whose host another rule has", []string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"b.example","port":80}]}`},
			[]string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"b.example","port":80}]}`, `,{"path":"/bin/b"}`, ""}, Changes},
		{"an endpoint beside one without a host", []string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"allowedIps":["10.0.0.1"],"port":80},{"host":"c.example","port":80}]}`},
			[]string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"allowedIps":["10.0.0.1"],"port":80}]}`}, Changes},
		{"an endpoint without a host beside one with", []string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"allowedIps":["10.0.0.1"],"port":80},{"host":"c.example","port":80}]}`},
			[]string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"c.example","port":80}]}`}, Changes},
		{"an endpoint beside one without a port", []string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"c.example"},{"host":"c.example","path":"/c","port":80}]}`},
			[]string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"c.example"}]}`}, Changes},
		{"an enforcement nobody knows to audit", []string{`["10.0.0.1"],"enforcement":"enforce"`, `["10.0.0.1"],"enforcement":"strict"`},
			[]string{`["10.0.0.1"],"enforcement":"enforce"`, `["10.0.0.1"],"enforcement":"audit"`}, Widens},
		{"members twice, in both", []string{`"version":1`, `"version":1,"version":1`}, []string{`"version":1`, `"version":1,"version":2`}, Changes},
		{"a rule that is no message", []string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"c.example","port":1}]}`}, []string{"EXTRA\":{}", `EXTRA":[]`}, Changes},
		{"the order of endpoints", []string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"c.example","port":1},{"host":"d.example","port":1}]}`},
			[]string{"EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"d.example","port":1},{"host":"c.example","port":1}]}`}, Changes},
		{"the last rule that names a tool, where every method is allowed", []string{`"strictToolNames":true`, `"allowAllKnownMcpMethods":true`, `{"allow":{"method":"tools/call"}}`, `{"allow":{"params":{"name":{"glob":"x"}}}}`},
			[]string{`"strictToolNames":true`, `"allowAllKnownMcpMethods":true`, `,{"allow":{"method":"tools/call"}}`, ``}, Widens},
		{"the last rule that names a tool, where methods need rules", []string{`{"allow":{"method":"tools/call"}}`, `{"allow":{"params":{"name":{"glob":"x"}}}}`},
			[]string{`,{"allow":{"method":"tools/call"}}`, ``}, Narrows},
		{"one of two rules that name tools", []string{`"strictToolNames":true`, `"allowAllKnownMcpMethods":true`, `{"allow":{"method":"initialize"}},{"allow":{"method":"tools/call"}}`, `{"allow":{"params":{"name":{"glob":"x"}}}},{"allow":{"params":{"name":{"glob":"y"}}}}`},
			[]string{`"strictToolNames":true`, `"allowAllKnownMcpMethods":true`, `{"allow":{"method":"initialize"}},{"allow":{"method":"tools/call"}}`, `{"allow":{"params":{"name":{"glob":"x"}}}}`}, Narrows},
		{"tcp by name", []string{`,"protocol":"rest"`, ""}, []string{`"protocol":"rest"`, `"protocol":"tcp"`}, Changes},
		{"an element twice", nil, []string{`["/usr"]`, `["/usr","/usr"]`}, Changes},
		{"a member twice", nil, []string{`"version":1`, `"version":1,"version":1`}, Changes},
		{"a member of another type", nil, []string{`"readOnly":["/usr"]`, `"readOnly":"/usr"`}, Changes},
	} {
		was, is := read(t, policyWith(c.from...)), read(t, policyWith(c.to...))
		changes, err := Diff(was, is)
		if err != nil || !only(changes, c.want) {
			t.Errorf("%s: %+v, %v; want only %v", c.what, changes, err, c.want)
		}
	}
}

// TestOrderBesides: another order, or another duplicate, is said also where something
// else changed.
func TestOrderBesides(t *testing.T) {
	was := read(t, policyWith("EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"c.example","port":1},{"host":"d.example","port":1}]}`))
	is := read(t, policyWith("EXTRA\":{}", `EXTRA":{"endpoints":[{"host":"d.example","port":1},{"host":"c.example","port":1},{"host":"e.example","port":1}]}`))
	changes, err := Diff(was, is)
	if err != nil || Tally(changes) != "1 widens, 1 changes" {
		t.Errorf("%+v, %v", changes, err)
	}
	once, twice, other := `"includeWorkdir":true`, `"includeWorkdir":true,"includeWorkdir":false`, `"includeWorkdir":true,"includeWorkdir":1`
	for _, edit := range [][2]string{{once, twice}, {twice, once}, {twice, other}} {
		was, is = read(t, policyWith(once, edit[0])), read(t, policyWith(once, edit[1], `"version":1`, `"version":2`))
		if changes, err = Diff(was, is); err != nil || Tally(changes) != "2 change" {
			t.Errorf("%s to %s: %+v, %v", edit[0], edit[1], changes, err)
		}
	}
	rule, rules, more := `"EXTRA":{}`, `"EXTRA":{},"EXTRA":{"name":"x"}`, `"EXTRA":{},"EXTRA":{"name":"y"}`
	for _, edit := range [][2]string{{rule, rules}, {rules, rule}, {rules, more}} {
		was, is = read(t, policyWith(rule, edit[0])), read(t, policyWith(rule, edit[1], `"path":"/bin/a"`, `"path":"/bin/c"`))
		if changes, err = Diff(was, is); err != nil || Tally(changes) != "1 widens, 1 narrows, 1 changes" {
			t.Errorf("%s to %s: %+v, %v", edit[0], edit[1], changes, err)
		}
	}
	tools := []string{`"strictToolNames":true`, `"allowAllKnownMcpMethods":true`, `"port":80`, `"port":80,"ports":[80,81]`}
	was = read(t, policyWith(append(tools, `{"allow":{"method":"tools/call"}}`, `{"allow":{"params":{"name":{"glob":"x"}}}}`)...))
	tools[3] = `"port":80,"ports":[80]`
	is = read(t, policyWith(append(tools, `,{"allow":{"method":"tools/call"}}`, "")...))
	if changes, err = Diff(was, is); err != nil || Tally(changes) != "1 widens, 1 narrows" {
		t.Errorf("a port and the last rule that names a tool: %+v, %v", changes, err)
	}
	was, is = read(t, policyWith(`"version":1`, `"version":1,"version":1`)), read(t, policyWith(`"version":1`, `"version":1,"version":2`, `["/usr"]`, `["/lib","/usr"]`))
	if changes, err = Diff(was, is); err != nil || Tally(changes) != "1 widens, 1 changes" {
		t.Errorf("the second of two members: %+v, %v", changes, err)
	}
}

// TestProfileClasses: credentials and what feeds them.
func TestProfileClasses(t *testing.T) {
	base := `{"@type":"type.googleapis.com/openshell.v1.ProviderProfile","id":"p","credentials":[
{"name":"a","envVars":["A","B"],"refresh":{"tokenUrl":"https://t","scopes":["x","y"]}},{"name":"b"}]}`
	for _, c := range []struct {
		from, to    string
		class, back Class
	}{
		{`,{"name":"b"}`, "", Narrows, Widens},
		{`["A","B"]`, `["A"]`, Narrows, Widens},
		{`["x","y"]`, `["x"]`, Narrows, Widens},
		{`["x","y"]`, `[]`, Changes, Changes},
		{"https://t", "https://u", Changes, Changes},
		{`{"name":"b"}`, `{"name":"b","tokenGrant":{"tokenEndpoint":"https://t"}}`, Widens, Changes},
	} {
		edited := strings.Replace(base, c.from, c.to, 1)
		if edited == base {
			t.Fatalf("%s is not there", c.from)
		}
		was, is := read(t, base), read(t, edited)
		there, _ := Diff(was, is)
		back, _ := Diff(is, was)
		if !only(there, c.class) || !only(back, c.back) {
			t.Errorf("%s to %s: %+v and back %+v", c.from, c.to, there, back)
		}
	}
}

func TestDiffOfTwoKinds(t *testing.T) {
	if changes, err := Diff(read(t, policyWith()), read(t, `{"@type":"type.googleapis.com/openshell.v1.ProviderProfile"}`)); err == nil {
		t.Error(changes)
	}
}

// TestValues: a change says what was there and what is.
func TestValues(t *testing.T) {
	changes, err := Diff(read(t, policyWith()), read(t, policyWith("read-write", "full", `"version":1`, `"version":2`)))
	if err != nil || len(changes) != 2 || changes[0].Was != `"read-write"` || changes[0].Is != `"full"` || changes[1].Was != "1" || changes[1].Is != "2" {
		t.Errorf("%+v, %v", changes, err)
	}
}

// TestQueriesOfAnotherShape: what is no map of queries is strange, and no reason to stop.
func TestQueriesOfAnotherShape(t *testing.T) {
	for _, shape := range []string{`[{}]`, `"x"`, `{"q":1}`, `[[]]`} {
		d := read(t, policyWith(`"access":`, `"graphqlPersistedQueries":`+shape+`,"access":`))
		if notes := unusual(d); !strings.Contains(notes, "graphqlPersistedQueries") {
			t.Errorf("%s: %s", shape, notes)
		}
	}
	for _, name := range []string{"networkPolicies", "networkMiddlewares"} {
		d := read(t, `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","`+name+`":[{}]}`)
		if notes := unusual(d); !strings.Contains(notes, "/"+name+" is [{}], not of the type") {
			t.Errorf("%s: %s", name, notes)
		}
	}
}

func TestTally(t *testing.T) {
	for want, classes := range map[string][]Class{
		"":                             nil,
		"1 widens":                     {Widens},
		"2 widen, 1 narrows, 3 change": {Changes, Widens, Changes, Narrows, Widens, Changes},
		"1 changes":                    {0},
	} {
		var changes []Change
		for _, c := range classes {
			changes = append(changes, change(c, "", nil, nil, ""))
		}
		if got := Tally(changes); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestManyEndpoints: the largest documents are compared in bounded time, and what
// was not looked at is not said to narrow.
func TestManyEndpoints(t *testing.T) {
	document := func(from int) *Document {
		var b strings.Builder
		for i := from; i < from+9000; i++ {
			fmt.Fprintf(&b, `,{"host":"h%d.example","port":443}`, i)
		}
		return read(t, policyWith("EXTRA\":{}", `EXTRA":{"endpoints":[`+b.String()[1:]+"]}"))
	}
	for to, want := range map[int]string{
		100: "100 widen, 100 narrow",
		200: "200 widen, 116 narrow, 84 change", // after 116 * 9000 looks comes the limit
	} {
		changes, err := Diff(document(0), document(to))
		if err != nil || Tally(changes) != want {
			t.Errorf("%s, %v; want %s", Tally(changes), err, want)
		}
	}
}
