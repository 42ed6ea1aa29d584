// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The seams of a gateway from `OpenShell` 0.1.0 on, against what they take from it.
//!
//! They stand in what *builds* configurations and provider environments, not in the
//! handlers: there polling, push, readiness and status go through one place, and are
//! judged there. None of them remembers an answer.
//!
//! | seam | where | refused |
//! |---|---|---|
//! | J1 [`judge_configuration`] | a configuration is complete | no policy, and the reason as its error |
//! | J2 [`before_credentials`] | before a provider environment is resolved | `FAILED_PRECONDITION` |
//! | J3 [`before_exchange`] | before a subject token is exchanged | `FAILED_PRECONDITION` |
//!
//! Where nobody could decide, each ends with `UNAVAILABLE`: nothing is built and nothing
//! pushed, a running sandbox keeps what it has, and one that boots asks again. Only a
//! denial may quarantine a sandbox.

use bytes::Bytes;
use openshell_policy_document::GatewaySettings;
use serde_json::Value;
use tonic::{Code, Status};

use crate::hook::{Hook, Parts, ProfileLayer};
use crate::question::HostNames;
use crate::refusal::{Denial, Refusal};
use crate::target::Sandbox;

/// What a gateway has loaded to build what one sandbox is given. All of it is one
/// reading of the store: what is judged is what is used.
pub trait Inputs: Sync {
    /// The sandbox.
    fn sandbox(&self) -> Sandbox;
    /// The source policy in `ProtoJSON`, without layers and with what the gateway derives
    /// cleared.
    fn source(&self) -> Result<Option<Value>, Status>;
    /// Whether that is the policy of the global settings.
    fn source_is_global(&self) -> bool;
    /// Every attached provider that has a profile, with that profile in `ProtoJSON`, in
    /// attachment order; with why, where it inserted no layer.
    fn providers(&self) -> Result<Vec<ProfileLayer>, Status>;
    /// Every attached provider that has no profile, in attachment order.
    fn without_profile(&self) -> Vec<String>;
    /// The settings that the sandbox will obey.
    fn settings(&self) -> GatewaySettings;
    /// The effective policy in `ProtoJSON`, as it is or would be served.
    fn effective(&self) -> Result<Option<Value>, Status>;
    /// What the gateway's logs call it.
    fn names(&self) -> HostNames;
}

/// A configuration that was built: what polling answers and what is pushed.
pub trait Configuration {
    /// Whether it has a policy, or tells the sandbox that it may go on.
    fn admits(&self) -> bool;
    /// Takes the policy out, says that the configuration is not admitted, and sets the
    /// error that is shown to operators and to the sandbox.
    fn refuse(&mut self, error: &str);
}

/// J1: judges a configuration that is complete. Denied, it is still an answer, without
/// a policy and with the reason, so that the reason arrives wherever configurations
/// are shown. The receipt is for whoever sent a nonce.
pub async fn judge_configuration<C: Configuration>(
    hook: Option<&Hook>,
    inputs: &impl Inputs,
    mut built: C,
    nonce: Option<Bytes>,
) -> Result<(C, Option<Bytes>), Status> {
    const SEAM: &str = "build_configuration";
    // What the gateway itself has refused brings no policy anywhere, and its own error
    // is the better one.
    let Some(hook) = hook.filter(|_| built.admits()) else {
        return Ok((built, None));
    };
    let judged = match parts(inputs) {
        Ok(parts) => hook.attest(SEAM, &inputs.sandbox(), parts, nonce).await,
        Err(status) => hook.unasked(SEAM, &inputs.sandbox(), status).map(|()| None),
    };
    match judged {
        Ok(receipt) => Ok((built, receipt)),
        Err(status) if status.code() == Code::FailedPrecondition => {
            built.refuse(status.message());
            Ok((built, None))
        }
        Err(status) => Err(status),
    }
}

/// J2: judges the policy under which credentials are about to be resolved, from the
/// inputs that they will be resolved from.
pub async fn before_credentials(hook: Option<&Hook>, inputs: &impl Inputs) -> Result<(), Status> {
    const SEAM: &str = "build_provider_environment";
    let Some(hook) = hook else { return Ok(()) };
    match parts(inputs) {
        Ok(parts) => hook.compose(SEAM, &inputs.sandbox(), parts).await,
        Err(status) => hook.unasked(SEAM, &inputs.sandbox(), status),
    }
}

/// A token exchange that is about to be made for a sandbox.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The provider record's name.
    pub provider: String,
    /// The credential of its profile.
    pub credential: String,
    /// Where the subject token is about to be sent.
    pub token_endpoint: String,
}

/// J3: judges the policy of a sandbox that wants a subject token exchanged, and
/// compares where the token would go with the profile that was judged.
pub async fn before_exchange(
    hook: Option<&Hook>,
    inputs: &impl Inputs,
    exchange: &Exchange,
) -> Result<(), Status> {
    const SEAM: &str = "exchange_provider_subject_token";
    let Some(hook) = hook else { return Ok(()) };
    let sandbox = inputs.sandbox();
    let parts = match parts(inputs) {
        Ok(parts) => parts,
        Err(status) => return hook.unasked(SEAM, &sandbox, status),
    };
    let foreign = foreign_endpoint(&parts.layers, exchange);
    hook.compose(SEAM, &sandbox, parts).await?;
    match foreign {
        Some(refusal) => hook.refused(SEAM, &sandbox, refusal),
        None => Ok(()),
    }
}

/// A refusal, unless one of the profiles sends this credential's token there.
fn foreign_endpoint(layers: &[ProfileLayer], exchange: &Exchange) -> Option<Refusal> {
    let named = |layer: &&ProfileLayer| layer.provider == exchange.provider;
    let approved = layers.iter().filter(named).any(|layer| {
        let credentials = layer.profile["credentials"].as_array();
        credentials.into_iter().flatten().any(|credential| {
            credential["name"] == *exchange.credential
                && credential["tokenGrant"]["tokenEndpoint"] == *exchange.token_endpoint
        })
    });
    (!approved).then(|| {
        Refusal::Denied(Denial::new(
            "COMPOSITION_MISMATCH",
            "the profile that was approved sends this credential's token elsewhere, or nowhere",
            None,
        ))
    })
}

fn parts(inputs: &impl Inputs) -> Result<Parts, Status> {
    Ok(Parts {
        source: inputs.source()?,
        source_is_global: inputs.source_is_global(),
        layers: inputs.providers()?,
        without_profile: inputs.without_profile(),
        settings: Some(inputs.settings().message()),
        effective: inputs.effective()?,
        providers_v2_enabled: inputs.settings().providers_v2_enabled.unwrap_or_default(),
        host: inputs.names(),
    })
}
