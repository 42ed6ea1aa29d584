// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The gateway's side of `PolicySigningDriver`: before a policy is served, ask the
//! driver beside the gateway whether it may be enforced, and believe nothing but a
//! clear yes about exactly that policy.
//!
//! A gateway makes one [`Hook`] at start ([`Driver::connect`] refuses to start without
//! a driver that speaks the same contract) and calls it once at each seam:
//!
//! ```no_run
//! # use openshell_policy_signing::*;
//! # async fn seam(hook: &Hook, sandbox: Sandbox, parts: Parts) -> Result<(), tonic::Status> {
//! let receipt = hook.compose("get_sandbox_config", &sandbox, parts).await?;
//! # Ok(()) }
//! ```
//!
//! An `Err` is what the gateway answers: `FAILED_PRECONDITION` for a refusal,
//! `UNAVAILABLE` when nobody could decide. There is no third way: an answer that is
//! late, about something else, over its limit or not understood is no answer.
//!
//! Documents, digests and the request's summary are those of the contract, with
//! vectors that the driver's own tests read too.

mod admission;
mod answer;
mod config;
mod connection;
mod driver;
mod hook;
mod link;
mod minting;
mod outcome;
mod question;
mod recipe;
mod refusal;
mod seams;
mod settings_files;
mod signer;
mod summary;
mod target;
mod watch;

/// The contract, generated from `proto/signing/v1`.
#[allow(clippy::all, clippy::pedantic, missing_docs, rust_2018_idioms)]
pub mod proto {
    tonic::include_proto!("openshell.signing.v1");
}

pub use admission::Creation;
pub use answer::{Allowed, Attested};
pub use config::{ConfigError, Mode, PolicySigningConfig, Settings};
pub use connection::{ConnectError, DOCUMENT_VECTORS_SHA256};
pub use driver::Driver;
pub use hook::{Hook, NONCE_METADATA, Parts, ProfileLayer, RECEIPT_METADATA};
pub use minting::{Minting, before_minting};
pub use openshell_policy_document::{
    Document, DocumentError, GatewaySettings, MiddlewareService, Role, SettingValue, StrictError,
    parse_strict,
};
pub use outcome::{Outcome, Outcomes};
pub use question::{Composition, HostNames, Layer, MAX_DOCUMENTS, Question};
pub use recipe::{NoLayer, Recipe};
pub use refusal::{Denial, Fault, Refusal};
pub use seams::{
    Configuration, Exchange, Inputs, before_credentials, before_exchange, judge_configuration,
};
pub use signer::PolicySigner;
#[cfg(any(test, feature = "test-support"))]
pub use signer::Scripted;
pub use summary::{Summary, SummaryDocument};
pub use target::{Sandbox, Target};
pub use watch::{TrustCondition, TrustView};
