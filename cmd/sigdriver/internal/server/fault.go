// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/verifier"
)

// domain is that of every ErrorInfo the driver sends.
const domain = "sigdriver.dev"

// The reasons of ErrorInfo, beside those of verifier.RequestError.
const (
	reasonRequestInvalid   = "REQUEST_INVALID"
	reasonRequestTooLarge  = "REQUEST_TOO_LARGE"
	reasonPeerNotAllowed   = "PEER_NOT_ALLOWED"
	reasonOverloaded       = "OVERLOADED"
	reasonAuditUnavailable = "AUDIT_UNAVAILABLE"
	reasonIndexUnavailable = "INDEX_UNAVAILABLE"
	reasonClockUntrusted   = "CLOCK_UNTRUSTED"
	reasonMemoryDown       = "MEMORY_UNAVAILABLE"
	reasonMemoryStale      = "MEMORY_STALE"
	reasonMemoryRolledBack = "MEMORY_ROLLBACK"
	reasonInternal         = "INTERNAL"
)

// fault is a call that has no answer: a status code and one of the reasons.
type fault struct {
	code   codes.Code
	reason string
	text   string
	cause  error
}

func (f *fault) Error() string { return f.reason + ": " + f.text }
func (f *fault) Unwrap() error { return f.cause }

// GRPCStatus makes the fault a status with ErrorInfo.
func (f *fault) GRPCStatus() *status.Status {
	st := status.New(f.code, f.text)
	with, err := st.WithDetails(&errdetails.ErrorInfo{Reason: f.reason, Domain: domain})
	if err != nil {
		return st
	}
	return with
}

func malformed(field, format string, args ...any) error {
	return &fault{code: codes.InvalidArgument, reason: reasonRequestInvalid, text: field + ": " + fmt.Sprintf(format, args...)}
}

func tooLarge(field string, limit int, unit string) error {
	return &fault{code: codes.InvalidArgument, reason: reasonRequestTooLarge, text: fmt.Sprintf("%s: more than %d %s", field, limit, unit)}
}

func foreign(gatewayID []byte) error {
	return &fault{code: codes.PermissionDenied, reason: reasonPeerNotAllowed,
		text: fmt.Sprintf("target.gateway_id: this peer may not speak for %q: list it in the peer's gateway_ids", gatewayID)}
}

// callFault turns an error into the status that its caller gets. Whatever is
// not known is our own fault, and its text stays in our log.
func callFault(err error) error {
	var f *fault
	var r *verifier.RequestError
	var c *record.ClockError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &r):
		return &fault{code: codes.InvalidArgument, reason: r.Reason, text: r.Error(), cause: err}
	case errors.As(err, &c):
		return &fault{code: codes.Unavailable, reason: reasonClockUntrusted, text: c.Error(), cause: err}
	case errors.Is(err, context.Canceled):
		return status.FromContextError(err).Err()
	case errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return internal(err)
}

func internal(err error) error {
	return &fault{code: codes.Internal, reason: reasonInternal, text: "the driver failed: its log says why", cause: err}
}

func auditUnavailable(err error) error {
	return &fault{code: codes.Unavailable, reason: reasonAuditUnavailable, text: "the decision could not be recorded", cause: err}
}

func memoryUnavailable(err error) error {
	return &fault{code: codes.Unavailable, reason: reasonMemoryDown, text: "the memory that drivers share could not be asked to raise a floor", cause: err}
}

func memoryStale(how string) error {
	return &fault{code: codes.Unavailable, reason: reasonMemoryStale, text: "the memory that drivers share cannot be read: " + how}
}

func memoryRolledBack(err error) error {
	return &fault{code: codes.Unavailable, reason: reasonMemoryRolledBack, text: "the memory that drivers share has gone back, or is another one: its operator has to look", cause: err}
}

// errIndexUnavailable ends a call that could not be allowed by what was read so far.
var errIndexUnavailable error = &fault{code: codes.Unavailable, reason: reasonIndexUnavailable, text: "the driver has just started and has not read every attestation: ask again after a pause"}

func receiptUnavailable(err error) error {
	return &fault{code: codes.Unavailable, reason: reasonAuditUnavailable, text: "the receipt could not be signed", cause: err}
}

func overloaded(why string) error {
	return &fault{code: codes.Unavailable, reason: reasonOverloaded, text: why + ": ask again after a pause"}
}

// noReceipts answers Attest where nothing signs.
func noReceipts() error {
	return status.Error(codes.Unimplemented, "this driver signs no receipts: give it a key in the [attest] table of its configuration, or call Verify")
}

func missingCapability(id string) error {
	return status.Errorf(codes.FailedPrecondition, "this driver has no capability %q", id)
}
