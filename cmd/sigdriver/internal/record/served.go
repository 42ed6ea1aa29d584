// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"fmt"
	"time"
)

// MaxServed bounds the answers that one entry counts; more make more entries.
const MaxServed = 200

// Served counts how often answers were given again without deciding anew. The
// entry that made each answer says what it was. A driver that is killed loses
// the counts since the last such entry.
type Served struct {
	From time.Time `json:"from"` // after this
	To   time.Time `json:"to"`   // and not after this
	// Answers are by ascending index, each once.
	Answers []ServedAnswer `json:"answers,omitempty"`
	// Others counts answers that are not listed: those beyond what a period
	// lists, and refusals that got no entry of their own.
	Others uint64 `json:"others,omitzero,string"`
}

// ServedAnswer is one answer and how often it was given again.
type ServedAnswer struct {
	Index uint64 `json:"index,string"` // of the entry that made it
	Count uint64 `json:"count,string"`
}

// check refuses counts of nothing, of an answer twice, and of one that the entry
// seq could not know yet.
func (s *Served) check(seq uint64) error {
	s.From, s.To = s.From.UTC(), s.To.UTC()
	switch {
	case s.From.IsZero() || s.To.Before(s.From):
		return &EntryError{Field: "served.from", Text: "is missing, or after served.to"}
	case len(s.Answers) == 0 && s.Others == 0:
		return &EntryError{Field: "served", Text: "counts nothing"}
	case len(s.Answers) > MaxServed:
		return &EntryError{Field: "served.answers", Text: fmt.Sprintf("are more than %d", MaxServed)}
	}
	for i, a := range s.Answers {
		if a.Count == 0 || a.Index >= seq || i > 0 && a.Index <= s.Answers[i-1].Index {
			return &EntryError{Field: "served.answers", Text: fmt.Sprintf("[%d] has no count, or not its place", i)}
		}
	}
	return nil
}

// Count makes counts durable, in as many entries as they need. It returns the
// counts that are not, which is all of them while the disk has no room to spare.
func (j *Journal) Count(s Served) (left Served, err error) {
	for len(s.Answers) > 0 || s.Others > 0 {
		if err := j.spare(); err != nil {
			return s, err
		}
		part := s
		if len(part.Answers) > MaxServed {
			part.Answers, part.Others = s.Answers[:MaxServed], 0
		}
		if err := part.check(j.Head().Size); err != nil {
			return s, err
		}
		body, err := canonical(&part)
		if err != nil {
			return s, err
		}
		if _, _, err := j.submit(kindServed, func() ([]byte, error) { return body, nil }); err != nil {
			return s, err
		}
		s.Answers, s.Others = s.Answers[len(part.Answers):], s.Others-part.Others
	}
	return s, nil
}

// spare reports whether the disk has room for an entry that nobody waits for.
func (j *Journal) spare() error {
	free, err := j.opts.FS.Free(j.dir)
	if err == nil && free < j.opts.Reserve {
		err = &FullError{Dir: j.dir, Free: free, Need: j.opts.Reserve}
	}
	return err
}
