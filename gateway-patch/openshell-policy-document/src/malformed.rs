// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! What keeps a message from being a document.

use std::fmt;

use crate::strict;

/// Why a message has no document. Never holds a value of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentError {
    /// The text is no strict JSON.
    NotJson(strict::StrictError),
    /// It holds an integer that a double does not: it must be a string.
    InexactNumber,
    /// It is larger than the contract allows.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// It is not shaped as its role demands; a sentence without its subject.
    Shape(String),
    /// Its `@type` is not its role's.
    Surface,
    /// A source policy has a rule under a key that composition uses.
    ReservedName,
}

impl DocumentError {
    /// The stable reason, as the driver would name it.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "REQUEST_TOO_LARGE",
            Self::Surface => "DOCUMENT_SURFACE",
            Self::ReservedName => "DOCUMENT_RESERVED_NAME",
            Self::NotJson(_) | Self::InexactNumber | Self::Shape(_) => "DOCUMENT_NONCANONICAL",
        }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "the document is no strict JSON: {error}"),
            Self::InexactNumber => {
                f.write_str("the document holds a number that changes its value as a double")
            }
            Self::TooLarge { limit } => write!(f, "the document is over {limit} bytes"),
            Self::Shape(what) => write!(f, "the document {what}"),
            Self::Surface => f.write_str("the document's @type does not fit its role"),
            Self::ReservedName => f.write_str(
                "the policy has a rule under a key that starts with _provider_, which is kept for providers",
            ),
        }
    }
}

impl std::error::Error for DocumentError {}
