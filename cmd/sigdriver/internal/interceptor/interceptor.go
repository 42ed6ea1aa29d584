// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Package interceptor answers OpenShell's interceptor contract, so that a stock
// gateway asks the driver before it stores a policy or profile. It finds the
// documents in a write and asks the question ADMIT about each, on the path that
// every gateway's question takes. It judges nothing by itself, except that it
// refuses writes that do not say what they lead to.
//
// It is early feedback. What is served to sandboxes no interceptor sees: that is
// the boundary, and needs the hook.
package interceptor

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/interceptor/wire"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
)

const (
	// name is what the manifest calls us.
	name = "sigdriver"
	// failClosed is the only failure policy that a boundary can have.
	failClosed = "fail_closed"
	// denied is the status of a denial.
	denied = "PERMISSION_DENIED"
	// maxReason bounds the reason of a denial, in bytes.
	maxReason = 1024
)

// Driver answers an encoded VerifyRequest with an encoded VerifyResponse, as the
// server does for a gateway's own question.
type Driver interface {
	Answer(ctx context.Context, caller socket.Credentials, request []byte) ([]byte, error)
}

// Config is what a Service is made of. All fields are required.
type Config struct {
	Driver Driver
	// GatewayID is the gateway on whose socket we listen.
	GatewayID string
	// Governed says whether trust, as it is now, has an enforced rule for the
	// settings of the gateway, or is missing.
	Governed func() bool
	Metrics  Metrics
	Logger   hclog.Logger
}

// Metrics hears of each evaluation. The method is one of Routes or "other".
type Metrics interface {
	Intercepted(method string, allowed bool)
}

// Service implements the contract.
type Service struct {
	wire.UnimplementedGatewayInterceptorServer
	Config
}

// New makes a service.
func New(c Config) *Service { return &Service{Config: c} }

// Admission bounds what callers hold, on this listener and the others.
type Admission interface {
	Options() []grpc.ServerOption
	// Admit returns a service that receives messages within the bounds; whole says
	// that a message costs many times its size.
	Admit(desc grpc.ServiceDesc, whole bool) *grpc.ServiceDesc
}

// GRPC returns a gRPC server that serves the contract and nothing else.
func (s *Service) GRPC(a Admission) *grpc.Server {
	g := grpc.NewServer(append(a.Options(), grpc.Creds(socket.Transport{}), grpc.UnaryInterceptor(s.guard), grpc.ForceServerCodecV2(newCodec()))...)
	g.RegisterService(a.Admit(wire.GatewayInterceptor_ServiceDesc, true), s)
	return g
}

// guard makes an error of a panic: every binding fails closed.
func (s *Service) guard(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Logger.Error("panic while answering: please report it", "panic", fmt.Sprintf("%T", p))
			err = status.Error(codes.Internal, "the driver failed: its log says why")
		}
	}()
	return next(ctx, req)
}

// contract is the capability that both sides have to have, of the first version.
const (
	contract      = "openshell.gateway-interceptor.contract"
	contractMajor = 1
)

// introduce answers a gateway that introduces itself, as all do from OpenShell 0.1.0
// on; nil for one that does not. An error ends the gateway's start.
func introduce(gateway *wire.PeerMetadata) (*wire.PeerMetadata, error) {
	if gateway == nil {
		return nil, nil
	}
	if major := gateway.GetProtocolVersion().GetMajor(); major != contractMajor {
		return nil, status.Errorf(codes.FailedPrecondition, "the gateway speaks version %d of the interceptor contract, this driver speaks %d: use a driver that knows the gateway's version", major, contractMajor)
	}
	if !slices.Contains(gateway.GetSupportedCapabilities(), contract) {
		return nil, status.Errorf(codes.FailedPrecondition, "the gateway does not offer %s, which this driver needs", contract)
	}
	for _, c := range gateway.GetRequiredCapabilities() {
		if c != contract {
			return nil, status.Errorf(codes.FailedPrecondition, "the gateway needs %.80q, which this driver does not have: use a driver that knows the gateway's version", c)
		}
	}
	return &wire.PeerMetadata{
		ProtocolVersion: &wire.ProtocolVersion{Major: contractMajor}, ImplementationName: name, ImplementationVersion: version.Driver,
		SupportedCapabilities: []string{contract}, RequiredCapabilities: []string{contract},
	}, nil
}

