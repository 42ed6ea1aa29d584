// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The check of one receipt.

use crate::envelope;
use crate::key::Key;
use crate::refusal::{Finding, Refusal, quote};
use crate::statement::{self, Statement, Target};
use crate::time::Time;

/// The bounds of a nonce in bytes.
pub const MIN_NONCE: usize = 16;
/// See [`MIN_NONCE`].
pub const MAX_NONCE: usize = 64;
/// The longest life of a receipt in seconds.
pub const MAX_LIFETIME: i64 = 300;
/// How far the driver's clock may be ahead of the reader's, in seconds.
pub const MAX_SKEW: i64 = 30;

/// What a receipt must say to be taken. Nothing in it is optional: `settings` is
/// nothing only where no settings were judged.
#[derive(Debug, Clone)]
pub struct Want<'a> {
    /// Whoever may have signed it.
    pub keys: &'a [Key],
    /// What the receipt was asked for with, used once.
    pub nonce: &'a [u8],
    /// Where the policy is about to be enforced.
    pub target: &'a Target,
    /// The SHA-256 of the canonical effective policy about to be enforced.
    pub effective: [u8; 32],
    /// That of the settings beside it.
    pub settings: Option<[u8; 32]>,
    /// The clock.
    pub now: Time,
}

/// What was seen of a driver before: its receipts may not be below. Zero before the
/// first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// The epoch of the last receipt.
    pub epoch: u64,
    /// The last sequence, plus one.
    pub sequence: u64,
}

/// Checks a receipt. `seen` says what was seen of the driver that it names, once the
/// signature is known to be that driver's. What is returned may be enforced at the
/// target until `not_after`.
pub fn verify(
    receipt: &[u8],
    want: &Want<'_>,
    seen: impl FnOnce(&str) -> Seen,
) -> Result<Statement, Refusal> {
    let statement = open(receipt, want.keys, want.now)?;
    judge(&statement, want, seen(&statement.driver))?;
    Ok(statement)
}

/// Checks who signed, and what; not yet whether it is what is wanted.
pub(crate) fn open(receipt: &[u8], keys: &[Key], now: Time) -> Result<Statement, Refusal> {
    let (payload, key) = envelope::open(receipt, keys, now)?;
    let statement = statement::read(&payload)
        .ok_or_else(|| Refusal::signature("what was signed is no receipt in its one form"))?;
    if !key.driver.is_empty() && statement.driver != key.driver {
        let (own, said) = (quote(&key.driver), quote(&statement.driver));
        return Err(Refusal::signature(format!(
            "the key is of driver {own}, the receipt of {said}"
        )));
    }
    Ok(statement)
}

/// The checks in the order of the specification; the first that fails speaks.
pub(crate) fn judge(s: &Statement, want: &Want<'_>, seen: Seen) -> Result<(), Refusal> {
    use Finding::{Digest, Nonce, Scope, Stale};
    let (have, place) = (&s.target, want.target);
    let no = |finding, text: String| Err(Refusal::new(finding, text));
    if s.verdict != "ALLOW" || s.purpose != "COMPOSE" {
        let (verdict, purpose) = (quote(&s.verdict), quote(&s.purpose));
        return no(
            Scope,
            format!("it is {verdict} for {purpose}, not ALLOW for COMPOSE"),
        );
    }
    if want.nonce.len() < MIN_NONCE || s.nonce != want.nonce {
        return no(
            Nonce,
            "its nonce is not the one that was asked with".to_owned(),
        );
    }
    for (what, have, want) in [
        ("gateway", &have.gateway, &place.gateway),
        ("workspace", &have.workspace, &place.workspace),
        ("sandbox id", &have.sandbox, &place.sandbox),
        ("the sandbox named", &have.name, &place.name),
    ] {
        if have != want {
            return no(Scope, format!("it is for {what} {}", quote(have)));
        }
    }
    if s.effective != want.effective {
        return no(Digest, "it is about another effective policy".to_owned());
    }
    if s.settings != want.settings {
        return no(Digest, "it is about other settings".to_owned());
    }
    if s.issued_at > want.now.plus(MAX_SKEW) {
        return no(
            Stale,
            format!("it is from the future: issued at {}", s.issued_at),
        );
    }
    if want.now >= s.not_after {
        return no(Stale, format!("it held until {}", s.not_after));
    }
    if s.not_after > s.issued_at.plus(MAX_LIFETIME) {
        return no(
            Stale,
            format!("it claims to hold for longer than {MAX_LIFETIME} s"),
        );
    }
    if s.epoch < seen.epoch {
        let (epoch, least) = (s.epoch, seen.epoch);
        return no(Stale, format!("its trust epoch {epoch} is below {least}"));
    }
    if s.sequence < seen.sequence {
        let (sequence, least) = (s.sequence, seen.sequence);
        return no(Stale, format!("its sequence {sequence} is below {least}"));
    }
    Ok(())
}
