// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

// effect says what a change of a field does to what is granted. Diff classes
// changes by it, so whatever is not certain is left at zero, which claims nothing.
type effect struct {
	more, less  Class // of an addition and of a removal
	first, last Class // the same, where the field was, or becomes, empty
	// ranks orders the values of a text from narrow to wide, and zero is what the
	// host takes an empty one for. Values that are not here are not ordered.
	ranks []string
	zero  string
	// classify classes a change of a text that no order describes.
	classify func(was, is string) Class
	on       bool   // a boolean that is true by default
	means    bool   // a message that means something by being there
	why      string // explains, in a clause, what the wide end means
}

// opens: more of it never grants less.
func (f field) opens() field { f.more, f.less = Widens, Narrows; return f }

// closes: more of it never grants more.
func (f field) closes() field { f.more, f.less = Narrows, Widens; return f }

func (f field) addition(c Class) field { f.more = c; return f }

func (f field) removal(c Class) field { f.less = c; return f }

// edges are the classes of the first addition and of the last removal.
func (f field) edges(first, last Class) field { f.first, f.last = first, last; return f }

func (f field) ranked(zero string, narrowToWide ...string) field {
	f.zero, f.ranks = zero, narrowToWide
	return f
}

func (f field) judged(classify func(was, is string) Class) field { f.classify = classify; return f }

func (f field) trueByDefault() field { f.on = true; return f }

// present: that the message is there means something by itself.
func (f field) present() field { f.means = true; return f }

func (f field) because(why string) field { f.why = why; return f }

// added and removed are the classes of more and of less of a field. some tells
// whether there is anything of it besides.
func (e *effect) added(some bool) Class {
	if !some && e.first != 0 {
		return e.first
	}
	return e.more
}

func (e *effect) removed(some bool) Class {
	if !some && e.last != 0 {
		return e.last
	}
	return e.less
}

// explain explains a change that widens.
func (e *effect) explain(class Class) string {
	if class == Widens {
		return e.why
	}
	return ""
}

func (e *effect) change(class Class, at string, was, is *value) Change {
	return change(class, at, was, is, e.explain(class))
}