// Describe declares a binding for every write that brings something in.
func (s *Service) Describe(_ context.Context, in *wire.DescribeRequest) (*wire.InterceptorManifest, error) {
	self, err := introduce(in.GetGateway())
	if err != nil {
		return nil, err
	}
	m := &wire.InterceptorManifest{Name: name, FailurePolicy: failClosed, Extension: self}
	for _, r := range Routes {
		if r.Bound {
			m.Bindings = append(m.Bindings, &wire.InterceptorBinding{
				Id: name + "-" + r.Method, Selector: &wire.InterceptorSelector{Rpc: service + "/" + r.Method},
				Phases:        []wire.GatewayInterceptorPhase{wire.GatewayInterceptorPhase_GATEWAY_INTERCEPTOR_PHASE_VALIDATE},
				FailurePolicy: failClosed,
			})
		}
	}
	return m, nil
}

// Evaluate judges one write. An error means that the driver could not decide,
// and denies too.
func (s *Service) Evaluate(ctx context.Context, in *wire.InterceptorEvaluation) (*wire.InterceptorResult, error) {
	route := routeOf(in.GetService(), in.GetMethod())
	label := "other"
	if route != nil {
		label = route.Method
	}
	notes := map[string]string{}
	err := s.evaluate(ctx, route, in, notes)
	var no *refusal
	if err != nil && !errors.As(err, &no) {
		s.Logger.Error("no decision about a write", "method", label, "error", err)
		return nil, err
	}
	s.Metrics.Intercepted(label, err == nil)
	if no != nil {
		s.Logger.Info("write denied", "method", label, "reason", no.reason.String())
		return &wire.InterceptorResult{Reason: clip(no.Error()), StatusCode: denied, LogAnnotations: notes}, nil
	}
	return &wire.InterceptorResult{Allowed: true, LogAnnotations: notes}, nil
}

// evaluate returns nil for a write that may be carried out, a *refusal for one
// that may not, and any other error when nothing was decided.
func (s *Service) evaluate(ctx context.Context, route *Route, in *wire.InterceptorEvaluation, notes map[string]string) error {
	if route == nil {
		return refuse(verifier.DocumentMissing, "%.80q is no write that this driver declared: bind only what its manifest names", in.GetService()+"/"+in.GetMethod())
	}
	if in.GetValidate().GetProposedOperation() == nil {
		return refuse(verifier.DocumentMissing, "there is no operation to validate: bind the phase validate only")
	}
	o := &operation{
		method: route.Method, fields: in.GetValidate().GetProposedOperation().GetFields(),
		user: in.GetPrincipal()["kind"] == "user", governs: s.Governed,
	}
	if err := route.read(o); err != nil {
		return err
	}
	for i := range o.items {
		if err := s.admit(ctx, &o.items[i], notes); err != nil {
			return err
		}
	}
	return nil
}

// admit asks the question ADMIT about one document.
func (s *Service) admit(ctx context.Context, i *item, notes map[string]string) error {
	caller, ok := socket.PeerFromContext(ctx)
	if !ok {
		return status.Error(codes.PermissionDenied, "nobody vouches for the caller")
	}
	sum := sha256.Sum256(i.body)
	id := "interceptor-" + rand.Text()
	request, err := proto.Marshal(&signingv1.VerifyRequest{
		RequestId: id,
		Purpose:   signingv1.Purpose_PURPOSE_ADMIT,
		Target:    &signingv1.Target{GatewayId: s.GatewayID, Workspace: i.workspace, Name: i.name},
		Documents: []*signingv1.Document{{Role: signingv1.Role(i.role), Workspace: i.scope, Body: i.body}},
	})
	if err != nil {
		return refuse(verifier.DocumentNoncanonical, "%s: a name is no UTF-8", i.at)
	}
	encoded, err := s.Driver.Answer(ctx, caller, request)
	if status.Code(err) == codes.InvalidArgument {
		return refuse(verifier.DocumentMissing, "%s: %s", i.at, status.Convert(err).Message())
	}
	if err != nil {
		return err
	}
	var answer signingv1.VerifyResponse
	if err := proto.Unmarshal(encoded, &answer); err != nil {
		return err
	}
	notes["sigdriver_sha256"] = hex.EncodeToString(sum[:])
	if r := answer.GetReceipt(); r != nil {
		notes["sigdriver_log_index"] = strconv.FormatUint(r.GetLogIndex(), 10)
	}
	return verdict(i, id, &answer)
}

// verdict is nil for an ALLOW, whatever else an answer says. A refusal tells the
// gateway's caller the reason and the request, and not who would have to approve: the
// driver's log has that, under the same id.
func verdict(i *item, id string, answer *signingv1.VerifyResponse) error {
	if answer.GetVerdict() == signingv1.Verdict_VERDICT_ALLOW {
		return nil
	}
	return refuse(verifier.Reason(answer.GetReason()), "%s is not approved here; request %s: the driver's log says what is missing", i.at, id)
}

// clip shortens a reason between characters.
func clip(s string) string {
	if len(s) <= maxReason {
		return s
	}
	n := maxReason - len("…")
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
