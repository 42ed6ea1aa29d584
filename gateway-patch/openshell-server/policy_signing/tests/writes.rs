// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A1 and A6, with the handlers that they stand in.

use openshell_core::proto::{CreateSandboxRequest, GetGatewayConfigRequest};

use super::*;
use crate::grpc::policy::handle_get_gateway_config;
use crate::grpc::sandbox::handle_create_sandbox;
use crate::persistence::ObjectType as _;

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

/// What `openshell settings get` asks for: of a sandbox that is refused nothing is told, of
/// the gateway everything still is.
#[tokio::test]
async fn the_gateways_settings_are_told_while_a_sandbox_is_refused() {
    let answers = vec![Scripted::yes(), Scripted::no("ATTESTATION_MISSING")];
    let (state, signer) = gateway(Mode::Enforce, Some(answers)).await;
    set(&state, true, Some(true)).await.unwrap();
    let refused = get_config(&state).await;
    assert_eq!(code(&refused), Code::FailedPrecondition);
    let request = from_user(GetGatewayConfigRequest {});
    let told = handle_get_gateway_config(&state, request).await.unwrap();
    let setting = &told.get_ref().settings["ocsf_json_enabled"];
    assert_eq!(setting.value, Some(setting_value::Value::BoolValue(true)));
    assert_eq!(signer.asked().len(), 2);
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

/// A gateway without sandboxes is asked about as the place that it is; the document is
/// that of the first sandbox that is created, which is asked about where it will be.
#[tokio::test]
async fn without_a_sandbox_the_gateway_is_asked_about() {
    let no = || Scripted::no("ATTESTATION_MISSING");
    let answers = vec![
        no(),
        Scripted::yes(),
        Scripted::yes(),
        Scripted::yes(),
        no(),
        Scripted::yes(),
        Scripted::yes(),
    ];
    let (state, signer) = gateway(Mode::Enforce, Some(answers)).await;
    let removed = state
        .store
        .delete_by_name(Sandbox::object_type(), "default", "web-1");
    assert!(removed.await.unwrap());
    let refused = set(&state, true, Some(true)).await.unwrap_err();
    assert!(
        refused.message().contains("ATTESTATION_MISSING"),
        "{refused}"
    );
    assert!(!stored(&state, true).await);
    set(&state, true, Some(true)).await.unwrap();
    let named = policy("api.example.com");
    let refused = create(&state, "web-3", Some(named.clone())).await;
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused
            .message()
            .contains("the settings that the sandbox would obey"),
        "{refused}"
    );
    let found = state
        .store
        .get_message_by_name::<Sandbox>("default", "web-3")
        .await;
    assert!(found.unwrap().is_none(), "it is stored");
    assert_eq!(create(&state, "web-3", Some(named)).await.code(), Code::Ok);
    let asked = signer.asked();
    assert_eq!(asked.len(), 7);
    assert_eq!(asked[0].target().name, "");
    assert_eq!(asked[0].target().workspace, "");
    assert_eq!(asked[6].target().name, "web-3");
    assert_eq!(asked[6].digests(), asked[2].digests());
}

/// A policy for all sandboxes that was approved, with which they would obey settings that
/// were not: it would stop each of them.
#[tokio::test]
async fn a_policy_for_all_is_refused_for_what_it_makes_of_the_settings() {
    let answers = vec![
        Scripted::yes(),
        Scripted::no("ATTESTATION_MISSING"),
        Scripted::yes(),
    ];
    let (state, signer) = gateway(Mode::Enforce, Some(answers)).await;
    let request = UpdateConfigRequest {
        global: true,
        policy: Some(policy("other.example.com")),
        ..Default::default()
    };
    let refused = handle_update_config(&state, from_user(request)).await;
    assert_eq!(code(&refused), Code::FailedPrecondition);
    let global = crate::grpc::policy::load_global_settings(state.store.as_ref()).await;
    assert!(
        global.unwrap().settings.is_empty(),
        "a refused policy was stored"
    );
    assert_eq!(signer.asked().len(), 3);
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
    let (state, signer) = gateway(Mode::Enforce, Some(vec![Scripted::yes(); 3])).await;
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
    assert_eq!(
        signer.asked().len(),
        3,
        "the settings are asked about, at both"
    );
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
