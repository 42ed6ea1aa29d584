// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The supervisor's side of `PolicySigningDriver`: no receipt, no start.
//!
//! A gateway that was taken over can serve a sandbox what it likes. A supervisor that
//! uses this crate enforces only what a driver signed for: for this sandbox, at this
//! gateway, in answer to this very question. [`verify`] is the check; its
//! specification is that of the Go package `verifier/receipt`, and both read the
//! vectors of `testdata/vectors/receipts`.

mod envelope;
mod key;
mod members;
mod refusal;
mod statement;
mod time;
mod verify;

pub use envelope::MAX_ENVELOPE;
pub use key::{Key, PublicKey};
pub use refusal::{Finding, Refusal};
pub use statement::{PREDICATE_TYPE, Statement, Target};
pub use time::Time;
pub use verify::{MAX_LIFETIME, MAX_NONCE, MAX_SKEW, MIN_NONCE, Seen, Want, verify};
