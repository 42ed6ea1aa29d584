// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"github.com/sigdriver/sigdriver/verifier"
	vt "github.com/sigdriver/sigdriver/verifier/verifiertest"
)

// floorCases are about how far a floor reaches, and how far above it a version
// may be.
func floorCases() []*Case {
	aliceBob, dave := by(42, "alice", "bob"), by(42, "dave")
	rollback := at(verifier.VersionRollback, 1, -1)
	old := Want{Reason: verifier.VersionRollback, Attestation: -1, Docs: []Doc{by(42, "dave")}}
	step := func(version uint64, who ...string) Want {
		return Want{Reason: verifier.VersionStep, Attestation: -1, Docs: []Doc{by(version, who...)}}
	}
	return []*Case{
		allows("allow-floor-of-another-workspace", "What dev's rule alone agreed to about a profile of the whole gateway is a floor in dev.", floorInDev, aliceBob, dave),
		allows("allow-raise-in-workspace", "A rule for prod agreed to the profile of the whole gateway: its floor rises in prod.", raisedInProd, aliceBob, dave).raisesIn("prod"),
		allows("allow-raise-in-target", "A rule for some sandboxes agreed to it: the floor rises in their workspace.", raisedForTarget, aliceBob, dave).raisesIn("prod"),
		allows("allow-raise-by-every-glob", "A rule for the workspaces and targets of any name limits nothing: the floor rises in the whole gateway.", raisedByStars, aliceBob, dave),
		allows("allow-raise-beside-limited-pin", "A rule for prod that pins the profile agreed to no version: the floor rises in the whole gateway.", raisedBesidePin, aliceBob, dave),
		allows("allow-raise-global-in-workspace", "Rules for prod agreed to the global policy and a profile: their floors rise in prod.", globalInProd, by(42, "alice", "carol"), dave).raisesIn("prod"),
		allows("allow-workspace-profile-own-floor", "A profile of prod, approved for prod alone, has nothing to do with the gateway's profile of that name.", ownProfile, dave),
		denies("version-rollback-workspace-floor", "allow-raise-in-workspace", "A newer version of the gateway's profile was in force in this workspace.",
			func(s *vt.Scenario) { setFloorIn(s, 1, "prod", 43) }, rollback),
		denies("version-rollback-gateway-floor", "allow-raise-in-workspace", "A newer version was in force in the whole gateway.",
			func(s *vt.Scenario) { setFloorIn(s, 1, "", 43) }, rollback),
		denies("version-equivocation-workspace-floor", "allow-raise-in-workspace", "The version stands for another document in this workspace.",
			func(s *vt.Scenario) { setFloorIn(s, 1, "prod", 42) }, at(verifier.VersionEquivocation, 1, -1)),
		denies("version-rollback-moved-profile", "allow-workspace-profile-own-floor", "The row of a profile of the whole gateway is given to one workspace: the gateway's floor holds there too.",
			func(s *vt.Scenario) { s.ApproveAs(0, s.Approval(0), "dave") }, old).attack("SE-08"),
		denies("version-rollback-moved-profile-signed", "allow-workspace-profile-own-floor", "The same by a floor that is signed for the whole gateway alone.",
			func(s *vt.Scenario) {
				s.Floors.Versions = map[verifier.FloorKey]verifier.Floor{}
				s.Authorities.Floors = []vt.SignedFloor{{Role: "PROVIDER_PROFILE", Subject: "forge", Version: "43"}}
				s.AuthoritiesJSON = vt.Edit(vt.Compact(s.Authorities), `"subject":"forge"`, `"workspace":"","subject":"forge"`)
				s.ApproveAs(0, s.Approval(0), "dave")
			}, old).attack("SE-08"),
		denies("version-rollback-twin-in-workspace", "allow-raise-in-workspace", "Beside prod's own profile of that name, whose version is newer, the gateway's is old: both would raise one floor.",
			func(s *vt.Scenario) {
				s.Attach("own-forge", vt.ForgeProfile())
				s.Request.Documents[2].Workspace = "prod"
				own := s.Approval(2)
				own.Scope.Workspace, own.Version = "prod", "43"
				s.ApproveAs(2, own, "dave").Recompose()
			}, Want{Reason: verifier.VersionRollback, Document: 1, Attestation: -1, Docs: []Doc{aliceBob, dave, by(43, "dave")}}),
		allows("allow-version-step", "A million above nothing is as far as a version may be where trust says nothing.", highestStep, by(1_000_000, "alice", "bob")),
		allows("allow-version-step-from-floor", "The step begins at the floor.", stepFromFloor, by(1_000_043, "alice", "bob")),
		allows("allow-version-step-signed", "maxVersionStep is a hundred.", signedStep, by(100, "alice", "bob")),
		allows("allow-version-step-noise", "The same approvers say 2^63-1 too: that names no version, and the approval counts at 42.", stepNoise, aliceBob),
		denies("version-step", "allow-version-step", "One more.", approvedAt("1000001"), step(1_000_001, "alice", "bob")),
		denies("version-step-last", "allow-version-step", "The last version there is.", approvedAt("9223372036854775807"), step(1<<63-1, "alice", "bob")),
		denies("version-step-from-floor", "allow-version-step-from-floor", "One more.", approvedAt("1000044"), step(1_000_044, "alice", "bob")),
		denies("version-step-signed", "allow-version-step-signed", "One more.", approvedAt("101"), step(101, "alice", "bob")),
	}
}

