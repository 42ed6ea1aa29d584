// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The seams, with the handlers that they stand in and a signer that answers what it
//! is told.

use std::collections::HashMap;

use openshell_core::proto::datamodel::v1::ObjectMeta;
use openshell_core::proto::{
    GetSandboxConfigRequest, GetSandboxProviderEnvironmentRequest, ImportProviderProfilesRequest,
    NetworkBinary, NetworkEndpoint, NetworkPolicyRule, PolicyMergeOperation,
    ProviderProfileImportItem, SandboxPhase, SandboxSpec, SettingValue, UpdateConfigRequest,
    policy_merge_operation,
};
use openshell_policy_signing::{Allowed, Document, PolicySigner, Refusal, Scripted};
use tonic::{Code, Request};

use super::*;
use crate::auth::identity::{Identity, IdentityProvider};
use crate::auth::principal::{Principal, UserPrincipal};
use crate::grpc::policy::{
    handle_get_sandbox_config, handle_get_sandbox_provider_environment, handle_update_config,
};
use crate::grpc::provider::handle_import_provider_profiles;
use crate::grpc::test_support::test_server_state;

mod minting;
mod writes;

const ID: &str = "sb-signed";

fn from_user<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let identity = Identity {
        subject: "operator".to_owned(),
        display_name: None,
        roles: Vec::new(),
        scopes: Vec::new(),
        provider: IdentityProvider::Oidc,
    };
    let user = Principal::User(UserPrincipal { identity });
    request.extensions_mut().insert(user);
    request
}

fn policy(host: &str) -> SandboxPolicy {
    let rule = NetworkPolicyRule {
        name: "web".to_owned(),
        endpoints: vec![NetworkEndpoint {
            host: host.to_owned(),
            port: 443,
            ports: vec![443],
            protocol: "rest".to_owned(),
            access: "read-only".to_owned(),
            ..Default::default()
        }],
        binaries: vec![NetworkBinary {
            path: "/usr/bin/curl".to_owned(),
            ..Default::default()
        }],
    };
    SandboxPolicy {
        version: 1,
        network_policies: HashMap::from([("web".to_owned(), rule)]),
        ..Default::default()
    }
}

fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox {
        metadata: Some(ObjectMeta {
            id: ID.to_owned(),
            name: "web-1".to_owned(),
            workspace: "default".to_owned(),
            created_at_ms: 1,
            ..Default::default()
        }),
        spec: Some(SandboxSpec {
            policy: Some(policy("api.example.com")),
            providers: vec!["my-forge".to_owned()],
            ..Default::default()
        }),
        ..Default::default()
    };
    sandbox.set_phase(SandboxPhase::Ready as i32);
    sandbox
}

/// A gateway with one sandbox and one provider, and a signer with these answers; none
/// for a gateway whose hook is off.
async fn gateway(
    mode: Mode,
    answers: Option<Vec<Result<Allowed, Refusal>>>,
) -> (Arc<ServerState>, Arc<Scripted>) {
    let mut state = test_server_state().await;
    let signer = Arc::new(Scripted::new(answers.clone().unwrap_or_default()));
    if answers.is_some() {
        let asked: Arc<dyn PolicySigner> = signer.clone();
        let hook = Hook::new(asked, "gw-1", Recipe::V2026_08, mode);
        let state = Arc::get_mut(&mut state).expect("nobody else has it yet");
        state.policy_signing = Some(Arc::new(hook));
    }
    let provider = Provider {
        metadata: Some(ObjectMeta {
            id: "provider-my-forge".to_owned(),
            name: "my-forge".to_owned(),
            workspace: "default".to_owned(),
            created_at_ms: 1,
            ..Default::default()
        }),
        r#type: "pypi".to_owned(),
        ..Default::default()
    };
    state.store.put_message(&provider).await.unwrap();
    state.store.put_message(&sandbox()).await.unwrap();
    (state, signer)
}

async fn get_config(
    state: &Arc<ServerState>,
) -> Result<Response<GetSandboxConfigResponse>, Status> {
    let sandbox_id = ID.to_owned();
    let mut request = from_user(GetSandboxConfigRequest { sandbox_id });
    let nonce = MetadataValue::from_bytes(&[7; 16]);
    request.metadata_mut().insert_bin(NONCE_METADATA, nonce);
    handle_get_sandbox_config(state, request).await
}

async fn get_environment(state: &Arc<ServerState>) -> Result<(), Status> {
    let request = GetSandboxProviderEnvironmentRequest {
        sandbox_id: ID.to_owned(),
        ..Default::default()
    };
    let request = from_user(request);
    handle_get_sandbox_provider_environment(state, request)
        .await
        .map(|_| ())
}

