// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Why a receipt is not taken.

use std::fmt;

/// The findings about a receipt: a closed list, the same as the driver's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Not a receipt signed by a pinned key.
    Signature,
    /// It answers another question.
    Nonce,
    /// For another place, or no ALLOW for COMPOSE.
    Scope,
    /// Too old, from the future, or older than one seen before.
    Stale,
    /// About other bytes than those at hand.
    Digest,
}

impl Finding {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signature => "RECEIPT_SIGNATURE",
            Self::Nonce => "RECEIPT_NONCE",
            Self::Scope => "RECEIPT_SCOPE",
            Self::Stale => "RECEIPT_STALE",
            Self::Digest => "RECEIPT_DIGEST",
        }
    }
}

/// A receipt that is not taken. What others wrote is quoted in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of fault.
    pub finding: Finding,
    /// One sentence.
    pub text: String,
}

impl Refusal {
    pub(crate) fn new(finding: Finding, text: impl Into<String>) -> Self {
        Self {
            finding,
            text: text.into(),
        }
    }

    pub(crate) fn signature(text: impl Into<String>) -> Self {
        Self::new(Finding::Signature, text)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.finding.name(), self.text)
    }
}

impl std::error::Error for Refusal {}

/// What others wrote, made safe to show.
pub(crate) fn quote(text: &str) -> String {
    const MOST: usize = 80;
    let short: String = text.chars().take(MOST).collect();
    format!("{short:?}")
}
