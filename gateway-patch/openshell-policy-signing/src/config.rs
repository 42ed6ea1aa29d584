// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! `[openshell.gateway.policy_signing]`. Without the table the hook is off.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::recipe::Recipe;

/// The longest path of a Unix socket, in bytes.
const MAX_SOCKET_PATH: usize = 107;

/// What the hook does with a refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing is served without a yes.
    #[default]
    Enforce,
    /// Everything is served; refusals are counted and logged. For a rollout.
    Observe,
}

/// The table as the gateway's configuration file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySigningConfig {
    /// The driver's socket. Absolute.
    pub socket_path: PathBuf,
    /// The name under which this gateway asks; the driver's configuration lists it.
    pub gateway_id: String,
    /// The user that the driver runs as: the only owner of the socket that is
    /// trusted.
    pub driver_uid: u32,
    /// `enforce` (the default) or `observe`.
    #[serde(default)]
    pub mode: Mode,
    /// The deadline of one call: whole `ms` or `s`, from 10 ms to 10 s.
    #[serde(default = "default_timeout")]
    pub timeout: String,
    /// A folder that the gateway may write to, absolute: each settings document that
    /// is asked about is written there under its digest, for people to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings_dir: Option<PathBuf>,
}

/// A hundred callers on two busy cores wait 0.3 s on the median and 0.6 s at most
/// (tests/daemon.rs measures it); an answer that is not waited for is a sandbox that
/// does not boot.
fn default_timeout() -> String {
    "1s".to_owned()
}

/// The table, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The driver's socket.
    pub socket_path: PathBuf,
    /// The name under which this gateway asks.
    pub gateway_id: String,
    /// The user that the driver runs as.
    pub driver_uid: u32,
    /// What the hook does with a refusal.
    pub mode: Mode,
    /// The deadline of one call, connecting included.
    pub timeout: Duration,
    /// Where settings documents are written for people; none for nowhere.
    pub settings_dir: Option<PathBuf>,
    /// How the gateway composes.
    pub recipe: Recipe,
    /// How long a gateway that starts waits for a driver that starts beside it.
    pub start_timeout: Duration,
}

/// A table that is not right: the key, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    key: &'static str,
    must: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "openshell.gateway.policy_signing.{} {}",
            self.key, self.must
        )
    }
}

impl std::error::Error for ConfigError {}

impl PolicySigningConfig {
    /// Checks the table, for a gateway that composes so.
    pub fn settings(&self, recipe: Recipe) -> Result<Settings, ConfigError> {
        let wrong = |key, must| Err(ConfigError { key, must });
        let path = &self.socket_path;
        if !path.is_absolute() || path.as_os_str().len() > MAX_SOCKET_PATH {
            return wrong("socket_path", "must be absolute and at most 107 bytes long");
        }
        if !(1..=253).contains(&self.gateway_id.len()) {
            return wrong("gateway_id", "must have 1 to 253 bytes");
        }
        if self.settings_dir.as_ref().is_some_and(|d| !d.is_absolute()) {
            return wrong("settings_dir", "must be absolute");
        }
        let timeout = match read_duration(&self.timeout) {
            Some(t) if (Duration::from_millis(10)..=Duration::from_secs(10)).contains(&t) => t,
            _ => return wrong("timeout", "must be whole ms or s from \"10ms\" to \"10s\""),
        };
        Ok(Settings {
            socket_path: path.clone(),
            gateway_id: self.gateway_id.clone(),
            driver_uid: self.driver_uid,
            mode: self.mode,
            timeout,
            settings_dir: self.settings_dir.clone(),
            recipe,
            start_timeout: Duration::from_secs(30),
        })
    }
}

fn read_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let count = digits.parse().ok().filter(|_| !digits.starts_with('+'))?;
    match &text[digits.len()..] {
        "ms" => Some(Duration::from_millis(count)),
        "s" => Some(Duration::from_secs(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &str) -> Result<Settings, String> {
        let base =
            "socket_path = \"/run/sigdriver/s.sock\"\ngateway_id = \"gw-1\"\ndriver_uid = 990\n";
        let config: PolicySigningConfig =
            toml::from_str(&format!("{base}{extra}")).map_err(|e| e.message().to_owned())?;
        config.settings(Recipe::V2026_08).map_err(|e| e.to_string())
    }

    #[test]
    fn defaults_enforce_within_a_second() {
        let settings = read("").expect("it is complete");
        assert_eq!(settings.mode, Mode::Enforce);
        assert_eq!(settings.timeout, Duration::from_secs(1));
    }

    #[test]
    fn values() {
        assert_eq!(
            read("mode = \"observe\"").map(|s| s.mode),
            Ok(Mode::Observe)
        );
        for (text, want) in [("10ms", 10), ("2s", 2000), ("10s", 10_000)] {
            let timeout = read(&format!("timeout = \"{text}\"")).map(|s| s.timeout);
            assert_eq!(timeout, Ok(Duration::from_millis(want)));
        }
    }

    #[test]
    fn refuses() {
        for extra in [
            "mode = \"off\"",
            "mode = \"Enforce\"",
            "timeout = \"9ms\"",
            "timeout = \"11s\"",
            "timeout = \"1m\"",
            "timeout = \"+20ms\"",
            "timeout = \"20 ms\"",
            "timeout = \"\"",
            "timeout = 250",
            "enabled = false",
            "settings_dir = \"relative\"",
        ] {
            assert!(read(extra).is_err(), "{extra}");
        }
        for missing in ["socket_path", "gateway_id", "driver_uid"] {
            let text: String = "socket_path = \"/s\"\ngateway_id = \"g\"\ndriver_uid = 1\n"
                .lines()
                .filter(|line| !line.starts_with(missing))
                .fold(String::new(), |text, line| text + line + "\n");
            assert!(
                toml::from_str::<PolicySigningConfig>(&text).is_err(),
                "{missing}"
            );
        }
        let config = |path: &str, id: &str| PolicySigningConfig {
            socket_path: path.into(),
            gateway_id: id.into(),
            driver_uid: 1,
            mode: Mode::Enforce,
            timeout: default_timeout(),
            settings_dir: None,
        };
        assert!(config("relative", "g").settings(Recipe::V2026_08).is_err());
        assert!(
            config(&format!("/{}", "x".repeat(106)), "g")
                .settings(Recipe::V2026_08)
                .is_ok()
        );
        assert!(
            config(&format!("/{}", "x".repeat(107)), "g")
                .settings(Recipe::V2026_08)
                .is_err()
        );
        assert!(config("/s", "").settings(Recipe::V2026_08).is_err());
        assert!(
            config("/s", &"x".repeat(254))
                .settings(Recipe::V2026_08)
                .is_err()
        );
    }
}
