// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

// Bounds of settings.
const (
	minRefresh = time.Second
	maxRefresh = 24 * time.Hour
	maxDeny    = 10000
	maxReserve = 65536
)

// check refuses values that make no sense, in the order of the file's manual.
func (c *Config) check() error {
	return firstError(
		c.checkPath("state_dir", c.StateDir, true),
		c.checkSocket(),
		c.checkPeers(),
		c.checkTrust(),
		c.checkPath("attestations.dir", c.Attestations.Dir, false),
		c.checkRange("audit.deny_per_minute", c.Audit.DenyPerMinute, maxDeny),
		c.checkRange("audit.reserve_mib", c.Audit.ReserveMiB, maxReserve),
		c.checkTransparency(),
		c.checkAttest(),
		c.checkMemory(),
		c.checkLimits(),
		c.checkAdmin(),
		c.checkInterceptor(),
		c.checkWord("log.level", c.Log.Level, "error", "warn", "info", "debug"),
		c.checkWord("log.format", c.Log.Format, "text", "json"),
		c.checkPath("log.detections", c.Log.Detections, false),
	)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkPath(key, path string, required bool) error {
	switch {
	case path == "" && required:
		return c.fault(key, "name a folder", "is required")
	case path == "":
		return nil
	case !filepath.IsAbs(path):
		return c.fault(key, "write an absolute path", "%q is a relative path", path)
	case filepath.Clean(path) != path:
		return c.fault(key, fmt.Sprintf("write %q", filepath.Clean(path)), "%q is not in its shortest form", path)
	}
	return nil
}

func (c *Config) checkSocket() error {
	if c.Socket.Path == "" {
		return c.fault("socket.path", "name a socket, e.g. /run/sigdriver/driver.sock", "is required")
	}
	if err := socket.CheckPath(c.Socket.Path); err != nil {
		return c.socketFault("socket.path", err)
	}
	if _, err := c.Socket.GID(); err != nil {
		return c.fault("socket.group", "name a group of this machine, or its number", "%v", err)
	}
	return nil
}

// socketFault is a *socket.Error as a fault of a key.
func (c *Config) socketFault(key string, err error) error {
	var s *socket.Error
	if !errors.As(err, &s) {
		return c.Fault(key, err, "choose another path")
	}
	e := c.fault(key, s.Remedy, "%q: %s", s.Path, s.Text)
	e.Err = err
	return e
}

// GID returns the group's number, -1 for none.
func (s SocketConfig) GID() (int, error) {
	if s.Group == "" {
		return -1, nil
	}
	if n, err := strconv.ParseUint(s.Group, 10, 31); err == nil {
		return int(n), nil
	}
	g, err := user.LookupGroup(s.Group)
	if err != nil {
		return 0, fmt.Errorf("there is no group %q", s.Group)
	}
	return strconv.Atoi(g.Gid)
}

func (c *Config) checkPeers() error {
	if len(c.Peer) == 0 {
		return c.fault("peer", "add a [[peer]] with the gateway's uid and its gateway_ids", "nobody may call")
	}
	for i, p := range c.Peer {
		at := fmt.Sprintf("peer[%d]", i)
		switch {
		case (p.UID == nil) == (p.GID == nil):
			return c.fault(at, "write one of uid and gid", "needs exactly one of uid and gid")
		case p.UID != nil && *p.UID == socket.OverflowID:
			return c.fault(at+".uid", "name the uid that the gateway has in the driver's user namespace", "%d stands for every user that has no id here", socket.OverflowID)
		case p.GID != nil && *p.GID == socket.OverflowID:
			return c.fault(at+".gid", "name the gid that the gateway has in the driver's user namespace", "%d stands for every group that has no id here", socket.OverflowID)
		case len(p.GatewayIDs) == 0:
			return c.fault(at+".gateway_ids", "list the gateways that it may ask about", "is required")
		}
		for _, id := range p.GatewayIDs {
			if id == "" || len(id) > verifier.MaxName {
				return c.fault(at+".gateway_ids", "write the gateway's id as the gateway sends it", "an id has 1 to %d bytes", verifier.MaxName)
			}
			if strings.Contains(id, "*") {
				return c.fault(at+".gateway_ids", "write each gateway's id", "%q: ids are exact, not patterns", id)
			}
		}
	}
	return nil
}

func (c *Config) checkTrust() error {
	if err := c.checkPath("trust.root", c.Trust.Root, true); err != nil {
		return err
	}
	if c.Trust.Source == "" {
		return c.fault("trust.source", "name the repository: an absolute folder or a URL", "is required")
	}
	if !strings.Contains(c.Trust.Source, "://") {
		if err := c.checkPath("trust.source", c.Trust.Source, true); err != nil {
			return err
		}
	}
	if _, err := tuf.NewSource(c.Trust.Source); err != nil {
		return c.Fault("trust.source", err, "name an absolute folder, or a file, http or https URL")
	}
	if d := time.Duration(c.Trust.RefreshInterval); d < minRefresh || d > maxRefresh {
		return c.fault("trust.refresh_interval", fmt.Sprintf("choose between %s and %s", minRefresh, maxRefresh), "%s is out of range", d)
	}
	return nil
}

func (c *Config) checkRange(key string, n, most int) error {
	if n < 1 || n > most {
		return c.fault(key, fmt.Sprintf("choose between 1 and %d", most), "%d is out of range", n)
	}
	return nil
}

func (c *Config) checkWord(key, word string, words ...string) error {
	if !slices.Contains(words, word) {
		return c.fault(key, "write one of "+strings.Join(words, ", "), "%q is none of them", word)
	}
	return nil
}

func (c *Config) checkAdmin() error {
	listen := c.Admin.Listen
	if listen == "" {
		return nil
	}
	if strings.HasPrefix(listen, "/") {
		if err := socket.CheckPath(listen); err != nil {
			return c.socketFault("admin.listen", err)
		}
		return nil
	}
	addr, err := netip.ParseAddrPort(listen)
	if err != nil || !addr.Addr().IsLoopback() {
		return c.fault("admin.listen", `write a loopback address such as "127.0.0.1:9464", or an absolute path`, "%q is neither a loopback address nor an absolute path", listen)
	}
	return nil
}

func (c *Config) checkInterceptor() error {
	i := c.Interceptor
	switch {
	case i == InterceptorConfig{}:
		return nil
	case i.Path == "":
		return c.fault("interceptor.path", "name a socket, e.g. /run/sigdriver/interceptor.sock", "is required beside gateway_id")
	case i.Path == c.Socket.Path || i.Path == c.Admin.Listen:
		return c.fault("interceptor.path", "name a socket of its own", "%q is used for something else", i.Path)
	}
	if err := socket.CheckPath(i.Path); err != nil {
		return c.socketFault("interceptor.path", err)
	}
	for _, p := range c.Peer {
		if slices.Contains(p.GatewayIDs, i.GatewayID) {
			return nil
		}
	}
	return c.fault("interceptor.gateway_id", "name one of the gateway_ids of a [[peer]]", "%q is no gateway that a peer may speak for", i.GatewayID)
}

// maxRootFile bounds the pinned root.
const maxRootFile = tuf.MaxRoot

// PinnedRoot reads the root metadata that trust begins with.
func (c *Config) PinnedRoot() ([]byte, error) {
	data, err := disk.Read(disk.OS{}, c.Trust.Root, maxRootFile)
	if err != nil {
		return nil, c.Fault("trust.root", err, "name the root metadata, readable to the driver's user")
	}
	return data, nil
}

// place is a file or folder that the configuration names, and a look at it that changes
// nothing.
type place struct {
	key  string
	look func() error
}

// places are those of this configuration, in the order of a start.
func (c *Config) places() []place {
	folder := func(key, path string) place {
		return place{key, func() error {
			if err := socket.CheckFolder(path); err != nil {
				return c.socketFault(key, err)
			}
			return nil
		}}
	}
	list := []place{
		{"state_dir", c.checkState},
		{"audit.reserve_mib", c.checkReserve},
		folder("socket.path", c.Socket.Path),
		{"trust.root", func() error { _, err := c.PinnedRoot(); return err }},
	}
	if c.Transparency.Key != "" {
		list = append(list, place{"transparency.key", func() error { _, err := c.LogKey(); return err }})
	}
	if c.Attest.Key != "" {
		list = append(list, place{"attest.key", func() error { _, err := c.AttestKey(); return err }})
	}
	if c.Memory.Postgres != "" {
		list = append(list, place{"memory.password_file", func() error { _, err := c.Database(); return err }})
	}
	if c.Attestations.Dir != "" {
		list = append(list, place{"attestations.dir", c.checkAttestations})
	}
	if c.Log.Detections != "" {
		list = append(list, place{"log.detections", c.checkDetections})
	}
	if strings.HasPrefix(c.Admin.Listen, "/") {
		list = append(list, folder("admin.listen", c.Admin.Listen))
	}
	if c.Interceptor.Path != "" {
		list = append(list, folder("interceptor.path", c.Interceptor.Path))
	}
	return list
}

// CheckPlaces looks at the files and folders that the configuration names, and returns
// the first fault.
func (c *Config) CheckPlaces() error {
	for _, p := range c.places() {
		if err := p.look(); err != nil {
			return err
		}
	}
	return nil
}

// checkDetections refuses a folder in which the driver's user can make no file.
func (c *Config) checkDetections() error {
	dir := filepath.Dir(c.Log.Detections)
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return c.Fault("log.detections", &fs.PathError{Op: "access", Path: dir, Err: err}, "name a file in a folder that the driver's user may write to")
	}
	return nil
}

