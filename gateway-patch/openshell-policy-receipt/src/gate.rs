// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The gate that a supervisor puts between what arrives and what it enforces.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use openshell_policy_document::Document;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::config::{Config, ConfigError, Trust, read_file};
use crate::drivers;
use crate::key::Key;
use crate::members::unhex;
use crate::memory::{Memory, MemoryError};
use crate::refusal::{Finding, Refusal, quote};
use crate::statement::{Statement, Target};
use crate::time::Time;
use crate::tuf::{self, ProofError};
use crate::verify::{MAX_NONCE, MIN_NONCE, Want, judge, open};

/// How a gateway of a known release composes.
const RECIPES: [&str; 3] = [
    "openshell.compose/2026-08",
    "openshell.compose/2026-09",
    "openshell.compose/2026-10",
];

const NONCE: usize = 32;
const MAX_ROOT: u64 = 512 << 10;
const MAX_PROOF: u64 = 16 << 20;

/// Why nothing may be enforced.
#[derive(Debug)]
pub enum GateError {
    /// The file of the node is not to be used.
    Config(ConfigError),
    /// Its trust does not hold: the stable name says why.
    Trust(&'static str),
    /// What was seen before cannot be known.
    Memory(MemoryError),
    /// There are no random bytes.
    Random,
    /// The gateway sent no receipt.
    Absent,
    /// The receipt is not one for this.
    Refused(Refusal),
    /// There is no policy, or one that did not come with a receipt.
    Unreceipted(&'static str),
}

impl GateError {
    /// The stable reason, for events.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Config(_) => "CONFIG_INVALID",
            Self::Trust(name) => name,
            Self::Memory(_) => "RECEIPT_MEMORY",
            Self::Random => "RECEIPT_RANDOM",
            Self::Absent => "RECEIPT_ABSENT",
            Self::Refused(refusal) => refusal.finding.name(),
            Self::Unreceipted(_) => "RECEIPT_UNBOUND",
        }
    }
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Trust(name) => write!(f, "{name}: the drivers' keys are not proven"),
            Self::Memory(error) => error.fmt(f),
            Self::Random => f.write_str("there are no random bytes for a nonce"),
            Self::Absent => f.write_str("a receipt is required and the gateway sent none"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Unreceipted(what) => write!(f, "a receipt is required, and {what}"),
        }
    }
}

impl std::error::Error for GateError {}

impl From<ConfigError> for GateError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<MemoryError> for GateError {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}

/// One question to the gateway: its nonce answers for one receipt.
#[derive(Debug)]
pub struct Question(Vec<u8>);

impl Question {
    /// What goes out with the request.
    pub fn nonce(&self) -> &[u8] {
        &self.0
    }

    /// The question that somebody else asked with this nonce, in hex.
    pub fn of_hex(nonce: &str) -> Option<Self> {
        let nonce = unhex(nonce)?;
        (MIN_NONCE..=MAX_NONCE)
            .contains(&nonce.len())
            .then_some(Self(nonce))
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The receipt, if there was one.
    pub receipt: Option<&'a [u8]>,
    /// The sandbox's workspace, id and name; the gateway is the node's word.
    pub workspace: &'a str,
    /// See `workspace`.
    pub sandbox: &'a str,
    /// See `workspace`.
    pub name: &'a str,
    /// What is about to be enforced.
    pub effective: &'a Document,
}

/// Receipts are required. One a process: it has what was seen before.
#[derive(Debug)]
pub struct Gate {
    config: Config,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    memory: Memory,
    /// What the last receipt was for.
    judged: Option<[u8; 32]>,
}

impl Gate {
    /// Opens the gate that a file asks for; nothing when it says that receipts are not
    /// required. A file that is not there is nothing too, but an error in a build with
    /// the feature `required`.
    pub fn open(path: &Path) -> Result<Option<Self>, GateError> {
        let config = match Config::load(path) {
            Err(ConfigError::Io(_, error))
                if error.kind() == std::io::ErrorKind::NotFound && !cfg!(feature = "required") =>
            {
                return Ok(None);
            }
            Ok(None) if cfg!(feature = "required") => {
                let what = "required must be true in this build".to_owned();
                return Err(ConfigError::Invalid(what).into());
            }
            config => config?,
        };
        let Some(config) = config else {
            return Ok(None);
        };
        let memory = match &config.memory {
            Some(path) => Memory::open(path)?,
            None => Memory::of_process(),
        };
        let gate = Self {
            config,
            state: Mutex::new(State {
                memory,
                judged: None,
            }),
        };
        gate.keys(&mut gate.lock().memory, Time::now())?; // say at once what is wrong
        Ok(Some(gate))
    }

