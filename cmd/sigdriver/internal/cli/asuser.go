// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// userFlag says as whom a driver's files are tried.
type userFlag struct{ name string }

func (f *userFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "user", "", "for root: try everything as this user (default: the one of the unit with this configuration)")
}

// run does something as the user that a driver with this configuration runs as. Root
// becomes that user in a process of its own, so that it is the kernel that says what the
// user may do.
func (f *userFlag) run(env *Env, config string, do func() error) error {
	if os.Geteuid() != 0 {
		if u, err := lookupUser(f.name); f.name != "" && (err != nil || u.Uid != strconv.Itoa(os.Geteuid())) {
			return usageError(errors.New("only root can try it as somebody else"), fmt.Sprintf("run it as root, or as %s", printable(f.name)))
		}
		return do()
	}
	name, group, why := f.name, "", "--user"
	if name == "" {
		name, group, why = unitUser(unitFolders, config)
	}
	if name == "" || name == "root" || name == "0" {
		return do()
	}
	credential, err := credentialOf(name, group)
	if err != nil {
		return usageError(err, fmt.Sprintf("create the user, or name another one with --user (%s names this one)", why))
	}
	fmt.Fprintf(env.Stderr, "sigdriver: trying it as %s, as %s says\n", printable(name), printable(why))
	self := &exec.Cmd{
		Path: "/proc/self/exe", Args: os.Args, // which that user need not be able to find
		Env:   slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TMPDIR=") }), // which may be root's alone
		Stdin: env.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{Credential: credential},
	}
	err = self.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return &ExitError{Code: exit.ExitCode()}
	case err != nil:
		return usageError(fmt.Errorf("cannot become %s: %w", name, err), "run it as that user")
	}
	return nil
}

// lookupUser takes a name or a number.
func lookupUser(name string) (*user.User, error) {
	if _, err := strconv.ParseUint(name, 10, 31); err == nil {
		if u, err := user.LookupId(name); err == nil {
			return u, nil
		}
		return &user.User{Uid: name, Gid: name, Username: name}, nil // as in a container
	}
	return user.Lookup(name)
}

// credentialOf is the user with its groups; a unit may name another primary one.
func credentialOf(name, group string) (*syscall.Credential, error) {
	u, err := lookupUser(name)
	if err != nil {
		return nil, fmt.Errorf("there is no user %q", name)
	}
	ids := []string{u.Uid, u.Gid}
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return nil, fmt.Errorf("there is no group %q", group)
		}
		ids[1] = g.Gid
	}
	more, _ := u.GroupIds() // a user without an entry has none
	var numbers []uint32
	for _, id := range append(ids, more...) {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, uint32(n))
	}
	return &syscall.Credential{Uid: numbers[0], Gid: numbers[1], Groups: numbers[1:]}, nil
}

// unitName is the unit of the packages.
const unitName = "sigdriver.service"

// unitFolders are where systemd looks for units, the first one wins.
var unitFolders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// unitUser reads User= and Group= of the unit that starts a driver with this
// configuration, with its drop-ins; no user if there is none, or it starts another one.
func unitUser(folders []string, config string) (name, group, file string) {
	config, err := filepath.Abs(config)
	if err != nil {
		return "", "", ""
	}
	for _, dir := range folders {
		if _, err := os.Stat(filepath.Join(dir, unitName)); err == nil {
			file = filepath.Join(dir, unitName)
			break
		}
	}
	settings := map[string]string{}
	for _, path := range append([]string{file}, dropIns(folders)...) {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // as systemd does
		}
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				settings[key] = value
			}
		}
	}
	if !slices.Contains(strings.FieldsFunc(settings["ExecStart"], func(r rune) bool { return r == ' ' || r == '=' }), config) {
		return "", "", ""
	}
	return settings["User"], settings["Group"], file
}

// dropIns are the files that change the unit, in the order in which they do.
func dropIns(folders []string) []string {
	byName := map[string]string{}
	for _, dir := range slices.Backward(folders) {
		paths, _ := filepath.Glob(filepath.Join(dir, unitName+".d", "*.conf")) // the pattern is well formed
		for _, path := range paths {
			byName[filepath.Base(path)] = path
		}
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, byName[name])
	}
	return list
}
