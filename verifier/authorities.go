// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AuthoritiesSchema names the format of authorities.json.
const AuthoritiesSchema = "sigdriver.authorities/v1"

// authorities is the parsed authorities.json: who may approve, how many
// must, and what.
type authorities struct {
	principals map[string]*principal
	keys       map[[32]byte]*signingKey // by SPKI; one owner each
	named      map[string]*authority
	rules      []*rule // in file order
	floors     []signedFloor
	restored   []revocationEntry
	keyless    keylessFile
	maxStale   time.Duration
	maxStep    uint64 // how far a version may be above the floor
	maxLag     time.Duration
	minDriver  string // empty: any
}

// authority is a set of principals, of whom threshold must agree.
type authority struct {
	name      string
	members   map[*principal]bool
	threshold int
}

// signedFloor is a floor that the security team signed.
type signedFloor struct {
	role      Role
	gateway   *string // globs; nil matches anything
	workspace *string
	subject   *string
	version   uint64
	reset     bool
	id        string
}

// The wire form. Every member is known; the pointers tell absent from empty.
type (
	authoritiesFile struct {
		Schema           string                   `json:"schema"`
		Principals       map[string]principalFile `json:"principals"`
		Authorities      map[string]authorityFile `json:"authorities"`
		Rules            []ruleFile               `json:"rules"`
		Keyless          *keylessFile             `json:"keyless"`
		Floors           []floorFile              `json:"floors"`
		Restored         []revocationEntry        `json:"restored"`
		MaxStale         string                   `json:"maxStale"`
		MaxVersionStep   string                   `json:"maxVersionStep"`
		MaxFloorLag      string                   `json:"maxFloorLag"`
		MinDriverVersion string                   `json:"minDriverVersion"`
	}
	principalFile struct {
		Keys       []keyFile      `json:"keys"`
		Identities []identityFile `json:"identities"`
	}
	keyFile struct {
		PEM       string       `json:"pem"`
		Algorithm KeyAlgorithm `json:"algorithm"`
		NotBefore string       `json:"notBefore"`
		NotAfter  string       `json:"notAfter"`
	}
	identityFile struct {
		Issuer    string `json:"issuer"`
		SAN       string `json:"san"`
		SANRegexp string `json:"sanRegexp"`
		// Claims are what else the certificate must say: CertificateClaims, each
		// exactly or, with Regexp at the end of its name, by an anchored pattern.
		Claims map[string]string `json:"claims"`
	}
	authorityFile struct {
		Principals []string `json:"principals"`
		Threshold  int      `json:"threshold"`
	}
	keylessFile struct {
		Tlogs      int `json:"tlogs"`
		Timestamps int `json:"timestamps"`
		SCTs       int `json:"scts"`
	}
	floorFile struct {
		Role      string  `json:"role"`
		Gateway   *string `json:"gateway"`
		Workspace *string `json:"workspace"`
		Subject   *string `json:"subject"`
		Version   string  `json:"version"`
		Reset     bool    `json:"reset"`
	}
)

// TrustError is a trust file that was refused whole.
type TrustError struct {
	File string // "authorities.json", "revocations.json", "trusted_root.json" or "drivers.json"
	Path string // where in the file, "" for all of it
	Text string // one sentence
	Err  error
}

func (e *TrustError) Error() string {
	at := e.File
	if e.Path != "" {
		at += " " + e.Path
	}
	if e.Err != nil {
		return at + ": " + e.Text + ": " + e.Err.Error()
	}
	return at + ": " + e.Text
}

// Unwrap returns the cause.
func (e *TrustError) Unwrap() error { return e.Err }

func refuseAuthorities(path, format string, args ...any) error {
	return &TrustError{File: "authorities.json", Path: path, Text: fmt.Sprintf(format, args...)}
}

