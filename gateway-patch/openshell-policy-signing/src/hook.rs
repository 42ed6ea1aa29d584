// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! What a gateway calls: one function at each seam.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use openshell_policy_document::{Document, DocumentError, Role};
use serde_json::Value;
use tonic::Status;
use tracing::{debug, warn};

use crate::answer::Attested;
use crate::config::{Mode, Settings};
use crate::connection::ConnectError;
use crate::driver::Driver;
use crate::outcome::{Outcome, Outcomes};
use crate::question::{Composition, HostNames, Layer, MAX_DOCUMENTS, Question};
use crate::recipe::{NoLayer, Recipe};
use crate::refusal::{Denial, Refusal};
use crate::settings_files::SettingsFiles;
use crate::signer::PolicySigner;
use crate::target::{Sandbox, Target};

/// The response metadata that carries the driver's receipt, a DSSE envelope.
pub const RECEIPT_METADATA: &str = "x-openshell-policy-receipt-bin";

/// The request metadata that asks for one: a nonce of 16 to 64 random bytes.
pub const NONCE_METADATA: &str = "x-openshell-policy-nonce-bin";

/// One attached provider, its profile in `ProtoJSON`.
#[derive(Clone)]
pub struct ProfileLayer {
    /// The provider record's name.
    pub provider: String,
    /// The workspace its profile is scoped to; empty for a profile of the gateway.
    pub workspace: String,
    /// The profile in use.
    pub profile: Value,
    /// Why it inserts nothing; none where it does.
    pub no_layer: Option<NoLayer>,
}

/// What an effective policy was made of, as the gateway holds it: `ProtoJSON`. Neither
/// it nor a layer is `Debug`: bodies are not for logs.
#[derive(Clone, Default)]
pub struct Parts {
    /// The sandbox's own policy as stored, or the global one.
    pub source: Option<Value>,
    /// Whether `source` is the policy of the global settings.
    pub source_is_global: bool,
    /// Every attached provider that has a profile, in attachment order.
    pub layers: Vec<ProfileLayer>,
    /// Every attached provider that has none, in attachment order.
    pub without_profile: Vec<String>,
    /// The settings document, plain JSON.
    pub settings: Option<Value>,
    /// The policy that is about to be served.
    pub effective: Option<Value>,
    /// Whether layers are inserted, by [`Recipe::V2026_08`].
    pub providers_v2_enabled: bool,
    /// For the record.
    pub host: HostNames,
}

impl Parts {
    fn composition(self) -> Result<Composition, DocumentError> {
        let role = if self.source_is_global {
            Role::GlobalPolicy
        } else {
            Role::SandboxPolicy
        };
        if self.layers.len() + 2 > MAX_DOCUMENTS {
            return Err(DocumentError::Shape(format!(
                "has {} layers, the limit is {}",
                self.layers.len(),
                MAX_DOCUMENTS - 2
            )));
        }
        if self.without_profile.len() > MAX_DOCUMENTS {
            return Err(DocumentError::Shape(format!(
                "has {} providers without a profile, the limit is {MAX_DOCUMENTS}",
                self.without_profile.len()
            )));
        }
        let layer = |layer: ProfileLayer| {
            Ok(Layer {
                provider: layer.provider,
                workspace: layer.workspace,
                profile: Document::new(Role::ProviderProfile, layer.profile)?,
                no_layer: layer.no_layer,
            })
        };
        Ok(Composition {
            source: self.source.map(|s| Document::new(role, s)).transpose()?,
            layers: self
                .layers
                .into_iter()
                .map(layer)
                .collect::<Result<_, _>>()?,
            without_profile: self.without_profile,
            settings: self
                .settings
                .map(|s| Document::new(Role::Settings, s))
                .transpose()?,
            effective: self.effective.map(Document::effective).transpose()?,
            providers_v2_enabled: self.providers_v2_enabled,
            host: self.host,
        })
    }
}

