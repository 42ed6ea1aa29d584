// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/interceptor"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/interceptor/wire"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

type tree = verifiertest.Tree
type list = verifiertest.List

// stock is a gateway without the hook.
type stock struct {
	*world
	client wire.GatewayInterceptorClient
}

// newStock starts a driver that is asked through its interceptor, with an index
// that knows who approved what.
func newStock(t *testing.T) *stock {
	w := newWorld(t)
	w.configure(fmt.Sprintf("interceptor = {path = %q, gateway_id = \"gw-east\"}", w.path("run/i")))
	w.approve(0, verifiertest.AdmitPolicy(), verifiertest.Scope{Gateway: "*", Workspace: "prod", Name: "web-*"}, "alice", "bob")
	w.approve(1, verifiertest.AdmitProfile(), verifiertest.Scope{Gateway: "*", Name: "*"}, "dave")
	w.approve(2, globalPolicy(), verifiertest.Scope{Gateway: "*"}, "alice", "bob")
	w.start()
	conn, err := grpc.NewClient("unix:"+w.path("run/i"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &stock{w, wire.NewGatewayInterceptorClient(conn)}
}

// approve puts approvals of a scenario's first document into the
// local folder.
func (w *world) approve(n int, s *verifiertest.Scenario, scope verifiertest.Scope, names ...string) {
	w.t.Helper()
	a := s.Approval(0)
	a.Scope, a.Version = scope, "3"
	a.NotBefore = approvedAt.Add(-time.Hour).UTC().Format(time.RFC3339)
	a.NotAfter = approvedAt.Add(time.Hour).UTC().Format(time.RFC3339)
	s.ApproveAs(0, a, names...)
	if len(s.Request.Documents[0].Attestations) != len(names) {
		w.t.Fatal("not every approval was made")
	}
	for i, a := range s.Request.Documents[0].Attestations {
		w.write(fmt.Sprintf("attestations/%d-%d.json", n, i), a)
	}
}

// globalPolicy is a policy that was approved as nothing but the global one.
func globalPolicy() *verifiertest.Scenario {
	s := verifiertest.ComposeGlobal()
	s.Request.Documents[0].Body = verifiertest.Canonical(edited(verifiertest.Policy(), "landlock", nil))
	return s
}

// ask asks about one write, as the gateway sends it.
func (s *stock) ask(kind, method string, operation tree) (*wire.InterceptorResult, error) {
	s.t.Helper()
	plain, err := json.Marshal(operation)
	if err != nil {
		s.t.Fatal(err)
	}
	var proposed structpb.Struct
	if err := proposed.UnmarshalJSON(plain); err != nil {
		s.t.Fatal(err)
	}
	return s.client.Evaluate(s.t.Context(), &wire.InterceptorEvaluation{
		Service: "openshell.v1.OpenShell", Method: method, Principal: map[string]string{"kind": kind},
		Phase: &wire.InterceptorEvaluation_Validate{Validate: &wire.ValidateEvaluation{ProposedOperation: &proposed}},
	})
}

// sent is a message as a gateway sends it: without @type.
func sent(t tree) tree {
	delete(t, "@type")
	return t
}

func edited(t tree, name string, value any) tree {
	if value == nil {
		delete(t, name)
	} else {
		t[name] = value
	}
	return t
}

func createSandbox() tree {
	return tree{"name": "web-1", "workspace": "prod", "spec": tree{"policy": sent(verifiertest.Policy()), "providers": list{"forge"}}}
}

func updatePolicy() tree {
	return tree{"name": "web-1", "workspace": "prod", "policy": sent(verifiertest.Policy())}
}

func importProfiles(profile tree) tree {
	return tree{"profiles": list{tree{"profile": sent(profile), "source": "forge.yaml"}}}
}

func updateProfile() tree {
	return tree{"id": "forge", "expectedResourceVersion": "4", "profile": tree{"profile": sent(verifiertest.ForgeProfile())}}
}

func widened() tree {
	return edited(updatePolicy(), "policy", edited(sent(verifiertest.Policy()), "networkPolicies", tree{"any": tree{"name": "any"}}))
}

func TestIntercept(t *testing.T) {
	s := newStock(t)
	allowed, refused := 0, 0
	for _, c := range []struct {
		name, kind, method string
		operation          tree
		want               string // the reason; empty for allowed
	}{
		{"create", "user", "CreateSandbox", createSandbox(), ""},
		{"create without a policy", "user", "CreateSandbox", edited(createSandbox(), "spec", tree{}), "DOCUMENT_MISSING"},
		{"create without a name", "user", "CreateSandbox", edited(createSandbox(), "name", nil), "DOCUMENT_MISSING"},
		{"create elsewhere", "user", "CreateSandbox", edited(createSandbox(), "workspace", "staging"), "RULE_MISSING"},
		{"create in the default workspace", "user", "CreateSandbox", edited(createSandbox(), "workspace", nil), "RULE_MISSING"},
		{"create with what nobody knows", "user", "CreateSandbox", edited(createSandbox(), "policyBundle", tree{}), "DOCUMENT_MISSING"},
		{"create with what nobody knows inside", "user", "CreateSandbox", edited(createSandbox(), "spec", edited(tree{"policy": sent(verifiertest.Policy())}, "policyRef", "x")), "DOCUMENT_MISSING"},
		{"create under another name", "user", "CreateSandbox", edited(createSandbox(), "name", "db-1"), "SCOPE_MISMATCH"},
		{"policy", "user", "UpdateConfig", updatePolicy(), ""},
		{"policy by the sandbox itself", "sandbox", "UpdateConfig", updatePolicy(), ""},
		{"policy widened", "user", "UpdateConfig", widened(), "ATTESTATION_MISSING"},
		{"policy widened by the sandbox itself", "sandbox", "UpdateConfig", widened(), "ATTESTATION_MISSING"},
		{"policy and a setting", "user", "UpdateConfig", edited(updatePolicy(), "settingKey", "log_level"), "DOCUMENT_MISSING"},
		{"neither", "user", "UpdateConfig", edited(updatePolicy(), "policy", nil), "DOCUMENT_MISSING"},
		{"merge", "user", "UpdateConfig", edited(edited(updatePolicy(), "policy", nil), "mergeOperations", list{tree{"removeRule": tree{"ruleName": "x"}}}), "DOCUMENT_MISSING"},
		{"global policy", "user", "UpdateConfig", tree{"global": true, "policy": sent(verifiertest.Parse(globalPolicy().Body(0)))}, ""},
		{"global policy that was approved for a sandbox", "user", "UpdateConfig", edited(updatePolicy(), "global", true), "SCOPE_MISMATCH"},
		{"global is no text", "user", "UpdateConfig", edited(updatePolicy(), "global", "true"), "DOCUMENT_MISSING"},
		{"a number that is rounded", "user", "UpdateConfig", edited(updatePolicy(), "policy", edited(sent(verifiertest.Policy()), "version", 1<<53)), "DOCUMENT_NONCANONICAL"},
		{"a reserved name", "user", "UpdateConfig", edited(updatePolicy(), "policy", edited(sent(verifiertest.Policy()), "networkPolicies", tree{"_provider_forge": tree{"name": "x"}})), "DOCUMENT_RESERVED_NAME"},
		{"setting", "user", "UpdateConfig", tree{"settingKey": "log_level", "settingValue": tree{"stringValue": "debug"}}, ""},
		{"setting by a sandbox", "sandbox", "UpdateConfig", tree{"settingKey": "log_level", "settingValue": tree{"stringValue": "debug"}}, "DOCUMENT_MISSING"},
		{"import", "user", "ImportProviderProfiles", importProfiles(verifiertest.ForgeProfile()), ""},
		{"import what the gateway sets itself", "user", "ImportProviderProfiles", importProfiles(edited(verifiertest.ForgeProfile(), "resourceVersion", "7")), ""},
		{"import another", "user", "ImportProviderProfiles", importProfiles(verifiertest.MirrorProfile()), "ATTESTATION_MISSING"},
		{"import into a workspace", "user", "ImportProviderProfiles", edited(importProfiles(verifiertest.ForgeProfile()), "workspace", "prod"), "SCOPE_MISMATCH"},
		{"import nothing", "user", "ImportProviderProfiles", tree{}, "DOCUMENT_MISSING"},
		{"import an item with what nobody knows", "user", "ImportProviderProfiles", tree{"profiles": list{tree{"profile": sent(verifiertest.ForgeProfile()), "layer": tree{}}}}, "DOCUMENT_MISSING"},
		{"import an empty item", "user", "ImportProviderProfiles", tree{"profiles": list{tree{}}}, "DOCUMENT_MISSING"},
		{"import two, one approved", "user", "ImportProviderProfiles", tree{"profiles": list{
			tree{"profile": sent(verifiertest.ForgeProfile())}, tree{"profile": sent(verifiertest.MirrorProfile())}}}, "ATTESTATION_MISSING"},
		{"update profile", "user", "UpdateProviderProfiles", updateProfile(), ""},
		{"update another profile with it", "user", "UpdateProviderProfiles", edited(updateProfile(), "id", "mirror"), "DOCUMENT_MISSING"},
		{"attach", "user", "AttachSandboxProvider", tree{"sandboxName": "web-1", "providerName": "forge"}, ""},
		{"attach to oneself", "sandbox", "AttachSandboxProvider", tree{"sandboxName": "web-1", "providerName": "forge"}, "DOCUMENT_MISSING"},
		{"attach by nobody", "", "AttachSandboxProvider", tree{"sandboxName": "web-1", "providerName": "forge"}, "DOCUMENT_MISSING"},
		{"analysis", "sandbox", "SubmitPolicyAnalysis", tree{"name": "web-1", "summaries": list{tree{}}}, ""},
		{"proposal", "sandbox", "SubmitPolicyAnalysis", tree{"name": "web-1", "proposedChunks": list{tree{"ruleName": "x"}}}, "DOCUMENT_MISSING"},
		{"draft", "user", "ApproveDraftChunk", tree{"name": "web-1", "chunkId": "c"}, "DOCUMENT_MISSING"},
		{"drafts", "user", "ApproveAllDraftChunks", tree{"name": "web-1"}, "DOCUMENT_MISSING"},
		{"edit", "user", "EditDraftChunk", tree{"name": "web-1", "chunkId": "c"}, "DOCUMENT_MISSING"},
		{"undo", "user", "UndoDraftChunk", tree{"name": "web-1", "chunkId": "c"}, "DOCUMENT_MISSING"},
		{"a write that is not bound", "user", "DeleteSandbox", tree{"name": "web-1"}, "DOCUMENT_MISSING"},
		{"a write of later", "user", "SetPolicy", tree{"name": "web-1"}, "DOCUMENT_MISSING"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := s.ask(c.kind, c.method, c.operation)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				allowed++
				if !got.Allowed || got.Reason != "" {
					t.Fatalf("denied: %s", got.Reason)
				}
				return
			}
			refused++
			if got.Allowed || got.StatusCode != "PERMISSION_DENIED" || !strings.HasPrefix(got.Reason, c.want+": ") {
				t.Fatalf("got %v, want %s", got, c.want)
			}
			if strings.Contains(got.Reason, "tickets.corp.example") {
				t.Error("a body is in the reason")
			}
		})
	}
	if n := s.metric(`sigdriver_intercepted_writes_total{allowed="false",method="ApproveDraftChunk"}`); n != "1" {
		t.Errorf("counted %q denials of ApproveDraftChunk", n)
	}
	if allowed == 0 || refused == 0 {
		t.Fatal("nothing was asked")
	}
}

