// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The in-toto Statement of a receipt: what was allowed, where, on which grounds, and
//! for how long the receipt holds.

use serde_json::Value;

use crate::members::{Members, as_text, digest, unhex};
use crate::time::Time;

/// Names the predicate of a receipt.
pub const PREDICATE_TYPE: &str = "https://sigdriver.dev/effective-policy/v1";

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const SUBJECT_NAME: &str = "effective-policy";

/// Where a policy may be enforced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The gateway's id, as the driver's configuration has it.
    pub gateway: String,
    /// The sandbox's workspace.
    pub workspace: String,
    /// The sandbox's id.
    pub sandbox: String,
    /// The sandbox's name.
    pub name: String,
}

/// What a supervisor reads of a receipt. All other members were there, of their
/// types, and nothing beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The SHA-256 of the effective policy.
    pub effective: [u8; 32],
    /// That of the settings; nothing when none were judged.
    pub settings: Option<[u8; 32]>,
    /// Whose receipt it is.
    pub driver: String,
    /// What the asker chose.
    pub nonce: Vec<u8>,
    /// Where the policy may be enforced.
    pub target: Target,
    /// When it was decided.
    pub issued_at: Time,
    /// Until when it holds, exclusive.
    pub not_after: Time,
    /// `ALLOW`
    pub verdict: String,
    /// `COMPOSE`
    pub purpose: String,
    /// How the gateway composes.
    pub recipe: String,
    /// Whether layers of providers were inserted.
    pub providers_v2_enabled: bool,
    /// The epoch of the trust that decided.
    pub epoch: u64,
    /// Rises from receipt to receipt of one driver.
    pub sequence: u64,
}

/// Reads a payload in its one form.
pub(crate) fn read(payload: &[u8]) -> Option<Statement> {
    let mut statement = Members::canonical(payload)?;
    let kind = statement.text("_type")?;
    let predicate_type = statement.text("predicateType")?;
    if kind != STATEMENT_TYPE || predicate_type != PREDICATE_TYPE {
        return None;
    }
    let [subject] = <[_; 1]>::try_from(statement.list("subject")?).ok()?;
    let effective = read_subject(Members::of(subject)?)?;
    let predicate = statement.object("predicate")?;
    statement.end()?;
    read_predicate(predicate, effective)
}

fn read_subject(mut subject: Members) -> Option<[u8; 32]> {
    let mut sums = subject.object("digest")?;
    let sum = digest(&sums.text("sha256")?)?;
    sums.end()?;
    let name = subject.text("name")?;
    subject.end()?;
    (name == SUBJECT_NAME).then_some(sum)
}

fn read_predicate(mut p: Members, effective: [u8; 32]) -> Option<Statement> {
    let statement = Statement {
        effective,
        settings: match p.optional_text("settingsSha256")? {
            Some(text) => Some(digest(&text).filter(|sum| *sum != [0; 32])?),
            None => None,
        },
        driver: read_driver(p.object("driver")?)?,
        nonce: unhex(&p.text("nonce")?)?,
        target: read_target(p.object("target")?)?,
        issued_at: Time::parse(&p.text("issuedAt")?)?,
        not_after: Time::parse(&p.text("notAfter")?)?,
        verdict: p.text("verdict")?,
        purpose: p.text("purpose")?,
        recipe: p.text("recipe")?,
        providers_v2_enabled: p.flag("providersV2Enabled")?,
        epoch: read_epoch(p.object("trust")?)?,
        sequence: p.number("sequence")?,
    };
    for input in p.list("inputs")? {
        check_input(Members::of(input)?)?;
    }
    let mut log = p.object("log")?;
    digest(&log.text("entrySha256")?)?;
    log.number::<u64>("index")?;
    log.end()?;
    digest(&p.text("requestSha256")?)?;
    p.end()?;
    Some(statement)
}

fn read_driver(mut driver: Members) -> Option<String> {
    let id = driver.text("id")?;
    driver.optional_text("revision")?;
    driver.text("version")?;
    driver.end()?;
    Some(id)
}

fn read_target(mut target: Members) -> Option<Target> {
    let out = Target {
        gateway: target.text("gatewayId")?,
        workspace: target.text("workspace")?,
        sandbox: target.text("sandboxId")?,
        name: target.text("name")?,
    };
    target.end()?;
    Some(out)
}

fn read_epoch(mut trust: Members) -> Option<u64> {
    let epoch = trust.number("epoch")?;
    for role in ["revocation", "root", "snapshot", "targets", "timestamp"] {
        trust.number::<i64>(role)?;
    }
    trust.flag("stale")?;
    trust.end()?;
    Some(epoch)
}

fn check_input(mut input: Members) -> Option<()> {
    for principal in input.list("principals")? {
        as_text(principal)?;
    }
    if let Some(omitted) = input.take("principalsOmitted") {
        count(&omitted)?;
    }
    for name in ["provider", "workspace"] {
        input.optional_text(name)?;
    }
    input.text("role")?;
    digest(&input.text("sha256")?)?;
    if let Some(version) = input.optional_text("version")? {
        let number: u64 = version.parse().ok()?;
        (number != 0 && number.to_string() == version).then_some(())?;
    }
    input.end()
}

