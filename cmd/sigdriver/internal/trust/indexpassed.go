// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"slices"

	"github.com/hashicorp/go-hclog"
)

// Reason says why a path of the local folder is not used: one of a closed list, fit
// for a metric.
type Reason string

// The reasons.
const (
	Hidden         Reason = "hidden"          // its name begins with a dot: a file in the making
	TooDeep        Reason = "too_deep"        // below maxDepth folders
	NotRegular     Reason = "not_regular"     // neither a file nor a folder
	Unreadable     Reason = "unreadable"      // to the driver's user
	TooLarge       Reason = "too_large"       // more than maxFile
	Crowded        Reason = "crowded"         // a folder with more entries than are looked at
	NotAttestation Reason = "not_attestation" // neither a DSSE envelope nor a Sigstore bundle
	Unproven       Reason = "unproven"        // no signature in it proves anything to the trust in use
	NoRoom         Reason = "no_room"         // more is kept already than the index may hold
)

// Reasons lists all of them.
func Reasons() []Reason {
	return []Reason{Hidden, TooDeep, NotRegular, Unreadable, TooLarge, Crowded, NotAttestation, Unproven, NoRoom}
}

// fileIsRead reports whether trust has a say in the reason, or there is none.
func (r Reason) fileIsRead() bool {
	return r == "" || r == NotAttestation || r == Unproven || r == NoRoom
}

// PassedOver is a path of the local folder, or a target of trust, that is not used.
type PassedOver struct {
	Path   string
	Reason Reason
	Detail string // for people; may be empty. It holds no part of the file but names, quoted
}

// PassedOver lists what the last pass did not use of the local folder, by path.
func (x *Index) PassedOver() []PassedOver {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []PassedOver
	for _, s := range x.sources {
		if !s.target && s.passed.Reason != "" {
			out = append(out, s.passed)
		}
	}
	slices.SortFunc(out, func(a, b PassedOver) int { return compareText(a.Path, b.Path) })
	return out
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// maxMentions is how many paths are named in the log at once. From then on one is at
// each pass, so that whoever fills the folder does not fill the log.
const maxMentions = 64

// mentions is how many more may be named.
type mentions struct {
	begun bool
	left  int
}

// mentionPassed names each source that is not used once, and again when the reason is
// another.
func (x *Index) mentionPassed() {
	if !x.mention.begun {
		x.mention = mentions{true, maxMentions}
	}
	x.mention.left = min(x.mention.left+1, maxMentions)
	var news []*source
	for _, s := range x.sources {
		if s.passed.Reason == "" {
			s.said = ""
		} else if s.said != string(s.passed.Reason) {
			news = append(news, s)
		}
	}
	slices.SortFunc(news, byName)
	for _, s := range news[:min(len(news), x.mention.left)] {
		x.mention.left--
		s.said = string(s.passed.Reason)
		what := "attestation file passed over"
		if s.target {
			what = "attestation target passed over"
		}
		x.logger.Warn(what, "path", hclog.Quote(s.name), "reason", s.said, "detail", hclog.Quote(s.passed.Detail))
	}
}
