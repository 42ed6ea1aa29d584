// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
)

// Lab is a temporary folder with a world in it.
type Lab struct {
	Dir string
	// Binary is the sigdriver that runs, as the command line and as the driver.
	Binary string
}

// NewLab makes a lab in a short temporary path, because a Unix socket's must stay
// below 108 bytes.
func NewLab(binary string) (*Lab, error) {
	dir, err := os.MkdirTemp("", "sigdriver-")
	if err != nil {
		return nil, &NoFolderError{os.TempDir(), err}
	}
	return &Lab{Dir: dir, Binary: binary}, nil
}

// NoFolderError says that there is no place for a temporary folder.
type NoFolderError struct {
	Dir string
	Err error
}

func (e *NoFolderError) Error() string {
	err := e.Err
	var file *fs.PathError
	if errors.As(err, &file) {
		err = file.Err
	}
	return fmt.Sprintf("cannot make a folder in %q: %v", e.Dir, err)
}

func (e *NoFolderError) Unwrap() error { return e.Err }

// Close removes the folder.
func (l *Lab) Close() error { return os.RemoveAll(l.Dir) }

// Path is a path below the lab's folder.
func (l *Lab) Path(elem ...string) string { return filepath.Join(append([]string{l.Dir}, elem...)...) }

// Write writes a file below the lab's folder and returns its path.
func (l *Lab) Write(name string, data []byte) (string, error) {
	path := l.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, data, 0o600)
}

// CommandError is a sigdriver command that failed.
type CommandError struct {
	Args   []string
	Stderr string
	Err    error
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("sigdriver %s: %v\n%s", strings.Join(e.Args, " "), e.Err, e.Stderr)
}

// Unwrap returns the process's error.
func (e *CommandError) Unwrap() error { return e.Err }

// Run runs one sigdriver command in the lab's folder and returns its output.
func (l *Lab) Run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, l.Binary, args...)
	cmd.Dir = l.Dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), &CommandError{args, errs.String(), err}
	}
	return out.String(), nil
}

// Person makes an approver's key pair, keys/NAME.key and keys/NAME.pub, and
// returns the public key as PEM.
func (l *Lab) Person(name string) (string, error) {
	return l.newKey(name, keys.ECDSAP256)
}

// LogKey makes a key for a driver's log, likewise; logs are signed with Ed25519.
func (l *Lab) LogKey(name string) error {
	_, err := l.newKey(name, keys.Ed25519)
	return err
}

func (l *Lab) newKey(name, algorithm string) (string, error) {
	key, err := keys.Generate(algorithm)
	if err != nil {
		return "", err
	}
	private, err := key.Marshal(nil)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(l.Path("keys"), 0o700); err != nil {
		return "", err
	}
	if err := keys.Write(nil, l.Path("keys", name+".key"), private); err != nil {
		return "", err
	}
	return string(key.PublicPEM()), keys.Write(nil, l.Path("keys", name+".pub"), key.PublicPEM())
}

// Driver is a running driver process.
type Driver struct {
	Socket string
	cmd    *exec.Cmd
	log    *os.File
	exited chan error
}

// Start starts the driver on a configuration file and waits until it takes
// connections. A path that is there already may be a killed driver's.
func (l *Lab) Start(ctx context.Context, config, socket string) (*Driver, error) {
	log, err := os.Create(l.Path("driver.log"))
	if err != nil {
		return nil, err
	}
	d := &Driver{Socket: socket, cmd: exec.Command(l.Binary, "serve", "--config", config), log: log, exited: make(chan error, 1)}
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.exited <- d.cmd.Wait() }()
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			return d, conn.Close()
		}
		select {
		case err := <-d.exited:
			said, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("the driver ended (%w):\n%s", err, said)
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), d.cmd.Process.Kill())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// PID is the driver's process id.
func (d *Driver) PID() int { return d.cmd.Process.Pid }

// Stop asks the driver to end and waits for it. A driver that does not drain in
// time is an error.
func (d *Driver) Stop() error {
	defer d.log.Close()
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	select {
	case err := <-d.exited:
		return err
	case <-time.After(10 * time.Second):
		return errors.Join(errors.New("the driver did not end within 10 s"), d.cmd.Process.Kill())
	}
}