/// A count is left out when it is zero.
fn count(value: &Value) -> Option<()> {
    let number = value.as_f64()?;
    (number >= 1.0 && number.fract() == 0.0).then_some(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use openshell_policy_document::jcs;
    use serde_json::json;

    pub(crate) fn receipt() -> Value {
        let sum = "ab".repeat(32);
        json!({
            "_type": STATEMENT_TYPE,
            "subject": [{"name": SUBJECT_NAME, "digest": {"sha256": sum}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "driver": {"id": "east-1", "revision": "7", "version": "0.1.0"},
                "inputs": [{"principals": ["alice"], "principalsOmitted": 2, "provider": "forge", "role": "PROVIDER_PROFILE",
                    "sha256": sum, "version": "42", "workspace": "prod"}],
                "issuedAt": "2026-09-01T12:00:00Z", "notAfter": "2026-09-01T12:05:00Z",
                "log": {"entrySha256": sum, "index": "5"},
                "nonce": "00".repeat(16), "providersV2Enabled": true, "purpose": "COMPOSE",
                "recipe": "openshell.compose/2026-08", "requestSha256": sum, "sequence": "17", "settingsSha256": sum,
                "target": {"gatewayId": "gw-1", "name": "web-1", "sandboxId": "sb-1", "workspace": "prod"},
                "trust": {"epoch": "41", "revocation": "12", "root": "7", "snapshot": "80", "stale": false,
                    "targets": "31", "timestamp": "900"},
                "verdict": "ALLOW",
            },
        })
    }

    fn reads(receipt: &Value) -> bool {
        let text = jcs::to_text(receipt).expect("well formed");
        read(text.as_bytes()).is_some()
    }

    /// Every member is needed and has one type, and no other is taken, at every place.
    #[test]
    fn every_member_counts() {
        assert!(reads(&receipt()));
        let optional = [
            "/predicate/settingsSha256",
            "/predicate/driver/revision",
            "/predicate/inputs/0/principalsOmitted",
            "/predicate/inputs/0/provider",
            "/predicate/inputs/0/version",
            "/predicate/inputs/0/workspace",
        ];
        let mut objects = vec![(String::new(), receipt())];
        let mut tried = 0;
        while let Some((at, value)) = objects.pop() {
            let change = |edit: &dyn Fn(&mut Value)| {
                let mut changed = receipt();
                edit(changed.pointer_mut(&at).expect("it is there"));
                reads(&changed)
            };
            match &value {
                Value::Object(members) => {
                    assert!(
                        !change(&|o| o["another"] = json!("x")),
                        "{at}: another member"
                    );
                    for (name, member) in members {
                        let path = format!("{at}/{name}");
                        let without = change(&|o| {
                            o.as_object_mut().map(|o| o.remove(name));
                        });
                        assert_eq!(without, optional.contains(&path.as_str()), "without {path}");
                        objects.push((path, member.clone()));
                    }
                }
                Value::Array(elements) => {
                    let inputs = at.ends_with("/inputs");
                    let twice = change(&|o| *o = json!([elements[0], elements[0]]));
                    assert_eq!(twice, inputs || at.ends_with("/principals"), "{at} twice");
                    objects.push((format!("{at}/0"), elements[0].clone()));
                }
                _ => {}
            }
            for other in [
                Value::Null,
                json!({}),
                json!([]),
                json!(5),
                json!(true),
                json!(""),
                json!("X"),
                json!("-01"),
            ] {
                let same = std::mem::discriminant(&other) == std::mem::discriminant(&value);
                if !same || value.is_object() {
                    assert!(!change(&|o| *o = other.clone()), "{at}: {other}");
                    tried += 1;
                }
            }
        }
        assert!(tried > 200, "{tried}");
    }

    /// Texts that are numbers and digests have one form.
    #[test]
    fn texts_have_one_form() {
        for (at, texts) in [
            ("/subject/0/digest/sha256", ["", "AB", "zz"]),
            ("/subject/0/name", ["", "another", "effective-policy "]),
            ("/predicate/log/entrySha256", ["", "ab", "zz"]),
            ("/predicate/log/index", ["", "05", "-1"]),
            ("/predicate/requestSha256", ["", "ab", "zz"]),
            ("/predicate/inputs/0/sha256", ["", "ab", "zz"]),
            ("/predicate/inputs/0/version", ["", "0", "042"]),
            ("/predicate/sequence", ["", "017", "-1"]),
            ("/predicate/trust/epoch", ["", "041", "-1"]),
            ("/predicate/trust/root", ["", "07", "x"]),
            ("/predicate/nonce", ["0", "0g", "AB"]),
        ] {
            for text in texts {
                let mut changed = receipt();
                *changed.pointer_mut(at).expect("it is there") = json!(text);
                assert!(!reads(&changed), "{at}: {text}");
            }
        }
        for omitted in [json!(0), json!(-1), json!(1.5)] {
            let mut changed = receipt();
            changed["predicate"]["inputs"][0]["principalsOmitted"] = omitted.clone();
            assert!(!reads(&changed), "{omitted}");
        }
        let mut none = receipt();
        none["predicate"]["settingsSha256"] = json!("00".repeat(32));
        assert!(!reads(&none), "a digest of nothing is no digest");
    }
}
