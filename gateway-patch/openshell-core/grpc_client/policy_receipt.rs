// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Receipts: what a gateway sends is enforced only if a policy signing driver allowed
//! exactly that, here, for this question.
//!
//! Whether they are required is the word of `/etc/openshell/policy-receipt.toml`, of the
//! node or of the supervisor's image. Without it [`fetch`] has nothing and its callers
//! go on as they did.

use std::sync::OnceLock;
use std::time::Duration;

use miette::{IntoDiagnostic, Result};
use openshell_policy_receipt::{
    Answer, CONFIG_PATH, Document, Gate, GateError, GatewaySettings, Messages, MiddlewareService,
    NONCE_METADATA, RECEIPT_METADATA, Role, SettingValue, Statement,
};
use prost::Message as _;
use tonic::Request;
use tonic::metadata::MetadataValue;

use super::AuthedChannel;
use crate::proto::open_shell_client::OpenShellClient;
use crate::proto::{
    EffectiveSetting, GetSandboxConfigRequest, GetSandboxConfigResponse, PolicySource,
    SandboxPolicy, SupervisorMiddlewareService, setting_value,
};

const POLICY_TYPE: &str = "openshell.sandbox.v1.SandboxPolicy";

/// An answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Why nothing new is enforced.
#[derive(Debug, Clone)]
pub struct NoReceipt {
    /// The stable reason.
    pub reason: &'static str,
    /// One sentence.
    pub text: String,
}

impl std::fmt::Display for NoReceipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for NoReceipt {}

impl miette::Diagnostic for NoReceipt {}

impl From<GateError> for NoReceipt {
    fn from(error: GateError) -> Self {
        Self {
            reason: error.reason(),
            text: error.to_string(),
        }
    }
}

/// Where refusals are said.
static REPORT: OnceLock<fn(&NoReceipt)> = OnceLock::new();

fn refused<T>(error: impl Into<NoReceipt>) -> Result<T> {
    let error = error.into();
    if let Some(report) = REPORT.get() {
        report(&error);
    }
    Err(error.into())
}

fn unbound<T>(what: &'static str) -> Result<T> {
    refused(GateError::Unreceipted(what))
}

/// The gate of this process, and the name of the sandbox behind it.
struct Required {
    gate: Gate,
    name: String,
}

static REQUIRED: OnceLock<Result<Option<Required>, NoReceipt>> = OnceLock::new();

/// Reads the node's word, once and before anything is fetched. `name` is the sandbox's;
/// `report` gets every refusal.
pub fn start(name: Option<&str>, report: fn(&NoReceipt)) -> Result<()> {
    let _ = REPORT.set(report); // a second start says it where the first did
    required(name).map(drop)
}

fn required(name: Option<&str>) -> Result<Option<&'static Required>> {
    let open = || {
        let gate = Gate::open(std::path::Path::new(CONFIG_PATH))?;
        let name = name.unwrap_or_default().to_owned();
        Ok(gate.map(|gate| Required { gate, name }))
    };
    match REQUIRED.get_or_init(open) {
        Ok(required) => Ok(required.as_ref()),
        Err(error) => refused(error.clone()),
    }
}

/// Asks for a sandbox's configuration with a nonce, and judges what comes back. Nothing
/// where receipts are not required; else a configuration whose policy has its receipt,
/// or an error.
pub(super) async fn fetch(
    client: &mut OpenShellClient<AuthedChannel>,
    sandbox_id: &str,
) -> Result<Option<GetSandboxConfigResponse>> {
    let Some(required) = required(None)? else {
        return Ok(None);
    };
    let question = required.gate.ask().or_else(refused)?;
    let mut request = Request::new(GetSandboxConfigRequest {
        sandbox_id: sandbox_id.to_string(),
    });
    let nonce = MetadataValue::from_bytes(question.nonce());
    request.metadata_mut().insert_bin(NONCE_METADATA, nonce);
    request.set_timeout(TIMEOUT);
    let answer = tokio::time::timeout(TIMEOUT, client.get_sandbox_config(request)).await;
    let Ok(response) = answer else {
        return unbound("the gateway's answer came late");
    };
    let response = response.into_diagnostic()?;
    let receipt = response
        .metadata()
        .get_bin(RECEIPT_METADATA)
        .and_then(|receipt| receipt.to_bytes().ok());
    let config = response.into_inner();
    let Some(policy) = &config.policy else {
        return unbound("the gateway sent no policy");
    };
    let effective = document(policy)?;
    let answer = Answer {
        receipt: receipt.as_deref(),
        workspace: &config.workspace,
        sandbox: sandbox_id,
        name: &required.name,
        effective: &effective,
    };
    let judged = required
        .gate
        .judge(question, &answer, |statement| settings(&config, statement));
    match judged {
        Ok(_) => Ok(Some(config)),
        Err(error) => refused(error),
    }
}

/// A policy about to be enforced must be the one that the last receipt was for: the
/// supervisor may have changed it since.
pub fn enforce(policy: &SandboxPolicy) -> Result<()> {
    match required(None)? {
        None => Ok(()),
        Some(required) => required.gate.enforce(&document(policy)?).or_else(refused),
    }
}

/// A policy that comes from elsewhere than a gateway has no receipt.
pub fn refuse_local(what: &'static str) -> Result<()> {
    match required(None)? {
        None => Ok(()),
        Some(_) => unbound(what),
    }
}

/// The canonical form of a policy as it was decoded: what this build enforces.
fn document(policy: &SandboxPolicy) -> Result<Document> {
    static MESSAGES: OnceLock<Option<Messages>> = OnceLock::new();
    MESSAGES
        .get_or_init(|| Messages::read(crate::FILE_DESCRIPTOR_SET).ok())
        .as_ref()
        .and_then(|all| all.to_json(POLICY_TYPE, &policy.encode_to_vec()).ok())
        .and_then(|message| Document::effective(message).ok())
        .map_or_else(|| unbound("the policy has no canonical form"), Ok)
}

/// The settings document of a configuration, as the gateway's hook makes it.
fn settings(config: &GetSandboxConfigResponse, statement: &Statement) -> Option<Document> {
    let configured = |(key, setting): (&String, &EffectiveSetting)| {
        let value = match setting.value.as_ref()?.value.as_ref()? {
            setting_value::Value::StringValue(text) => SettingValue::Text(text.clone()),
            setting_value::Value::BoolValue(flag) => SettingValue::Flag(*flag),
            setting_value::Value::IntValue(number) => SettingValue::Whole(*number),
            setting_value::Value::BytesValue(bytes) => SettingValue::Bytes(bytes.to_vec()),
        };
        Some((key.clone(), value))
    };
    let service = |service: &SupervisorMiddlewareService| MiddlewareService {
        name: service.name.clone(),
        endpoint: service.grpc_endpoint.clone(),
        allow_insecure_transport: service.allow_insecure_transport,
        ca_pem: service.tls_ca_cert_pem.to_vec(),
    };
    let services = &config.supervisor_middleware_services;
    let settings = GatewaySettings {
        policy_is_global: config.policy_source == i32::from(PolicySource::Global),
        providers_v2_enabled: Some(statement.providers_v2_enabled),
        policy_validation_failure_mode: config.policy_validation_failure_mode.clone(),
        extension_authentication_enabled: config.extension_authentication_enabled,
        settings: config.settings.iter().filter_map(configured).collect(),
        middleware_services: services.iter().map(service).collect(),
    };
    Document::new(Role::Settings, settings.message()).ok()
}
