// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! What stands where in roots and targets, as Go's `tuf` package checks it before it
//! reads any of it: known members are of their kind, none is missing that is needed, and
//! none is written in another case. A member that nobody knows may stand anywhere.

use serde_json::Value;

/// What a place in metadata holds.
pub(crate) enum Shape {
    Anything,
    Text,
    Number,
    Flag,
    List(&'static Self),
    /// An object whose values are all of one shape.
    Map(&'static Self),
    /// An object with these members.
    Members(&'static [Member]),
}

/// A member that is known, and whether it is needed.
pub(crate) type Member = (&'static str, bool, &'static Shape);

const TEXTS: Shape = Shape::List(&Shape::Text);
const HASHES: Shape = Shape::Map(&Shape::Text);

const KEYS: Shape = Shape::Map(&Shape::Members(&[
    ("keytype", true, &Shape::Text),
    ("scheme", true, &Shape::Text),
    (
        "keyval",
        true,
        &Shape::Members(&[("public", true, &Shape::Text)]),
    ),
]));

const ROLE: Shape = Shape::Members(&[
    ("keyids", true, &TEXTS),
    ("threshold", true, &Shape::Number),
]);

const DELEGATIONS: Shape = Shape::Members(&[
    ("keys", true, &KEYS),
    (
        "roles",
        false,
        &Shape::List(&Shape::Members(&[
            ("name", true, &Shape::Text),
            ("keyids", true, &TEXTS),
            ("threshold", true, &Shape::Number),
            ("terminating", true, &Shape::Flag),
            ("paths", false, &TEXTS),
            ("path_hash_prefixes", false, &TEXTS),
        ])),
    ),
    (
        "succinct_roles",
        false,
        &Shape::Members(&[
            ("keyids", true, &TEXTS),
            ("threshold", true, &Shape::Number),
            ("bit_length", true, &Shape::Number),
            ("name_prefix", true, &Shape::Text),
        ]),
    ),
]);

const TARGETS: Shape = Shape::Map(&Shape::Members(&[
    ("length", true, &Shape::Number),
    ("hashes", true, &HASHES),
    ("custom", false, &Shape::Map(&Shape::Anything)),
]));

const SIGNATURES: Shape = Shape::List(&Shape::Members(&[
    ("keyid", true, &Shape::Text),
    ("sig", true, &Shape::Text),
]));

/// A whole file of roots.
pub(crate) const ROOT_FILE: Shape = Shape::Members(&[
    (
        "signed",
        true,
        &Shape::Members(&[
            ("_type", true, &Shape::Text),
            ("spec_version", true, &Shape::Text),
            ("version", true, &Shape::Number),
            ("expires", true, &Shape::Text),
            ("keys", true, &KEYS),
            ("roles", true, &Shape::Map(&ROLE)),
            ("consistent_snapshot", true, &Shape::Flag),
        ]),
    ),
    ("signatures", true, &SIGNATURES),
]);

/// A whole file of targets.
pub(crate) const TARGETS_FILE: Shape = Shape::Members(&[
    (
        "signed",
        true,
        &Shape::Members(&[
            ("_type", true, &Shape::Text),
            ("spec_version", true, &Shape::Text),
            ("version", true, &Shape::Number),
            ("expires", true, &Shape::Text),
            ("targets", true, &TARGETS),
            ("delegations", false, &DELEGATIONS),
        ]),
    ),
    ("signatures", true, &SIGNATURES),
]);

impl Shape {
    /// Reports whether a value has this shape.
    pub(crate) fn fits(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Anything, _)
            | (Self::Text, Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Flag, Value::Bool(_)) => true,
            (Self::List(element), Value::Array(elements)) => {
                elements.iter().all(|value| element.fits(value))
            }
            (Self::Map(element), Value::Object(members)) => {
                members.values().all(|value| element.fits(value))
            }
            (Self::Members(known), Value::Object(members)) => {
                let fits = |(name, value): (&String, &Value)| match known
                    .iter()
                    .find(|(of, ..)| of == name)
                {
                    Some((.., shape)) => shape.fits(value),
                    None => !known.iter().any(|(of, ..)| folds_to(name, of)),
                };
                let has = |(name, needed, _): &Member| !needed || members.contains_key(*name);
                members.iter().all(fits) && known.iter().all(has)
            }
            _ => false,
        }
    }
}

/// Reports whether a reader that overlooks case takes a name for a known one, of which
/// each is ASCII: simple folding has two more letters for k and s.
fn folds_to(name: &str, known: &str) -> bool {
    let fold = |c: char| match c {
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(fold).eq(known.chars().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_in_another_case() {
        for name in ["Keytype", "KEYTYPE", "\u{212a}eytype", "keytype"] {
            let folds = folds_to(name, "keytype");
            assert!(folds, "{name}");
        }
        for name in ["keytypes", "key_type", "", "\u{212b}eytype"] {
            assert!(!folds_to(name, "keytype"), "{name}");
        }
        assert!(folds_to("\u{17f}cheme", "scheme"));
    }

    #[test]
    fn each_member_is_of_its_kind() {
        let key = json!({"keytype": "a", "scheme": "b", "keyval": {"public": "c", "note": 1}});
        let keys = |key: Value| KEYS.fits(&json!({"id": key}));
        assert!(keys(key.clone()));
        for name in ["keytype", "scheme", "keyval"] {
            let mut without = key.clone();
            without.as_object_mut().expect("an object").remove(name);
            assert!(!keys(without), "{name}");
            let mut other = key.clone();
            other[name] = json!(7);
            assert!(!keys(other), "{name}");
            let mut beside = key.clone();
            beside[name.to_uppercase()] = key[name].clone();
            assert!(!keys(beside), "{name}");
        }
        let mut beside = key.clone();
        beside["note"] = json!(null);
        assert!(keys(beside));
    }
}
