// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A supervisor of `OpenShell` 0.1.5, with the seams of receipts where configurations
//! come in, and the way to it from a gateway that somebody may have taken.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use openshell_policy_receipt::{
    Arrived, Configuration, Document, DocumentError, Gateway, GatewaySettings, Intake,
    MiddlewareService, NotTaken, Role, SettingValue, Statement, Taken, Time,
};
use tonic::Status;

use super::host::{Host, Running};
use super::messages::{
    ConfigApplyOutcome, ConfigUpdate, ConfigUpdateResult, ConfigurationAdmissionState,
    PolicySource, ProviderEnvironmentSnapshot, SandboxConfigSnapshot,
    SandboxConfigurationAdmission, SupervisorHello, setting_value,
};

impl Configuration for SandboxConfigSnapshot {
    fn policy(&self) -> Result<Option<Document>, DocumentError> {
        let policy = self.policy.as_ref();
        policy.map(|p| Document::effective(p.json())).transpose()
    }
    fn admitted(&self) -> bool {
        self.configuration_admitted
    }
    fn error(&self) -> &str {
        &self.configuration_error
    }
    fn workspace(&self) -> &str {
        &self.workspace
    }
    fn settings(&self, _: &Statement) -> Option<Document> {
        let value = |setting: &super::messages::EffectiveSetting| {
            Some(match setting.value.clone()?.value? {
                setting_value::Value::Text(text) => SettingValue::Text(text),
                setting_value::Value::Flag(flag) => SettingValue::Flag(flag),
                setting_value::Value::Whole(number) => SettingValue::Whole(number),
                setting_value::Value::Octets(bytes) => SettingValue::Bytes(bytes),
            })
        };
        let settings = self.settings.iter();
        let services = self.supervisor_middleware_services.iter();
        let message = GatewaySettings {
            policy_is_global: self.policy_source() == PolicySource::Global,
            providers_v2_enabled: None, // nobody asks in this line
            policy_validation_failure_mode: self.policy_validation_failure_mode.clone(),
            extension_authentication_enabled: self.extension_authentication_enabled,
            settings: settings
                .filter_map(|(key, setting)| Some((key.clone(), value(setting)?)))
                .collect(),
            middleware_services: services
                .map(|service| MiddlewareService {
                    name: service.name.clone(),
                    endpoint: service.grpc_endpoint.clone(),
                    allow_insecure_transport: service.allow_insecure_transport,
                    ca_pem: service.tls_ca_cert_pem.clone(),
                })
                .collect(),
        }
        .message();
        Document::new(Role::Settings, message).ok()
    }
}

/// What goes over the way to the supervisor.
#[derive(Clone)]
pub struct Sent {
    pub config: SandboxConfigSnapshot,
    pub receipt: Option<Bytes>,
}

/// What a taken gateway has to lie with.
pub struct Kept {
    /// An earlier answer, with the receipt that it had.
    pub earlier: Sent,
    /// What the driver signed for another sandbox of the same policy, for this nonce.
    pub elsewhere: Option<Bytes>,
}

/// A lie: what a taken gateway makes of an honest message.
pub type Lie = fn(&mut Sent, &Kept);

pub const HONEST: Lie = |_, _| ();

/// The way from a gateway to one supervisor.
pub struct Way {
    pub host: Host,
    pub lie: Lie,
    /// Whether messages have our fields, so that receipts travel with pushes.
    pub fields: bool,
    /// How long a message is on its way, in seconds.
    pub delay: i64,
    /// An answer never comes.
    pub silent: bool,
    earlier: Mutex<Option<Sent>>,
}

impl Way {
    pub fn new(host: Host, fields: bool) -> Self {
        Self {
            host,
            lie: HONEST,
            fields,
            delay: 0,
            silent: false,
            earlier: Mutex::new(None),
        }
    }

    /// Forgets nothing: the first message that had a receipt is kept for later.
    async fn lied(&self, mut sent: Sent, nonce: Option<Bytes>) -> Sent {
        let elsewhere = self.host.receipt_of("sb-2", nonce).await;
        let earlier = {
            let mut earlier = self.earlier.lock().expect("no test panics in it");
            if earlier.is_none() && sent.receipt.is_some() {
                *earlier = Some(sent.clone());
            }
            earlier.clone().unwrap_or_else(|| sent.clone())
        };
        (self.lie)(&mut sent, &Kept { earlier, elsewhere });
        sent
    }
}

impl Gateway for Way {
    type Configuration = SandboxConfigSnapshot;
    type Error = Status;

    async fn ask(&self, nonce: Option<&[u8]>) -> Result<Arrived<SandboxConfigSnapshot>, Status> {
        const DEADLINE: Duration = Duration::from_millis(50);
        if self.silent {
            let never = tokio::time::timeout(DEADLINE, std::future::pending::<()>()).await;
            return Err(Status::deadline_exceeded(
                never.expect_err("it never ends").to_string(),
            ));
        }
        let nonce = nonce.map(Bytes::copy_from_slice);
        let (config, receipt) = self.host.poll_with(nonce.clone()).await?;
        let sent = self.lied(Sent { config, receipt }, nonce).await;
        Ok(Arrived {
            configuration: sent.config,
            receipt: sent.receipt.map(Vec::from),
        })
    }

