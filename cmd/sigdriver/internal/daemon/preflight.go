// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// Look is one thing that was looked at.
type Look struct {
	// Name is a key of the configuration, or what else was looked at.
	Name string `json:"name"`
	// Condition is StatusWell, StatusDegraded, StatusRefuses or LookSkipped.
	Condition string `json:"condition"`
	// Text is what was found, and Remedy what to do about it; either may be empty.
	Text   string `json:"text,omitempty"`
	Remedy string `json:"remedy,omitempty"`
	// Err is why a driver would not start: a *StartError.
	Err error `json:"-"`
}

// LookSkipped is the condition of what cannot be known now.
const LookSkipped = "skipped"

// preflight collects what is found.
type preflight struct {
	conf    *Config
	looks   []Look
	running bool // another driver has the state folder
}

// Preflight reads a configuration and tries everything that it names, without changing
// any of it, as the user that it runs as. With a StatusRefuses among what it finds a
// driver would not start.
func Preflight(ctx context.Context, configFile string) []Look {
	p := &preflight{}
	conf, err := LoadConfig(configFile)
	p.start("configuration", err)
	p.asWhom()
	if err != nil {
		return p.looks
	}
	p.conf = conf
	for _, place := range conf.places() {
		if place.key != "audit.reserve_mib" || !p.refused("state_dir") {
			p.start(place.key, place.look())
		}
	}
	p.state()
	p.root()
	_, err = connections(conf)
	p.start("open files", err)
	p.sockets()
	p.peers()
	p.log()
	p.source(ctx)
	p.attestations(ctx)
	return p.looks
}

func (p *preflight) add(name, condition, text, remedy string) {
	p.looks = append(p.looks, Look{Name: name, Condition: condition, Text: text, Remedy: remedy})
}

// start adds what a start would end with, if anything. It outdoes an earlier look at the
// same thing that found it well.
func (p *preflight) start(name string, err error) {
	p.looks = slices.DeleteFunc(p.looks, func(l Look) bool { return l.Name == name && l.Condition == StatusWell })
	if err == nil {
		p.add(name, StatusWell, "", "")
		return
	}
	look := Look{Name: name, Condition: StatusRefuses, Text: err.Error(), Err: &StartError{err}}
	var at *ConfigError
	if errors.As(err, &at) {
		look.Text, look.Remedy = at.Text, at.Remedy
		if at.Key != "" {
			look.Name = at.Key
		}
		if at.Line > 0 {
			look.Text += fmt.Sprintf(" (line %d)", at.Line)
		}
	}
	p.looks = append(p.looks, look)
}

// asWhom says for whom all of it holds.
func (p *preflight) asWhom() {
	name := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(name); err == nil {
		name = u.Username + " (uid " + name + ")"
	}
	groups, _ := os.Getgroups() // none are listed then
	list := []string{}
	for _, g := range slices.Compact(slices.Sorted(slices.Values(append(groups, os.Getegid())))) {
		list = append(list, strconv.Itoa(g))
	}
	text := "all of this is tried as " + name + ", of the groups " + strings.Join(list, ", ")
	if os.Geteuid() == 0 {
		p.add("user", LookSkipped, text, "where the driver runs as another user, name it with --user")
		return
	}
	p.add("user", StatusWell, text, "")
}

// state looks for another driver on the same state folder, and at the room there.
func (p *preflight) state() {
	lock := filepath.Join(p.conf.StateDir, lockFile)
	if p.refused("state_dir") {
		return
	}
	if _, err := (disk.OS{}).Lstat(lock); err == nil {
		held, err := disk.OS{}.Lock(lock)
		var other *disk.LockedError
		switch {
		case errors.As(err, &other):
			p.running = true
			p.add("lock", StatusWell, "a driver runs on this state folder, so its sockets are not tried", "")
		case err != nil:
			p.start("lock", p.conf.Fault("state_dir", err, "make it writable to the driver's user"))
		default:
			held.Close()
		}
	}
	if low := p.conf.lowOnDisk(); low != "" {
		p.add("free space", StatusDegraded, low, "make room on the volume of state_dir")
	}
}

