// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/author"
	"github.com/sigdriver/sigdriver/verifier"
)

// impactSide is one of the two trusts that a plan compares.
type impactSide struct {
	name    string // for people
	source  verifier.TrustSource
	targets map[string][]byte   // attestations by target path
	roles   []verifier.LintRole // by name alone; nil where the files do not say
	trust   *verifier.Trust
	index   *trust.IndexView
	brought map[proofName]bool       // by the targets
	proved  map[[32]byte][]proofName // by what was asked about, by its sha256
}

// fresh is how much longer than the time of the decisions the metadata of both
// sides is taken to live: a plan is about rules.
const fresh = 366 * 24 * time.Hour

// ready parses the trust as a driver would, and files its attestations.
func (s *impactSide) ready(at time.Time) error {
	end := at.Add(fresh)
	s.source.Expires = verifier.Expires{Root: end, Timestamp: end, Snapshot: end, Targets: end, Revocation: end}
	s.source.DriverVersion = version.Driver
	var err error
	if s.trust, err = verifier.ParseTrust(s.source); err != nil {
		return err
	}
	x := trust.NewIndex("", func() time.Time { return at }, hclog.NewNullLogger())
	x.SetTrust(s.trust, s.targets)
	x.Fill(context.Background())
	s.brought, s.proved = map[proofName]bool{}, map[[32]byte][]proofName{}
	for _, raw := range s.targets {
		for _, name := range s.proves(raw) {
			s.brought[name] = true
		}
	}
	s.index = x.Current()
	return nil
}

// ask is the request as the driver would judge it on this side: with the
// attestations that travel with this trust. A record holds those of its time, too:
// what either trust brings counts only on the side that brings it.
func (s *impactSide) ask(c *candidateRequest, other *impactSide) *verifier.Request {
	req := *c.request
	req.Documents = slices.Clone(req.Documents)
	for i := range req.Documents {
		d := &req.Documents[i]
		offered := map[string]bool{}
		kept := [][]byte{}
		add := func(raw []byte) {
			if !offered[string(raw)] && len(kept) < verifier.MaxAttestations+verifier.MaxIndexed {
				offered[string(raw)], kept = true, append(kept, raw)
			}
		}
		for _, raw := range d.Attestations {
			if c.given || !s.brings(raw) && !other.brings(raw) {
				add(raw)
			}
		}
		for _, raw := range s.index.For(sha256.Sum256(d.Body)) {
			add(raw)
		}
		d.Attestations = kept
	}
	return &req
}

// brings reports whether an attestation is among those that travel with the trust,
// in whatever encoding a driver recorded it.
func (s *impactSide) brings(raw []byte) bool {
	for _, name := range s.proves(raw) {
		if s.brought[name] {
			return true
		}
	}
	return false
}

// proofName names a signature over a statement by its signer.
type proofName struct{ signer, sha256 [32]byte }

// proves names what an attestation proves to this trust.
func (s *impactSide) proves(raw []byte) []proofName {
	sum := sha256.Sum256(raw)
	names, ok := s.proved[sum]
	if !ok {
		list, _ := s.trust.Prove(raw)
		for _, p := range list {
			names = append(names, proofName{p.Signer, p.SHA256})
		}
		s.proved[sum] = names
	}
	return names
}

// sides reads both trusts.
func (f *impactFlags) sides(env *Env, at time.Time) (today, candidate *impactSide, err error) {
	c := (&ceremonyFlags{dir: f.candidate}).folder(env)
	if today, err = f.today(env, c); err != nil {
		return nil, nil, err
	}
	if err := today.ready(at); err != nil {
		return nil, nil, unavailable(today.name, err)
	}
	if candidate, err = f.next(env, c, today); err != nil {
		return nil, nil, err
	}
	// A driver keeps what was revoked, whatever the next list says.
	candidate.source.Ratchet = today.trust.Ratchet()
	if err := candidate.ready(at); err != nil {
		return nil, nil, refusedTrust(candidate.name, err)
	}
	return today, candidate, nil
}