    /// A new question.
    pub fn ask(&self) -> Result<Question, GateError> {
        let mut nonce = vec![0; NONCE];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| GateError::Random)?;
        Ok(Question(nonce))
    }

    /// Judges an answer. `settings` makes the settings document of what came with it; a
    /// gateway tells a sandbox all of it but whether layers of providers were inserted,
    /// which the driver signed. After an `Ok` exactly `effective` may be enforced.
    pub fn judge(
        &self,
        question: Question,
        answer: &Answer<'_>,
        settings: impl FnOnce(&Statement) -> Option<Document>,
    ) -> Result<Statement, GateError> {
        self.judge_at(Time::now(), question, answer, settings)
    }

    /// The same at another time, for tests and for judging again.
    pub fn judge_at(
        &self,
        now: Time,
        question: Question,
        answer: &Answer<'_>,
        settings: impl FnOnce(&Statement) -> Option<Document>,
    ) -> Result<Statement, GateError> {
        let mut state = self.lock();
        state.judged = None;
        let receipt = answer.receipt.ok_or(GateError::Absent)?;
        let keys = self.keys(&mut state.memory, now)?;
        let statement = open(receipt, &keys, now).map_err(GateError::Refused)?;
        let target = Target {
            gateway: self.config.gateway_id.clone(),
            workspace: answer.workspace.to_owned(),
            sandbox: answer.sandbox.to_owned(),
            name: answer.name.to_owned(),
        };
        let settings = settings(&statement);
        let want = Want {
            keys: &keys,
            nonce: question.nonce(),
            target: &target,
            effective: *answer.effective.sha256(),
            settings: settings.map(|document| *document.sha256()),
            now,
        };
        let seen = state.memory.seen(&statement.driver);
        judge(&statement, &want, seen)
            .and_then(|()| self.of_the_node(&statement, now))
            .map_err(GateError::Refused)?;
        let known = |driver: &str| keys.iter().any(|key| key.driver == driver);
        let place = (statement.epoch, statement.sequence);
        state.memory.remember(&statement.driver, place, &known)?;
        state.judged = Some(want.effective);
        Ok(statement)
    }

    /// What is about to be enforced must be what the last receipt was for: a policy
    /// that was changed since, by whomever, has none.
    pub fn enforce(&self, effective: &Document) -> Result<(), GateError> {
        if self.lock().judged == Some(*effective.sha256()) {
            return Ok(());
        }
        Err(GateError::Unreceipted(
            "the policy was changed after its receipt: approve it as it is enforced, with the baseline paths in it",
        ))
    }

    /// What only the node knows: how old a receipt may be, and which workspace it is for.
    fn of_the_node(&self, statement: &Statement, now: Time) -> Result<(), Refusal> {
        let refuse = |finding, text: String| Err(Refusal::new(finding, text));
        let workspace = &self.config.workspace;
        if !workspace.is_empty() && statement.target.workspace != *workspace {
            let other = quote(&statement.target.workspace);
            return refuse(
                Finding::Scope,
                format!("no sandbox of workspace {other} starts here"),
            );
        }
        if !RECIPES.contains(&statement.recipe.as_str()) {
            let recipe = quote(&statement.recipe);
            return refuse(Finding::Scope, format!("nobody knows the recipe {recipe}"));
        }
        if now > statement.issued_at.plus(self.config.max_age) {
            let (issued, most) = (statement.issued_at, self.config.max_age);
            return refuse(
                Finding::Stale,
                format!("issued at {issued}, more than {most} s ago"),
            );
        }
        Ok(())
    }

