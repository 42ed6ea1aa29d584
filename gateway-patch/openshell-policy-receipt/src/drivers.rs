// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! drivers.json: whose keys sign receipts. It is read whole or refused whole, with the
//! rules of the driver's own reader.

use openshell_policy_document::parse_strict;
use serde_json::Value;

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
    let Value::Object(drivers) = file.take("drivers")? else {
        return None;
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
    if let Some(said) = key.optional_text("algorithm")?
        && said != algorithm
    {
        return None;
    }
    let mut when = |name: &str| match key.optional_text(name)? {
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