    fn now(&self) -> Time {
        Time::now().plus(self.delay)
    }
}

/// The supervisor of one sandbox.
pub struct Supervisor {
    pub intake: Intake,
    pub running: Running,
    /// The failure mode that was allowed last; nothing before.
    mode: Option<String>,
    /// The credentials that the workload has.
    pub environment: Option<ProviderEnvironmentSnapshot>,
    /// Whether a workload runs.
    pub started: bool,
    /// What the gateway was told of the last one.
    pub reported: Option<SandboxConfigurationAdmission>,
    /// Every refusal of the gate, as an event would say it.
    pub events: Vec<&'static str>,
}

impl Supervisor {
    pub fn new(intake: Intake) -> Self {
        Self {
            intake,
            running: Running {
                policy: None,
                quarantined: false,
            },
            mode: None,
            environment: None,
            started: false,
            reported: None,
            events: Vec::new(),
        }
    }

    /// What it says when it connects.
    pub fn hello(&self, way: &Way) -> SupervisorHello {
        SupervisorHello {
            sandbox_id: way.host.rows.sandbox.id.clone(),
            supports_config_push: true,
            policy_nonce: self.offer(way),
        }
    }

    fn offer(&self, way: &Way) -> Option<Vec<u8>> {
        if !way.fields {
            return None;
        }
        self.intake.offer().expect("random bytes")
    }

    /// Asks for its configuration, as it does every few seconds and before it starts.
    pub async fn poll(&mut self, way: &Way) -> ConfigApplyOutcome {
        let taken = self.intake.polled(way).await;
        let outcome = self.take(taken);
        if outcome == ConfigApplyOutcome::Applied {
            let environment = way.host.poll_environment().await;
            self.environment = Some(environment.expect("it is approved"));
        }
        outcome
    }

    /// Takes what was pushed, and says what came of it, with a nonce for the next.
    pub async fn pushed(&mut self, way: &Way, update: ConfigUpdate) -> ConfigUpdateResult {
        let push = Arrived {
            configuration: update.sandbox_config.unwrap_or_default(),
            receipt: update.policy_receipt,
        };
        let taken = self.intake.pushed(way, push).await;
        let outcome = self.take(taken);
        if outcome == ConfigApplyOutcome::Applied {
            self.environment = update.provider_environment;
        }
        ConfigUpdateResult {
            update_id: update.update_id,
            outcome: outcome.into(),
            admission: self.reported.clone(),
            policy_nonce: self.offer(way),
        }
    }

    /// The gateway says that the workload may start.
    pub fn start(&mut self) -> bool {
        let about_to = SandboxConfigSnapshot {
            policy: self.running.policy.clone(),
            ..Default::default()
        };
        match self.intake.before_start(&about_to) {
            Ok(()) => self.started = true,
            Err(error) => self.events.push(error.reason()),
        }
        self.started
    }

    fn take(
        &mut self,
        taken: Result<Taken<SandboxConfigSnapshot>, NotTaken<Status>>,
    ) -> ConfigApplyOutcome {
        match taken {
            Ok(Taken::Unjudged(config) | Taken::Allowed(config)) => {
                let outcome = self.running.apply(&config);
                if outcome == ConfigApplyOutcome::Applied {
                    self.mode = Some(config.policy_validation_failure_mode.clone());
                }
                self.report(&config.configuration_error, outcome);
                outcome
            }
            Ok(Taken::Withheld(error)) => {
                let none = SandboxConfigSnapshot {
                    policy_validation_failure_mode: self.mode.clone().unwrap_or_default(),
                    ..Default::default()
                };
                let outcome = self.running.apply(&none);
                self.report(&error, outcome);
                outcome
            }
            Err(not_taken) => {
                self.events.extend(not_taken.reason());
                let kept = ConfigApplyOutcome::FailedRetainedLastKnownGood;
                self.report(&not_taken.to_string(), kept);
                kept
            }
        }
    }

    /// `ReportSandboxConfiguration`: what was accepted, or why not.
    fn report(&mut self, error: &str, outcome: ConfigApplyOutcome) {
        let state = match outcome {
            ConfigApplyOutcome::Applied => ConfigurationAdmissionState::Accepted,
            _ => ConfigurationAdmissionState::Rejected,
        };
        self.reported = Some(SandboxConfigurationAdmission {
            instance_id: "instance-1".to_owned(),
            state: state.into(),
            error: error.to_owned(),
        });
    }
}

/// What a gateway pushes to a supervisor that gave this nonce, a lie if it was taken.
pub async fn push(way: &Way, nonce: Option<Vec<u8>>) -> ConfigUpdate {
    let nonce = nonce.map(Bytes::from);
    let mut update = way
        .host
        .push_with(nonce.clone())
        .await
        .expect("it is pushed");
    let sent = Sent {
        config: update.sandbox_config.take().expect("there is one"),
        receipt: update.policy_receipt.take().map(Bytes::from),
    };
    let sent = way.lied(sent, nonce).await;
    update.sandbox_config = Some(sent.config);
    update.policy_receipt = if way.fields {
        sent.receipt.map(Vec::from)
    } else {
        None
    };
    update
}
