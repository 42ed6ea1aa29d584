// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Where this gateway asks its policy signing driver.
//!
//! Two read seams are the boundary: [`serve_config`] judges the configuration that is
//! about to be returned, [`before_credentials`] the policy under which credentials are
//! about to be resolved. The others are early feedback. Without
//! `[openshell.gateway.policy_signing]` each of them returns at once.

use std::borrow::Borrow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use openshell_core::proto::{
    EffectiveSetting, GetSandboxConfigResponse, PolicySource, Provider, ProviderProfile, Sandbox,
    SandboxPolicy, SupervisorMiddlewareService, setting_value,
};
use openshell_core::{Error, settings};
use openshell_gateway_interceptors::ProtoJsonCodec;
use openshell_policy_signing::{
    GatewaySettings, Hook, HostNames, MiddlewareService, Mode, NONCE_METADATA, Parts, ProfileLayer,
    RECEIPT_METADATA, Recipe, Role, Sandbox as Place, SettingValue,
};
use openshell_providers::{ProviderTypeProfile, normalize_profile_id, normalize_provider_type};
use prost::Message;
use serde_json::Value;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};
use tracing::warn;

use crate::ServerState;
use crate::config_file::ConfigFile;
use crate::grpc::provider::ProviderEnvironmentRecord;
use crate::persistence::{ObjectId, ObjectName, ObjectWorkspace, Store};
use crate::policy_store::PolicyStoreExt;
use crate::provider_profile_sources::{EffectiveProviderProfileCatalog, ProfileScope};

mod sandbox_creation;
mod setting_writes;

pub(in crate::grpc) use sandbox_creation::admit_sandbox;
pub(super) use setting_writes::{admit_global_settings, admit_sandbox_settings};

const POLICY_TYPE: &str = "openshell.sandbox.v1.SandboxPolicy";
const PROFILE_TYPE: &str = "openshell.v1.ProviderProfile";

/// Connects to the driver that the configuration names. Without the table there is
/// none; with one that cannot be reached the gateway does not start.
pub async fn connect(file: Option<&ConfigFile>) -> Result<Option<Arc<Hook>>, Error> {
    let Some(table) = file.and_then(|file| file.openshell.gateway.policy_signing.as_ref()) else {
        return Ok(None);
    };
    let settings = table
        .settings(Recipe::V2026_08)
        .map_err(|e| Error::config(e.to_string()))?;
    let hook = Hook::connect(settings)
        .await
        .map_err(|e| Error::config(format!("policy signing: {e}")))?
        .observed_by(|seam, outcome| {
            metrics::counter!("openshell_policy_signing_decisions_total",
                "seam" => seam, "outcome" => outcome.label())
            .increment(1);
        });
    Ok(Some(Arc::new(hook)))
}

/// Keeps the source policy of a configuration, as it is before layers are inserted.
pub(super) fn source(state: &ServerState, policy: Option<&SandboxPolicy>) -> Option<SandboxPolicy> {
    state.policy_signing.as_ref().and_then(|_| policy.cloned())
}

/// The nonce of a supervisor that will check a receipt.
pub(super) fn nonce<T>(request: &Request<T>) -> Option<Bytes> {
    let nonce = request.metadata().get_bin(NONCE_METADATA)?;
    // A nonce that cannot be read is one of no bytes: refused for its length.
    Some(nonce.to_bytes().unwrap_or_default())
}

/// J1: judges the configuration that is about to be served. A receipt travels beside
/// it as metadata; the message stays what it is.
pub(super) async fn serve_config(
    state: &ServerState,
    sandbox: &Sandbox,
    catalog: &EffectiveProviderProfileCatalog,
    source: Option<SandboxPolicy>,
    providers_v2_enabled: bool,
    nonce: Option<Bytes>,
    response: Result<Response<GetSandboxConfigResponse>, Status>,
) -> Result<Response<GetSandboxConfigResponse>, Status> {
    const SEAM: &str = "get_sandbox_config";
    let mut response = response?;
    let Some(hook) = state.policy_signing.as_deref() else {
        return Ok(response);
    };
    let config = response.get_ref();
    let judged = Judged {
        source: source.as_ref(),
        source_is_global: config.policy_source == i32::from(PolicySource::Global),
        effective: config.policy.as_ref(),
        providers_v2_enabled,
        settings: &config.settings,
        middleware_services: &config.supervisor_middleware_services,
        host: HostNames {
            policy_hash: config.policy_hash.clone(),
            policy_version: config.version.into(),
            config_revision: config.config_revision,
        },
    };
    let parts = attached(state, sandbox)
        .await
        .and_then(|providers| judged.parts(state, catalog, &providers));
    let Some(parts) = or_observe(hook, SEAM, parts)? else {
        return Ok(response);
    };
    if let Some(receipt) = hook.attest(SEAM, &place(sandbox), parts, nonce).await? {
        let receipt = MetadataValue::from_bytes(&receipt);
        response
            .metadata_mut()
            .insert_bin(RECEIPT_METADATA, receipt);
    }
    Ok(response)
}

