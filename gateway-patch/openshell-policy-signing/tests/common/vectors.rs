// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The shared vectors, read as testdata/vectors/README.md demands: a member that is
//! not known is fatal, and so is a folder without a file.

use std::path::Path;

use base64::Engine as _;
use openshell_policy_signing::parse_strict;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Bytes of a vector: text or base64.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Bytes {
    Text(String),
    Base64(String),
}

impl Bytes {
    pub fn get(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Base64(text) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .expect("standard base64"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DocumentVector {
    pub format: String,
    pub name: String,
    pub about: String,
    #[serde(default)]
    pub attacks: Vec<String>,
    pub role: String,
    pub from: Origin,
    /// Which releases read what an author wrote so: none of our business either.
    pub openshell: Option<String>,
    pub input: Bytes,
    pub document: Option<Bytes>,
    pub sha256: Option<String>,
    #[serde(default)]
    pub refused: bool,
    pub at: Option<String>,
}

/// What the input of a document vector is. Authors write YAML, which the gateway's
/// own parser reads: it is none of ours.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    ProtoJson,
    Authored,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompositionVector {
    pub format: String,
    pub name: String,
    pub about: String,
    #[serde(default)]
    pub attacks: Vec<String>,
    pub recipe: String,
    pub source: Part,
    pub layers: Vec<VectorLayer>,
    #[serde(rename = "providersV2Enabled")]
    pub providers_v2: bool,
    pub effective: Bytes,
    pub sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub role: String,
    pub document: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorLayer {
    pub provider: String,
    #[serde(rename = "noLayer")]
    pub no_layer: Option<String>,
    pub document: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestVectors {
    pub format: String,
    pub vectors: Vec<RequestVector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestVector {
    pub name: String,
    pub about: String,
    pub request: VectorRequest,
    pub summary: String,
    pub sha256: String,
    pub asked_sha256: String,
    pub same_as: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorRequest {
    pub purpose: String,
    pub target: VectorTarget,
    pub documents: Vec<VectorDocument>,
    pub effective: Option<Bytes>,
    #[serde(default)]
    pub recipe: String,
    #[serde(default, rename = "providersV2Enabled")]
    pub providers_v2: bool,
    #[serde(default, rename = "withoutProfile")]
    pub without_profile: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorTarget {
    pub gateway: String,
    pub workspace: String,
    #[serde(default)]
    pub sandbox: String,
    #[serde(default)]
    pub name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorDocument {
    pub role: String,
    #[serde(default)]
    pub workspace: String,
    #[serde(default)]
    pub provider: String,
    #[serde(rename = "noLayer")]
    pub no_layer: Option<String>,
    pub body: Bytes,
    pub attestations: Vec<Bytes>,
}

/// Reads one file: strict JSON, every member known.
pub fn read<T: DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read(path).expect("the vector is readable");
    let value = parse_strict(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_value(value).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Reads every file of a folder; an empty folder is a failure.
pub fn folder<T: DeserializeOwned>(name: &str) -> Vec<(String, T)> {
    let folder = super::repository().join("testdata/vectors").join(name);
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no vectors", folder.display());
    paths
        .iter()
        .map(|path| {
            let name = path.file_stem().expect("a file").to_string_lossy();
            (name.into_owned(), read(path))
        })
        .collect()
}
