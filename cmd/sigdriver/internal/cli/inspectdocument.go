// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/policy"
	"github.com/sigdriver/sigdriver/verifier"
)

const viewSchema = "application/vnd.sigdriver.view.v1+json"

// viewReport is what inspect says of a document, as JSON.
type viewReport struct {
	Schema   string `json:"schema"`
	Verified bool   `json:"verified"` // always false: inspect verifies nothing
	SHA256   string `json:"sha256"`
	// Fault is why a verifier refuses the document; empty if it is canonical.
	Fault string `json:"fault,omitempty"`
	*policy.View
}

// inspectDocument writes a document's view as JSON, or the document as YAML.
func inspectDocument(w io.Writer, format, name string, data []byte) error {
	doc, err := readGrants(name, data)
	if err != nil {
		return err
	}
	if format == "yaml" {
		fmt.Fprintf(w, "# Not verified: this is what %s says, not whether it is true.\n", printable(fmt.Sprintf("%q", name)))
		_, err := io.WriteString(w, doc.YAML())
		return err
	}
	sum := sha256.Sum256(data)
	r := &viewReport{Schema: viewSchema, SHA256: hex.EncodeToString(sum[:]), View: doc.View()}
	if _, fault := verifier.ViewDocument(verifier.RoleUnspecified, data); fault != nil {
		r.Fault = fault.Reason.String()
	}
	return writeJSON(w, r)
}

// readGrants reads a document for people.
func readGrants(name string, data []byte) (*policy.Document, error) {
	doc, err := policy.Read(data)
	if err == nil && doc.Surface == "" {
		err = fmt.Errorf("it has no @type")
	}
	if err != nil {
		return nil, usageError(fmt.Errorf("%q is no document: %w", name, err), "make the document with `sigdriver canonicalize`, or say with --type what the file is")
	}
	return doc, nil
}