/// J2: judges the policy under which credentials are about to be resolved, and the
/// profiles of the very records that they are resolved from. The other parts are read
/// again; whatever they are, they must compose to this policy.
pub(super) async fn before_credentials(
    state: &ServerState,
    catalog: &EffectiveProviderProfileCatalog,
    sandbox: &Sandbox,
    records: &[ProviderEnvironmentRecord],
    effective: &SandboxPolicy,
) -> Result<(), Status> {
    const SEAM: &str = "get_sandbox_provider_environment";
    let Some(hook) = state.policy_signing.as_deref() else {
        return Ok(());
    };
    let providers: Vec<_> = records.iter().map(|record| &record.provider).collect();
    let parts = reread(state, catalog, sandbox, &providers, effective).await;
    let Some(parts) = or_observe(hook, SEAM, parts)? else {
        return Ok(());
    };
    let Err(refused) = hook.compose(SEAM, &place(sandbox), parts).await else {
        return Ok(());
    };
    // Somebody may have changed a part between the two readings: then the caller asks
    // again, instead of being told that its policy is wrong.
    let workspace = sandbox.object_workspace();
    let id = sandbox.object_id();
    let again =
        super::current_effective_policy_for_sandbox(state, catalog, workspace, sandbox, id).await?;
    if again == *effective {
        return Err(refused);
    }
    Err(Status::unavailable(
        "the policy changed while it was read; ask again",
    ))
}

/// A3: a sandbox's policy that is about to be stored, and the settings that change with it.
pub(in crate::grpc) async fn admit_policy(
    state: &ServerState,
    workspace: &str,
    name: &str,
    policy: Option<&SandboxPolicy>,
) -> Result<(), Status> {
    let sandbox = Place {
        workspace: workspace.to_owned(),
        name: name.to_owned(),
        ..Default::default()
    };
    let (hook, role) = (state.policy_signing.as_deref(), Role::SandboxPolicy);
    admit(hook, "admit_policy", &sandbox, role, POLICY_TYPE, policy).await?;
    match policy {
        Some(policy) => setting_writes::admit_services(state, workspace, name, policy).await,
        None => Ok(()),
    }
}

/// A2: a global policy that is about to be stored, and the settings that change with it.
pub(super) async fn admit_global_policy(
    state: &ServerState,
    policy: &SandboxPolicy,
) -> Result<(), Status> {
    let hook = state.policy_signing.as_deref();
    let (nobody, role) = (Place::default(), Role::GlobalPolicy);
    admit(
        hook,
        "admit_global_policy",
        &nobody,
        role,
        POLICY_TYPE,
        Some(policy),
    )
    .await?;
    setting_writes::admit_global_source(state, policy).await
}

/// A5: a provider profile that is about to be stored for a workspace, or for the
/// whole gateway when that is empty.
pub(in crate::grpc) async fn admit_profile(
    state: &ServerState,
    workspace: &str,
    profile: Option<&ProviderProfile>,
) -> Result<(), Status> {
    let sandbox = Place {
        workspace: workspace.to_owned(),
        ..Default::default()
    };
    let (hook, role) = (state.policy_signing.as_deref(), Role::ProviderProfile);
    admit(hook, "admit_profile", &sandbox, role, PROFILE_TYPE, profile).await
}

/// A5: the profiles of one import, all of them before the first is stored.
pub(in crate::grpc) async fn admit_profiles(
    state: &ServerState,
    workspace: &str,
    profiles: &[(String, ProviderTypeProfile)],
) -> Result<(), Status> {
    for (_, profile) in profiles {
        admit_profile(state, workspace, Some(&profile.to_proto())).await?;
    }
    Ok(())
}

/// What a merge needs to know to ask about its result: it has a store but no state.
#[derive(Clone, Default)]
pub(super) struct Merges(Option<(Arc<Hook>, Place)>);

impl Merges {
    pub(super) fn of(state: &ServerState, sandbox: &Sandbox) -> Self {
        let hook = state.policy_signing.clone();
        Self(hook.map(|hook| (hook, place(sandbox))))
    }

