// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! `/etc/openshell/policy-receipt.toml`: whether receipts are required, and whose. It
//! lies on the node or in the supervisor's image. No variable of the environment, no
//! argument and nothing that a gateway sends is read beside it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::drivers::valid_name;
use crate::key::{Key, PublicKey};
use crate::time::Time;
use crate::verify::MAX_LIFETIME;

/// Where it is.
pub const CONFIG_PATH: &str = "/etc/openshell/policy-receipt.toml";

const MAX_CONFIG: u64 = 256 << 10;

/// Whose receipts are taken.
#[derive(Debug)]
pub(crate) enum Trust {
    /// Those of these keys.
    Keys(Vec<Key>),
    /// Those of the keys that a proof names, from a pinned root.
    Proof { root: PathBuf, drivers: PathBuf },
}

/// What the file says.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) gateway_id: String,
    /// The only workspace whose sandboxes start here; empty for any.
    pub(crate) workspace: String,
    pub(crate) trust: Trust,
    /// Seconds since a receipt was issued.
    pub(crate) max_age: i64,
    /// Where what was seen is kept; nothing: in the process.
    pub(crate) memory: Option<PathBuf>,
}

/// The file is not to be used: then nothing is enforced.
#[derive(Debug)]
pub enum ConfigError {
    /// It cannot be read.
    Io(PathBuf, io::Error),
    /// Others than root and the supervisor's own user can write it, or the folder that it
    /// is in.
    Writable(PathBuf),
    /// What is wrong in it, with the member's name.
    Invalid(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Writable(path) => write!(
                f,
                "{} must be root's, or the supervisor's user's, and nobody else may write it",
                path.display()
            ),
            Self::Invalid(what) => write!(f, "{CONFIG_PATH}: {what}"),
        }
    }
}

impl std::error::Error for ConfigError {}

fn invalid<T>(what: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Invalid(what.into()))
}

impl Config {
    /// Reads the file; nothing when it says that receipts are not required.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, ConfigError> {
        let text = read_file(path, MAX_CONFIG)?;
        let text = std::str::from_utf8(&text).or_else(|_| invalid("not UTF-8"))?;
        let table: Table = text
            .parse()
            .or_else(|e: toml::de::Error| invalid(e.message()))?;
        Reader(table).config()
    }
}

/// Reads a file that only root or the supervisor's user can have written.
pub(crate) fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, ConfigError> {
    let io = |error| ConfigError::Io(path.to_owned(), error);
    let file = File::open(path).map_err(io)?;
    let about = file.metadata().map_err(io)?;
    let own = std::fs::metadata("/proc/self").map_or(0, |me| me.uid());
    let safe = about.is_file() && (about.uid() == 0 || about.uid() == own);
    if !safe || about.mode() & 0o022 != 0 {
        return Err(ConfigError::Writable(path.to_owned()));
    }
    let target = std::fs::canonicalize(path).map_err(io)?;
    for file in [path, &target] {
        let named = file.parent().filter(|folder| *folder != Path::new(""));
        let folder = named.unwrap_or_else(|| Path::new("."));
        if !only_owner_replaces(folder, own).map_err(io)? {
            return Err(ConfigError::Writable(folder.to_owned()));
        }
    }
    let mut out = Vec::new();
    file.take(limit + 1).read_to_end(&mut out).map_err(io)?;
    if out.len() as u64 > limit {
        return invalid(format!("{} is over {limit} bytes", path.display()));
    }
    Ok(out)
}

/// Reports whether nobody but root and the supervisor's own user can put another file in
/// a file's place: by the folder's mode, or because it is sticky, as mounted volumes are.
fn only_owner_replaces(folder: &Path, own: u32) -> io::Result<bool> {
    const STICKY: u32 = 0o1000;
    let about = std::fs::metadata(folder)?;
    let owned = about.uid() == 0 || about.uid() == own;
    Ok(owned && (about.mode() & 0o022 == 0 || about.mode() & STICKY != 0))
}

