// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A gateway whose database somebody edits, with the real driver beside it. Whatever
//! is edited is served by the gateway of today, and refused at both read seams by the
//! same gateway with the hook on.

mod common;

use std::collections::BTreeMap;

use common::gateway::{Gateway, Rows};
use common::lab::{self, Lab, eventually};
use openshell_policy_signing::{Document, Hook, Mode, Outcome, Role, Sandbox};
use serde_json::{Value, json};
use tonic::Code;

fn profile(id: &str, host: &str) -> Value {
    json!({
        "id": id,
        "displayName": id,
        "category": "PROVIDER_PROFILE_CATEGORY_OTHER",
        "credentials": [{"name": "token", "envVars": ["TOKEN"], "authStyle": "bearer"}],
        "endpoints": [{"host": host, "port": 443, "protocol": "rest", "access": "read-only"}],
        "binaries": [{"path": "/usr/bin/git"}],
    })
}

fn rows() -> Rows {
    let forge = profile("forge", "forge.example");
    let evil = profile("evil", "evil.example");
    Rows {
        sandbox: Sandbox {
            workspace: "prod".into(),
            id: "sb-1".into(),
            name: "web-1".into(),
        },
        policy: lab::policy("api.example"),
        global_policy: None,
        profiles: BTreeMap::from([("forge".to_owned(), forge), ("evil".to_owned(), evil)]),
        providers: vec![("My Forge".to_owned(), "forge".to_owned())],
        providers_v2_enabled: true,
        validation_failure_mode: "keep_last_good".to_owned(),
    }
}

/// One thing that somebody changes, and what the driver says about it.
struct Attack {
    name: &'static str,
    reason: &'static str,
    change: fn(&mut Gateway),
}

const ATTACKS: &[Attack] = &[
    Attack {
        name: "an edited row",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |g| {
            g.rows.policy["networkPolicies"]["web"]["endpoints"][0]["host"] = "evil.example".into();
        },
    },
    Attack {
        name: "a restored backup, with its real approval",
        reason: "VERSION_ROLLBACK",
        change: |g| g.rows.policy = lab::policy("old.example"),
    },
    Attack {
        name: "a swapped profile",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |g| g.rows.providers[0].1 = "evil".into(),
    },
    Attack {
        name: "an edited profile",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |g| {
            if let Some(forge) = g.rows.profiles.get_mut("forge") {
                forge["endpoints"][0]["access"] = "full".into();
            }
        },
    },
    Attack {
        name: "an extra rule in the row",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |g| {
            g.rows.policy["networkPolicies"]["extra"] =
                json!({"endpoints": [{"host": "evil.example", "port": 443}]});
        },
    },
    Attack {
        name: "an extra rule that looks like a provider's",
        reason: "DOCUMENT_RESERVED_NAME",
        change: |g| {
            g.rows.policy["networkPolicies"]["_provider_x"] =
                json!({"endpoints": [{"host": "evil.example", "port": 443}]});
        },
    },
    Attack {
        name: "an extra rule after composing",
        reason: "COMPOSITION_PART_EXTRA",
        change: |g| {
            g.tamper = |policy| policy["networkPolicies"]["extra"] = json!({"name": "extra"});
        },
    },
    Attack {
        name: "a marker taken off after composing",
        reason: "COMPOSITION_MISMATCH",
        change: |g| {
            g.tamper = |policy| {
                let endpoint = &mut policy["networkPolicies"]["_provider_my_forge"]["endpoints"][0];
                endpoint["providerCredentialed"] = false.into();
            }
        },
    },
    Attack {
        name: "a global policy switched on",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |g| g.rows.global_policy = Some(lab::policy("evil.example")),
    },
    Attack {
        name: "settings weakened",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |g| g.rows.validation_failure_mode = "fail_open".into(),
    },
    Attack {
        name: "layers switched off, with settings that were approved once",
        reason: "VERSION_ROLLBACK",
        change: |g| g.rows.providers_v2_enabled = false,
    },
    Attack {
        name: "another sandbox's place",
        reason: "SCOPE_MISMATCH",
        change: |g| g.rows.sandbox.name = "web-2".into(),
    },
];