    /// A4: the result of a merge that is about to be stored.
    pub(super) async fn admit(&self, policy: &SandboxPolicy) -> Result<(), Status> {
        let Some((hook, sandbox)) = &self.0 else {
            return Ok(());
        };
        let (hook, role) = (Some(&**hook), Role::SandboxPolicy);
        admit(
            hook,
            "admit_merge",
            sandbox,
            role,
            POLICY_TYPE,
            Some(policy),
        )
        .await
    }
}

async fn admit<M: Message>(
    hook: Option<&Hook>,
    seam: &'static str,
    sandbox: &Place,
    role: Role,
    type_name: &str,
    message: Option<&M>,
) -> Result<(), Status> {
    let (Some(hook), Some(message)) = (hook, message) else {
        return Ok(());
    };
    let Some(message) = or_observe(hook, seam, proto_json(type_name, message))? else {
        return Ok(());
    };
    let scope = match role {
        Role::ProviderProfile => sandbox.workspace.clone(),
        _ => String::new(),
    };
    hook.admit(seam, sandbox, role, message, &scope).await
}

/// A policy about to be used, with what the handler knows about it.
struct Judged<'a> {
    source: Option<&'a SandboxPolicy>,
    source_is_global: bool,
    effective: Option<&'a SandboxPolicy>,
    providers_v2_enabled: bool,
    settings: &'a std::collections::HashMap<String, EffectiveSetting>,
    middleware_services: &'a [SupervisorMiddlewareService],
    host: HostNames,
}

impl Judged<'_> {
    fn parts<P: Borrow<Provider>>(
        self,
        state: &ServerState,
        catalog: &EffectiveProviderProfileCatalog,
        providers: &[P],
    ) -> Result<Parts, Status> {
        let policy = |policy: &SandboxPolicy| proto_json(POLICY_TYPE, policy);
        let (layers, without_profile) = layers(catalog, providers)?;
        Ok(Parts {
            source: self.source.map(policy).transpose()?,
            source_is_global: self.source_is_global,
            layers,
            without_profile,
            settings: Some(self.settings_document(state)),
            effective: self.effective.map(policy).transpose()?,
            providers_v2_enabled: self.providers_v2_enabled,
            host: self.host,
        })
    }

    /// What the sandbox obeys beside its policy.
    fn settings_document(&self, state: &ServerState) -> Value {
        let configured = |(key, setting): (&String, &EffectiveSetting)| {
            Some((key.clone(), setting_value_of(setting)?))
        };
        GatewaySettings {
            policy_is_global: self.source_is_global,
            providers_v2_enabled: Some(self.providers_v2_enabled),
            policy_validation_failure_mode: state
                .config
                .policy_validation_failure_mode
                .as_str()
                .to_owned(),
            extension_authentication_enabled: state.sandbox_jwt_issuer.is_some(),
            settings: self.settings.iter().filter_map(configured).collect(),
            middleware_services: self.middleware_services.iter().map(service_of).collect(),
        }
        .message()
    }
}

/// A configured setting; none for a key without a value.
fn setting_value_of(setting: &EffectiveSetting) -> Option<SettingValue> {
    Some(match setting.value.as_ref()?.value.as_ref()? {
        setting_value::Value::StringValue(text) => SettingValue::Text(text.clone()),
        setting_value::Value::BoolValue(flag) => SettingValue::Flag(*flag),
        setting_value::Value::IntValue(number) => SettingValue::Whole(*number),
        setting_value::Value::BytesValue(bytes) => SettingValue::Bytes(bytes.to_vec()),
    })
}

fn service_of(service: &SupervisorMiddlewareService) -> MiddlewareService {
    MiddlewareService {
        name: service.name.clone(),
        endpoint: service.grpc_endpoint.clone(),
        allow_insecure_transport: service.allow_insecure_transport,
        ca_pem: service.tls_ca_cert_pem.to_vec(),
    }
}

/// The attached providers, in attachment order.
async fn attached(state: &ServerState, sandbox: &Sandbox) -> Result<Vec<Provider>, Status> {
    let names = sandbox.spec.as_ref().map(|spec| spec.providers.as_slice());
    let workspace = sandbox.object_workspace();
    let mut providers = Vec::new();
    for name in names.unwrap_or_default() {
        let provider = state
            .store
            .get_message_by_name::<Provider>(workspace, name)
            .await
            .map_err(|e| Status::internal(format!("fetch provider '{name}' failed: {e}")))?
            .ok_or_else(|| Status::failed_precondition(format!("provider '{name}' not found")))?;
        providers.push(provider);
    }
    Ok(providers)
}

