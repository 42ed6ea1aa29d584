// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A gateway of line 0.1 whose database somebody edits, with the real driver beside it.
//! Whatever is edited is served by the gateway of today, and refused by the same gateway
//! with the hook on: polled, pushed, shown and at the exchange of tokens.

mod common;

use common::host::{Host, Running, approve, connect, policy, rows};
use common::lab::{self, Lab};
use common::messages::{ConfigApplyOutcome, ConfigurationAdmissionState, SupervisorHello};
use openshell_policy_signing::{
    Hook, Mode, Outcome, PolicySigner, Recipe, Sandbox, Scripted, SettingValue,
};
use serde_json::{Value, json};
use tonic::Code;

/// One thing that somebody changes, and what is said about it.
struct Attack {
    name: &'static str,
    reason: &'static str,
    change: fn(&mut Host),
}

fn rule(policy: &mut Value, key: &str) {
    policy["networkPolicies"][key] =
        json!({"name": key, "endpoints": [{"host": "evil.example", "port": 443}]});
}

/// Fifteen, each refused at J1, J2 and J3.
const ATTACKS: [Attack; 15] = [
    Attack {
        name: "an edited row",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |h| h.rows.policy = policy("evil.example"),
    },
    Attack {
        name: "a restored backup, with its real approval",
        reason: "VERSION_ROLLBACK",
        change: |h| h.rows.policy = policy("old.example"),
    },
    Attack {
        name: "a swapped profile",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |h| h.rows.providers[0].profile = "evil".into(),
    },
    Attack {
        name: "a provider pointed at no profile",
        reason: "DOCUMENT_MISSING",
        change: |h| h.rows.providers[0].profile = "none".into(),
    },
    Attack {
        name: "an edited profile",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |h| {
            let forge = h.rows.profiles.get_mut("forge").expect("it is there");
            forge["endpoints"][0]["access"] = "NETWORK_ACCESS_PRESET_FULL".into();
        },
    },
    Attack {
        name: "a profile that sends tokens elsewhere",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |h| {
            let forge = h.rows.profiles.get_mut("forge").expect("it is there");
            forge["credentials"][0]["tokenGrant"]["tokenEndpoint"] = "https://evil.example".into();
            h.rows.token_endpoint = "https://evil.example".into();
        },
    },
    Attack {
        name: "an extra rule in the row",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |h| rule(&mut h.rows.policy, "extra"),
    },
    Attack {
        name: "an extra rule that looks like a provider's",
        reason: "DOCUMENT_RESERVED_NAME",
        change: |h| rule(&mut h.rows.policy, "_provider_x"),
    },
    Attack {
        name: "an extra rule after composing",
        reason: "COMPOSITION_PART_EXTRA",
        change: |h| h.tamper = |policy| rule(policy, "extra"),
    },
    Attack {
        name: "a marker taken off after composing",
        reason: "COMPOSITION_MISMATCH",
        change: |h| {
            h.tamper = |policy| {
                let endpoint = &mut policy["networkPolicies"]["_provider_my_forge"]["endpoints"][0];
                endpoint["providerCredentialed"] = false.into();
            }
        },
    },
    Attack {
        name: "an owner of a token grant that no gateway writes",
        reason: "COMPOSITION_MISMATCH",
        change: |h| {
            h.tamper = |policy| {
                let endpoint = &mut policy["networkPolicies"]["_provider_my_forge"]["endpoints"][0];
                endpoint["tokenGrantOwner"] = "grant-owner:v1:mine".into();
            }
        },
    },
    Attack {
        name: "a global policy switched on",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |h| h.rows.global_policy = Some(policy("evil.example")),
    },
    Attack {
        name: "settings weakened",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |h| h.rows.validation_failure_mode = "retain_last_valid".into(),
    },
    Attack {
        name: "a setting of another type",
        reason: "COMPOSITION_PART_UNATTESTED",
        change: |h| {
            let text = SettingValue::Text("5".to_owned());
            h.rows.settings.insert("retries".to_owned(), text);
        },
    },
    Attack {
        name: "another sandbox's place",
        reason: "SCOPE_MISMATCH",
        change: |h| h.rows.sandbox.name = "web-2".into(),
    },
];

