// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package interceptor

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// released are the requests of a released OpenShell, by its own messages.
type released struct {
	Members    map[string][]string
	Operations map[string]json.RawMessage
}

const (
	policy01 = `{"version":1,"networkPolicies":{"web":{"name":"web","endpoints":[{"host":"api.example.com","port":443,"ports":[443],"protocol":"mcp",` +
		`"enforcement":"NETWORK_ENFORCEMENT_MODE_ENFORCE","mcp":{"versions":["2025-11-25"],"strictToolNames":false},"rules":[{"allow":{"method":"tools/list"}}]}]}}}`
	profile01 = `{"id":"forge","displayName":"Forge","category":"PROVIDER_PROFILE_CATEGORY_OTHER","credentials":[{"name":"a",` +
		`"refresh":{"strategy":"PROVIDER_CREDENTIAL_REFRESH_STRATEGY_STATIC","refreshBefore":"1.500s"}}]}`
)

// readReleased asks the package of a release that `make interop-python` put there.
func readReleased(t *testing.T, release string) *released {
	t.Helper()
	python, err := filepath.Abs(filepath.Join("..", "..", "..", "..", "out", "python", "bin", "python"))
	if path := os.Getenv("SIGDRIVER_PYTHON"); path != "" {
		python = path
	}
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(filepath.Dir(filepath.Dir(python)), "openshell-"+release)
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no package of OpenShell %s beside %s: run `make interop-python`", release, python)
	}
	cmd := exec.Command(python, filepath.Join("testdata", "released.py"), folder)
	cmd.Stdin = bytes.NewReader([]byte(`{"policy":` + policy01 + `,"profile":` + profile01 + `}`))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	r := new(released)
	if err := json.Unmarshal(out, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// The members of requests are those of the released messages, and what these messages
// make of a policy and a profile is the document that was approved.
func TestReleasedRequests(t *testing.T) {
	for _, release := range []string{"0.1.0", "0.1.5"} {
		t.Run(release, func(t *testing.T) {
			r := readReleased(t, release)
			if len(r.Members) != len(requests)+1 {
				t.Errorf("%d requests", len(r.Members))
			}
			for method, names := range r.Members {
				ours := specMembers
				if method != "spec" {
					ours = slices.Concat(requests[method].both, requests[method].later)
				}
				for _, name := range ours {
					if release == "0.1.5" && !slices.Contains(names, name) {
						t.Errorf("%s has no %s", method, name)
					}
				}
				for _, name := range names {
					if !slices.Contains(ours, name) {
						t.Errorf("%s has %s, which is not known here", method, name)
					}
				}
			}
			for method, operation := range r.Operations {
				checkReleased(t, method, operation)
			}
		})
	}
}

func checkReleased(t *testing.T, method string, sent []byte) {
	t.Helper()
	var in structpb.Struct
	if err := in.UnmarshalJSON(sent); err != nil {
		t.Fatal(err)
	}
	o := &operation{method: method, fields: in.GetFields(), user: true, governs: func() bool { return false }}
	if err := routeOf(service, method).read(o); err != nil {
		t.Errorf("%s: %v\n%s", method, err, sent)
		return
	}
	for _, i := range o.items {
		body := policy01
		if i.role == verifier.ProviderProfile {
			body = profile01
		}
		want, _, err := verifier.Canonicalize(i.role, []byte(body))
		if err != nil || verifiertest.SHA256(want) != verifiertest.SHA256(i.body) || i.workspace != "prod" {
			t.Errorf("%s, in %s: %v\ngot  %s\nwant %s", method, i.workspace, err, i.body, want)
		}
	}
	if bare := method == "AttachSandboxProvider" || method == "SubmitPolicyAnalysis"; bare != (len(o.items) == 0) {
		t.Errorf("%s: %d documents", method, len(o.items))
	}
}