// parseAuthorities reads the whole file or refuses it.
func parseAuthorities(data []byte) (*authorities, error) {
	if len(data) > MaxTrustFile {
		return nil, refuseAuthorities("", "longer than %d bytes", MaxTrustFile)
	}
	var f authoritiesFile
	if err := unmarshalClosed(data, &f); err != nil {
		return nil, &TrustError{File: "authorities.json", Text: "refused", Err: err}
	}
	if f.Schema != AuthoritiesSchema {
		return nil, refuseAuthorities("schema", "must be %q", AuthoritiesSchema)
	}
	a := &authorities{
		principals: map[string]*principal{},
		keys:       map[[32]byte]*signingKey{},
		named:      map[string]*authority{},
		keyless:    keylessFile{Tlogs: 1, Timestamps: 1, SCTs: 1},
		minDriver:  f.MinDriverVersion,
	}
	for _, read := range []func(*authoritiesFile) error{
		a.readPrincipals, a.readAuthorities, a.readRules, a.readKeyless, a.readFloors, a.readRest,
	} {
		if err := read(&f); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *authorities) readPrincipals(f *authoritiesFile) error {
	if len(f.Principals) == 0 || len(f.Principals) > MaxPrincipals {
		return refuseAuthorities("principals", "needs 1 to %d principals", MaxPrincipals)
	}
	exact := map[string]string{}
	identities := 0
	for _, name := range slices.Sorted(maps.Keys(f.Principals)) {
		at := "principals." + quote(name)
		if err := checkName(at, name); err != nil {
			return err
		}
		p := &principal{name: name}
		for i, k := range f.Principals[name].Keys {
			if err := a.readKey(p, k, fmt.Sprintf("%s.keys[%d]", at, i)); err != nil {
				return err
			}
		}
		for i, id := range f.Principals[name].Identities {
			got, err := readIdentity(id, fmt.Sprintf("%s.identities[%d]", at, i))
			if err != nil {
				return err
			}
			if other, taken := exact[got.key()]; taken && got.pattern == nil {
				return refuseAuthorities(at, "identity %s is listed already, under %s: one identity is one principal's", quote(got.san), quote(other))
			}
			if got.pattern == nil {
				exact[got.key()] = name
			}
			p.identities = append(p.identities, got)
			identities++
		}
		if len(p.keys)+len(p.identities) == 0 {
			return refuseAuthorities(at, "has neither a key nor an identity: it can never approve")
		}
		a.principals[name] = p
	}
	if len(a.keys) > MaxKeys || identities > MaxIdentities {
		return refuseAuthorities("principals", "more than %d keys or %d identities", MaxKeys, MaxIdentities)
	}
	return nil
}

// ReservedKeyError says that a principal's key is one of a driver's own: of this
// driver's, or in drivers.json.
type ReservedKeyError struct {
	Principal string
	SPKI      [32]byte // sha256
}

func (e *ReservedKeyError) Error() string {
	return fmt.Sprintf("a key of %s is one that a driver signs its log or receipts with: give the driver a key of its own", quote(e.Principal))
}

// refuseReserved keeps what drivers sign and what people approve apart.
func (a *authorities) refuseReserved(reserved [][32]byte) error {
	for _, spki := range reserved {
		if k := a.keys[spki]; k != nil {
			return &TrustError{File: "authorities.json", Path: "principals", Text: "refused", Err: &ReservedKeyError{k.owner.name, spki}}
		}
	}
	return nil
}

// readKey adds one key to its principal. One SPKI is one principal's, once.
func (a *authorities) readKey(p *principal, f keyFile, at string) error {
	k, err := parseKey(f.PEM, f.Algorithm)
	if err != nil {
		return &TrustError{File: "authorities.json", Path: at, Text: "key refused", Err: err}
	}
	if other, taken := a.keys[k.spki]; taken {
		return refuseAuthorities(at, "this key is listed already, under %s: one key is one principal's", quote(other.owner.name))
	}
	if k.notBefore, err = readTime(f.NotBefore); err != nil {
		return refuseAuthorities(at+".notBefore", "%v", err)
	}
	if k.notAfter, err = readTime(f.NotAfter); err != nil {
		return refuseAuthorities(at+".notAfter", "%v", err)
	}
	if !k.notAfter.IsZero() && !k.notBefore.Before(k.notAfter) {
		return refuseAuthorities(at, "notBefore must be before notAfter")
	}
	k.owner = p
	p.keys = append(p.keys, k)
	a.keys[k.spki] = k
	return nil
}

// readIdentity reads one OIDC identity: an exact SAN, or a regexp that is
// anchored at both ends and then matches whole names only, and what else the
// certificate must say.
func readIdentity(f identityFile, at string) (identity, error) {
	if f.Issuer == "" || (f.SAN == "") == (f.SANRegexp == "") {
		return identity{}, refuseAuthorities(at, "needs an issuer and either san or sanRegexp")
	}
	id := identity{issuer: f.Issuer, san: f.SAN}
	var err error
	if f.SANRegexp != "" {
		if id.pattern, err = anchored(f.SANRegexp); err != nil {
			return identity{}, refuseAuthorities(at+".sanRegexp", "%v", err)
		}
	}
	if f.Claims != nil && len(f.Claims) == 0 {
		return identity{}, refuseAuthorities(at+".claims", "must not be empty: leave it out to require none")
	}
	var member string
	if id.claims, member, err = readRequiredClaims(f.Claims, false); err != nil {
		return identity{}, refuseAuthorities(at+".claims."+plain(member), "%v", err)
	}
	return id, nil
}

func (a *authorities) readAuthorities(f *authoritiesFile) error {
	if len(f.Authorities) > MaxAuthorities {
		return refuseAuthorities("authorities", "more than %d", MaxAuthorities)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Authorities)) {
		at := "authorities." + quote(name)
		if err := checkName(at, name); err != nil {
			return err
		}
		got := &authority{name: name, members: map[*principal]bool{}, threshold: f.Authorities[name].Threshold}
		for _, member := range f.Authorities[name].Principals {
			p, ok := a.principals[member]
			if !ok {
				return refuseAuthorities(at, "names the principal %s, which is not defined", quote(member))
			}
			if got.members[p] {
				return refuseAuthorities(at, "names the principal %s twice", quote(member))
			}
			got.members[p] = true
		}
		if got.threshold < 1 || got.threshold > len(got.members) {
			return refuseAuthorities(at+".threshold", "is %d: it must be 1 to %d, the number of principals", got.threshold, len(got.members))
		}
		a.named[name] = got
	}
	return nil
}

