// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! What gateways compose, by each recipe, written a second time: the driver has its own.

use openshell_policy_signing::{NoLayer, Recipe};
use serde_json::{Map, Value, json};

/// The policy that layers are inserted into.
pub struct Source<'a> {
    pub policy: &'a Value,
    pub is_global: bool,
    pub providers_v2_enabled: bool,
}

/// One attached provider with a profile.
pub struct Attached {
    pub provider: String,
    pub profile: Value,
    pub no_layer: Option<NoLayer>,
}

/// The effective policy. For each provider with a layer one more rule; endpoints are
/// marked where a credential goes.
pub fn compose(recipe: Recipe, source: &Source<'_>, attached: &[Attached]) -> Value {
    let mut policy = source.policy.clone();
    let by_flag = recipe == Recipe::V2026_08;
    if !source.is_global && (source.providers_v2_enabled || !by_flag) {
        let layers = attached.iter().filter(|layer| layer.no_layer.is_none());
        insert(&mut policy, layers, by_flag);
    }
    if !by_flag {
        stamp(&mut policy, attached);
    }
    policy
}

fn insert<'a>(policy: &mut Value, layers: impl Iterator<Item = &'a Attached>, mark: bool) {
    let mut inserted: Vec<(String, Value)> = Vec::new();
    for layer in layers {
        let name = rule_name(&layer.provider);
        let mut key = name.clone();
        let mut n = 1;
        while inserted.iter().any(|(taken, _)| *taken == key) {
            n += 1;
            key = format!("{name}_{n}");
        }
        inserted.push((key, layer_rule(&name, &layer.profile, mark)));
    }
    if inserted.is_empty() {
        return;
    }
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

fn layer_rule(name: &str, profile: &Value, mark: bool) -> Value {
    let mut rule = Map::new();
    for member in ["binaries", "endpoints"] {
        if let Some(value) = profile.get(member) {
            rule.insert(member.to_owned(), value.clone());
        }
    }
    rule.insert("name".to_owned(), name.into());
    let endpoints = rule.get_mut("endpoints").and_then(Value::as_array_mut);
    if mark && credentialed(profile) {
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

/// Marks, as releases from 0.1.0 on do, every endpoint that a credential reaches.
fn stamp(policy: &mut Value, attached: &[Attached]) {
    let scopes = scopes(policy, attached);
    for endpoint in endpoints_mut(policy) {
        let reached = scopes.iter().any(|scope| reaches(scope, endpoint));
        let members = endpoint.as_object_mut().expect("an endpoint is an object");
        members.remove("providerCredentialed");
        if reached {
            members.insert("providerCredentialed".to_owned(), true.into());
        }
    }
}

pub fn endpoints_mut(policy: &mut Value) -> impl Iterator<Item = &mut Value> {
    policy
        .get_mut("networkPolicies")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::values_mut)
        .filter_map(|rule| rule.get_mut("endpoints")?.as_array_mut())
        .flatten()
}

/// The endpoints that credentials go to: those of credentialed profiles with a layer,
/// and those of the policy that are bound to a provider without endpoints or layer.
fn scopes(policy: &mut Value, attached: &[Attached]) -> Vec<Value> {
    let mut scopes = Vec::new();
    let mut bound = Vec::new();
    for layer in attached {
        let endpoints = layer.profile["endpoints"].as_array();
        match endpoints.filter(|list| !list.is_empty() && layer.no_layer.is_none()) {
            Some(endpoints) if credentialed(&layer.profile) => {
                scopes.extend(endpoints.iter().cloned());
            }
            Some(_) => {}
            None => bound.push(layer.provider.as_str()),
        }
    }
    let to_bound = |endpoint: &&mut Value| {
        let provider = endpoint["credentialBinding"]["provider"].as_str();
        provider.is_some_and(|provider| bound.contains(&provider))
    };
    scopes.extend(endpoints_mut(policy).filter(to_bound).map(|e| e.clone()));
    scopes
}

fn reaches(scope: &Value, endpoint: &Value) -> bool {
    let text = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
    let hosts = [scope, endpoint].map(|of| text(of, "host").to_lowercase());
    if !hosts.iter().all(|host| markable(host)) || !hosts_meet(&hosts[0], &hosts[1]) {
        return false;
    }
    let (ports, others) = (ports(scope), ports(endpoint));
    if !ports.is_empty() && !others.is_empty() && !ports.iter().any(|p| others.contains(p)) {
        return false;
    }
    covers(&text(scope, "path"), &text(endpoint, "path"))
}

fn ports(endpoint: &Value) -> Vec<u64> {
    let list = endpoint["ports"].as_array().into_iter().flatten();
    let ports: Vec<u64> = list.filter_map(Value::as_f64).map(whole).collect();
    let port = endpoint["port"].as_f64().map_or(0, whole);
    if ports.is_empty() && port != 0 {
        return vec![port];
    }
    ports
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a port
fn whole(port: f64) -> u64 {
    port as u64
}

/// Reports whether two hosts, patterns or not, may be one. `**` is one label or more.
fn hosts_meet(a: &str, b: &str) -> bool {
    let labels = |host| str::split(host, '.').collect::<Vec<_>>();
    labels_meet(&labels(a), &labels(b))
}

fn labels_meet(a: &[&str], b: &[&str]) -> bool {
    match (a, b) {
        ([], []) => true,
        (["**", rest @ ..], [y, others @ ..]) => {
            labels_meet(rest, others)
                || labels_meet(a, others)
                || *y == "**" && labels_meet(rest, b)
        }
        ([_, ..], ["**", ..]) => labels_meet(b, a),
        ([x, rest @ ..], [y, others @ ..]) => {
            globs_meet(x.as_bytes(), y.as_bytes()) && labels_meet(rest, others)
        }
        _ => false,
    }
}

/// Compares two labels in which * stands for any letters, also none.
fn globs_meet(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([b'*', rest @ ..], _) if globs_meet(rest, b) => true,
        (_, [b'*', rest @ ..]) if globs_meet(a, rest) => true,
        ([b'*', ..], [_, rest @ ..]) => globs_meet(a, rest),
        ([_, rest @ ..], [b'*', ..]) => globs_meet(rest, b),
        ([x, rest @ ..], [y, others @ ..]) => x == y && globs_meet(rest, others),
        _ => false,
    }
}

fn covers(scope: &str, path: &str) -> bool {
    if ["", "**", "/**", path].contains(&scope) {
        return true;
    }
    if path.is_empty() || path.contains(['*', '?', '[']) || scope.contains('[') {
        return false;
    }
    path_fits(scope.as_bytes(), path.as_bytes())
}

fn path_fits(scope: &[u8], path: &[u8]) -> bool {
    match (scope, path) {
        ([], []) => true,
        ([b'*', b'*', rest @ ..], [_, more @ ..]) => {
            path_fits(rest, more) || path_fits(scope, more)
        }
        ([b'*', b'*', ..], []) => false,
        ([b'*', rest @ ..], _) if path_fits(rest, path) => true,
        ([b'*', ..], [c, more @ ..]) => *c != b'/' && path_fits(scope, more),
        ([b'?', rest @ ..], [c, more @ ..]) => *c != b'/' && path_fits(rest, more),
        ([x, rest @ ..], [y, more @ ..]) => x == y && path_fits(rest, more),
        _ => false,
    }
}
