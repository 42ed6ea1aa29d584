// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package author

import (
	"slices"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
)

func TestDiffShowsEveryMember(t *testing.T) {
	for _, c := range []struct{ name, before, after, want string }{
		{"equal", `{"a":1}`, `{"a":1}`, ``},
		{"scalar", `{"a":1}`, `{"a":2}`, `~ a: 1 → 2`},
		{"type", `{"a":1}`, `{"a":"1"}`, `~ a: 1 → "1"`},
		{"added", `{}`, `{"a":{"b":[1,"x"]}}`, "+ a.b[1]\n+ a.b[x]"},
		{"removed", `{"a":{"b":null}}`, `{"a":{}}`, `- a.b: null`},
		{"whole", `[1]`, `"x"`, `~ contents: [1] → "x"`},
		{"emptied", `{"a":{"b":1}}`, `{"a":[]}`, `~ a: {"b":1} → []`},
		{"empty added", `{}`, `{"a":{}}`, `+ a: {}`},
		{"list", `{"l":["x","y"]}`, `{"l":["y","z"]}`, "- l[x]\n+ l[z]"},
		{"order", `{"l":["x","y"]}`, `{"l":["y","x"]}`, `~ l: another order: x, y → y, x`},
		{"repeated", `{"l":["x"]}`, `{"l":["x","x"]}`, `+ l["x (2)"]: "x"`},
		{"unnamed", `{"l":[{"k":1}]}`, `{"l":[{"k":2},[3]]}`, "+ l[]: [3]\n- l[]: {\"k\":1}\n+ l[]: {\"k\":2}"},
		{"braces", `{}`, `{"l":["{x","[y"],"{z":{"a":1}}`, "+ l[]: \"[y\"\n+ l[]: \"{x\"\n+ \"{z\": {\"a\":1}"},
		{"named", `{"r":[{"name":"a","t":2}]}`, `{"r":[{"name":"a","t":1},{"name":"b"}]}`, "~ r[a].t: 2 → 1\n+ r[b].name: \"b\""},
		{"big number", `{"v":9007199254740992}`, `{"v":9007199254740993}`, `~ v: 9007199254740992 → 9007199254740993`},
		{"odd name", `{}`, `{"a.b: 1\n+ c":1}`, `+ "a.b: 1\n+ c": 1`},
		{"terminal", `{}`, "{\"a\":\"\u202e\\u001b[2J\"}", `+ a: "\u202e\u001b[2J"`},
	} {
		got := strings.Join(compare("", mustDecode(t, c.before), mustDecode(t, c.after)), "\n")
		if got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func mustDecode(t *testing.T, text string) any {
	t.Helper()
	v, ok := decodeAny([]byte(text))
	if !ok {
		t.Fatalf("not JSON: %s", text)
	}
	return v
}

func TestDiffOfAStage(t *testing.T) {
	dir, m := t.TempDir(), newTeam()
	apply(t, dir, m.firstChange(), m.all(), authorNow)
	h := m.keyholders(tuf.RoleRevocation, 1)
	h.Keys = append(h.Keys, tuftest.Key("new holder").Public())
	s, err := NewStage(mustOpen(t, dir), Change{
		Files:      map[string][]byte{"authorities.json": []byte(`{"n":2}`), "drivers.json": []byte("not JSON"), "revocations.json": nil},
		Keyholders: map[string]Keyholders{tuf.RoleRevocation: h},
	}, authorNow)
	if err != nil {
		t.Fatal(err)
	}
	differences, err := s.Diff()
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{}
	for _, d := range differences {
		lines = append(lines, d.File+" "+d.From+" "+d.To)
		for _, l := range d.Lines {
			lines = append(lines, d.File+" "+l)
		}
	}
	newID := tuftest.KeyID(tuftest.Key("new holder"))
	for _, want := range []string{
		"targets.json v1 v2",
		"targets.json ~ version: 1 → 2",
		"targets.json + delegations.roles[revocation].keyids[" + newID + "]",
		"authorities.json ~ n: 1 → 2",
		`drivers.json + contents: "8 bytes that are not JSON"`,
		"revocation.json v1 v2",
		"revocations.json - r: 1",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no line %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}