func (a *authorities) readKeyless(f *authoritiesFile) error {
	if f.Keyless == nil {
		return nil
	}
	k := *f.Keyless
	if k.Tlogs < 0 || k.Timestamps < 0 || k.SCTs < 0 || k.Tlogs > MaxTlogEntries || k.Timestamps > MaxTimestamps || k.SCTs > 8 {
		return refuseAuthorities("keyless", "tlogs, timestamps and scts must be 0 to %d, %d and 8", MaxTlogEntries, MaxTimestamps)
	}
	if k.Tlogs+k.Timestamps < 1 {
		return refuseAuthorities("keyless", "needs at least one log entry or timestamp: a certificate lives for minutes and nothing else says when it signed")
	}
	a.keyless = k
	return nil
}

func (a *authorities) readFloors(f *authoritiesFile) error {
	for i, w := range f.Floors {
		at := fmt.Sprintf("floors[%d]", i)
		role, ok := RoleByName(w.Role)
		if !ok {
			return refuseAuthorities(at+".role", "invalid role %s", quote(w.Role))
		}
		v, ok := readVersion(w.Version)
		if !ok {
			return refuseAuthorities(at+".version", "must be a decimal string from 1 to 2^63-1")
		}
		for _, glob := range []struct {
			member  string
			pattern *string
		}{{".workspace", w.Workspace}, {".subject", w.Subject}} {
			if fault := nameGlobFault(glob.pattern); fault != "" {
				return refuseAuthorities(at+glob.member, "%s; the floor would be nobody's", fault)
			}
		}
		a.floors = append(a.floors, signedFloor{role, w.Gateway, w.Workspace, w.Subject, v, w.Reset, w.id()})
	}
	return nil
}

