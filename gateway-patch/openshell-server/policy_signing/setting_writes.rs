// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A6: a setting that is about to be stored. What people approve is all that a sandbox
//! obeys, so each sandbox that the change reaches is asked about, with what its settings
//! become. Where there is none yet nobody is asked: J1 judges what is created later.

use openshell_core::proto::Sandbox;
use openshell_policy_signing::{Hook, HostNames, Role};
use serde_json::Value;
use tonic::{Code, Status};
use tracing::warn;

use super::{Judged, own_policy, place};
use crate::ServerState;
use crate::grpc::policy::{
    bool_setting_enabled, decode_policy_from_global_settings, load_global_settings,
    load_sandbox_settings, merge_effective_settings,
};
use crate::grpc::{MAX_PAGE_SIZE, StoredSettings};
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
            admit_change(state, hook, &sandbox, (&before, &own), (after, &own)).await?;
        }
        if length < MAX_PAGE_SIZE {
            return Ok(());
        }
        offset += length;
    }
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
    admit_change(state, hook, sandbox, (&global, &before), (&global, after)).await
}

/// A change that leaves a sandbox refused is refused, unless it was refused before: else
/// two wrong settings could never be mended, one at a time.
async fn admit_change(
    state: &ServerState,
    hook: &Hook,
    sandbox: &Sandbox,
    before: Both<'_>,
    after: Both<'_>,
) -> Result<(), Status> {
    let was = message(state, sandbox, before).await?;
    let becomes = message(state, sandbox, after).await?;
    if was == becomes {
        return Ok(());
    }
    let place = place(sandbox);
    let admit = async |message| hook.admit(SEAM, &place, Role::Settings, message, "").await;
    let Err(refused) = admit(becomes).await else {
        return Ok(());
    };
    if refused.code() != Code::FailedPrecondition {
        return Err(refused);
    }
    match admit(was).await {
        Err(before) if before.code() == Code::FailedPrecondition => {
            warn!(sandbox_id = ?place.id, "this sandbox's settings were refused before the change, and are after it");
            Ok(())
        }
        _ => Err(refused),
    }
}

/// The settings document of a sandbox under these settings. Which middleware services it
/// is told of goes by its source policy: providers bring none.
async fn message(
    state: &ServerState,
    sandbox: &Sandbox,
    (global, own): Both<'_>,
) -> Result<Value, Status> {
    let policy = decode_policy_from_global_settings(global)?;
    let source_is_global = policy.is_some();
    let source = match policy {
        Some(policy) => Some(policy),
        None => own_policy(state.store.as_ref(), sandbox).await?,
    };
    let key = openshell_core::settings::PROVIDERS_V2_ENABLED_KEY;
    let services = state.middleware_registry.required_services(source.as_ref());
    let judged = Judged {
        source: None,
        source_is_global,
        effective: None,
        providers_v2_enabled: bool_setting_enabled(global, key)?,
        settings: &merge_effective_settings(global, own)?,
        middleware_services: &services,
        host: HostNames::default(),
    };
    Ok(judged.settings_document(state))
}
