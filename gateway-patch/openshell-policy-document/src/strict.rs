// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Strict JSON: valid UTF-8, no name twice, bounded depth, nothing after the value,
//! no number that a double would change. `serde_json` takes the last of two equal
//! names and rounds numbers, so text of uncertain origin is read here.

use std::fmt;

use serde_json::{Map, Number, Value};

/// The deepest nesting that is read.
pub(crate) const MAX_DEPTH: usize = 32;

/// Numbers longer than this are no doubles anybody wrote down.
const MAX_NUMBER: usize = 400;

/// Why a text is not strict JSON, and before which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrictError {
    /// What is wrong.
    pub fault: &'static str,
    /// The offset in bytes.
    pub offset: usize,
}

impl fmt::Display for StrictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.fault, self.offset)
    }
}

impl std::error::Error for StrictError {}

/// Reads one strict JSON value.
pub fn parse_strict(text: &[u8]) -> Result<Value, StrictError> {
    let text = std::str::from_utf8(text).map_err(|e| StrictError {
        fault: "invalid UTF-8",
        offset: e.valid_up_to(),
    })?;
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.fault("data after the end of the value"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn fault(&self, fault: &'static str) -> StrictError {
        StrictError {
            fault,
            offset: self.at,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Skips white space and then the byte, if it is next.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, StrictError> {
        self.space();
        match self.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(self.fault("nesting deeper than 32")),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.literal(),
        }
    }

    fn literal(&mut self) -> Result<Value, StrictError> {
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.fault("not valid JSON"))
    }

    fn object(&mut self, depth: usize) -> Result<Value, StrictError> {
        self.at += 1;
        let mut members = Map::new();
        while !self.take(b'}') {
            if !members.is_empty() && !self.take(b',') {
                return Err(self.fault("not valid JSON"));
            }
            self.space();
            let start = self.at;
            let name = self.string()?;
            if !self.take(b':') {
                return Err(self.fault("not valid JSON"));
            }
            let value = self.value(depth)?;
            if members.insert(name, value).is_some() {
                self.at = start;
                return Err(self.fault("a duplicate member name"));
            }
        }
        Ok(Value::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Value, StrictError> {
        self.at += 1;
        let mut elements = Vec::new();
        while !self.take(b']') {
            if !elements.is_empty() && !self.take(b',') {
                return Err(self.fault("not valid JSON"));
            }
            elements.push(self.value(depth)?);
        }
        Ok(Value::Array(elements))
    }

    fn string(&mut self) -> Result<String, StrictError> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("not valid JSON"));
        }
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .find(|c| matches!(c, '"' | '\\' | '\0'..='\u{1f}'))
                .ok_or_else(|| self.fault("not valid JSON"))?;
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.fault("not valid JSON")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, StrictError> {
        let kind = self.text.as_bytes().get(self.at + 1).copied();
        let plain = match kind {
            Some(b'u') => return self.unicode(),
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(self.fault("not valid JSON")),
        };
        self.at += 2;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, StrictError> {
        let high = self
            .unit(self.at)
            .ok_or_else(|| self.fault("not valid JSON"))?;
        let low = self.unit(self.at + 6);
        let units: Vec<u16> = [Some(high), low].into_iter().flatten().collect();
        let Some(Ok(c)) = char::decode_utf16(units).next() else {
            return Err(self.fault("invalid UTF-8: half a surrogate pair"));
        };
        self.at += 6 * c.len_utf16();
        Ok(c)
    }

    /// The UTF-16 unit of an escape that starts here, if one does.
    fn unit(&self, at: usize) -> Option<u16> {
        let hex = self.text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        let digits = hex.bytes().all(|b| b.is_ascii_hexdigit());
        digits.then(|| u16::from_str_radix(hex, 16).ok()).flatten()
    }

    fn number(&mut self) -> Result<Value, StrictError> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while matches!(reader.peek(), Some(b'0'..=b'9')) {
                reader.at += 1;
            }
            reader.at > from
        };
        self.at += usize::from(self.peek() == Some(b'-'));
        let leading_zero = self.peek() == Some(b'0');
        let first = self.at;
        let mut valid = digits(self) && (!leading_zero || self.at == first + 1);
        if self.peek() == Some(b'.') {
            self.at += 1;
            valid &= digits(self);
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            valid &= digits(self);
        }
        if !valid {
            return Err(self.fault("not valid JSON"));
        }
        let Some(number) = exact(&self.text[start..self.at]).and_then(Number::from_f64) else {
            self.at = start;
            return Err(self.fault("a number that changes its value as a double"));
        };
        Ok(Value::Number(number))
    }
}