/// A world in which the rows above are approved, and an older policy was.
async fn world() -> (Lab, lab::Daemon, Host) {
    let mut lab = Lab::new();
    approve(&mut lab);
    let daemon = lab.start();
    let host = connect(&lab).await;
    (lab, daemon, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_edited_is_refused_polled_and_pushed() {
    let (_lab, _daemon, mut host) = world().await;
    for attack in ATTACKS {
        let name = attack.name;
        (attack.change)(&mut host);
        // Polled: an answer without a policy, whose error arrives.
        let polled = host.poll().await.expect("a denial is an answer");
        // Pushed, to whoever is connected and to whoever connects.
        let pushed = host.push().await.expect("a denial is pushed");
        let session = host
            .bootstrap(SupervisorHello {
                supports_config_push: true,
                ..Default::default()
            })
            .await
            .expect("a denial is pushed");
        let bootstrap = session.bootstrap.expect("pushing is on");
        assert!(pushed.provider_environment.is_none(), "{name}");
        assert!(bootstrap.provider_environment.is_none(), "{name}");
        for config in [
            Some(polled),
            pushed.sandbox_config,
            bootstrap.sandbox_config,
        ] {
            let config = config.expect("there is one");
            assert!(config.policy.is_none(), "{name}: served");
            assert!(!config.configuration_admitted, "{name}");
            let said = config.configuration_error;
            assert!(
                said.contains(&format!(": {}", attack.reason)),
                "{name}: {said}"
            );
            let asked = attack.reason != "DOCUMENT_RESERVED_NAME";
            assert_eq!(said.contains("; request "), asked, "{name}: {said}");
            assert!(!said.contains("evil"), "{name}: a body is told: {said}");
        }
        // Shown to operators.
        let shown = host.readiness().await.expect("it is shown");
        assert_eq!(
            shown.state(),
            ConfigurationAdmissionState::Rejected,
            "{name}"
        );
        assert!(
            shown.error.contains(attack.reason),
            "{name}: {}",
            shown.error
        );
        // Credentials and tokens.
        for status in [
            host.poll_environment().await.err(),
            host.exchange().await.err(),
        ] {
            let status = status.unwrap_or_else(|| panic!("{name}: a secret is released"));
            assert_eq!(status.code(), Code::FailedPrecondition, "{name}");
            assert!(status.message().contains(attack.reason), "{name}: {status}");
        }

        // The control: the same rows at a gateway of today.
        let mut today = Host::new(None, host.rows.clone());
        today.tamper = host.tamper;
        let polled = today.poll().await.expect("it is served");
        assert!(
            polled.policy.is_some() && polled.configuration_admitted,
            "{name}"
        );
        let pushed = today.push().await.expect("it is pushed");
        assert_eq!(pushed.sandbox_config, Some(polled), "{name}");
        assert!(pushed.provider_environment.is_some(), "{name}");
        assert!(today.poll_environment().await.is_ok(), "{name}");
        assert!(today.exchange().await.is_ok(), "{name}");

        host.rows = rows();
        host.tamper = |_| ();
        let after = host.poll().await.expect("it is an answer");
        assert!(after.configuration_admitted, "after {name}");
    }
}

/// What a row says about where tokens go is not what was approved, and no document
/// changed: only the third seam sees it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_where_the_approved_profile_says() {
    let (_lab, _daemon, mut host) = world().await;
    assert!(host.exchange().await.is_ok());
    host.rows.token_endpoint = "https://evil.example".into();
    assert!(
        host.poll()
            .await
            .is_ok_and(|config| config.configuration_admitted)
    );
    let refused = host.exchange().await.expect_err("the token goes elsewhere");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("COMPOSITION_MISMATCH"),
        "{refused}"
    );
    let hook = host.hook.as_ref().expect("it is on");
    assert_eq!(hook.outcomes().get(Outcome::Denied), 1);
    let today = Host::new(None, host.rows.clone());
    assert!(today.exchange().await.is_ok());
}

