// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A gateway of `OpenShell` 0.1.5 with its rows in memory: it builds configurations and
//! provider environments in one place each, calls the hook there, and answers polls,
//! pushes and shows what comes of it. Beside it a sandbox that runs.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use openshell_policy_signing::{
    Configuration, Exchange, GatewaySettings, Hook, HostNames, Inputs, Mode, NoLayer, ProfileLayer,
    Recipe, Role, Sandbox, SettingValue, before_credentials, before_exchange, judge_configuration,
};
use prost::Message;
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::compose::{Attached, Source, compose, endpoints_mut};
use super::lab::{self, Lab, eventually};
use super::messages;
use super::messages::{
    ConfigApplyOutcome, ConfigUpdate, ConfigurationAdmissionState, EffectiveSetting,
    ExchangeProviderSubjectTokenRequest, ExchangeProviderSubjectTokenResponse, PolicySource,
    ProviderEnvironmentSnapshot, ProviderEnvironmentValue, SandboxConfigSnapshot,
    SandboxConfigurationAdmission, SandboxPolicy, SessionAccepted, SupervisorHello, setting_value,
};

/// Where the approved profile sends subject tokens.
pub const ENDPOINT: &str = "https://login.forge.example/token";

pub fn profile(id: &str, host: &str) -> Value {
    json!({
        "id": id,
        "displayName": id,
        "category": "PROVIDER_PROFILE_CATEGORY_OTHER",
        "credentials": [{"name": "token", "envVars": ["TOKEN"], "authStyle": "bearer", "tokenGrant": {
            "tokenEndpoint": ENDPOINT, "grantType": "PROVIDER_CREDENTIAL_TOKEN_GRANT_TYPE_TOKEN_EXCHANGE"}}],
        "endpoints": [{"host": host, "port": 443, "protocol": "rest",
            "access": "NETWORK_ACCESS_PRESET_READ_ONLY"}],
        "binaries": [{"path": "/usr/bin/git"}],
    })
}

pub fn policy(host: &str) -> Value {
    let mut policy = lab::policy(host);
    let endpoint = &mut policy["networkPolicies"]["web"]["endpoints"][0];
    endpoint["access"] = "NETWORK_ACCESS_PRESET_READ_ONLY".into();
    policy
}

/// Rows of a sandbox with one provider.
pub fn rows() -> Rows {
    let forge = profile("forge", "forge.example");
    let evil = profile("evil", "evil.example");
    let text = |text: &str| SettingValue::Text(text.to_owned());
    Rows {
        sandbox: Sandbox {
            workspace: "prod".into(),
            id: "sb-1".into(),
            name: "web-1".into(),
        },
        policy: policy("api.example"),
        global_policy: None,
        profiles: BTreeMap::from([("forge".to_owned(), forge), ("evil".to_owned(), evil)]),
        providers: vec![ProviderRow {
            name: "My Forge".to_owned(),
            profile: "forge".to_owned(),
            base_url: None,
        }],
        settings: BTreeMap::from([
            ("log_level".to_owned(), text("info")),
            ("retries".to_owned(), SettingValue::Whole(5)),
        ]),
        validation_failure_mode: "fail_closed".to_owned(),
        token_endpoint: ENDPOINT.to_owned(),
    }
}

/// Approves what the rows hold, and an older policy.
pub fn approve(lab: &mut Lab) {
    for (host, version) in [("old.example", 6), ("api.example", 7)] {
        let document = lab::document(Role::SandboxPolicy, policy(host));
        lab.approve(&document, "alice", version);
    }
    let forge = lab::document(Role::ProviderProfile, profile("forge", "forge.example"));
    lab.approve(&forge, "dave", 1);
    let settings = lab::document(Role::Settings, rows().settings().message());
    lab.approve(&settings, "alice", 2);
}

/// A gateway beside the driver that runs there, once it has read what was approved.
pub async fn connect(lab: &Lab) -> Host {
    let mut asked = lab.settings(Mode::Enforce);
    asked.recipe = Recipe::V2026_10;
    let hook = Hook::connect(asked).await.expect("it is the driver");
    let host = Host::new(Some(hook), rows());
    let served = eventually(
        || host.poll(),
        |answer| {
            answer
                .as_ref()
                .is_ok_and(|config| config.configuration_admitted)
        },
    );
    let served = served.await.expect("the driver answers");
    assert_eq!(served.configuration_error, "");
    host
}