func (c *Config) checkAttestations() error {
	d, err := disk.OS{}.Open(c.Attestations.Dir, os.O_RDONLY|disk.Follow, 0)
	if err != nil {
		return c.Fault("attestations.dir", err, "create the folder, readable to the driver's user")
	}
	return d.Close()
}

// checkState refuses a state folder that others can look into or write.
func (c *Config) checkState() error {
	info, err := disk.OS{}.Lstat(c.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		parent, err := disk.OS{}.Stat(filepath.Dir(c.StateDir))
		if err != nil {
			return c.Fault("state_dir", err, "create the folder above it")
		}
		if !parent.IsDir() {
			return c.fault("state_dir", "choose another path", "%q is not a folder", filepath.Dir(c.StateDir))
		}
		return nil
	}
	switch {
	case err != nil:
		return c.Fault("state_dir", err, "make it readable to the driver's user")
	case !info.IsDir():
		return c.fault("state_dir", "name a folder, not a link to one", "%q is not a folder", c.StateDir)
	case int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid():
		return c.fault("state_dir", fmt.Sprintf("chown %d %s", os.Geteuid(), c.StateDir), "%q belongs to another user", c.StateDir)
	case othersMode(info) != 0:
		return c.fault("state_dir", "chmod 0700 "+c.StateDir, "%q has mode %04o: others can look into it", c.StateDir, info.Mode().Perm())
	}
	return nil
}

