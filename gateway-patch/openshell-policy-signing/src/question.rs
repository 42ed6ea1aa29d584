// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Questions: a request and what its answer must be about.

use std::fmt;

use openshell_policy_document::{Document, Role, hex};

use crate::proto;
use crate::recipe::{NoLayer, Recipe};
use crate::summary::{Summary, SummaryDocument};
use crate::target::Target;

/// The most documents in one request.
pub const MAX_DOCUMENTS: usize = 64;

/// One attached provider.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The provider record's name.
    pub provider: String,
    /// The workspace its profile is scoped to; empty for a profile of the gateway.
    pub workspace: String,
    /// The profile.
    pub profile: Document,
    /// Why it inserts nothing; none where it does.
    pub no_layer: Option<NoLayer>,
}

/// What the gateway's own logs call a policy. Recorded, never judged.
#[derive(Debug, Clone, Default)]
pub struct HostNames {
    /// The gateway's policy hash.
    pub policy_hash: String,
    /// The gateway's policy revision.
    pub policy_version: u64,
    /// The gateway's configuration revision.
    pub config_revision: u64,
}

/// An effective policy and the parts it was composed from.
#[derive(Debug, Clone, Default)]
pub struct Composition {
    /// The sandbox's policy or the global one. A missing source is asked about and
    /// refused by the driver: the sandbox's image would supply one.
    pub source: Option<Document>,
    /// Every attached provider that has a profile, in attachment order, whatever
    /// the source.
    pub layers: Vec<Layer>,
    /// The attached providers that have no profile, in attachment order.
    pub without_profile: Vec<String>,
    /// The settings that the sandbox obeys beside its policy.
    pub settings: Option<Document>,
    /// The policy as it would be served.
    pub effective: Option<Document>,
    /// Whether the gateway inserts layers, by [`Recipe::V2026_08`]; later ones overlook it.
    pub providers_v2_enabled: bool,
    /// For the record.
    pub host: HostNames,
}

/// A request, ready but for its id, and the digest of what it asks.
#[derive(Clone)]
pub struct Question {
    pub(crate) request: proto::VerifyRequest,
    pub(crate) documents: Vec<[u8; 32]>,
    pub(crate) effective: Option<[u8; 32]>,
    pub(crate) asked: [u8; 32],
    /// What a driver of an earlier release says it was asked; none where it knows all of
    /// the question.
    pub(crate) asked_before: Option<[u8; 32]>,
}

impl Question {
    /// May this document be stored? `workspace` is the one a profile is scoped to.
    pub fn admit(target: Target, document: Document, workspace: &str) -> Self {
        Builder::new("ADMIT", proto::Purpose::Admit, target)
            .document(document, workspace, "")
            .build()
    }

    /// May this effective policy be served?
    pub fn compose(target: Target, recipe: Recipe, composition: Composition) -> Self {
        let mut builder = Builder::new("COMPOSE", proto::Purpose::Compose, target);
        if let Some(source) = composition.source {
            builder = builder.document(source, "", "");
        }
        for layer in composition.layers {
            builder = builder.document(layer.profile, &layer.workspace, &layer.provider);
            builder.no_layer(layer.no_layer);
        }
        if let Some(settings) = composition.settings {
            builder = builder.document(settings, "", "");
        }
        if let Some(effective) = composition.effective {
            builder.summary.effective_sha256 = Some(*effective.sha256());
            builder.request.effective = effective.body().clone();
        }
        recipe.name().clone_into(&mut builder.request.recipe);
        builder.request.providers_v2_enabled = composition.providers_v2_enabled;
        builder.request.providers_without_profile = composition.without_profile;
        builder.request.host = Some(proto::Host {
            policy_hash: composition.host.policy_hash,
            policy_version: composition.host.policy_version,
            config_revision: composition.host.config_revision,
        });
        builder.build()
    }

    /// `asked_sha256` of a right answer.
    pub const fn asked_sha256(&self) -> &[u8; 32] {
        &self.asked
    }

