// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/verifier"
)

// trusts is every trust that a driver has accepted, proven from the pinned root
// when it is first asked for.
type trusts struct {
	past   *tuf.History
	lines  []tuf.HistoryLine
	proven []func() (*proven, error)
	parsed sync.Map // parsedKey → func() (*verifier.Trust, error)
	resets func() ([]reset, error)
	byRole map[trustName][]int

	mu   sync.Mutex
	seen map[int]bool
}

// proven is what TUF proves of one line.
type proven struct {
	snapshot *tuf.Snapshot
	note     tuf.Note
}

// parsedKey is one reading of a line: as a driver of that version read it, or,
// with fresh, as if its metadata lived on.
type parsedKey struct {
	line   int
	driver string
	fresh  bool
}

// trustName is how an entry names the trust it was decided by.
type trustName struct {
	epoch                        uint64
	root                         int64
	targets, snapshot, timestamp [32]byte
}

// Line is one trust that a driver accepted.
type Line struct {
	Line       uint64    `json:"line"`
	Epoch      uint64    `json:"epoch,string"`
	AcceptedAt time.Time `json:"acceptedAt"`
	// Changes says in a few words how it differs from the one listed before.
	Changes  []string          `json:"changes"`
	Versions verifier.Versions `json:"-"`
	Expires  verifier.Expires  `json:"-"`
	Journal  string            `json:"-"` // whose history it is; empty where there is one alone
}

func openTrusts(dir string, root []byte) (*trusts, error) {
	past, err := tuf.OpenHistory(dir, root)
	if err != nil {
		return nil, err
	}
	t := &trusts{past: past, lines: past.Lines(), byRole: map[trustName][]int{}, seen: map[int]bool{}}
	for i, l := range t.lines {
		t.proven = append(t.proven, sync.OnceValues(func() (*proven, error) {
			s, n, err := past.Prove(i)
			return &proven{s, n}, err
		}))
		name := trustName{l.Epoch, l.Root, l.Roles[tuf.RoleTargets].SHA256, l.Roles[tuf.RoleSnapshot].SHA256, l.Roles[tuf.RoleTimestamp].SHA256}
		t.byRole[name] = append(t.byRole[name], i)
	}
	t.resets = sync.OnceValues(t.findResets)
	return t, nil
}

// slack is how far the time of a decision and that of an acceptance may be apart:
// a clock may step back that much before the driver stops, and a swap takes a while.
const slack = 7 * time.Minute

// find returns the line that an entry names, -1 for a decision without trust.
func (t *trusts) find(e *record.Entry) (int, error) {
	if e.Trust.Epoch == 0 && len(e.Trust.Roles) == 0 {
		return -1, nil
	}
	role := func(name string) record.RoleFile { return e.Trust.Roles[name] }
	list := t.byRole[trustName{e.Trust.Epoch, role(tuf.RoleRoot).Version, role(tuf.RoleTargets).SHA256, role(tuf.RoleSnapshot).SHA256, role(tuf.RoleTimestamp).SHA256}]
	if len(list) == 0 {
		return 0, contradiction("it names a trust of epoch %d that the history does not have", e.Trust.Epoch)
	}
	at := list[0]
	for _, i := range list {
		if !t.lines[i].AcceptedAt.After(e.Time.Add(slack)) {
			at = i
		}
	}
	switch {
	case t.lines[at].AcceptedAt.After(e.Time.Add(slack)):
		return 0, contradiction("it names a trust that was accepted only at %s", stamp(t.lines[at].AcceptedAt))
	case at+1 < len(t.lines) && t.lines[at+1].AcceptedAt.Before(e.Time.Add(-slack)):
		return 0, contradiction("it names a trust that had been replaced at %s", stamp(t.lines[at+1].AcceptedAt))
	}
	return at, t.sameFiles(at, e)
}

// sameFiles compares every metadata file that an entry names with what is proven.
func (t *trusts) sameFiles(i int, e *record.Entry) error {
	p, err := t.proven[i]()
	if err != nil {
		return err
	}
	if len(p.snapshot.Roles) != len(e.Trust.Roles) {
		return contradiction("it names %d roles of trust, the history has %d", len(e.Trust.Roles), len(p.snapshot.Roles))
	}
	for name, f := range e.Trust.Roles {
		if got := p.snapshot.Roles[name]; got.SHA256 != f.SHA256 || got.Version != f.Version {
			return contradiction("it names another file for the role %.60q than the history", name)
		}
	}
	t.mu.Lock()
	t.seen[i] = true
	t.mu.Unlock()
	return nil
}

// trust returns the trust of a line, nil for line -1.
func (t *trusts) trust(k parsedKey) (*verifier.Trust, error) {
	if k.line < 0 {
		return nil, nil
	}
	once, ok := t.parsed.Load(k)
	if !ok {
		once, _ = t.parsed.LoadOrStore(k, sync.OnceValues(func() (*verifier.Trust, error) { return t.parse(k) }))
	}
	return once.(func() (*verifier.Trust, error))()
}

// far is further than anything in a trust file.
var far = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

