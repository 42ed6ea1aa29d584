// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The vectors of proofs of drivers.json: what Go's `tuf.CheckDriversProof` answers.

mod common;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{text, vectors};
use openshell_policy_receipt::{ProofError, Time, check_proof};
use serde_json::{Value, json};

/// The digest that is proven, or why none is.
fn judge(vector: &Value, proof: &[u8]) -> Result<[u8; 32], ProofError> {
    let number = |name: &str| text(vector, name).parse().expect("a number");
    let now = Time::parse(text(vector, "now")).expect("a time");
    check_proof(
        proof,
        text(vector, "root").as_bytes(),
        (number("minRoot"), number("minTargets")),
        now,
    )
}

#[test]
fn proofs() {
    let mut count = BTreeMap::new();
    for (name, vector) in vectors("drivers") {
        assert_eq!(vector["format"], "sigdriver.drivers-vector/v1");
        assert_eq!(text(&vector, "name"), name);
        let got = judge(&vector, text(&vector, "proof").as_bytes());
        let outcome = match &got {
            Ok(_) => "VERIFIED",
            Err(error) => error.name(),
        };
        assert_eq!(outcome, text(&vector, "expect"), "{name}: {got:?}");
        if let Ok(sum) = got {
            assert_eq!(common::unhex(text(&vector, "driversSha256")), sum, "{name}");
        }
        *count.entry(outcome).or_insert(0) += 1;
    }
    assert_eq!(count.len(), 8, "an outcome without a vector: {count:?}");
    println!("{count:?}");
}

/// The limits, with what is at the limit still taken: as Go's `TestDriversProofLimits`.
#[test]
fn limits() {
    let all = vectors("drivers");
    let (_, good) = all
        .iter()
        .find(|(n, _)| n == "verified")
        .expect("it is there");
    let whole = text(good, "proof").to_owned();
    let padded = |bytes: usize| whole.clone() + &" ".repeat(bytes - whole.len());
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut proof: Value = serde_json::from_str(&whole).expect("JSON");
        edit(&mut proof);
        proof.to_string()
    };
    let roots =
        |n: usize| edited(&|proof| proof["roots"] = vec![proof["roots"][0].clone(); n].into());
    let signatures = |n: usize| {
        edited(&|proof| {
            let targets = STANDARD.decode(text(proof, "targets")).expect("base64");
            let mut targets: Value = serde_json::from_slice(&targets).expect("JSON");
            let all = targets["signatures"].as_array_mut().expect("signatures");
            all.extend((1..n).map(|i| json!({"keyid": i.to_string(), "sig": "00"})));
            proof["targets"] = STANDARD.encode(targets.to_string()).into();
        })
    };
    for (what, proof, want) in [
        ("largest", padded(16 << 20), None),
        ("a byte larger", padded((16 << 20) + 1), Some("TUF_LENGTH")),
        ("most roots", roots(256), None),
        ("a root more", roots(257), Some("TUF_SIGNATURE")),
        ("most signatures", signatures(256), None),
        ("a signature more", signatures(257), Some("TUF_SIGNATURE")),
    ] {
        let got = judge(good, proof.as_bytes()).map_err(ProofError::name);
        assert_eq!(got.err(), want, "{what}");
    }
}

/// Every byte of a proof, changed in one bit: nothing else is ever proven. White space
/// and the signatures that no threshold needs are nobody's.
#[test]
fn every_byte_of_a_proof() {
    let all = vectors("drivers");
    let (_, good) = all
        .iter()
        .find(|(n, _)| n == "verified")
        .expect("it is there");
    let mut proof = text(good, "proof").as_bytes().to_vec();
    let sum = judge(good, &proof).expect("it verifies");
    let (mut refused, mut same) = (0, 0);
    for at in 0..proof.len() {
        proof[at] ^= 1 << (at % 8);
        match judge(good, &proof) {
            Ok(other) => {
                assert_eq!(other, sum, "byte {at}");
                same += 1;
            }
            Err(_) => refused += 1,
        }
        proof[at] ^= 1 << (at % 8);
    }
    println!("{refused} refused, {same} prove the same");
    assert!(refused > same);
}
