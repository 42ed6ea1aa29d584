// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A supervisor of `OpenShell` 0.1.5 that is told what to enforce by polling and by push,
//! and a gateway of that line that was taken over. The driver and its trust are real.

mod common;

use common::host::{self, approve, policy, rows};
use common::intake::{HONEST, Lie, Supervisor, Way, push};
use common::messages::{
    ConfigApplyOutcome, ConfigurationAdmissionState, PolicySource, SandboxConfigSnapshot,
    SandboxPolicy, SupervisorMiddlewareService,
};
use common::supervisor::World;
use openshell_policy_receipt::{Gate, Intake};

const HOUR: i64 = 3600;

/// Serves a policy of its own.
fn evil(config: &mut SandboxConfigSnapshot) {
    config.policy = Some(SandboxPolicy::of(&policy("evil.example")));
}

/// One lie, and the reason that it is stopped with; how long the message takes.
struct Attack {
    name: &'static str,
    reason: &'static str,
    delay: i64,
    lie: Lie,
}

const fn attack(name: &'static str, reason: &'static str, lie: Lie) -> Attack {
    Attack {
        name,
        reason,
        delay: 0,
        lie,
    }
}

const ATTACKS: [Attack; 13] = [
    attack(
        "another policy, the driver skipped",
        "RECEIPT_ABSENT",
        |s, _| {
            evil(&mut s.config);
            s.receipt = None;
        },
    ),
    attack(
        "another policy under the receipt for the approved one",
        "RECEIPT_DIGEST",
        |s, _| evil(&mut s.config),
    ),
    attack("the receipt stripped", "RECEIPT_ABSENT", |s, _| {
        s.receipt = None;
    }),
    attack("an earlier answer replayed", "RECEIPT_NONCE", |s, kept| {
        *s = kept.earlier.clone();
    }),
    attack("another sandbox's receipt", "RECEIPT_SCOPE", |s, kept| {
        s.receipt.clone_from(&kept.elsewhere);
    }),
    Attack {
        name: "an hour on its way",
        reason: "RECEIPT_STALE",
        delay: HOUR,
        lie: HONEST,
    },
    attack(
        "a byte of the receipt changed",
        "RECEIPT_SIGNATURE",
        |s, _| {
            s.receipt = s.receipt.take().map(|receipt| {
                let mut bytes = receipt.to_vec();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                bytes.into()
            });
        },
    ),
    attack("another failure mode", "RECEIPT_DIGEST", |s, _| {
        s.config.policy_validation_failure_mode = "retain_last_valid".into();
    }),
    attack("a setting taken away", "RECEIPT_DIGEST", |s, _| {
        s.config.settings.remove("log_level");
    }),
    attack("another middleware", "RECEIPT_DIGEST", |s, _| {
        s.config
            .supervisor_middleware_services
            .push(SupervisorMiddlewareService {
                name: "m".to_owned(),
                grpc_endpoint: "http://evil.example".to_owned(),
                ..Default::default()
            });
    }),
    attack("a global policy instead", "RECEIPT_DIGEST", |s, _| {
        s.config.policy_source = PolicySource::Global.into();
    }),
    attack("a marker of credentials moved", "RECEIPT_DIGEST", |s, _| {
        let rules = s.config.policy.as_mut().map(|p| &mut p.network_policies);
        for endpoint in rules
            .into_iter()
            .flatten()
            .flat_map(|(_, r)| &mut r.endpoints)
        {
            endpoint.provider_credentialed = !endpoint.provider_credentialed;
        }
    }),
    attack(
        "another workspace said beside it",
        "RECEIPT_SCOPE",
        |s, _| s.config.workspace = "dev".into(),
    ),
];

/// A node that requires receipts, what the rows hold approved, and the way between.
async fn world(fields: bool) -> (World, Way) {
    let mut world = World::new();
    approve(&mut world.lab);
    let way = Way::new(host::connect(&world.lab).await, fields);
    (world, way)
}

fn supervisor(world: &World) -> Supervisor {
    let gate = Gate::open(&world.file()).expect("it opens");
    assert!(gate.is_some(), "receipts are required");
    Supervisor::new(Intake::new(gate, "sb-1", "web-1"))
}

/// One of today.
fn today() -> Supervisor {
    Supervisor::new(Intake::new(None, "sb-1", "web-1"))
}

