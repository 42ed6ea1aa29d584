// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/demo"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// A state folder of a release is made with that release's binary:
//
//	go test ./cmd/sigdriver -run '^TestMakeState$' -state-binary FILE -state-dump FILE -state-out DIR
var (
	stateBinary = flag.String("state-binary", "", "the driver that makes a state folder")
	stateDump   = flag.String("state-dump", "", "a program that prints the floors of a state folder as JSON")
	stateOut    = flag.String("state-out", "", "where its archive and expectations go")
)

// TestMakeState plays a driver's life and writes down what it left.
func TestMakeState(t *testing.T) {
	if *stateBinary == "" || *stateDump == "" || *stateOut == "" {
		t.Skip("it makes testdata/state-0.1.0, on demand")
	}
	life := newStateLife(t, stateMain)
	life.play()
	life.copy(life.lab.Path("state"), filepath.Join(life.out, "state"))
	life.questions()

	killed := newStateLife(t, "fixture.example/killed")
	killed.playKilled()
	killed.copy(killed.lab.Path("state"), filepath.Join(killed.out, "killed"))
	killed.questions()

	expect := stateExpectations{
		Commit: life.revision(), Main: life.expected("state"), Killed: killed.expected("killed"),
		Vectors: vectorsDigest(t, filepath.Join("..", "..", "testdata", "vectors")),
	}
	data, err := json.MarshalIndent(expect, "", " ")
	stateMust(t, err)
	stateMust(t, os.WriteFile(filepath.Join(*stateOut, "expected.json"), append(data, '\n'), 0o644))
	for name, l := range map[string]*stateLife{"main": life, "killed": killed} {
		packed, err := packFolder(l.out)
		stateMust(t, err)
		stateMust(t, os.WriteFile(filepath.Join(*stateOut, name+".tar.gz"), packed, 0o644))
	}
}

