// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! drivers.json: whose keys sign receipts. It is read whole or refused whole, with the
//! rules of the driver's own reader.

use openshell_policy_document::parse_strict;
use serde_json::{Map, Value};

use crate::key::{Key, PublicKey};
use crate::members::Members;
use crate::time::Time;

const SCHEMA: &str = "sigdriver.drivers/v1";
const MAX_FILE: usize = 4 << 20;
const MAX_KEYS: usize = 1024;
const MAX_NAME: usize = 253;

/// The keys of every driver.
pub(crate) fn read(text: &[u8]) -> Option<Vec<Key>> {
    if text.len() > MAX_FILE {
        return None;
    }
    let mut file = Members::of(parse_strict(text).ok()?)?;
    let drivers = match file.take("drivers") {
        None => Map::new(), // nobody signs receipts
        Some(Value::Object(drivers)) => drivers,
        Some(_) => return None,
    };
    if file.text("schema")? != SCHEMA {
        return None;
    }
    file.end()?;
    let mut all: Vec<Key> = Vec::new();
    for (name, driver) in drivers {
        let mut driver = Members::of(driver)?;
        let keys = driver.list("keys")?;
        driver.end()?;
        if !valid_name(&name) || keys.is_empty() {
            return None;
        }
        for key in keys {
            let key = read_key(&name, Members::of(key)?)?;
            if all.iter().any(|other| other.public == key.public) {
                return None; // one key is one driver's
            }
            all.push(key);
        }
    }
    (all.len() <= MAX_KEYS).then_some(all)
}

pub(crate) fn valid_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.chars().any(|c| c < '\u{20}' || c == '\u{7f}')
}

fn read_key(driver: &str, mut key: Members) -> Option<Key> {
    let public = PublicKey::from_pem(&key.text("pem")?).ok()?;
    let algorithm = if public.is_ed25519() {
        "ed25519"
    } else {
        "ecdsa-p256-sha256"
    };
    if let Some(said) = key.text_or_none("algorithm")?
        && said != algorithm
    {
        return None;
    }
    let mut when = |name: &str| match key.text_or_none(name)? {
        Some(text) => Time::parse(&text).map(Some),
        None => Some(None),
    };
    let (not_before, not_after) = (when("notBefore")?, when("notAfter")?);
    key.end()?;
    if not_after.is_some_and(|end| not_before.is_some_and(|start| start >= end)) {
        return None;
    }
    Some(Key {
        public,
        driver: driver.to_owned(),
        not_before,
        not_after,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const P256: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEy44I0gewNq/0nu6HDy88fwqzWsmO\nWYIEG/TPCcruB0M86X6rlToqlSDacDmmVN9/O7ZvYulQBO7aJsoB7LBRbA==\n-----END PUBLIC KEY-----\n";

    fn ed25519(n: u16) -> String {
        use base64::Engine as _;
        let mut der = vec![
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        der.extend([9; 30]);
        der.extend(n.to_be_bytes());
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    fn file() -> Value {
        json!({"schema": SCHEMA, "drivers": {"east-1": {"keys": [
            {"pem": P256, "algorithm": "ecdsa-p256-sha256", "notBefore": "2026-01-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00Z"},
            {"pem": ed25519(1)},
        ]}}})
    }

    fn reads(file: &Value) -> Option<usize> {
        read(file.to_string().as_bytes()).map(|keys| keys.len())
    }

    #[test]
    fn whole_or_not_at_all() {
        type Edit = fn(&mut Value);
        let edits: [(&str, Edit); 16] = [
            ("another schema", |f| {
                f["schema"] = json!("sigdriver.drivers/v2");
            }),
            ("no schema", |f| f["schema"] = json!("")),
            ("another member", |f| f["note"] = json!("x")),
            ("another member of a driver", |f| {
                f["drivers"]["east-1"]["note"] = json!("x");
            }),
            ("another member of a key", |f| {
                f["drivers"]["east-1"]["keys"][0]["note"] = json!("x");
            }),
            ("no keys", |f| f["drivers"]["east-1"]["keys"] = json!([])),
            ("no name", |f| {
                f["drivers"][""] = json!({"keys": [{"pem": ed25519(2)}]});
            }),
            ("a name of two lines", |f| {
                f["drivers"]["a\nb"] = json!({"keys": [{"pem": ed25519(2)}]});
            }),
            ("a long name", |f| {
                f["drivers"]["n".repeat(254)] = json!({"keys": [{"pem": ed25519(2)}]});
            }),
            ("a key twice", |f| {
                f["drivers"]["east-1"]["keys"][1]["pem"] = json!(P256);
            }),
            ("a key of two drivers", |f| {
                f["drivers"]["west-1"] = json!({"keys": [{"pem": P256}]});
            }),
            ("another algorithm", |f| {
                f["drivers"]["east-1"]["keys"][0]["algorithm"] = json!("ed25519");
            }),
            ("an algorithm that is no text", |f| {
                f["drivers"]["east-1"]["keys"][0]["algorithm"] = json!(null);
            }),
            ("drivers that are none", |f| f["drivers"] = json!(null)),
            ("a window that ends as it begins", |f| {
                f["drivers"]["east-1"]["keys"][0]["notAfter"] = json!("2026-01-01T00:00:00Z");
            }),
            ("a time in another form", |f| {
                f["drivers"]["east-1"]["keys"][0]["notAfter"] = json!("2027-01-01");
            }),
        ];
        assert_eq!(reads(&file()), Some(2));
        for (name, edit) in edits {
            let mut changed = file();
            edit(&mut changed);
            assert_eq!(reads(&changed), None, "{name}");
        }
        // As the driver's own reader does: an empty text says nothing.
        let mut empty = file();
        for name in ["algorithm", "notBefore", "notAfter"] {
            empty["drivers"]["east-1"]["keys"][0][name] = json!("");
        }
        assert_eq!(reads(&empty), Some(2));
        assert_eq!(reads(&json!({"schema": SCHEMA})), Some(0));
        let mut longest = file();
        longest["drivers"]["n".repeat(253)] = json!({"keys": [{"pem": ed25519(2)}]});
        assert_eq!(reads(&longest), Some(3));
    }

    #[test]
    fn limits() {
        let keys = |n: u16| {
            let keys: Vec<Value> = (0..n).map(|i| json!({"pem": ed25519(i)})).collect();
            json!({"schema": SCHEMA, "drivers": {"east-1": {"keys": keys}}})
        };
        assert_eq!(reads(&keys(1024)), Some(1024));
        assert_eq!(reads(&keys(1025)), None);
        let padded = |n: usize| {
            let text = file().to_string();
            let spaces = " ".repeat(n - text.len());
            read(format!("{text}{spaces}").as_bytes()).is_some()
        };
        assert!(padded(MAX_FILE));
        assert!(!padded(MAX_FILE + 1));
    }
}