// PeerList is who may call.
func (c *Config) PeerList() *socket.PeerList {
	var entries []socket.PeerEntry
	for _, p := range c.Peer {
		entries = append(entries, socket.PeerEntry(p))
	}
	return socket.NewPeerList(entries)
}

// NeedRestart lists the keys that differ in next and take effect only when the
// driver starts: all but peer, trust.refresh_interval and log.level.
func (c *Config) NeedRestart(next *Config) []string {
	var keys []string
	for _, k := range []struct {
		key  string
		same bool
	}{
		{"state_dir", c.StateDir == next.StateDir},
		{"socket", c.Socket == next.Socket},
		{"trust.root", c.Trust.Root == next.Trust.Root},
		{"trust.source", c.Trust.Source == next.Trust.Source},
		{"attestations", c.Attestations == next.Attestations},
		{"audit", c.Audit == next.Audit},
		{"transparency", reflect.DeepEqual(c.Transparency, next.Transparency)},
		{"attest", c.Attest == next.Attest},
		{"memory", c.Memory == next.Memory},
		{"limits", c.Limits == next.Limits},
		{"admin", c.Admin == next.Admin},
		{"interceptor", c.Interceptor == next.Interceptor},
		{"log.format", c.Log.Format == next.Log.Format},
		{"log.detections", c.Log.Detections == next.Log.Detections},
	} {
		if !k.same {
			keys = append(keys, k.key)
		}
	}
	return keys
}
