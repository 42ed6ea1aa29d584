// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// secondRoute comes to a document another way: protobuf's own ProtoJSON reads it
// into a message, the message goes over the wire and back, and is written again.
func secondRoute(t testing.TB, descriptor protoreflect.MessageDescriptor, document []byte) []byte {
	t.Helper()
	typeMember := fmt.Sprintf(`"@type":"type.googleapis.com/%s"`, descriptor.FullName())
	body := strings.Replace(string(document), typeMember, "", 1)
	if len(body) == len(document) {
		t.Fatalf("no %s in %s", typeMember, document)
	}
	body = strings.Replace(body, "{,", "{", 1)
	message, again := dynamicpb.NewMessage(descriptor), dynamicpb.NewMessage(descriptor)
	if err := protojson.Unmarshal([]byte(body), message); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	wire, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(wire, again); err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	out := jsontext.Value(strings.Replace(string(text), "{", "{"+typeMember+",", 1))
	if strings.TrimSpace(string(text)) == "{}" {
		out = jsontext.Value("{" + typeMember + "}")
	}
	if err := out.Canonicalize(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Every vector has the same document by the second route.
func TestSecondRoute(t *testing.T) {
	known, ran := map[Line]map[Type]protoreflect.MessageDescriptor{}, 0
	for _, l := range Lines {
		known[l] = descriptors(t, l)
	}
	for _, v := range vectors(t) {
		descriptor := known[lineOf(t, v)][typeOf(t, v)]
		if v.Refused || descriptor == nil {
			continue
		}
		ran++
		if got := secondRoute(t, descriptor, v.Document); string(got) != string(v.Document) {
			t.Errorf("%s\n1st %s\n2nd %s", v.Name, v.Document, got)
		}
	}
	if ran < 30 {
		t.Errorf("only %d vectors", ran)
	}
}

// The members of the schema are those of the messages of a line, no more and no less.
func TestMembersOfMessages(t *testing.T) {
	for _, l := range Lines {
		checkMembers(t, l)
	}
}

func checkMembers(t *testing.T, l Line) {
	unwritten := map[Type]map[string]string{ // what no author can write, and why
		SandboxPolicy: {"advisorProposed": "by the policy advisor", "providerCredentialed": "by the gateway", "tokenGrantOwner": "by the gateway"},
		ProviderProfile: {"advisorProposed": "by the policy advisor", "providerCredentialed": "by the gateway", "tokenGrantOwner": "by the gateway",
			"stablePlaceholder": "of 0.1.4, whose reader was not seen",
			"credentialBinding": "of one sandbox", "provider": "of a credentialBinding"},
	}
	for typ, root := range descriptors(t, l) {
		want, got := map[string]bool{}, map[string]bool{}
		membersOf(root, map[protoreflect.FullName]bool{}, want)
		types[typ].schema.each(l, func(m *message) {
			for _, f := range m.fields {
				if !f.internal && f.in(l) {
					got[f.member], got[f.writes] = true, true
				}
			}
		})
		delete(got, "")
		for name := range want {
			if got[name] == (unwritten[typ][name] != "") {
				t.Errorf("%s, %s: %s is written: %t", l, typ, name, got[name])
			}
			delete(got, name)
		}
		if len(got) > 0 || len(want) < 40 {
			t.Errorf("%s, %s: %v are no members, of %d", l, typ, got, len(want))
		}
	}
}

func membersOf(m protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool, names map[string]bool) {
	if seen[m.FullName()] || m.FullName().Parent() == "google.protobuf" {
		return
	}
	seen[m.FullName()] = true
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if !m.IsMapEntry() {
			names[f.JSONName()] = true
		}
		if f.Message() != nil {
			membersOf(f.Message(), seen, names)
		}
	}
}

// outside returns OpenShell's own files by type, when they are here.
func outside(t testing.TB) map[Type][]string {
	t.Helper()
	return map[Type][]string{
		SandboxPolicy:   outsideFiles(t, "openshell", "policies", "*.yaml"),
		ProviderProfile: outsideFiles(t, "openshell", "providers", "*.yaml"),
	}
}

// outsideFiles returns inputs that nobody here wrote, or skips.
func outsideFiles(t testing.TB, pattern ...string) []string {
	t.Helper()
	base := os.Getenv("SIGDRIVER_DATA")
	if base == "" {
		base = filepath.Join("..", "..", "..", "..", "..", "shared", "data")
	}
	paths, err := filepath.Glob(filepath.Join(append([]string{base}, pattern...)...))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skipf("no outside data at %s: set SIGDRIVER_DATA", base)
	}
	return paths
}

// TestFreeFormOutside puts the samples of RFC 8785 and all of JSONTestSuite where
// any JSON may stand. What is no JSON is no YAML that we take either, unless YAML
// says plainly what it is.
func TestFreeFormOutside(t *testing.T) {
	settings := func(json []byte) []byte {
		return append(append([]byte(`{"policySource": "sandbox", "volumes": `), json...), '}')
	}
	for _, path := range outsideFiles(t, "json", "jcs", "input", "*.json") {
		want := readFile(t, filepath.Join(filepath.Dir(path), "..", "output", filepath.Base(path)))
		got, err := Canonicalize(Settings, Line00, settings(readFile(t, path)))
		if err != nil || !strings.HasSuffix(string(got.Document), `"policySource":"SANDBOX_POLICY","volumes":`+strings.TrimSpace(string(want))+"}") {
			t.Errorf("%s: %v", path, err)
		}
	}
	counts := map[byte]int{}
	for _, path := range outsideFiles(t, "json", "test_parsing", "*.json") {
		kind := filepath.Base(path)[0]
		counts[kind]++
		got, err := Canonicalize(Settings, Line00, settings(readFile(t, path)))
		switch {
		case kind == 'n' && err == nil:
			t.Errorf("%s: %s", path, got.Document)
		case kind == 'y' && err != nil && !expected[filepath.Base(path)]:
			t.Errorf("%s: %v", path, err)
		}
	}
	if counts['y'] == 0 || counts['n'] == 0 {
		t.Errorf("%v", counts)
	}
}

// expected are valid JSON that has no document.
var expected = map[string]bool{"y_object_duplicated_key.json": true, "y_object_duplicated_key_and_value.json": true}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestOpenShellFiles reads OpenShell's samples and built-in profiles. The digests
// beside them are of what OpenShell itself makes of the files.
func TestOpenShellFiles(t *testing.T) {
	known, digests, seen := descriptors(t, Line00), hostDigests(t), 0
	for typ, paths := range outside(t) {
		for _, path := range paths {
			input, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Canonicalize(typ, Line00, input)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if second := secondRoute(t, known[typ], got.Document); string(second) != string(got.Document) {
				t.Errorf("%s\n1st %s\n2nd %s", path, got.Document, second)
			}
			digest := fmt.Sprintf("%x", sha256.Sum256(got.Document))
			if name := filepath.Base(path); digests[name] != digest {
				t.Errorf("%s: %s, by the host %q", name, digest, digests[name])
			}
			seen++
		}
	}
	if seen != len(digests) {
		t.Errorf("%d files and %d digests", seen, len(digests))
	}
}

// hostDigests reads testdata/openshell-2f7fb65.sha256.
func hostDigests(t testing.TB) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "openshell-2f7fb65.sha256"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	digests := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 {
			digests[fields[1]] = fields[0]
		}
	}
	if len(digests) < 20 {
		t.Fatalf("only %d digests", len(digests))
	}
	return digests
}
