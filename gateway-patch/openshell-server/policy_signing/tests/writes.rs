// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A1 and A6, with the handlers that they stand in.

use openshell_core::proto::CreateSandboxRequest;

use super::*;
use crate::grpc::sandbox::handle_create_sandbox;

async fn set(state: &Arc<ServerState>, global: bool, value: Option<bool>) -> Result<(), Status> {
    let request = UpdateConfigRequest {
        name: if global {
            String::new()
        } else {
            "web-1".to_owned()
        },
        workspace: "default".to_owned(),
        global,
        setting_key: "ocsf_json_enabled".to_owned(),
        setting_value: value.map(|flag| SettingValue {
            value: Some(setting_value::Value::BoolValue(flag)),
        }),
        delete_setting: value.is_none(),
        ..Default::default()
    };
    handle_update_config(state, from_user(request))
        .await
        .map(|_| ())
}

async fn stored(state: &Arc<ServerState>, global: bool) -> bool {
    let store = state.store.as_ref();
    let settings = if global {
        crate::grpc::policy::load_global_settings(store).await
    } else {
        crate::grpc::policy::load_sandbox_settings(store, "default", "web-1").await
    };
    settings.unwrap().settings.contains_key("ocsf_json_enabled")
}

/// What is asked about is the document that J1 asks about afterwards.
#[tokio::test]
async fn a_setting_is_judged_when_it_is_written() {
    for global in [true, false] {
        let answers = vec![
            Scripted::no("THRESHOLD"),
            Scripted::yes(),
            Scripted::yes(),
            Scripted::yes(),
        ];
        let (state, signer) = gateway(Mode::Enforce, Some(answers)).await;
        // Refused, and what is in force now is not: it is not stored.
        let refused = set(&state, global, Some(true)).await.unwrap_err();
        assert!(refused.message().contains("THRESHOLD"), "{refused}");
        assert!(!stored(&state, global).await);
        set(&state, global, Some(true)).await.unwrap();
        assert!(stored(&state, global).await);
        get_config(&state).await.unwrap();
        let asked = signer.asked();
        assert_eq!(asked.len(), 4);
        let (written, served) = (asked[2].digests().0, asked[3].digests().0);
        assert_eq!(asked[0].digests(), asked[2].digests());
        assert_ne!(asked[1].digests(), asked[2].digests());
        assert_eq!(written, [*served.last().unwrap()]);
        // The same value again changes nothing, and nobody is asked.
        set(&state, global, Some(true)).await.unwrap();
        assert_eq!(signer.asked().len(), 4);
    }
}

/// Two wrong settings can be mended one at a time, taking one away is judged as well,
/// and a driver that cannot decide stores nothing.
#[tokio::test]
async fn what_was_refused_before_may_be_mended() {
    for global in [true, false] {
        let no = || Scripted::no("THRESHOLD");
        let late = || Err(Refusal::Unavailable(openshell_policy_signing::Fault::Late));
        let answers = vec![no(), no(), late(), no(), late(), no(), Scripted::yes()];
        let (state, signer) = gateway(Mode::Enforce, Some(answers)).await;
        set(&state, global, Some(true)).await.unwrap(); // refused before and after
        for want in [
            Code::Unavailable,
            Code::FailedPrecondition,
            Code::FailedPrecondition,
        ] {
            assert_eq!(code(&set(&state, global, None).await), want);
            assert!(stored(&state, global).await);
        }
        assert_eq!(signer.asked().len(), 7);
    }
}

async fn create(state: &Arc<ServerState>, name: &str, policy: Option<SandboxPolicy>) -> Status {
    let request = CreateSandboxRequest {
        name: name.to_owned(),
        workspace: "default".to_owned(),
        spec: Some(SandboxSpec {
            policy,
            ..Default::default()
        }),
        ..Default::default()
    };
    match handle_create_sandbox(state, from_user(request)).await {
        Ok(_) => Status::ok(""),
        Err(status) => status,
    }
}

#[tokio::test]
async fn a_sandbox_without_a_policy_is_not_created() {
    let (state, signer) = gateway(Mode::Enforce, Some(vec![Scripted::yes()])).await;
    let refused = create(&state, "bare", None).await;
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused
            .message()
            .contains("DOCUMENT_MISSING; a sandbox without"),
        "{refused}"
    );
    let found = state
        .store
        .get_message_by_name::<Sandbox>("default", "bare")
        .await;
    assert!(found.unwrap().is_none(), "it is stored");
    assert!(signer.asked().is_empty());
    // Where the gateway has a policy for all, it has that one.
    let request = UpdateConfigRequest {
        global: true,
        policy: Some(policy("other.example.com")),
        ..Default::default()
    };
    handle_update_config(&state, from_user(request))
        .await
        .unwrap();
    assert_eq!(create(&state, "bare", None).await.code(), Code::Ok);
    let (off, _) = gateway(Mode::Enforce, None).await;
    assert_eq!(create(&off, "bare", None).await.code(), Code::Ok);
}

/// A name that was generated is said to be one: what is signed for it helps nobody.
#[tokio::test]
async fn a_generated_name_is_said_to_be_one() {
    let answers = vec![Scripted::no("THRESHOLD"), Scripted::no("THRESHOLD")];
    let (state, _) = gateway(Mode::Enforce, Some(answers)).await;
    for (name, generated) in [("", true), ("web-2", false)] {
        let refused = create(&state, name, Some(policy("api.example.com"))).await;
        assert!(refused.message().contains("THRESHOLD"), "{refused}");
        assert_eq!(refused.message().contains("name was generated"), generated);
    }
}