    /// The keys that hold now. A proof is read again each time, so that a node's timer
    /// can bring a new one while the supervisor runs.
    fn keys(&self, memory: &mut Memory, now: Time) -> Result<Vec<Key>, GateError> {
        match &self.config.trust {
            Trust::Keys(keys) => Ok(keys.clone()),
            Trust::Proof { root, drivers } => {
                let (root, proof) = (read_file(root, MAX_ROOT)?, read_file(drivers, MAX_PROOF)?);
                let proven = tuf::check(&proof, &root, memory.versions(), now)
                    .map_err(|e: ProofError| GateError::Trust(e.name()))?;
                let keys =
                    drivers::read(&proven.drivers).ok_or(GateError::Trust("DRIVERS_INVALID"))?;
                memory.remember_trust(proven.versions)?;
                Ok(keys)
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshell_policy_document::jcs;
    use serde_json::json;

    use crate::{envelope, statement};

    fn gate(trust: Trust) -> Gate {
        Gate {
            config: Config {
                gateway_id: "gw-1".to_owned(),
                workspace: String::new(),
                trust,
                max_age: crate::verify::MAX_LIFETIME,
                memory: None,
            },
            state: Mutex::new(State {
                memory: Memory::of_process(),
                judged: None,
            }),
        }
    }

    /// A receipt of a driver that is known, for what is at hand, is not taken where the
    /// policy was composed in a way that nobody knows.
    #[test]
    fn recipes_are_known() {
        let effective = Document::effective(json!({"version": 1})).expect("a policy");
        let judge = |recipe: &str| {
            let mut receipt = statement::tests::receipt();
            receipt["subject"][0]["digest"]["sha256"] =
                openshell_policy_document::hex(effective.sha256()).into();
            let predicate = receipt["predicate"].as_object_mut().expect("a predicate");
            predicate.insert("recipe".to_owned(), recipe.into());
            predicate.remove("settingsSha256");
            let payload = jcs::to_text(&receipt).expect("well formed");
            let (key, envelope) = envelope::tests::seal(payload.as_bytes());
            let envelope = jcs::to_text(&envelope).expect("well formed");
            let answer = Answer {
                receipt: Some(envelope.as_bytes()),
                workspace: "prod",
                sandbox: "sb-1",
                name: "web-1",
                effective: &effective,
            };
            let now = Time::parse("2026-09-01T12:00:01Z").expect("a time");
            let question = Question::of_hex(&"00".repeat(16)).expect("a nonce");
            let judged = gate(Trust::Keys(vec![key])).judge_at(now, question, &answer, |_| None);
            judged.map(drop).map_err(|error| error.reason())
        };
        for recipe in RECIPES {
            assert_eq!(judge(recipe), Ok(()), "{recipe}");
        }
        for recipe in [
            "openshell.compose/2026-07",
            "",
            "openshell.compose/2026-10 ",
        ] {
            assert_eq!(judge(recipe), Err("RECEIPT_SCOPE"), "{recipe}");
        }
    }

    /// Neither file of a proof is read beyond its limit.
    #[test]
    fn the_files_of_a_proof_have_limits() {
        let vectors = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/vectors/drivers"
        );
        let vector = std::fs::read(format!("{vectors}/verified.json")).expect("a vector");
        let vector: serde_json::Value = serde_json::from_slice(&vector).expect("JSON");
        let text = |name: &str| vector[name].as_str().expect("a text").to_owned();
        // The pinned root itself is not among those that follow it.
        let mut proof: serde_json::Value = serde_json::from_str(&text("proof")).expect("JSON");
        proof["roots"] = json!([]);
        let now = Time::parse(&text("now")).expect("a time");
        let folder = tempfile::tempdir().expect("a folder");
        let padded = |name: &str, text: String, bytes: u64| {
            let path = folder.path().join(name);
            let bytes = usize::try_from(bytes).expect("it fits");
            let spaces = " ".repeat(bytes.saturating_sub(text.len()));
            std::fs::write(&path, text + &spaces).expect("written");
            path
        };
        let opens = |root: u64, bytes: u64| {
            let root = padded("root", text("root"), root);
            let drivers = padded("proof", proof.to_string(), bytes);
            let gate = gate(Trust::Proof { root, drivers });
            let keys = gate.keys(&mut Memory::of_process(), now);
            keys.map(|keys| keys.len()).map_err(|error| error.reason())
        };
        assert_eq!(opens(MAX_ROOT, MAX_PROOF), Ok(1));
        assert_eq!(opens(MAX_ROOT + 1, 0), Err("CONFIG_INVALID"));
        assert_eq!(opens(0, MAX_PROOF + 1), Err("CONFIG_INVALID"));
    }
}