/// A provider record.
#[derive(Clone)]
pub struct ProviderRow {
    pub name: String,
    /// The id of its profile.
    pub profile: String,
    pub base_url: Option<&'static str>,
}

/// The rows of one sandbox. Whoever edits the database edits these.
#[derive(Clone)]
pub struct Rows {
    pub sandbox: Sandbox,
    pub policy: Value,
    pub global_policy: Option<Value>,
    pub profiles: BTreeMap<String, Value>,
    pub providers: Vec<ProviderRow>,
    pub settings: BTreeMap<String, SettingValue>,
    pub validation_failure_mode: String,
    /// Where a token grant's row says that the subject token goes.
    pub token_endpoint: String,
}

impl Rows {
    pub fn settings(&self) -> GatewaySettings {
        GatewaySettings {
            policy_is_global: self.global_policy.is_some(),
            policy_validation_failure_mode: self.validation_failure_mode.clone(),
            extension_authentication_enabled: true,
            settings: self.settings.clone(),
            ..Default::default()
        }
    }
}

/// One reading of the rows, with the policy composed.
pub struct Loaded {
    rows: Rows,
    attached: Vec<Attached>,
    effective: Value,
}

impl Inputs for Loaded {
    fn sandbox(&self) -> Sandbox {
        self.rows.sandbox.clone()
    }
    fn source(&self) -> Result<Option<Value>, Status> {
        let global = self.rows.global_policy.as_ref();
        Ok(Some(global.unwrap_or(&self.rows.policy).clone()))
    }
    fn source_is_global(&self) -> bool {
        self.rows.global_policy.is_some()
    }
    fn providers(&self) -> Result<Vec<ProfileLayer>, Status> {
        let layer = |attached: &Attached| ProfileLayer {
            provider: attached.provider.clone(),
            workspace: String::new(),
            profile: attached.profile.clone(),
            no_layer: attached.no_layer,
        };
        Ok(self.attached.iter().map(layer).collect())
    }
    fn without_profile(&self) -> Vec<String> {
        let has_none = |row: &&ProviderRow| !self.rows.profiles.contains_key(&row.profile);
        let attached = self.rows.providers.iter().filter(has_none);
        attached.map(|row| row.name.clone()).collect()
    }
    fn settings(&self) -> GatewaySettings {
        self.rows.settings()
    }
    fn effective(&self) -> Result<Option<Value>, Status> {
        Ok(Some(self.effective.clone()))
    }
    fn names(&self) -> HostNames {
        HostNames::default()
    }
}

impl Configuration for SandboxConfigSnapshot {
    fn admits(&self) -> bool {
        self.policy.is_some() || self.configuration_admitted
    }
    fn refuse(&mut self, error: &str) {
        self.policy = None;
        self.configuration_admitted = false;
        error.clone_into(&mut self.configuration_error);
    }
}

/// The gateway; without a hook, one of today.
pub struct Host {
    pub hook: Option<Hook>,
    pub rows: Rows,
    /// What somebody with a foot in the process does to a policy after composing.
    pub tamper: fn(&mut Value),
}

impl Host {
    pub fn new(hook: Option<Hook>, rows: Rows) -> Self {
        Self {
            hook,
            rows,
            tamper: |_| (),
        }
    }

