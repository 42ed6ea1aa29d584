// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! From the `ProtoJSON` of a message to the tree of its document.
//!
//! What the gateway derives is left out, null means absent, 64-bit integers become
//! strings. No schema is needed: what is unknown is kept as it is, so a gateway that
//! knows more fields than this crate is no obstacle.

use serde_json::{Map, Value};

use crate::malformed::DocumentError;
use crate::role::Role;

type Object = Map<String, Value>;

const TYPE_PREFIX: &str = "type.googleapis.com/";
const RESERVED_PREFIX: &str = "_provider_";

/// What the gateway sets on a profile, or takes away from one.
const PROFILE_MEMBERS: [&str; 5] = [
    "resourceVersion",
    "resource_version",
    "annotations",
    "source",
    "scope",
];
/// What gateways write into endpoints, in both spellings: the marker of one that a
/// credential follows, and from 0.1.3 on the owner of a token grant.
const MARKERS: [&str; 4] = [
    "providerCredentialed",
    "provider_credentialed",
    "tokenGrantOwner",
    "token_grant_owner",
];
/// What no endpoint of a profile keeps.
const PROFILE_ENDPOINT_MEMBERS: [&str; 8] = [
    MARKERS[0],
    MARKERS[1],
    MARKERS[2],
    MARKERS[3],
    "advisorProposed",
    "advisor_proposed",
    "credentialBinding",
    "credential_binding",
];

/// Fields with keys of their own choosing below them.
const MAP_FIELDS: [&str; 6] = [
    "networkPolicies",
    "networkMiddlewares",
    "graphqlPersistedQueries",
    "query",
    "params",
    "annotations",
];
/// 64-bit integers.
const WIDE_FIELDS: [&str; 3] = [
    "refreshBeforeSeconds",
    "maxLifetimeSeconds",
    "cacheTtlSeconds",
];
/// Fields whose original name differs from their JSON name.
const MULTI_WORD_FIELDS: &str = "
    networkPolicies networkMiddlewares includeWorkdir readOnly readWrite runAsUser runAsGroup
    onError allowedIps denyRules allowEncodedSlash persistedQueries graphqlPersistedQueries
    graphqlMaxBodyBytes websocketCredentialRewrite requestBodyCredentialRewrite advisorProposed
    credentialSigning signingService signingRegion jsonRpcMaxBodyBytes credentialBinding
    allowUninspectedCredentials providerCredentialed strictToolNames allowAllKnownMcpMethods
    operationType operationName displayName inferenceCapable resourceVersion envVars authStyle
    headerName queryParam pathTemplate tokenGrant tokenEndpoint jwtSvidAudience cacheTtlSeconds
    audienceOverrides clientAssertionType tokenUrl refreshBeforeSeconds maxLifetimeSeconds
    additionalOutputs
    refreshBefore maxLifetime cacheTtl grantType subjectToken subjectTokenType requestedTokenType
    envVar tokenGrantOwner";

/// The tree of a message's document.
pub(crate) fn document(role: Role, mut tree: Object) -> Result<Object, DocumentError> {
    set_type(&mut tree, role.surface())?;
    if role != Role::Settings {
        clear(role, &mut tree);
        tree = message(tree, Place::Top)?;
    }
    check(role, &tree)?;
    Ok(tree)
}

/// The tree of the effective policy: only `@type` is added.
pub(crate) fn effective(mut tree: Object) -> Result<Object, DocumentError> {
    set_type(&mut tree, Role::SandboxPolicy.surface())?;
    Ok(tree)
}

fn set_type(tree: &mut Object, surface: &str) -> Result<(), DocumentError> {
    let want = format!("{TYPE_PREFIX}{surface}");
    let found = tree
        .entry("@type")
        .or_insert_with(|| Value::String(want.clone()));
    if *found == Value::String(want) {
        Ok(())
    } else {
        Err(DocumentError::Surface)
    }
}