/// What is allowed is pushed as it is polled, and both as the gateway of today serves it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_allowed_is_served_unchanged() {
    let (_lab, _daemon, mut host) = world().await;
    let today = Host::new(None, rows());
    let polled = host.poll().await.expect("it is approved");
    assert_eq!(polled, today.poll().await.expect("no hook"));
    assert_eq!(
        host.push().await.expect("it is approved"),
        today.push().await.expect("no hook")
    );
    assert!(
        polled
            .policy
            .is_some_and(|policy| policy.reaches("forge.example"))
    );
    let (_, receipt) = host
        .poll_with(Some(vec![7; 16].into()))
        .await
        .expect("it is approved");
    assert!(receipt.is_some());
    // A provider that points elsewhere has no layer, and its profile is judged.
    host.rows.providers[0].base_url = Some("https://elsewhere.example");
    let polled = host.poll().await.expect("it is an answer");
    assert_eq!(polled.configuration_error, "");
    assert!(
        polled
            .policy
            .is_some_and(|policy| !policy.reaches("forge.example"))
    );
    host.rows.providers[0].profile = "evil".into();
    let refused = host.poll().await.expect("it is an answer");
    assert!(
        refused
            .configuration_error
            .contains("COMPOSITION_PART_UNATTESTED")
    );
}

/// The settings document can be had: the gateway writes the one that it asks about, and
/// the driver's own `canonicalize` makes the same bytes of what people write.
#[tokio::test(flavor = "multi_thread")]
async fn the_settings_document_can_be_had() {
    let (lab, _daemon, mut host) = world().await;
    std::fs::create_dir(lab.path("settings")).expect("made");
    let mut asked = lab.settings(Mode::Enforce);
    asked.recipe = Recipe::V2026_10;
    asked.settings_dir = Some(lab.path("settings"));
    host.hook = Some(Hook::connect(asked).await.expect("it is the driver"));
    let bytes = SettingValue::Bytes(vec![1, 2]);
    host.rows.settings.insert("key".to_owned(), bytes);
    for _ in 0..2 {
        let refused = host.poll().await.expect("it is an answer");
        assert!(
            refused
                .configuration_error
                .contains("COMPOSITION_PART_UNATTESTED")
        );
    }
    let written: Vec<_> = std::fs::read_dir(lab.path("settings"))
        .expect("a folder")
        .map(|entry| entry.expect("it is readable").path())
        .collect();
    assert_eq!(written.len(), 1, "{written:?}");
    let yaml = "policySource: sandbox\nextensionAuthenticationEnabled: true\n\
        policyValidationFailureMode: fail_closed\nmiddlewareServices: []\n\
        settings:\n  key: {bytes: \"0102\"}\n  log_level: info\n  retries: 5\n";
    std::fs::write(lab.path("settings.yaml"), yaml).expect("written");
    lab.sigdriver(&[
        "canonicalize",
        "--type",
        "settings",
        "settings.yaml",
        "--out",
        "settings.json",
    ]);
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).expect("it is there");
    assert_eq!(read(written[0].clone()), read(lab.path("settings.json")));
}

