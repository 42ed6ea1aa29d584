// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A6: settings that are about to change, by a setting, by a policy for all sandboxes, or
//! by one that names other middleware services. What people approve is all that a sandbox
//! obeys, so each sandbox that the change reaches is asked about, with what its settings
//! become; while there is none, the gateway's own place.

use openshell_core::proto::{Sandbox, SandboxPolicy};
use openshell_policy_signing::{Hook, HostNames, Sandbox as Place};
use prost::Message as _;
use serde_json::Value;
use tonic::Status;

use super::{Judged, or_observe, own_policy, place};
use crate::ServerState;
use crate::grpc::policy::{
    POLICY_SETTING_KEY, bool_setting_enabled, decode_policy_from_global_settings,
    load_global_settings, load_sandbox_settings, merge_effective_settings, upsert_setting_value,
};
use crate::grpc::{MAX_PAGE_SIZE, StoredSettingValue, StoredSettings};
use crate::persistence::{ObjectName, ObjectWorkspace};

const SEAM: &str = "admit_setting";

/// The settings of a gateway and of one of its sandboxes.
type Both<'a> = (&'a StoredSettings, &'a StoredSettings);

/// Global settings that are about to be stored: every sandbox obeys them.
pub(in crate::grpc) async fn admit_global_settings(
    state: &ServerState,
    after: &StoredSettings,
) -> Result<(), Status> {
    let Some(hook) = state.policy_signing.as_deref() else {
        return Ok(());
    };
    let store = state.store.as_ref();
    let before = load_global_settings(store).await?;
    let mut offset = 0;
    loop {
        let page = store
            .list_all_messages::<Sandbox>(MAX_PAGE_SIZE, offset)
            .await
            .map_err(|e| Status::internal(format!("list sandboxes failed: {e}")))?;
        let length = u32::try_from(page.len()).unwrap_or(MAX_PAGE_SIZE);
        for sandbox in page {
            let own =
                load_sandbox_settings(store, sandbox.object_workspace(), sandbox.object_name())
                    .await?;
            let source = own_policy(store, &sandbox).await?;
            let (was, becomes) = (
                (&before, &own, source.as_ref()),
                (after, &own, source.as_ref()),
            );
            admit_change(state, hook, &place(&sandbox), was, becomes).await?;
        }
        offset += length;
        if length < MAX_PAGE_SIZE {
            break;
        }
    }
    if offset > 0 {
        return Ok(());
    }
    let own = StoredSettings::default();
    let (was, becomes) = ((&before, &own, None), (after, &own, None));
    admit_change(state, hook, &Place::default(), was, becomes).await
}

/// A policy for all sandboxes, that is about to be stored: their settings say whose policy
/// they have.
pub(super) async fn admit_global_source(
    state: &ServerState,
    policy: &SandboxPolicy,
) -> Result<(), Status> {
    if state.policy_signing.is_none() {
        return Ok(());
    }
    let mut after = load_global_settings(state.store.as_ref()).await?;
    let stored = StoredSettingValue::Bytes(hex::encode(policy.encode_to_vec()));
    upsert_setting_value(&mut after.settings, POLICY_SETTING_KEY, stored);
    admit_global_settings(state, &after).await
}

/// A sandbox's own settings that are about to be stored.
pub(in crate::grpc) async fn admit_sandbox_settings(
    state: &ServerState,
    sandbox: &Sandbox,
    after: &StoredSettings,
) -> Result<(), Status> {
    let Some(hook) = state.policy_signing.as_deref() else {
        return Ok(());
    };
    let store = state.store.as_ref();
    let global = load_global_settings(store).await?;
    let before =
        load_sandbox_settings(store, sandbox.object_workspace(), sandbox.object_name()).await?;
    let source = own_policy(store, sandbox).await?;
    let (was, becomes) = (
        (&global, &before, source.as_ref()),
        (&global, after, source.as_ref()),
    );
    admit_change(state, hook, &place(sandbox), was, becomes).await
}

/// A sandbox's policy that is about to be stored: it may name other middleware services.
pub(super) async fn admit_services(
    state: &ServerState,
    workspace: &str,
    name: &str,
    policy: &SandboxPolicy,
) -> Result<(), Status> {
    let Some(hook) = state.policy_signing.as_deref() else {
        return Ok(());
    };
    let store = state.store.as_ref();
    let sandbox = store
        .get_message_by_name::<Sandbox>(workspace, name)
        .await
        .map_err(|e| Status::internal(format!("fetch sandbox failed: {e}")))?
        .ok_or_else(|| Status::not_found("sandbox not found"))?;
    let global = load_global_settings(store).await?;
    let own = load_sandbox_settings(store, workspace, name).await?;
    let source = own_policy(store, &sandbox).await?;
    let (was, becomes) = (
        (&global, &own, source.as_ref()),
        (&global, &own, Some(policy)),
    );
    admit_change(state, hook, &place(&sandbox), was, becomes).await
}

/// The settings that a sandbox will obey, and whether the gateway has a policy for it.
pub(super) async fn settings_of_new(
    state: &ServerState,
    workspace: &str,
    name: &str,
    policy: Option<&SandboxPolicy>,
) -> Result<(Value, bool), Status> {
    let store = state.store.as_ref();
    let global = load_global_settings(store).await?;
    let own = load_sandbox_settings(store, workspace, name).await?;
    let is_global = decode_policy_from_global_settings(&global)?.is_some();
    Ok((message(state, (&global, &own), policy)?, is_global))
}

/// Settings, and the policy that a sandbox has where the gateway has none for all.
type Obeyed<'a> = (
    &'a StoredSettings,
    &'a StoredSettings,
    Option<&'a SandboxPolicy>,
);

async fn admit_change(
    state: &ServerState,
    hook: &Hook,
    place: &Place,
    (global_was, own_was, source_was): Obeyed<'_>,
    (global, own, source): Obeyed<'_>,
) -> Result<(), Status> {
    let both = message(state, (global_was, own_was), source_was)
        .and_then(|was| Ok((was, message(state, (global, own), source)?)));
    let Some((was, becomes)) = or_observe(hook, SEAM, both)? else {
        return Ok(());
    };
    hook.admit_settings(place, was, becomes).await
}

/// The settings document of a sandbox under these settings. Which middleware services it
/// is told of goes by its source policy: providers bring none.
fn message(
    state: &ServerState,
    (global, own): Both<'_>,
    own_source: Option<&SandboxPolicy>,
) -> Result<Value, Status> {
    let policy = decode_policy_from_global_settings(global)?;
    let services = state
        .middleware_registry
        .required_services(policy.as_ref().or(own_source));
    let key = openshell_core::settings::PROVIDERS_V2_ENABLED_KEY;
    let judged = Judged {
        source: None,
        source_is_global: policy.is_some(),
        effective: None,
        providers_v2_enabled: bool_setting_enabled(global, key)?,
        settings: &merge_effective_settings(global, own)?,
        middleware_services: &services,
        host: HostNames::default(),
    };
    Ok(judged.settings_document(state))
}