fn code<T>(result: &Result<T, Status>) -> Code {
    result.as_ref().map_or_else(Status::code, |_| Code::Ok)
}

#[tokio::test]
async fn off_and_allowed_serve_the_same_bytes() {
    let (off, _) = gateway(Mode::Enforce, None).await;
    let off = get_config(&off).await.unwrap();
    assert!(off.metadata().get_bin(RECEIPT_METADATA).is_none());
    let (on, signer) = gateway(Mode::Enforce, Some(vec![Scripted::yes()])).await;
    let on = get_config(&on).await.unwrap();
    let receipt = on.metadata().get_bin(RECEIPT_METADATA).unwrap();
    assert_eq!(receipt.to_bytes().unwrap(), vec![7; 16]); // the double gives the nonce back
    assert_eq!(signer.asked().len(), 1);
    assert_eq!(on.into_inner(), off.into_inner());
}

#[tokio::test]
async fn refused_at_both_seams() {
    for (mode, want) in [
        (Mode::Enforce, Code::FailedPrecondition),
        (Mode::Observe, Code::Ok),
    ] {
        let answers = vec![Scripted::no("THRESHOLD"), Scripted::no("THRESHOLD")];
        let (state, signer) = gateway(mode, Some(answers)).await;
        let config = get_config(&state).await;
        assert_eq!(code(&config), want);
        assert_eq!(code(&get_environment(&state).await), want);
        assert_eq!(signer.asked().len(), 2);
        if let Err(status) = config {
            assert_eq!(
                status.message(),
                "refused by policy signing: THRESHOLD; request scripted"
            );
        }
    }
}

/// Without a hook the seams hand back what they were given, to the byte, with its
/// metadata, and a failure as the failure it is.
#[tokio::test]
async fn off_hands_back_what_it_was_given() {
    let (off, _) = gateway(Mode::Enforce, None).await;
    let catalog = catalog(&off).await;
    let judge = async |given| {
        let nonce = Some(Bytes::from_static(&[7; 3]));
        serve_config(&off, &sandbox(), &catalog, None, true, nonce, given).await
    };
    let config = get_config(&off).await.unwrap().into_inner();
    let bytes = config.encode_to_vec();
    let mut given = Response::new(config);
    given.metadata_mut().insert("x-kept", "1".parse().unwrap());
    let metadata = given.metadata().clone();
    let back = judge(Ok(given)).await.unwrap();
    assert_eq!(format!("{:?}", back.metadata()), format!("{metadata:?}"));
    assert_eq!(back.into_inner().encode_to_vec(), bytes);
    let failed = judge(Err(Status::data_loss("theirs"))).await.unwrap_err();
    assert_eq!(
        (failed.code(), failed.message()),
        (Code::DataLoss, "theirs")
    );
    let nothing = SandboxPolicy::default();
    let unasked = before_credentials(&off, &catalog, &sandbox(), &[], &nothing).await;
    assert_eq!(code(&unasked), Code::Ok);
    assert!(source(&off, Some(&policy("api.example.com"))).is_none());
}

async fn catalog(state: &Arc<ServerState>) -> EffectiveProviderProfileCatalog {
    let sources = &state.provider_profile_sources;
    let catalog = sources.snapshot_catalog(&state.store, "default").await;
    catalog.unwrap()
}

/// Switches provider layers on, for everybody.
async fn insert_layers(state: &Arc<ServerState>) {
    let request = UpdateConfigRequest {
        global: true,
        setting_key: settings::PROVIDERS_V2_ENABLED_KEY.to_owned(),
        setting_value: Some(SettingValue {
            value: Some(setting_value::Value::BoolValue(true)),
        }),
        ..Default::default()
    };
    handle_update_config(state, from_user(request))
        .await
        .unwrap();
}

