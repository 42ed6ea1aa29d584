// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The settings document: what a sandbox obeys beside its policy.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::document::hex;

/// The largest whole number that every reader of JSON keeps.
const MAX_EXACT: u64 = 1 << 53;

/// The value of one setting. Values of two types never look alike in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// Text: itself.
    Text(String),
    /// True or false: itself.
    Flag(bool),
    /// A whole number: itself, or `{"int": "…"}` where a double would change it.
    Whole(i64),
    /// Bytes: `{"bytes": "…"}` in hexadecimal digits.
    Bytes(Vec<u8>),
}

impl SettingValue {
    fn json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Whole(number) if number.unsigned_abs() <= MAX_EXACT => (*number).into(),
            Self::Whole(number) => json!({"int": number.to_string()}),
            Self::Bytes(bytes) => json!({"bytes": hex(bytes)}),
        }
    }
}

/// One middleware service that a sandbox is told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MiddlewareService {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub endpoint: String,
    /// Whether it may be talked to without TLS.
    pub allow_insecure_transport: bool,
    /// The authorities that its certificate is checked with; empty for the system's.
    pub ca_pem: Vec<u8>,
}

/// What a sandbox obeys beside its policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewaySettings {
    /// Whether the policy is that of the global settings.
    pub policy_is_global: bool,
    /// Whether layers are inserted; none from 0.1.0 on, where nobody asks.
    pub providers_v2_enabled: Option<bool>,
    /// What a sandbox does with a policy that is not valid.
    pub policy_validation_failure_mode: String,
    /// Whether extensions have to say who they are.
    pub extension_authentication_enabled: bool,
    /// The settings that have a value, by their keys.
    pub settings: BTreeMap<String, SettingValue>,
    /// The middleware services, in any order.
    pub middleware_services: Vec<MiddlewareService>,
}

impl GatewaySettings {
    /// The message of the settings document. `sigdriver canonicalize --type settings`
    /// makes the same of what operators have.
    pub fn message(&self) -> Value {
        let settings: Map<String, Value> = self
            .settings
            .iter()
            .map(|(key, value)| (key.clone(), value.json()))
            .collect();
        let mut services: Vec<_> = self.middleware_services.iter().collect();
        services.sort_by(|a, b| a.name.cmp(&b.name));
        let services: Vec<Value> = services.into_iter().map(service).collect();
        let mut out = json!({
            "policySource": if self.policy_is_global { "GLOBAL_POLICY" } else { "SANDBOX_POLICY" },
            "policyValidationFailureMode": self.policy_validation_failure_mode,
            "extensionAuthenticationEnabled": self.extension_authentication_enabled,
            "settings": settings,
            "middlewareServices": services,
        });
        if let Some(enabled) = self.providers_v2_enabled {
            out["providersV2Enabled"] = enabled.into();
        }
        out
    }
}

fn service(service: &MiddlewareService) -> Value {
    let mut out = json!({
        "name": service.name,
        "endpoint": service.endpoint,
        "allowInsecureTransport": service.allow_insecure_transport,
    });
    if !service.ca_pem.is_empty() {
        out["caSha256"] = hex(&Sha256::digest(&service.ca_pem)).into();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Document, Role};

    fn digest(value: SettingValue) -> [u8; 32] {
        let settings = GatewaySettings {
            settings: BTreeMap::from([("k".to_owned(), value)]),
            ..Default::default()
        };
        let document = Document::new(Role::Settings, settings.message());
        *document.expect("it is a document").sha256()
    }

    #[test]
    fn types_stay_apart() {
        let text = |text: &str| SettingValue::Text(text.to_owned());
        let values = [
            text("5"),
            text("true"),
            text("[1,2]"),
            text("0102"),
            text("AQI="),
            SettingValue::Whole(5),
            SettingValue::Whole(-5),
            SettingValue::Whole(1 << 53),
            SettingValue::Whole((1 << 53) + 1),
            SettingValue::Whole(-(1 << 53) - 1),
            SettingValue::Whole(i64::MIN),
            SettingValue::Whole(i64::MAX),
            SettingValue::Flag(true),
            SettingValue::Flag(false),
            SettingValue::Bytes(vec![1, 2]),
            SettingValue::Bytes(b"5".to_vec()),
            SettingValue::Bytes(Vec::new()),
            text(""),
        ];
        let digests: std::collections::BTreeSet<_> =
            values.iter().map(|value| digest(value.clone())).collect();
        assert_eq!(digests.len(), values.len());
    }

    #[test]
    fn services_have_one_order() {
        let named = |name: &str| MiddlewareService {
            name: name.to_owned(),
            ca_pem: name.as_bytes().to_vec(),
            ..Default::default()
        };
        let of = |names: [&str; 2]| {
            GatewaySettings {
                middleware_services: names.map(named).into(),
                ..Default::default()
            }
            .message()
        };
        assert_eq!(of(["a", "b"]), of(["b", "a"]));
        assert!(of(["a", "b"])["middlewareServices"][0]["caSha256"].is_string());
        assert!(of(["a", "b"]).get("providersV2Enabled").is_none());
    }
}