/// The profile of every provider that has one, and the names of those that have none.
pub(crate) fn layers<P: Borrow<Provider>>(
    catalog: &EffectiveProviderProfileCatalog,
    providers: &[P],
) -> Result<(Vec<ProfileLayer>, Vec<String>), Status> {
    let (mut layers, mut without) = (Vec::new(), Vec::new());
    for provider in providers {
        let provider: &Provider = provider.borrow();
        let provider_type = provider.r#type.trim();
        let id = normalize_provider_type(provider_type).unwrap_or(provider_type);
        let scope = &provider.profile_workspace;
        let Some(profile) = catalog.get_type_profile_for_scope(id, scope) else {
            without.push(provider.object_name().to_owned()); // no layer, nothing to judge
            continue;
        };
        layers.push(ProfileLayer {
            provider: provider.object_name().to_owned(),
            workspace: profile_workspace(catalog, id, scope),
            profile: proto_json(PROFILE_TYPE, &profile.to_proto())?,
            no_layer: None, // this line has none
        });
    }
    Ok((layers, without))
}

/// The workspace that the profile in use belongs to; empty for one of the gateway.
fn profile_workspace(
    catalog: &EffectiveProviderProfileCatalog,
    id: &str,
    provider_scope: &str,
) -> String {
    if provider_scope.is_empty() {
        return String::new();
    }
    let id = normalize_profile_id(id);
    let in_use = catalog
        .list_all_scoped_profiles()
        .into_iter()
        .find(|(_, profile)| normalize_profile_id(&profile.id) == id);
    match in_use {
        Some((ProfileScope::Workspace, _)) => provider_scope.to_owned(),
        _ => String::new(),
    }
}

/// Reads the parts of a sandbox's policy from the store, but for the providers.
async fn reread<P: Borrow<Provider> + Sync>(
    state: &ServerState,
    catalog: &EffectiveProviderProfileCatalog,
    sandbox: &Sandbox,
    providers: &[P],
    effective: &SandboxPolicy,
) -> Result<Parts, Status> {
    let store = state.store.as_ref();
    let own = own_policy(store, sandbox).await?;
    let global_settings = super::load_global_settings(store).await?;
    let global = super::decode_policy_from_global_settings(&global_settings)?;
    let source_is_global = global.is_some();
    let workspace = sandbox.object_workspace();
    let own_settings =
        super::load_sandbox_settings(store, workspace, sandbox.object_name()).await?;
    let settings = super::merge_effective_settings(&global_settings, &own_settings)?;
    let services = state.middleware_registry.required_services(Some(effective));
    let key = settings::PROVIDERS_V2_ENABLED_KEY;
    Judged {
        source: global.or(own).as_ref(),
        source_is_global,
        effective: Some(effective),
        providers_v2_enabled: super::bool_setting_enabled(&global_settings, key)?,
        settings: &settings,
        middleware_services: &services,
        host: HostNames::default(),
    }
    .parts(state, catalog, providers)
}

/// The sandbox's own policy: its latest revision, or that of its spec.
async fn own_policy(store: &Store, sandbox: &Sandbox) -> Result<Option<SandboxPolicy>, Status> {
    let latest = store
        .get_latest_policy(sandbox.object_id())
        .await
        .map_err(|e| Status::internal(format!("fetch policy failed: {e}")))?;
    match latest {
        Some(record) => SandboxPolicy::decode(record.policy_payload.as_slice())
            .map(Some)
            .map_err(|e| Status::internal(format!("decode policy failed: {e}"))),
        None => Ok(sandbox.spec.as_ref().and_then(|spec| spec.policy.clone())),
    }
}

fn place(sandbox: &Sandbox) -> Place {
    Place {
        workspace: sandbox.object_workspace().to_owned(),
        id: sandbox.object_id().to_owned(),
        name: sandbox.object_name().to_owned(),
    }
}

fn proto_json<M: Message>(type_name: &str, message: &M) -> Result<Value, Status> {
    static CODEC: OnceLock<Option<ProtoJsonCodec>> = OnceLock::new();
    let failed = || Status::internal(format!("{type_name} has no ProtoJSON"));
    CODEC
        .get_or_init(|| ProtoJsonCodec::openshell().ok())
        .as_ref()
        .ok_or_else(failed)?
        .decode_message_to_json(type_name, message)
        .map_err(|_| failed())
}

/// What kept a question from being asked refuses like an answer would; while only
/// observing it is said loudly.
pub(crate) fn or_observe<T>(
    hook: &Hook,
    seam: &'static str,
    result: Result<T, Status>,
) -> Result<Option<T>, Status> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(status) if hook.mode() == Mode::Observe => {
            warn!(seam, code = ?status.code(), "policy signing could not ask; SERVED because mode = \"observe\"");
            Ok(None)
        }
        Err(status) => Err(status),
    }
}

#[cfg(test)]
mod tests;