/// The double that a number's text stands for. Integers must be that double exactly,
/// or the text that RFC 8785 writes for it (`1e30` is no double, but the nearest one is
/// written `1e+30`); fractions become the nearest double; none beyond its range.
fn exact(text: &str) -> Option<f64> {
    if text.len() > MAX_NUMBER {
        return None;
    }
    let double: f64 = text
        .parse()
        .ok()
        .filter(|double: &f64| double.is_finite())?;
    let mantissa = text.split(['e', 'E']).next()?;
    if !mantissa.contains(|c: char| matches!(c, '1'..='9')) {
        return Some(double);
    }
    let asked = Decimal::read(text)?;
    let same = double != 0.0
        && (asked.exponent < 0
            || Decimal::read(&format!("{double:.0}"))? == asked
            || Decimal::read(ryu_js::Buffer::new().format_finite(double))? == asked);
    same.then_some(double)
}

/// A decimal number as digits × 10^exponent, without zeros at either end.
#[derive(PartialEq, Eq)]
struct Decimal {
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        let text = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let kept = digits.trim_end_matches('0');
        let dropped = i64::try_from(digits.len() - kept.len()).ok()?;
        let places = i64::try_from(fraction.len()).ok()?;
        Some(Self {
            digits: kept.trim_start_matches('0').to_owned(),
            exponent: exponent.checked_sub(places)?.checked_add(dropped)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(text: &str) -> &'static str {
        parse_strict(text.as_bytes()).map_or_else(|e| e.fault, |_| "none")
    }

    #[test]
    fn refuses() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        for (text, want) in [
            ("", "not valid JSON"),
            ("{", "not valid JSON"),
            ("{\"a\":1,}", "not valid JSON"),
            ("[1,]", "not valid JSON"),
            ("[,1]", "not valid JSON"),
            ("[1 2]", "not valid JSON"),
            ("{a:1}", "not valid JSON"),
            ("'a'", "not valid JSON"),
            ("nul", "not valid JSON"),
            ("01", "not valid JSON"),
            ("-", "not valid JSON"),
            ("1.", "not valid JSON"),
            (".5", "not valid JSON"),
            ("1e", "not valid JSON"),
            ("+1", "not valid JSON"),
            ("\"\t\"", "not valid JSON"),
            ("\"\\x\"", "not valid JSON"),
            ("\"\\u00g0\"", "not valid JSON"),
            ("\"\\u+041\"", "not valid JSON"),
            ("\u{feff}1", "not valid JSON"),
            ("1 1", "data after the end of the value"),
            ("{\"a\":1,\"\\u0061\":1}", "a duplicate member name"),
            ("{\"x\":{\"a\":1,\"a\":1}}", "a duplicate member name"),
            ("\"\\udc00\"", "invalid UTF-8: half a surrogate pair"),
            ("\"\\ud800\\u0041\"", "invalid UTF-8: half a surrogate pair"),
            (
                "9007199254740993",
                "a number that changes its value as a double",
            ),
            (
                "-9007199254740993.0",
                "a number that changes its value as a double",
            ),
            (
                "90071992547409930e-1",
                "a number that changes its value as a double",
            ),
            ("1e400", "a number that changes its value as a double"),
            ("1e-400", "a number that changes its value as a double"),
            (&deep(33), "nesting deeper than 32"),
        ] {
            assert_eq!(fault(text), want, "{text}");
        }
        assert_eq!(
            parse_strict(b"\"\xff\"").map_err(|e| e.fault),
            Err("invalid UTF-8")
        );
        assert_eq!(fault(&deep(32)), "none");
    }

    #[test]
    fn numbers_at_the_edge() {
        let long = |n: usize| format!("0.{}", "1".repeat(n - 2));
        for (text, taken) in [
            ("0", true),
            ("-0.0e-99999", true),
            ("0e99999999999999999999", true),
            ("1e-99999999999999999999", false),
            ("1e22", true),
            ("1e23", true), // no double, but its shortest text
            ("100000000000000000000000", true),
            ("99999999999999991611392", true), // exactly the double next to 1e23
            ("99999999999999991611393", false),
            ("0.1", true),
            ("10e-1", true),
            ("1.7976931348623157e308", true),
            ("4.9e-324", true),
            (&long(400), true),
            (&long(401), false),
        ] {
            assert_eq!(exact(text).is_some(), taken, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_strict(&bytes);
        }

        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{}\":,0-9eE.+\\-a-c \\\\untrlsf]{0,24}") {
            // Strict is a subset: what it takes, serde_json takes for the same value.
            if let Ok(value) = parse_strict(text.as_bytes()) {
                let other: Value = serde_json::from_str(&text).expect("a subset of JSON");
                prop_assert_eq!(crate::jcs::to_text(&other), crate::jcs::to_text(&value));
            }
        }
    }
}