// A gateway's caller, who may be a sandbox, learns the reason and the request. Who would
// have to approve what, and by which command, is in the driver's log under that id.
func TestInterceptNamesNobodyToTheCaller(t *testing.T) {
	s := newStock(t)
	got, err := s.ask("sandbox", "UpdateConfig", widened())
	if err != nil || got.Allowed {
		t.Fatalf("got %v, %v", got, err)
	}
	id := regexp.MustCompile(`interceptor-[A-Z2-7]+`).FindString(got.Reason)
	if id == "" || !strings.HasPrefix(got.Reason, "ATTESTATION_MISSING: ") {
		t.Fatalf("the reason is %q", got.Reason)
	}
	line := ""
	s.eventually("the refusal is in the log", func() bool {
		for l := range strings.Lines(s.log.String()) {
			if strings.Contains(l, id) {
				line = l
			}
		}
		return line != ""
	})
	for _, secret := range []string{"alice", "bob", "sha256:", "sigdriver sign"} {
		if strings.Contains(got.Reason, secret) {
			t.Errorf("the caller is told %q: %s", secret, got.Reason)
		}
		if !strings.Contains(line, secret) {
			t.Errorf("the operator is not told %q: %s", secret, line)
		}
	}
}

// What was decided is in the journal, and the gateway's log can say where.
// TestInterceptOtherTypes: a member of a type that no gateway sends is refused, not
// taken for an absent one.
func TestInterceptOtherTypes(t *testing.T) {
	s := newStock(t)
	setting := tree{"name": "web-1", "workspace": "prod", "settingKey": "log_level"}
	for _, c := range []struct {
		method    string
		operation func() tree
		members   []string
	}{
		{"CreateSandbox", createSandbox, []string{"name", "workspace", "spec"}},
		{"UpdateConfig", updatePolicy, []string{"name", "workspace", "policy", "global", "settingKey", "mergeOperations"}},
		{"UpdateConfig", func() tree { return maps.Clone(setting) }, []string{"settingKey", "policy", "mergeOperations"}},
		{"ImportProviderProfiles", func() tree { return importProfiles(verifiertest.ForgeProfile()) }, []string{"profiles", "workspace"}},
		{"UpdateProviderProfiles", updateProfile, []string{"profile", "id", "workspace"}},
		{"SubmitPolicyAnalysis", func() tree { return tree{"name": "web-1"} }, []string{"proposedChunks"}},
	} {
		if got, err := s.ask("user", c.method, c.operation()); err != nil || !got.Allowed {
			t.Fatalf("%s: %v, %v", c.method, got, err)
		}
		if got, err := s.ask("user", c.method, edited(c.operation(), "policyOfLater", tree{})); err != nil || got.Allowed {
			t.Errorf("%s with a member nobody knows: %v, %v", c.method, got, err)
		}
		for _, member := range c.members {
			for _, value := range []any{7, []int{7}, json.RawMessage("null"), tree{"a": 1}} {
				operation := edited(c.operation(), member, value)
				got, err := s.ask("user", c.method, operation)
				if err != nil || got.Allowed || got.StatusCode != "PERMISSION_DENIED" {
					t.Errorf("%s, %s %v: %v, %v", c.method, member, value, got, err)
				}
			}
		}
	}
}