func (t *trusts) parse(k parsedKey) (*verifier.Trust, error) {
	p, err := t.proven[k.line]()
	if err != nil {
		return nil, err
	}
	src := trust.Source(p.snapshot, p.note)
	src.DriverVersion = k.driver
	if k.fresh {
		src.Expires = verifier.Expires{Root: far, Timestamp: far, Snapshot: far, Targets: far, Revocation: far}
		src.PreviousRevocationExpires = far
	}
	trust, err := verifier.ParseTrust(src)
	if err != nil || trust.RevocationFault() == nil || k.fresh {
		return trust, err
	}
	src.PreviousRevocationExpires = t.lastGood(k.line - 1)
	return verifier.ParseTrust(src)
}

// lastGood is the expiry of the last revocations that parsed, up to a line: the
// driver remembers it, and so it is found here.
func (t *trusts) lastGood(line int) time.Time {
	for ; line >= 0; line-- {
		trust, err := t.trust(parsedKey{line, version.Driver, true})
		if err == nil && trust.RevocationFault() == nil {
			p, _ := t.proven[line]()
			return p.snapshot.Roles[tuf.RoleRevocation].Expires
		}
	}
	return time.Time{}
}

// reset is a signed order to lower floors, and when it was first accepted.
type reset struct {
	verifier.SignedReset
	at time.Time
}

// floor is what it gives to every subject that it matches.
func (r reset) floor() verifier.Floor { return verifier.Floor{Version: r.Version} }

// findResets lists the orders of every trust. The error is of the first one that
// cannot be proven again, which may have had more.
func (t *trusts) findResets() (list []reset, lost error) {
	for i, l := range t.lines {
		if _, err := t.proven[i](); err != nil {
			lost = cmp.Or(lost, err)
			continue
		}
		trust, err := t.trust(parsedKey{i, version.Driver, true})
		if err != nil {
			continue // no driver used it, so nothing was reset
		}
		for _, r := range trust.Resets() {
			if !slices.ContainsFunc(list, func(x reset) bool { return x.ID == r.ID }) {
				list = append(list, reset{r, l.AcceptedAt})
			}
		}
	}
	return list, lost
}

// ReceiptKeys are the keys of all drivers.json that a driver has ever accepted, proven from
// a pinned root.
func ReceiptKeys(dir string, root []byte) ([]verifier.ReceiptKey, error) {
	t, err := openTrusts(dir, root)
	if err != nil {
		return nil, err
	}
	var list []verifier.ReceiptKey
	for i := range t.lines {
		if _, err := t.proven[i](); err != nil {
			continue // audit replay says so
		}
		trust, err := t.trust(parsedKey{i, version.Driver, true})
		if err != nil {
			continue
		}
		for _, k := range trust.ReceiptKeys() {
			if !slices.ContainsFunc(list, func(x verifier.ReceiptKey) bool { return x.Driver == k.Driver && x.SPKI == k.SPKI }) {
				list = append(list, k)
			}
		}
	}
	return list, nil
}

// resetsBy are the orders that had been accepted by then.
func (t *trusts) resetsBy(at time.Time) ([]reset, error) {
	list, lost := t.resets()
	return slices.DeleteFunc(slices.Clone(list), func(r reset) bool { return r.at.After(at.Add(slack)) }), lost
}

// used lists the trust that decisions were made by, the first of each epoch, and
// the last. What cannot be proven again is left out.
func (t *trusts) used() []Line {
	out := []Line{}
	before := -1
	for i, l := range t.lines {
		if first := i == 0 || l.Epoch != t.lines[i-1].Epoch; !first && !t.seen[i] && i != len(t.lines)-1 {
			continue
		}
		trust, err := t.trust(parsedKey{i, version.Driver, false})
		if err != nil {
			continue
		}
		out = append(out, Line{Line: l.Line, Epoch: l.Epoch, AcceptedAt: l.AcceptedAt, Changes: t.changes(before, i), Versions: trust.Versions(), Expires: trust.Expires()})
		before = i
	}
	return out
}

// changes says how line b differs from line a, which is -1 for none.
func (t *trusts) changes(a, b int) []string {
	if a < 0 {
		return []string{"first trust"}
	}
	x, _ := t.proven[a]()
	y, _ := t.proven[b]() // both are: their trust was parsed
	var list []string
	note := func(changed bool, format string, args ...any) {
		if changed {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	differs := func(name string) bool { return !bytes.Equal(x.snapshot.Targets[name], y.snapshot.Targets[name]) }
	note(t.lines[a].Root != t.lines[b].Root, "root rotated to version %d", t.lines[b].Root)
	note(!bytes.Equal(x.note.Ratchet, y.note.Ratchet), "%s", revokedText(y.note.Ratchet))
	note(differs("authorities.json"), "rules or signers")
	note(differs("trusted_root.json"), "Sigstore roots")
	note(differs("drivers.json"), "drivers")
	note(len(list) == 0 && t.lines[a].Epoch != t.lines[b].Epoch, "attestations")
	note(len(list) == 0, "signed anew")
	return list
}

// revokedText counts what is revoked.
func revokedText(ratchet []byte) string {
	var r struct {
		Schema  string           `json:"schema"`
		Entries []jsontext.Value `json:"entries"`
	}
	if json.Unmarshal(ratchet, &r) != nil {
		return "revocations"
	}
	return fmt.Sprintf("revocations: %d in force", len(r.Entries))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// contradiction is an entry that no driver could have written.
func contradiction(format string, args ...any) error {
	return &verifier.ReplayError{Contradiction: true, Text: fmt.Sprintf(format, args...)}
}
