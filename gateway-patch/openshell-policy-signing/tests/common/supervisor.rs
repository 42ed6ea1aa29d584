// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A supervisor of one sandbox, the gate where the insertions put it, and the node that
//! it runs on. The driver, its trust and the proof of its keys are real.

use std::path::PathBuf;
use std::process::Command;

use bytes::Bytes;
use openshell_policy_receipt::{Answer, Document, Gate, GateError, Role, Time};
use openshell_policy_signing::{Hook, Mode, Sandbox};
use serde_json::{Value, json};

use super::gateway::{Gateway, Rows};
use super::lab::{self, Lab};

/// What a gateway answers, true or not.
#[derive(Clone)]
pub struct Served {
    pub policy: Option<Value>,
    pub settings: Value,
    pub receipt: Option<Bytes>,
}

/// A supervisor of one sandbox.
pub struct Supervisor {
    pub gate: Option<Gate>,
    pub sandbox: Sandbox,
    pub running: Option<Value>,
    pub clock: i64,
}

impl Supervisor {
    pub fn new(gate: Option<Gate>) -> Self {
        Self {
            gate,
            sandbox: sandbox(),
            running: None,
            clock: 0,
        }
    }

    /// Loads what a gateway answers to a nonce; on an error it keeps what runs. `enrich`
    /// is what the supervisor itself adds before it enforces.
    pub async fn load(
        &mut self,
        gateway: impl AsyncFnOnce(Option<Bytes>) -> Option<Served>,
        enrich: fn(&mut Value),
    ) -> Result<(), &'static str> {
        let question = self
            .gate
            .as_ref()
            .map(|gate| gate.ask().expect("random bytes"));
        let nonce = question.as_ref().map(|q| Bytes::copy_from_slice(q.nonce()));
        let served = gateway(nonce).await.ok_or("NO_ANSWER")?;
        let (Some(gate), Some(question)) = (&self.gate, question) else {
            self.running = Some(served.policy.unwrap_or_else(|| lab::policy("discovered")));
            return Ok(());
        };
        let reason = |error: GateError| error.reason();
        let mut policy = served
            .policy
            .ok_or_else(|| GateError::Unreceipted("no policy").reason())?;
        let effective = Document::effective(policy.clone()).expect("well formed");
        let answer = Answer {
            receipt: served.receipt.as_deref(),
            workspace: &self.sandbox.workspace,
            sandbox: &self.sandbox.id,
            name: &self.sandbox.name,
            effective: &effective,
        };
        let now = Time::now().plus(self.clock);
        gate.judge_at(now, question, &answer, |_| {
            Document::new(Role::Settings, served.settings).ok()
        })
        .map_err(reason)?;
        enrich(&mut policy);
        gate.enforce(&Document::effective(policy.clone()).expect("well formed"))
            .map_err(reason)?;
        self.running = Some(policy);
        Ok(())
    }
}

pub const AS_IT_IS: fn(&mut Value) = |_| ();

pub fn sandbox() -> Sandbox {
    Sandbox {
        workspace: "prod".to_owned(),
        id: "sb-1".to_owned(),
        name: "web-1".to_owned(),
    }
}

pub fn rows(host: &str) -> Rows {
    Rows {
        sandbox: sandbox(),
        policy: lab::policy(host),
        global_policy: None,
        profiles: std::collections::BTreeMap::new(),
        providers: Vec::new(),
        providers_v2_enabled: false,
        validation_failure_mode: "keep_last_good".to_owned(),
    }
}

/// A world with a policy that alice approved, and a node that requires receipts.
pub struct World {
    pub lab: Lab,
    pub driver: Option<lab::Daemon>,
}

impl World {
    pub fn new() -> Self {
        let mut lab = Lab::new();
        let approved = lab::document(Role::SandboxPolicy, lab::policy("approved"));
        lab.approve(&approved, "alice", 1);
        let world = Self {
            driver: Some(lab.start()),
            lab,
        };
        world.export();
        world.config("required = true", "root", "drivers");
        world
    }