func TestInterceptedWriteIsRecorded(t *testing.T) {
	s := newStock(t)
	for want, policy := range []tree{updatePolicy(), widened()} {
		got, err := s.ask("user", "UpdateConfig", policy)
		if err != nil || got.LogAnnotations["sigdriver_log_index"] != fmt.Sprint(want+1) || len(got.LogAnnotations["sigdriver_sha256"]) != 64 {
			t.Fatalf("got %v, %v", got, err)
		}
	}
	if n := s.metric("sigdriver_journal_entries"); n != "3" { // the start is entry 0
		t.Errorf("%s entries", n)
	}
}

// Once trust governs settings, one setting is not let through, whether the rule names
// their surface or every one.
func TestInterceptedSettings(t *testing.T) {
	for _, surface := range []string{verifiertest.SettingsSurface, "*"} {
		s := newStock(t)
		setting := tree{"settingKey": "log_level", "settingValue": tree{"stringValue": "debug"}}
		if got, err := s.ask("user", "UpdateConfig", setting); err != nil || !got.Allowed {
			t.Fatalf("got %v, %v", got, err)
		}
		rule := *s.auth.Rules[2]
		rule.Name, rule.Surface = "settings", surface
		s.auth.Rules = append(s.auth.Rules, &rule)
		s.publish()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.eventually("a setting is refused", func() bool {
			got, err := s.ask("user", "UpdateConfig", setting)
			return err == nil && !got.Allowed && strings.HasPrefix(got.Reason, "DOCUMENT_MISSING")
		})
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// What the driver cannot decide is an error, which denies at the gateway.
func TestInterceptFailsClosed(t *testing.T) {
	s := newStock(t)
	s.stop()
	if got, err := s.ask("user", "UpdateConfig", updatePolicy()); err == nil {
		t.Errorf("a stopped driver says %v", got)
	}
}

func TestDescribe(t *testing.T) {
	s := newStock(t)
	m, err := s.client.Describe(t.Context(), &wire.DescribeRequest{})
	if err != nil || m.FailurePolicy != "fail_closed" || m.Name == "" {
		t.Fatalf("got %v, %v", m, err)
	}
	bound := map[string]bool{}
	for _, b := range m.Bindings {
		if b.FailurePolicy != "fail_closed" || len(b.Phases) != 1 || b.Phases[0] != wire.GatewayInterceptorPhase_GATEWAY_INTERCEPTOR_PHASE_VALIDATE || b.Id == "" {
			t.Errorf("binding %v", b)
		}
		bound[b.Selector.Rpc] = true
	}
	for _, r := range interceptor.Routes {
		if bound["openshell.v1.OpenShell/"+r.Method] != r.Bound {
			t.Errorf("%s: bound is %v", r.Method, !r.Bound)
		}
	}
	if len(interceptor.Routes) != 25 {
		t.Errorf("%d routes, a gateway has 25", len(interceptor.Routes))
	}
}

// The coverage table of the documentation is the code's.
func TestCoverageTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "integration.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range interceptor.Routes {
		asked := "–"
		if r.Bound {
			asked = "✓"
		}
		if row := fmt.Sprintf("| %s | %s | %s |\n", r.Method, asked, r.Check); !bytes.Contains(page, []byte(row)) {
			t.Errorf("docs/integration.md lacks the row\n%s", row)
		}
	}
	for _, r := range interceptor.HookOnly {
		if row := fmt.Sprintf("| %s | never | %s |\n", r.Method, r.Check); !bytes.Contains(page, []byte(row)) {
			t.Errorf("docs/integration.md lacks the row\n%s", row)
		}
	}
}

