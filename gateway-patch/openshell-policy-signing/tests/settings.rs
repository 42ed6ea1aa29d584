// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The settings document from both sides: what the hook makes of a gateway's objects, and
//! what `sigdriver canonicalize` makes of what that gateway prints and is configured with.

mod common;

use std::collections::BTreeMap;

use common::lab::Lab;
use openshell_policy_signing::{Document, GatewaySettings, MiddlewareService, Role, SettingValue};
use serde_json::{Value, json};

const CA: &str = "-----BEGIN CERTIFICATE-----\nbm90IHJlYWxseSBhIGNlcnRpZmljYXRlLCBhbmQgbG9uZyBlbm91Z2ggZm9yIHR3\nbyBsaW5lcw==\n-----END CERTIFICATE-----\n";

/// A gateway: the objects that the hook sees, and what its operator holds.
struct Held {
    settings: GatewaySettings,
    printed: Value,
    config: String,
}

/// As `openshell settings get web-1 --json` prints the merged settings.
fn printed(global: bool) -> Value {
    json!({
        "sandbox": "web-1", "workspace": "prod", "config_revision": 7_u64, "policy_hash": "ab12",
        "policy_source": if global { "global" } else { "sandbox" },
        "settings": {
            "agent_policy_proposals_enabled": {"value": "<unset>", "scope": "unset"},
            "ocsf_json_enabled": {"value": "false", "scope": "sandbox"},
            "proposal_approval_mode": {"value": "manual", "scope": "global"},
            "providers_v2_enabled": {"value": "true", "scope": "global"},
        },
    })
}

fn merged() -> BTreeMap<String, SettingValue> {
    BTreeMap::from([
        ("ocsf_json_enabled".to_owned(), SettingValue::Flag(false)),
        (
            "proposal_approval_mode".to_owned(),
            SettingValue::Text("manual".to_owned()),
        ),
        ("providers_v2_enabled".to_owned(), SettingValue::Flag(true)),
    ])
}

fn held(line: &str, lab: &Lab) -> [Held; 3] {
    let layers = |flag| (line == "0.0").then_some(flag);
    let plain = Held {
        settings: GatewaySettings {
            providers_v2_enabled: layers(true),
            policy_validation_failure_mode: "fail_closed".to_owned(),
            settings: merged(),
            ..Default::default()
        },
        printed: printed(false),
        config: "[openshell]\nversion = 1\n[openshell.gateway]\nlog_level = \"info\"\n".to_owned(),
    };
    let service = |name: &str, ca: &str, insecure| MiddlewareService {
        name: name.to_owned(),
        endpoint: format!("https://{name}.example:8443"),
        allow_insecure_transport: insecure,
        ca_pem: ca.as_bytes().to_vec(),
    };
    // The policy names scan and guard; audit is for other sandboxes.
    let full = Held {
        settings: GatewaySettings {
            policy_is_global: true,
            extension_authentication_enabled: true,
            policy_validation_failure_mode: "retain_last_valid".to_owned(),
            middleware_services: vec![service("scan", "", true), service("guard", CA, false)],
            ..plain.settings.clone()
        },
        printed: printed(true),
        config: format!(
            "[openshell.gateway]\npolicy_validation_failure_mode = \"retain_last_valid\"\n\
             [openshell.gateway.gateway_jwt]\nsigning_key_path = \"/etc/openshell/jwt.pem\"\n\
             [[openshell.supervisor.middleware]]\nname = \"scan\"\ngrpc_endpoint = \"https://scan.example:8443\"\n\
             allow_insecure_transport = true\nmax_payload_bytes = 65536\n\
             [[openshell.supervisor.middleware]]\nname = \"audit\"\ngrpc_endpoint = \"https://audit.example\"\nmax_payload_bytes = 1\n\
             [[openshell.supervisor.middleware]]\nname = \"guard\"\ngrpc_endpoint = \"https://guard.example:8443\"\n\
             tls_ca_cert_path = \"{}\"\nmax_payload_bytes = 65536\n",
            lab.path("ca.pem").display()
        ),
    };
    // With --global a setting is its text, and all of them are the gateway's.
    let global = Held {
        settings: GatewaySettings {
            providers_v2_enabled: layers(false),
            settings: BTreeMap::from([(
                "providers_v2_enabled".to_owned(),
                SettingValue::Flag(false),
            )]),
            ..plain.settings.clone()
        },
        printed: json!({"scope": "global", "settings_revision": 3_u64, "settings": {
            "ocsf_json_enabled": "<unset>", "providers_v2_enabled": "false"}}),
        config: String::new(),
    };
    [plain, full, global]
}

#[test]
fn both_make_the_same_document() {
    let lab = Lab::new();
    let write = |name: &str, text: &str| std::fs::write(lab.path(name), text).expect("written");
    // What stands round a certificate is not handed to sandboxes.
    write("ca.pem", &format!("subject: guard\n{CA}"));
    write(
        "policy.yaml",
        "version: 1\nnetwork_middlewares:\n  a: {middleware: scan, endpoints: {include: ['**']}}\n  \
         b: {middleware: guard, order: 1, endpoints: {include: ['**']}}\n",
    );
    let mut digests = std::collections::BTreeSet::new();
    for line in ["0.0", "0.1"] {
        for held in held(line, &lab) {
            let document = Document::new(Role::Settings, held.settings.message());
            let document = document.expect("it is a document");
            write("printed.json", &held.printed.to_string());
            write("gateway.toml", &held.config);
            lab.sigdriver(&[
                "canonicalize",
                "--type",
                "settings",
                "--openshell",
                line,
                "--gateway-config",
                "gateway.toml",
                "--policy",
                "policy.yaml",
                "printed.json",
                "--out",
                "settings.json",
            ]);
            let made = std::fs::read_to_string(lab.path("settings.json")).expect("it is there");
            assert_eq!(made, String::from_utf8_lossy(document.body()), "{line}");
            digests.insert(*document.sha256());
        }
    }
    assert_eq!(digests.len(), 6);
}
