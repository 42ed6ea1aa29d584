// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/verifier"
)

// The services that health knows.
const (
	healthProcess = ""      // the process answers
	healthTrust   = "trust" // there is trust that is not refused, and a clock to judge it by
	healthAudit   = "audit" // decisions can be recorded, and receipts numbered
)

// health answers grpc.health.v1 with how things are at the moment of the call.
type health struct {
	grpc_health_v1.UnimplementedHealthServer
	server *Server
}

// Healthy reports whether one of the services of grpc.health.v1 is well; known is
// false for a service that there is none of.
func (s *Server) Healthy(service string) (well, known bool) {
	switch service {
	case healthProcess:
		return true, true
	case healthTrust:
		now, err := s.Clock.Now()
		return err == nil && s.Trust.Current().Trust.State(now).Condition != verifier.Refused, true
	case healthAudit:
		return s.Recording() && (s.Log == nil || s.Log.Well()), true
	}
	return false, false
}

// Recording reports whether decisions can be recorded, so that they may be answered.
// A transparency log that is late does not count.
func (s *Server) Recording() bool {
	return s.Record.Ready() == nil && (s.Attester == nil || s.Attester.Err() == nil) && (s.Log == nil || s.Log.MayAllow() == nil)
}

func (h *health) status(service string) grpc_health_v1.HealthCheckResponse_ServingStatus {
	switch well, known := h.server.Healthy(service); {
	case !known:
		return grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN
	case well:
		return grpc_health_v1.HealthCheckResponse_SERVING
	}
	return grpc_health_v1.HealthCheckResponse_NOT_SERVING
}

// Check implements grpc.health.v1.
func (h *health) Check(_ context.Context, req *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	st := h.status(req.GetService())
	if st == grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN {
		return nil, status.Error(codes.NotFound, "unknown service")
	}
	return &grpc_health_v1.HealthCheckResponse{Status: st}, nil
}

// List implements grpc.health.v1.
func (h *health) List(context.Context, *grpc_health_v1.HealthListRequest) (*grpc_health_v1.HealthListResponse, error) {
	out := &grpc_health_v1.HealthListResponse{Statuses: map[string]*grpc_health_v1.HealthCheckResponse{}}
	for _, service := range []string{healthProcess, healthTrust, healthAudit} {
		out.Statuses[service] = &grpc_health_v1.HealthCheckResponse{Status: h.status(service)}
	}
	return out, nil
}

// Watch implements grpc.health.v1.
func (h *health) Watch(req *grpc_health_v1.HealthCheckRequest, out grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	last := grpc_health_v1.HealthCheckResponse_UNKNOWN
	for {
		if st := h.status(req.GetService()); st != last {
			if err := out.Send(&grpc_health_v1.HealthCheckResponse{Status: st}); err != nil {
				return err
			}
			last = st
		}
		select {
		case <-tick.C:
		case <-out.Context().Done():
			return out.Context().Err()
		case <-h.server.done:
			return status.Error(codes.Unavailable, "the driver shuts down")
		}
	}
}
