// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/sigdriver/sigdriver/verifier"
)

// Now is the time of the base scenarios.
var Now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// Scenario is every argument of one decision, open to change.
type Scenario struct {
	Authorities *Authorities
	// AuthoritiesJSON replaces Authorities when set.
	AuthoritiesJSON []byte
	TrustedRoot     []byte
	Revocations     []byte
	Ratchet         []byte
	// NoTrust decides with a nil *verifier.Trust.
	NoTrust  bool
	Epoch    uint64
	Versions verifier.Versions
	Expires  verifier.Expires
	// PreviousRevocationExpires is of the last revocation role that parsed.
	PreviousRevocationExpires time.Time
	DriverVersion             string

	Request verifier.Request
	Floors  verifier.MapFloors
	Now     time.Time
}

// NewScenario is a world with trust and nothing asked yet.
func NewScenario() *Scenario {
	return &Scenario{
		Authorities:   BaseAuthorities(),
		Epoch:         41,
		Versions:      verifier.Versions{Root: 7, Timestamp: 900, Snapshot: 80, Targets: 31, Revocation: 12},
		Expires:       expiries(Now),
		DriverVersion: "0.1.0",
		Floors:        verifier.MapFloors{Versions: map[verifier.FloorKey]verifier.Floor{}, Places: map[verifier.SandboxKey]verifier.Place{}},
		Now:           Now,
	}
}

// expiries are those of fresh metadata.
func expiries(now time.Time) verifier.Expires {
	return verifier.Expires{
		Root:       now.AddDate(1, 0, 0),
		Targets:    now.AddDate(0, 6, 0),
		Snapshot:   now.AddDate(0, 0, 14),
		Timestamp:  now.AddDate(0, 0, 1),
		Revocation: now.AddDate(0, 0, 3),
	}
}

// WebOne is the sandbox of the base scenarios.
var WebOne = verifier.Target{GatewayID: "gw-east", Workspace: "prod", SandboxID: "sb-0001", Name: "web-1"}

// WebTwo is a second sandbox that web-* approvals are about.
var WebTwo = verifier.Target{GatewayID: "gw-east", Workspace: "prod", SandboxID: "sb-0002", Name: "web-2"}

// AdmitPolicy asks about one sandbox policy that alice and bob approved.
func AdmitPolicy() *Scenario {
	s := NewScenario()
	s.Request = verifier.Request{Purpose: verifier.Admit, Target: WebOne}
	s.Add(verifier.SandboxPolicy, Policy()).Approve(0, "alice", "bob")
	return s
}

// AdmitProfile asks about one provider profile of the whole gateway that dave
// approved.
func AdmitProfile() *Scenario {
	s := NewScenario()
	s.Request = verifier.Request{Purpose: verifier.Admit, Target: verifier.Target{GatewayID: "gw-east"}}
	s.Add(verifier.ProviderProfile, ForgeProfile()).Approve(0, "dave")
	return s
}

// ComposePlain asks about a sandbox without providers.
func ComposePlain() *Scenario {
	s := NewScenario()
	s.Request = verifier.Request{Purpose: verifier.Compose, Target: WebOne, Recipe: Recipe, ProvidersV2: true}
	s.Add(verifier.SandboxPolicy, Policy()).Approve(0, "alice", "bob")
	return s.Recompose()
}

// ComposeLayers asks about a sandbox with two providers.
func ComposeLayers() *Scenario {
	s := ComposePlain()
	s.Attach("my-forge", ForgeProfile()).Approve(1, "dave")
	s.Attach("Mirror 2", MirrorProfile()).Approve(2, "erin")
	return s.Recompose()
}

// ComposeGlobal asks about a sandbox under the gateway's global policy: its
// provider's profile inserts nothing but is judged.
func ComposeGlobal() *Scenario {
	s := NewScenario()
	s.Request = verifier.Request{Purpose: verifier.Compose, Target: WebOne, Recipe: Recipe, ProvidersV2: true}
	s.Add(verifier.GlobalPolicy, Policy()).Approve(0, "alice", "carol")
	s.Attach("my-forge", ForgeProfile()).Approve(1, "dave")
	return s.Recompose()
}

// Add adds a document without attestations.
func (s *Scenario) Add(role verifier.Role, document Tree) *Scenario {
	s.Request.Documents = append(s.Request.Documents, verifier.Document{Role: role, Body: Canonical(document)})
	return s
}

// Attach adds the profile of an attached provider.
func (s *Scenario) Attach(provider string, profile Tree) *Scenario {
	s.Add(verifier.ProviderProfile, profile)
	s.Request.Documents[len(s.Request.Documents)-1].Provider = provider
	return s
}

// Body returns the bytes of a document.
func (s *Scenario) Body(document int) []byte { return s.Request.Documents[document].Body }

// SHA256 returns the hex digest of a document.
func (s *Scenario) SHA256(document int) string { return SHA256(s.Body(document)) }

// Approval is an approval that fits the document.
func (s *Scenario) Approval(document int) Approval {
	return ApprovalFor(s.Request.Documents[document].Role)
}

// Approve replaces the attestations of a document by one approval a person,
// each a bare envelope.
func (s *Scenario) Approve(document int, names ...string) *Scenario {
	return s.ApproveAs(document, s.Approval(document), names...)
}