/// With layers inserted, and under a global policy, both seams ask the same too.
#[tokio::test]
async fn both_seams_ask_about_layers_and_global_policies() {
    for global in [false, true] {
        let answers = vec![Scripted::yes(); 5];
        let (state, signer) = gateway(Mode::Enforce, Some(answers)).await;
        insert_layers(&state).await;
        if global {
            let request = UpdateConfigRequest {
                global: true,
                policy: Some(policy("other.example.com")),
                ..Default::default()
            };
            handle_update_config(&state, from_user(request))
                .await
                .unwrap();
        }
        let served = get_config(&state).await.unwrap().into_inner();
        get_environment(&state).await.unwrap();
        let asked = signer.asked();
        // The setting is asked about too, and what the policy for all changes in the settings.
        assert_eq!(asked.len(), if global { 5 } else { 3 });
        let [config, environment] = asked.last_chunk().unwrap();
        assert_eq!(config.asked_sha256(), environment.asked_sha256());
        let policy = served.policy.unwrap();
        let inserted = policy.network_policies.contains_key("_provider_my_forge");
        assert_eq!(
            inserted, !global,
            "layers are not inserted below a global policy"
        );
        let tree = proto_json(POLICY_TYPE, &policy).unwrap();
        let (documents, effective) = config.digests();
        assert_eq!(effective, Some(Document::effective(tree).unwrap().sha256()));
        assert_eq!(documents.len(), 3, "the profile is asked about in any case");
    }
}

/// A provider whose profile is missing is named to the driver, at both seams.
#[tokio::test]
async fn a_provider_without_a_profile_is_asked_about() {
    let (state, signer) = gateway(Mode::Enforce, Some(vec![Scripted::yes(); 4])).await;
    for provider_type in ["pypi", "nothing"] {
        let found = state
            .store
            .get_message_by_name::<Provider>("default", "my-forge");
        let mut provider = found.await.unwrap().unwrap();
        provider.r#type = provider_type.to_owned();
        state.store.put_message(&provider).await.unwrap();
        get_config(&state).await.unwrap();
        get_environment(&state).await.unwrap();
    }
    let asked = signer.asked();
    assert_eq!(asked[2].asked_sha256(), asked[3].asked_sha256());
    for (question, without) in [
        (&asked[0], 0),
        (&asked[1], 0),
        (&asked[2], 1),
        (&asked[3], 1),
    ] {
        assert_eq!(question.without_profile().len(), without);
        assert_eq!(question.digests().0.len(), 3 - without);
    }
    assert_eq!(asked[2].without_profile(), ["my-forge"]);
}

/// The profiles that are judged before credentials are released are those of the
/// records they are resolved from, whatever the store says a moment later.
#[tokio::test]
async fn credentials_are_judged_by_their_own_records() {
    let (state, signer) = gateway(Mode::Enforce, Some(vec![Scripted::yes(); 2])).await;
    let catalog = catalog(&state).await;
    let names = ["my-forge".to_owned()];
    let load = crate::grpc::provider::load_provider_environment_records;
    let mut records = load(&state.store, "default", &names).await.unwrap();
    let effective = policy("api.example.com");
    for provider_type in ["pypi", "github"] {
        records[0].provider.r#type = provider_type.to_owned();
        before_credentials(&state, &catalog, &sandbox(), &records, &effective)
            .await
            .unwrap();
        let profile = catalog
            .get_type_profile_for_scope(provider_type, "")
            .unwrap();
        let tree = proto_json(PROFILE_TYPE, &profile.to_proto()).unwrap();
        let profile = Document::new(Role::ProviderProfile, tree).unwrap();
        let asked = signer.asked();
        assert_eq!(&asked.last().unwrap().digests().0[1], profile.sha256());
    }
}

/// What is asked about is what is served: source, the profile of the provider, the
/// settings, and the effective policy, the same at both seams.
#[tokio::test]
async fn both_seams_ask_about_what_is_served() {
    let answers = vec![Scripted::yes(), Scripted::yes()];
    let (state, signer) = gateway(Mode::Enforce, Some(answers)).await;
    let served = get_config(&state).await.unwrap().into_inner();
    get_environment(&state).await.unwrap();
    let asked = signer.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].asked_sha256(), asked[1].asked_sha256());
    let (documents, effective) = asked[0].digests();
    assert_eq!(documents.len(), 3);
    let tree = proto_json(POLICY_TYPE, &served.policy.unwrap()).unwrap();
    assert_eq!(effective, Some(Document::effective(tree).unwrap().sha256()));
    let source = proto_json(POLICY_TYPE, &policy("api.example.com")).unwrap();
    let source = Document::new(Role::SandboxPolicy, source).unwrap();
    assert_eq!(&documents[0], source.sha256());
    assert_eq!(asked[0].target().name, "web-1");
    assert_eq!(asked[0].target().sandbox_id, ID);
}