// refused reports whether a key was found wrong already.
func (p *preflight) refused(key string) bool {
	return slices.ContainsFunc(p.looks, func(l Look) bool { return l.Name == key && l.Condition == StatusRefuses })
}

func (p *preflight) root() {
	if root, err := p.conf.PinnedRoot(); err == nil {
		if err := tuf.CheckRoot(root); err != nil {
			p.start("trust.root", trustFault(p.conf, err))
		}
	}
}

// sockets tries the group, the paths and the port.
func (p *preflight) sockets() {
	if gid, err := p.conf.Socket.GID(); err == nil && !mayGive(p.conf.Socket.Path, gid) {
		p.start("socket.group", p.conf.fault("socket.group", fmt.Sprintf("add the driver's user to it: usermod -aG %d USER", gid), "the driver's user is in no group %d, so it cannot give the socket to it", gid))
	}
	if p.running {
		return
	}
	for key, path := range map[string]string{"socket.path": p.conf.Socket.Path, "interceptor.path": p.conf.Interceptor.Path, "admin.listen": p.conf.Admin.Listen} {
		if strings.HasPrefix(path, "/") && !p.refused(key) {
			if err := socket.CheckVacant(path); err != nil {
				p.start(key, p.conf.socketFault(key, err))
			}
		}
	}
	if listen := p.conf.Admin.Listen; listen != "" && !strings.HasPrefix(listen, "/") {
		l, err := net.Listen("tcp", listen)
		if err != nil {
			p.start("admin.listen", p.conf.Fault("admin.listen", err, "choose a free address"))
			return
		}
		l.Close()
		p.start("admin.listen", nil)
	}
}

// mayGive reports whether a socket can be given to a group. What is there already may
// be of that group by somebody else's hand, such as systemd's.
func mayGive(path string, gid int) bool {
	groups, _ := os.Getgroups()
	if gid < 0 || os.Geteuid() == 0 || gid == os.Getegid() || slices.Contains(groups, gid) {
		return true
	}
	info, err := disk.OS{}.Lstat(path)
	return err == nil && groupOf(info) == gid
}

// peers sees whether the processes that may call reach the socket at all.
func (p *preflight) peers() {
	gid, err := p.conf.Socket.GID()
	if err != nil {
		return
	}
	if gid < 0 {
		gid = os.Getegid()
	}
	for i, peer := range p.conf.Peer {
		name := fmt.Sprintf("peer[%d]", i)
		if peer.GID != nil {
			if int(*peer.GID) == gid {
				p.add(name, StatusWell, "", "")
			} else {
				p.add(name, LookSkipped, fmt.Sprintf("whether processes of group %d are of group %d too, which the socket is open to, is not known", *peer.GID, gid), "")
			}
			continue
		}
		p.peer(name, int(*peer.UID), gid)
	}
}

func (p *preflight) peer(name string, uid, gid int) {
	if uid == 0 || uid == os.Geteuid() {
		p.add(name, StatusWell, "", "")
		return
	}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		p.add(name, LookSkipped, fmt.Sprintf("there is no user %d here, so whether it is of group %d, which the socket is open to, is not known", uid, gid), "")
		return
	}
	groups, err := u.GroupIds()
	if err == nil && !slices.Contains(groups, strconv.Itoa(gid)) {
		group := strconv.Itoa(gid)
		if g, err := user.LookupGroupId(group); err == nil {
			group = g.Name
		}
		p.add(name, StatusDegraded, fmt.Sprintf("%s is not in the group %s, which alone may open the socket", u.Username, group), fmt.Sprintf("usermod -aG %s %s, and restart the gateway", group, u.Username))
		return
	}
	p.add(name, StatusWell, "", "")
}

// log says what others need to know of the driver's log.
func (p *preflight) log() {
	key, err := p.conf.LogKey()
	switch {
	case err != nil: // which is said
	case key == nil:
		p.add("transparency log", LookSkipped, "there is none: [transparency] names no key", "")
	default:
		p.add("transparency log", StatusWell, "auditors pin "+key.VKey(), "")
	}
}

const (
	// surveyTime bounds how long the local attestations are looked at.
	surveyTime = 20 * time.Second
	// sourceTime bounds how long the source is tried.
	sourceTime = 20 * time.Second
)