// gateway01 is how a gateway of OpenShell 0.1 introduces itself.
func gateway01() *wire.PeerMetadata {
	return &wire.PeerMetadata{
		ProtocolVersion: &wire.ProtocolVersion{Major: 1, Minor: 3}, ImplementationName: "openshell/gateway", ImplementationVersion: "0.1.5",
		SupportedCapabilities: []string{"openshell.gateway-interceptor.contract", "openshell.something.else"},
		RequiredCapabilities:  []string{"openshell.gateway-interceptor.contract"},
	}
}

// A gateway that introduces itself gets an answer, or cannot start; one that does not
// gets the manifest that it always got.
func TestDescribeNegotiates(t *testing.T) {
	s := newStock(t)
	old, err := s.client.Describe(t.Context(), &wire.DescribeRequest{})
	if err != nil || old.Extension != nil {
		t.Fatalf("a gateway of 0.0 gets %v, %v", old.GetExtension(), err)
	}
	m, err := s.client.Describe(t.Context(), &wire.DescribeRequest{Gateway: gateway01()})
	if err != nil {
		t.Fatal(err)
	}
	e := m.Extension
	if e.GetProtocolVersion().GetMajor() != 1 || e.GetProtocolVersion().GetMinor() != 0 || e.GetImplementationName() == "" ||
		fmt.Sprint(e.GetSupportedCapabilities()) != "[openshell.gateway-interceptor.contract]" || len(m.Bindings) != len(old.Bindings) {
		t.Errorf("the manifest has %v and %d bindings", e, len(m.Bindings))
	}
	for name, change := range map[string]func(g *wire.PeerMetadata){
		"another version": func(g *wire.PeerMetadata) { g.ProtocolVersion.Major = 2 },
		"no version":      func(g *wire.PeerMetadata) { g.ProtocolVersion = nil },
		"nothing offered": func(g *wire.PeerMetadata) { g.SupportedCapabilities = nil },
		"something else wanted": func(g *wire.PeerMetadata) {
			g.RequiredCapabilities = append(g.RequiredCapabilities, "openshell.other.contract")
		},
	} {
		g := gateway01()
		change(g)
		if got, err := s.client.Describe(t.Context(), &wire.DescribeRequest{Gateway: g}); status.Code(err) != codes.FailedPrecondition {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// scopeOf is how a request of 0.1 names a workspace.
func scopeOf(workspace string) tree { return tree{"workspace": workspace} }

// The requests of OpenShell 0.1 are read as strictly as those of 0.0, and no mixture is.
func TestRequestsOf01(t *testing.T) {
	s := newStock(t)
	renamed := func(operation tree, names ...string) tree {
		for i := 0; i < len(names); i += 2 {
			operation[names[i+1]] = operation[names[i]]
			delete(operation, names[i])
		}
		if w, ok := operation["workspace"]; ok {
			operation["workspaceScope"] = scopeOf(w.(string))
			delete(operation, "workspace")
		}
		operation["requestId"] = "r-1"
		return operation
	}
	create := func() tree { return renamed(createSandbox()) }
	update := func() tree { return renamed(updatePolicy(), "name", "sandbox") }
	for name, c := range map[string]struct {
		kind, method string
		operation    tree
		reason       string // of the denial; empty for none
	}{
		"create":        {"user", "CreateSandbox", create(), ""},
		"update":        {"sandbox", "UpdateConfig", update(), ""},
		"import":        {"user", "ImportProviderProfiles", renamed(importProfiles(verifiertest.ForgeProfile())), ""},
		"import to all": {"user", "ImportProviderProfiles", edited(renamed(importProfiles(verifiertest.ForgeProfile())), "workspaceScope", tree{"allWorkspaces": tree{}}), ""},
		"attach":        {"user", "AttachSandboxProvider", tree{"sandbox": "web-1", "provider": "forge", "workspaceScope": scopeOf("prod"), "requestId": "r"}, ""},
		"analysis":      {"sandbox", "SubmitPolicyAnalysis", tree{"name": "web-1", "workspaceScope": scopeOf("prod"), "summaries": list{}}, ""},

		"attach by a sandbox":  {"sandbox", "AttachSandboxProvider", tree{"sandbox": "web-1", "provider": "forge"}, "only a user"},
		"another workspace":    {"user", "CreateSandbox", edited(create(), "workspaceScope", scopeOf("dev")), "not approved here"},
		"another sandbox":      {"user", "UpdateConfig", edited(update(), "sandbox", "db-1"), "not approved here"},
		"all workspaces":       {"user", "CreateSandbox", edited(create(), "workspaceScope", tree{"allWorkspaces": tree{}}), "names all workspaces"},
		"one and all":          {"user", "CreateSandbox", edited(create(), "workspaceScope", tree{"workspace": "prod", "allWorkspaces": tree{}}), "one of the two"},
		"a scope of later":     {"user", "CreateSandbox", edited(create(), "workspaceScope", tree{"workspace": "prod", "label": "x"}), "does not know"},
		"a scope that is text": {"user", "CreateSandbox", edited(create(), "workspaceScope", "prod"), "no message"},
		"a template":           {"user", "CreateSandbox", edited(create(), "workloadTemplate", "base"), "workload template"},
		"only a template":      {"user", "CreateSandbox", tree{"name": "web-1", "workspaceScope": scopeOf("prod"), "workloadTemplate": "base"}, "send the spec with an approved policy"},
		"no policy":            {"user", "CreateSandbox", tree{"name": "web-1", "workspaceScope": scopeOf("prod"), "spec": tree{}}, "no policy"},
		"both workspaces":      {"user", "CreateSandbox", edited(create(), "workspace", "prod"), "send the request of one of them"},
		"both names":           {"user", "UpdateConfig", edited(update(), "name", "web-1"), "send the request of one of them"},
		"both attachments":     {"user", "AttachSandboxProvider", tree{"sandboxName": "web-1", "provider": "forge"}, "send the request of one of them"},
		"something of later":   {"user", "UpdateConfig", edited(update(), "policyTemplate", "x"), "does not know"},
	} {
		got, err := s.ask(c.kind, c.method, c.operation)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got.Allowed != (c.reason == "") || !strings.Contains(got.Reason, c.reason) {
			t.Errorf("%s: %v %s", name, got.Allowed, got.Reason)
		}
	}
}