// today reads the trust in force.
func (f *impactFlags) today(env *Env, c *ceremony.Folder) (*impactSide, error) {
	dir := f.trust.dir
	if dir == "" {
		dir = f.state
	}
	switch {
	case dir != "" && f.trust.root == "":
		return nil, usageError(errors.New("the pinned root is missing"), "give --root, the root.json that drivers start from")
	case dir != "":
		return todayOffline(env, dir, f.trust.root)
	case exists(c.Published()):
		base, err := c.MustRepository()
		if err != nil {
			return nil, trustError(err)
		}
		return sideOf(c.Published(), base)
	}
	return nil, usageError(fmt.Errorf("nothing says what trust is in force today: %q is no ceremony that has published something", f.candidate),
		"give --trust and --root")
}

func todayOffline(env *Env, dir, rootFile string) (*impactSide, error) {
	today := trustFlags{dir, rootFile}
	snapshot, note, err := today.read(env, tuf.LoadOffline, env.Now())
	if err != nil {
		return nil, err
	}
	s := &impactSide{name: dir, source: trustSource(snapshot, note), targets: map[string][]byte{}}
	for role := range snapshot.Roles {
		s.roles = append(s.roles, verifier.LintRole{Name: role})
	}
	slices.SortFunc(s.roles, func(a, b verifier.LintRole) int { return strings.Compare(a.Name, b.Name) })
	for path, data := range snapshot.Targets {
		if strings.HasPrefix(path, trust.TargetPrefix) {
			s.targets[path] = data
		}
	}
	return s, nil
}

// sideOf reads the trust of a repository or a stage.
func sideOf(name string, p ceremony.Publication) (*impactSide, error) {
	s := &impactSide{name: name, targets: map[string][]byte{}}
	if err := ceremony.ReadTargets(p, &s.source); err != nil {
		return nil, trustError(err)
	}
	for _, path := range p.Targets() {
		if !strings.HasPrefix(path, trust.TargetPrefix) {
			continue
		}
		data, err := p.Target(path)
		if err != nil {
			return nil, trustError(err)
		}
		s.targets[path] = data
	}
	for _, state := range p.States() {
		s.roles = append(s.roles, verifier.LintRole{Name: state.Role})
		switch state.Role {
		case tuf.RoleRoot:
			s.source.Versions.Root = state.Version
		case tuf.RoleTargets:
			s.source.Versions.Targets = state.Version
		case tuf.RoleRevocation:
			s.source.Versions.Revocation = state.Version
		}
	}
	return s, nil
}

// next reads the candidate.
func (f *impactFlags) next(env *Env, c *ceremony.Folder, today *impactSide) (*impactSide, error) {
	switch {
	case c.Begun():
		dir, p, err := c.Latest()
		if err != nil {
			return nil, trustError(err)
		}
		return sideOf(dir, p)
	case exists(filepath.Join(c.Dir, "metadata")):
		base, err := author.OpenRepository(nil, c.Dir)
		if err != nil {
			return nil, trustError(err)
		}
		return sideOf(c.Dir, base)
	}
	return f.plain(env, today)
}

// plain is today's trust with the files of a folder in place of its own.
func (f *impactFlags) plain(env *Env, today *impactSide) (*impactSide, error) {
	s := &impactSide{name: f.candidate, source: today.source, targets: today.targets, roles: today.roles}
	s.source.Epoch, s.source.Versions = 0, verifier.Versions{}
	found := false
	for name, to := range ceremony.TrustFiles(&s.source) {
		path := filepath.Join(f.candidate, name)
		if !exists(path) {
			continue
		}
		data, err := readFile(env, path, name, verifier.MaxTrustFile)
		if err != nil {
			return nil, err
		}
		*to, found = data, true
	}
	if !found {
		return nil, usageError(fmt.Errorf("%q is no candidate", f.candidate),
			"give a ceremony's folder, a published repository, or a folder with authorities.json, trusted_root.json, revocations.json or drivers.json")
	}
	return s, nil
}