/// Told what came of each question, for the gateway's metrics.
type Observer = Box<dyn Fn(&'static str, Outcome) + Send + Sync>;

/// The hook of one gateway.
pub struct Hook {
    signer: Arc<dyn PolicySigner>,
    gateway_id: String,
    recipe: Recipe,
    mode: Mode,
    outcomes: Outcomes,
    observer: Option<Observer>,
    settings_files: Option<SettingsFiles>,
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hook({}, {:?})", self.gateway_id, self.mode)
    }
}

impl Hook {
    /// Connects to the driver. A gateway that cannot must not start.
    pub async fn connect(settings: Settings) -> Result<Self, ConnectError> {
        let (gateway_id, recipe, mode) =
            (settings.gateway_id.clone(), settings.recipe, settings.mode);
        let settings_dir = settings.settings_dir.clone();
        let driver = Driver::connect(settings).await?;
        let mut hook = Self::new(Arc::new(driver), &gateway_id, recipe, mode);
        hook.settings_files = settings_dir.map(SettingsFiles::new);
        Ok(hook)
    }

    /// A hook that asks somebody.
    pub fn new(
        signer: Arc<dyn PolicySigner>,
        gateway_id: &str,
        recipe: Recipe,
        mode: Mode,
    ) -> Self {
        if mode == Mode::Observe {
            warn!("policy signing observes only: policies are served whatever the driver says");
        }
        Self {
            signer,
            gateway_id: gateway_id.to_owned(),
            recipe,
            mode,
            outcomes: Outcomes::default(),
            observer: None,
            settings_files: None,
        }
    }

