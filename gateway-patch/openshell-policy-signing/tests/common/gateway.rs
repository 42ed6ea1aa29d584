// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A gateway with its rows in memory. It does at its two read seams what a gateway
//! does, in the same order, and calls the hook where the insertions call it.

use std::collections::BTreeMap;

use openshell_policy_signing::{Creation, Hook, HostNames, Parts, ProfileLayer, Recipe, Sandbox};
use serde_json::Value;
use tonic::Status;

use super::compose::{Attached, Source, compose};

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

impl Rows {
    /// The providers whose profile the catalog has not.
    fn without_profile(&self) -> Vec<String> {
        let has_none = |(_, id): &&(String, String)| !self.profiles.contains_key(id);
        let attached = self.providers.iter().filter(has_none);
        attached.map(|(name, _)| name.clone()).collect()
    }
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
        let attached: Vec<Attached> = rows
            .providers
            .iter()
            .filter_map(|(name, id)| {
                Some(Attached {
                    provider: name.clone(),
                    profile: catalog.get(id)?.clone(),
                    no_layer: None,
                })
            })
            .collect();
        let from = Source {
            policy: source,
            is_global: rows.global_policy.is_some(),
            providers_v2_enabled: rows.providers_v2_enabled,
        };
        let mut effective = compose(Recipe::V2026_08, &from, &attached);
        (self.tamper)(&mut effective);
        let parts = Parts {
            source: Some(source.clone()),
            source_is_global: rows.global_policy.is_some(),
            layers: attached
                .into_iter()
                .map(|layer| ProfileLayer {
                    provider: layer.provider,
                    workspace: String::new(),
                    profile: layer.profile,
                    no_layer: layer.no_layer,
                })
                .collect(),
            without_profile: rows.without_profile(),
            settings: Some(self.settings()),
            effective: Some(effective.clone()),
            providers_v2_enabled: rows.providers_v2_enabled,
            host: HostNames::default(),
        };
        (parts, effective)
    }

    /// A6: stores another validation failure mode for all sandboxes, which are this one,
    /// or none.
    pub async fn set_failure_mode(&mut self, mode: &str, there_is_one: bool) -> Result<(), Status> {
        let was = self.settings();
        let before = std::mem::replace(&mut self.rows.validation_failure_mode, mode.to_owned());
        let place = if there_is_one {
            self.rows.sandbox.clone()
        } else {
            Sandbox::default()
        };
        if let Some(hook) = &self.hook {
            let admitted = hook.admit_settings(&place, was, self.settings()).await;
            if let Err(status) = admitted {
                self.rows.validation_failure_mode = before;
                return Err(status);
            }
        }
        Ok(())
    }

    /// A1: creates the sandbox of the rows.
    pub async fn create_sandbox(&self) -> Result<(), Status> {
        let Some(hook) = &self.hook else {
            return Ok(());
        };
        hook.admit_sandbox(Creation {
            sandbox: self.rows.sandbox.clone(),
            name_is_generated: false,
            policy: Some(self.rows.policy.clone()),
            source_is_global: self.rows.global_policy.is_some(),
            settings: self.settings(),
        })
        .await
    }

    pub fn settings(&self) -> Value {
        let mut settings = super::lab::settings(self.rows.providers_v2_enabled);
        if self.rows.global_policy.is_some() {
            settings["policySource"] = "GLOBAL_POLICY".into();
        }
        settings["policyValidationFailureMode"] = self.rows.validation_failure_mode.clone().into();
        settings
    }
}