    /// Loads and composes: the profile of each attached provider, layers, markers, and
    /// the owners of token grants.
    fn load(&self) -> Loaded {
        let rows = self.rows.clone();
        let attached: Vec<Attached> = rows
            .providers
            .iter()
            .filter_map(|row| {
                let profile = rows.profiles.get(&row.profile)?.clone();
                let host = row.base_url.and_then(|url| url.strip_prefix("https://"));
                let endpoints = profile["endpoints"].as_array().into_iter().flatten();
                let elsewhere =
                    host.is_some_and(|host| endpoints.into_iter().all(|e| e["host"] != host));
                Some(Attached {
                    provider: row.name.clone(),
                    profile,
                    no_layer: elsewhere.then_some(NoLayer::BaseUrlElsewhere),
                })
            })
            .collect();
        let source = Source {
            policy: rows.global_policy.as_ref().unwrap_or(&rows.policy),
            is_global: rows.global_policy.is_some(),
            providers_v2_enabled: false,
        };
        let mut effective = compose(Recipe::V2026_10, &source, &attached);
        for endpoint in endpoints_mut(&mut effective) {
            if source.is_global || endpoint["providerCredentialed"] == true {
                let owner = format!("grant-owner:v1:{}", "ab".repeat(32));
                endpoint["tokenGrantOwner"] = owner.into();
            }
        }
        (self.tamper)(&mut effective);
        Loaded {
            rows,
            attached,
            effective,
        }
    }

    /// The one builder of configurations.
    async fn build_configuration(
        &self,
        loaded: &Loaded,
        nonce: Option<Bytes>,
    ) -> Result<(SandboxConfigSnapshot, Option<Bytes>), Status> {
        let source = match &loaded.rows.global_policy {
            Some(_) => PolicySource::Global,
            None => PolicySource::Sandbox,
        };
        let built = SandboxConfigSnapshot {
            policy: Some(SandboxPolicy::of(&loaded.effective)),
            policy_source: source.into(),
            workspace: loaded.rows.sandbox.workspace.clone(),
            policy_validation_failure_mode: loaded.rows.validation_failure_mode.clone(),
            extension_authentication_enabled: true,
            settings: effective_settings(&loaded.rows.settings),
            configuration_admitted: true,
            configuration_instance_id: "instance-1".to_owned(),
            ..Default::default()
        };
        judge_configuration(self.hook.as_ref(), loaded, built, nonce).await
    }

    /// The one builder of provider environments.
    async fn build_environment(
        &self,
        loaded: &Loaded,
    ) -> Result<ProviderEnvironmentSnapshot, Status> {
        before_credentials(self.hook.as_ref(), loaded).await?;
        let value = |row: &ProviderRow| ProviderEnvironmentValue {
            name: format!("{}_TOKEN", row.name),
            value: "secret".to_owned(),
        };
        Ok(ProviderEnvironmentSnapshot {
            values: loaded.rows.providers.iter().map(value).collect(),
        })
    }

    /// `GetSandboxConfig`, asked by a sandbox. Some errors of the builder become an
    /// answer without a policy, as the gateway makes them.
    pub async fn poll(&self) -> Result<SandboxConfigSnapshot, Status> {
        self.poll_with(None).await.map(|(answer, _)| answer)
    }

    pub async fn poll_with(
        &self,
        nonce: Option<Bytes>,
    ) -> Result<(SandboxConfigSnapshot, Option<Bytes>), Status> {
        let (built, receipt) = match self.build_configuration(&self.load(), nonce).await {
            Err(e) if matches!(e.code(), Code::FailedPrecondition | Code::InvalidArgument) => {
                let lost = SandboxConfigSnapshot {
                    configuration_error: "the configuration could not be built".to_owned(),
                    ..Default::default()
                };
                (lost, None)
            }
            other => other?,
        };
        let wire = built.encode_to_vec();
        let answer = SandboxConfigSnapshot::decode(&wire[..]).expect("it was just encoded");
        Ok((answer, receipt))
    }

    /// What the driver signs about the same policy for another sandbox.
    pub async fn receipt_of(&self, sandbox: &str, nonce: Option<Bytes>) -> Option<Bytes> {
        let mut loaded = self.load();
        sandbox.clone_into(&mut loaded.rows.sandbox.id);
        let built = self.build_configuration(&loaded, nonce).await.ok()?;
        built.1
    }

    /// `GetSandboxProviderEnvironment`.
    pub async fn poll_environment(&self) -> Result<ProviderEnvironmentSnapshot, Status> {
        self.build_environment(&self.load()).await
    }

    /// What is pushed over `ConnectSupervisor` after a change; an error pushes nothing.
    pub async fn push(&self) -> Result<ConfigUpdate, Status> {
        self.push_with(None).await
    }

