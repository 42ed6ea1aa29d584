// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"

	"github.com/sigdriver/sigdriver/verifier"
)

// Subject is a canonical document that can be approved.
type Subject struct {
	verifier.DocumentView
	File string // the file's name, for people
	Size int    // of the body in bytes
	Body []byte
}

// ReadSubject takes the bytes of a document, in a role or in the one it usually
// has. What Verify would refuse is refused here: a signature over it would be of
// bytes that no gateway can use.
func ReadSubject(file string, role verifier.Role, body []byte) (*Subject, error) {
	view, fault := verifier.ViewDocument(role, body)
	if fault == nil {
		return &Subject{*view, file, len(body), body}, nil
	}
	refused := &ApprovalError{Text: fmt.Sprintf("%s: %s", fault.Reason, fault.Detail), Remedy: fault.Hint}
	switch fault.Reason {
	case verifier.DocumentNoncanonical, verifier.DocumentDuplicateKey, verifier.DocumentSurface:
		refused.Remedy = fmt.Sprintf("make the document with `sigdriver canonicalize --type TYPE %q --out document.json` and sign that", file)
	}
	return nil, refused
}