#[tokio::test]
async fn what_is_refused_is_not_stored() {
    let merge = PolicyMergeOperation {
        operation: Some(policy_merge_operation::Operation::RemoveRule(
            openshell_core::proto::RemoveNetworkRule {
                rule_name: "web".to_owned(),
            },
        )),
    };
    let update = |global, policy, merge_operations| UpdateConfigRequest {
        name: if global {
            String::new()
        } else {
            "web-1".to_owned()
        },
        workspace: "default".to_owned(),
        global,
        policy,
        merge_operations,
        ..Default::default()
    };
    for request in [
        update(true, Some(policy("other.example.com")), Vec::new()),
        update(false, Some(policy("other.example.com")), Vec::new()),
        update(false, None, vec![merge]),
    ] {
        let answers = vec![Scripted::no("THRESHOLD")];
        let (state, signer) = gateway(Mode::Enforce, Some(answers)).await;
        let result = handle_update_config(&state, from_user(request.clone())).await;
        assert_eq!(
            code(&result),
            Code::FailedPrecondition,
            "{request:?}: {result:?}"
        );
        assert_eq!(signer.asked().len(), 1);
        let stored = state.store.get_latest_policy(ID).await.unwrap();
        assert!(stored.is_none(), "a refused policy was stored");
        let global = crate::grpc::policy::load_global_settings(state.store.as_ref())
            .await
            .unwrap();
        assert!(global.settings.is_empty(), "a refused policy was stored");
    }
}

#[tokio::test]
async fn a_refused_profile_is_not_stored() {
    let profile = ProviderProfile {
        id: "forge".to_owned(),
        display_name: "Forge".to_owned(),
        endpoints: policy("forge.example.com").network_policies["web"]
            .endpoints
            .clone(),
        ..Default::default()
    };
    let request = ImportProviderProfilesRequest {
        workspace: "default".to_owned(),
        profiles: vec![ProviderProfileImportItem {
            source: "forge.yaml".to_owned(),
            profile: Some(profile),
        }],
    };
    let answers = vec![Scripted::no("ATTESTATION_MISSING")];
    let (state, signer) = gateway(Mode::Enforce, Some(answers)).await;
    let result = handle_import_provider_profiles(&state, from_user(request)).await;
    assert_eq!(code(&result), Code::FailedPrecondition, "{result:?}");
    assert_eq!(signer.asked().len(), 1);
    let stored: Vec<openshell_core::proto::StoredProviderProfile> =
        state.store.list_messages("default", 10, 0).await.unwrap();
    assert!(stored.is_empty(), "a refused profile was stored");
}

#[tokio::test]
async fn a_sandbox_without_a_policy_is_asked_about() {
    let (state, signer) =
        gateway(Mode::Enforce, Some(vec![Scripted::no("DOCUMENT_MISSING")])).await;
    let mut bare = sandbox();
    if let Some(spec) = bare.spec.as_mut() {
        spec.policy = None;
    }
    if let Some(metadata) = bare.metadata.as_mut() {
        metadata.id = "sb-bare".to_owned();
        metadata.name = "bare".to_owned();
    }
    state.store.put_message(&bare).await.unwrap();
    let sandbox_id = "sb-bare".to_owned();
    let request = from_user(GetSandboxConfigRequest { sandbox_id });
    let result = handle_get_sandbox_config(&state, request).await;
    assert_eq!(code(&result), Code::FailedPrecondition);
    let asked = signer.asked();
    assert!(asked[0].digests().1.is_none());
}

/// Against the real driver, in a folder that `gateway-patch/lab.sh` looks after:
///
/// ```sh
/// POLICY_SIGNING_LAB=/tmp/lab cargo test -p openshell-server --features test-support \
///     --lib policy_signing -- --ignored --nocapture
/// ```
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs POLICY_SIGNING_LAB, a folder of gateway-patch/lab.sh"]
async fn with_the_real_driver() {
    let lab = std::env::var_os("POLICY_SIGNING_LAB").expect("POLICY_SIGNING_LAB is set");
    let lab = std::path::PathBuf::from(lab);
    let (off, _) = gateway(Mode::Enforce, None).await;
    insert_layers(&off).await;
    submit(&off, &lab).await;

    let (mut on, _) = gateway(Mode::Enforce, None).await;
    insert_layers(&on).await;
    let config = openshell_policy_signing::PolicySigningConfig {
        socket_path: lab.join("run/s.sock"),
        gateway_id: "gw-1".to_owned(),
        driver_uid: std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&lab).unwrap()),
        mode: Mode::Enforce,
        timeout: "2s".to_owned(),
        settings_dir: None,
    };
    let hook = Hook::connect(config.settings(Recipe::V2026_08).unwrap())
        .await
        .unwrap();
    let state = Arc::get_mut(&mut on).expect("nobody else has it yet");
    state.policy_signing = Some(Arc::new(hook));
    let mut served = get_config(&on).await;
    for _ in 0..200 {
        if served.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        served = get_config(&on).await;
    }
    let served = served.expect("everything is approved");
    assert!(served.metadata().get_bin(RECEIPT_METADATA).is_some());
    assert_eq!(
        served.into_inner(),
        get_config(&off).await.unwrap().into_inner()
    );
    get_environment(&on).await.unwrap();
    cost(&off, &on).await;

    // Somebody points the provider at another profile, and then edits the row too; its
    // hash is made to fit.
    for state in [&off, &on] {
        let mut swapped = state
            .store
            .get_message_by_name::<Provider>("default", "my-forge")
            .await
            .unwrap()
            .unwrap();
        swapped.r#type = "github".to_owned();
        state.store.put_message(&swapped).await.unwrap();
    }
    refused_by_the_driver(&off, &on).await;
    let edited = policy("evil.example.com");
    let payload = edited.encode_to_vec();
    for state in [&off, &on] {
        let store = &state.store;
        let written = store.put_policy_revision("edited", ID, "default", 9, &payload, "hash");
        written.await.unwrap();
    }
    refused_by_the_driver(&off, &on).await;
}

