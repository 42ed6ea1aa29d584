// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Documents: the canonical bytes of one gateway object.

use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::malformed::DocumentError;
use crate::role::Role;
use crate::{jcs, normalise, strict};

/// The most bytes of a document's body, and of the effective policy.
pub(crate) const MAX_BODY: usize = 1 << 20;
pub(crate) const MAX_EFFECTIVE: usize = 2 << 20;

/// Canonical bytes and their digest: `@type` and the `ProtoJSON` of a message, as
/// RFC 8785 text.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    role: Role,
    body: Bytes,
    sha256: [u8; 32],
}

impl Document {
    /// The document of a message in `ProtoJSON`: `@type` set, what the gateway
    /// derives left out. The gateway's own codec writes such values; the result
    /// holds what the driver's `canonicalize` makes of the same JSON.
    pub fn new(role: Role, message: Value) -> Result<Self, DocumentError> {
        let tree = normalise::document(role, object(message)?)?;
        Self::write(role, tree, MAX_BODY)
    }

    /// The same from text of uncertain origin, read strictly.
    pub fn parse(role: Role, protojson: &[u8]) -> Result<Self, DocumentError> {
        if protojson.len() > 4 * MAX_BODY {
            return Err(DocumentError::TooLarge {
                limit: 4 * MAX_BODY,
            });
        }
        let message = strict::parse_strict(protojson).map_err(DocumentError::NotJson)?;
        Self::new(role, message)
    }

    /// The effective policy as it would be served, markers included.
    pub fn effective(policy: Value) -> Result<Self, DocumentError> {
        let role = Role::SandboxPolicy;
        let tree = normalise::effective(object(policy)?)?;
        Self::write(role, tree, MAX_EFFECTIVE)
    }

    fn write(role: Role, tree: Map<String, Value>, limit: usize) -> Result<Self, DocumentError> {
        let tree = Value::Object(tree);
        if normalise::deeper_than(&tree, strict::MAX_DEPTH) {
            return Err(DocumentError::Shape("nests deeper than 32".to_owned()));
        }
        let text = jcs::to_text(&tree).map_err(|_| DocumentError::InexactNumber)?;
        if text.len() > limit {
            return Err(DocumentError::TooLarge { limit });
        }
        let sha256 = Sha256::digest(&text).into();
        Ok(Self {
            role,
            body: text.into(),
            sha256,
        })
    }

    /// The part it plays.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The canonical bytes.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The SHA-256 of the bytes.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

/// Never shows the body.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sha256:{}", self.role.name(), hex(&self.sha256))
    }
}

fn object(value: Value) -> Result<Map<String, Value>, DocumentError> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(DocumentError::Shape("is no JSON object".to_owned())),
    }
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}"); // a String takes everything
        out
    })
}
