// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The insertions hold nothing of anybody else: no context, no deletion, not even the
//! name of a function behind a hunk. And the script that applies them looks first.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn gateway_patch() -> PathBuf {
    common::repository().join("gateway-patch")
}

fn patches() -> Vec<(String, String)> {
    let folder = gateway_patch().join("insertions");
    let mut patches = Vec::new();
    for entry in std::fs::read_dir(folder).expect("there are insertions") {
        let path = entry.expect("a readable folder").path();
        let name = path
            .file_name()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        if name != "anchors" {
            let is_patch = name.strip_suffix(".patch").is_some();
            assert!(is_patch, "{name} is no patch");
            patches.push((name, std::fs::read_to_string(path).expect("text")));
        }
    }
    assert!(!patches.is_empty(), "there are no insertions");
    patches
}

/// Reads one patch by its whole grammar; returns the file it touches.
fn read_patch(text: &str) -> Result<String, String> {
    let mut lines = text.lines();
    let mut next = || lines.next().ok_or("it ends early".to_owned());
    let header = next()?;
    let file = header
        .strip_prefix("diff --git a/")
        .and_then(|rest| rest.split_once(" b/"))
        .filter(|(a, b)| a == b)
        .map(|(a, _)| a.to_owned())
        .ok_or(format!("no header: {header}"))?;
    if next()? != format!("--- a/{file}") || next()? != format!("+++ b/{file}") {
        return Err("it touches two files".to_owned());
    }
    let mut hunks = 0;
    while let Some(hunk) = lines.next() {
        let inserted = insertion(hunk).ok_or(format!("no pure insertion: {hunk}"))?;
        for _ in 0..inserted {
            let line = lines.next().ok_or("a hunk ends early")?;
            if !line.starts_with('+') {
                return Err(format!("no inserted line: {line}"));
            }
        }
        hunks += 1;
    }
    if hunks == 0 {
        Err("it inserts nothing".to_owned())
    } else {
        Ok(file)
    }
}

/// How many lines a hunk `@@ -N,0 +M,K @@` inserts; none for any other hunk, also for
/// one with words behind it.
fn insertion(hunk: &str) -> Option<usize> {
    let ranges = hunk.strip_prefix("@@ -")?.strip_suffix(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    old.strip_suffix(",0")?.parse::<usize>().ok()?;
    let (start, count) = new.split_once(',').unwrap_or((new, "1"));
    start.parse::<usize>().ok()?;
    count.parse().ok().filter(|count| *count > 0)
}

#[test]
fn only_insertions() {
    let mut files = BTreeSet::new();
    for (name, text) in patches() {
        let file = read_patch(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(files.insert(file), "{name}: one patch for each file");
    }
    let anchors = std::fs::read_to_string(gateway_patch().join("insertions/anchors"));
    let anchored: BTreeSet<String> = anchors
        .expect("text")
        .lines()
        .map(|line| {
            line.split_once("  ")
                .expect("a digest and a file")
                .1
                .to_owned()
        })
        .collect();
    assert_eq!(files, anchored);
}

/// The page that tells each place in words has every place, at the line of its hunk.
#[test]
fn the_page_names_every_place() {
    let mut hunks = BTreeSet::new();
    for (_, text) in patches() {
        let file = read_patch(&text).expect("a patch");
        if file.ends_with("Cargo.toml") {
            continue;
        }
        let source = file.strip_prefix("crates/").expect("a crate's");
        let source = source
            .strip_prefix("openshell-server/src/")
            .unwrap_or(source);
        for line in text.lines().filter_map(|line| line.strip_prefix("@@ -")) {
            let (at, _) = line.split_once(",0 ").expect("an insertion");
            hunks.insert((source.to_owned(), at.to_owned()));
        }
    }
    let page = std::fs::read_to_string(gateway_patch().join("anchors.md")).expect("text");
    let mut named = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cell = row.split(" | ").nth(1).expect("a second column");
        let cell = cell.replace(" and ", ", ");
        let mut words = cell.split(", ");
        let source = words.next().unwrap_or_default();
        let Some(source) = source
            .strip_prefix("src/")
            .or_else(|| source.starts_with("openshell-").then_some(source))
        else {
            continue; // the head
        };
        named.extend(words.map(|at| (source.to_owned(), at.to_owned())));
    }
    assert!(!hunks.is_empty());
    assert_eq!(named, hunks);
}

/// The grammar sees what it is there for.
#[test]
fn anything_else_is_seen() {
    let (_, right) = patches().pop().expect("there are insertions");
    assert!(read_patch(&right).is_ok());
    let hunk = right.lines().nth(3).expect("a hunk").to_owned();
    for wrong in [
        right.replacen("\n+", "\n ", 2),
        right.replacen(&hunk, &format!("{hunk} fn theirs()"), 1),
        right.replacen(",0 +", ",1 +", 1),
        format!("{right}-gone\n"),
        format!("{right} context\n"),
        format!("{right}diff --git a/x b/x\n"),
        right.lines().take(3).collect::<Vec<_>>().join("\n"),
        format!("theirs\n{right}"),
    ] {
        assert!(read_patch(&wrong).is_err(), "{wrong}");
    }
}

fn apply(arguments: &[&str]) -> Output {
    Command::new("bash")
        .arg(gateway_patch().join("apply.sh"))
        .args(arguments)
        .output()
        .expect("bash runs")
}

fn git(folder: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t", "-C"])
        .arg(folder)
        .args(arguments)
        .status()
        .expect("git runs");
    assert!(status.success(), "git {arguments:?}");
}

#[test]
fn the_script_looks_first() {
    assert_eq!(apply(&[]).status.code(), Some(2));
    assert_eq!(apply(&["/nowhere/at/all"]).status.code(), Some(2));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    assert_eq!(apply(&[path]).status.code(), Some(1), "no checkout");
    // A checkout in which every file has other bytes.
    for (_, text) in patches() {
        let file = folder.path().join(read_patch(&text).expect("a patch"));
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, "other bytes\n".repeat(9000)).expect("written");
    }
    git(folder.path(), &["init", "-q"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "other"]);
    for arguments in [&["--check", path][..], &[path][..]] {
        let output = apply(arguments);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("other bytes are in") && said.contains("lib.rs"),
            "{said}"
        );
    }
    let status = Command::new("git")
        .args(["-C", path, "status", "--porcelain"])
        .output()
        .expect("git runs");
    assert!(status.stdout.is_empty(), "something was written");
}

/// With `OPENSHELL_CHECKOUT` naming a pristine checkout of the pinned commit.
#[test]
fn the_insertions_apply() {
    let Some(checkout) = std::env::var_os("OPENSHELL_CHECKOUT") else {
        eprintln!("skipped: OPENSHELL_CHECKOUT is not set");
        return;
    };
    let output = apply(&["--check", checkout.to_str().expect("UTF-8")]);
    assert!(output.status.success(), "{output:?}");
}