/// Connects: the configuration that comes with the session.
async fn connect(supervisor: &mut Supervisor, way: &Way) -> Option<Vec<u8>> {
    let session = way.host.bootstrap(supervisor.hello(way)).await;
    let session = session.expect("the session is accepted");
    let update = session.bootstrap.expect("pushing is on");
    let result = supervisor.pushed(way, update).await;
    assert_eq!(result.outcome(), ConfigApplyOutcome::Applied);
    result.policy_nonce
}

/// Thirteen lies, polled and pushed, with our fields and without: each is stopped where
/// receipts are required and what ran goes on, each is served where they are not.
#[tokio::test(flavor = "multi_thread")]
async fn ways_to_lie() {
    for fields in [true, false] {
        let (world, mut way) = world(fields).await;
        let mut required = supervisor(&world);
        assert_eq!(required.poll(&way).await, ConfigApplyOutcome::Applied);
        let nonce = connect(&mut required, &way).await;
        assert_eq!(nonce.is_some(), fields);
        assert!(required.start(), "an honest start");
        let running = required.running.policy.clone();
        let credentials = required.environment.clone();
        assert!(running.as_ref().is_some_and(|p| p.reaches("api.example")));
        let mut nonce = nonce;
        for attack in &ATTACKS {
            let name = attack.name;
            (way.lie, way.delay) = (attack.lie, attack.delay);
            // By a poll, and by a push.
            for pushed in [false, true] {
                required.events.clear();
                required.environment = None;
                let outcome = if pushed {
                    let update = push(&way, nonce.take()).await;
                    let result = required.pushed(&way, update).await;
                    nonce.clone_from(&result.policy_nonce);
                    result.outcome()
                } else {
                    required.poll(&way).await
                };
                let kept = ConfigApplyOutcome::FailedRetainedLastKnownGood;
                assert_eq!(outcome, kept, "{name}: pushed {pushed}");
                assert_eq!(required.events, [attack.reason], "{name}: pushed {pushed}");
                assert_eq!(required.running.policy, running, "{name}: what ran goes on");
                assert!(!required.running.quarantined, "{name}");
                assert_eq!(required.environment, None, "{name}: its credentials too");
                let reported = required.reported.as_ref().expect("it is reported");
                assert_eq!(reported.state(), ConfigurationAdmissionState::Rejected);
                assert!(!reported.error.is_empty(), "{name}");
                // The control: the same messages where nothing is required.
                let mut control = today();
                let outcome = if pushed {
                    let update = push(&way, None).await;
                    let sent = update.sandbox_config.clone().expect("there is one");
                    let result = control.pushed(&way, update).await;
                    assert_eq!(control.running.policy, sent.policy, "{name}");
                    result.outcome()
                } else {
                    control.poll(&way).await
                };
                assert_eq!(outcome, ConfigApplyOutcome::Applied, "{name}");
                assert!(control.environment.is_some(), "{name}");
                assert!(control.start(), "{name}: served");
            }
        }
        // The honest gateway is served all the while, in both ways.
        (way.lie, way.delay) = (HONEST, 0);
        required.environment = None;
        let update = push(&way, nonce).await;
        let result = required.pushed(&way, update).await;
        assert_eq!(result.outcome(), ConfigApplyOutcome::Applied);
        assert_eq!(required.environment, credentials);
        assert_eq!(required.poll(&way).await, ConfigApplyOutcome::Applied);
        println!("{} lies, polled and pushed, fields {fields}", ATTACKS.len());
    }
}

/// A push answers the nonce that was given ahead of it, once. One that was kept, and any
/// that answers none, only makes the supervisor ask.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_answers_once() {
    let (world, mut way) = world(true).await;
    let mut supervisor = supervisor(&world);
    // Nobody can be asked: the push with the nonce alone decides.
    way.silent = true;
    let hello = supervisor.hello(&way);
    let update = push(&way, hello.policy_nonce).await;
    let result = supervisor.pushed(&way, update.clone()).await;
    assert_eq!(result.outcome(), ConfigApplyOutcome::Applied);
    assert!(result.policy_nonce.is_some(), "one for the next");
    // The same again is no answer to the nonce that went out with the result. The
    // session is one without our fields from here on: no other nonce goes out.
    way.fields = false;
    let result = supervisor.pushed(&way, update.clone()).await;
    assert_ne!(result.outcome(), ConfigApplyOutcome::Applied);
    assert_eq!(supervisor.events, ["RECEIPT_NONCE"]);
    // Once more: there is no nonce that it could answer, so the gateway is asked.
    supervisor.events.clear();
    let result = supervisor.pushed(&way, update.clone()).await;
    assert_ne!(result.outcome(), ConfigApplyOutcome::Applied);
    let said = &supervisor.reported.as_ref().expect("it is reported").error;
    assert!(said.contains("deadline"), "{said}");
    assert!(
        supervisor.events.is_empty(),
        "a gateway that is silent is no lie"
    );
    // It has a newer one by now: that is enforced, not what was pushed.
    way.silent = false;
    way.host.rows.providers.clear();
    let newer = way.host.poll().await.expect("it is approved");
    let result = supervisor.pushed(&way, update).await;
    assert_eq!(result.outcome(), ConfigApplyOutcome::Applied);
    assert_eq!(supervisor.running.policy, newer.policy);
    assert!(!newer.policy.is_some_and(|p| p.reaches("forge.example")));
}

