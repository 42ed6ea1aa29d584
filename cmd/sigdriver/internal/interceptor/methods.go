// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package interceptor

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sigdriver/sigdriver/verifier"
)

func readCreateSandbox(o *operation) error {
	if err := o.takes(); err != nil {
		return err
	}
	template, err := text(o.fields, "workloadTemplate")
	if err != nil {
		return err
	}
	if template != "" {
		return refuse(verifier.DocumentMissing, "the sandbox comes from the workload template %.60q, which says what no request shows: send the spec with an approved policy, without a template", template)
	}
	spec, err := message(o.fields, "spec")
	if err != nil {
		return err
	}
	if err := o.only("spec", spec.GetFields(), specMembers...); err != nil {
		return err
	}
	policy, err := message(spec.GetFields(), "policy")
	if err != nil {
		return err
	}
	if policy == nil {
		return refuse(verifier.DocumentMissing, "the sandbox has no policy, so its image would supply one: send an approved policy")
	}
	return o.sandboxPolicy("spec.policy", policy)
}

// sandboxPolicy adds the policy of the sandbox that the operation names.
func (o *operation) sandboxPolicy(at string, policy *structpb.Struct) error {
	name, err := o.sandbox()
	if err != nil {
		return err
	}
	if name == "" {
		return refuse(verifier.DocumentMissing, "the sandbox has no name, and a policy is approved for names: name the sandbox")
	}
	workspace, err := o.workspace()
	if err != nil {
		return err
	}
	return o.add(item{at: at, role: verifier.SandboxPolicy, workspace: workspace, name: name}, policy)
}

func readAttach(o *operation) error {
	if !o.user {
		return refuse(verifier.DocumentMissing, "only a user may attach a provider: a sandbox must not widen what it is given")
	}
	return o.takes()
}

func readImport(o *operation) error {
	if err := o.takes(); err != nil {
		return err
	}
	profiles, err := list(o.fields, "profiles")
	if err != nil {
		return err
	}
	if len(profiles) == 0 || len(profiles) > verifier.MaxDocuments {
		return refuse(verifier.DocumentMissing, "the request has %d profiles: import 1 to %d at a time", len(profiles), verifier.MaxDocuments)
	}
	for i, p := range profiles {
		if err := o.profile(fmt.Sprintf("profiles[%d]", i), p.GetStructValue()); err != nil {
			return err
		}
	}
	return nil
}

func readUpdateProfile(o *operation) error {
	if err := o.takes(); err != nil {
		return err
	}
	imported, err := message(o.fields, "profile")
	if err != nil {
		return err
	}
	id, err := text(o.fields, "id")
	if err != nil {
		return err
	}
	if inner := imported.GetFields()["profile"].GetStructValue().GetFields()["id"].GetStringValue(); inner != id {
		return refuse(verifier.DocumentMissing, "the profile's id %.60q is not %.60q, which the request updates: make them equal", inner, id)
	}
	return o.profile("profile", imported)
}

// profile adds the profile of an import item.
func (o *operation) profile(at string, imported *structpb.Struct) error {
	if err := o.only(at, imported.GetFields(), "profile", "source"); err != nil {
		return err
	}
	profile, err := message(imported.GetFields(), "profile")
	if err != nil {
		return err
	}
	if profile == nil {
		return refuse(verifier.DocumentMissing, "%s has no profile: send one", at)
	}
	scope, _, err := o.scope() // none, and all, is the whole gateway here
	if err != nil {
		return err
	}
	return o.add(item{at: at + ".profile", role: verifier.ProviderProfile, workspace: scope, scope: scope}, profile)
}

func readUpdateConfig(o *operation) error {
	if err := o.takes(); err != nil {
		return err
	}
	key, err := text(o.fields, "settingKey")
	if err != nil {
		return err
	}
	merges, err := list(o.fields, "mergeOperations")
	if err != nil {
		return err
	}
	policy, err := message(o.fields, "policy")
	if err != nil {
		return err
	}
	switch {
	case len(merges) > 0:
		return refuse(verifier.DocumentMissing, "merge operations do not say which policy follows from them: send the whole, approved policy")
	case policy != nil && strings.TrimSpace(key) == "":
		return o.policy(policy)
	case policy == nil && key != "":
		return o.setting()
	}
	return refuse(verifier.DocumentMissing, "the request has not exactly one of policy and settingKey: send one of them")
}

// policy adds the policy of UpdateConfig.
func (o *operation) policy(policy *structpb.Struct) error {
	global, err := flag(o.fields, "global")
	if err != nil {
		return err
	}
	if global {
		return o.add(item{at: "policy", role: verifier.GlobalPolicy}, policy)
	}
	return o.sandboxPolicy("policy", policy)
}

// setting judges a change of one setting. What an authority approves is all
// settings together, which the request does not hold.
func (o *operation) setting() error {
	if !o.user {
		return refuse(verifier.DocumentMissing, "only a user may change a setting")
	}
	if o.governs() {
		return refuse(verifier.DocumentMissing, "trust governs settings, and one setting does not say what all of them become: let the hook in the gateway admit it, with the SETTINGS document approved")
	}
	return nil
}

func readAnalysis(o *operation) error {
	if err := o.takes(); err != nil {
		return err
	}
	chunks, err := list(o.fields, "proposedChunks")
	if err != nil {
		return err
	}
	if len(chunks) > 0 {
		return refuse(verifier.DocumentMissing, "a proposed rule may be approved by the gateway itself, without a policy that anybody signed: have the whole policy approved and set")
	}
	return nil
}

func refuseDraft(o *operation) error {
	return refuse(verifier.DocumentMissing, "%s does not say which policy follows from it: have the whole policy approved, and set it with UpdateConfig", o.method)
}
