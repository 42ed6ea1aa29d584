// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Releases a credential only for a fresh receipt: `releaser SOCKET CONFIG CREDENTIAL`.
//!
//! Whoever connects is sent a nonce in hex, and answers with one line of JSON:
//! `{"workspace", "sandbox", "name", "policy", "settings", "receipt"}`, the receipt being
//! the text that the gateway handed out for that nonce. It gets the credential, or the
//! reason and nothing else.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use openshell_policy_receipt::{Answer, Document, Gate, Role, hex, parse_strict};
use serde_json::Value;

const MOST: u64 = 4 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket, config, credential] = arguments.as_slice() else {
        return Err("usage: releaser SOCKET CONFIG CREDENTIAL".into());
    };
    let gate = Gate::open(Path::new(config))?.ok_or("receipts are not required: nothing to do")?;
    let credential = std::fs::read_to_string(credential)?;
    for stream in UnixListener::bind(socket)?.incoming() {
        if let Err(error) = serve(&gate, stream?, &credential) {
            eprintln!("releaser: {error}");
        }
    }
    Ok(())
}

fn serve(gate: &Gate, mut stream: UnixStream, credential: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let question = match gate.ask() {
        Ok(question) => question,
        Err(error) => return writeln!(stream, "REFUSED {}", error.reason()),
    };
    let nonce = hex(question.nonce());
    writeln!(stream, "{nonce}")?;
    let mut line = String::new();
    BufReader::new((&stream).take(MOST)).read_line(&mut line)?;
    let Some(asked) = Asked::read(&line) else {
        return writeln!(stream, "REFUSED MALFORMED");
    };
    let answer = Answer {
        receipt: Some(asked.receipt.as_bytes()),
        workspace: &asked.workspace,
        sandbox: &asked.sandbox,
        name: &asked.name,
        effective: &asked.policy,
    };
    match gate.judge(question, &answer, |_| asked.settings) {
        Ok(_) => writeln!(stream, "RELEASED {credential}"),
        Err(error) => writeln!(stream, "REFUSED {}", error.reason()),
    }
}

struct Asked {
    workspace: String,
    sandbox: String,
    name: String,
    receipt: String,
    policy: Document,
    settings: Option<Document>,
}

impl Asked {
    fn read(line: &str) -> Option<Self> {
        let asked = parse_strict(line.as_bytes()).ok()?;
        let text = |name: &str| Some(asked.get(name)?.as_str()?.to_owned());
        let settings = match asked.get("settings") {
            None | Some(Value::Null) => None,
            Some(settings) => Some(Document::new(Role::Settings, settings.clone()).ok()?),
        };
        Some(Self {
            workspace: text("workspace")?,
            sandbox: text("sandbox")?,
            name: text("name")?,
            receipt: text("receipt")?,
            policy: Document::effective(asked.get("policy")?.clone()).ok()?,
            settings,
        })
    }
}