fn clear(role: Role, tree: &mut Object) {
    if role == Role::ProviderProfile {
        remove(tree, &PROFILE_MEMBERS);
        if tree.get("discovery").is_some_and(is_empty_discovery) {
            tree.remove("discovery");
        }
        clear_endpoints(tree, &PROFILE_ENDPOINT_MEMBERS);
        return;
    }
    if let Some(Value::Object(rules)) = tree.get_mut("networkPolicies") {
        for rule in rules.values_mut().filter_map(Value::as_object_mut) {
            clear_endpoints(rule, &MARKERS);
        }
    }
}

fn remove(members: &mut Object, names: &[&str]) {
    members.retain(|name, _| !names.contains(&name.as_str()));
}

fn clear_endpoints(holder: &mut Object, names: &[&str]) {
    if let Some(Value::Array(endpoints)) = holder.get_mut("endpoints") {
        for endpoint in endpoints.iter_mut().filter_map(Value::as_object_mut) {
            remove(endpoint, names);
        }
    }
}

/// A discovery without credentials, which the gateway drops.
fn is_empty_discovery(value: &Value) -> bool {
    value.as_object().is_some_and(|members| {
        members.iter().all(|(name, value)| {
            name == "credentials" && value.as_array().is_some_and(Vec::is_empty)
        })
    })
}

/// Where a message stands, as far as it matters: a middleware's config is a
/// `google.protobuf.Struct`, any JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Middlewares,
    Middleware,
    Elsewhere,
}

fn message(members: Object, place: Place) -> Result<Object, DocumentError> {
    let mut out = Object::new();
    for (name, value) in members {
        let camel = camel_case(&name);
        if camel != name && MULTI_WORD_FIELDS.split_whitespace().any(|f| f == camel) {
            return Err(shape(&name, "is a field's original name"));
        }
        if !value.is_null() {
            let value = field(&name, value, place)?;
            out.insert(name, value);
        }
    }
    Ok(out)
}

fn field(name: &str, value: Value, place: Place) -> Result<Value, DocumentError> {
    match value {
        Value::Number(number) if WIDE_FIELDS.contains(&name) => wide_integer(name, &number),
        Value::Object(config) if place == Place::Middleware && name == "config" => {
            Ok(Value::Object(config))
        }
        Value::Object(members) if MAP_FIELDS.contains(&name) => {
            let below = match (place, name) {
                (Place::Top, "networkMiddlewares") => Place::Middlewares,
                _ => Place::Elsewhere,
            };
            entries(name, members, below)
        }
        Value::Object(members) => Ok(Value::Object(message(members, Place::Elsewhere)?)),
        Value::Array(elements) => elements
            .into_iter()
            .map(|element| match element {
                Value::Null => Err(shape(name, "holds null in an array")),
                Value::Object(members) => Ok(Value::Object(message(members, Place::Elsewhere)?)),
                other => Ok(other),
            })
            .collect::<Result<_, _>>()
            .map(Value::Array),
        other => Ok(other),
    }
}

fn entries(name: &str, members: Object, place: Place) -> Result<Value, DocumentError> {
    let below = match place {
        Place::Middlewares => Place::Middleware,
        _ => Place::Elsewhere,
    };
    let mut out = Object::new();
    for (key, value) in members {
        let value = match value {
            Value::Null => return Err(shape(name, "holds null in a map")),
            Value::Object(entry) => Value::Object(message(entry, below)?),
            other => other,
        };
        out.insert(key, value);
    }
    Ok(Value::Object(out))
}

/// A 64-bit integer as `ProtoJSON` writes it.
fn wide_integer(name: &str, number: &serde_json::Number) -> Result<Value, DocumentError> {
    let text = crate::jcs::to_text(&Value::Number(number.clone()))
        .map_err(|_| DocumentError::InexactNumber)?;
    match text.parse::<i64>() {
        Ok(_) => Ok(Value::String(text)),
        Err(_) => Err(shape(name, "is no whole number of 64 bits")),
    }
}

/// The name that `ProtoJSON` gives a protobuf field.
fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut up = false;
    for c in name.chars() {
        if c == '_' {
            up = true;
            continue;
        }
        out.push(if up { c.to_ascii_uppercase() } else { c });
        up = false;
    }
    out
}