    /// The same, to a supervisor that gave a nonce ahead.
    pub async fn push_with(&self, nonce: Option<Bytes>) -> Result<ConfigUpdate, Status> {
        let loaded = self.load();
        let (config, receipt) = self.build_configuration(&loaded, nonce).await?;
        let provider_environment = if config.configuration_admitted {
            Some(self.build_environment(&loaded).await?)
        } else {
            None
        };
        let update = ConfigUpdate {
            update_id: "update-1".to_owned(),
            sandbox_config: Some(config),
            provider_environment,
            policy_receipt: receipt.map(Vec::from),
        };
        let wire = update.encode_to_vec();
        Ok(ConfigUpdate::decode(&wire[..]).expect("it was just encoded"))
    }

    /// What a supervisor that connects is given with the session.
    pub async fn bootstrap(&self, hello: SupervisorHello) -> Result<SessionAccepted, Status> {
        let push = hello.supports_config_push;
        let nonce = hello.policy_nonce.map(Bytes::from);
        Ok(SessionAccepted {
            session_id: "session-1".to_owned(),
            bootstrap: if push {
                Some(self.push_with(nonce).await?)
            } else {
                None
            },
            config_push_enabled: push,
        })
    }

    /// What `openshell sandbox get` shows of the configuration.
    pub async fn readiness(&self) -> Result<SandboxConfigurationAdmission, Status> {
        let (config, _) = self.build_configuration(&self.load(), None).await?;
        let state = if config.configuration_admitted {
            ConfigurationAdmissionState::Accepted
        } else {
            ConfigurationAdmissionState::Rejected
        };
        Ok(SandboxConfigurationAdmission {
            instance_id: config.configuration_instance_id,
            state: state.into(),
            error: config.configuration_error,
        })
    }

    /// `ExchangeProviderSubjectToken`.
    pub async fn exchange(&self) -> Result<ExchangeProviderSubjectTokenResponse, Status> {
        let request = ExchangeProviderSubjectTokenRequest {
            sandbox_id: self.rows.sandbox.id.clone(),
            provider: self.rows.providers[0].name.clone(),
            credential_key: "token".to_owned(),
        };
        let exchange = Exchange {
            provider: request.provider,
            credential: request.credential_key,
            token_endpoint: self.rows.token_endpoint.clone(),
        };
        before_exchange(self.hook.as_ref(), &self.load(), &exchange).await?;
        Ok(ExchangeProviderSubjectTokenResponse {
            access_token: "exchanged".to_owned(),
        })
    }
}

/// Settings as they travel.
fn effective_settings(
    settings: &BTreeMap<String, SettingValue>,
) -> HashMap<String, EffectiveSetting> {
    let one = |(key, value): (&String, &SettingValue)| {
        let value = match value.clone() {
            SettingValue::Text(text) => setting_value::Value::Text(text),
            SettingValue::Flag(flag) => setting_value::Value::Flag(flag),
            SettingValue::Whole(number) => setting_value::Value::Whole(number),
            SettingValue::Bytes(bytes) => setting_value::Value::Octets(bytes),
        };
        let value = messages::SettingValue { value: Some(value) };
        (key.clone(), EffectiveSetting { value: Some(value) })
    };
    settings.iter().map(one).collect()
}

/// A sandbox that runs, and what it does with configurations.
pub struct Running {
    pub policy: Option<SandboxPolicy>,
    pub quarantined: bool,
}

impl Running {
    /// Applies what it was given, by the failure mode that it was told last.
    pub fn apply(&mut self, config: &SandboxConfigSnapshot) -> ConfigApplyOutcome {
        match (
            &config.policy,
            config.policy_validation_failure_mode.as_str(),
        ) {
            (Some(policy), _) if config.configuration_admitted => {
                self.policy = Some(policy.clone());
                self.quarantined = false;
                ConfigApplyOutcome::Applied
            }
            (_, "retain_last_valid") => ConfigApplyOutcome::FailedRetainedLastKnownGood,
            _ => {
                self.quarantined = true;
                ConfigApplyOutcome::FailedClosed
            }
        }
    }
}
