// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The client against the real driver: allow, deny, rotation, revocation, a driver
//! that dies and comes back, one that is stopped in its tracks.

mod common;

use std::time::{Duration, Instant};

use common::lab::{self, GATEWAY, Lab, PATIENCE, eventually, policy};
use openshell_policy_signing::{
    Allowed, Composition, ConnectError, Document, Driver, Fault, Mode, PolicySigner, Question,
    Recipe, Refusal, Role, Sandbox, Target, TrustCondition,
};

fn sandbox() -> Target {
    let sandbox = Sandbox {
        workspace: "prod".into(),
        id: "sb-1".into(),
        name: "web-1".into(),
    };
    Target::of(GATEWAY, &sandbox)
}

fn document(host: &str) -> Document {
    lab::document(Role::SandboxPolicy, policy(host))
}

fn compose(host: &str) -> Question {
    compose_for("sb-1", host)
}

fn compose_for(id: &str, host: &str) -> Question {
    let target = Target {
        sandbox_id: id.to_owned(),
        ..sandbox()
    };
    let composition = Composition {
        source: Some(document(host)),
        settings: Some(lab::document(Role::Settings, lab::settings(false))),
        effective: Some(Document::effective(policy(host)).expect("it is well formed")),
        ..Default::default()
    };
    Question::compose(target, Recipe::V2026_08, composition)
}

