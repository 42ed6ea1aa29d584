// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The node's word, and who cannot weaken it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use openshell_policy_receipt::{CONFIG_PATH, ConfigError, Gate, GateError};

const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEy44I0gewNq/0nu6HDy88fwqzWsmO\nWYIEG/TPCcruB0M86X6rlToqlSDacDmmVN9/O7ZvYulQBO7aJsoB7LBRbA==\n-----END PUBLIC KEY-----\n";

fn good() -> String {
    format!(
        "required = true\ngateway_id = \"gw-1\"\n[[key]]\ndriver = \"east-1\"\npem = '''\n{PEM}'''\n"
    )
}

fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("policy-receipt.toml");
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("set");
    path
}

fn opens(text: &str) -> Result<bool, GateError> {
    let folder = tempfile::tempdir().expect("a folder");
    Gate::open(&write(folder.path(), text)).map(|gate| gate.is_some())
}

#[test]
fn required_or_not() {
    assert_eq!(opens(&good()).ok(), Some(true));
    let off = good().replace("required = true", "required = false");
    if cfg!(feature = "required") {
        assert!(opens(&off).is_err());
        assert!(Gate::open(Path::new("/nonexistent/policy-receipt.toml")).is_err());
    } else {
        assert_eq!(opens(&off).ok(), Some(false));
        let none = Gate::open(Path::new("/nonexistent/policy-receipt.toml"));
        assert!(none.is_ok_and(|gate| gate.is_none()));
    }
    assert_eq!(CONFIG_PATH, "/etc/openshell/policy-receipt.toml");
}

/// What is not understood is refused whole, also in a file that asks for nothing.
#[test]
fn strict() {
    for (old, new) in [
        ("required = true\n", ""),
        ("required = true", "required = \"true\""),
        ("required = true", "required = 1"),
        ("required = true", "required = true\nrequired = false"),
        ("required = true", "Required = true"),
        ("required = true", "required = true\nobserve = true"),
        ("gateway_id = \"gw-1\"\n", ""),
        ("gateway_id = \"gw-1\"", "gateway_id = \"\""),
        ("gateway_id = \"gw-1\"", "gateway_id = \"a\\nb\""),
        ("required = true", "required = true\nmax_age = \"6m\""),
        ("required = true", "required = true\nmax_age = \"0s\""),
        ("required = true", "required = true\nmax_age = \"5\""),
        (
            "required = true",
            "required = true\nmax_age = \"9999999999999999999m\"",
        ),
        ("required = true", "required = true\nmax_age = 300"),
        // 60 times this is 44, if 2^64 is taken away.
        (
            "required = true",
            "required = true\nmax_age = \"307445734561825861m\"",
        ),
        ("required = true", "required = true\nworkspace = \"\""),
        ("driver = \"east-1\"", "driver = \"a\\nb\""),
        ("required = true", "required = true\nmax_age = \"5é\""),
        ("required = true", "required = true\nmemory = \"relative\""),
        (
            "required = true",
            "required = true\nroot = \"/etc/root.json\"",
        ),
        ("driver = \"east-1\"\n", ""),
        ("driver = \"east-1\"", "driver = \"east-1\"\nnote = \"\""),
        (
            "driver = \"east-1\"",
            "driver = \"east-1\"\nnot_after = \"tomorrow\"",
        ),
        (
            "driver = \"east-1\"",
            "driver = \"east-1\"\nnot_after = 2027-01-01T00:00:00Z",
        ),
        (
            "driver = \"east-1\"",
            "driver = \"east-1\"\nnot_before = \"2027-01-01T00:00:00Z\"\nnot_after = \"2027-01-01T00:00:00Z\"",
        ),
        ("PUBLIC KEY", "PRIVATE KEY"),
        ("[[key]]", "[key]"),
        ("[[key]]", "[[Key]]"),
        ("gateway_id = \"gw-1\"", "gateway_id = [\"gw-1\"]"),
        ("gateway_id = \"gw-1\"", "gateway_id.name = \"gw-1\""),
        (
            "driver = \"east-1\"",
            "driver = \"east-1\"\ndriver = \"east-1\"",
        ),
        ("driver = \"east-1\"", "driver = \"east-1\"\n[key.note]"),
    ] {
        let text = good().replace(old, new);
        assert_ne!(text, good(), "{old}");
        let got = opens(&text);
        assert!(matches!(got, Err(GateError::Config(_))), "{new}: {got:?}");
        let said = got.map_or_else(|e| e.to_string(), |_| String::new());
        assert!(!said.contains('\n'), "{said}");
    }
    assert!(opens(&good().replace("[[key]]", "[[key]]\n[[key]]")).is_err());
    let again = |driver: &str| {
        format!(
            "{}[[key]]\ndriver = \"{driver}\"\npem = '''\n{PEM}'''\n",
            good()
        )
    };
    assert!(opens(&again("east-1")).is_err());
    assert!(opens(&again("west-1")).is_err());
    assert!(opens("required = true\r\ngateway_id = 1\u{0}").is_err());
    assert!(opens("").is_err());
    let keyless = "required = true\ngateway_id = \"gw-1\"\nkey = []\n";
    assert!(opens(keyless).is_err());
    let long = |n: usize| format!("{}#{}", good(), " ".repeat(n - good().len() - 1));
    assert!(opens(&long(256 << 10)).is_ok());
    assert!(opens(&long((256 << 10) + 1)).is_err());
    assert!(
        opens(&good().replace("required = true", "required = true\nmax_age = \"90s\"")).is_ok()
    );
}

