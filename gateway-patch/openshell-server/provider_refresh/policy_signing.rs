// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! M1: where this gateway mints credentials, by the worker's sweep and for
//! `RotateProviderCredential` alike. What is judged is the state that is minted from,
//! its secret material resolved: a tenant may be among that, and decides the URL.

use std::sync::Arc;

use openshell_core::proto::{
    Provider, ProviderCredentialRefreshStrategy as Strategy, StoredProviderCredentialRefreshState,
};
use openshell_policy_signing::{Hook, Minting, before_minting};
use tonic::Status;

use crate::ServerState;
use crate::grpc::policy::policy_signing::{layers, or_observe};
use crate::persistence::{ObjectWorkspace, Store};
use crate::provider_profile_sources::ProviderProfileSources;

/// What minting needs to ask: it has a store and the credentials' runtime, but no state.
#[derive(Debug, Clone)]
pub struct Mints {
    hook: Arc<Hook>,
    sources: ProviderProfileSources,
}

impl Mints {
    /// Of a gateway whose state is complete; none where the hook is off.
    pub(crate) fn of(state: &ServerState) -> Option<Self> {
        let hook = state.policy_signing.clone()?;
        let sources = state.provider_profile_sources.clone();
        Some(Self { hook, sources })
    }
}

/// Judges a credential that is about to be minted from this state.
pub(super) async fn judge(
    mints: Option<&Mints>,
    store: &Store,
    provider: &Provider,
    resolved: &StoredProviderCredentialRefreshState,
) -> Result<(), Status> {
    let Some(Mints { hook, sources }) = mints else {
        return Ok(());
    };
    let minting = minting(sources, store, provider, resolved).await;
    match or_observe(hook, "mint_credential", minting)? {
        Some(minting) => before_minting(Some(hook), &minting).await,
        None => Ok(()),
    }
}

async fn minting(
    sources: &ProviderProfileSources,
    store: &Store,
    provider: &Provider,
    resolved: &StoredProviderCredentialRefreshState,
) -> Result<Minting, Status> {
    let workspace = provider.object_workspace();
    let catalog = sources.snapshot_catalog(store, workspace).await?;
    let (mut layers, _) = layers(&catalog, &[provider])?;
    let in_use = layers.pop();
    let (profile, profile_workspace) = in_use.map(|layer| (layer.profile, layer.workspace)).unzip();
    let strategy = Strategy::try_from(resolved.strategy).unwrap_or(Strategy::Unspecified);
    let token_url = match strategy {
        Strategy::Oauth2RefreshToken | Strategy::Oauth2ClientCredentials => {
            super::oauth2_token_url(resolved)?
        }
        Strategy::GoogleServiceAccountJwt => super::google_token_url(resolved),
        Strategy::AwsStsAssumeRole
        | Strategy::External
        | Strategy::Static
        | Strategy::Unspecified => String::new(),
    };
    Ok(Minting {
        workspace: workspace.to_owned(),
        profile,
        profile_workspace: profile_workspace.unwrap_or_default(),
        credential: resolved.credential_key.clone(),
        strategy: strategy.as_str_name().to_owned(),
        token_url,
        scopes: super::refresh_scopes(resolved),
    })
}
