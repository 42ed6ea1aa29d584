// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Messages of `OpenShell` 0.1.5 as far as the tests look at them: declared here from
//! names, types and numbers of fields.

use std::collections::HashMap;

use prost::{Enumeration, Message};
use serde_json::Value;

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
}

#[derive(Clone, PartialEq, Message)]
pub struct NetworkEndpoint {
    #[prost(string, tag = "1")]
    pub host: String,
    #[prost(uint32, tag = "2")]
    pub port: u32,
    #[prost(bool, tag = "26")]
    pub provider_credentialed: bool,
    #[prost(string, tag = "27")]
    pub token_grant_owner: String,
}

impl SandboxPolicy {
    /// The message of a policy in `ProtoJSON`.
    pub fn of(policy: &Value) -> Self {
        let number = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let endpoint = |endpoint: &Value| NetworkEndpoint {
            host: text(&endpoint["host"]),
            port: number(&endpoint["port"]).unwrap_or_default(),
            provider_credentialed: endpoint["providerCredentialed"] == true,
            token_grant_owner: text(&endpoint["tokenGrantOwner"]),
        };
        let endpoints = |rule: &Value| {
            let list = rule["endpoints"].as_array().into_iter().flatten();
            list.map(endpoint).collect()
        };
        let rules = policy["networkPolicies"].as_object().into_iter().flatten();
        Self {
            version: number(&policy["version"]).unwrap_or_default(),
            network_policies: rules
                .map(|(key, rule)| {
                    let rule = NetworkPolicyRule {
                        name: text(&rule["name"]),
                        endpoints: endpoints(rule),
                    };
                    (key.clone(), rule)
                })
                .collect(),
        }
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

/// `GetSandboxConfigResponse` and `SandboxConfigSnapshot`, which have the same fields: one
/// is what polling answers, the other what is pushed.
#[derive(Clone, PartialEq, Message)]
pub struct SandboxConfigSnapshot {
    #[prost(message, optional, tag = "1")]
    pub policy: Option<SandboxPolicy>,
    #[prost(enumeration = "PolicySource", tag = "6")]
    pub policy_source: i32,
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