/// Only root and the supervisor's own user may have written it.
#[test]
fn nobody_else_writes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), &good());
    assert!(Gate::open(&path).is_ok());
    for mode in [0o664, 0o646, 0o666] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("set");
        assert!(
            matches!(Gate::open(&path), Err(GateError::Config(_))),
            "{mode:o}"
        );
    }
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o444)).expect("set");
    assert!(Gate::open(&path).is_ok());
    // A folder is no file; a link is what it points at.
    assert!(matches!(
        Gate::open(folder.path()),
        Err(GateError::Config(ConfigError::Writable(_)))
    ));
    // Somebody else's is not the node's word, whatever its mode; only root can make one.
    match std::os::unix::fs::chown(&path, Some(12_345), None) {
        Ok(()) => {
            let got = Gate::open(&path);
            assert!(matches!(
                got,
                Err(GateError::Config(ConfigError::Writable(_)))
            ));
            std::os::unix::fs::chown(&path, Some(0), None).expect("given back");
        }
        Err(error) => eprintln!("not root, so no file of another user: {error}"),
    }
    let link = folder.path().join("link");
    symlink(&path, &link).expect("linked");
    assert!(Gate::open(&link).is_ok());
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).expect("set");
    assert!(Gate::open(&link).is_err());
}

/// Whoever can write the folder can put a file of root's in the file's place, or take it
/// away; a sticky one, as mounted volumes have, lets nobody. It is looked at where the name
/// is, and where a link of that name leads.
#[test]
fn nobody_else_writes_its_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let (named, behind) = (folder.path().join("named"), folder.path().join("behind"));
    for made in [&named, &behind] {
        std::fs::create_dir(made).expect("made");
    }
    let set = |of: &Path, mode| {
        std::fs::set_permissions(of, PermissionsExt::from_mode(mode)).expect("set");
    };
    let link = named.join("policy-receipt.toml");
    symlink(write(&behind, &good()), &link).expect("linked");
    for open in [&named, &behind] {
        for (mode, taken) in [
            (0o755, true),
            (0o775, false),
            (0o757, false),
            (0o777, false),
            (0o1777, true),
            (0o700, true),
        ] {
            set(open, mode);
            let got = Gate::open(&link);
            assert_eq!(got.is_ok(), taken, "{mode:o} of {}", open.display());
            if let Err(error) = got {
                let of_folder = matches!(&error, GateError::Config(ConfigError::Writable(path))
                    if *path == std::fs::canonicalize(open).expect("it is there") || path == open);
                assert!(of_folder, "{error}");
            }
        }
    }
    match std::os::unix::fs::chown(&behind, Some(12_345), None) {
        Ok(()) => assert!(Gate::open(&link).is_err(), "a folder of somebody else's"),
        Err(error) => eprintln!("not root, so no folder of another user: {error}"),
    }
}

/// The environment that a gateway gives a sandbox says nothing here: the same test
/// program, run with every name that it could try, still requires receipts.
#[test]
fn the_environment_is_not_asked() {
    const INSIDE: &str = "RECEIPT_TEST_CONFIG";
    if let Some(path) = std::env::var_os(INSIDE) {
        let gate = Gate::open(Path::new(&path)).expect("it opens");
        assert!(gate.is_some());
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), &good());
    let mut run = Command::new(std::env::current_exe().expect("a test program"));
    run.args(["--exact", "the_environment_is_not_asked"])
        .env(INSIDE, &path);
    for name in [
        "POLICY_RECEIPT_REQUIRED",
        "OPENSHELL_POLICY_RECEIPT",
        "OPENSHELL_POLICY_RECEIPT_REQUIRED",
        "OPENSHELL_POLICY_RECEIPT_CONFIG",
        "OPENSHELL_GATEWAY_ID",
        "REQUIRED",
        "HOME",
        "XDG_CONFIG_HOME",
        "TZ",
    ] {
        run.env(name, "false");
    }
    let output = run.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}