/// The members that were not read yet.
struct Reader(Table);

impl Reader {
    fn config(mut self) -> Result<Option<Config>, ConfigError> {
        let Some(Value::Boolean(required)) = self.0.remove("required") else {
            return invalid("required must be true or false");
        };
        let config = Config {
            gateway_id: self
                .text("gateway_id")?
                .filter(|name| valid_name(name))
                .ok_or_else(|| ConfigError::Invalid("gateway_id is required".to_owned()))?,
            workspace: self.text("workspace")?.unwrap_or_default(),
            max_age: self.max_age()?,
            memory: self.path("memory")?,
            trust: self.trust()?,
        };
        if let Some(name) = self.0.keys().next() {
            return invalid(format!("{name:?} is not known"));
        }
        Ok(required.then_some(config))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, ConfigError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => invalid(format!("{name} must be a text")),
        }
    }

    fn path(&mut self, name: &str) -> Result<Option<PathBuf>, ConfigError> {
        match self.text(name)?.map(PathBuf::from) {
            Some(path) if !path.is_absolute() => {
                invalid(format!("{name} must be an absolute path"))
            }
            path => Ok(path),
        }
    }

    fn max_age(&mut self) -> Result<i64, ConfigError> {
        let Some(text) = self.text("max_age")? else {
            return Ok(MAX_LIFETIME);
        };
        let number = |unit: char, seconds: i64| {
            let number = text.strip_suffix(unit)?.parse::<i64>().ok()?;
            number.checked_mul(seconds)
        };
        let seconds = number('s', 1).or_else(|| number('m', 60));
        match seconds {
            Some(seconds) if (1..=MAX_LIFETIME).contains(&seconds) => Ok(seconds),
            _ => invalid(r#"max_age must be from "1s" to "5m""#),
        }
    }

    fn trust(&mut self) -> Result<Trust, ConfigError> {
        let (root, drivers) = (self.path("root")?, self.path("drivers")?);
        match (root, drivers, self.0.remove("key")) {
            (Some(root), Some(drivers), None) => Ok(Trust::Proof { root, drivers }),
            (None, None, Some(Value::Array(tables))) if !tables.is_empty() => {
                let mut keys: Vec<Key> = Vec::new();
                for table in tables {
                    let key = read_key(table)?;
                    if keys.iter().any(|other| other.public == key.public) {
                        return invalid("a key is listed twice: one key is one driver's");
                    }
                    keys.push(key);
                }
                Ok(Trust::Keys(keys))
            }
            _ => invalid("give root and drivers, or one [[key]] or more"),
        }
    }
}

fn read_key(value: Value) -> Result<Key, ConfigError> {
    let Value::Table(table) = value else {
        return invalid("key must be a list of tables");
    };
    let mut reader = Reader(table);
    let driver = reader.text("driver")?.filter(|name| valid_name(name));
    let Some(driver) = driver else {
        return invalid("a key's driver is required: the name in its receipts");
    };
    let pem = reader.text("pem")?.unwrap_or_default();
    let public = PublicKey::from_pem(&pem).or_else(|e| invalid(format!("a key's pem: {e}")))?;
    let mut when = |name: &str| match reader.text(name)? {
        None => Ok(None),
        Some(text) => match Time::parse(&text) {
            Some(time) => Ok(Some(time)),
            None => invalid(format!("{name} must be a text like 2026-01-02T15:04:05Z")),
        },
    };
    let (not_before, not_after) = (when("not_before")?, when("not_after")?);
    if let Some(name) = reader.0.keys().next() {
        return invalid(format!("{name:?} of a key is not known"));
    }
    if not_after.is_some_and(|end| not_before.is_some_and(|start| start >= end)) {
        return invalid("a key's not_before must be before its not_after");
    }
    Ok(Key {
        public,
        driver,
        not_before,
        not_after,
    })
}