    /// Where the policy would be enforced.
    pub fn target(&self) -> &proto::Target {
        static NOWHERE: proto::Target = proto::Target {
            gateway_id: String::new(),
            workspace: String::new(),
            sandbox_id: String::new(),
            name: String::new(),
        };
        self.request.target.as_ref().unwrap_or(&NOWHERE)
    }

    /// The attached providers that have no profile.
    pub fn without_profile(&self) -> &[String] {
        &self.request.providers_without_profile
    }

    /// The digests of the documents and of the effective policy, for logs.
    pub fn digests(&self) -> (&[[u8; 32]], Option<&[u8; 32]>) {
        (&self.documents, self.effective.as_ref())
    }
}

/// Never shows a body.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Question({}, asked sha256:{})",
            self.request.purpose().as_str_name(),
            hex(&self.asked)
        )
    }
}

struct Builder {
    request: proto::VerifyRequest,
    summary: Summary,
}

impl Builder {
    fn new(name: &'static str, purpose: proto::Purpose, target: Target) -> Self {
        let request = proto::VerifyRequest {
            purpose: purpose.into(),
            target: Some(proto::Target {
                gateway_id: target.gateway_id.clone(),
                workspace: target.workspace.clone(),
                sandbox_id: target.sandbox_id.clone(),
                name: target.name.clone(),
            }),
            ..Default::default()
        };
        let summary = Summary {
            purpose: name,
            target,
            ..Default::default()
        };
        Self { request, summary }
    }

    fn document(mut self, document: Document, workspace: &str, provider: &str) -> Self {
        let role: Role = document.role();
        self.summary.documents.push(SummaryDocument {
            role,
            workspace: workspace.to_owned(),
            provider: provider.to_owned(),
            sha256: *document.sha256(),
            no_layer: None,
            attestations: Vec::new(),
        });
        self.request.documents.push(proto::Document {
            role: role_on_the_wire(role).into(),
            workspace: workspace.to_owned(),
            provider: provider.to_owned(),
            body: document.body().clone(),
            attestations: Vec::new(),
            no_layer: proto::NoLayer::Unspecified.into(),
        });
        self
    }

    /// Says why the provider of the last document inserts nothing.
    fn no_layer(&mut self, why: Option<NoLayer>) {
        let (Some(asked), Some(document)) = (
            self.summary.documents.last_mut(),
            self.request.documents.last_mut(),
        ) else {
            return;
        };
        asked.no_layer = why;
        document.no_layer = why
            .map_or(proto::NoLayer::Unspecified, NoLayer::wire)
            .into();
    }

    fn build(mut self) -> Question {
        self.summary.recipe.clone_from(&self.request.recipe);
        self.summary.providers_v2_enabled = self.request.providers_v2_enabled;
        let without = &self.request.providers_without_profile;
        let asked_before = (!without.is_empty()).then(|| self.summary.sha256());
        self.summary.without_profile.clone_from(without);
        Question {
            asked_before,
            documents: self.summary.documents.iter().map(|d| d.sha256).collect(),
            effective: self.summary.effective_sha256,
            asked: self.summary.sha256(),
            request: self.request,
        }
    }
}

const fn role_on_the_wire(role: Role) -> proto::Role {
    match role {
        Role::SandboxPolicy => proto::Role::SandboxPolicy,
        Role::GlobalPolicy => proto::Role::GlobalPolicy,
        Role::ProviderProfile => proto::Role::ProviderProfile,
        Role::Settings => proto::Role::Settings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shows_no_body() {
        let policy = json!({"networkPolicies": {"web": {"name": "secret"}}});
        let composition = Composition {
            source: Document::new(Role::SandboxPolicy, policy.clone()).ok(),
            effective: Document::effective(policy).ok(),
            ..Default::default()
        };
        let composed = format!("{composition:?}");
        let question = Question::compose(Target::default(), Recipe::V2026_08, composition);
        assert_eq!(question.documents.len(), 1);
        let asked = format!("{question:?}");
        assert!(asked.contains(&hex(question.asked_sha256())), "{asked}");
        assert!(!asked.contains("secret") && !composed.contains("secret"));
    }
}