/// A sandbox that runs: a denial stops it or not, as its failure mode says; a driver
/// that is gone does neither.
#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_runs() {
    for (mode, outcome) in [
        ("fail_closed", ConfigApplyOutcome::FailedClosed),
        (
            "retain_last_valid",
            ConfigApplyOutcome::FailedRetainedLastKnownGood,
        ),
    ] {
        let mut good = rows();
        good.validation_failure_mode = mode.to_owned();
        let answers = vec![
            Scripted::yes(),
            Scripted::yes(),
            Scripted::no("DOCUMENT_REVOKED"),
            Err(openshell_policy_signing::Refusal::Unavailable(
                openshell_policy_signing::Fault::Late,
            )),
            Scripted::yes(),
            Scripted::yes(),
        ];
        let signer: std::sync::Arc<dyn PolicySigner> = std::sync::Arc::new(Scripted::new(answers));
        let hook = Hook::new(signer, "gw-1", Recipe::V2026_10, Mode::Enforce);
        let host = Host::new(Some(hook), good);
        let mut sandbox = Running {
            policy: None,
            quarantined: false,
        };
        let update = host.push().await.expect("it is approved");
        let config = update.sandbox_config.expect("there is one");
        assert_eq!(sandbox.apply(&config), ConfigApplyOutcome::Applied);
        // Denied: the failure mode decides, and nothing new is applied.
        let update = host.push().await.expect("a denial is pushed");
        let config = update.sandbox_config.expect("there is one");
        assert_eq!(sandbox.apply(&config), outcome);
        assert_eq!(sandbox.quarantined, mode == "fail_closed");
        assert!(sandbox.policy.is_some());
        // Nobody could decide: nothing is pushed, and polling ends as unavailable.
        let nothing = host.push().await.expect_err("nobody decided");
        assert_eq!(nothing.code(), Code::Unavailable);
        // Allowed again: it goes on.
        let update = host.push().await.expect("it is approved");
        let config = update.sandbox_config.expect("there is one");
        assert_eq!(sandbox.apply(&config), ConfigApplyOutcome::Applied);
        assert!(!sandbox.quarantined);
    }
}

/// What the gateway itself refused is handed on as it is, and nobody is asked.
#[tokio::test]
async fn the_gateways_own_refusal_is_kept() {
    use common::messages::SandboxConfigSnapshot;
    use openshell_policy_signing::{Inputs, judge_configuration};

    struct Unread;
    impl Inputs for Unread {
        fn sandbox(&self) -> Sandbox {
            Sandbox::default()
        }
        fn source(&self) -> Result<Option<Value>, tonic::Status> {
            Err(tonic::Status::internal("the store is away"))
        }
        fn source_is_global(&self) -> bool {
            false
        }
        fn providers(&self) -> Result<Vec<openshell_policy_signing::ProfileLayer>, tonic::Status> {
            Ok(Vec::new())
        }
        fn without_profile(&self) -> Vec<String> {
            Vec::new()
        }
        fn settings(&self) -> openshell_policy_signing::GatewaySettings {
            openshell_policy_signing::GatewaySettings::default()
        }
        fn effective(&self) -> Result<Option<Value>, tonic::Status> {
            Ok(None)
        }
        fn names(&self) -> openshell_policy_signing::HostNames {
            openshell_policy_signing::HostNames::default()
        }
    }
    let scripted = std::sync::Arc::new(Scripted::new([]));
    let asked: std::sync::Arc<dyn PolicySigner> = scripted.clone();
    let hook = Hook::new(asked, "gw-1", Recipe::V2026_10, Mode::Enforce);
    let own = SandboxConfigSnapshot {
        configuration_error: "an endpoint is not inspected".to_owned(),
        ..Default::default()
    };
    let kept = judge_configuration(Some(&hook), &Unread, own.clone(), None).await;
    assert_eq!(kept.expect("it is an answer").0, own);
    // One that admits without a policy would have the image bring one: it is judged.
    let bare = SandboxConfigSnapshot {
        configuration_admitted: true,
        ..own
    };
    let judged = judge_configuration(Some(&hook), &Unread, bare.clone(), None).await;
    assert_eq!(
        judged.expect_err("it could not be read").code(),
        Code::Internal
    );
    assert!(scripted.asked().is_empty());
    let off = judge_configuration(None, &Unread, bare.clone(), None).await;
    assert_eq!(off.expect("there is no hook").0, bare);
}
