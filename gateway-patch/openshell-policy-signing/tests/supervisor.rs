// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The whole game: a gateway that was taken over against a supervisor that requires
//! receipts, and against one that does not.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use common::lab;
use common::supervisor::{AS_IT_IS, Served, Supervisor, World, honest, openssl, rows};
use openshell_policy_receipt::Document;
use serde_json::{Value, json};

const HOUR: i64 = 3600;

/// A lie: what the taken gateway makes of an honest answer, of an earlier one, and of
/// one to a nonce of its own.
type Lie = fn(&mut Served, &Served, &Served);

/// Each lie, and the reason that it is stopped with.
const LIES: [(&str, &str, Lie); 10] = [
    (
        "another policy, the driver skipped",
        "RECEIPT_ABSENT",
        |s, _, _| {
            s.policy = Some(lab::policy("evil"));
            s.receipt = None;
        },
    ),
    (
        "another policy under the receipt for the approved one",
        "RECEIPT_DIGEST",
        |s, _, _| {
            s.policy = Some(lab::policy("evil"));
        },
    ),
    (
        "one more rule than was allowed",
        "RECEIPT_DIGEST",
        |s, _, _| {
            let policy = s.policy.as_mut().expect("a policy");
            policy["networkPolicies"]["more"] = policy["networkPolicies"]["web"].clone();
        },
    ),
    ("the receipt stripped", "RECEIPT_ABSENT", |s, _, _| {
        s.receipt = None;
    }),
    (
        "the receipt of the last start",
        "RECEIPT_NONCE",
        |s, kept, _| {
            s.receipt.clone_from(&kept.receipt);
        },
    ),
    (
        "a receipt for a nonce of the gateway's",
        "RECEIPT_NONCE",
        |s, _, own| {
            s.receipt.clone_from(&own.receipt);
        },
    ),
    (
        "weaker settings beside the policy",
        "RECEIPT_DIGEST",
        |s, _, _| {
            s.settings["policyValidationFailureMode"] = "retain_last_valid".into();
        },
    ),
    ("another middleware", "RECEIPT_DIGEST", |s, _, _| {
        s.settings["middlewareServices"] = json!([{"name": "m", "endpoint": "http://evil"}]);
    }),
    (
        "a byte of the receipt changed",
        "RECEIPT_SIGNATURE",
        |s, _, _| {
            let mut receipt = s.receipt.as_ref().expect("a receipt").to_vec();
            let middle = receipt.len() / 2;
            receipt[middle] ^= 1;
            s.receipt = Some(receipt.into());
        },
    ),
    (
        "no policy, so that a local one is found",
        "RECEIPT_UNBOUND",
        |s, _, _| s.policy = None,
    ),
];

/// Ten ways to lie: each is stopped where receipts are required, and served where they
/// are not.
#[tokio::test(flavor = "multi_thread")]
async fn ways_to_lie() {
    let world = World::new();
    let hook = world.hook().await;
    let mine = rows("approved");

    // Before the gateway was taken: one honest start, whose answer it kept.
    let mut supervisor = world.supervisor();
    let mut kept = None;
    supervisor
        .load(
            async |nonce| {
                kept = honest(&hook, &mine, nonce).await;
                kept.clone()
            },
            AS_IT_IS,
        )
        .await
        .expect("an honest start");
    let kept = kept.expect("an answer");
    assert_eq!(supervisor.running, Some(lab::policy("approved")));

    let mut stopped = 0;
    for (what, reason, lie) in LIES {
        for required in [true, false] {
            let mut fresh = Supervisor::new(None);
            let running = if required {
                &mut supervisor
            } else {
                &mut fresh
            };
            let before = running.running.clone();
            let got = running
                .load(
                    async |nonce| {
                        let own = Bytes::from_static(b"a nonce of the gateway's own");
                        let asked = nonce.unwrap_or_else(|| own.clone());
                        let mut served = honest(&hook, &mine, Some(asked)).await?;
                        let other = honest(&hook, &mine, Some(own)).await?;
                        lie(&mut served, &kept, &other);
                        Some(served)
                    },
                    AS_IT_IS,
                )
                .await;
            if required {
                assert_eq!(got, Err(reason), "{what}");
                assert_eq!(running.running, before, "{what}: what ran goes on");
                stopped += 1;
            } else {
                assert_eq!(got, Ok(()), "{what}");
                assert!(running.running.is_some(), "{what}: served");
            }
        }
        println!("{reason:18} {what}");
    }
    println!("{stopped} lies stopped, each served where nothing is required");
}

