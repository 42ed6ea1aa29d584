// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! M1, with the gateway's own handlers, worker, store of credentials and HTTP client,
//! and two issuers that count who brought them the client's secret.

use std::time::Duration;

use openshell_core::proto::{
    ConfigureProviderRefreshRequest, ProviderCredentialRefresh, ProviderCredentialRefreshMaterial,
    ProviderCredentialRefreshStrategy as Strategy, ProviderProfileCredential,
    RotateProviderCredentialRequest, StoredProviderCredentialRefreshState as Row,
};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::grpc::provider::{handle_configure_provider_refresh, handle_rotate_provider_credential};
use crate::provider_profile_sources::ProviderProfileSources;
use crate::provider_refresh::{
    get_refresh_state, policy_signing::Mints, put_refresh_state, spawn_refresh_worker,
};

const VARIABLE: &str = "FORGE_TOKEN";
const SECRET: &str = "the-client-secret";

/// Somebody who gives tokens to whoever brings a secret.
async fn issuer() -> MockServer {
    let server = MockServer::start().await;
    let token = serde_json::json!({"access_token": "minted", "expires_in": 3600});
    let answer = ResponseTemplate::new(200).set_body_json(token);
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

async fn secrets(issuer: &MockServer) -> usize {
    let requests = issuer.received_requests().await.expect("they are recorded");
    let brings = |body: &[u8]| String::from_utf8_lossy(body).contains(SECRET);
    requests
        .iter()
        .filter(|request| brings(&request.body))
        .count()
}

fn profile(token_url: String) -> ProviderProfile {
    let secret = ProviderCredentialRefreshMaterial {
        name: "client_secret".to_owned(),
        required: true,
        secret: true,
        ..Default::default()
    };
    let refresh = ProviderCredentialRefresh {
        strategy: Strategy::Oauth2ClientCredentials.into(),
        token_url,
        scopes: vec!["read".to_owned()],
        material: vec![secret],
        ..Default::default()
    };
    ProviderProfile {
        id: "forge".to_owned(),
        display_name: "Forge".to_owned(),
        credentials: vec![ProviderProfileCredential {
            name: "token".to_owned(),
            env_vars: vec![VARIABLE.to_owned()],
            refresh: Some(refresh),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// A gateway whose provider mints at the honest issuer, as its profile says.
async fn minting_gateway(
    mode: Mode,
    answers: Option<Vec<Result<Allowed, Refusal>>>,
    honest: &MockServer,
) -> Arc<ServerState> {
    let (mut state, signer) = gateway(mode, answers).await;
    drop(signer);
    let inner = Arc::get_mut(&mut state).expect("nobody else has it yet");
    let profiles = vec![profile(format!("{}/token", honest.uri()))];
    inner.provider_profile_sources = ProviderProfileSources::from_test_profiles(profiles);
    inner.credentials.policy_signing = Mints::of(inner);
    point_at(&state, "forge").await;
    configure(&state, &[]).await;
    state
}

/// Stores how the credential is minted, the client's secret where secrets are.
async fn configure(state: &Arc<ServerState>, more: &[(&str, &str)]) {
    let brought = [("client_id", "client"), ("client_secret", SECRET)];
    let material = brought.iter().chain(more);
    let request = ConfigureProviderRefreshRequest {
        provider: "my-forge".to_owned(),
        credential_key: VARIABLE.to_owned(),
        strategy: Strategy::Oauth2ClientCredentials.into(),
        material: material
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        secret_material_keys: more.iter().map(|(k, _)| (*k).to_owned()).collect(),
        workspace: "default".to_owned(),
        ..Default::default()
    };
    handle_configure_provider_refresh(state, from_user(request))
        .await
        .expect("it can be configured");
}

async fn point_at(state: &ServerState, provider_type: &str) {
    let store = &state.store;
    let found = store.get_message_by_name::<Provider>("default", "my-forge");
    let mut provider = found.await.unwrap().expect("it is there");
    provider.r#type = provider_type.to_owned();
    store.put_message(&provider).await.unwrap();
}

async fn row(state: &ServerState) -> Row {
    get_refresh_state(&state.store, "default", "provider-my-forge", VARIABLE)
        .await
        .unwrap()
        .expect("it is configured")
}

async fn edit(state: &ServerState, edit: impl FnOnce(&mut Row)) {
    let mut row = row(state).await;
    edit(&mut row);
    put_refresh_state(&state.store, &row).await.unwrap();
}

async fn rotate(state: &Arc<ServerState>) -> Result<(), Status> {
    let request = RotateProviderCredentialRequest {
        provider: "my-forge".to_owned(),
        credential_key: VARIABLE.to_owned(),
        workspace: "default".to_owned(),
    };
    handle_rotate_provider_credential(state, from_user(request))
        .await
        .map(|_| ())
}

/// Has the gateway's worker sweep until it has tried this row.
async fn sweep(state: &Arc<ServerState>) -> Row {
    let before = row(state).await.status;
    spawn_refresh_worker(Arc::clone(state), Duration::from_millis(20));
    loop {
        let now = row(state).await;
        if now.status != before {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn yes(times: usize) -> Option<Vec<Result<Allowed, Refusal>>> {
    Some(vec![Scripted::yes(); times])
}

#[tokio::test]
async fn an_unedited_row_is_minted_from() {
    for answers in [None, yes(2)] {
        let honest = issuer().await;
        let state = minting_gateway(Mode::Enforce, answers, &honest).await;
        rotate(&state).await.unwrap();
        assert_eq!(secrets(&honest).await, 1);
        edit(&state, |row| {
            row.next_refresh_at_ms = 1;
            row.status = "due".to_owned();
        })
        .await;
        assert_eq!(sweep(&state).await.status, "refreshed");
        assert_eq!(secrets(&honest).await, 2);
    }
}

/// By the RPC and by the worker: with the hook the secret stays, and the row says why;
/// without it, or while only observing, whoever edited the row has it.
#[tokio::test]
async fn an_edited_url_gets_no_secret() {
    for by_worker in [false, true] {
        for (mode, answers, gets) in [
            (Mode::Enforce, yes(9), false),
            (Mode::Enforce, None, true),
            (Mode::Observe, yes(9), true),
        ] {
            let (honest, evil) = (issuer().await, issuer().await);
            let state = minting_gateway(mode, answers, &honest).await;
            let url = format!("{}/token", evil.uri());
            edit(&state, |row| row.token_url = url).await;
            let row = if by_worker {
                sweep(&state).await
            } else {
                let want = if gets {
                    Code::Ok
                } else {
                    Code::FailedPrecondition
                };
                assert_eq!(code(&rotate(&state).await), want);
                row(&state).await
            };
            let got = secrets(&evil).await > 0;
            assert_eq!(got, gets, "by worker {by_worker}, {mode:?}");
            assert_eq!(row.last_error.contains("COMPOSITION_MISMATCH"), !gets);
            assert_eq!(secrets(&honest).await, 0);
        }
    }
}

/// The other ways a row says where a secret goes or what for, and what is asked.
#[tokio::test]
async fn nor_does_any_other_edit() {
    type Edit = fn(&mut Row);
    let edits: [(&str, Edit); 3] = [
        ("wider", |row| row.scopes.push("admin".to_owned())),
        ("a tenant", |row| {
            row.material
                .insert("tenant_id".to_owned(), "evil".to_owned());
        }),
        ("another way", |row| {
            row.strategy = Strategy::Oauth2RefreshToken.into();
            row.material
                .insert("refresh_token".to_owned(), SECRET.to_owned());
        }),
    ];
    for (name, change) in edits {
        let honest = issuer().await;
        let state = minting_gateway(Mode::Enforce, yes(9), &honest).await;
        edit(&state, change).await;
        let refused = rotate(&state).await.unwrap_err();
        assert!(
            refused.message().contains("COMPOSITION_MISMATCH"),
            "{name}: {refused}"
        );
        assert_eq!(secrets(&honest).await, 0, "{name}");
    }
}

/// A tenant among what is stored as a secret decides the URL as one in the row does.
#[tokio::test]
async fn secret_material_is_judged_resolved() {
    let honest = issuer().await;
    let state = minting_gateway(Mode::Enforce, yes(9), &honest).await;
    configure(&state, &[("tenant_id", "evil")]).await;
    assert!(!row(&state).await.material.contains_key("tenant_id"));
    let refused = rotate(&state).await.unwrap_err();
    assert!(
        refused.message().contains("COMPOSITION_MISMATCH"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_profile_that_is_missing_or_not_approved_mints_nothing() {
    let honest = issuer().await;
    let answers = Some(vec![Scripted::no("THRESHOLD"), Scripted::yes()]);
    let state = minting_gateway(Mode::Enforce, answers, &honest).await;
    let refused = rotate(&state).await.unwrap_err();
    assert!(refused.message().contains("THRESHOLD"), "{refused}");
    point_at(&state, "nothing").await;
    assert_eq!(code(&rotate(&state).await), Code::FailedPrecondition);
    assert_eq!(secrets(&honest).await, 0);
    point_at(&state, "forge").await;
    rotate(&state).await.unwrap();
    assert_eq!(secrets(&honest).await, 1);
}
