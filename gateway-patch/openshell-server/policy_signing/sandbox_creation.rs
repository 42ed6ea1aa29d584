// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A1: a sandbox that is about to be created.

use openshell_core::proto::SandboxPolicy;
use openshell_policy_signing::Sandbox as Place;
use tonic::{Code, Status};

use super::admit_policy;
use crate::ServerState;
use crate::grpc::policy::{decode_policy_from_global_settings, load_global_settings};

const WITHOUT: &str = "a sandbox without a policy never starts: create it with one";

/// Whoever would sign for a generated name signs for one that the next try has not.
const GENERATED: &str = "its name was generated and the next try will have another: name the sandbox, and have its policy approved for that name";

/// A1: a sandbox that is about to be created. Without a policy of its own or of the
/// gateway it could never start: the driver refuses what has no source.
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
    if policy.is_none() {
        let global = load_global_settings(state.store.as_ref()).await?;
        if decode_policy_from_global_settings(&global)?.is_some() {
            return Ok(());
        }
        let sandbox = Place {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            ..Default::default()
        };
        let refused = hook.missing("admit_policy", &sandbox, WITHOUT);
        return refused.map_err(|status| saying(&status, WITHOUT));
    }
    let admitted = admit_policy(state, workspace, name, policy).await;
    admitted.map_err(|status| {
        if generated {
            saying(&status, GENERATED)
        } else {
            status
        }
    })
}

/// A refusal that also says what its caller can do.
fn saying(status: &Status, what: &str) -> Status {
    match status.code() {
        code @ Code::FailedPrecondition => {
            Status::new(code, format!("{}; {what}", status.message()))
        }
        code => Status::new(code, status.message()),
    }
}
