// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! What comes over a node whose supervisor requires receipts, without anybody lying: keys
//! that rotate, a driver that is lost, time that passes; and what a start costs there.

mod common;

use common::lab;
use common::supervisor::{AS_IT_IS, Supervisor, World, honest, rows};
use openshell_policy_receipt::{Gate, GateError, ProofError, Time};

const DAY: i64 = 24 * 3600;

/// Rotating the receipt key: both are listed while one takes over, and the nodes renew
/// their proof in between.
#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_key_is_rotated() {
    let mut world = World::new();
    let mine = rows("approved");
    let mut supervisor = world.supervisor();
    let load = async |world: &World, supervisor: &mut Supervisor| {
        let hook = world.hook().await;
        supervisor
            .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
            .await
    };
    assert_eq!(load(&world, &mut supervisor).await, Ok(()));
    // A driver that changes its key at once is believed by nobody.
    world.publish(&[("east-1", "driver"), ("east-1", "next")]);
    world.restart(&[("keys/driver.key", "keys/next.key")]);
    assert_eq!(
        load(&world, &mut supervisor).await,
        Err("RECEIPT_SIGNATURE")
    );
    // The timer of the node brings the new proof; the supervisor is not restarted.
    world.export();
    assert_eq!(load(&world, &mut supervisor).await, Ok(()));
    // The old key is taken out: its receipts are nobody's, and the old proof is refused.
    let before = std::fs::read(world.lab.path("proof.json")).expect("a proof");
    world.publish(&[("east-1", "next")]);
    world.export();
    assert_eq!(load(&world, &mut supervisor).await, Ok(()));
    std::fs::write(world.lab.path("proof.json"), before).expect("rolled back");
    assert_eq!(load(&world, &mut supervisor).await, Err("TRUST_ROLLBACK"));
    // Also after a restart of the supervisor: what was taken is remembered.
    drop(supervisor);
    assert!(matches!(
        Gate::open(&world.file()),
        Err(GateError::Trust("TRUST_ROLLBACK"))
    ));
    world.export();
    world.restart(&[("keys/next.key", "keys/driver.key")]);
    let mut supervisor = world.supervisor();
    assert_eq!(
        load(&world, &mut supervisor).await,
        Err("RECEIPT_SIGNATURE")
    );
}

/// A driver is lost: nothing new starts, what runs goes on. Another driver, with its own
/// key, epoch and sequence, takes its place; the old one's receipts stay behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_driver_is_lost() {
    let mut world = World::new();
    let mine = rows("approved");
    world.publish(&[("east-1", "driver"), ("west-1", "west")]);
    world.export();
    let mut supervisor = world.supervisor();
    let hook = world.hook().await;
    for _ in 0..3 {
        supervisor
            .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
            .await
            .expect("the first driver");
    }
    world.driver = None;
    let got = supervisor
        .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
        .await;
    assert_eq!(got, Err("NO_ANSWER"));
    assert_eq!(
        supervisor.running,
        Some(lab::policy("approved")),
        "what ran goes on"
    );
    // West begins at its own first receipt: below east's last, and taken.
    world.restart(&[
        ("east-1", "west-1"),
        ("keys/driver.key", "keys/west.key"),
        ("/state\"", "/state-west\""),
    ]);
    let hook = world.hook().await;
    supervisor
        .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
        .await
        .expect("the second driver");
    let memory = std::fs::read_to_string(world.lab.path("memory.json")).expect("it is kept");
    assert!(
        memory.contains("\"east-1\"") && memory.contains("\"west-1\""),
        "{memory}"
    );
    // East is set up again with an empty folder: it numbers from the beginning, and
    // nobody can tell these from receipts of the past.
    world.restart(&[
        ("west-1", "east-1"),
        ("keys/west.key", "keys/driver.key"),
        ("/state-west\"", "/state-again\""),
    ]);
    let hook = world.hook().await;
    let got = supervisor
        .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
        .await;
    assert_eq!(got, Err("RECEIPT_STALE"), "give it another driver id");
}

/// A node that was off for a week starts with the proof that it has; one that was off
/// until the trust expired does not, and says why, until the proof is renewed.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_was_off() {
    let world = World::new();
    let proof = std::fs::read(world.lab.path("proof.json")).expect("a proof");
    let root = std::fs::read(world.lab.path("trust/published/metadata/1.root.json"));
    let root = root.expect("a root");
    let check = |days: i64| {
        let now = Time::now().plus(days * DAY);
        openshell_policy_receipt::check_proof(&proof, &root, (0, 0), now).map_err(ProofError::name)
    };
    assert!(check(0).is_ok());
    assert!(check(7).is_ok(), "a week later");
    assert_eq!(check(3650), Err("TUF_EXPIRED"));
}

/// What a start costs more: an honest answer loaded with the gate and without, in turns.
#[tokio::test(flavor = "multi_thread")]
async fn cost_of_a_start() {
    let rounds: usize =
        std::env::var("RECEIPT_COST_ROUNDS").map_or(3, |n| n.parse().expect("rounds"));
    let world = World::new();
    let hook = world.hook().await;
    let mine = rows("approved");
    let mut with = world.supervisor();
    let mut without = Supervisor::new(None);
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..rounds {
        for _ in 0..20 {
            let begin = std::time::Instant::now();
            without
                .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
                .await
                .expect("served");
            times[0].push(begin.elapsed().as_secs_f64() * 1e6);
            let begin = std::time::Instant::now();
            let mut answered = begin;
            with.load(
                async |nonce| {
                    let served = honest(&hook, &mine, nonce).await;
                    answered = std::time::Instant::now();
                    served
                },
                AS_IT_IS,
            )
            .await
            .expect("served");
            times[1].push(begin.elapsed().as_secs_f64() * 1e6);
            times[2].push(answered.elapsed().as_secs_f64() * 1e6);
        }
    }
    for (what, times) in ["hook alone", "hook and gate", "the gate's part"]
        .iter()
        .zip(&mut times)
    {
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times[times.len() * part / 100];
        println!(
            "{what}: p10 {:.0} µs, p50 {:.0} µs, p90 {:.0} µs",
            at(10),
            at(50),
            at(90)
        );
        assert!(!times.is_empty());
    }
}

/// What only the node knows: which workspace starts there, and how old a receipt may be.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_node_says() {
    let world = World::new();
    let hook = world.hook().await;
    let mine = rows("approved");
    for (more, clock, want) in [
        ("workspace = \"prod\"", 0, Ok(())),
        ("workspace = \"dev\"", 0, Err("RECEIPT_SCOPE")),
        ("max_age = \"60s\"", 30, Ok(())),
        ("max_age = \"60s\"", 200, Err("RECEIPT_STALE")),
        ("", 200, Ok(())), // it is good for five minutes
    ] {
        world.config(&format!("required = true\n{more}"), "root", "drivers");
        let mut supervisor = world.supervisor();
        supervisor.clock = clock;
        let got = supervisor
            .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
            .await;
        assert_eq!(got, want, "{more} after {clock} s");
    }
}
