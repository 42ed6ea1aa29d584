// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Roles: the parts that documents play in a request.

/// The part a document plays in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The sandbox's own policy.
    SandboxPolicy,
    /// The policy in the gateway's global settings.
    GlobalPolicy,
    /// The profile of one attached provider.
    ProviderProfile,
    /// The settings that the sandbox obeys beside its policy.
    Settings,
}

impl Role {
    /// The contract's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SandboxPolicy => "SANDBOX_POLICY",
            Self::GlobalPolicy => "GLOBAL_POLICY",
            Self::ProviderProfile => "PROVIDER_PROFILE",
            Self::Settings => "SETTINGS",
        }
    }

    /// The role of the contract's name.
    pub fn by_name(name: &str) -> Option<Self> {
        [
            Self::SandboxPolicy,
            Self::GlobalPolicy,
            Self::ProviderProfile,
            Self::Settings,
        ]
        .into_iter()
        .find(|role| role.name() == name)
    }

    /// The message that its documents are of, or the name that stands for one.
    pub const fn surface(self) -> &'static str {
        match self {
            Self::SandboxPolicy | Self::GlobalPolicy => "openshell.sandbox.v1.SandboxPolicy",
            Self::ProviderProfile => "openshell.v1.ProviderProfile",
            Self::Settings => "sigdriver.v1.GatewaySettings",
        }
    }
}
