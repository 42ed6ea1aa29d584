// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
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

// asking is a process that has asked for a passphrase on a terminal of its own, which
// shows nothing of what is typed.
func asking(t *testing.T) (person, tty *os.File, cmd *exec.Cmd, out *strings.Builder) {
	t.Helper()
	person, tty = terminal(t)
	cmd, out = exec.Command(os.Args[0]), new(strings.Builder)
	cmd.Env = append(os.Environ(), "KEYS_TEST_ASKS=1")
	cmd.Stdin, cmd.Stdout = tty, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	// Tests in the background may have been started with interrupts ignored, and so would what
	// they start. What is caught here is not.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP)
	defer signal.Stop(caught)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	asked(t, person, tty, cmd)
	return person, tty, cmd, out
}

// asked waits for the question and, since it comes before the echo goes, for that too.
func asked(t *testing.T, person, tty *os.File, cmd *exec.Cmd) {
	t.Helper()
	if _, err := bufio.NewReader(person).ReadString(':'); err != nil {
		t.Fatal(err)
	}
	for echoes(t, tty) {
		if err := syscall.Kill(cmd.Process.Pid, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPromptAndInterrupt types a passphrase, and Ctrl-C or Ctrl-\ in place of one: the
// terminal shows what is typed again, and the process has ended as by the signal.
func TestPromptAndInterrupt(t *testing.T) {
	for typed, want := range map[string]func(syscall.WaitStatus) bool{
		"word\n": func(s syscall.WaitStatus) bool { return s.ExitStatus() == 0 },
		"\x03":   func(s syscall.WaitStatus) bool { return s.Signaled() && s.Signal() == syscall.SIGINT },
		"\x1c":   func(s syscall.WaitStatus) bool { return s.ExitStatus() == 2 }, // Go shows its goroutines first
	} {
		person, tty, cmd, out := asking(t)
		if _, err := person.WriteString(typed); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		if !want(cmd.ProcessState.Sys().(syscall.WaitStatus)) {
			t.Errorf("%q: %v", typed, err)
		}
		if typed == "word\n" && out.String() != `"word" <nil>` {
			t.Errorf("%q: %s", typed, out.String())
		}
		if !echoes(t, tty) {
			t.Errorf("%q leaves the terminal without echo", typed)
		}
	}
}

// TestPromptStopped types Ctrl-Z in place of a passphrase: the terminal of the stopped
// process shows what is typed. Continued it asks again, and shows nothing.
func TestPromptStopped(t *testing.T) {
	person, tty, cmd, out := asking(t)
	if _, err := person.WriteString("\x1a"); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("not stopped: %v %v", status, err)
	}
	if !echoes(t, tty) {
		t.Error("a stopped process leaves the terminal without echo")
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	asked(t, person, tty, cmd)
	if _, err := person.WriteString("word\n"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || out.String() != `"word" <nil>` {
		t.Errorf("%s: %v", out.String(), err)
	}
	if !echoes(t, tty) {
		t.Error("the terminal is left without echo")
	}
}
