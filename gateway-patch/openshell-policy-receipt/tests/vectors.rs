// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The vectors of receipts: the same bytes, and the same findings, as the driver's own
//! package.

mod common;

use std::collections::BTreeMap;

use common::{Receipt, text, vectors};
use openshell_policy_receipt::{Finding, Refusal, Seen, Statement, Want};

fn outcome(result: &Result<Statement, Refusal>) -> &'static str {
    match result {
        Ok(_) => "VERIFIED",
        Err(refusal) => refusal.finding.name(),
    }
}

#[test]
fn receipts() {
    let mut count = BTreeMap::new();
    let all = vectors("receipts");
    for (name, vector) in &all {
        assert_eq!(text(vector, "name"), name);
        let receipt = Receipt::read(vector);
        let got = receipt.verify(&receipt.bytes);
        assert_eq!(outcome(&got), text(vector, "expect"), "{name}: {got:?}");
        *count.entry(outcome(&got)).or_insert(0) += 1;
    }
    assert_eq!(count.len(), 6, "a finding without a vector: {count:?}");
    println!("{} receipts: {count:?}", all.len());
}

fn named(name: &str) -> Receipt {
    let all = vectors("receipts");
    let found = all.iter().find(|(have, _)| have == name);
    Receipt::read(&found.expect("the vector").1)
}

/// RC-01: every byte, changed in every bit; then cut, left out, or put in twice.
#[test]
fn every_byte_counts() {
    for name in ["verified", "verified-ed25519"] {
        let receipt = named(name);
        assert!(receipt.verify(&receipt.bytes).is_ok());
        let mut tried = 0;
        let mut refused = |bytes: &[u8], what: &str| {
            let got = receipt.verify(bytes);
            let refusal = got.expect_err(what);
            assert_eq!(refusal.finding, Finding::Signature, "{what}: {refusal}");
            tried += 1;
        };
        for at in 0..receipt.bytes.len() {
            let mut bytes = receipt.bytes.clone();
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                refused(&bytes, &format!("{name}: byte {at}, bit {bit}"));
                bytes[at] ^= 1 << bit;
            }
            refused(&bytes[..at], &format!("{name}: cut at {at}"));
            let removed = bytes.remove(at);
            refused(&bytes, &format!("{name}: without byte {at}"));
            bytes.insert(at, removed);
            bytes.insert(at, removed);
            refused(&bytes, &format!("{name}: byte {at} twice"));
        }
        assert_eq!(tried, receipt.bytes.len() * 11);
        println!("{name}: {tried} changed receipts, all refused");
    }
}

/// Random bytes and random splices of real receipts, from a fixed seed: none is taken
/// but those that a driver signed, and nothing panics.
#[test]
fn random_receipts() {
    let runs: u32 = std::env::var("RECEIPT_FUZZ_RUNS").map_or(20_000, |n| n.parse().expect("runs"));
    let all: Vec<Vec<u8>> = vectors("receipts")
        .iter()
        .map(|(_, vector)| Receipt::read(vector).bytes)
        .collect();
    let reader = named("verified");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % n as u64).expect("below a usize")
    };
    let mut taken = 0;
    for _ in 0..runs {
        let mut bytes = all[below(all.len())].clone();
        for _ in 0..below(4) {
            let (from, other) = (below(bytes.len()), &all[below(all.len())]);
            match below(4) {
                0 => bytes[from] = u8::try_from(below(256)).expect("a byte"),
                1 => bytes.truncate(from + 1),
                2 => bytes.extend_from_slice(&other[below(other.len())..]),
                _ => {
                    let most = (bytes.len() - from).min(other.len());
                    bytes[from..from + most].copy_from_slice(&other[..most]);
                }
            }
        }
        if reader.verify(&bytes).is_ok() {
            assert!(all.contains(&bytes), "taken: {bytes:?}");
            taken += 1;
        }
    }
    println!("{runs} receipts, {taken} taken, all of them vectors");
    assert!(taken > 0, "the reader takes nothing at all");
}

/// Nothing of what is wanted may be missing.
#[test]
fn everything_is_wanted() {
    let receipt = named("verified-settings");
    let whole = receipt.want();
    let check = |want: Want<'_>| {
        openshell_policy_receipt::verify(&receipt.bytes, &want, |_| Seen::default())
    };
    assert!(check(whole.clone()).is_ok());
    let target = |change: fn(&mut openshell_policy_receipt::Target)| {
        let mut target = receipt.target.clone();
        change(&mut target);
        let mut want = whole.clone();
        want.target = &target;
        check(want).is_err()
    };
    assert!(target(|t| t.gateway.clear()));
    assert!(target(|t| t.workspace.clear()));
    assert!(target(|t| t.sandbox.clear()));
    assert!(target(|t| t.name.clear()));
    let mut want = whole.clone();
    want.keys = &[];
    assert!(check(want).is_err());
    let mut want = whole.clone();
    want.nonce = &[];
    assert!(check(want).is_err());
    let mut want = whole.clone();
    want.settings = None;
    assert!(check(want).is_err());
    let mut want = whole.clone();
    want.effective = [0; 32];
    assert!(check(want).is_err());
}

/// What was seen is asked for once, of the driver whose signature it is.
#[test]
fn seen_is_per_driver() {
    let receipt = named("verified-next");
    let mut asked = Vec::new();
    let got = openshell_policy_receipt::verify(&receipt.bytes, &receipt.want(), |driver| {
        asked.push(driver.to_owned());
        Seen::default()
    });
    assert!(got.is_ok());
    assert_eq!(asked, ["east-1"]);
}