    /// Calls a function with the seam and what came of each question.
    #[must_use]
    pub fn observed_by(
        mut self,
        observer: impl Fn(&'static str, Outcome) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// What it does with a refusal.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// What came of the questions so far.
    pub const fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// May this document be stored? Early feedback; `workspace` is the one a profile
    /// is scoped to.
    pub async fn admit(
        &self,
        seam: &'static str,
        sandbox: &Sandbox,
        role: Role,
        message: Value,
        workspace: &str,
    ) -> Result<(), Status> {
        let begin = Instant::now();
        let result = match Document::new(role, message) {
            Ok(document) => {
                if role == Role::Settings {
                    self.keep_settings(&document);
                }
                let target = Target::of(&self.gateway_id, sandbox);
                let question = Question::admit(target, document, workspace);
                self.signer.admit(&question).await.map(|allowed| Attested {
                    allowed,
                    envelope: None,
                })
            }
            Err(error) => Err(no_document(&error)),
        };
        self.conclude(seam, sandbox, begin, result).map(|_| ())
    }

    /// May this effective policy be used? The security boundary.
    pub async fn compose(
        &self,
        seam: &'static str,
        sandbox: &Sandbox,
        parts: Parts,
    ) -> Result<(), Status> {
        let begin = Instant::now();
        let result = match self.question(sandbox, parts) {
            Ok(question) => self
                .signer
                .compose(&question)
                .await
                .map(|allowed| Attested {
                    allowed,
                    envelope: None,
                }),
            Err(error) => Err(no_document(&error)),
        };
        self.conclude(seam, sandbox, begin, result).map(|_| ())
    }

    /// The same with a receipt, if somebody will check one and the driver gives any.
    /// The nonce is theirs: a receipt for any other says nothing about now.
    pub async fn attest(
        &self,
        seam: &'static str,
        sandbox: &Sandbox,
        parts: Parts,
        nonce: Option<Bytes>,
    ) -> Result<Option<Bytes>, Status> {
        let nonce = match nonce {
            Some(nonce) if (16..=64).contains(&nonce.len()) => nonce,
            Some(_) if self.mode == Mode::Enforce => {
                return Err(Status::invalid_argument(
                    "a receipt's nonce has 16 to 64 bytes",
                ));
            }
            _ => return self.compose(seam, sandbox, parts).await.map(|()| None),
        };
        let begin = Instant::now();
        let result = match self.question(sandbox, parts) {
            Ok(question) => self.signer.attest(&question, nonce).await,
            Err(error) => Err(no_document(&error)),
        };
        let attested = self.conclude(seam, sandbox, begin, result)?;
        Ok(attested.and_then(|attested| attested.envelope))
    }

    /// Refuses what has no document that could be asked about; while observing it is said
    /// loudly.
    pub fn missing(&self, seam: &'static str, sandbox: &Sandbox, what: &str) -> Result<(), Status> {
        let denial = Denial::new("DOCUMENT_MISSING", what, None);
        self.refused(seam, sandbox, Refusal::Denied(denial))
    }

    /// Refuses what was found without the driver; while observing it is said loudly.
    pub(crate) fn refused(
        &self,
        seam: &'static str,
        sandbox: &Sandbox,
        refusal: Refusal,
    ) -> Result<(), Status> {
        self.conclude(seam, sandbox, Instant::now(), Err(refusal))
            .map(|_| ())
    }

    /// What kept a question from being asked refuses like an answer would; while only
    /// observing it is said loudly.
    pub(crate) fn unasked(
        &self,
        seam: &'static str,
        sandbox: &Sandbox,
        status: Status,
    ) -> Result<(), Status> {
        if self.mode == Mode::Enforce {
            return Err(status);
        }
        warn!(seam, sandbox_id = ?sandbox.id, code = ?status.code(),
            "policy signing could not ask; SERVED because mode = \"observe\"");
        Ok(())
    }

    fn question(&self, sandbox: &Sandbox, parts: Parts) -> Result<Question, DocumentError> {
        let target = Target::of(&self.gateway_id, sandbox);
        let composition = parts.composition()?;
        if let Some(settings) = &composition.settings {
            self.keep_settings(settings);
        }
        Ok(Question::compose(target, self.recipe, composition))
    }

    /// Writes a settings document that is about to be asked about where people find it.
    fn keep_settings(&self, document: &Document) {
        if let Some(files) = &self.settings_files {
            files.keep(document);
        }
    }

    /// Counts, logs and, in observe mode, lets pass. Nothing of a body is logged.
    fn conclude(
        &self,
        seam: &'static str,
        sandbox: &Sandbox,
        begin: Instant,
        result: Result<Attested, Refusal>,
    ) -> Result<Option<Attested>, Status> {
        let outcome = result
            .as_ref()
            .map_or_else(Outcome::of, |_| Outcome::Allowed);
        self.outcomes.count(outcome);
        if let Some(observer) = &self.observer {
            observer(seam, outcome);
        }
        let elapsed = begin.elapsed();
        match result {
            Ok(attested) => {
                let allowed = &attested.allowed;
                debug!(seam, sandbox_id = ?sandbox.id, request_id = %allowed.request_id, log_index = allowed.log_index,
                    epoch = allowed.epoch, stale = allowed.stale, shadow_findings = allowed.shadow_findings,
                    ?elapsed, "policy signing allows");
                Ok(Some(attested))
            }
            Err(refusal) if self.mode == Mode::Observe => {
                warn!(seam, sandbox_id = ?sandbox.id, workspace = ?sandbox.workspace, name = ?sandbox.name, %refusal,
                    ?elapsed, "policy signing would refuse; SERVED because mode = \"observe\"");
                Ok(None)
            }
            Err(refusal) => {
                warn!(seam, sandbox_id = ?sandbox.id, workspace = ?sandbox.workspace, name = ?sandbox.name, %refusal,
                    ?elapsed, "policy signing refuses");
                Err(refusal.into())
            }
        }
    }
}

fn no_document(error: &DocumentError) -> Refusal {
    Refusal::Denied(Denial::new(error.reason(), &error.to_string(), None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Scripted};
    use serde_json::json;
    use tonic::Code;

    fn parts() -> Parts {
        Parts {
            source: Some(json!({"version": 1})),
            effective: Some(json!({"version": 1})),
            ..Default::default()
        }
    }

    fn hook(mode: Mode, answers: Vec<Result<crate::Allowed, Refusal>>) -> (Hook, Arc<Scripted>) {
        let signer = Arc::new(Scripted::new(answers));
        (
            Hook::new(Arc::clone(&signer) as _, "gw-1", Recipe::V2026_08, mode),
            signer,
        )
    }

    #[tokio::test]
    async fn enforce_refuses_and_observe_serves() {
        let late = || Err(Refusal::Unavailable(Fault::Late));
        for (mode, codes) in [
            (
                Mode::Enforce,
                [Code::Ok, Code::FailedPrecondition, Code::Unavailable],
            ),
            (Mode::Observe, [Code::Ok, Code::Ok, Code::Ok]),
        ] {
            let answers = vec![Scripted::yes(), Scripted::no("THRESHOLD"), late()];
            let (hook, _) = hook(mode, answers);
            for code in codes {
                let result = hook.compose("test", &Sandbox::default(), parts()).await;
                assert_eq!(result.map_or_else(|s| s.code(), |()| Code::Ok), code);
            }
            for outcome in [Outcome::Allowed, Outcome::Denied, Outcome::Late] {
                assert_eq!(hook.outcomes().get(outcome), 1, "{outcome:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_has_no_document_is_refused_unasked() {
        let (hook, signer) = hook(Mode::Enforce, vec![Scripted::yes()]);
        let mut bad = parts();
        bad.source = Some(json!({"networkPolicies": {"_provider_x": {}}}));
        let status = hook
            .compose("test", &Sandbox::default(), bad)
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert!(status.message().contains("DOCUMENT_RESERVED_NAME"));
        let mut many = parts();
        many.layers = vec![
            ProfileLayer {
                provider: "p".into(),
                workspace: String::new(),
                profile: json!({"id": "p"}),
                no_layer: None,
            };
            63
        ];
        assert!(
            hook.compose("test", &Sandbox::default(), many)
                .await
                .is_err()
        );
        let admitted = hook
            .admit(
                "test",
                &Sandbox::default(),
                Role::ProviderProfile,
                json!({}),
                "",
            )
            .await;
        assert!(admitted.is_err());
        assert!(signer.asked().is_empty());
    }

    #[tokio::test]
    async fn a_receipt_is_for_whoever_sent_a_nonce() {
        let (hook, signer) = hook(Mode::Enforce, vec![Scripted::yes(), Scripted::yes()]);
        let attest = async |nonce: Option<usize>| {
            let nonce = nonce.map(|n| Bytes::from(vec![7; n]));
            hook.attest("test", &Sandbox::default(), parts(), nonce)
                .await
                .map(|receipt| receipt.map(|r| r.len()))
                .map_err(|status| status.code())
        };
        assert_eq!(attest(None).await, Ok(None));
        assert_eq!(attest(Some(15)).await, Err(Code::InvalidArgument));
        assert_eq!(attest(Some(65)).await, Err(Code::InvalidArgument));
        assert_eq!(attest(Some(16)).await, Ok(Some(16)));
        assert_eq!(signer.asked().len(), 2);

        let (hook, _) = self::hook(Mode::Observe, vec![Scripted::yes()]);
        let odd = Some(Bytes::from(vec![7; 15]));
        let served = hook.attest("test", &Sandbox::default(), parts(), odd).await;
        assert!(served.is_ok(), "an odd nonce stops nothing while observing");
    }

    #[tokio::test]
    async fn the_observer_is_told() {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let (hook, _) = hook(Mode::Enforce, vec![Scripted::no("THRESHOLD")]);
        let hook =
            hook.observed_by(move |seam, outcome| told.lock().unwrap().push((seam, outcome)));
        assert!(
            hook.compose("seam", &Sandbox::default(), parts())
                .await
                .is_err()
        );
        assert_eq!(*seen.lock().unwrap(), [("seam", Outcome::Denied)]);
    }
}
