// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! `policy-receipt verify`: checks one receipt for whoever releases something for it, a
//! Vault agent, a metadata proxy, a credential driver. Trust is the node's own file.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use openshell_policy_receipt::{
    Answer, CONFIG_PATH, Document, Gate, GateError, Question, Role, parse_strict,
};

const USAGE: &str =
    "usage: policy-receipt verify --receipt FILE --policy FILE [--settings FILE] --nonce HEX
                             --workspace NAME --sandbox-id ID --name NAME [--config FILE]

Checks that a driver allowed this effective policy, and these settings, for this sandbox,
in answer to this nonce, not long ago. Policy and settings are canonical documents or
ProtoJSON. The config is /etc/openshell/policy-receipt.toml unless another is named.

Exit codes: 0 verified, 1 refused, 2 usage, 4 nothing could be verified.";

const REFUSED: u8 = 1;
const BAD_USAGE: u8 = 2;
const INCONCLUSIVE: u8 = 4;

const OPTIONS: [&str; 8] = [
    "--receipt",
    "--policy",
    "--settings",
    "--nonce",
    "--workspace",
    "--sandbox-id",
    "--name",
    "--config",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let said = match arguments.split_first() {
        Some((verb, rest)) if verb == "verify" => verify(rest),
        _ => Err((BAD_USAGE, USAGE.to_owned())),
    };
    match said {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err((code, said)) => {
            eprintln!("{said}");
            ExitCode::from(code)
        }
    }
}

type Outcome<T> = Result<T, (u8, String)>;

fn verify(arguments: &[String]) -> Outcome<String> {
    let options = read_options(arguments)?;
    let need = |name: &str| {
        let usage = || (BAD_USAGE, format!("{name} is required\n\n{USAGE}"));
        options.get(name).copied().ok_or_else(usage)
    };
    let question = Question::of_hex(need("--nonce")?).ok_or_else(|| {
        (
            BAD_USAGE,
            "--nonce must be 16 to 64 bytes in hex".to_owned(),
        )
    })?;
    let read = |name: &str| {
        let path = need(name)?;
        std::fs::read(path).map_err(|e| (BAD_USAGE, format!("{name} {path}: {e}")))
    };
    let (receipt, policy) = (read("--receipt")?, read("--policy")?);
    let no_document = |name: &str, why: String| (REFUSED, format!("{name}: {why}"));
    let policy = parse_strict(&policy)
        .map_err(|e| e.to_string())
        .and_then(|value| Document::effective(value).map_err(|e| e.to_string()))
        .map_err(|why| no_document("--policy", why))?;
    let settings = match options.get("--settings") {
        None => None,
        Some(_) => Some(
            Document::parse(Role::Settings, &read("--settings")?)
                .map_err(|e| no_document("--settings", e.to_string()))?,
        ),
    };
    let config = options.get("--config").copied().unwrap_or(CONFIG_PATH);
    let gate = Gate::open(Path::new(config)).map_err(inconclusive)?;
    let gate = gate.ok_or_else(|| {
        let none = format!("{config}: receipts are not required here, so nothing was verified");
        (INCONCLUSIVE, none)
    })?;
    let answer = Answer {
        receipt: Some(&receipt),
        workspace: need("--workspace")?,
        sandbox: need("--sandbox-id")?,
        name: need("--name")?,
        effective: &policy,
    };
    let statement = gate
        .judge(question, &answer, |_| settings)
        .map_err(|error| match error {
            GateError::Refused(refusal) => (REFUSED, format!("REFUSED {refusal}")),
            other => inconclusive(other),
        })?;
    let (driver, until) = (&statement.driver, statement.not_after);
    Ok(format!("VERIFIED allowed by {driver:?} until {until}"))
}

fn inconclusive(error: GateError) -> (u8, String) {
    (INCONCLUSIVE, format!("{}: {error}", error.reason()))
}

fn read_options(arguments: &[String]) -> Outcome<BTreeMap<&str, &str>> {
    let mut options = BTreeMap::new();
    for pair in arguments.chunks(2) {
        let known = OPTIONS.contains(&pair[0].as_str());
        let [name, value] = pair else {
            return Err((BAD_USAGE, USAGE.to_owned()));
        };
        if !known || options.insert(name.as_str(), value.as_str()).is_some() {
            return Err((
                BAD_USAGE,
                format!("{name:?} is unknown, or given twice\n\n{USAGE}"),
            ));
        }
    }
    Ok(options)
}
