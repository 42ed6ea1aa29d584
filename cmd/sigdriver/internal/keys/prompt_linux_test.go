// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain is also the process that asks for a passphrase.
func TestMain(m *testing.M) {
	if os.Getenv("KEYS_TEST_ASKS") != "" {
		passphrase, err := Prompt("Passphrase: ", false)()
		fmt.Printf("%q %v", passphrase, err)
		return
	}
	os.Exit(m.Run())
}

// terminal is a terminal of its own, with the side that a person types on.
func terminal(t *testing.T) (person, process *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { person.Close() })
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Skip(err)
	}
	if process, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { process.Close() })
	return person, process
}

// echoes reports whether a terminal shows what is typed.
func echoes(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// TestPromptAndInterrupt types a passphrase, and Ctrl-C in place of one: the terminal
// shows what is typed again, and the process has died of the signal.
func TestPromptAndInterrupt(t *testing.T) {
	for typed, wantSignal := range map[string]bool{"word\n": false, "\x03": true} {
		person, tty := terminal(t)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "KEYS_TEST_ASKS=1")
		var out strings.Builder
		cmd.Stdin, cmd.Stdout = tty, &out
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The question comes before the echo goes: typing waits for both.
		if _, err := bufio.NewReader(person).ReadString(':'); err != nil {
			t.Fatal(err)
		}
		for echoes(t, tty) {
			if err := syscall.Kill(cmd.Process.Pid, 0); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := person.WriteString(typed); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if status.Signaled() != wantSignal || wantSignal && status.Signal() != syscall.SIGINT {
			t.Errorf("%q: %v", typed, err)
		}
		if !wantSignal && out.String() != `"word" <nil>` {
			t.Errorf("%q: %s", typed, out.String())
		}
		if !echoes(t, tty) {
			t.Errorf("%q leaves the terminal without echo", typed)
		}
	}
}
