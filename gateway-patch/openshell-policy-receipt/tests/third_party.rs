// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Whoever holds a credential demands a receipt, too: `policy-receipt verify`, and the
//! example of a releaser, as processes beside a real driver.

mod common;
#[path = "../../openshell-policy-signing/tests/common/lab.rs"]
#[allow(dead_code, unreachable_pub)]
mod lab;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::time::Instant;

use bytes::Bytes;
use common::repository;
use lab::Lab;
use openshell_policy_receipt::{Role, hex};
use openshell_policy_signing::{Hook, Mode, Parts, Sandbox};
use serde_json::{Value, json};

struct World {
    lab: Lab,
    hook: Hook,
    _driver: lab::Daemon,
}

impl World {
    async fn new() -> Self {
        let mut lab = Lab::new();
        let approved = lab::document(Role::SandboxPolicy, lab::policy("approved"));
        lab.approve(&approved, "alice", 1);
        let driver = lab.start();
        let hook = Hook::connect(lab.settings(Mode::Enforce)).await;
        let world = Self {
            hook: hook.expect("the driver answers"),
            lab,
            _driver: driver,
        };
        let pem = std::fs::read_to_string(world.lab.path("keys/driver.pub")).expect("a key");
        world.config(&format!(
            "required = true\ngateway_id = {:?}\nmemory = {:?}\n[[key]]\ndriver = \"east-1\"\npem = '''\n{pem}'''\n",
            lab::GATEWAY,
            world.lab.path("memory.json").display().to_string(),
        ));
        world
    }

    fn config(&self, text: &str) {
        let path = self.lab.path("policy-receipt.toml");
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("set");
    }

    /// What the gateway's hook gets for a nonce.
    async fn receipt(&self, nonce: &[u8]) -> String {
        let sandbox = Sandbox {
            workspace: "prod".to_owned(),
            id: "sb-1".to_owned(),
            name: "web-1".to_owned(),
        };
        let parts = Parts {
            source: Some(lab::policy("approved")),
            settings: Some(lab::settings(false)),
            effective: Some(lab::policy("approved")),
            ..Default::default()
        };
        let nonce = Some(Bytes::copy_from_slice(nonce));
        let receipt = self
            .hook
            .attest("get_sandbox_config", &sandbox, parts, nonce);
        let receipt = receipt.await.expect("allowed").expect("a receipt");
        String::from_utf8(receipt.to_vec()).expect("text")
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.lab.path(name), text).expect("written");
        self.lab.path(name)
    }

    fn verify(&self, changes: &[(&str, &str)]) -> (i32, String) {
        let mut options = vec![
            ("--receipt", "receipt.json"),
            ("--policy", "policy.json"),
            ("--settings", "settings.json"),
            ("--workspace", "prod"),
            ("--sandbox-id", "sb-1"),
            ("--name", "web-1"),
            ("--config", "policy-receipt.toml"),
        ];
        for (name, value) in changes {
            options.retain(|(have, _)| have != name);
            if !value.is_empty() {
                options.push((name, value));
            }
        }
        let mut run = Command::new(env!("CARGO_BIN_EXE_policy-receipt"));
        run.arg("verify").current_dir(self.lab.path(""));
        for (name, value) in options {
            run.args([name, value]);
        }
        said(&run.output().expect("it runs"))
    }
}

