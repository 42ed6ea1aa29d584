// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The supervisor's side of `PolicySigningDriver`: no receipt, no start.
//!
//! A gateway that was taken over can serve a sandbox what it likes. A supervisor that
//! uses this crate enforces only what a driver signed for: for this sandbox, at this
//! gateway, in answer to this very question. A supervisor holds one [`Gate`], opened
//! from a file of the node; a third party checks one receipt with [`verify`], whose
//! specification is that of the Go package `verifier/receipt`, and both read the
//! vectors of `testdata/vectors/receipts`.

mod config;
mod drivers;
mod envelope;
mod gate;
mod key;
mod members;
mod memory;
mod refusal;
mod seams;
mod shape;
mod statement;
mod time;
mod tuf;
mod verify;

/// The request metadata that carries a nonce, and the response metadata that carries the
/// receipt: the gateway's hook reads and writes the same.
pub const NONCE_METADATA: &str = "x-openshell-policy-nonce-bin";
/// See [`NONCE_METADATA`].
pub const RECEIPT_METADATA: &str = "x-openshell-policy-receipt-bin";

pub use config::{CONFIG_PATH, ConfigError};
pub use envelope::MAX_ENVELOPE;
pub use gate::{Answer, Gate, GateError, Question};
pub use key::{Key, PublicKey};
pub use memory::{Memory, MemoryError};
pub use openshell_policy_document::{
    Document, DocumentError, GatewaySettings, Messages, MiddlewareService, Role, SettingValue, hex,
    parse_strict,
};
pub use refusal::{Finding, Refusal};
pub use seams::{Arrived, Configuration, Gateway, Intake, NotTaken, Taken};
pub use statement::{PREDICATE_TYPE, Statement, Target};
pub use time::Time;
pub use tuf::{ProofError, check_proof};
pub use verify::{MAX_LIFETIME, MAX_NONCE, MAX_SKEW, MIN_NONCE, Seen, Want, verify};