fn reason(result: &Result<Allowed, Refusal>) -> &str {
    match result {
        Ok(_) => "ALLOWED",
        Err(Refusal::Denied(denial)) => &denial.reason,
        Err(Refusal::Unavailable(_)) => "UNAVAILABLE",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn allow_deny_rotation_revocation() {
    let mut lab = Lab::new();
    lab.approve(&document("api.example"), "alice", 1);
    lab.approve(&document("bob.example"), "bob", 2);
    let _daemon = lab.start();
    let driver = Driver::connect(lab.settings(Mode::Enforce))
        .await
        .expect("it is the driver");
    let ask = |question: Question| {
        let driver = &driver;
        async move { driver.compose(&question).await }
    };

    // What alice approved, at both purposes.
    let yes = eventually(|| ask(compose("api.example")), Result::is_ok).await;
    let allowed = yes.expect("alice approved it");
    assert_eq!(allowed.epoch, 1);
    let admit = Question::admit(sandbox(), document("api.example"), "");
    assert_eq!(reason(&driver.admit(&admit).await), "ALLOWED");

    // What nobody approved, with a hint and a record but not a byte of the policy.
    let no = driver.compose(&compose("evil.example")).await;
    let Err(Refusal::Denied(denial)) = &no else {
        panic!("nobody approved it: {no:?}");
    };
    assert_eq!(denial.reason, "COMPOSITION_PART_UNATTESTED");
    assert!(denial.log_index.is_some() && !denial.hint.is_empty());
    assert!(!format!("{denial:?}").contains("evil.example"));

    // A sandbox's caller learns the reason and the request, and no name.
    let status = tonic::Status::from(Refusal::Denied(denial.clone()));
    assert_eq!(
        status.message(),
        format!(
            "refused by policy signing: COMPOSITION_PART_UNATTESTED; request {}",
            denial.request_id
        )
    );
    // Another document stands where this one was allowed: nobody is told to sign it.
    assert!(denial.hint.contains("incident"), "{}", denial.hint);
    assert!(!denial.hint.contains("sigdriver sign"), "{}", denial.hint);

    // Bob becomes a signer while everything runs.
    assert_eq!(
        reason(&driver.compose(&compose("bob.example")).await),
        "SIGNER_OUT_OF_SCOPE"
    );
    let mut trust = driver.trust();
    lab.rotate("alice bob", 1);
    let rotated = eventually(|| ask(compose("bob.example")), Result::is_ok).await;
    assert_eq!(rotated.expect("bob is a signer now").epoch, 2);
    let seen = tokio::time::timeout(
        PATIENCE,
        trust.wait_for(|t| t.as_ref().is_some_and(|t| t.epoch == 2)),
    );
    let seen = seen
        .await
        .expect("the watch says so")
        .expect("it runs")
        .clone();
    assert_eq!(seen.map(|t| t.condition), Some(TrustCondition::Fresh));

    // What bob approved is revoked.
    lab.revoke(&document("bob.example"));
    let revoked = eventually(|| ask(compose("bob.example")), Result::is_err).await;
    assert_eq!(reason(&revoked), "DOCUMENT_REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_dies_and_comes_back() {
    let mut lab = Lab::new();
    lab.approve(&document("api.example"), "alice", 1);
    let daemon = lab.start();
    let driver = Driver::connect(lab.settings(Mode::Enforce))
        .await
        .expect("it is the driver");
    let ask = || async { driver.compose(&compose("api.example")).await };
    assert_eq!(reason(&eventually(ask, Result::is_ok).await), "ALLOWED");

    // kill -9: nothing is served.
    drop(daemon);
    for _ in 0..3 {
        let dead = driver.compose(&compose("api.example")).await;
        assert!(
            matches!(dead, Err(Refusal::Unavailable(Fault::Unreachable(_)))),
            "{dead:?}"
        );
    }

    // Back: the next questions are answered, without anything being restarted here.
    let _daemon = lab.start();
    assert_eq!(reason(&eventually(ask, Result::is_ok).await), "ALLOWED");
}

/// A question that meets a connection which has just died is asked again on a new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_two_questions_is_not_noticed() {
    let mut lab = Lab::new();
    lab.approve(&document("api.example"), "alice", 1);
    let daemon = lab.start();
    let driver = Driver::connect(lab.settings(Mode::Enforce))
        .await
        .expect("it is the driver");
    let ask = || async { driver.compose(&compose("api.example")).await };
    assert_eq!(reason(&eventually(ask, Result::is_ok).await), "ALLOWED");
    drop(daemon);
    let _daemon = lab.start();
    let first = driver.compose(&compose("api.example")).await;
    assert!(!matches!(first, Err(Refusal::Unavailable(_))), "{first:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_driver_is_late() {
    let mut lab = Lab::new();
    lab.approve(&document("api.example"), "alice", 1);
    let daemon = lab.start();
    let mut settings = lab.settings(Mode::Enforce);
    settings.timeout = Duration::from_millis(250);
    let driver = Driver::connect(settings).await.expect("it is the driver");
    let ask = || async { driver.compose(&compose("api.example")).await };
    assert_eq!(reason(&eventually(ask, Result::is_ok).await), "ALLOWED");

    daemon.signal("STOP");
    let begin = Instant::now();
    let late = driver.compose(&compose("api.example")).await;
    assert_eq!(late, Err(Refusal::Unavailable(Fault::Late)));
    let waited = begin.elapsed();
    assert!(
        waited >= Duration::from_millis(250) && waited < PATIENCE / 4,
        "{waited:?}"
    );
    daemon.signal("CONT");
    assert_eq!(reason(&eventually(ask, Result::is_ok).await), "ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_driver_is_connected_to() {
    let lab = Lab::new();
    let wrong = |change: fn(&mut openshell_policy_signing::Settings)| {
        let mut settings = lab.settings(Mode::Enforce);
        settings.start_timeout = Duration::from_millis(600);
        change(&mut settings);
        Driver::connect(settings)
    };
    let refused = |result: Result<Driver, ConnectError>| result.err().expect("it is refused");
    // Nobody is there: waited for, then given up.
    assert!(matches!(
        refused(wrong(|_| ()).await),
        ConnectError::NotThere(_)
    ));
    let _daemon = lab.start();
    let begin = Instant::now();
    // Another user's socket, a file: at once.
    let foreign = refused(wrong(|s| s.driver_uid += 1).await);
    assert!(matches!(foreign, ConnectError::Foreign(_)), "{foreign}");
    let file = refused(wrong(|s| s.socket_path.set_file_name("../sigdriver.toml")).await);
    assert!(matches!(file, ConnectError::Foreign(_)), "{file}");
    assert!(
        begin.elapsed() < Duration::from_millis(600),
        "they were waited for"
    );
    assert!(wrong(|_| ()).await.is_ok());
}

/// How long a hundred callers wait for a driver that decides and records each of their
/// questions anew. A measurement: run it with `--ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, for the default of timeout"]
async fn how_long_a_hundred_wait() {
    let mut lab = Lab::new();
    lab.approve(&document("api.example"), "alice", 1);
    let _daemon = lab.start();
    let mut settings = lab.settings(Mode::Enforce);
    settings.timeout = PATIENCE;
    let driver = Driver::connect(settings).await.expect("it is the driver");
    let ask = || async { driver.compose(&compose("api.example")).await };
    assert_eq!(reason(&eventually(ask, Result::is_ok).await), "ALLOWED");
    let driver = std::sync::Arc::new(driver);
    for round in 0..3 {
        let callers: Vec<_> = (0..100)
            .map(|caller| {
                let driver = std::sync::Arc::clone(&driver);
                tokio::spawn(async move {
                    let mut waits = Vec::new();
                    for turn in 0..10 {
                        let id = format!("sb-{round}-{caller}-{turn}");
                        let question = compose_for(&id, "api.example");
                        let begin = Instant::now();
                        // More than its part of evaluations is refused at once.
                        if driver.compose(&question).await.is_ok() {
                            waits.push(begin.elapsed());
                        }
                    }
                    waits
                })
            })
            .collect();
        let mut waits = Vec::new();
        for caller in callers {
            waits.extend(caller.await.expect("it asked"));
        }
        waits.sort();
        let at = |part: usize| waits[(waits.len() - 1) * part / 1000];
        println!(
            "{} of 1000 questions decided: median {:?}, 99 % {:?}, 99.9 % {:?}, longest {:?}",
            waits.len(),
            at(500),
            at(990),
            at(999),
            at(1000)
        );
    }
}
