// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"os"
	"syscall"
	"testing"
)

func TestPassphraseFromDescriptor(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("from a pipe\r\n"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	defer r.Close()
	fd, err := syscall.Dup(int(r.Fd())) // FromFD closes what it reads
	if err != nil {
		t.Fatal(err)
	}
	if got, err := FromFD(fd)(); err != nil || string(got) != "from a pipe" {
		t.Errorf("from a descriptor: %q, %v", got, err)
	}
}