func approvedAt(version string) func(*vt.Scenario) {
	return func(s *vt.Scenario) {
		approveAt(s, map[string]string{"alice": version, "bob": version}, "alice", "bob")
	}
}

// setFloorIn sets the floor of a document's subject in a workspace, "" for the
// whole gateway, bound to another document.
func setFloorIn(s *vt.Scenario, document int, workspace string, version uint64) {
	key := s.FloorKey(document)
	key.Workspace = workspace
	s.Floors.Versions[key] = verifier.Floor{Version: version, SHA256: [32]byte{1}}
}

func composeOneProfile() *vt.Scenario {
	s := vt.ComposePlain()
	s.Attach("my-forge", vt.ForgeProfile()).Approve(1, "dave")
	return s.Recompose()
}

func floorInDev() *vt.Scenario {
	s := composeOneProfile()
	setFloorIn(s, 1, "dev", 1<<63-1)
	return s
}

func raisedInProd() *vt.Scenario {
	s := composeOneProfile()
	s.Authorities.Rule("profiles").Workspace = "prod"
	return s
}

func raisedForTarget() *vt.Scenario {
	s := composeOneProfile()
	s.Authorities.Rule("profiles").Target = "web-*"
	return s
}

func raisedByStars() *vt.Scenario {
	s := composeOneProfile()
	r := s.Authorities.Rule("profiles")
	r.Workspace, r.Target = "*", "**"
	return s
}

func raisedBesidePin() *vt.Scenario {
	s := composeOneProfile()
	s.Authorities.Rules = append(s.Authorities.Rules, &vt.Rule{Name: "pinned in prod", Surface: vt.ProfileSurface, Workspace: "prod", Mode: "enforce",
		Require: []vt.Requirement{{Authority: "security", PredicateType: vt.ApprovalType}}, Pinned: []string{s.SHA256(1)}})
	return s
}

func globalInProd() *vt.Scenario {
	s := vt.ComposeGlobal()
	s.Authorities.Rule("global policy").Workspace = "prod"
	s.Authorities.Rule("profiles").Workspace = "prod"
	return s
}

func ownProfile() *vt.Scenario {
	s := workspaceProfile()
	setFloorIn(s, 0, "", 43)
	return s
}

func highestStep() *vt.Scenario {
	s := vt.AdmitPolicy()
	approvedAt("1000000")(s)
	return s
}

func stepFromFloor() *vt.Scenario {
	s := vt.AdmitPolicy()
	setFloorIn(s, 0, "prod", 43)
	approvedAt("1000043")(s)
	return s
}

func signedStep() *vt.Scenario {
	s := vt.AdmitPolicy()
	s.Authorities.MaxVersionStep = "100"
	approvedAt("100")(s)
	return s
}

func stepNoise() *vt.Scenario {
	s := vt.ComposePlain()
	good := s.Request.Documents[0].Attestations
	approvedAt("9223372036854775807")(s)
	return s.Offer(0, append(good, s.Request.Documents[0].Attestations...)...)
}