fn said(output: &Output) -> (i32, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let code = output.status.code().expect("it ended by itself");
    (code, String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_receipt_verify() {
    let world = World::new().await;
    let raw: Vec<u8> = (0..32).collect();
    let nonce = hex(&raw);
    world.write("receipt.json", world.receipt(&raw).await);
    world.write("policy.json", lab::policy("approved").to_string());
    world.write("evil.json", lab::policy("evil").to_string());
    world.write("settings.json", lab::settings(false).to_string());
    let other = nonce.replace("1f", "2f");
    for (changes, code, want) in [
        (&[][..], 2, "--nonce is required"),
        (&[("--nonce", "00")], 2, "16 to 64 bytes"),
        (&[("--nonce", &nonce), ("--nonsense", "1")], 2, "is unknown"),
        (
            &[("--nonce", &nonce), ("--receipt", "none")],
            2,
            "No such file",
        ),
        (
            &[("--nonce", &nonce), ("--policy", "evil.json")],
            1,
            "REFUSED RECEIPT_DIGEST",
        ),
        (
            &[("--nonce", &nonce), ("--settings", "")],
            1,
            "REFUSED RECEIPT_DIGEST",
        ),
        (
            &[("--nonce", &nonce), ("--sandbox-id", "sb-2")],
            1,
            "REFUSED RECEIPT_SCOPE",
        ),
        (&[("--nonce", &other)], 1, "REFUSED RECEIPT_NONCE"),
        (
            &[("--nonce", &nonce), ("--receipt", "policy.json")],
            1,
            "REFUSED RECEIPT_SIGNATURE",
        ),
        (
            &[("--nonce", &nonce), ("--config", "none.toml")],
            4,
            if cfg!(feature = "required") {
                "CONFIG_INVALID"
            } else {
                "nothing was verified"
            },
        ),
        (
            &[("--nonce", &nonce)],
            0,
            "VERIFIED allowed by \"east-1\" until 20",
        ),
        // It was used: whoever shows it again is late.
        (&[("--nonce", &nonce)], 1, "REFUSED RECEIPT_STALE"),
    ] {
        let (got, said) = world.verify(changes);
        assert_eq!(got, code, "{changes:?}: {said}");
        assert!(said.contains(want), "{changes:?}: {said}");
        assert!(!said.contains("BEGIN PUBLIC KEY"), "{said}");
    }
    world.config("required = false\ngateway_id = \"gw-1\"\n");
    assert_eq!(world.verify(&[("--nonce", &nonce)]).0, 4, "an unsound file");
}

/// The releaser, running. It is killed when it goes out of scope.
struct Releaser(Child, PathBuf);

impl Releaser {
    fn start(world: &World) -> Self {
        let socket = world.lab.path("releaser.sock");
        world.write("credential", "s3cret");
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let arguments = [
            "build",
            "--quiet",
            "--offline",
            "--example",
            "releaser",
            "--manifest-path",
            manifest,
        ];
        let built = Command::new(env!("CARGO")).args(arguments).status();
        assert!(built.expect("cargo runs").success());
        // Beside the folder of this test.
        let here = std::env::current_exe().expect("a program");
        let target = here.ancestors().nth(2).expect("a target folder");
        let child = Command::new(target.join("examples/releaser"))
            .args([
                &socket,
                &world.lab.path("policy-receipt.toml"),
                &world.lab.path("credential"),
            ])
            .spawn()
            .expect("it starts");
        let begin = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(begin.elapsed() < lab::PATIENCE, "no releaser");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Self(child, socket)
    }

    /// Connects, and gets the nonce.
    fn connect(&self) -> (BufReader<UnixStream>, String) {
        let stream = UnixStream::connect(&self.1).expect("it listens");
        let mut stream = BufReader::new(stream);
        let mut nonce = String::new();
        stream.read_line(&mut nonce).expect("a nonce");
        (stream, nonce.trim().to_owned())
    }
}

impl Drop for Releaser {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}

fn answer(mut stream: BufReader<UnixStream>, line: &str) -> String {
    writeln!(stream.get_mut(), "{line}").expect("sent");
    let mut got = String::new();
    stream.read_line(&mut got).expect("an answer");
    got.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_for_a_receipt() {
    let world = World::new().await;
    let releaser = Releaser::start(&world);
    let asked = |receipt: &str, policy: Value| {
        json!({"workspace": "prod", "sandbox": "sb-1", "name": "web-1", "policy": policy,
            "settings": lab::settings(false), "receipt": receipt})
        .to_string()
    };
    let (stream, nonce) = releaser.connect();
    let receipt = world.receipt(&common::unhex(&nonce)).await;
    let line = asked(&receipt, lab::policy("approved"));
    assert_eq!(answer(stream, &line), "RELEASED s3cret");
    // The same again: it is not the answer to this question.
    let (stream, _) = releaser.connect();
    assert_eq!(answer(stream, &line), "REFUSED RECEIPT_NONCE");
    let (stream, nonce) = releaser.connect();
    let receipt = world.receipt(&common::unhex(&nonce)).await;
    let evil = asked(&receipt, lab::policy("evil"));
    assert_eq!(answer(stream, &evil), "REFUSED RECEIPT_DIGEST");
    for (line, reason) in [
        ("", "REFUSED MALFORMED"),
        (
            "{\"workspace\": \"prod\", \"workspace\": \"dev\"}",
            "REFUSED MALFORMED",
        ),
        (
            &asked("", lab::policy("approved")),
            "REFUSED RECEIPT_SIGNATURE",
        ),
    ] {
        let (stream, _) = releaser.connect();
        assert_eq!(answer(stream, line), reason, "{line}");
    }
    let (stream, nonce) = releaser.connect();
    let receipt = world.receipt(&common::unhex(&nonce)).await;
    let line = asked(&receipt, lab::policy("approved"));
    assert_eq!(
        answer(stream, &line),
        "RELEASED s3cret",
        "and again for a fresh one"
    );
}
