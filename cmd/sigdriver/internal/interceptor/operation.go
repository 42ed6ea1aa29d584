// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package interceptor

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sigdriver/sigdriver/verifier"
)

// defaultWorkspace is what the gateway takes an empty workspace for.
const defaultWorkspace = "default"

// refusal is an operation that is denied before anything is judged. It is a
// result, not a fault.
type refusal struct {
	reason verifier.Reason
	text   string // a sentence with a remedy
}

func (r *refusal) Error() string { return r.reason.String() + ": " + r.text }

func refuse(reason verifier.Reason, format string, args ...any) error {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

// operation is one write, and what it brings in.
type operation struct {
	method string
	fields map[string]*structpb.Value
	user   bool // a user asks the gateway, not a sandbox and not nobody
	// governs says whether trust has a rule for settings.
	governs func() bool

	items []item
}

// item is a document that an operation brings in.
type item struct {
	at        string // where it stood, for people
	role      verifier.Role
	workspace string // of the target
	scope     string // of a profile: the workspace that it belongs to, or empty
	name      string // of the sandbox
	body      []byte
}

// only refuses members that this build does not know: a later gateway may bring
// a policy in by one of them.
func (o *operation) only(where string, fields map[string]*structpb.Value, names ...string) error {
	var unknown []string
	for name := range fields {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return refuse(verifier.DocumentMissing, "%s has a member %.60q that this driver does not know: use a driver that knows the gateway's version", where, unknown[0])
}

// request names the members of a request: those of both lines of OpenShell, of 0.0 alone
// and of 0.1 alone, up to 0.1.5.
type request struct{ both, old, later []string }

// requests are those that are read, by the method.
var requests = map[string]request{
	"CreateSandbox": {
		both:  []string{"spec", "name", "labels", "annotations"},
		old:   []string{"workspace"},
		later: []string{"workspaceScope", "awaitMainProcessAttachment", "workloadTemplate", "requestId", "serviceExposures"},
	},
	"AttachSandboxProvider": {
		both:  []string{"expectedResourceVersion"},
		old:   []string{"sandboxName", "providerName", "workspace"},
		later: []string{"sandbox", "provider", "workspaceScope", "requestId"},
	},
	"ImportProviderProfiles": {
		both:  []string{"profiles"},
		old:   []string{"workspace"},
		later: []string{"workspaceScope", "requestId"},
	},
	"UpdateProviderProfiles": {
		both:  []string{"profile", "expectedResourceVersion", "id"},
		old:   []string{"workspace"},
		later: []string{"workspaceScope", "requestId"},
	},
	"UpdateConfig": {
		both:  []string{"policy", "settingKey", "settingValue", "deleteSetting", "global", "mergeOperations", "expectedResourceVersion", "annotations"},
		old:   []string{"name", "workspace"},
		later: []string{"sandbox", "workspaceScope", "requestId"},
	},
	"SubmitPolicyAnalysis": {
		both:  []string{"summaries", "proposedChunks", "analysisMode", "name", "networkActivitySummaries"},
		old:   []string{"workspace"},
		later: []string{"workspaceScope"},
	},
}

// specMembers are those of the spec of a sandbox, of either line.
var specMembers = []string{"logLevel", "environment", "template", "policy", "providers", "resourceRequirements", "command", "tty", "providerAttachmentEpoch", "restartPolicy"}

// takes refuses members that this build does not know, and a request in the words of
// both lines: no gateway sends one.
func (o *operation) takes() error {
	r := requests[o.method]
	if err := o.only(o.method, o.fields, slices.Concat(r.both, r.old, r.later)...); err != nil {
		return err
	}
	has := func(names []string) string {
		for _, name := range names {
			if _, there := o.fields[name]; there {
				return name
			}
		}
		return ""
	}
	old, later := has(r.old), has(r.later)
	if old != "" && later != "" {
		return refuse(verifier.DocumentMissing, "%s has %s, of OpenShell 0.0, and %s, of 0.1: send the request of one of them", o.method, old, later)
	}
	return nil
}

// sandbox returns the name of the sandbox that an operation is about.
func (o *operation) sandbox() (string, error) {
	if _, there := o.fields["sandbox"]; there {
		return text(o.fields, "sandbox")
	}
	return text(o.fields, "name")
}

// scope returns the workspace that an operation names, empty for none: by its name, or
// from OpenShell 0.1 on by a choice of one or all.
func (o *operation) scope() (workspace string, all bool, err error) {
	if _, there := o.fields["workspaceScope"]; !there {
		workspace, err = text(o.fields, "workspace")
		return workspace, false, err
	}
	choice, err := message(o.fields, "workspaceScope")
	if err != nil {
		return "", false, err
	}
	if err := o.only("workspaceScope", choice.GetFields(), "workspace", "allWorkspaces"); err != nil {
		return "", false, err
	}
	every, err := message(choice.GetFields(), "allWorkspaces")
	if err != nil {
		return "", false, err
	}
	workspace, err = text(choice.GetFields(), "workspace")
	if every != nil && workspace != "" {
		return "", false, refuse(verifier.DocumentMissing, "workspaceScope names one workspace and all of them: send one of the two")
	}
	return workspace, every != nil, err
}

// text returns a string member, empty when it is absent.
func text(fields map[string]*structpb.Value, name string) (string, error) {
	v, there := fields[name]
	if !there {
		return "", nil
	}
	s, ok := v.GetKind().(*structpb.Value_StringValue)
	if !ok {
		return "", refuse(verifier.DocumentMissing, "%s is no string: send the request in ProtoJSON shape", name)
	}
	return s.StringValue, nil
}

// flag returns a boolean member, false when it is absent.
func flag(fields map[string]*structpb.Value, name string) (bool, error) {
	v, there := fields[name]
	if !there {
		return false, nil
	}
	b, ok := v.GetKind().(*structpb.Value_BoolValue)
	if !ok {
		return false, refuse(verifier.DocumentMissing, "%s is no boolean: send the request in ProtoJSON shape", name)
	}
	return b.BoolValue, nil
}

// message returns the members of a message, nil when it is absent.
func message(fields map[string]*structpb.Value, name string) (*structpb.Struct, error) {
	v, there := fields[name]
	if !there {
		return nil, nil
	}
	s, ok := v.GetKind().(*structpb.Value_StructValue)
	if !ok {
		return nil, refuse(verifier.DocumentMissing, "%s is no message: send the request in ProtoJSON shape", name)
	}
	return s.StructValue, nil
}

// list returns the elements of a repeated member.
func list(fields map[string]*structpb.Value, name string) ([]*structpb.Value, error) {
	v, there := fields[name]
	if !there {
		return nil, nil
	}
	l, ok := v.GetKind().(*structpb.Value_ListValue)
	if !ok {
		return nil, refuse(verifier.DocumentMissing, "%s is no list: send the request in ProtoJSON shape", name)
	}
	return l.ListValue.GetValues(), nil
}

// workspace returns where an operation happens.
func (o *operation) workspace() (string, error) {
	w, all, err := o.scope()
	if err == nil && all {
		return "", refuse(verifier.DocumentMissing, "%s is about one sandbox and names all workspaces: name one", o.method)
	}
	if w == "" {
		w = defaultWorkspace
	}
	return w, err
}

// add brings a message into the form of its document.
func (o *operation) add(i item, body *structpb.Struct) error {
	protojson, err := appendObject(nil, body, 1)
	if err != nil {
		return refuse(verifier.DocumentNoncanonical, "%s: %v", i.at, err)
	}
	i.body, _, err = verifier.Canonicalize(i.role, protojson)
	var cannot *verifier.CanonicalizeError
	if errors.As(err, &cannot) {
		return refuse(cannot.Reason, "%s: %v", i.at, cannot)
	}
	if err != nil {
		return err
	}
	o.items = append(o.items, i)
	return nil
}
