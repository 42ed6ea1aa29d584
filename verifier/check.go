// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// RequestError is a request that has no answer because its caller made a
// mistake: the wrong shape for its purpose, or something past a limit. It says
// nothing about a policy.
type RequestError struct {
	Reason string // REQUEST_INVALID or REQUEST_TOO_LARGE
	Field  string // the protobuf field's path
	Text   string // one sentence; foreign text in it is quoted
}

func (e *RequestError) Error() string { return e.Field + ": " + e.Text }

func invalid(field, format string, args ...any) error {
	return &RequestError{"REQUEST_INVALID", field, fmt.Sprintf(format, args...)}
}

func tooLarge(field string, limit int, unit string) error {
	return &RequestError{"REQUEST_TOO_LARGE", field, fmt.Sprintf("more than %d %s", limit, unit)}
}

// CheckRequest refuses a request whose shape does not fit its purpose. The error
// is always a *RequestError. What is wrong inside a body or an attestation, and
// a document that is not there, is for Verify to deny.
func CheckRequest(req *Request) error {
	// SPEC: R2 the request has exactly the shape of its purpose.
	for _, n := range []struct{ field, value string }{
		{"target.gateway_id", req.Target.GatewayID},
		{"target.workspace", req.Target.Workspace},
		{"target.sandbox_id", req.Target.SandboxID},
		{"target.name", req.Target.Name},
		{"recipe", req.Recipe},
	} {
		if err := checkText(n.field, n.value); err != nil {
			return err
		}
	}
	if req.Target.GatewayID == "" {
		return invalid("target.gateway_id", "is required")
	}
	if len(req.Documents) > MaxDocuments {
		return tooLarge("documents", MaxDocuments, "documents")
	}
	if len(req.Effective) > MaxEffective {
		return tooLarge("effective", MaxEffective, "bytes")
	}
	for i := range req.Documents {
		if err := checkDocument(req, i); err != nil {
			return err
		}
	}
	if err := checkValues(req); err != nil {
		return err
	}
	switch req.Purpose {
	case Admit:
		return checkAdmit(req)
	case Compose:
		return checkCompose(req)
	}
	return invalid("purpose", "must be ADMIT or COMPOSE")
}

func checkText(field, value string) error {
	if len(value) > MaxName {
		return tooLarge(field, MaxName, "bytes")
	}
	if !utf8.ValidString(value) {
		return invalid(field, "must be UTF-8")
	}
	return nil
}

func checkDocument(req *Request, i int) error {
	d, at := &req.Documents[i], fmt.Sprintf("documents[%d]", i)
	if len(d.Body) > MaxBody {
		return tooLarge(at+".body", MaxBody, "bytes")
	}
	if len(d.Attestations) > MaxAttestations+MaxIndexed {
		return tooLarge(at+".attestations", MaxAttestations+MaxIndexed, "attestations")
	}
	if err := checkText(at+".workspace", d.Workspace); err != nil {
		return err
	}
	if err := checkText(at+".provider", d.Provider); err != nil {
		return err
	}
	if _, ok := roleNames[d.Role]; !ok {
		return invalid(at+".role", "must be SANDBOX_POLICY, GLOBAL_POLICY, PROVIDER_PROFILE or SETTINGS")
	}
	if d.Workspace != "" && (d.Role == GlobalPolicy || d.Workspace != req.Target.Workspace) {
		return invalid(at+".workspace", "%s is not the target's workspace: leave it empty unless the document belongs to that workspace", quote(d.Workspace))
	}
	if d.Provider != "" && d.Role != ProviderProfile {
		return invalid(at+".provider", "only a PROVIDER_PROFILE has one")
	}
	if _, known := noLayerNames[d.NoLayer]; !known {
		return invalid(at+".no_layer", "is no reason that this driver knows")
	}
	if recipe := recipeByName(req.Recipe); d.NoLayer != 0 && (d.Role != ProviderProfile || req.Purpose != Compose || recipe != nil && recipe.flag) {
		return invalid(at+".no_layer", "belongs to a PROVIDER_PROFILE in COMPOSE, by a recipe later than %s", recipes[0].Name)
	}
	return nil
}

func checkAdmit(req *Request) error {
	switch {
	case len(req.Documents) > 1:
		return invalid("documents", "ADMIT asks about one document")
	case len(req.Effective) > 0:
		return invalid("effective", "belongs to COMPOSE only")
	case req.Recipe != "":
		return invalid("recipe", "belongs to COMPOSE only")
	case req.ProvidersV2:
		return invalid("providers_v2_enabled", "belongs to COMPOSE only")
	case len(req.WithoutProfile) > 0:
		return invalid("providers_without_profile", "belongs to COMPOSE only")
	}
	return nil
}

// checkWithoutProfile refuses names that are none, and a provider that is said to have
// no profile twice, or beside its profile.
func checkWithoutProfile(req *Request, providers map[string]bool) error {
	const field = "providers_without_profile"
	if len(req.WithoutProfile) > MaxDocuments {
		return tooLarge(field, MaxDocuments, "providers")
	}
	for i, name := range req.WithoutProfile {
		at := fmt.Sprintf("%s[%d]", field, i)
		if err := checkText(at, name); err != nil {
			return err
		}
		if name == "" {
			return invalid(at, "is empty")
		}
		if providers[name] {
			return invalid(at, "%s is attached twice", quote(name))
		}
		providers[name] = true
	}
	return nil
}

func checkCompose(req *Request) error {
	if req.Target.SandboxID == "" {
		return invalid("target.sandbox_id", "is required in COMPOSE")
	}
	if req.Target.Name == "" {
		return invalid("target.name", "is required in COMPOSE")
	}
	if !slices.Contains(Recipes(), req.Recipe) {
		return invalid("recipe", "unknown recipe %s: see GetCapabilities", quote(req.Recipe))
	}
	sources, settings, providers := 0, 0, map[string]bool{}
	for i, d := range req.Documents {
		at := fmt.Sprintf("documents[%d]", i)
		switch d.Role {
		case SandboxPolicy, GlobalPolicy:
			sources++
		case Settings:
			settings++
		case ProviderProfile:
			if d.Provider == "" {
				return invalid(at+".provider", "is required in COMPOSE: the layer's rule is named after it")
			}
			if providers[d.Provider] {
				return invalid(at+".provider", "%s is attached twice", quote(d.Provider))
			}
			providers[d.Provider] = true
		}
	}
	if sources > 1 {
		return invalid("documents", "COMPOSE has one source policy, not %d", sources)
	}
	if settings > 1 {
		return invalid("documents", "COMPOSE has at most one SETTINGS, not %d", settings)
	}
	return checkWithoutProfile(req, providers)
}