func stateMust(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stateLife is one driver, its trust and its gateways.
type stateLife struct {
	t       *testing.T
	lab     *demo.Lab
	out     string // what is packed
	config  string
	socket  string
	origin  string
	driver  *demo.Driver
	gateway *demo.Gateway
	watch   signingv1.PolicySigningDriver_WatchTrustClient
	epoch   uint64

	auth     *verifiertest.Authorities
	boxes    []stateBox
	profiles map[string]int // the version of each that is attached
	receipts []stateReceipt
}

// stateBox is a sandbox.
type stateBox struct {
	gateway, workspace, id, name string
	providers                    []string // ids of profiles
}

const (
	stateValidity = "23376d" // 64 years
	stateUntil    = "2090-01-01T00:00:00Z"
	stateDriver   = "gw-1-driver"
	stateMain     = "fixture.example/main" // the origin of the larger folder's log
)

func newStateLife(t *testing.T, origin string) *stateLife {
	binary, err := filepath.Abs(*stateBinary)
	stateMust(t, err)
	world, err := demo.NewLab(binary)
	stateMust(t, err)
	l := &stateLife{t: t, lab: world, origin: origin, profiles: map[string]int{}}
	t.Cleanup(func() {
		if l.driver != nil {
			syscall.Kill(l.driver.PID(), syscall.SIGKILL)
		}
		if t.Failed() {
			t.Logf("the world is kept in %s", world.Dir)
			return
		}
		world.Close()
	})
	l.out = world.Path("out")
	for i := range 10 {
		l.boxes = append(l.boxes, stateBox{"gw-1", "prod", fmt.Sprintf("sb-%d", i), fmt.Sprintf("web-%d", i), [][]string{{"forge", "mirror"}, {"forge"}, {}}[i%3]})
	}
	for i := range 5 {
		l.boxes = append(l.boxes,
			stateBox{"gw-2", "prod", fmt.Sprintf("sb-%d", i), fmt.Sprintf("web-%d", i), []string{"forge", "bridge"}},
			stateBox{"gw-2", "staging", fmt.Sprintf("st-%d", i), fmt.Sprintf("try-%d", i), []string{"mirror", "own"}},
			stateBox{"gw-1", "stacks", fmt.Sprintf("sk-%d", i), fmt.Sprintf("stack-%d", i), []string{"bridge", "own"}},
			stateBox{"gw-1", "ops", fmt.Sprintf("op-%d", i), fmt.Sprintf("ops-%d", i), []string{"mirror"}})
	}
	for _, p := range []string{"forge", "mirror", "bridge", "own"} {
		l.profiles[p] = 1
	}
	l.found()
	return l
}

// found makes the first trust and the driver's configuration.
func (l *stateLife) found() {
	l.auth = verifiertest.BaseAuthorities()
	approval := func(authority string) []verifiertest.Requirement {
		return []verifiertest.Requirement{{Authority: authority, PredicateType: verifiertest.ApprovalType}}
	}
	l.auth.Authorities["one"] = &verifiertest.Authority{Principals: []string{"alice", "carol"}, Threshold: 1}
	l.auth.MaxStale = "24h"
	l.auth.Rules = []*verifiertest.Rule{
		{Name: "sandboxes", Surface: verifiertest.PolicySurface, Workspace: "prod", Mode: "enforce", Require: approval("security")},
		{Name: "operators", Surface: verifiertest.PolicySurface, Workspace: "ops", Mode: "enforce", Require: approval("security")},
		{Name: "trials", Surface: verifiertest.PolicySurface, Workspace: "staging", Mode: "enforce", Require: approval("one")},
		{Name: "trials later", Surface: verifiertest.PolicySurface, Workspace: "staging", Mode: "shadow", Require: approval("security")},
		{Name: "settings of operators", Surface: verifiertest.SettingsSurface, Workspace: "ops", Mode: "enforce", Require: approval("platform")},
		{Name: "stacks", Surface: "*", Roles: []string{"SANDBOX_POLICY", "PROVIDER_PROFILE"}, Workspace: "stacks", Mode: "enforce",
			Require: []verifiertest.Requirement{{Authority: "security", PredicateType: verifiertest.SetType}}},
	}
	for _, workspace := range []string{"prod", "staging", "ops"} {
		l.auth.Rules = append(l.auth.Rules, &verifiertest.Rule{Name: "profiles of " + workspace, Surface: verifiertest.ProfileSurface, Workspace: workspace,
			Mode: "enforce", Require: approval("platform")})
	}
	receipts, log := stateKey("receipts"), stateKey("log")
	plan := ""
	for _, role := range []string{"root", "targets", "snapshot", "timestamp", "revocation", "attestations"} {
		plan += fmt.Sprintf("[roles.%s]\nthreshold = 1\ngenerate = 1\nvalidity = %q\n", role, stateValidity)
	}
	for name, data := range map[string][]byte{
		"plan.toml": []byte(plan), "authorities.json": l.auth.JSON(), "revocations.json": verifiertest.Revocations(),
		"drivers.json":     verifiertest.Drivers(map[string][]verifiertest.DriverKey{stateDriver: {{PEM: receipts.PEM()}}}),
		"out/receipts.key": receipts.PrivatePEM(), "out/receipts.pub": []byte(receipts.PEM()), "out/log.key": log.PrivatePEM(),
	} {
		_, err := l.lab.Write(name, data)
		stateMust(l.t, err)
	}
	l.run("trust", "init", "--dir", "out/trust", "--plan", "plan.toml", "--authorities", "authorities.json", "--drivers", "drivers.json", "--revocations", "revocations.json")
	stateMust(l.t, os.MkdirAll(l.lab.Path("attestations"), 0o700))
	l.config, l.socket = l.configure("sigdriver.toml", "state")
}

// stateKey is a key of the driver's own.
func stateKey(name string) *verifiertest.Key {
	return verifiertest.NewKey("state-0.1.0 "+name, verifier.Ed25519)
}

// configure writes a configuration for a driver on a state folder.
func (l *stateLife) configure(name, state string) (config, socket string) {
	socket = l.lab.Path("run", "s")
	config, err := l.lab.Write(name, fmt.Appendf(nil, `state_dir = %q
socket.path = %q
peer = [{uid = %d, gateway_ids = ["gw-1", "gw-2"]}]
trust = {root = %q, source = %q, refresh_interval = "1s"}
attestations.dir = %q
audit.deny_per_minute = 25
transparency = {key = %q, origin = %q}
attest = {driver_id = %q, key = %q}
`, l.lab.Path(state), socket, os.Getuid(), l.lab.Path("out", "trust", "published", "metadata", "1.root.json"), l.lab.Path("out", "trust", "published"),
		l.lab.Path("attestations"), l.lab.Path("out", "log.key"), l.origin, stateDriver, l.lab.Path("out", "receipts.key")))
	stateMust(l.t, err)
	return config, socket
}

func (l *stateLife) run(args ...string) string {
	l.t.Helper()
	out, err := l.lab.Run(l.t.Context(), args...)
	stateMust(l.t, err)
	return out
}

// start starts the driver; end stops it, and crash kills it.
func (l *stateLife) start() {
	l.t.Helper()
	os.Remove(l.socket) // of a driver that was killed
	var err error
	l.driver, err = l.lab.Start(l.t.Context(), l.config, l.socket)
	stateMust(l.t, err)
	l.gateway, err = demo.Dial(l.socket)
	stateMust(l.t, err)
	l.watch, err = l.gateway.WatchTrust(l.t.Context(), &signingv1.WatchTrustRequest{}, grpc.WaitForReady(true))
	stateMust(l.t, err)
	l.epoch = 0
	l.await(1)
}

func (l *stateLife) await(epoch uint64) {
	l.t.Helper()
	for l.epoch < epoch {
		state, err := l.watch.Recv()
		stateMust(l.t, err)
		l.epoch = state.GetEpoch()
	}
}

func (l *stateLife) end() {
	l.t.Helper()
	l.gateway.Close()
	stateMust(l.t, l.driver.Stop())
	l.driver = nil
}

func (l *stateLife) crash() {
	l.t.Helper()
	l.gateway.Close()
	stateMust(l.t, syscall.Kill(l.driver.PID(), syscall.SIGKILL))
	l.driver.Stop() // waits; it says that the process was killed
	l.driver = nil
}

// publish changes trust while the driver runs.
func (l *stateLife) publish(args ...string) {
	l.t.Helper()
	_, err := l.lab.Write("authorities.json", l.auth.JSON())
	stateMust(l.t, err)
	l.run(args...)
	l.await(l.epoch + 1)
}

func (l *stateLife) publishRules() {
	l.t.Helper()
	l.publish("trust", "publish", "--dir", "out/trust", "--authorities", "authorities.json")
}

func (l *stateLife) rotateRoot() {
	l.t.Helper()
	l.run("trust", "rotate-root", "--dir", "out/trust", "--generate", "1")
	l.run("trust", "sign", "--yes", "--dir", "out/trust")
	l.publish("trust", "publish", "--dir", "out/trust")
}

// document adds a document to a request, approved by people as a version.
func stateDocument(req *signingv1.VerifyRequest, role verifier.Role, provider string, tree verifiertest.Tree, version int, names ...string) *signingv1.Document {
	d := &signingv1.Document{Role: signingv1.Role(role), Provider: provider, Body: verifiertest.Canonical(tree)}
	a := verifiertest.ApprovalFor(role)
	a.Version, a.NotAfter = strconv.Itoa(version), stateUntil
	if role == verifier.SandboxPolicy || role == verifier.Settings {
		a.Scope.Workspace, a.Scope.Name = req.Target.Workspace, req.Target.Name
	}
	for _, name := range names {
		key := verifiertest.Person(name)
		envelope := a.Of(d.Body).Seal(key)
		switch name {
		case "alice":
			d.Attestations = append(d.Attestations, envelope.Bundle("0.3", key).JSON())
		default:
			d.Attestations = append(d.Attestations, envelope.JSON())
		}
	}
	req.Documents = append(req.Documents, d)
	return d
}

func (b stateBox) policy(version int, variant string) verifiertest.Tree {
	tree := verifiertest.Policy()
	tree["filesystem"].(verifiertest.Tree)["readOnly"] = verifiertest.List{"/usr", fmt.Sprintf("/opt/%s/%s-%d%s", b.gateway, b.name, version, variant)}
	return tree
}

func stateProfile(id string, version int) verifiertest.Tree {
	var tree verifiertest.Tree
	switch id {
	case "forge":
		tree = verifiertest.ForgeProfile()
	case "bridge":
		tree = verifiertest.BridgeProfile()
	default:
		tree = verifiertest.MirrorProfile()
		tree["id"] = id
	}
	tree["description"] = fmt.Sprintf("version %d of %s", version, id)
	return tree
}

func (b stateBox) request(purpose signingv1.Purpose) *signingv1.VerifyRequest {
	return &signingv1.VerifyRequest{Purpose: purpose, Target: &signingv1.Target{GatewayId: b.gateway, Workspace: b.workspace, SandboxId: b.id, Name: b.name}}
}

func (b stateBox) approvers() []string {
	if b.workspace == "staging" {
		return []string{"carol"}
	}
	return []string{"alice", "bob"}
}

// compose asks about a version of a sandbox's policy with its profiles.
func (l *stateLife) compose(b stateBox, version int, variant string) *signingv1.VerifyRequest {
	req := b.request(signingv1.Purpose_PURPOSE_COMPOSE)
	req.Recipe, req.ProvidersV2Enabled = verifiertest.Recipe, true
	req.Host = &signingv1.Host{PolicyHash: fmt.Sprintf("hash-%s-%d%s", b.name, version, variant), PolicyVersion: uint64(version)}
	policy := b.policy(version, variant)
	stateDocument(req, verifier.SandboxPolicy, "", policy, version, b.approvers()...)
	var layers []verifiertest.Layer
	for _, id := range b.providers {
		tree, provider := stateProfile(id, l.profiles[id]), "My "+id
		if b.workspace == "stacks" { // a set has one version for all its members
			tree = stateProfile(id, version)
		}
		d := stateDocument(req, verifier.ProviderProfile, provider, tree, l.profiles[id], "dave")
		if id == "own" {
			d.Workspace = b.workspace
		}
		layers = append(layers, verifiertest.Layer{Provider: provider, Profile: tree})
	}
	if b.workspace == "ops" {
		stateDocument(req, verifier.Settings, "", verifiertest.GatewaySettings(), 1, "erin")
	}
	if b.workspace == "stacks" {
		b.approveSet(req, version)
	}
	req.Effective = verifiertest.Compose(policy, layers...)
	return req
}

// approveSet replaces all approvals by those of one set.
func (b stateBox) approveSet(req *signingv1.VerifyRequest, version int) {
	set := verifiertest.Set{BundleID: "set of " + b.name, Version: strconv.Itoa(version), NotBefore: "2026-01-01T00:00:00Z", NotAfter: stateUntil,
		Scope: verifiertest.Scope{Gateway: "*", Workspace: b.workspace, Name: b.name}}
	for _, d := range req.Documents {
		name := b.name
		if id, ok := verifiertest.Parse(d.Body)["id"].(string); ok {
			name = id
		}
		set.Members = append(set.Members, verifiertest.Member{Role: verifiertest.RoleNames[verifier.Role(d.Role)], Name: name, SHA256: verifiertest.SHA256(d.Body)})
	}
	for _, d := range req.Documents {
		d.Attestations = set.By("alice", "bob")
	}
}

// admit asks about the first document of a composition.
func (b stateBox) admit(compose *signingv1.VerifyRequest) *signingv1.VerifyRequest {
	req := b.request(signingv1.Purpose_PURPOSE_ADMIT)
	req.Documents = compose.Documents[:1]
	return req
}

// ask asks and compares the reason; "" takes any.
func (l *stateLife) ask(req *signingv1.VerifyRequest, reason string) *signingv1.VerifyResponse {
	l.t.Helper()
	resp, err := l.gateway.Ask(l.t.Context(), req)
	stateMust(l.t, err)
	if got := strings.TrimPrefix(resp.Reason.String(), "REASON_"); reason != "" && got != reason {
		l.t.Fatalf("%v: %s, want %s: %v", req.Target, got, reason, resp.Findings)
	}
	return resp
}

// asked is a request and the reason of its answer.
type asked struct {
	req    *signingv1.VerifyRequest
	reason string
}

// askAtOnce asks chains of requests, many chains at a time and each in its order.
// A log gets a partial tile for every tenth of a second in which something was
// decided, so a slow life would leave a large folder.
func (l *stateLife) askAtOnce(chains [][]asked) {
	l.t.Helper()
	var all sync.WaitGroup
	faults := make(chan error, len(chains))
	room := make(chan struct{}, 16)
	for i, chain := range chains {
		all.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			for k, a := range chain {
				a.req.RequestId = fmt.Sprintf("chain-%d-%d", i, k)
				resp, err := l.gateway.Verify(l.t.Context(), a.req)
				if got := strings.TrimPrefix(resp.GetReason().String(), "REASON_"); err == nil && got != a.reason {
					err = fmt.Errorf("%v: %s, want %s: %v", a.req.Target, got, a.reason, resp.GetFindings())
				}
				if err != nil {
					faults <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(faults)
	for err := range faults {
		l.t.Error(err)
	}
	if l.t.Failed() {
		l.t.FailNow()
	}
}

// raise has every sandbox, or those of one place, go to versions.
func (l *stateLife) raise(want func(stateBox) bool, versions ...int) {
	l.t.Helper()
	for _, version := range versions {
		var chains [][]asked
		for _, b := range l.boxes {
			if want == nil || want(b) {
				req := l.compose(b, version, "")
				chains = append(chains, []asked{{b.admit(req), "ALLOWED"}, {req, "ALLOWED"}})
			}
		}
		l.askAtOnce(chains)
	}
}

// refuseOld asks for an older version everywhere, and for another document of the
// one in force.
func (l *stateLife) refuseOld(older, version int) {
	l.t.Helper()
	var chains [][]asked
	for _, b := range l.boxes {
		chain := []asked{{l.compose(b, older, ""), "VERSION_ROLLBACK"}}
		if b.workspace != "stacks" {
			chain = append(chain, asked{l.compose(b, version, "-other"), "VERSION_EQUIVOCATION"})
		}
		chains = append(chains, chain)
	}
	l.askAtOnce(chains)
}

// attest takes a receipt for a composition that is allowed.
func (l *stateLife) attest(req *signingv1.VerifyRequest) {
	l.t.Helper()
	n := len(l.receipts)
	nonce := sha256.Sum256(fmt.Appendf(nil, "nonce %d", n))
	resp, err := l.gateway.AskReceipt(l.t.Context(), req, nonce[:16])
	stateMust(l.t, err)
	if resp.GetEnvelope() == nil {
		l.t.Fatalf("no receipt: %v", resp)
	}
	r := stateReceipt{File: fmt.Sprintf("receipts/%d.json", n), Nonce: hex.EncodeToString(nonce[:16]),
		Target: req.Target.GatewayId + ":" + req.Target.Workspace + "/" + req.Target.Name, SandboxID: req.Target.SandboxId,
		Effective: "sha256:" + verifiertest.SHA256(req.Effective), SHA256: verifiertest.SHA256(resp.GetEnvelope())}
	for _, d := range req.Documents {
		if d.Role == signingv1.Role_ROLE_SETTINGS {
			r.Settings = "sha256:" + verifiertest.SHA256(d.Body)
		}
	}
	_, err = l.lab.Write("out/"+r.File, resp.GetEnvelope())
	stateMust(l.t, err)
	l.receipts = append(l.receipts, r)
}

// refuse asks for refusals of many kinds.
func (l *stateLife) refuse(version int) {
	l.t.Helper()
	b := l.boxes[0]
	deny := func(reason string, change func(*signingv1.VerifyRequest)) {
		l.t.Helper()
		req := proto.CloneOf(l.compose(b, version, ""))
		change(req)
		resp := l.ask(req, reason)
		if resp.Verdict != signingv1.Verdict_VERDICT_DENY {
			l.t.Fatalf("want a refusal, got %v", resp.Verdict)
		}
	}
	deny("THRESHOLD", func(r *signingv1.VerifyRequest) { r.Documents[0].Attestations = r.Documents[0].Attestations[:1] })
	deny("COMPOSITION_PART_UNATTESTED", func(r *signingv1.VerifyRequest) { r.Documents[0].Attestations = nil })
	deny("SUBJECT_MISMATCH", func(r *signingv1.VerifyRequest) { r.Documents[0].Body = verifiertest.Canonical(b.policy(77, "")) })
	deny("COMPOSITION_PART_EXTRA", func(r *signingv1.VerifyRequest) {
		r.Effective = verifiertest.Compose(verifiertest.Parse(r.Effective), verifiertest.Layer{Provider: "extra", Profile: verifiertest.MirrorProfile()})
	})
	deny("RULE_MISSING", func(r *signingv1.VerifyRequest) { r.Target.Workspace, r.Target.SandboxId = "nowhere", "sb-none" })
	deny("ENVELOPE_MALFORMED", func(r *signingv1.VerifyRequest) {
		r.Documents[0].Attestations = [][]byte{fmt.Appendf(nil, `{"x":%d}`, version)}
	})
	deny("", func(r *signingv1.VerifyRequest) { r.Documents = r.Documents[1:] })
	for _, changed := range []func(*stateBox){
		func(b *stateBox) { b.name = "web-elsewhere" },
		func(b *stateBox) { b.workspace, b.name = "staging", "try-elsewhere" },
	} {
		moved := b
		changed(&moved)
		moved.providers = nil
		l.ask(l.compose(moved, version, ""), "SCOPE_MISMATCH")
	}
}

// flood asks for more refusals than one sandbox may have recorded, and then again.
func (l *stateLife) flood(round int) {
	l.t.Helper()
	b := stateBox{"gw-2", "prod", "sb-flood", "web-flood", nil}
	var chains [][]asked
	for i := range 60 {
		req := l.compose(b, 1, fmt.Sprintf("-%d-%d", round, i))
		req.Documents[0].Attestations = req.Documents[0].Attestations[:1]
		chains = append(chains, []asked{{req, "THRESHOLD"}, {proto.CloneOf(req), "THRESHOLD"}})
	}
	l.askAtOnce(chains)
}

func inPlace(gateway, workspace string) func(stateBox) bool {
	return func(b stateBox) bool { return b.gateway == gateway && b.workspace == workspace }
}

// play is the life of the larger folder.
func (l *stateLife) play() {
	// From the first start on, three versions of everything.
	l.start()
	l.raise(nil, 1, 2, 3)
	l.refuseOld(2, 3)
	l.refuse(3)
	l.flood(1)
	for i, b := range l.boxes {
		for range i%4 + 1 {
			l.ask(l.compose(b, 3, ""), "ALLOWED")
		}
		if i%6 == 0 {
			l.attest(l.compose(b, 3, ""))
		}
	}
	l.end()

	// A new signer, a revoked attestation, another root; then a kill.
	l.start()
	l.auth.Principals["frank"] = verifiertest.HeldBy(verifiertest.Person("frank"))
	l.auth.Authorities["platform"].Principals = append(l.auth.Authorities["platform"].Principals, "frank")
	l.publishRules()
	l.profiles["forge"], l.profiles["bridge"] = 2, 2
	l.raise(nil, 4)
	victim := l.boxes[2]
	taken := l.compose(victim, 4, "")
	l.publish("trust", "revoke", "--dir", "out/trust", "--attestation", strings.TrimPrefix(verifier.AttestationDigest(taken.Documents[0].Attestations[1]), "sha256:"), "--reason", "signed by mistake")
	l.ask(taken, "ATTESTATION_REVOKED")
	l.rotateRoot()
	l.global(1)
	l.refuse(4)
	l.crash()

	// The first reset: production of gw-1 goes back to version 2. Some of it
	// rises again, some is bound at 2, and two sandboxes stay where they were put.
	l.start()
	l.auth.Floors = []verifiertest.SignedFloor{{Role: "SANDBOX_POLICY", Gateway: "gw-1", Workspace: "prod", Version: "2", Reset: true}}
	l.publishRules()
	var chains [][]asked
	for i, b := range l.boxes[:8] {
		chain := []asked{{l.compose(b, 2, "-again"), "ALLOWED"}, {l.compose(b, 2, ""), "VERSION_EQUIVOCATION"}, {l.compose(b, 1, ""), "VERSION_ROLLBACK"}}
		if i%2 == 0 {
			chain = append(chain, asked{l.compose(b, 5, ""), "ALLOWED"})
		}
		chains = append(chains, chain)
	}
	l.askAtOnce(chains)
	l.attest(l.compose(l.boxes[0], 5, ""))
	l.flood(2)
	l.end()

	// Another root, and the second and third reset: a profile, which rises again,
	// and staging, which does not.
	l.start()
	l.rotateRoot()
	l.auth.Floors = append(l.auth.Floors,
		verifiertest.SignedFloor{Role: "PROVIDER_PROFILE", Subject: "forge", Version: "1", Reset: true},
		verifiertest.SignedFloor{Role: "SANDBOX_POLICY", Gateway: "gw-2", Workspace: "staging", Version: "1", Reset: true},
		verifiertest.SignedFloor{Role: "SANDBOX_POLICY", Workspace: "ops", Version: "6"})
	l.publishRules()
	l.profiles["forge"] = 1
	l.ask(l.compose(l.boxes[0], 5, ""), "ALLOWED") // with the profile of before
	l.profiles["forge"] = 3
	chains = nil
	for _, b := range l.boxes {
		switch {
		case b.workspace == "ops": // the signed floor is 6
			chains = append(chains, []asked{{l.compose(b, 4, ""), "VERSION_ROLLBACK"}})
		case b.workspace == "staging" && b.id != "st-4":
			chains = append(chains, []asked{{l.compose(b, 1, "-again"), "ALLOWED"}})
		}
	}
	l.askAtOnce(chains)
	l.raise(func(b stateBox) bool {
		return b.workspace == "ops" || b.workspace == "stacks" || inPlace("gw-2", "prod")(b)
	}, 6)
	l.crash()

	// A last start, and what stays in force.
	l.start()
	l.raise(func(b stateBox) bool {
		return b.workspace != "staging" && !slices.Contains([]string{"sb-7", "sb-8", "sb-9"}, b.id)
	}, 7)
	l.global(2)
	l.ask(l.wideRequest(""), "ALLOWED")
	chains = nil
	for _, b := range l.boxes {
		if b.workspace == "ops" || b.workspace == "stacks" {
			chains = append(chains, []asked{{l.compose(b, 6, ""), "VERSION_ROLLBACK"}})
		}
	}
	l.askAtOnce(chains)
	l.refuse(7)
	for i, b := range l.boxes {
		if i%5 == 0 && b.workspace != "staging" {
			l.attest(l.compose(b, 7, ""))
			l.ask(l.compose(b, 7, ""), "ALLOWED")
		}
	}
	time.Sleep(1500 * time.Millisecond) // for the checkpoint
	l.end()
}

// wideRequest is about a sandbox with so many providers that the entry has no room
// for what it raises.
func (l *stateLife) wideRequest(variant string) *signingv1.VerifyRequest {
	b := stateBox{"gw-2", "prod", "sb-wide", "web-wide", nil}
	req := l.compose(b, 1, "")
	var layers []verifiertest.Layer
	for i := range 60 {
		tree := stateProfile(fmt.Sprintf("wide-%02d-%s", i, strings.Repeat("x", 200)), 1)
		tree["description"] = "wide" + variant
		provider := fmt.Sprintf("wide %d", i)
		stateDocument(req, verifier.ProviderProfile, provider, tree, 1, "dave")
		layers = append(layers, verifiertest.Layer{Provider: provider, Profile: tree})
	}
	req.Effective = verifiertest.Compose(b.policy(1, ""), layers...)
	return req
}

// global asks about compositions from the gateway's global policy.
func (l *stateLife) global(version int) {
	l.t.Helper()
	for _, gateway := range []string{"gw-1", "gw-2"} {
		b := stateBox{gateway, "prod", "sb-global", "web-global", nil}
		req := b.request(signingv1.Purpose_PURPOSE_COMPOSE)
		req.Recipe, req.ProvidersV2Enabled = verifiertest.Recipe, true
		policy := b.policy(version, "-global")
		stateDocument(req, verifier.GlobalPolicy, "", policy, version, "alice", "carol")
		req.Effective = verifiertest.Compose(policy)
		l.ask(req, "ALLOWED")
	}
}

// playKilled leaves, three times, floors or a binding that the journal does not
// explain: what a driver leaves that is killed after the one commit and before
// the other. It is put together from the files of before and after an ALLOW. The
// refusals in between were decided by what the kill before left. It has to be one
// ALLOW a kill: the next one would have the floors remember its entry.
func (l *stateLife) playKilled() {
	l.boxes = l.boxes[:6]
	l.start()
	l.raise(nil, 1)
	l.attest(l.compose(l.boxes[0], 1, ""))
	lost := stateBox{"gw-1", "prod", "sb-lost", "web-lost", []string{"bridge"}}
	l.killBetween(l.compose(lost, 1, ""))
	l.start()
	l.raise(func(b stateBox) bool { return b.id == "sb-1" }, 3)
	moved := lost
	moved.name = "web-moved"
	l.ask(l.compose(moved, 1, ""), "SCOPE_MISMATCH")
	l.ask(l.compose(lost, 1, "-other"), "VERSION_EQUIVOCATION")
	l.profiles["forge"] = 2
	l.killBetween(l.compose(l.boxes[3], 2, ""))
	l.start()
	l.ask(l.compose(l.boxes[3], 1, ""), "VERSION_ROLLBACK")
	last := stateBox{"gw-2", "staging", "st-last", "try-last", []string{"own"}}
	l.killBetween(l.compose(last, 1, ""))
	l.boxes = append(l.boxes, lost, last)
}

// killBetween kills the driver after an ALLOW and puts back the journal, the log and
// the archive of before them.
func (l *stateLife) killBetween(req *signingv1.VerifyRequest) {
	l.t.Helper()
	time.Sleep(1500 * time.Millisecond) // for the checkpoint
	before := l.t.TempDir()
	parts := []string{"audit", "log", "archive"}
	for _, part := range parts {
		l.copy(l.lab.Path("state", part), filepath.Join(before, part))
	}
	l.ask(req, "ALLOWED")
	l.crash()
	for _, part := range parts {
		stateMust(l.t, os.RemoveAll(l.lab.Path("state", part)))
		l.copy(filepath.Join(before, part), l.lab.Path("state", part))
	}
}

// copy copies a folder with its modes.
func (l *stateLife) copy(from, to string) {
	l.t.Helper()
	stateMust(l.t, exec.Command("cp", "-a", from, to).Run())
}

// questions writes requests and lets the driver answer them on a copy of the
// folder, in their order.
func (l *stateLife) questions() {
	l.t.Helper()
	l.config, l.socket = l.configure("again.toml", "again")
	l.copy(l.lab.Path("state"), l.lab.Path("again"))
	l.start()
	var list []stateQuestion
	add := func(req *signingv1.VerifyRequest) {
		file := fmt.Sprintf("questions/%03d.json", len(list))
		resp := l.ask(req, "")
		data, err := protojson.Marshal(req)
		stateMust(l.t, err)
		data, err = verifier.Canonical(data)
		stateMust(l.t, err)
		_, err = l.lab.Write("out/"+file, data)
		stateMust(l.t, err)
		list = append(list, stateQuestion{file, strings.TrimPrefix(resp.Verdict.String(), "VERDICT_"), strings.TrimPrefix(resp.Reason.String(), "REASON_")})
	}
	for _, req := range l.special() {
		add(req)
	}
	for i, b := range l.boxes {
		versions := []int{1, 2, 3}
		if l.origin == stateMain {
			versions = []int{1, 4, 5, 6, 7}
		}
		for _, version := range versions {
			if (i+version)%2 == 0 || version == 7 {
				add(l.compose(b, version, ""))
			}
		}
		if i%3 == 0 {
			add(l.compose(b, versions[len(versions)-1], "-other"))
			add(l.compose(b.moved(), 9, ""))
		}
	}
	l.end()
	data, err := json.MarshalIndent(list, "", " ")
	stateMust(l.t, err)
	_, err = l.lab.Write("questions.json", data)
	stateMust(l.t, err)
}

// special are questions about what is easily lost.
func (l *stateLife) special() (list []*signingv1.VerifyRequest) {
	if l.origin != stateMain {
		for _, b := range l.boxes[len(l.boxes)-2:] { // what only the floors know of
			list = append(list, l.compose(b.moved(), 9, ""), l.compose(b, 1, "-other"), l.compose(b, 1, ""))
		}
		l.profiles["forge"] = 1
		list = append(list, l.compose(l.boxes[0], 4, ""), l.compose(l.boxes[3], 4, ""))
		l.profiles["forge"] = 2
		return append(list, l.compose(l.boxes[3], 1, ""), l.compose(l.boxes[3], 2, "-other"))
	}
	for _, b := range l.boxes { // reset and bound, or reset and bound to nothing
		switch {
		case slices.Contains([]string{"web-7", "web-8", "web-9"}, b.name):
			list = append(list, l.compose(b, 2, "-late"), l.compose(b, 2, ""))
		case b.workspace == "staging":
			list = append(list, l.compose(b, 1, "-late"))
		}
	}
	for _, version := range []int{1, 2} { // below, and above what was reset
		l.profiles["forge"] = version
		list = append(list, l.compose(l.boxes[0], 7, ""))
	}
	l.profiles["forge"] = 3
	return append(list, l.wideRequest("-other"), l.wideRequest(""))
}

// moved is another sandbox with the same id.
func (b stateBox) moved() stateBox {
	b.name, b.providers = "moved", nil
	return b
}

// revision is the commit that the binary was built from.
func (l *stateLife) revision() string {
	_, rest, _ := strings.Cut(l.run("version"), "(")
	revision, _, _ := strings.Cut(rest, ")")
	return revision
}

// expected asks the release about what it left.
func (l *stateLife) expected(name string) stateFolder {
	l.t.Helper()
	state, root := filepath.Join("out", name), filepath.Join("out", "trust", "published", "metadata", "1.root.json")
	rootBytes, err := os.ReadFile(l.lab.Path(root))
	stateMust(l.t, err)
	f := stateFolder{Folder: name, Origin: l.origin, RootSHA256: verifiertest.SHA256(rootBytes), Receipts: l.receipts}
	_, pinned, _ := strings.Cut(l.run("serve", "--config", l.config, "--check"), "auditors pin ")
	f.LogKey, _, _ = strings.Cut(pinned, "\n")
	dump, err := exec.Command(*stateDump, l.lab.Path(state)).Output()
	stateMust(l.t, err)
	f.Floors = dump
	questions, err := os.ReadFile(l.lab.Path("questions.json"))
	stateMust(l.t, err)
	stateMust(l.t, json.Unmarshal(questions, &f.Questions))
	world := stateWorld{folder: f, dir: l.out, run: func(args ...string) (string, int) {
		out, err := l.lab.Run(context.Background(), args...)
		code := 0
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			l.t.Fatal(err)
		} else if exit != nil {
			code = exit.ExitCode()
			l.t.Logf("exit code %d: %v: %v\n%s", code, args, err, out)
		}
		return out, code
	}}
	f.Journal = readJournal(l.t, filepath.Join(l.out, name, "audit"))
	for i := range f.Receipts {
		f.Receipts[i].fill(l.t, filepath.Join(l.out, f.Receipts[i].File))
	}
	l.run("trust", "export", "--dir", state, "--out", filepath.Join("out", "history.tar"))
	f.Said = f.commands()
	for _, s := range f.Said {
		_, err := l.lab.Write(filepath.Join("out", s.File), []byte(world.said(slices.Clone(s.Args)...)))
		stateMust(l.t, err)
	}
	f.PackSHA256 = world.pack(l.lab.Path(name + ".pack"))
	return f
}

// vectorsDigest is what
//
//	find testdata/vectors -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
//
// prints.
func vectorsDigest(t *testing.T, dir string) string {
	t.Helper()
	all := sha256.New()
	var names []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, path := range names {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(filepath.Join("..", ".."), path)
		fmt.Fprintf(all, "%x  %s\n", sha256.Sum256(data), filepath.ToSlash(name))
	}
	return hex.EncodeToString(all.Sum(nil))
}

// packFolder packs a folder: the same files make the same bytes.
func packFolder(dir string) ([]byte, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	w := tar.NewWriter(z)
	for _, path := range names {
		if err := packFile(w, dir, path); err != nil {
			return nil, err
		}
	}
	err = errors.Join(w.Close(), z.Close())
	return out.Bytes(), err
}

func packFile(w *tar.Writer, dir, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(name), Mode: int64(info.Mode().Perm()), Format: tar.FormatUSTAR}
	var data []byte
	switch {
	case info.IsDir():
		header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
	case info.Mode().IsRegular():
		if data, err = os.ReadFile(path); err != nil {
			return err
		}
		header.Size = int64(len(data))
	default:
		return fmt.Errorf("%s is neither a file nor a folder", path)
	}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// fill takes what a receipt itself says.
func (r *stateReceipt) fill(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct{ Payload string }
	var statement struct {
		Predicate struct {
			IssuedAt string
			Sequence uint64 `json:",string"`
			Trust    struct {
				Epoch uint64 `json:",string"`
			}
		}
	}
	err = json.Unmarshal(data, &envelope)
	payload, err2 := base64.StdEncoding.DecodeString(envelope.Payload)
	if err := errors.Join(err, err2, json.Unmarshal(payload, &statement)); err != nil {
		t.Fatalf("%v: %s", err, payload)
	}
	r.AsOf, r.Sequence, r.Epoch = statement.Predicate.IssuedAt, statement.Predicate.Sequence, statement.Predicate.Trust.Epoch
}
