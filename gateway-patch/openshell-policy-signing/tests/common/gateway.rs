// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A gateway with its rows in memory. It does at its two read seams what a gateway
//! does, in the same order, and calls the hook where the insertions call it.

use serde_json::{Map, Value, json};

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
