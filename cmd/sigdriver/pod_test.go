// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/demo"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/tuf/tuftest"
	"github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// The ids of docs/kubernetes.md: the driver's, the gateway's, and the pod's fsGroup.
const (
	podDriver  = 65532
	podGateway = 1000
	podGroup   = 1000
)

// container is a process with a file system of its own, in PID, mount and user
// namespaces of its own. The ids of all user namespaces are the same, as in a pod.
type container struct {
	Root     string
	Mounts   []podMount
	UID, GID int
	Groups   []int
	Args     []string
}

// podMount is a volume, or a part of the image.
type podMount struct {
	From, To string
	ReadOnly bool
}

// start runs a container. The test is skipped where it may not have namespaces.
func (c *container) start(t *testing.T) *podProcess {
	t.Helper()
	c.Root = t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	image := []podMount{{self, "/sigdriver", true}}
	for _, dir := range []string{"/usr", "/lib", "/lib64"} { // what a test is linked with
		if _, err := os.Stat(dir); err == nil {
			image = append(image, podMount{dir, dir, true})
		}
	}
	c.Mounts = append(image, c.Mounts...)
	for _, m := range c.Mounts {
		to := filepath.Join(c.Root, m.To)
		if info, err := os.Stat(m.From); err != nil {
			t.Fatal(err)
		} else if !info.IsDir() {
			err = os.WriteFile(to, nil, 0o755)
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(to, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	spec, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1 << 16}}
	p := &podProcess{t: t}
	p.cmd = &exec.Cmd{
		Path: self, Args: []string{"pod-container"}, Env: []string{"POD_CONTAINER=" + string(spec), "HOME=/"}, Stderr: &p.log,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
		},
	}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		if errors.Is(err, fs.ErrPermission) && os.Getenv("SIGDRIVER_NEED_NAMESPACES") == "" {
			t.Skipf("this machine lets nobody make user, PID and mount namespaces: %v", err)
		}
		t.Fatal(err)
	}
	p.in, p.out = stdin, bufio.NewScanner(stdout)
	t.Cleanup(func() {
		p.stop(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("%s:\n%s", c.Args[0], p.log.String())
		}
	})
	return p
}

// podProcess is a container that runs.
type podProcess struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Scanner
	log strings.Builder
}

func (p *podProcess) stop(sig os.Signal) {
	if p.cmd.ProcessState == nil {
		p.cmd.Process.Signal(sig)
		p.cmd.Wait()
	}
}

// asks sends a question through the gateway's process and returns the answer.
func (p *podProcess) asks(req *signingv1.VerifyRequest) string {
	p.t.Helper()
	raw, err := proto.Marshal(req)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Fprintln(p.in, base64.StdEncoding.EncodeToString(raw)); err != nil {
		p.t.Fatal(err)
	}
	if !p.out.Scan() {
		p.t.Fatalf("the gateway's process says nothing any more: %s", p.log.String())
	}
	return p.out.Text()
}

// expect asks until the driver answers at all: it may be starting.
func (p *podProcess) expect(want string, req *signingv1.VerifyRequest) {
	p.t.Helper()
	got := p.asks(req)
	for end := time.Now().Add(gatewayTimeout); strings.HasPrefix(got, "fault Unavailable") && time.Now().Before(end); got = p.asks(req) {
		time.Sleep(50 * time.Millisecond)
	}
	if got != want {
		p.t.Errorf("%s, want %s", got, want)
	}
}

