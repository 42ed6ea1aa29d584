// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/verifier"
)

// A command that approves a document names the file that was asked about, as a shell
// reads it back.
func TestCommandNamesTheFile(t *testing.T) {
	for _, file := range []string{"policy.json", "a/b-1.json", "my files/it's $1 `x`.json", "ünïcode.json", "-x.json"} {
		q := &question{files: []string{"other.json", file}}
		m := q.withFile(verifier.NearestMiss{Document: 1, Command: "sigdriver sign --document profile.json --key bob.key"})
		line := strings.Replace(m.Command, "sigdriver", "printf '%s\\n'", 1)
		out, err := exec.Command("sh", "-c", line).Output()
		if err != nil || string(out) != "sign\n--document\n"+file+"\n--key\nbob.key\n" {
			t.Errorf("%q: %s is read as %q, %v", file, m.Command, out, err)
		}
	}
	q := &question{files: []string{"policy.json"}}
	for _, m := range []verifier.NearestMiss{
		{Document: -1, Command: "sigdriver sign --document policy.json --key bob.key"},
		{Document: 0, Command: "sigdriver sign --bundle-id ID --member SANDBOX_POLICY:web:policy.json"},
		{},
	} {
		if got := q.withFile(m); got != m {
			t.Errorf("%+v became %+v", m, got)
		}
	}
}
