// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Reads JSON objects whose members are all known. Each value has one text, so that
//! canonical bytes stand for one thing and one thing has one text.

use openshell_policy_document::{jcs, parse_strict};
use serde_json::{Map, Value};

/// The members of an object that were not taken yet.
pub(crate) struct Members(Map<String, Value>);

impl Members {
    pub(crate) fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self(members)),
            _ => None,
        }
    }

    /// Takes the only form of an object: RFC 8785.
    pub(crate) fn canonical(text: &[u8]) -> Option<Self> {
        let value = parse_strict(text).ok()?;
        let again = jcs::to_text(&value).ok()?;
        (again.as_bytes() == text).then(|| Self::of(value))?
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    pub(crate) fn object(&mut self, name: &str) -> Option<Self> {
        Self::of(self.take(name)?)
    }

    pub(crate) fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.take(name)? {
            Value::Array(elements) => Some(elements),
            _ => None,
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        as_text(self.take(name)?)
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.take(name)?.as_bool()
    }

    /// A text that is left out when it is empty. The outer nothing is a fault.
    #[allow(clippy::option_option)]
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<Option<String>> {
        match self.take(name) {
            None => Some(None),
            Some(value) => as_text(value).filter(|t| !t.is_empty()).map(Some),
        }
    }

    /// A text that is left out or empty where nothing is said. The outer nothing is a fault.
    #[allow(clippy::option_option)]
    pub(crate) fn text_or_none(&mut self, name: &str) -> Option<Option<String>> {
        match self.take(name) {
            None => Some(None),
            Some(value) => as_text(value).map(|t| (!t.is_empty()).then_some(t)),
        }
    }

    /// A 64-bit number, as decimal text without spare characters.
    pub(crate) fn number<N: std::str::FromStr + ToString>(&mut self, name: &str) -> Option<N> {
        let text = self.text(name)?;
        let number: N = text.parse().ok()?;
        (number.to_string() == text).then_some(number)
    }

    /// Nothing is left.
    pub(crate) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

pub(crate) fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Bytes as lower-case hex digits, two each.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    bytes
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

/// The same of digits in either case, as TUF's readers take keys and signatures.
pub(crate) fn unhex_of_any_case(text: &str) -> Option<Vec<u8>> {
    unhex(&text.to_ascii_lowercase())
}

/// A SHA-256 as 64 lower-case hex digits.
pub(crate) fn digest(text: &str) -> Option<[u8; 32]> {
    unhex(text)?.try_into().ok()
}
