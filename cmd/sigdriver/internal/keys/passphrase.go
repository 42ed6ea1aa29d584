// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/term"
)

// maxPassphrase bounds a passphrase in bytes.
const maxPassphrase = 1024

// ErrNoTerminal says that there is nobody to ask for a passphrase.
var ErrNoTerminal = errors.New("a passphrase is needed and there is no terminal to ask on")

// Prompt asks on the process's terminal, without echo. With confirm it asks twice.
func Prompt(question string, confirm bool) Passphrase {
	return func() ([]byte, error) {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return nil, ErrNoTerminal
		}
		defer tty.Close()
		first, err := ask(tty, question)
		if err != nil || !confirm {
			return first, err
		}
		second, err := ask(tty, "Again: ")
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(first, second) {
			return nil, errors.New("the two passphrases differ")
		}
		return first, nil
	}
}

func ask(tty *os.File, question string) ([]byte, error) {
	defer restoreAtSignal(tty, question)()
	fmt.Fprint(tty, question)
	defer fmt.Fprintln(tty)
	return term.ReadPassword(int(tty.Fd()))
}

// restoreAtSignal has a signal that ends or stops the process, such as Ctrl-C or Ctrl-Z,
// give the terminal its echo back first. Who continues a stopped process is asked again,
// without echo. It lasts until what it returns is called.
func restoreAtSignal(tty *os.File, question string) (stop func()) {
	state, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return func() {}
	}
	signals, over := make(chan os.Signal, 1), make(chan struct{})
	for _, s := range append([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}, stopSignals...) {
		if !signal.Ignored(s) { // as by nohup
			signal.Notify(signals, s)
		}
	}
	go func() {
		for {
			select {
			case s := <-signals:
				hidden, err := term.GetState(int(tty.Fd()))
				_ = term.Restore(int(tty.Fd()), state)
				fmt.Fprintln(tty)
				if !slices.Contains(stopSignals, s) {
					end(s)
				}
				stopSelf()
				if err == nil {
					_ = term.Restore(int(tty.Fd()), hidden)
				}
				fmt.Fprint(tty, question)
			case <-over:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(over)
	}
}

// end ends the process by the signal, as if nobody had caught it.
func end(s os.Signal) {
	signal.Reset(s)
	if self, err := os.FindProcess(os.Getpid()); err != nil || self.Signal(s) != nil {
		os.Exit(1)
	}
	select {} // the signal is on its way
}

// FromFD reads the passphrase from an open file descriptor, up to its end; one
// line break at the end is dropped.
func FromFD(fd int) Passphrase {
	return func() ([]byte, error) {
		f := os.NewFile(uintptr(fd), "passphrase")
		if f == nil {
			return nil, fmt.Errorf("no passphrase on file descriptor %d", fd)
		}
		defer f.Close()
		return readPassphrase(f)
	}
}

func readPassphrase(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPassphrase+int64(len("\r\n"))+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the passphrase: %w", err)
	}
	if line, ended := bytes.CutSuffix(data, []byte("\n")); ended {
		data = bytes.TrimSuffix(line, []byte("\r"))
	}
	if len(data) > maxPassphrase {
		return nil, fmt.Errorf("the passphrase is longer than %d bytes", maxPassphrase)
	}
	return data, nil
}

// FromEnv takes the passphrase from the named variable, which must be set. Empty is a
// passphrase too: pipelines have cosign make keys with it.
func FromEnv(name string, lookup func(string) (string, bool)) Passphrase {
	return func() ([]byte, error) {
		value, set := lookup(name)
		if !set {
			return nil, fmt.Errorf("the variable %q that should hold the passphrase is not set", name)
		}
		return []byte(value), nil
	}
}
