// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Messages of `OpenShell` 0.1.5 as far as the tests look at them: declared here from
//! names, types and numbers of fields.

use std::collections::HashMap;

use prost::{Enumeration, Message};
use serde_json::{Map, Value, json};

#[derive(Clone, PartialEq, Message)]
pub struct SandboxPolicy {
    #[prost(uint32, tag = "1")]
    pub version: u32,
    #[prost(map = "string, message", tag = "5")]
    pub network_policies: HashMap<String, NetworkPolicyRule>,
}

#[derive(Clone, PartialEq, Message)]
pub struct NetworkPolicyRule {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, repeated, tag = "2")]
    pub endpoints: Vec<NetworkEndpoint>,
    #[prost(message, repeated, tag = "3")]
    pub binaries: Vec<NetworkBinary>,
}

#[derive(Clone, PartialEq, Message)]
pub struct NetworkBinary {
    #[prost(string, tag = "1")]
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum NetworkAccessPreset {
    Unspecified = 0,
    ReadOnly = 1,
    ReadWrite = 2,
    Full = 3,
}

impl NetworkAccessPreset {
    /// Its name in `ProtoJSON`.
    const fn json(self) -> &'static str {
        match self {
            Self::Unspecified => "NETWORK_ACCESS_PRESET_UNSPECIFIED",
            Self::ReadOnly => "NETWORK_ACCESS_PRESET_READ_ONLY",
            Self::ReadWrite => "NETWORK_ACCESS_PRESET_READ_WRITE",
            Self::Full => "NETWORK_ACCESS_PRESET_FULL",
        }
    }