// id names a floor entry by its content, so that a reset is applied once.
func (w floorFile) id() string {
	h := sha256.New()
	for _, p := range []*string{&w.Role, w.Gateway, w.Workspace, w.Subject, &w.Version} {
		if p == nil {
			fmt.Fprint(h, "-;")
		} else {
			fmt.Fprintf(h, "%d:%s;", len(*p), *p)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (a *authorities) readRest(f *authoritiesFile) error {
	if f.MaxStale != "" {
		d, err := time.ParseDuration(f.MaxStale)
		if err != nil || d < 0 {
			return refuseAuthorities("maxStale", "must be a duration like 24h, not below 0s")
		}
		a.maxStale = d
	}
	a.maxLag = DefaultFloorLag
	if f.MaxFloorLag != "" {
		d, err := time.ParseDuration(f.MaxFloorLag)
		if err != nil || d < MinFloorLag || d > MaxFloorLag {
			return refuseAuthorities("maxFloorLag", "must be a duration like 2s, from %s to %s", MinFloorLag, MaxFloorLag)
		}
		a.maxLag = d
	}
	a.maxStep = DefaultVersionStep
	if f.MaxVersionStep != "" {
		var ok bool
		if a.maxStep, ok = readVersion(f.MaxVersionStep); !ok {
			return refuseAuthorities("maxVersionStep", "must be a decimal string from 1 to 2^63-1")
		}
	}
	if a.minDriver != "" {
		if _, ok := parseDriverVersion(a.minDriver); !ok {
			return refuseAuthorities("minDriverVersion", "must be three numbers like 1.2.3")
		}
	}
	for i, e := range f.Restored {
		if err := e.check(); err != nil {
			return refuseAuthorities(fmt.Sprintf("restored[%d]", i), "%v", err)
		}
	}
	a.restored = f.Restored
	return nil
}

// matches reports whether the floor is about the subject. SPEC: R8.
func (s *signedFloor) matches(k FloorKey) bool {
	return s.role == k.Role && globOrAny(s.gateway, k.GatewayID) &&
		globOrAny(s.workspace, k.Workspace) && globOrAny(s.subject, k.Name)
}

func globOrAny(pattern *string, s string) bool {
	return pattern == nil || matchGlob(*pattern, s)
}

// checkName refuses names that cannot be shown or are too long to carry.
func checkName(at, name string) error {
	if !validName(name) {
		return refuseAuthorities(at, "%s", nameRule)
	}
	return nil
}

var nameRule = fmt.Sprintf("names must have 1 to %d bytes and no control characters", MaxName)

func validName(name string) bool {
	return name != "" && len(name) <= MaxName && !strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

// readTime reads an RFC 3339 time in UTC, "" as zero.
func readTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse("2006-01-02T15:04:05Z", s)
	if err != nil {
		return time.Time{}, fmt.Errorf("must be a UTC time like 2026-01-02T15:04:05Z")
	}
	return t, nil
}

// readVersion reads a decimal string from 1 to 2^63-1 in its one spelling.
func readVersion(s string) (uint64, bool) {
	v, err := strconv.ParseInt(s, 10, 64)
	return uint64(v), err == nil && v >= 1 && strconv.FormatInt(v, 10) == s
}

// parseDriverVersion reads "1.2.3"; what follows a hyphen or plus is ignored.
func parseDriverVersion(s string) ([3]int, bool) {
	var v [3]int
	if i := strings.IndexAny(s, "-+"); i >= 0 {
		s = s[:i]
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return v, false
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return v, false
		}
		v[i] = n
	}
	return v, true
}

// driverOld reports whether have is below want; what does not parse is.
func driverOld(have, want string) bool {
	if want == "" {
		return false
	}
	h, ok := parseDriverVersion(have)
	w, _ := parseDriverVersion(want)
	return !ok || slices.CompareFunc(h[:], w[:], cmp.Compare[int]) < 0
}