/// What the form of a role says about a document's members; all others are content
/// like any other.
fn check(role: Role, tree: &Object) -> Result<(), DocumentError> {
    match role {
        Role::Settings => Ok(()),
        Role::ProviderProfile => check_profile(tree),
        Role::SandboxPolicy | Role::GlobalPolicy => check_policy(tree),
    }
}

fn check_policy(tree: &Object) -> Result<(), DocumentError> {
    let Some(rules) = tree.get("networkPolicies") else {
        return Ok(());
    };
    let rules = rules
        .as_object()
        .ok_or_else(|| shape("networkPolicies", "is no object"))?;
    for rule in rules.values() {
        let rule = rule
            .as_object()
            .ok_or_else(|| shape("networkPolicies", "holds a rule that is no object"))?;
        check_endpoints(rule)?;
    }
    if rules.keys().any(|key| key.starts_with(RESERVED_PREFIX)) {
        return Err(DocumentError::ReservedName);
    }
    Ok(())
}

fn check_profile(tree: &Object) -> Result<(), DocumentError> {
    for name in ["credentials", "binaries"] {
        if tree.get(name).is_some_and(|value| !value.is_array()) {
            return Err(shape(name, "is no array"));
        }
    }
    check_endpoints(tree)?;
    match tree.get("id").and_then(Value::as_str) {
        Some(id) if (1..=253).contains(&id.len()) => Ok(()),
        _ => Err(DocumentError::Surface),
    }
}

fn check_endpoints(holder: &Object) -> Result<(), DocumentError> {
    let Some(endpoints) = holder.get("endpoints") else {
        return Ok(());
    };
    let endpoints = endpoints
        .as_array()
        .ok_or_else(|| shape("endpoints", "is no array"))?;
    if endpoints.iter().all(Value::is_object) {
        Ok(())
    } else {
        Err(shape("endpoints", "holds what is no object"))
    }
}

fn shape(name: &str, what: &str) -> DocumentError {
    let name: String = name.chars().take(64).collect();
    DocumentError::Shape(format!("does not fit its role: {name:?} {what}"))
}

