// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package socket

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// firstActivated is the descriptor at which systemd hands over sockets.
const firstActivated = 3

// Activated reports whether systemd passed sockets to this very process.
func Activated() bool {
	return os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) && os.Getenv("LISTEN_FDS") != ""
}

// FromSystemd takes the one socket that systemd passed. It must be a listening
// Unix stream socket at path, in a folder as Listen demands, and not open to
// everybody. Close leaves the file alone: systemd owns it.
func FromSystemd(path string) (*Socket, error) {
	n := os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	if n != "1" {
		return nil, &Error{path, fmt.Sprintf("systemd passed %q sockets", n), "keep one ListenStream= in the socket unit"}
	}
	return fromDescriptor(firstActivated, path)
}

func fromDescriptor(fd int, path string) (*Socket, error) {
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "systemd socket")
	defer f.Close() // FileListener works on a copy
	l, err := net.FileListener(f)
	if err != nil {
		return nil, &Error{path, err.Error(), "use ListenStream= with a path in the socket unit"}
	}
	ul, ok := l.(*net.UnixListener)
	if !ok || ul.Addr().String() != path {
		l.Close()
		return nil, &Error{path, fmt.Sprintf("systemd listens on %q", l.Addr()), "write the same path in the socket unit and in the config"}
	}
	ul.SetUnlinkOnClose(false)
	file, err := checkActivated(path)
	if err != nil {
		ul.Close()
		return nil, err
	}
	return &Socket{options: Options{Path: path, FS: disk.OS{}}, listener: ul, file: file}, nil
}

// checkActivated judges a socket that another program made for us.
func checkActivated(path string) (fileID, error) {
	info, err := disk.OS{}.Lstat(path)
	if err != nil {
		return fileID{}, &Error{path, err.Error(), "restart the socket unit"}
	}
	if info.Mode().Perm()&0o007 != 0 {
		return fileID{}, &Error{path, fmt.Sprintf("its mode is %04o: everybody may connect", info.Mode().Perm()), "set SocketMode=0660 in the socket unit"}
	}
	return idOf(info), nil
}

// Notify sends a state to systemd by its datagram protocol (sd_notify), and does nothing
// where nobody asked for it.
func Notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}) // @ stands for an abstract one
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}

// WatchdogInterval is how often systemd wants to hear WATCHDOG=1, with room to spare; 0
// for never.
func WatchdogInterval() time.Duration {
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if pid := os.Getenv("WATCHDOG_PID"); err != nil || usec <= 0 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(usec) * time.Microsecond / 2
}