    /// Renews the proof on the node.
    pub fn export(&self) {
        self.lab.sigdriver(&[
            "trust",
            "export",
            "--drivers",
            "--dir",
            "trust/published",
            "--root",
            "trust/published/metadata/1.root.json",
            "--out",
            "proof.json",
        ]);
    }

    pub fn config(&self, required: &str, root: &str, drivers: &str) {
        let path = |name: &str| self.lab.path(name).display().to_string();
        let text = format!(
            "{required}\ngateway_id = {:?}\nmemory = {:?}\n{root} = {:?}\n{drivers} = {:?}\n",
            lab::GATEWAY,
            path("memory.json"),
            path("trust/published/metadata/1.root.json"),
            path("proof.json"),
        );
        std::fs::write(self.file(), text).expect("written");
        for file in [self.file(), self.lab.path("proof.json")] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            std::fs::set_permissions(file, mode).expect("set");
        }
    }

    pub fn file(&self) -> PathBuf {
        self.lab.path("policy-receipt.toml")
    }

    pub fn supervisor(&self) -> Supervisor {
        let gate = Gate::open(&self.file()).expect("it opens");
        assert!(gate.is_some(), "receipts are required");
        Supervisor::new(gate)
    }

    pub async fn hook(&self) -> Hook {
        let settings = self.lab.settings(Mode::Enforce);
        Hook::connect(settings).await.expect("the driver answers")
    }

    /// Stops the driver, changes its configuration and starts it again.
    pub fn restart(&mut self, changes: &[(&str, &str)]) {
        self.driver = None;
        let path = self.lab.path("sigdriver.toml");
        let mut text = std::fs::read_to_string(&path).expect("it is there");
        for (old, new) in changes {
            assert!(text.contains(old), "{old}");
            text = text.replace(old, new);
        }
        std::fs::write(path, text).expect("written");
        self.driver = Some(self.lab.start());
    }

    /// Makes a key, and publishes drivers.json with these.
    pub fn publish(&self, drivers: &[(&str, &str)]) {
        let mut all = serde_json::Map::new();
        for (driver, key) in drivers {
            let (private, public) = (format!("keys/{key}.key"), format!("keys/{key}.pub"));
            if !self.lab.path(&private).exists() {
                let curve = "ec_paramgen_curve:P-256";
                openssl(
                    self,
                    &[
                        "genpkey",
                        "-algorithm",
                        "EC",
                        "-pkeyopt",
                        curve,
                        "-out",
                        &private,
                    ],
                );
                openssl(self, &["pkey", "-in", &private, "-pubout", "-out", &public]);
            }
            let pem = std::fs::read_to_string(self.lab.path(&public)).expect("a key");
            let entry = all.entry(*driver).or_insert_with(|| json!({"keys": []}));
            entry["keys"]
                .as_array_mut()
                .expect("a list")
                .push(json!({"pem": pem}));
        }
        let file = json!({"schema": "sigdriver.drivers/v1", "drivers": all});
        std::fs::write(self.lab.path("drivers.json"), file.to_string()).expect("written");
        self.lab.sigdriver(&[
            "trust",
            "publish",
            "--dir",
            "trust",
            "--drivers",
            "drivers.json",
        ]);
    }
}

pub fn openssl(world: &World, arguments: &[&str]) {
    let status = Command::new("openssl")
        .args(arguments)
        .current_dir(world.lab.path(""))
        .stderr(std::process::Stdio::null())
        .status();
    assert!(status.expect("openssl runs").success());
}

/// A gateway as it should be.
pub async fn honest(hook: &Hook, rows: &Rows, nonce: Option<Bytes>) -> Option<Served> {
    let mut gateway = Gateway::new(None, rows.clone());
    gateway.nonce = nonce;
    let (policy, settings) = (rows.policy.clone(), lab::settings(false));
    let parts = openshell_policy_signing::Parts {
        source: Some(policy.clone()),
        settings: Some(settings.clone()),
        effective: Some(policy.clone()),
        ..Default::default()
    };
    let receipt = hook
        .attest("get_sandbox_config", &rows.sandbox, parts, gateway.nonce)
        .await
        .ok()?;
    Some(Served {
        policy: Some(policy),
        settings,
        receipt,
    })
}
