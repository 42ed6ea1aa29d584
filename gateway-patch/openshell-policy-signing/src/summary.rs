// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The summary of a request: everything that can change its answer, bodies by their
//! digest. Its SHA-256 is `request_sha256` of the contract and, without
//! attestations, `asked_sha256`.

use openshell_policy_document::{Role, hex, jcs};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::recipe::NoLayer;
use crate::target::Target;

/// What a summary holds.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// `ADMIT` or `COMPOSE`.
    pub purpose: &'static str,
    /// Where it would be enforced.
    pub target: Target,
    /// The composition recipe; empty for none.
    pub recipe: String,
    /// Whether the gateway inserts provider layers.
    pub providers_v2_enabled: bool,
    /// The attached providers that have no profile.
    pub without_profile: Vec<String>,
    /// The documents, in request order.
    pub documents: Vec<SummaryDocument>,
    /// The digest of the effective policy.
    pub effective_sha256: Option<[u8; 32]>,
}

/// What a summary holds of one document.
#[derive(Debug, Clone)]
pub struct SummaryDocument {
    /// The part it plays.
    pub role: Role,
    /// The workspace a profile is scoped to.
    pub workspace: String,
    /// The provider record's name.
    pub provider: String,
    /// Why the provider inserts nothing; none where it does.
    pub no_layer: Option<NoLayer>,
    /// The digest of the body.
    pub sha256: [u8; 32],
    /// The digests of the attestations as the driver spells them; none for
    /// `asked_sha256`.
    pub attestations: Vec<String>,
}

impl Summary {
    /// The RFC 8785 text.
    pub fn text(&self) -> String {
        let documents: Vec<Value> = self
            .documents
            .iter()
            .map(|document| {
                let mut out = json!({
                    "role": document.role.name(),
                    "workspace": document.workspace,
                    "provider": document.provider,
                    "sha256": hex(&document.sha256),
                    "attestations": document.attestations,
                });
                if let Some(why) = document.no_layer {
                    out["no_layer"] = why.name().into();
                }
                out
            })
            .collect();
        let mut summary = json!({
            "purpose": self.purpose,
            "target": {
                "gateway_id": self.target.gateway_id,
                "workspace": self.target.workspace,
                "sandbox_id": self.target.sandbox_id,
                "name": self.target.name,
            },
            "recipe": self.recipe,
            "providers_v2_enabled": self.providers_v2_enabled,
            "documents": documents,
            "effective_sha256": self.effective_sha256.map_or_else(String::new, |sum| hex(&sum)),
        });
        if !self.without_profile.is_empty() {
            summary["providers_without_profile"] = json!(self.without_profile);
        }
        // There is no number in it, so nothing can be inexact.
        jcs::to_text(&summary).unwrap_or_default()
    }

    /// The SHA-256 of the text.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.text()).into()
    }
}
