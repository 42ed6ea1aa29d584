// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	signingv1 "github.com/sigdriver/sigdriver/proto/signing/v1"
	"github.com/sigdriver/sigdriver/verifier"
)

// ParseRequest reads the ProtoJSON of a VerifyRequest as Verify reads its bytes:
// what it takes is what the driver would judge. Errors say what Verify would
// answer with INVALID_ARGUMENT.
func ParseRequest(text []byte) (*verifier.Request, error) {
	var m signingv1.VerifyRequest
	if err := protojson.Unmarshal(text, &m); err != nil {
		return nil, malformed("request", "is not the ProtoJSON of a VerifyRequest: %v", err)
	}
	data, err := proto.Marshal(&m)
	if err != nil {
		return nil, err
	}
	if len(data) > verifier.MaxRequest {
		return nil, tooLarge("request", verifier.MaxRequest, "bytes")
	}
	req, _, err := decodeRequest(data)
	if err != nil {
		return nil, err
	}
	return req, verifier.CheckRequest(req)
}
