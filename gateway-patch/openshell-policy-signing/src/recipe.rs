// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Recipes: how gateways of some releases compose an effective policy.

use crate::proto;

/// How this gateway composes. A gateway is of one release and has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// `OpenShell` up to 0.0.116: layers are inserted where providers v2 is on.
    V2026_08,
    /// `OpenShell` 0.1.0 to 0.1.2: layers are always inserted, markers go by host, port
    /// and path, and a provider may have no layer.
    V2026_09,
    /// `OpenShell` from 0.1.3 on: endpoints also have a `tokenGrantOwner`.
    V2026_10,
}

impl Recipe {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::V2026_08, Self::V2026_09, Self::V2026_10];

    /// The contract's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2026_08 => "openshell.compose/2026-08",
            Self::V2026_09 => "openshell.compose/2026-09",
            Self::V2026_10 => "openshell.compose/2026-10",
        }
    }

    /// The recipe of the contract's name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|recipe| recipe.name() == name)
    }
}

/// Why an attached provider that has a profile inserts no layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLayer {
    /// Its configuration has a base URL with a host that is none of its profile's.
    BaseUrlElsewhere,
}

impl NoLayer {
    /// The contract's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BaseUrlElsewhere => "BASE_URL_ELSEWHERE",
        }
    }

    /// The reason of the contract's name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::BaseUrlElsewhere]
            .into_iter()
            .find(|reason| reason.name() == name)
    }

    pub(crate) const fn wire(self) -> proto::NoLayer {
        match self {
            Self::BaseUrlElsewhere => proto::NoLayer::BaseUrlElsewhere,
        }
    }
}
