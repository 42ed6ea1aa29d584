// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Where a policy would be enforced.

/// A sandbox as the gateway's database names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Its workspace; empty where the gateway has none.
    pub workspace: String,
    /// Its id; may be empty at admission.
    pub id: String,
    /// Its name; empty for what is not about a sandbox.
    pub name: String,
}

/// Where a policy would be enforced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The gateway.
    pub gateway_id: String,
    /// The workspace.
    pub workspace: String,
    /// The sandbox's id.
    pub sandbox_id: String,
    /// The sandbox's name.
    pub name: String,
}

impl Target {
    /// The place of a sandbox at a gateway.
    pub fn of(gateway_id: &str, sandbox: &Sandbox) -> Self {
        Self {
            gateway_id: gateway_id.to_owned(),
            workspace: sandbox.workspace.clone(),
            sandbox_id: sandbox.id.clone(),
            name: sandbox.name.clone(),
        }
    }
}
