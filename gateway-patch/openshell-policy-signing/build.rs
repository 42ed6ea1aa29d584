// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Compiles the contract in pure Rust: no protoc on the machine, none downloaded.

use std::env;
use std::error::Error;
use std::path::PathBuf;

const PROTO: &str = "signing/v1/policy_signing_driver.proto";

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    // Beside the crate in a gateway's tree; in its own repository at the top.
    let root = [here.join("proto"), here.join("../../proto")]
        .into_iter()
        .find(|root| root.join(PROTO).is_file())
        .ok_or("signing/v1/policy_signing_driver.proto is neither in proto/ nor in ../../proto/")?;
    println!("cargo:rerun-if-changed={}", root.join(PROTO).display());
    let files = protox::compile([PROTO], [&root])?;
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(files)?;
    Ok(())
}
