// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The settings documents that were asked about, as files: what people sign must be had
//! somewhere, and the driver keeps digests alone.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use openshell_policy_document::{Document, hex};
use tracing::{info, warn};

/// The most files that one gateway writes: sandboxes have settings of their own.
const MAX_FILES: usize = 64;

/// A folder of settings documents, each under its digest.
pub(crate) struct SettingsFiles {
    folder: PathBuf,
    seen: Mutex<BTreeSet<[u8; 32]>>,
}

impl SettingsFiles {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            seen: Mutex::default(),
        }
    }

    /// Writes a document that was not seen before. No question waits for it or fails
    /// by it: it is for people.
    pub(crate) fn keep(&self, document: &Document) {
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.len() >= MAX_FILES || !seen.insert(*document.sha256()) {
                return;
            }
        }
        let name = format!("{}.json", hex(document.sha256()));
        let path = self.folder.join(&name);
        match write(&self.folder, &path, document.body()) {
            Ok(()) => info!(path = %path.display(), "policy signing asks about these settings"),
            Err(error) => {
                warn!(path = %path.display(), %error, "the settings document could not be written");
            }
        }
    }
}

/// Writes a file that appears whole, for this user alone.
fn write(folder: &Path, path: &Path, body: &[u8]) -> std::io::Result<()> {
    let unfinished = folder.join(".settings.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(body)?;
    std::fs::rename(&unfinished, path)
}
