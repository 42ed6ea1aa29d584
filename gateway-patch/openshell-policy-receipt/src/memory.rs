// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! What was seen before, kept in a file that is replaced whole.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use openshell_policy_document::jcs;
use serde_json::{Map, Value, json};

use crate::members::Members;
use crate::verify::Seen;

const SCHEMA: &str = "sigdriver.receipt-memory/v1";
const MAX_FILE: u64 = 1 << 20;

/// The versions of the trust file that was taken last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) root: u64,
    pub(crate) targets: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct State {
    drivers: BTreeMap<String, Seen>,
    trust: Versions,
}

/// Epoch and sequence of the last receipt of each driver, and the versions of the
/// trust they were judged with. It belongs to one process at a time.
#[derive(Debug)]
pub struct Memory {
    place: Option<Place>,
    state: State,
}

#[derive(Debug)]
struct Place {
    path: PathBuf,
    _lock: File,
}

/// The memory cannot be used: then no receipt can be taken.
#[derive(Debug)]
pub enum MemoryError {
    /// Another process has it.
    Locked,
    /// It is not what was written. Removing it forgets what was seen.
    Damaged,
    /// The file system refused.
    Io(io::Error),
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => f.write_str("another process uses the memory of receipts"),
            Self::Damaged => f.write_str(
                "the memory of receipts is damaged: restore it, or remove it to begin anew",
            ),
            Self::Io(error) => write!(f, "the memory of receipts: {error}"),
        }
    }
}

impl std::error::Error for MemoryError {}

impl From<io::Error> for MemoryError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Memory {
    /// A memory that ends with the process.
    pub fn of_process() -> Self {
        Self {
            place: None,
            state: State::default(),
        }
    }

    /// Opens the memory in a file, which need not exist yet; its folder must.
    pub fn open(path: &Path) -> Result<Self, MemoryError> {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(beside(path, "lock"))?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => MemoryError::Locked,
            std::fs::TryLockError::Error(error) => MemoryError::Io(error),
        })?;
        let state = match File::open(path) {
            Ok(file) => {
                let mut text = Vec::new();
                file.take(MAX_FILE).read_to_end(&mut text)?;
                read(&text).ok_or(MemoryError::Damaged)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(error.into()),
        };
        let place = Some(Place {
            path: path.to_owned(),
            _lock: lock,
        });
        Ok(Self { place, state })
    }

    /// What was seen of a driver.
    pub fn seen(&self, driver: &str) -> Seen {
        self.state.drivers.get(driver).copied().unwrap_or_default()
    }

    /// Remembers a receipt that was taken; it may be used once this has returned.
    /// `known` are the drivers that trust still lists: others are forgotten, so that
    /// the file stays small.
    pub(crate) fn remember(
        &mut self,
        driver: &str,
        (epoch, sequence): (u64, u64),
        known: &dyn Fn(&str) -> bool,
    ) -> Result<(), MemoryError> {
        let mut next = self.state.clone();
        next.drivers.retain(|name, _| name == driver || known(name));
        let seen = Seen {
            epoch,
            sequence: sequence.saturating_add(1),
        };
        next.drivers.insert(driver.to_owned(), seen);
        self.keep(next)
    }

    pub(crate) fn versions(&self) -> Versions {
        self.state.trust
    }

    pub(crate) fn remember_trust(&mut self, trust: Versions) -> Result<(), MemoryError> {
        if self.state.trust == trust {
            return Ok(());
        }
        let next = State {
            trust,
            ..self.state.clone()
        };
        self.keep(next)
    }

    fn keep(&mut self, next: State) -> Result<(), MemoryError> {
        if let Some(place) = &self.place {
            replace(&place.path, write(&next).as_bytes())?;
        }
        self.state = next;
        Ok(())
    }
}

fn beside(path: &Path, kind: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(kind);
    name.into()
}

/// Replaces a file by its new content: a crash leaves the old one or the new one.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = beside(path, "new");
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn read(text: &[u8]) -> Option<State> {
    let mut file = Members::canonical(text)?;
    if file.text("schema")? != SCHEMA {
        return None;
    }
    let mut state = State::default();
    let Value::Object(drivers) = file.take("drivers")? else {
        return None;
    };
    for (name, value) in drivers {
        let mut seen = Members::of(value)?;
        let (epoch, sequence) = (seen.number("epoch")?, seen.number("sequence")?);
        seen.end()?;
        state.drivers.insert(name, Seen { epoch, sequence });
    }
    let mut trust = file.object("trust")?;
    state.trust = Versions {
        root: trust.number("root")?,
        targets: trust.number("targets")?,
    };
    trust.end()?;
    file.end()?;
    Some(state)
}