/// Receipts of other places, keys and times; and what the supervisor itself changes.
#[tokio::test(flavor = "multi_thread")]
async fn receipts_from_elsewhere() {
    let world = World::new();
    let hook = world.hook().await;
    let mine = rows("approved");
    let mut other = rows("approved");
    other.sandbox.id = "sb-2".to_owned();
    let mut renamed = rows("approved");
    (renamed.sandbox.id, renamed.sandbox.name) = ("sb-3".to_owned(), "web-2".to_owned());
    let mut supervisor = world.supervisor();

    // Another sandbox's and another place's receipt, for our nonce and our policy.
    for (what, place) in [
        ("another sandbox's receipt", &other),
        ("another name's receipt", &renamed),
    ] {
        let got = supervisor
            .load(async |nonce| honest(&hook, place, nonce).await, AS_IT_IS)
            .await;
        assert_eq!(got, Err("RECEIPT_SCOPE"), "{what}");
        println!("{:18} {what}", "RECEIPT_SCOPE");
    }
    // A receipt by a key of its own, under the driver's name.
    openssl(
        &world,
        &["genpkey", "-algorithm", "ED25519", "-out", "keys/evil.key"],
    );
    let got = supervisor
        .load(
            async |nonce| {
                let mut served = honest(&hook, &mine, nonce).await?;
                let policy = lab::policy("evil");
                served.receipt = Some(forged(&world, served.receipt.as_deref()?, &policy)?);
                served.policy = Some(policy);
                Some(served)
            },
            AS_IT_IS,
        )
        .await;
    assert_eq!(got, Err("RECEIPT_SIGNATURE"));
    // The answer comes when the receipt has ended, and when it is not yet.
    for clock in [HOUR, -HOUR] {
        supervisor.clock = clock;
        let got = supervisor
            .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
            .await;
        assert_eq!(got, Err("RECEIPT_STALE"), "{clock} s");
    }
    supervisor.clock = 0;
    // What the supervisor itself adds has no receipt either.
    let got = supervisor
        .load(
            async |nonce| honest(&hook, &mine, nonce).await,
            |policy| policy["filesystem"] = json!({"readOnly": ["/usr"]}),
        )
        .await;
    assert_eq!(got, Err("RECEIPT_UNBOUND"));
    // And the honest gateway is served all the while.
    supervisor
        .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
        .await
        .expect("an honest answer");
}

/// A receipt for the gateway's own policy, by its own key under the driver's id.
fn forged(world: &World, receipt: &[u8], policy: &Value) -> Option<Bytes> {
    let mut envelope: Value = serde_json::from_slice(receipt).ok()?;
    let payload = STANDARD.decode(envelope["payload"].as_str()?).ok()?;
    let mut statement: Value = serde_json::from_slice(&payload).ok()?;
    let evil = Document::effective(policy.clone()).ok()?;
    statement["subject"][0]["digest"]["sha256"] =
        openshell_policy_receipt::hex(evil.sha256()).into();
    let payload = statement.to_string(); // its members are in order already
    let kind = "application/vnd.in-toto+json";
    let message = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
    std::fs::write(world.lab.path("message"), message).ok()?;
    openssl(
        world,
        &["genpkey", "-algorithm", "ED25519", "-out", "keys/evil.key"],
    );
    let sign = [
        "pkeyutl",
        "-sign",
        "-inkey",
        "keys/evil.key",
        "-rawin",
        "-in",
        "message",
        "-out",
        "signature",
    ];
    openssl(world, &sign);
    let signature = std::fs::read(world.lab.path("signature")).ok()?;
    envelope["payload"] = STANDARD.encode(payload).into();
    envelope["signatures"][0]["sig"] = STANDARD.encode(signature).into();
    Some(envelope.to_string().into())
}

/// What arrives through the gateway says nothing about whether receipts are required:
/// not its environment, not its metadata, not its configuration.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_weakens_it() {
    let world = World::new();
    let hook = world.hook().await;
    let mine = rows("approved");
    let mut supervisor = world.supervisor();
    for settings in [
        json!({"policy_receipt_required": false}),
        json!({"required": false}),
        json!({"policyReceipt": "off", "settings": {"policy_receipt": "off"}}),
    ] {
        let got = supervisor
            .load(
                async |_| {
                    let policy = Some(lab::policy("evil"));
                    Some(Served {
                        policy,
                        settings,
                        receipt: None,
                    })
                },
                AS_IT_IS,
            )
            .await;
        assert_eq!(got, Err("RECEIPT_ABSENT"));
    }
    // A receipt that is empty, endless, or of something else is none.
    for receipt in [
        Vec::new(),
        vec![b'{'; 1 << 20],
        b"{}".to_vec(),
        b"required = false".to_vec(),
    ] {
        let got = supervisor
            .load(
                async |nonce| {
                    let mut served = honest(&hook, &mine, nonce).await?;
                    served.receipt = Some(receipt.into());
                    Some(served)
                },
                AS_IT_IS,
            )
            .await;
        assert_eq!(got, Err("RECEIPT_SIGNATURE"));
    }
    assert_eq!(supervisor.running, None, "nothing was started");
}