// podContainer becomes what it is told to be. It is a program of the test's own, since
// some of it has to happen inside the namespaces.
func podContainer() {
	var c container
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "container:", err)
			os.Exit(1)
		}
	}
	fail(json.Unmarshal([]byte(os.Getenv("POD_CONTAINER")), &c))
	fail(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	for _, m := range c.Mounts {
		to := filepath.Join(c.Root, m.To)
		fail(unix.Mount(m.From, to, "", unix.MS_BIND|unix.MS_REC, ""))
		if !m.ReadOnly {
			continue
		}
		var st unix.Statfs_t
		fail(unix.Statfs(to, &st)) // flags that another namespace set stay
		kept := uintptr(st.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
		fail(unix.Mount("", to, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|kept, ""))
	}
	fail(unix.Chroot(c.Root))
	fail(os.Chdir("/"))
	fail(syscall.Setgroups(c.Groups))
	fail(syscall.Setgid(c.GID))
	fail(syscall.Setuid(c.UID))
	fail(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	fail(syscall.Exec("/sigdriver", c.Args, []string{"HOME=/"}))
}

// podGatewayClient is the gateway's process: a question a line, an answer a line.
func podGatewayClient() {
	g, err := demo.Dial(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		raw, err := base64.StdEncoding.DecodeString(lines.Text())
		var req signingv1.VerifyRequest
		if err = errors.Join(err, proto.Unmarshal(raw, &req)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		ctx, cancel := context.WithTimeout(context.Background(), gatewayTimeout)
		got, err := g.Ask(ctx, &req)
		cancel()
		if err != nil {
			fmt.Println("fault", status.Code(err))
			continue
		}
		fmt.Println(strings.TrimPrefix(got.GetVerdict().String(), "VERDICT_"), strings.TrimPrefix(got.GetReason().String(), "REASON_"))
	}
}

// pod is the volumes of docs/kubernetes.md.
type pod struct{ dir string }

// newPod makes them as the kubelet does for the files in packaging/kubernetes: what is in
// a ConfigMap or a Secret is a link to a link, and fsGroup adds bits for its group.
func newPod(t *testing.T, source string, root []byte) *pod {
	dir, err := os.MkdirTemp("/tmp", "pod") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &pod{dir: dir}
	config, err := os.ReadFile("../../packaging/kubernetes/sigdriver.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("https://trust.example.com/", source, "gw-1", "gw-east", "# key =", "key =", "# origin =", "origin =", "# [transparency]", "[transparency]").Replace(string(config))
	p.links(t, "config", 0o644, map[string][]byte{"sigdriver.toml": []byte(text), "root.json": root})
	p.links(t, "keys", 0o440, map[string][]byte{"log.key": verifiertest.NewKey("log", "ed25519").PrivatePEM()})
	for _, volume := range []string{"socket", "admin", "state"} {
		p.volume(t, volume)
	}
	for _, volume := range []string{"socket", "admin"} { // the init container
		if err := os.Chmod(filepath.Join(dir, volume), 0o777|fs.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// volume is an empty one.
func (p *pod) volume(t *testing.T, name string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(p.dir, name), 0o777); err != nil {
		t.Fatal(err)
	}
	p.mountAgain(t, name)
}

// mountAgain does what fsGroup does to a volume at every start of the pod.
func (p *pod) mountAgain(t *testing.T, name string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(p.dir, name), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o660
		if d.IsDir() {
			mode |= 0o110 | fs.ModeSetgid
		}
		return errors.Join(os.Chown(path, -1, podGroup), os.Chmod(path, mode))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p *pod) links(t *testing.T, name string, mode fs.FileMode, files map[string][]byte) {
	t.Helper()
	dir := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Join(dir, "..1"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := os.Symlink("..1", filepath.Join(dir, "..data"))
	for file, data := range files {
		path := filepath.Join(dir, "..1", file)
		err = errors.Join(err, os.WriteFile(path, data, 0o600), os.Chown(path, 0, podGroup), os.Chmod(path, mode), os.Symlink("..data/"+file, filepath.Join(dir, file)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *pod) driver(t *testing.T) *podProcess {
	c := &container{UID: podDriver, GID: podDriver, Groups: []int{podGroup}, Args: []string{"sigdriver", "serve", "--config", "/etc/sigdriver/sigdriver.toml"}}
	for _, m := range []podMount{{"config", "/etc/sigdriver", true}, {"keys", "/keys", true}, {"state", "/state", false}, {"socket", "/run/sigdriver", false}, {"admin", "/run/sigdriver-admin", false}} {
		c.Mounts = append(c.Mounts, podMount{filepath.Join(p.dir, m.From), m.To, m.ReadOnly})
	}
	return c.start(t)
}

func (p *pod) gateway(t *testing.T, uid int) *podProcess {
	c := &container{UID: uid, GID: uid, Groups: []int{podGroup}, Args: []string{"pod-gateway", "/run/sigdriver/own/driver.sock"}}
	c.Mounts = []podMount{{filepath.Join(p.dir, "socket"), "/run/sigdriver", true}}
	return c.start(t)
}

// TestPod runs a driver and a gateway's client as two processes in two PID, mount and user
// namespaces, on the volumes of docs/kubernetes.md, and restarts either.
func TestPod(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("volumes of several users are made by root")
	}
	repo := tuftest.New(t, tuftest.At(time.Now()))
	repo.SetTarget("authorities.json", verifiertest.BaseAuthorities().JSON())
	repo.Publish()
	p := newPod(t, repo.URL(), repo.Root())
	driver := p.driver(t)
	gateway := p.gateway(t, podGateway)
	gateway.expect("ALLOW ALLOWED", podQuestion(t, 1, "alice", "bob"))
	gateway.expect("DENY THRESHOLD", podQuestion(t, 2, "alice"))
	gateway.expect("ALLOW ALLOWED", podQuestion(t, 2, "alice", "bob"))

	// Whoever else is in the group reaches the socket, and is not heard.
	if got := p.gateway(t, 1001).asks(podQuestion(t, 2, "alice", "bob")); got != "fault Unavailable" {
		t.Errorf("a stranger is told %s", got)
	}

	// A driver that is started again knows what it had allowed, whatever fsGroup did meanwhile.
	driver.stop(syscall.SIGTERM)
	if got := gateway.asks(podQuestion(t, 2, "alice", "bob")); got != "fault Unavailable" {
		t.Errorf("without a driver: %s", got)
	}
	p.mountAgain(t, "state")
	driver = p.driver(t)
	gateway.expect("ALLOW ALLOWED", podQuestion(t, 2, "alice", "bob"))
	gateway.expect("DENY VERSION_ROLLBACK", podQuestion(t, 1, "alice", "bob"))

	// A gateway too.
	gateway.stop(syscall.SIGKILL)
	gateway = p.gateway(t, podGateway)
	gateway.expect("ALLOW ALLOWED", podQuestion(t, 2, "alice", "bob"))
	gateway.expect("DENY THRESHOLD", podQuestion(t, 3, "bob"))

	// The probe of the files, from outside.
	if out, err := exec.Command("sigdriver", "status", "--ready", "--admin", filepath.Join(p.dir, "admin", "own", "admin.sock")).CombinedOutput(); err != nil {
		t.Errorf("the probe: %v\n%s", err, out)
	}
	driver.stop(syscall.SIGTERM)
	if n := strings.Count(driver.log.String(), "serving:"); n != 1 {
		t.Errorf("it served %d times:\n%s", n, driver.log.String())
	}
}

// podQuestion asks for a policy, as a version that some people approve.
func podQuestion(t *testing.T, version int, people ...string) *signingv1.VerifyRequest {
	t.Helper()
	s := verifiertest.ComposePlain()
	tree := verifiertest.Policy()
	tree["note"] = fmt.Sprintf("policy %d", version)
	s.Request.Documents[0].Body = verifiertest.Canonical(tree)
	s.Recompose()
	a := s.Approval(0)
	a.Version = fmt.Sprint(version)
	a.NotBefore = podApproved.Add(-time.Hour).UTC().Format(time.RFC3339)
	a.NotAfter = podApproved.Add(time.Hour).UTC().Format(time.RFC3339)
	s.ApproveAs(0, a, people...)
	text, err := server.RequestText(&s.Request)
	if err != nil {
		t.Fatal(err)
	}
	var req signingv1.VerifyRequest
	if err := protojson.Unmarshal(text, &req); err != nil {
		t.Fatal(err)
	}
	return &req
}

var podApproved = time.Now()