fn write(state: &State) -> String {
    let seen = |seen: &Seen| json!({"epoch": seen.epoch.to_string(), "sequence": seen.sequence.to_string()});
    let drivers: Map<String, Value> = state
        .drivers
        .iter()
        .map(|(name, s)| (name.clone(), seen(s)))
        .collect();
    let trust = &state.trust;
    let file = json!({"schema": SCHEMA, "drivers": drivers,
        "trust": {"root": trust.root.to_string(), "targets": trust.targets.to_string()}});
    jcs::to_text(&file).unwrap_or_default() // there is no number in it
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYBODY: fn(&str) -> bool = |_| true;

    #[test]
    fn is_read_whole_or_not_at_all() {
        let text = write(&State {
            drivers: BTreeMap::from([("east-1".to_owned(), Seen::default())]),
            trust: Versions::default(),
        });
        assert!(read(text.as_bytes()).is_some());
        let file: Value = serde_json::from_str(&text).expect("it is JSON");
        for at in ["", "/drivers/east-1", "/trust"] {
            let mut more = file.clone();
            more.pointer_mut(at).expect("it is there")["zeta"] = json!("x");
            let more = jcs::to_text(&more).expect("well formed");
            assert!(read(more.as_bytes()).is_none(), "another member at {at:?}");
        }
        let other = text.replace(SCHEMA, "sigdriver.receipt-memory/v2");
        assert!(read(other.as_bytes()).is_none());
    }

    #[test]
    fn survives_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("memory");
        let mut memory = Memory::open(&path).expect("a new one");
        assert_eq!(memory.seen("east-1"), Seen::default());
        memory
            .remember("east-1", (41, 17), &EVERYBODY)
            .expect("written");
        memory
            .remember("west-1", (7, u64::MAX), &EVERYBODY)
            .expect("written");
        let versions = Versions {
            root: 2,
            targets: 5,
        };
        memory.remember_trust(versions).expect("written");
        assert!(matches!(Memory::open(&path), Err(MemoryError::Locked)));
        drop(memory);
        let memory = Memory::open(&path).expect("the same");
        let (epoch, sequence) = (41, 18);
        assert_eq!(memory.seen("east-1"), Seen { epoch, sequence });
        assert_eq!(memory.seen("west-1").sequence, u64::MAX);
        assert_eq!(memory.seen("north-1"), Seen::default());
        assert_eq!(memory.versions(), versions);
    }

    #[test]
    fn forgets_who_is_no_driver_any_more() {
        let mut memory = Memory::of_process();
        for name in ["gone", "east-1"] {
            memory
                .remember(name, (1, 1), &|name| name == "east-1")
                .expect("kept");
        }
        assert_eq!(memory.seen("gone"), Seen::default());
        assert_eq!(memory.seen("east-1").epoch, 1);
    }

    /// A crash between any two steps leaves the old memory or the new one; what is
    /// under way is no memory.
    #[test]
    fn a_torn_write_is_no_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("memory");
        let mut memory = Memory::open(&path).expect("a new one");
        memory.remember("east-1", (1, 1), &EVERYBODY).expect("kept");
        drop(memory);
        std::fs::write(beside(&path, "new"), b"{\"dri").expect("half written");
        let mut memory = Memory::open(&path).expect("the old one");
        assert_eq!(memory.seen("east-1").epoch, 1);
        memory.remember("east-1", (2, 2), &EVERYBODY).expect("kept");
        drop(memory);
        assert_eq!(Memory::open(&path).expect("new").seen("east-1").epoch, 2);
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("memory");
        let mut memory = Memory::open(&path).expect("a new one");
        memory.remember("east-1", (1, 1), &EVERYBODY).expect("kept");
        drop(memory);
        let good = std::fs::read(&path).expect("readable");
        for at in 0..good.len() {
            std::fs::write(&path, &good[..at]).expect("cut");
            assert!(
                matches!(Memory::open(&path), Err(MemoryError::Damaged)),
                "{at}"
            );
        }
        std::fs::write(&path, [&good[..], b"\n"].concat()).expect("longer");
        assert!(matches!(Memory::open(&path), Err(MemoryError::Damaged)));
        std::fs::write(&path, &good).expect("restored");
        assert!(Memory::open(&path).is_ok());
    }

    /// A file that is larger than any that was written is not read to its end.
    #[test]
    fn a_file_has_a_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("memory");
        let fits = |bytes: usize| {
            let named = |name: String| {
                write(&State {
                    drivers: BTreeMap::from([(name, Seen::default())]),
                    trust: Versions::default(),
                })
            };
            let empty = named(String::new()).len();
            let text = named("n".repeat(bytes - empty));
            assert_eq!(text.len(), bytes);
            std::fs::write(&path, text).expect("written");
            Memory::open(&path).is_ok()
        };
        let most = usize::try_from(MAX_FILE).expect("it fits");
        assert!(fits(most));
        assert!(!fits(most + 1));
    }

    /// What could not be written was not remembered, and nobody may act on it.
    #[test]
    fn a_full_disk_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("below/memory");
        std::fs::create_dir(folder.path().join("below")).expect("made");
        let mut memory = Memory::open(&path).expect("a new one");
        std::fs::remove_dir_all(folder.path().join("below")).expect("gone");
        assert!(memory.remember("east-1", (1, 1), &EVERYBODY).is_err());
        assert_eq!(memory.seen("east-1"), Seen::default());
    }
}
