// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"os"
)

// WriteConfig writes a configuration for a driver that follows the repository in
// the lab's trust/ folder, looks for attestations in attestations/ and answers this user
// about one gateway. more is TOML that goes to its end. It returns the file and
// the socket.
func (l *Lab) WriteConfig(gatewayID, more string) (config, socket string, err error) {
	if err := os.MkdirAll(l.Path("attestations"), 0o700); err != nil {
		return "", "", err
	}
	socket = l.Path("run", "sigdriver.sock")
	config, err = l.Write("sigdriver.toml", fmt.Appendf(nil, `state_dir = %q

[socket]
path = %q

[[peer]]
uid = %d
gateway_ids = [%q]

[trust]
root = %q
source = %q
refresh_interval = "1s"

[attestations]
dir = %q
%s`, l.Path("state"), socket, os.Getuid(), gatewayID,
		l.Path("trust", "published", "metadata", "1.root.json"), l.Path("trust", "published"), l.Path("attestations"), more))
	return config, socket, err
}