// ApproveAs replaces the attestations of a document by the approval, signed by
// each person in an envelope of their own.
func (s *Scenario) ApproveAs(document int, approval Approval, names ...string) *Scenario {
	return s.State(document, approval.Of(s.Body(document)), names...)
}

// State replaces the attestations of a document by a Statement, signed by each
// person in an envelope of their own.
func (s *Scenario) State(document int, statement Statement, names ...string) *Scenario {
	return s.Payload(document, statement.JSON(), names...)
}

// Payload replaces the attestations of a document by a payload, signed by each
// person in an envelope of their own.
func (s *Scenario) Payload(document int, payload []byte, names ...string) *Scenario {
	var offered [][]byte
	for _, name := range names {
		offered = append(offered, Seal(payload, Person(name)).JSON())
	}
	return s.Offer(document, offered...)
}

// Offer replaces the attestations of a document.
func (s *Scenario) Offer(document int, attestations ...[]byte) *Scenario {
	s.Request.Documents[document].Attestations = attestations
	return s
}

// Attestation returns one attestation of a document.
func (s *Scenario) Attestation(document, attestation int) []byte {
	return s.Request.Documents[document].Attestations[attestation]
}

// Recompose sets the effective policy to what the documents compose to.
func (s *Scenario) Recompose() *Scenario {
	s.Request.Effective = ComposeBy(s.Request.Recipe, s.Request.Documents[0].Role, Parse(s.Body(0)), s.layers()...)
	return s
}

// EditEffective changes the effective policy as a tree.
func (s *Scenario) EditEffective(change func(Tree)) *Scenario {
	tree := Parse(s.Request.Effective)
	change(tree)
	s.Request.Effective = Canonical(tree)
	return s
}

func (s *Scenario) layers() []Layer {
	var layers []Layer
	if s.Request.Recipe == Recipe && (!s.Request.ProvidersV2 || s.Request.Documents[0].Role != verifier.SandboxPolicy) {
		return nil
	}
	for _, d := range s.Request.Documents {
		if d.Role == verifier.ProviderProfile {
			layers = append(layers, Layer{Provider: d.Provider, Profile: Parse(d.Body), NoLayer: d.NoLayer})
		}
	}
	return layers
}

// FloorKey is the floor's key of a document.
func (s *Scenario) FloorKey(document int) verifier.FloorKey {
	d, t := s.Request.Documents[document], s.Request.Target
	key := verifier.FloorKey{GatewayID: t.GatewayID, Role: d.Role}
	switch d.Role {
	case verifier.SandboxPolicy, verifier.Settings:
		key.Workspace, key.Name = t.Workspace, t.Name
	case verifier.ProviderProfile:
		key.Workspace = d.Workspace
		key.Name, _ = Parse(d.Body)["id"].(string)
	}
	return key
}

// SetFloor sets the driver's own floor of a document's subject. An empty
// digest leaves the version unbound.
func (s *Scenario) SetFloor(document int, version uint64, sha256 string) *Scenario {
	floor := verifier.Floor{Version: version}
	copy(floor.SHA256[:], unhex(sha256))
	s.Floors.Versions[s.FloorKey(document)] = floor
	return s
}

// SetPlace says where the sandbox was first allowed.
func (s *Scenario) SetPlace(workspace, name string) *Scenario {
	key := verifier.SandboxKey{GatewayID: s.Request.Target.GatewayID, SandboxID: s.Request.Target.SandboxID}
	s.Floors.Places[key] = verifier.Place{Workspace: workspace, Name: name}
	return s
}

// Source is what the scenario's trust is parsed from.
func (s *Scenario) Source() verifier.TrustSource {
	authorities := s.AuthoritiesJSON
	if authorities == nil {
		authorities = s.Authorities.JSON()
	}
	return verifier.TrustSource{
		Authorities: authorities, TrustedRoot: s.TrustedRoot, Revocations: s.Revocations, Ratchet: s.Ratchet,
		PreviousRevocationExpires: s.PreviousRevocationExpires,
		Epoch:                     s.Epoch, Versions: s.Versions, Expires: s.Expires, DriverVersion: s.DriverVersion,
	}
}

// Decide runs the scenario. The error is of a trust or a request that is
// refused before any decision.
func (s *Scenario) Decide() (verifier.Decision, error) {
	if err := verifier.CheckRequest(&s.Request); err != nil {
		return verifier.Decision{}, err
	}
	if s.NoTrust {
		return verifier.Verify(&s.Request, nil, s.Floors, s.Now), nil
	}
	trust, err := verifier.ParseTrust(s.Source())
	if err != nil {
		return verifier.Decision{}, err
	}
	return verifier.Verify(&s.Request, trust, s.Floors, s.Now), nil
}

// After copies the scenario into the world that follows an allowed decision:
// floors raised, sandbox bound.
func (s *Scenario) After(d verifier.Decision) *Scenario {
	next := *s
	next.Floors.Versions = maps.Clone(s.Floors.Versions)
	next.Floors.Places = maps.Clone(s.Floors.Places)
	next.Request.Documents = slices.Clone(s.Request.Documents)
	next.Request.Effective = bytes.Clone(s.Request.Effective)
	for _, r := range d.Raises {
		next.Floors.Versions[r.Key] = r.Floor
	}
	if d.Binding != nil {
		next.Floors.Places[d.Binding.Key] = d.Binding.Place
	}
	return &next
}
