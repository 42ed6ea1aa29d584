// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// probe is one thing that must be well for the driver to be ready.
type probe struct {
	Name string
	Well func() bool
}

// adminHandler serves /metrics, /live and /ready. Live means that the process answers,
// nothing else: restarting a driver does not mend its trust.
func adminHandler(m *Metrics, checks []probe) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, DisableCompression: true}))
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "live") })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		text, well := "", true
		for _, c := range checks {
			ok := c.Well()
			well = well && ok
			text += fmt.Sprintf("%s %s\n", c.Name, map[bool]string{true: "ok", false: "failing"}[ok])
		}
		if !well {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, text)
	})
	return mux
}

// serveAdmin answers on a listener until it is closed. It is bounded in every way.
func serveAdmin(l net.Listener, h http.Handler, logger hclog.Logger) *http.Server {
	s := adminServer(h, logger)
	go runAdmin(s, l, logger)
	return s
}

func adminServer(h http.Handler, logger hclog.Logger) *http.Server {
	return &http.Server{
		Handler: answering(h), ConnContext: withAdminConn, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 8 << 10, ErrorLog: logger.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
}

func runAdmin(s *http.Server, l net.Listener, logger hclog.Logger) {
	if err := s.Serve(&adminListener{Listener: l, limit: maxAdminConns}); err != http.ErrServerClosed {
		logger.Error("the admin listener stopped", "error", err)
	}
}