/// A world in which the rows above are approved, and an older policy was.
async fn world() -> (Lab, lab::Daemon, Gateway) {
    let mut lab = Lab::new();
    let policy = |host| lab::document(Role::SandboxPolicy, lab::policy(host));
    lab.approve(&policy("old.example"), "alice", 6);
    lab.approve(&policy("api.example"), "alice", 7);
    let forge = lab::document(Role::ProviderProfile, profile("forge", "forge.example"));
    lab.approve(&forge, "dave", 1);
    lab.approve(
        &lab::document(Role::Settings, lab::settings(true)),
        "alice",
        2,
    );
    let daemon = lab.start();
    let hook = Hook::connect(lab.settings(Mode::Enforce))
        .await
        .expect("it is the driver");
    let gateway = Gateway::new(Some(hook), rows());
    let served = eventually(|| gateway.get_sandbox_config(), Result::is_ok).await;
    served.expect("everything is approved");
    (lab, daemon, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_edited_is_refused_at_both_seams() {
    let (_lab, _daemon, mut gateway) = world().await;
    assert!(gateway.get_provider_environment().await.is_ok());
    for attack in ATTACKS {
        (attack.change)(&mut gateway);
        let config = gateway.get_sandbox_config().await.err();
        let environment = gateway.get_provider_environment().await.err();
        for status in [config, environment] {
            let status = status.unwrap_or_else(|| panic!("{} is served", attack.name));
            assert_eq!(
                status.code(),
                Code::FailedPrecondition,
                "{}: {status}",
                attack.name
            );
            let said = status.message();
            assert!(
                said.contains(&format!(": {}", attack.reason)),
                "{}: {said}",
                attack.name
            );
            assert!(
                !said.contains("evil.example"),
                "{}: a body is told: {said}",
                attack.name
            );
        }

        // The control: the same rows at a gateway of today.
        let mut today = Gateway::new(None, gateway.rows.clone());
        today.tamper = gateway.tamper;
        assert!(today.get_sandbox_config().await.is_ok(), "{}", attack.name);
        assert!(
            today.get_provider_environment().await.is_ok(),
            "{}",
            attack.name
        );

        gateway.rows = rows();
        gateway.tamper = |_| ();
        assert!(
            gateway.get_sandbox_config().await.is_ok(),
            "after {}",
            attack.name
        );
    }
    let hook = gateway.hook.as_ref().expect("it is on");
    assert_eq!(
        hook.outcomes().get(Outcome::Denied),
        2 * ATTACKS.len() as u64
    );
}

/// A provider pointed at a profile that is nowhere. A driver of an earlier release, which
/// has no such rule, is taken at its word about the rest: `compat.sh` runs this with one.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_pointed_at_no_profile() {
    let (lab, _daemon, mut gateway) = world().await;
    let help = lab.command(&["verify", "--help"]);
    let knows = String::from_utf8_lossy(&help.stdout).contains("--without-profile");
    assert_eq!(knows, std::env::var_os("SIGDRIVER_BEFORE").is_none());
    gateway.rows.providers[0].1 = "nowhere".into();
    for refused in [
        gateway.get_sandbox_config().await.err(),
        gateway.get_provider_environment().await.err(),
    ] {
        let said = refused.as_ref().map(tonic::Status::message);
        assert_eq!(
            said.is_some_and(|said| said.contains(": DOCUMENT_MISSING")),
            knows,
            "{said:?}"
        );
        assert_eq!(said.is_some(), knows, "{said:?}");
    }
}

/// A gateway that has no sandbox yet: a setting that nobody approved is refused where it is
/// written. One that came past that, by an edited row or because approvals are for other
/// places than the gateway's own, is said where the first sandbox is created.
#[tokio::test(flavor = "multi_thread")]
async fn settings_are_judged_before_there_is_a_sandbox() {
    let (mut lab, _daemon, mut gateway) = world().await;
    let refused = |result: Result<(), tonic::Status>, reason: &str| {
        let status = result.expect_err("it is refused");
        assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
        assert!(
            status.message().contains(&format!(": {reason};")),
            "{status}"
        );
        status
    };
    refused(
        gateway.set_failure_mode("fail_open", false).await,
        "ATTESTATION_MISSING",
    );
    assert_eq!(gateway.rows.validation_failure_mode, "keep_last_good");
    gateway
        .create_sandbox()
        .await
        .expect("all of it is approved");

    // The control: a gateway of today stores it, creates what never starts with the hook.
    let mut today = Gateway::new(None, gateway.rows.clone());
    today
        .set_failure_mode("fail_open", false)
        .await
        .expect("no hook");
    today.create_sandbox().await.expect("no hook");
    gateway.rows = today.rows;
    assert!(gateway.get_sandbox_config().await.is_err());
    let said = refused(gateway.create_sandbox().await, "ATTESTATION_MISSING");
    assert!(
        said.message()
            .contains("put back the one that nobody approved"),
        "{said}"
    );

    // What is refused as it is may be changed: mending takes a step at a time.
    gateway
        .set_failure_mode("fail_open_too", false)
        .await
        .expect("as bad as before");
    gateway
        .set_failure_mode("keep_last_good", false)
        .await
        .expect("it is approved");
    gateway.create_sandbox().await.expect("mended");

    // Approved for the places of one workspace: there is none of them yet.
    gateway.rows.validation_failure_mode = "prod_only".to_owned();
    let document = lab::document(Role::Settings, gateway.settings());
    lab.approve_for("prod", "web-*", &document, "alice", 3);
    let created = eventually(|| gateway.create_sandbox(), Result::is_ok).await;
    created.expect("approved for this place");
    gateway.rows = rows();
    refused(
        gateway.set_failure_mode("prod_only", false).await,
        "SCOPE_MISMATCH",
    );
    gateway
        .set_failure_mode("prod_only", true)
        .await
        .expect("approved for this sandbox");
    gateway.rows.sandbox.workspace = "dev".into();
    refused(gateway.create_sandbox().await, "SCOPE_MISMATCH");
}

/// A driver that is told to stop is gone at once, with callers connected that poll and
/// one that watches: every question it took is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_stops_is_gone() {
    let (_lab, mut daemon, gateway) = world().await;
    let polled = std::sync::Arc::new(gateway);
    let stopped = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let (gateway, stopped) = (polled.clone(), stopped.clone());
            tokio::spawn(async move {
                while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                    if let Err(status) = gateway.get_sandbox_config().await {
                        assert_eq!(status.code(), Code::Unavailable, "{status}");
                    }
                }
            })
        })
        .collect();
    let hook = polled.hook.as_ref().expect("it is on");
    while hook.outcomes().get(Outcome::Allowed) < 100 {
        tokio::task::yield_now().await;
    }
    let begin = std::time::Instant::now();
    daemon.signal("TERM");
    while !daemon.ended() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    println!("gone after {:?}", begin.elapsed());
    stopped.store(true, std::sync::atomic::Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no answer but yes or unavailable");
    }
    for fault in [Outcome::Denied, Outcome::Late, Outcome::Malformed] {
        assert_eq!(hook.outcomes().get(fault), 0, "{fault:?}");
    }
}

