// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The whole game: a gateway that was taken over against a supervisor that requires
//! receipts, and against one that does not. The driver, its trust and the proof of its
//! keys are real; the supervisor is the gate where the insertions put it.

mod common;

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use common::gateway::{Gateway, Rows};
use common::lab::{self, Lab};
use openshell_policy_receipt::{Answer, Document, Gate, GateError, ProofError, Role, Time};
use openshell_policy_signing::{Hook, Mode, Sandbox};
use serde_json::{Value, json};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What a gateway answers, true or not.
#[derive(Clone)]
struct Served {
    policy: Option<Value>,
    settings: Value,
    receipt: Option<Bytes>,
}

/// A supervisor of one sandbox.
struct Supervisor {
    gate: Option<Gate>,
    sandbox: Sandbox,
    running: Option<Value>,
    clock: i64,
}

impl Supervisor {
    fn new(gate: Option<Gate>) -> Self {
        Self {
            gate,
            sandbox: sandbox(),
            running: None,
            clock: 0,
        }
    }

    /// Loads what a gateway answers to a nonce; on an error it keeps what runs. `enrich`
    /// is what the supervisor itself adds before it enforces.
    async fn load(
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

const AS_IT_IS: fn(&mut Value) = |_| ();

fn sandbox() -> Sandbox {
    Sandbox {
        workspace: "prod".to_owned(),
        id: "sb-1".to_owned(),
        name: "web-1".to_owned(),
    }
}

fn rows(host: &str) -> Rows {
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
struct World {
    lab: Lab,
    driver: Option<lab::Daemon>,
}

impl World {
    fn new() -> Self {
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
    fn export(&self) {
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

    fn config(&self, required: &str, root: &str, drivers: &str) {
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

    fn file(&self) -> PathBuf {
        self.lab.path("policy-receipt.toml")
    }

    fn supervisor(&self) -> Supervisor {
        let gate = Gate::open(&self.file()).expect("it opens");
        assert!(gate.is_some(), "receipts are required");
        Supervisor::new(gate)
    }

    async fn hook(&self) -> Hook {
        let settings = self.lab.settings(Mode::Enforce);
        Hook::connect(settings).await.expect("the driver answers")
    }

    /// Stops the driver, changes its configuration and starts it again.
    fn restart(&mut self, changes: &[(&str, &str)]) {
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
    fn publish(&self, drivers: &[(&str, &str)]) {
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

fn openssl(world: &World, arguments: &[&str]) {
    let status = Command::new("openssl")
        .args(arguments)
        .current_dir(world.lab.path(""))
        .stderr(std::process::Stdio::null())
        .status();
    assert!(status.expect("openssl runs").success());
}

/// A gateway as it should be.
async fn honest(hook: &Hook, rows: &Rows, nonce: Option<Bytes>) -> Option<Served> {
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

/// A lie: what the taken gateway makes of an honest answer, of an earlier one, and of
/// one to a nonce of its own.
type Lie = fn(&mut Served, &Served, &Served);

/// Each lie, and the reason that it is stopped with.
const LIES: [(&str, &str, Lie); 10] = [
    (
        "another policy, the driver skipped",
        "RECEIPT_ABSENT",
        |s, _, _| {
            s.policy = Some(lab::policy("evil"));
            s.receipt = None;
        },
    ),
    (
        "another policy under the receipt for the approved one",
        "RECEIPT_DIGEST",
        |s, _, _| {
            s.policy = Some(lab::policy("evil"));
        },
    ),
    (
        "one more rule than was allowed",
        "RECEIPT_DIGEST",
        |s, _, _| {
            let policy = s.policy.as_mut().expect("a policy");
            policy["networkPolicies"]["more"] = policy["networkPolicies"]["web"].clone();
        },
    ),
    ("the receipt stripped", "RECEIPT_ABSENT", |s, _, _| {
        s.receipt = None;
    }),
    (
        "the receipt of the last start",
        "RECEIPT_NONCE",
        |s, kept, _| {
            s.receipt.clone_from(&kept.receipt);
        },
    ),
    (
        "a receipt for a nonce of the gateway's",
        "RECEIPT_NONCE",
        |s, _, own| {
            s.receipt.clone_from(&own.receipt);
        },
    ),
    (
        "weaker settings beside the policy",
        "RECEIPT_DIGEST",
        |s, _, _| {
            s.settings["policyValidationFailureMode"] = "retain_last_valid".into();
        },
    ),
    ("another middleware", "RECEIPT_DIGEST", |s, _, _| {
        s.settings["middlewareServices"] = json!([{"name": "m", "endpoint": "http://evil"}]);
    }),
    (
        "a byte of the receipt changed",
        "RECEIPT_SIGNATURE",
        |s, _, _| {
            let mut receipt = s.receipt.as_ref().expect("a receipt").to_vec();
            let middle = receipt.len() / 2;
            receipt[middle] ^= 1;
            s.receipt = Some(receipt.into());
        },
    ),
    (
        "no policy, so that a local one is found",
        "RECEIPT_UNBOUND",
        |s, _, _| s.policy = None,
    ),
];

/// Ten ways to lie: each is stopped where receipts are required, and served where they
/// are not.
#[tokio::test(flavor = "multi_thread")]
async fn ways_to_lie() {
    let world = World::new();
    let hook = world.hook().await;
    let mine = rows("approved");

    // Before the gateway was taken: one honest start, whose answer it kept.
    let mut supervisor = world.supervisor();
    let mut kept = None;
    supervisor
        .load(
            async |nonce| {
                kept = honest(&hook, &mine, nonce).await;
                kept.clone()
            },
            AS_IT_IS,
        )
        .await
        .expect("an honest start");
    let kept = kept.expect("an answer");
    assert_eq!(supervisor.running, Some(lab::policy("approved")));

    let mut stopped = 0;
    for (what, reason, lie) in LIES {
        for required in [true, false] {
            let mut fresh = Supervisor::new(None);
            let running = if required {
                &mut supervisor
            } else {
                &mut fresh
            };
            let before = running.running.clone();
            let got = running
                .load(
                    async |nonce| {
                        let own = Bytes::from_static(b"a nonce of the gateway's own");
                        let asked = nonce.unwrap_or_else(|| own.clone());
                        let mut served = honest(&hook, &mine, Some(asked)).await?;
                        let other = honest(&hook, &mine, Some(own)).await?;
                        lie(&mut served, &kept, &other);
                        Some(served)
                    },
                    AS_IT_IS,
                )
                .await;
            if required {
                assert_eq!(got, Err(reason), "{what}");
                assert_eq!(running.running, before, "{what}: what ran goes on");
                stopped += 1;
            } else {
                assert_eq!(got, Ok(()), "{what}");
                assert!(running.running.is_some(), "{what}: served");
            }
        }
        println!("{reason:18} {what}");
    }
    println!("{stopped} lies stopped, each served where nothing is required");
}

/// Receipts of other places, keys and times; and what the supervisor itself changes.
#[tokio::test(flavor = "multi_thread")]
async fn receipts_from_elsewhere() {
    let world = World::new();
    let hook = world.hook().await;
    let mine = rows("approved");
    let mut other = rows("approved");
    other.sandbox.id = "sb-2".to_owned();
    let mut renamed = rows("approved");
    (renamed.sandbox.id, renamed.sandbox.name) = ("sb-3".to_owned(), "web-2".to_owned());
    let mut supervisor = world.supervisor();

    // Another sandbox's and another place's receipt, for our nonce and our policy.
    for (what, place) in [
        ("another sandbox's receipt", &other),
        ("another name's receipt", &renamed),
    ] {
        let got = supervisor
            .load(async |nonce| honest(&hook, place, nonce).await, AS_IT_IS)
            .await;
        assert_eq!(got, Err("RECEIPT_SCOPE"), "{what}");
        println!("{:18} {what}", "RECEIPT_SCOPE");
    }
    // A receipt by a key of its own, under the driver's name.
    openssl(
        &world,
        &["genpkey", "-algorithm", "ED25519", "-out", "keys/evil.key"],
    );
    let got = supervisor
        .load(
            async |nonce| {
                let mut served = honest(&hook, &mine, nonce).await?;
                let policy = lab::policy("evil");
                served.receipt = Some(forged(&world, served.receipt.as_deref()?, &policy)?);
                served.policy = Some(policy);
                Some(served)
            },
            AS_IT_IS,
        )
        .await;
    assert_eq!(got, Err("RECEIPT_SIGNATURE"));
    // The answer comes when the receipt has ended, and when it is not yet.
    for clock in [HOUR, -HOUR] {
        supervisor.clock = clock;
        let got = supervisor
            .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
            .await;
        assert_eq!(got, Err("RECEIPT_STALE"), "{clock} s");
    }
    supervisor.clock = 0;
    // What the supervisor itself adds has no receipt either.
    let got = supervisor
        .load(
            async |nonce| honest(&hook, &mine, nonce).await,
            |policy| policy["filesystem"] = json!({"readOnly": ["/usr"]}),
        )
        .await;
    assert_eq!(got, Err("RECEIPT_UNBOUND"));
    // And the honest gateway is served all the while.
    supervisor
        .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
        .await
        .expect("an honest answer");
}

/// A receipt for the gateway's own policy, by its own key under the driver's id.
fn forged(world: &World, receipt: &[u8], policy: &Value) -> Option<Bytes> {
    let mut envelope: Value = serde_json::from_slice(receipt).ok()?;
    let payload = STANDARD.decode(envelope["payload"].as_str()?).ok()?;
    let mut statement: Value = serde_json::from_slice(&payload).ok()?;
    let evil = Document::effective(policy.clone()).ok()?;
    statement["subject"][0]["digest"]["sha256"] =
        openshell_policy_receipt::hex(evil.sha256()).into();
    let payload = statement.to_string(); // its members are in order already
    let kind = "application/vnd.in-toto+json";
    let message = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
    std::fs::write(world.lab.path("message"), message).ok()?;
    openssl(
        world,
        &["genpkey", "-algorithm", "ED25519", "-out", "keys/evil.key"],
    );
    let sign = [
        "pkeyutl",
        "-sign",
        "-inkey",
        "keys/evil.key",
        "-rawin",
        "-in",
        "message",
        "-out",
        "signature",
    ];
    openssl(world, &sign);
    let signature = std::fs::read(world.lab.path("signature")).ok()?;
    envelope["payload"] = STANDARD.encode(payload).into();
    envelope["signatures"][0]["sig"] = STANDARD.encode(signature).into();
    Some(envelope.to_string().into())
}

/// What arrives through the gateway says nothing about whether receipts are required:
/// not its environment, not its metadata, not its configuration.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_weakens_it() {
    let world = World::new();
    let hook = world.hook().await;
    let mine = rows("approved");
    let mut supervisor = world.supervisor();
    for settings in [
        json!({"policy_receipt_required": false}),
        json!({"required": false}),
        json!({"policyReceipt": "off", "settings": {"policy_receipt": "off"}}),
    ] {
        let got = supervisor
            .load(
                async |_| {
                    let policy = Some(lab::policy("evil"));
                    Some(Served {
                        policy,
                        settings,
                        receipt: None,
                    })
                },
                AS_IT_IS,
            )
            .await;
        assert_eq!(got, Err("RECEIPT_ABSENT"));
    }
    // A receipt that is empty, endless, or of something else is none.
    for receipt in [
        Vec::new(),
        vec![b'{'; 1 << 20],
        b"{}".to_vec(),
        b"required = false".to_vec(),
    ] {
        let got = supervisor
            .load(
                async |nonce| {
                    let mut served = honest(&hook, &mine, nonce).await?;
                    served.receipt = Some(receipt.into());
                    Some(served)
                },
                AS_IT_IS,
            )
            .await;
        assert_eq!(got, Err("RECEIPT_SIGNATURE"));
    }
    assert_eq!(supervisor.running, None, "nothing was started");
}

/// Rotating the receipt key: both are listed while one takes over, and the nodes renew
/// their proof in between.
#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_key_is_rotated() {
    let mut world = World::new();
    let mine = rows("approved");
    let mut supervisor = world.supervisor();
    let load = async |world: &World, supervisor: &mut Supervisor| {
        let hook = world.hook().await;
        supervisor
            .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
            .await
    };
    assert_eq!(load(&world, &mut supervisor).await, Ok(()));
    // A driver that changes its key at once is believed by nobody.
    world.publish(&[("east-1", "driver"), ("east-1", "next")]);
    world.restart(&[("keys/driver.key", "keys/next.key")]);
    assert_eq!(
        load(&world, &mut supervisor).await,
        Err("RECEIPT_SIGNATURE")
    );
    // The timer of the node brings the new proof; the supervisor is not restarted.
    world.export();
    assert_eq!(load(&world, &mut supervisor).await, Ok(()));
    // The old key is taken out: its receipts are nobody's, and the old proof is refused.
    let before = std::fs::read(world.lab.path("proof.json")).expect("a proof");
    world.publish(&[("east-1", "next")]);
    world.export();
    assert_eq!(load(&world, &mut supervisor).await, Ok(()));
    std::fs::write(world.lab.path("proof.json"), before).expect("rolled back");
    assert_eq!(load(&world, &mut supervisor).await, Err("TRUST_ROLLBACK"));
    // Also after a restart of the supervisor: what was taken is remembered.
    drop(supervisor);
    assert!(matches!(
        Gate::open(&world.file()),
        Err(GateError::Trust("TRUST_ROLLBACK"))
    ));
    world.export();
    world.restart(&[("keys/next.key", "keys/driver.key")]);
    let mut supervisor = world.supervisor();
    assert_eq!(
        load(&world, &mut supervisor).await,
        Err("RECEIPT_SIGNATURE")
    );
}

/// A driver is lost: nothing new starts, what runs goes on. Another driver, with its own
/// key, epoch and sequence, takes its place; the old one's receipts stay behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_driver_is_lost() {
    let mut world = World::new();
    let mine = rows("approved");
    world.publish(&[("east-1", "driver"), ("west-1", "west")]);
    world.export();
    let mut supervisor = world.supervisor();
    let hook = world.hook().await;
    for _ in 0..3 {
        supervisor
            .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
            .await
            .expect("the first driver");
    }
    world.driver = None;
    let got = supervisor
        .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
        .await;
    assert_eq!(got, Err("NO_ANSWER"));
    assert_eq!(
        supervisor.running,
        Some(lab::policy("approved")),
        "what ran goes on"
    );
    // West begins at its own first receipt: below east's last, and taken.
    world.restart(&[
        ("east-1", "west-1"),
        ("keys/driver.key", "keys/west.key"),
        ("/state\"", "/state-west\""),
    ]);
    let hook = world.hook().await;
    supervisor
        .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
        .await
        .expect("the second driver");
    let memory = std::fs::read_to_string(world.lab.path("memory.json")).expect("it is kept");
    assert!(
        memory.contains("\"east-1\"") && memory.contains("\"west-1\""),
        "{memory}"
    );
    // East is set up again with an empty folder: it numbers from the beginning, and
    // nobody can tell these from receipts of the past.
    world.restart(&[
        ("west-1", "east-1"),
        ("keys/west.key", "keys/driver.key"),
        ("/state-west\"", "/state-again\""),
    ]);
    let hook = world.hook().await;
    let got = supervisor
        .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
        .await;
    assert_eq!(got, Err("RECEIPT_STALE"), "give it another driver id");
}

/// A node that was off for a week starts with the proof that it has; one that was off
/// until the trust expired does not, and says why, until the proof is renewed.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_was_off() {
    let world = World::new();
    let proof = std::fs::read(world.lab.path("proof.json")).expect("a proof");
    let root = std::fs::read(world.lab.path("trust/published/metadata/1.root.json"));
    let root = root.expect("a root");
    let check = |days: i64| {
        let now = Time::now().plus(days * DAY);
        openshell_policy_receipt::check_proof(&proof, &root, (0, 0), now).map_err(ProofError::name)
    };
    assert!(check(0).is_ok());
    assert!(check(7).is_ok(), "a week later");
    assert_eq!(check(3650), Err("TUF_EXPIRED"));
}

/// What a start costs more: an honest answer loaded with the gate and without, in turns.
#[tokio::test(flavor = "multi_thread")]
async fn cost_of_a_start() {
    let rounds: usize =
        std::env::var("RECEIPT_COST_ROUNDS").map_or(3, |n| n.parse().expect("rounds"));
    let world = World::new();
    let hook = world.hook().await;
    let mine = rows("approved");
    let mut with = world.supervisor();
    let mut without = Supervisor::new(None);
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..rounds {
        for _ in 0..20 {
            let begin = std::time::Instant::now();
            without
                .load(async |nonce| honest(&hook, &mine, nonce).await, AS_IT_IS)
                .await
                .expect("served");
            times[0].push(begin.elapsed().as_secs_f64() * 1e6);
            let begin = std::time::Instant::now();
            let mut answered = begin;
            with.load(
                async |nonce| {
                    let served = honest(&hook, &mine, nonce).await;
                    answered = std::time::Instant::now();
                    served
                },
                AS_IT_IS,
            )
            .await
            .expect("served");
            times[1].push(begin.elapsed().as_secs_f64() * 1e6);
            times[2].push(answered.elapsed().as_secs_f64() * 1e6);
        }
    }
    for (what, times) in ["hook alone", "hook and gate", "the gate's part"]
        .iter()
        .zip(&mut times)
    {
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times[times.len() * part / 100];
        println!(
            "{what}: p10 {:.0} µs, p50 {:.0} µs, p90 {:.0} µs",
            at(10),
            at(50),
            at(90)
        );
        assert!(!times.is_empty());
    }
}