// source fetches trust and proves it, as a driver that knows nothing yet would. A driver
// starts without it.
func (p *preflight) source(ctx context.Context) {
	if p.refused("trust.root") {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sourceTime)
	defer cancel()
	epochOf, err := p.fetch(ctx)
	if err == nil {
		p.add("trust.source", StatusWell, epochOf, "")
		return
	}
	remedy := "see docs/operations.md, and whether this machine reaches the source"
	var coded interface{ Code() string }
	if errors.As(err, &coded) {
		remedy = "`sigdriver explain " + coded.Code() + "` says who mends it"
	}
	var place *noFolderError
	if errors.As(err, &place) {
		p.add("trust.source", StatusDegraded, "not tried: "+err.Error(), "set TMPDIR to a folder that the driver's user can write to, and check again")
		return
	}
	text := err.Error()
	if _, known := p.conf.acceptedTrust(); known != nil {
		text = "every answer is DENY until this is mended: " + text
	}
	p.add("trust.source", StatusDegraded, text, remedy)
}

// noFolderError says that a check has no place for what it fetches. The driver needs none.
type noFolderError struct {
	dir string
	err error
}

func (e *noFolderError) Error() string {
	err := e.err
	var file *fs.PathError
	if errors.As(err, &file) {
		err = file.Err
	}
	return fmt.Sprintf("cannot make a folder in %q: %v", e.dir, err)
}

// fetch takes trust from the source into a folder of its own.
func (p *preflight) fetch(ctx context.Context) (found string, err error) {
	root, err := p.conf.PinnedRoot()
	if err != nil {
		return "", err
	}
	source, err := tuf.NewSource(p.conf.Trust.Source)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "sigdriver-check-")
	if err != nil {
		return "", &noFolderError{os.TempDir(), err}
	}
	defer os.RemoveAll(dir)
	client, err := tuf.Open(tuf.Config{Root: root, Source: source, Dir: dir, Logger: hclog.NewNullLogger()})
	if err != nil {
		return "", err
	}
	defer client.Close()
	update, err := client.Refresh(ctx)
	if err != nil {
		return "", err
	}
	src := trust.Source(update.Snapshot, tuf.Note{})
	src.DriverVersion = version.Driver
	if _, err := verifier.ParseTrust(src); err != nil {
		return "", err
	}
	return fmt.Sprintf("serves root v%d, targets v%d, timestamp v%d", src.Versions.Root, src.Versions.Targets, src.Versions.Timestamp), nil
}

// attestations has a look for each path of the local folder that the driver would not
// use, by the trust that it would start with.
func (p *preflight) attestations(ctx context.Context) {
	const key = "attestations.dir"
	if p.conf.Attestations.Dir == "" || p.refused(key) {
		return
	}
	x := trust.NewIndex(p.conf.Attestations.Dir, time.Now, hclog.NewNullLogger())
	t, err := p.conf.acceptedTrust()
	if err == nil {
		x.SetTrust(t, nil)
	}
	ctx, cancel := context.WithTimeout(ctx, surveyTime)
	defer cancel()
	if !x.Fill(ctx) {
		p.add(key, StatusDegraded, "there is more to check than was looked at", "see who writes so many")
	}
	list := x.PassedOver()
	if _, files := x.Current().Size(); files > len(list) && err != nil {
		p.add(key, LookSkipped, "no trust was accepted yet, so what the files prove is not known", "")
	}
	for _, passed := range list {
		text := fmt.Sprintf("%s is passed over: %s: %s", passed.Path, passed.Reason, passed.Detail)
		p.add(key, StatusDegraded, strings.TrimSuffix(text, ": "), "docs/operations.md says what each reason means")
	}
}

// acceptedTrust reads the trust that a driver accepted last, without its lock.
func (c *Config) acceptedTrust() (*verifier.Trust, error) {
	root, err := c.PinnedRoot()
	if err != nil {
		return nil, err
	}
	snapshot, note, err := tuf.AsOf(c.StateDir, root, time.Now())
	if err != nil {
		return nil, err
	}
	src := trust.Source(snapshot, note)
	src.DriverVersion = version.Driver
	return verifier.ParseTrust(src)
}