    fn of(name: &Value) -> Self {
        [Self::ReadOnly, Self::ReadWrite, Self::Full]
            .into_iter()
            .find(|preset| name == preset.json())
            .unwrap_or(Self::Unspecified)
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct NetworkEndpoint {
    #[prost(string, tag = "1")]
    pub host: String,
    #[prost(uint32, tag = "2")]
    pub port: u32,
    #[prost(string, tag = "3")]
    pub protocol: String,
    #[prost(enumeration = "NetworkAccessPreset", tag = "6")]
    pub access: i32,
    #[prost(bool, tag = "26")]
    pub provider_credentialed: bool,
    #[prost(string, tag = "27")]
    pub token_grant_owner: String,
}

impl NetworkEndpoint {
    fn json(&self) -> Value {
        let access = match self.access() {
            NetworkAccessPreset::Unspecified => "",
            preset => preset.json(),
        };
        written(
            json!({"host": self.host, "port": self.port, "protocol": self.protocol,
            "access": access, "providerCredentialed": self.provider_credentialed,
            "tokenGrantOwner": self.token_grant_owner}),
        )
    }
}

/// Leaves out what holds a default.
fn written(mut message: Value) -> Value {
    if let Some(members) = message.as_object_mut() {
        members.retain(|_, value| {
            ![json!(""), json!(0), json!(false), json!([]), json!({})].contains(value)
        });
    }
    message
}

impl SandboxPolicy {
    /// The message of a policy in `ProtoJSON`.
    pub fn of(policy: &Value) -> Self {
        let number = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let endpoint = |endpoint: &Value| NetworkEndpoint {
            host: text(&endpoint["host"]),
            port: number(&endpoint["port"]).unwrap_or_default(),
            protocol: text(&endpoint["protocol"]),
            access: NetworkAccessPreset::of(&endpoint["access"]).into(),
            provider_credentialed: endpoint["providerCredentialed"] == true,
            token_grant_owner: text(&endpoint["tokenGrantOwner"]),
        };
        let endpoints = |rule: &Value| {
            let list = rule["endpoints"].as_array().into_iter().flatten();
            list.map(endpoint).collect()
        };
        let binaries = |rule: &Value| {
            let list = rule["binaries"].as_array().into_iter().flatten();
            let binary = |binary: &Value| NetworkBinary {
                path: text(&binary["path"]),
            };
            list.map(binary).collect()
        };
        let rules = policy["networkPolicies"].as_object().into_iter().flatten();
        Self {
            version: number(&policy["version"]).unwrap_or_default(),
            network_policies: rules
                .map(|(key, rule)| {
                    let rule = NetworkPolicyRule {
                        name: text(&rule["name"]),
                        endpoints: endpoints(rule),
                        binaries: binaries(rule),
                    };
                    (key.clone(), rule)
                })
                .collect(),
        }
    }

    /// The same in `ProtoJSON`, without what holds a default: what a supervisor makes of
    /// what it decoded.
    pub fn json(&self) -> Value {
        let path = |binary: &NetworkBinary| json!({"path": binary.path});
        let rule = |rule: &NetworkPolicyRule| {
            let endpoints: Vec<Value> = rule.endpoints.iter().map(NetworkEndpoint::json).collect();
            let binaries: Vec<Value> = rule.binaries.iter().map(path).collect();
            written(json!({"name": rule.name, "endpoints": endpoints, "binaries": binaries}))
        };
        let rules = self.network_policies.iter();
        let rules: Map<_, _> = rules.map(|(key, r)| (key.clone(), rule(r))).collect();
        written(json!({"version": self.version, "networkPolicies": rules}))
    }

    pub fn reaches(&self, host: &str) -> bool {
        let endpoints = self.network_policies.values().flat_map(|r| &r.endpoints);
        endpoints.into_iter().any(|endpoint| endpoint.host == host)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum PolicySource {
    Unspecified = 0,
    Sandbox = 1,
    Global = 2,
}

#[derive(Clone, PartialEq, Message)]
pub struct SettingValue {
    #[prost(oneof = "setting_value::Value", tags = "1, 2, 3, 4")]
    pub value: Option<setting_value::Value>,
}

pub mod setting_value {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Value {
        #[prost(string, tag = "1")]
        Text(String),
        #[prost(bool, tag = "2")]
        Flag(bool),
        #[prost(int64, tag = "3")]
        Whole(i64),
        #[prost(bytes, tag = "4")]
        Octets(Vec<u8>),
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct EffectiveSetting {
    #[prost(message, optional, tag = "1")]
    pub value: Option<SettingValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SupervisorMiddlewareService {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub grpc_endpoint: String,
    #[prost(bytes, tag = "5")]
    pub tls_ca_cert_pem: Vec<u8>,
    #[prost(bool, tag = "7")]
    pub allow_insecure_transport: bool,
}

/// `GetSandboxConfigResponse` and `SandboxConfigSnapshot`, which have the same fields: one
/// is what polling answers, the other what is pushed.
#[derive(Clone, PartialEq, Message)]
pub struct SandboxConfigSnapshot {
    #[prost(message, optional, tag = "1")]
    pub policy: Option<SandboxPolicy>,
    #[prost(map = "string, message", tag = "4")]
    pub settings: HashMap<String, EffectiveSetting>,
    #[prost(enumeration = "PolicySource", tag = "6")]
    pub policy_source: i32,
    #[prost(message, repeated, tag = "9")]
    pub supervisor_middleware_services: Vec<SupervisorMiddlewareService>,
    #[prost(string, tag = "10")]
    pub workspace: String,
    #[prost(string, tag = "11")]
    pub policy_validation_failure_mode: String,
    #[prost(bool, tag = "12")]
    pub extension_authentication_enabled: bool,
    #[prost(bool, tag = "13")]
    pub configuration_admitted: bool,
    #[prost(string, tag = "15")]
    pub configuration_instance_id: String,
    #[prost(string, tag = "16")]
    pub configuration_error: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ProviderEnvironmentValue {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ProviderEnvironmentSnapshot {
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<ProviderEnvironmentValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConfigUpdate {
    #[prost(string, tag = "1")]
    pub update_id: String,
    #[prost(message, optional, tag = "2")]
    pub sandbox_config: Option<SandboxConfigSnapshot>,
    #[prost(message, optional, tag = "3")]
    pub provider_environment: Option<ProviderEnvironmentSnapshot>,
    /// Not of 0.1.5: where a receipt could travel with a push.
    #[prost(bytes, optional, tag = "1000")]
    pub policy_receipt: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SupervisorHello {
    #[prost(string, tag = "1")]
    pub sandbox_id: String,
    #[prost(bool, tag = "7")]
    pub supports_config_push: bool,
    /// Not of 0.1.5: where the nonce for the first push could travel.
    #[prost(bytes, optional, tag = "1000")]
    pub policy_nonce: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConfigUpdateResult {
    #[prost(string, tag = "1")]
    pub update_id: String,
    #[prost(enumeration = "ConfigApplyOutcome", tag = "2")]
    pub outcome: i32,
    #[prost(message, optional, tag = "4")]
    pub admission: Option<SandboxConfigurationAdmission>,
    /// Not of 0.1.5: where the nonce for the next push could travel.
    #[prost(bytes, optional, tag = "1000")]
    pub policy_nonce: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SessionAccepted {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, optional, tag = "3")]
    pub bootstrap: Option<ConfigUpdate>,
    #[prost(bool, tag = "4")]
    pub config_push_enabled: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct ExchangeProviderSubjectTokenRequest {
    #[prost(string, tag = "1")]
    pub sandbox_id: String,
    #[prost(string, tag = "2")]
    pub provider: String,
    #[prost(string, tag = "3")]
    pub credential_key: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ExchangeProviderSubjectTokenResponse {
    #[prost(string, tag = "1")]
    pub access_token: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum ConfigurationAdmissionState {
    Unspecified = 0,
    Pending = 1,
    Accepted = 2,
    Rejected = 3,
}

#[derive(Clone, PartialEq, Message)]
pub struct SandboxConfigurationAdmission {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(enumeration = "ConfigurationAdmissionState", tag = "2")]
    pub state: i32,
    #[prost(string, tag = "7")]
    pub error: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum ConfigApplyOutcome {
    Unspecified = 0,
    Applied = 1,
    FailedRetainedLastKnownGood = 6,
    FailedClosed = 7,
}
