// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A gateway with its rows in memory. It does at its two read seams what a gateway
//! does, in the same order, and calls the hook where the insertions call it.

use std::collections::BTreeMap;

use openshell_policy_signing::{Hook, HostNames, Parts, ProfileLayer, Sandbox};
use serde_json::{Map, Value, json};
use tonic::Status;

/// Composes as recipe openshell.compose/2026-08 says: for each provider one more rule,
/// with its endpoints marked where a credential follows them.
pub fn compose(source: &Value, layers: &[(String, Value)]) -> Value {
    let mut policy = source.clone();
    let mut inserted = Vec::new();
    for (provider, profile) in layers {
        let name = rule_name(provider);
        let key = (1..=layers.len())
            .map(|n| {
                if n == 1 {
                    name.clone()
                } else {
                    format!("{name}_{n}")
                }
            })
            .find(|key| inserted.iter().all(|(taken, _)| taken != key))
            .expect("one layer takes one key");
        inserted.push((key, layer_rule(&name, profile)));
    }
    if !inserted.is_empty() {
        let rules = policy
            .as_object_mut()
            .expect("a policy is an object")
            .entry("networkPolicies")
            .or_insert_with(|| json!({}));
        rules
            .as_object_mut()
            .expect("rules are an object")
            .extend(inserted);
    }
    policy
}

fn rule_name(provider: &str) -> String {
    let clean: String = provider
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '_') => c,
            _ => '_',
        })
        .collect();
    let clean = clean.trim_matches('_');
    format!(
        "_provider_{}",
        if clean.is_empty() { "unnamed" } else { clean }
    )
}

fn layer_rule(name: &str, profile: &Value) -> Value {
    let mut rule = Map::new();
    for member in ["binaries", "endpoints"] {
        if let Some(value) = profile.get(member) {
            rule.insert(member.to_owned(), value.clone());
        }
    }
    rule.insert("name".to_owned(), name.into());
    let endpoints = rule.get_mut("endpoints").and_then(Value::as_array_mut);
    if credentialed(profile) {
        for endpoint in endpoints.into_iter().flatten() {
            if endpoint["host"].as_str().is_some_and(markable) {
                endpoint["providerCredentialed"] = true.into();
            }
        }
    }
    rule.into()
}

fn credentialed(profile: &Value) -> bool {
    let list = |name: &str| profile[name].as_array().cloned().unwrap_or_default();
    !list("credentials").is_empty()
        || list("endpoints").iter().any(|endpoint| {
            endpoint["credentialSigning"]
                .as_str()
                .is_some_and(|signing| !signing.trim().is_empty())
        })
}

fn markable(host: &str) -> bool {
    host.split('.').all(|label| {
        label == "**"
            || (!label.is_empty()
                && !label.contains("**")
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_-*".contains(c)))
    })
}

/// The rows of one sandbox and what the gateway holds beside them. Whoever edits the
/// database edits these.
#[derive(Clone)]
pub struct Rows {
    pub sandbox: Sandbox,
    /// The latest stored revision.
    pub policy: Value,
    /// The policy of the global settings, if it is switched on.
    pub global_policy: Option<Value>,
    /// The catalog of profiles, by id.
    pub profiles: BTreeMap<String, Value>,
    /// The attached providers: record name and profile id.
    pub providers: Vec<(String, String)>,
    pub providers_v2_enabled: bool,
    pub validation_failure_mode: String,
}

/// What `GetSandboxConfig` answers, as far as it matters here.
#[derive(Debug, PartialEq)]
pub struct Config {
    pub policy: Value,
    pub policy_is_global: bool,
    pub receipt: Option<bytes::Bytes>,
}

/// A gateway; without a hook, one of today.
pub struct Gateway {
    pub hook: Option<Hook>,
    pub rows: Rows,
    /// What somebody with a foot in the process does to a policy after composing.
    pub tamper: fn(&mut Value),
    /// What the caller sent along to ask for a receipt.
    pub nonce: Option<bytes::Bytes>,
}

impl Gateway {
    pub fn new(hook: Option<Hook>, rows: Rows) -> Self {
        Self {
            hook,
            rows,
            tamper: |_| (),
            nonce: None,
        }
    }

    /// J1, in the host's order: catalog, latest revision, global settings, markers
    /// cleared, composed, marked, then asked about, then served.
    pub async fn get_sandbox_config(&self) -> Result<Config, Status> {
        let (parts, policy) = self.compose();
        let receipt = match &self.hook {
            Some(hook) => {
                hook.attest(
                    "get_sandbox_config",
                    &self.rows.sandbox,
                    parts,
                    self.nonce.clone(),
                )
                .await?
            }
            None => None,
        };
        let policy_is_global = self.rows.global_policy.is_some();
        Ok(Config {
            policy,
            policy_is_global,
            receipt,
        })
    }

    /// J2: the policy is composed again and asked about before a credential is touched.
    pub async fn get_provider_environment(&self) -> Result<Vec<String>, Status> {
        let (parts, _) = self.compose();
        if let Some(hook) = &self.hook {
            let seam = "get_sandbox_provider_environment";
            hook.compose(seam, &self.rows.sandbox, parts).await?;
        }
        let credential = |(name, _): &(String, String)| format!("{name}: secret");
        Ok(self.rows.providers.iter().map(credential).collect())
    }

    fn compose(&self) -> (Parts, Value) {
        let rows = &self.rows;
        let catalog = rows.profiles.clone();
        let source = rows.global_policy.as_ref().unwrap_or(&rows.policy);
        let layers: Vec<(String, Value)> = rows
            .providers
            .iter()
            .filter_map(|(name, id)| Some((name.clone(), catalog.get(id)?.clone())))
            .collect();
        let inserted = rows.providers_v2_enabled && rows.global_policy.is_none();
        let mut effective = compose(source, if inserted { &layers } else { &[] });
        (self.tamper)(&mut effective);
        let parts = Parts {
            source: Some(source.clone()),
            source_is_global: rows.global_policy.is_some(),
            layers: layers
                .into_iter()
                .map(|(provider, profile)| ProfileLayer {
                    provider,
                    workspace: String::new(),
                    profile,
                })
                .collect(),
            settings: Some(self.settings()),
            effective: Some(effective.clone()),
            providers_v2_enabled: rows.providers_v2_enabled,
            host: HostNames::default(),
        };
        (parts, effective)
    }

    fn settings(&self) -> Value {
        let mut settings = super::lab::settings(self.rows.providers_v2_enabled);
        if self.rows.global_policy.is_some() {
            settings["policySource"] = "GLOBAL_POLICY".into();
        }
        settings["policyValidationFailureMode"] = self.rows.validation_failure_mode.clone().into();
        settings
    }
}