/// Reports whether a value nests deeper than so many objects and arrays. It stops
/// there, so that no stack is at risk.
pub(crate) fn deeper_than(value: &Value, limit: usize) -> bool {
    match value {
        Value::Array(elements) => {
            limit == 0 || elements.iter().any(|value| deeper_than(value, limit - 1))
        }
        Value::Object(members) => {
            limit == 0 || members.values().any(|value| deeper_than(value, limit - 1))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;
    use proptest::prelude::*;
    use serde_json::json;

    fn text(role: Role, message: Value) -> Result<String, DocumentError> {
        Document::new(role, message)
            .map(|document| String::from_utf8(document.body().to_vec()).expect("JSON is UTF-8"))
    }

    #[test]
    fn leaves_out_what_the_gateway_derives() {
        let profile = json!({
            "id": "forge", "resourceVersion": "7", "annotations": {"a": "b"}, "source": "user", "scope": "x",
            "discovery": {"credentials": []},
            "endpoints": [{"host": "h", "providerCredentialed": true, "advisorProposed": true, "credentialBinding": {}}],
        });
        assert_eq!(
            text(Role::ProviderProfile, profile).as_deref(),
            Ok(
                "{\"@type\":\"type.googleapis.com/openshell.v1.ProviderProfile\",\"endpoints\":[{\"host\":\"h\"}],\"id\":\"forge\"}"
            )
        );
        let policy = json!({"networkPolicies": {"a": {"endpoints": [{"providerCredentialed": true, "advisorProposed": true}]}}});
        assert_eq!(
            text(Role::GlobalPolicy, policy).as_deref(),
            Ok(
                "{\"@type\":\"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy\",\"networkPolicies\":{\"a\":{\"endpoints\":[{\"advisorProposed\":true}]}}}"
            )
        );
    }

    #[test]
    fn keeps_markers_in_the_effective_policy() {
        let policy = json!({"networkPolicies": {"_provider_x": {"endpoints": [{"providerCredentialed": true}]}}});
        let document = Document::effective(policy).expect("it is well formed");
        assert!(
            std::str::from_utf8(document.body()).is_ok_and(|t| t.contains("providerCredentialed"))
        );
    }

    #[test]
    fn wide_integers_become_strings() {
        let refresh = |n: Value| {
            let profile =
                json!({"id": "x", "credentials": [{"refresh": {"maxLifetimeSeconds": n}}]});
            text(Role::ProviderProfile, profile)
        };
        for n in [json!(3600), json!(3600.0), json!("3600")] {
            assert!(refresh(n).is_ok_and(|t| t.contains("{\"maxLifetimeSeconds\":\"3600\"}")));
        }
        assert!(matches!(refresh(json!(0.5)), Err(DocumentError::Shape(_))));
    }

    #[test]
    fn a_middlewares_config_is_any_json() {
        let config = json!({"refresh_token": null, "list": [null], "read_only": 1});
        let policy = |config: &Value| json!({"networkMiddlewares": {"m": {"config": config}}});
        assert!(
            text(Role::SandboxPolicy, policy(&config)).is_ok_and(|t| t.contains("\"list\":[null]"))
        );
        let beside = json!({"networkMiddlewares": {"m": {"read_only": 1}}});
        assert!(text(Role::SandboxPolicy, beside).is_err());
        let deeper = json!({"networkPolicies": {"m": {"config": {"read_only": 1}}}});
        assert!(text(Role::SandboxPolicy, deeper).is_err());
    }

    #[test]
    fn refuses() {
        for (role, message) in [
            (Role::SandboxPolicy, json!([])),
            (
                Role::SandboxPolicy,
                json!({"@type": "type.googleapis.com/openshell.v1.ProviderProfile"}),
            ),
            (Role::SandboxPolicy, json!({"networkPolicies": []})),
            (Role::SandboxPolicy, json!({"networkPolicies": {"a": 1}})),
            (Role::SandboxPolicy, json!({"networkPolicies": {"a": null}})),
            (
                Role::SandboxPolicy,
                json!({"networkPolicies": {"a": {"endpoints": {}}}}),
            ),
            (
                Role::SandboxPolicy,
                json!({"networkPolicies": {"a": {"endpoints": [1]}}}),
            ),
            (
                Role::SandboxPolicy,
                json!({"networkPolicies": {"_provider_a": {}}}),
            ),
            (
                Role::SandboxPolicy,
                json!({"filesystem": {"readOnly": [null]}}),
            ),
            (
                Role::SandboxPolicy,
                json!({"filesystem": {"read_only": []}}),
            ),
            (Role::ProviderProfile, json!({"endpoints": []})),
            (Role::ProviderProfile, json!({"id": ""})),
            (Role::ProviderProfile, json!({"id": "x".repeat(254)})),
            (Role::ProviderProfile, json!({"id": "x", "credentials": {}})),
            (Role::ProviderProfile, json!({"id": "x", "endpoints": [[]]})),
        ] {
            assert!(text(role, message.clone()).is_err(), "{message}");
        }
    }

    #[test]
    fn limits() {
        let nested = |n: usize| (0..n).fold(json!(1), |inner, _| json!([inner]));
        let settings = |n: usize| text(Role::Settings, json!({"a": nested(n)}));
        assert!(settings(31).is_ok());
        assert!(settings(32).is_err());
        let sized = |n: usize| {
            let frame =
                "{\"@type\":\"type.googleapis.com/sigdriver.v1.GatewaySettings\",\"a\":\"\"}".len();
            text(Role::Settings, json!({"a": "x".repeat(n - frame)}))
        };
        assert!(sized(1 << 20).is_ok_and(|t| t.len() == 1 << 20));
        assert_eq!(
            sized((1 << 20) + 1),
            Err(DocumentError::TooLarge { limit: 1 << 20 })
        );
    }

    proptest! {
        /// A document's document is itself.
        #[test]
        fn is_stable(value in any::<i32>(), name in "[a-z_A-Z]{1,12}", null in any::<bool>()) {
            let extra = if null { Value::Null } else { json!({"a": [value, {"b": "c"}]}) };
            if let Ok(document) = Document::new(Role::SandboxPolicy, json!({name: extra, "version": 1})) {
                let again = Document::parse(Role::SandboxPolicy, document.body()).expect("it is a document");
                prop_assert_eq!(again, document);
            }
        }
    }
}
