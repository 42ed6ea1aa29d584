// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A world on this machine with nothing in it imitated: keys by openssl, trust and
//! approvals by the sigdriver command line, the driver as a process of its own.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use openshell_policy_signing::{Document, Mode, PolicySigningConfig, Recipe, Role, Settings};
use serde_json::{Value, json};

pub const GATEWAY: &str = "gw-1";

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

const APPROVAL: &str = "https://sigdriver.dev/policy-approval/v1";

/// A folder with a world in it.
pub struct Lab {
    folder: tempfile::TempDir,
    binary: PathBuf,
    approvals: usize,
}

impl Lab {
    /// A world whose trust lets alice approve policies, dave profiles and alice
    /// settings. Bob has a key, but nobody knows him yet.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("sd-")
            .tempdir_in("/tmp") // a socket's path must be short
            .expect("a folder");
        let mut lab = Self {
            folder,
            binary: sigdriver(),
            approvals: 0,
        };
        for name in ["keys", "attestations"] {
            std::fs::create_dir(lab.path(name)).expect("made");
        }
        for name in ["alice", "bob", "dave", "driver"] {
            lab.person(name);
        }
        lab.write_authorities("alice", 1);
        lab.sigdriver(&[
            "trust",
            "init",
            "--dir",
            "trust",
            "--authorities",
            "authorities.json",
        ]);
        lab.write_config();
        lab.publish_receipt_key();
        lab.approve(&document(Role::Settings, settings(false)), "alice", 1);
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, program: &Path, arguments: &[&str]) {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap_or_else(|e| panic!("{}: {e}", program.display()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} {arguments:?}: {said}",
            program.display()
        );
    }

    pub fn sigdriver(&self, arguments: &[&str]) {
        self.run(&self.binary, arguments);
    }

    /// Runs a command that may fail.
    pub fn command(&self, arguments: &[&str]) -> Output {
        Command::new(&self.binary)
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("it runs")
    }

    fn person(&self, name: &str) {
        let (key, public) = (format!("keys/{name}.key"), format!("keys/{name}.pub"));
        let curve = "ec_paramgen_curve:P-256";
        let openssl = Path::new("openssl");
        self.run(
            openssl,
            &[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                curve,
                "-out",
                &key,
            ],
        );
        self.run(openssl, &["pkey", "-in", &key, "-pubout", "-out", &public]);
    }

    fn write_authorities(&self, security: &str, threshold: u32) {
        let principal = |name: &str| {
            let pem = std::fs::read_to_string(self.path(&format!("keys/{name}.pub")));
            json!({"keys": [{"pem": pem.expect("openssl wrote it")}]})
        };
        let rule = |name: &str, surface: &str, authority: &str| {
            let require = json!([{"authority": authority, "predicateType": APPROVAL}]);
            json!({"name": name, "surface": surface, "mode": "enforce", "require": require})
        };
        let members: Vec<&str> = security.split(' ').collect();
        let authorities = json!({
            "schema": "sigdriver.authorities/v1",
            "principals": {"alice": principal("alice"), "bob": principal("bob"), "dave": principal("dave")},
            "authorities": {
                "security": {"principals": members, "threshold": threshold},
                "platform": {"principals": ["dave"], "threshold": 1},
            },
            "rules": [
                rule("policies", "openshell.sandbox.v1.SandboxPolicy", "security"),
                rule("profiles", "openshell.v1.ProviderProfile", "platform"),
                rule("settings", "sigdriver.v1.GatewaySettings", "security"),
            ],
        });
        let text = authorities.to_string();
        std::fs::write(self.path("authorities.json"), text).expect("written");
    }

    /// Publishes trust in which these people approve policies.
    pub fn rotate(&self, security: &str, threshold: u32) {
        self.write_authorities(security, threshold);
        self.sigdriver(&[
            "trust",
            "publish",
            "--dir",
            "trust",
            "--authorities",
            "authorities.json",
        ]);
    }

    /// Publishes a revocation of one document.
    pub fn revoke(&self, document: &Document) {
        use std::fmt::Write as _;
        let sha256 = document
            .sha256()
            .iter()
            .fold(String::new(), |mut out, byte| {
                write!(out, "{byte:02x}").expect("a String takes everything");
                out
            });
        let list = json!({"schema": "sigdriver.revocations/v1",
            "entries": [{"kind": "document", "sha256": sha256, "reason": "too wide"}]});
        std::fs::write(self.path("revocations.json"), list.to_string()).expect("written");
        self.sigdriver(&[
            "trust",
            "publish",
            "--dir",
            "trust",
            "--revocations",
            "revocations.json",
        ]);
    }

    /// Has somebody approve a document for every place, where the driver looks.
    pub fn approve(&mut self, document: &Document, who: &str, version: u32) {
        self.approve_for("*", "*", document, who, version);
    }

    /// Has somebody approve a document for the places that these globs fit.
    pub fn approve_for(
        &mut self,
        workspace: &str,
        name_glob: &str,
        document: &Document,
        who: &str,
        version: u32,
    ) {
        self.approvals += 1;
        let name = format!("document-{}.json", self.approvals);
        let out = format!("attestations/{}.bundle", self.approvals);
        std::fs::write(self.path(&name), document.body()).expect("written");
        let (key, version) = (format!("keys/{who}.key"), version.to_string());
        let mut arguments = vec![
            "sign",
            "--yes",
            "--document",
            &name,
            "--key",
            &key,
            "--workspace",
            workspace,
            "--name",
            name_glob,
            "--version",
            &version,
            "--out",
            &out,
        ];
        if document.role() == Role::GlobalPolicy {
            arguments.extend(["--role", "GLOBAL_POLICY"]);
        }
        self.sigdriver(&arguments);
    }

    /// Tells through trust which key the driver signs receipts with.
    fn publish_receipt_key(&self) {
        let pem = std::fs::read_to_string(self.path("keys/driver.pub")).expect("openssl wrote it");
        let drivers = json!({"schema": "sigdriver.drivers/v1",
            "drivers": {"east-1": {"keys": [{"pem": pem}]}}});
        std::fs::write(self.path("drivers.json"), drivers.to_string()).expect("written");
        self.sigdriver(&[
            "trust",
            "publish",
            "--dir",
            "trust",
            "--drivers",
            "drivers.json",
        ]);
    }

    fn write_config(&self) {
        let uid = std::fs::metadata(self.folder.path())
            .expect("a folder")
            .uid();
        let path = |name: &str| self.path(name).display().to_string();
        let config = format!(
            "state_dir = {:?}\n[socket]\npath = {:?}\n[[peer]]\nuid = {uid}\ngateway_ids = [{GATEWAY:?}]\n\
             [trust]\nroot = {:?}\nsource = {:?}\nrefresh_interval = \"1s\"\n[attestations]\ndir = {:?}\n\
             [attest]\ndriver_id = \"east-1\"\nkey = {:?}\n",
            path("state"),
            path("run/s.sock"),
            path("trust/published/metadata/1.root.json"),
            path("trust/published"),
            path("attestations"),
            path("keys/driver.key")
        );
        std::fs::write(self.path("sigdriver.toml"), config).expect("written");
    }

    /// Starts the driver and waits for its socket.
    pub fn start(&self) -> Daemon {
        let log = std::fs::File::create(self.path("driver.log")).expect("a file");
        let mut process = Command::new(&self.binary)
            .args(["serve", "--config", "sigdriver.toml"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the driver starts");
        let begin = Instant::now();
        while std::os::unix::net::UnixStream::connect(self.path("run/s.sock")).is_err() {
            let ended = process.try_wait().expect("it can be asked");
            let said = || std::fs::read_to_string(self.path("driver.log")).unwrap_or_default();
            assert!(
                ended.is_none() && begin.elapsed() < PATIENCE,
                "no driver:\n{}",
                said()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Daemon(process)
    }

    /// How a gateway finds this driver.
    pub fn settings(&self, mode: Mode) -> Settings {
        let config = PolicySigningConfig {
            socket_path: self.path("run/s.sock"),
            gateway_id: GATEWAY.to_owned(),
            driver_uid: std::fs::metadata(self.folder.path())
                .expect("a folder")
                .uid(),
            mode,
            timeout: "2s".to_owned(), // a loaded machine; the deadline has its own test
            settings_dir: None,
        };
        let mut settings = config.settings(Recipe::V2026_08).expect("it is complete");
        settings.start_timeout = PATIENCE;
        settings
    }
}

/// The driver that was built for this test.
fn sigdriver() -> PathBuf {
    let built = super::repository().join("bin/sigdriver");
    let path = std::env::var_os("SIGDRIVER").map_or(built, PathBuf::from);
    assert!(
        path.is_file(),
        "no driver at {}: run `make gateway-test`",
        path.display()
    );
    path
}

/// The driver, running. It is killed when it goes out of scope.
pub struct Daemon(Child);

impl Daemon {
    /// Sends a signal by name, e.g. `STOP`, which has stopped it when this returns.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.0.id().to_string()])
            .status();
        assert!(status.expect("kill runs").success(), "kill -{name}");
        let stat = format!("/proc/{}/stat", self.0.id());
        while name == "STOP"
            && !std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T "))
        {
            std::thread::yield_now();
        }
    }

    /// Reports whether the process has ended.
    pub fn ended(&mut self) -> bool {
        self.0.try_wait().expect("it is ours").is_some()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}

/// Asks until the answer is the one wanted; the last one otherwise.
pub async fn eventually<T, F: Future<Output = T>>(
    mut ask: impl FnMut() -> F,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let begin = Instant::now();
    loop {
        let answer = ask().await;
        if wanted(&answer) || begin.elapsed() > PATIENCE {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The settings that alice approved for every sandbox.
pub fn settings(providers_v2_enabled: bool) -> Value {
    json!({
        "policySource": "SANDBOX_POLICY",
        "providersV2Enabled": providers_v2_enabled,
        "policyValidationFailureMode": "keep_last_good",
        "extensionAuthenticationEnabled": true,
        "settings": {"log_level": "info"},
        "middlewareServices": [],
    })
}

pub fn document(role: Role, message: Value) -> Document {
    Document::new(role, message).expect("it is a document")
}

/// A policy that lets curl talk to one host.
pub fn policy(host: &str) -> Value {
    json!({
        "version": 1,
        "networkPolicies": {"web": {
            "name": "web",
            "endpoints": [{"host": host, "port": 443, "protocol": "rest", "access": "read-only"}],
            "binaries": [{"path": "/usr/bin/curl"}],
        }},
    })
}
