// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/daemon"
)

// operatorFlags say how a running driver is reached: on its admin socket.
type operatorFlags struct{ admin, config string }

// maxAnswerOfDriver bounds what a driver says of itself, in bytes.
const maxAnswerOfDriver = 16 << 20

func (f *operatorFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.admin, "admin", "", "the driver's admin socket (default: admin.listen of --config)")
	cmd.Flags().StringVar(&f.config, "config", defaultConfigFile, "the driver's configuration, which names its admin socket")
	cmd.MarkFlagsMutuallyExclusive("admin", "config")
}

// socket is the path of the admin socket.
func (f *operatorFlags) socket() (string, error) {
	if f.admin != "" {
		return f.admin, nil
	}
	conf, err := daemon.LoadConfig(f.config)
	if err != nil {
		return "", usageError(err, "give the admin socket with --admin, or the driver's configuration with --config")
	}
	if !strings.HasPrefix(conf.Admin.Listen, "/") {
		return "", usageError(fmt.Errorf("%q names no admin socket", f.config), `write admin.listen = "/var/lib/sigdriver/admin.sock", or another absolute path, and restart the driver`)
	}
	return conf.Admin.Listen, nil
}

// configuredState is the state folder of the driver that packages install; "" for none.
func configuredState() string {
	conf, err := daemon.LoadConfig(defaultConfigFile)
	if err != nil {
		return ""
	}
	return conf.StateDir
}

// call asks the driver.
func (f *operatorFlags) call(method, path string, body []byte) ([]byte, error) {
	socket, err := f.socket()
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: notElsewhere, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequest(method, "http://driver"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, noDriver(socket, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerOfDriver))
	switch {
	case err != nil:
		return nil, noDriver(socket, err)
	case resp.StatusCode == http.StatusOK:
		return answer, nil
	case resp.StatusCode == http.StatusBadRequest:
		return nil, usageError(errors.New(refusalText(answer)), "`sigdriver explain` says more about its code")
	}
	return nil, &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("the driver answers %s: %s", clip(resp.Status, 80), refusalText(answer)), Remedy: "`sigdriver status` and the driver's log say more"}
}

// noDriver is no answer. What is wrong with the socket is all that is known.
// notElsewhere has a driver that sends its caller elsewhere be a fault of its answer.
func notElsewhere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// maxRefusal bounds in bytes what is shown of an answer that is no result. A driver's own
// are shorter; what else may listen there fills nobody's terminal.
const maxRefusal = 2048

func refusalText(answer []byte) string {
	return clip(strings.TrimSpace(string(answer[:min(len(answer), 2*maxRefusal)])), maxRefusal)
}

func noDriver(socket string, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("no driver answers on %q: %w", socket, err),
		Remedy: "see that the driver runs, and run this as its user or as root"}
}