async fn refused_by_the_driver(off: &Arc<ServerState>, on: &Arc<ServerState>) {
    assert_eq!(code(&get_config(off).await), Code::Ok);
    assert_eq!(code(&get_environment(off).await), Code::Ok);
    for refused in [get_config(on).await.map(|_| ()), get_environment(on).await] {
        let status = refused.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
        println!("refused: {}", status.message());
        assert!(!status.message().contains("evil.example.com"));
    }
}

/// Puts the documents of the sandbox where people approve them.
async fn submit(state: &Arc<ServerState>, lab: &std::path::Path) {
    let sandbox = sandbox();
    let catalog = catalog(state).await;
    let effective = super::super::current_effective_policy_for_sandbox(
        state, &catalog, "default", &sandbox, ID,
    )
    .await
    .unwrap();
    let providers = attached(state, &sandbox).await.unwrap();
    let parts = reread(state, &catalog, &sandbox, &providers, &effective)
        .await
        .unwrap();
    let mut documents = vec![
        (Role::SandboxPolicy, parts.source.unwrap()),
        (Role::Settings, parts.settings.unwrap()),
    ];
    documents.extend(
        parts
            .layers
            .into_iter()
            .map(|l| (Role::ProviderProfile, l.profile)),
    );
    for (i, (role, message)) in documents.into_iter().enumerate() {
        let document = Document::new(role, message).unwrap();
        std::fs::write(lab.join(format!("documents/{i}.json")), document.body()).unwrap();
    }
}

/// What the hook adds to a call: rounds in turn, ratios within a round.
async fn cost(off: &Arc<ServerState>, on: &Arc<ServerState>) {
    const ROUNDS: usize = 21;
    const CALLS: usize = 300;
    let mut ratios = [Vec::new(), Vec::new()];
    let mut added = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        let mut times = [Vec::new(), Vec::new()];
        for turn in 0..2 {
            let side = (turn + round) % 2;
            for _ in 0..CALLS {
                let sandbox_id = ID.to_owned();
                let request = from_user(GetSandboxConfigRequest { sandbox_id });
                let begin = std::time::Instant::now();
                handle_get_sandbox_config([off, on][side], request)
                    .await
                    .unwrap();
                times[side].push(begin.elapsed());
            }
            times[side].sort();
        }
        for (i, rank) in [CALLS / 2, CALLS * 99 / 100].into_iter().enumerate() {
            let (without, with) = (times[0][rank], times[1][rank]);
            ratios[i].push(with.as_secs_f64() / without.as_secs_f64());
            added[i].push((with.as_secs_f64() - without.as_secs_f64()) * 1e6);
        }
    }
    for (i, name) in ["p50", "p99"].into_iter().enumerate() {
        ratios[i].sort_by(f64::total_cmp);
        added[i].sort_by(f64::total_cmp);
        let quartiles = |v: &Vec<f64>| [v[ROUNDS / 2], v[ROUNDS / 4], v[ROUNDS * 3 / 4]];
        let ([ratio, low, high], [us, us_low, us_high]) =
            (quartiles(&ratios[i]), quartiles(&added[i]));
        println!(
            "{name}: with / without {ratio:.2} [{low:.2}-{high:.2}], added {us:.0} µs [{us_low:.0}-{us_high:.0}]"
        );
    }
}
