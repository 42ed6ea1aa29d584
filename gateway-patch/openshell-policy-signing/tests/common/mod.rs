// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! What the tests share: the repository's vectors, the real driver as a process, and
//! a gateway that keeps its rows in memory.

#![allow(dead_code)] // each test uses its part

pub mod compose;
pub mod gateway;
pub mod host;
pub mod intake;
pub mod lab;
pub mod liar;
pub mod messages;
pub mod supervisor;
pub mod vectors;

use std::path::PathBuf;

/// The top of the repository that this crate is developed in.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