/// A gateway that says "not admitted" stops a sandbox by the failure mode that was
/// allowed, whatever mode stands beside it; one that says "go on" without a policy, or
/// starts a workload before anything was judged, gets nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn readiness() {
    let (world, mut way) = world(true).await;
    let mut required = supervisor(&world);
    // Nothing was judged yet: no start, though the gateway says that all is ready.
    assert!(!required.start());
    assert_eq!(required.events, ["RECEIPT_UNBOUND"]);
    assert!(today().start(), "the control");
    // Judged: it starts.
    assert_eq!(required.poll(&way).await, ConfigApplyOutcome::Applied);
    let reported = required.reported.clone().expect("it is reported");
    assert_eq!(reported.state(), ConfigurationAdmissionState::Accepted);
    assert!(required.start());
    // What the supervisor adds on its own has no receipt.
    let judged = required.running.policy.clone();
    required.running.policy = Some(SandboxPolicy::of(&policy("baseline.example")));
    required.started = false;
    assert!(!required.start(), "enriched after it was judged");
    required.running.policy = judged;
    assert!(required.start());
    drop(required); // its memory is one process's
    // A denial of the hook arrives by both ways, with its reason, and stops it.
    way.host.rows.policy = policy("evil.example");
    for pushed in [false, true] {
        let mut required = supervisor_of(&world, &mut way).await;
        let outcome = if pushed {
            let nonce = required.hello(&way).policy_nonce;
            let update = push(&way, nonce).await;
            assert!(update.provider_environment.is_none());
            required.pushed(&way, update).await.outcome()
        } else {
            required.poll(&way).await
        };
        assert_eq!(outcome, ConfigApplyOutcome::FailedClosed);
        assert!(required.running.quarantined);
        let said = &required.reported.as_ref().expect("it is reported").error;
        assert!(said.contains("COMPOSITION_PART_UNATTESTED"), "{said}");
        assert!(required.events.is_empty(), "the gateway itself refused it");
    }
    // The mode beside a denial is nobody's word: fail_closed was allowed, and holds.
    way.lie = |s, _| {
        s.config.policy_validation_failure_mode = "retain_last_valid".to_owned();
    };
    let mut required = supervisor_of(&world, &mut way).await;
    assert_eq!(required.poll(&way).await, ConfigApplyOutcome::FailedClosed);
    let mut control = today();
    let outcome = control.poll(&way).await;
    assert_eq!(outcome, ConfigApplyOutcome::FailedRetainedLastKnownGood);
    // "Go on" with no policy would have the image bring one.
    way.lie = |s, _| {
        s.config.policy = None;
        s.config.configuration_admitted = true;
    };
    required.events.clear();
    let outcome = required.poll(&way).await;
    assert_eq!(outcome, ConfigApplyOutcome::FailedRetainedLastKnownGood);
    assert_eq!(required.events, ["RECEIPT_UNBOUND"]);
}

/// A supervisor that runs what was approved, at a gateway whose rows were edited since.
async fn supervisor_of(world: &World, way: &mut Way) -> Supervisor {
    let mut supervisor = supervisor(world);
    let (lie, edited) = (way.lie, way.host.rows.clone());
    (way.lie, way.host.rows) = (HONEST, rows());
    assert_eq!(supervisor.poll(way).await, ConfigApplyOutcome::Applied);
    (way.lie, way.host.rows) = (lie, edited);
    supervisor
}

/// Local files and a sidecar bring no receipt.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_local_is_refused() {
    let world = World::new();
    let required = supervisor(&world);
    let refused = required.intake.local("the policy is a local override");
    assert_eq!(refused.map_err(|e| e.reason()), Err("RECEIPT_UNBOUND"));
    assert!(
        today()
            .intake
            .local("the policy is a local override")
            .is_ok()
    );
    // And where nothing is required no nonce goes out.
    assert_eq!(today().intake.offer().expect("no random bytes"), None);
}