/// What the hook serves is what the gateway of today serves.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_allowed_is_served_unchanged() {
    let (_lab, _daemon, gateway) = world().await;
    let with = gateway.get_sandbox_config().await.expect("it is approved");
    let without = Gateway::new(None, rows())
        .get_sandbox_config()
        .await
        .expect("no hook");
    assert_eq!(with.policy, without.policy);
    assert!(without.receipt.is_none());
    let document = Document::effective(with.policy).expect("well formed");
    assert!(std::str::from_utf8(document.body()).is_ok_and(|t| t.contains("_provider_my_forge")));
}

/// While only observing, everything is served and every refusal is counted.
#[tokio::test(flavor = "multi_thread")]
async fn observe_serves_and_counts() {
    let (lab, daemon, mut gateway) = world().await;
    let hook = Hook::connect(lab.settings(Mode::Observe))
        .await
        .expect("it is the driver");
    gateway.hook = Some(hook);
    for attack in ATTACKS {
        (attack.change)(&mut gateway);
        assert!(
            gateway.get_sandbox_config().await.is_ok(),
            "{}",
            attack.name
        );
        gateway.rows = rows();
        gateway.tamper = |_| ();
    }
    drop(daemon);
    assert!(
        gateway.get_sandbox_config().await.is_ok(),
        "the driver is gone"
    );
    let outcomes = gateway.hook.as_ref().expect("it is on").outcomes();
    assert_eq!(outcomes.get(Outcome::Denied), ATTACKS.len() as u64);
    assert_eq!(outcomes.get(Outcome::Unreachable), 1);
}

/// The receipt of what is served is one that `sigdriver receipt verify` takes, for the
/// nonce that was sent and for nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_is_about_what_is_served() {
    let (lab, _daemon, mut gateway) = world().await;
    assert!(
        gateway
            .get_sandbox_config()
            .await
            .is_ok_and(|c| c.receipt.is_none())
    );
    gateway.nonce = Some(vec![0xab; 16].into());
    let served = gateway.get_sandbox_config().await.expect("it is approved");
    let receipt = served.receipt.expect("the driver gives receipts");
    let effective = Document::effective(served.policy).expect("well formed");
    std::fs::write(lab.path("receipt.json"), receipt).expect("written");
    std::fs::write(lab.path("effective.json"), effective.body()).expect("written");
    let settings = lab::document(Role::Settings, lab::settings(true));
    std::fs::write(lab.path("settings.json"), settings.body()).expect("written");
    let verify = |nonce: &str| {
        lab.command(&[
            "receipt",
            "verify",
            "receipt.json",
            "--trust",
            "trust/published",
            "--root",
            "trust/published/metadata/1.root.json",
            "--nonce",
            nonce,
            "--target",
            "gw-1:prod/web-1",
            "--sandbox-id",
            "sb-1",
            "--effective",
            "effective.json",
            "--settings",
            "settings.json",
        ])
    };
    let right = verify(&"ab".repeat(16));
    assert_eq!(right.status.code(), Some(0), "{right:?}");
    assert!(String::from_utf8_lossy(&right.stdout).contains("VERIFIED ALLOW for COMPOSE"));
    assert_eq!(verify(&"ac".repeat(16)).status.code(), Some(1));
}
