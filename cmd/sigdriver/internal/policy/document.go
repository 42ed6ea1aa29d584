// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"strings"
)

// The surfaces: full names of the messages that documents are made of.
const (
	policySurface   = "openshell.sandbox.v1.SandboxPolicy"
	profileSurface  = "openshell.v1.ProviderProfile"
	settingsSurface = "sigdriver.v1.GatewaySettings"
)

// Document is a document that has been read, well or ill.
type Document struct {
	// Surface is the full name of its message, as the document says it; foreign
	// text.
	Surface string
	root    *value
}

// Read reads a document, also one that a verifier refuses: duplicate members are
// kept, and shown as such. The error is a sentence.
func Read(document []byte) (*Document, error) {
	root, err := readTree(document)
	if err != nil {
		return nil, err
	}
	if root.kind != jsonObject {
		return nil, errors.New("a document is a JSON object")
	}
	surface := strings.TrimPrefix(root.text("@type"), "type.googleapis.com/")
	return &Document{Surface: surface, root: root}, nil
}

// Known reports whether this build knows the document's message.
func (d *Document) Known() bool { return schemaOf(d.Surface) != nil }

// message returns what the document should look like; for a surface that is not
// known, a message without fields.
func (d *Document) message() *message {
	if m := schemaOf(d.Surface); m != nil {
		return m
	}
	return &message{}
}

// schemaOf returns the message of a surface, nil if this build does not know it.
func schemaOf(surface string) *message {
	for _, t := range types {
		if t.surface == surface {
			return t.schema
		}
	}
	return nil
}
