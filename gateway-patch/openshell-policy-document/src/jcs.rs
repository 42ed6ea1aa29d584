// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! RFC 8785: the one text of a JSON value.

use serde_json::{Map, Number, Value};

/// A number that RFC 8785 would write as another one.
#[derive(Debug, PartialEq, Eq)]
pub struct InexactNumber;

/// Writes the RFC 8785 text of a value. Integers that no double holds are refused:
/// the canonical form would silently hold another value.
pub fn to_text(value: &Value) -> Result<String, InexactNumber> {
    let mut out = String::new();
    write_value(&mut out, value)?;
    Ok(out)
}

fn write_value(out: &mut String, value: &Value) -> Result<(), InexactNumber> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, number)?,
        Value::String(text) => write_string(out, text),
        Value::Array(elements) => {
            out.push('[');
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_value(out, element)?;
            }
            out.push(']');
        }
        Value::Object(members) => write_object(out, members)?,
    }
    Ok(())
}

fn write_object(out: &mut String, members: &Map<String, Value>) -> Result<(), InexactNumber> {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    out.push('{');
    for (i, (name, value)) in sorted.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        write_value(out, value)?;
    }
    out.push('}');
    Ok(())
}

/// Writes a number as ECMAScript does. An integer must be a double exactly, or be
/// the text that is written for the nearest one (14704163178420670000 is no double).
#[allow(clippy::cast_possible_truncation)] // compared right after
fn write_number(out: &mut String, number: &Number) -> Result<(), InexactNumber> {
    let double = number.as_f64().filter(|double| double.is_finite());
    let double = double.ok_or(InexactNumber)?;
    let integer = number
        .as_u64()
        .map(i128::from)
        .or_else(|| number.as_i64().map(i128::from));
    let mut buffer = ryu_js::Buffer::new();
    let text = buffer.format_finite(double);
    match integer {
        Some(integer) if double as i128 != integer && text != integer.to_string() => {
            Err(InexactNumber)
        }
        _ => {
            out.push_str(text);
            Ok(())
        }
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let code = c as usize;
                out.push_str("\\u00");
                out.push(char::from(HEX[code >> 4]));
                out.push(char::from(HEX[code & 15]));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn numbers_are_those_of_ecmascript() {
        for (value, text) in [
            (json!(0), "0"),
            (json!(-0.0), "0"),
            (json!(1.0), "1"),
            (json!(-1), "-1"),
            (json!(1e20), "100000000000000000000"),
            (json!(1e21), "1e+21"),
            (json!(1e-7), "1e-7"),
            (json!(0.000_001), "0.000001"),
            (json!(9_007_199_254_740_992_u64), "9007199254740992"),
            (json!(i64::MIN), "-9223372036854776000"),
            (
                json!(14_704_163_178_420_670_000_u64),
                "14704163178420670000",
            ),
        ] {
            assert_eq!(to_text(&value).as_deref(), Ok(text));
        }
    }

    #[test]
    fn integers_that_are_no_double_are_refused() {
        for value in [
            json!(9_007_199_254_740_993_u64),
            json!(-9_007_199_254_740_993_i64),
            json!(u64::MAX),
            json!(i64::MAX),
        ] {
            assert_eq!(to_text(&json!({"deep": [value]})), Err(InexactNumber));
        }
    }

    #[test]
    fn names_are_ordered_by_utf16_units() {
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "b": 3, "": 4, "a\u{0}": 5, "a": 6});
        assert_eq!(
            to_text(&value).as_deref(),
            Ok("{\"\":4,\"a\":6,\"a\\u0000\":5,\"b\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}")
        );
    }

    pub(crate) fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i32>().prop_map(|n| json!(n)),
            any::<f64>()
                .prop_filter("finite", |n| n.is_finite())
                .prop_map(|n| json!(n)),
            any::<String>().prop_map(Value::String),
        ];
        leaf.prop_recursive(5, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// The text reads back as the same value, by an independent reader and by
        /// our own, and has one spelling only.
        #[test]
        fn text_reads_back(value in any_json()) {
            let text = to_text(&value).expect("i32 and doubles are exact");
            let again = crate::parse_strict(text.as_bytes()).expect("canonical text is strict");
            prop_assert_eq!(to_text(&again), Ok(text.clone()));
            let other: Value = serde_json::from_str(&text).expect("canonical text is JSON");
            prop_assert_eq!(to_text(&other), Ok(text.clone()));
        }

        #[test]
        #[allow(clippy::float_cmp)] // exactly the same
        fn doubles_survive(double in any::<f64>()) {
            prop_assume!(double.is_finite());
            let text = to_text(&json!(double)).expect("a double is exact");
            prop_assert_eq!(text.parse::<f64>().expect("a number"), double);
        }
    }
}
