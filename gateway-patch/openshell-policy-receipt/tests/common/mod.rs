// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The vectors that the driver's own tests read.
#![allow(dead_code)] // each test uses its part

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openshell_policy_receipt::{
    Key, PublicKey, Refusal, Seen, Statement, Target, Time, Want, verify,
};
use serde_json::Value;

pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of a folder of vectors, by name.
pub fn vectors(folder: &str) -> Vec<(String, Value)> {
    let folder = repository().join("testdata/vectors").join(folder);
    let mut all: Vec<(String, Value)> = std::fs::read_dir(folder)
        .expect("a folder of vectors")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let text = std::fs::read(&path).expect("readable");
            let value = serde_json::from_slice(&text).expect("JSON");
            (name.into_owned(), value)
        })
        .collect();
    assert!(!all.is_empty(), "no vectors");
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

pub fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    match &value[name] {
        Value::Null => "",
        Value::String(text) => text,
        other => panic!("{name} is {other}"),
    }
}

/// Bytes of a vector: text, base64, or a JSON value in canonical form.
pub fn bytes(value: &Value) -> Vec<u8> {
    match (value.get("text"), value.get("base64")) {
        (Some(Value::String(text)), None) => text.clone().into_bytes(),
        (None, Some(Value::String(text))) => STANDARD.decode(text).expect("base64"),
        _ => panic!("no bytes: {value}"),
    }
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
        .collect()
}

fn digest(text: &str) -> Option<[u8; 32]> {
    (!text.is_empty()).then(|| unhex(text).try_into().expect("32 bytes"))
}

fn when(text: &str) -> Option<Time> {
    (!text.is_empty()).then(|| Time::parse(text).expect("a time"))
}

/// A receipt with what its reader wants.
pub struct Receipt {
    pub bytes: Vec<u8>,
    pub keys: Vec<Key>,
    pub nonce: Vec<u8>,
    pub target: Target,
    pub effective: [u8; 32],
    pub settings: Option<[u8; 32]>,
    pub seen: Seen,
    pub now: Time,
}

impl Receipt {
    pub fn read(vector: &Value) -> Self {
        assert_eq!(vector["format"], "sigdriver.receipt-vector/v1");
        let want = &vector["want"];
        let keys = want["keys"].as_array().expect("keys");
        let target = &want["target"];
        let number = |name: &str| text(want, name).parse().expect("a number");
        Self {
            bytes: bytes(&vector["receipt"]),
            keys: keys.iter().map(key).collect(),
            nonce: unhex(text(want, "nonce")),
            target: Target {
                gateway: text(target, "gateway").to_owned(),
                workspace: text(target, "workspace").to_owned(),
                sandbox: text(target, "sandbox").to_owned(),
                name: text(target, "name").to_owned(),
            },
            effective: digest(text(want, "effectiveSha256")).expect("a digest"),
            settings: digest(text(want, "settingsSha256")),
            seen: Seen {
                epoch: number("minEpoch"),
                sequence: number("minSequence"),
            },
            now: when(text(want, "now")).expect("a time"),
        }
    }

    pub fn want(&self) -> Want<'_> {
        Want {
            keys: &self.keys,
            nonce: &self.nonce,
            target: &self.target,
            effective: self.effective,
            settings: self.settings,
            now: self.now,
        }
    }

    pub fn verify(&self, bytes: &[u8]) -> Result<Statement, Refusal> {
        verify(bytes, &self.want(), |_| self.seen)
    }
}

fn key(pin: &Value) -> Key {
    Key {
        public: PublicKey::from_pem(text(pin, "pem")).expect("a key"),
        driver: text(pin, "driver").to_owned(),
        not_before: when(text(pin, "notBefore")),
        not_after: when(text(pin, "notAfter")),
    }
}
