// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Canonical documents: the one text of a policy, a profile or the settings, and its
//! digest. The gateway's hook asks about these bytes, and a supervisor holds a
//! receipt against them, so both use this crate.

mod document;
mod gateway_settings;
pub mod jcs;
mod malformed;
mod message;
mod normalise;
mod role;
mod strict;

pub use document::{Document, hex};
pub use gateway_settings::{GatewaySettings, MiddlewareService, SettingValue};
pub use malformed::DocumentError;
pub use message::{MessageError, Messages};
pub use role::Role;
pub use strict::{StrictError, parse_strict};
