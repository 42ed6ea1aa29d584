// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A1: a sandbox that is about to be created.

use openshell_core::proto::SandboxPolicy;
use openshell_policy_signing::{Creation, Sandbox as Place};
use tonic::Status;

use super::setting_writes::settings_of_new;
use super::{POLICY_TYPE, or_observe, proto_json};
use crate::ServerState;

/// A1: a sandbox that is about to be created: its policy, and the settings that it will
/// obey. Without a policy of its own or of the gateway it could never start.
pub(in crate::grpc) async fn admit_sandbox(
    state: &ServerState,
    workspace: &str,
    name: &str,
    generated: bool,
    policy: Option<&SandboxPolicy>,
) -> Result<(), Status> {
    let Some(hook) = state.policy_signing.as_deref() else {
        return Ok(());
    };
    let settled = settings_of_new(state, workspace, name, policy).await;
    let parts = settled.and_then(|settled| {
        let policy = policy.map(|policy| proto_json(POLICY_TYPE, policy));
        Ok((settled, policy.transpose()?))
    });
    let Some(((settings, source_is_global), policy)) = or_observe(hook, "admit_policy", parts)?
    else {
        return Ok(());
    };
    hook.admit_sandbox(Creation {
        sandbox: Place {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            ..Default::default()
        },
        name_is_generated: generated,
        policy,
        source_is_global,
        settings,
    })
    .await
}
