// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The client under strain: a thread held up past the deadline, calls that are dropped,
//! a hundred at once, a driver that is slow, floods, hangs, or is replaced by another.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::lab::{PATIENCE, eventually};
use common::liar::{Liar, Listening, folder, question, sandbox, settings};
use openshell_policy_signing::proto::TrustState;
use openshell_policy_signing::{
    Composition, ConnectError, Document, Driver, Fault, Layer, Mode, PolicySigner as _, Question,
    Recipe, Refusal, Role, Settings,
};
use serde_json::json;
use tokio::net::UnixListener;

const LATE: Refusal = Refusal::Unavailable(Fault::Late);

async fn connect(settings: Settings) -> Driver {
    Driver::connect(settings).await.expect("it shakes hands")
}

/// The answer is there within the deadline, but nobody looks at it until the deadline
/// has passed: on this thread the timer and the answer are both ready.
#[test]
fn an_answer_that_is_looked_at_late_is_none() {
    let listening = Listening::start(Liar::honest());
    let mut settings = listening.settings();
    settings.timeout = Duration::from_millis(200);
    let here = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    here.block_on(async {
        let driver = connect(settings).await;
        let asked = question();
        let (answer, ()) = tokio::join!(biased; driver.compose(&asked), async {
            tokio::task::yield_now().await; // the question goes out
            std::thread::sleep(Duration::from_millis(400));
        });
        assert_eq!(answer.map(|_| ()), Err(LATE));
        let next = eventually(|| driver.compose_now(), Result::is_ok).await;
        assert_eq!(next, Ok(()));
    });
}

/// A slow driver is not a lost one: late answers cost no connection.
#[tokio::test(flavor = "multi_thread")]
async fn late_answers_keep_the_connection() {
    let mut liar = Liar::honest();
    liar.pause = Duration::from_millis(60);
    let listening = Listening::start(liar);
    let mut settings = listening.settings();
    settings.timeout = Duration::from_millis(20);
    let driver = connect(settings).await;
    let asked = question();
    for _ in 0..30 {
        assert_eq!(driver.compose(&asked).await.map(|_| ()), Err(LATE));
    }
    assert_eq!(listening.accepted.load(Ordering::Relaxed), 1);
}

/// A question that is over the contract's limit can never be right: a refusal, and no
/// reason to connect anew.
#[tokio::test(flavor = "multi_thread")]
async fn too_large_a_question_is_refused() {
    let listening = Listening::start(Liar::honest());
    let driver = connect(listening.settings()).await;
    let large = |count: usize| {
        let layer = |i| Layer {
            provider: format!("p{i}"),
            workspace: String::new(),
            no_layer: None,
            profile: Document::new(
                Role::ProviderProfile,
                json!({"id": "p", "displayName": "x".repeat(1_000_000)}),
            )
            .expect("a document"),
        };
        let composition = Composition {
            source: Some(Document::new(Role::SandboxPolicy, json!({})).expect("a document")),
            layers: (0..count).map(layer).collect(),
            effective: Some(Document::effective(json!({})).expect("well formed")),
            ..Default::default()
        };
        Question::compose(sandbox(), Recipe::V2026_08, composition)
    };
    let asked = large(9);
    for answer in [
        driver.compose(&asked).await.map(|_| ()),
        driver.attest(&asked, vec![7; 16].into()).await.map(|_| ()),
    ] {
        assert!(
            matches!(&answer, Err(Refusal::Denied(d)) if d.reason == "REQUEST_TOO_LARGE"),
            "{answer:?}"
        );
    }
    assert_eq!(driver.compose(&question()).await.map(|_| ()), Ok(()));
    assert_eq!(listening.accepted.load(Ordering::Relaxed), 1);
}

/// A hundred at once, half of them given up: the others get their own answers, even
/// where the server takes so many resets for an attack and hangs up.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_and_some_given_up() {
    let mut liar = Liar::honest();
    liar.pause = Duration::from_millis(50);
    let listening = Listening::start(liar);
    let mut settings = listening.settings();
    settings.timeout = Duration::from_secs(10);
    let driver = Arc::new(connect(settings).await);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let driver = Arc::clone(&driver);
            tokio::spawn(async move { driver.compose(&question()).await.map(|a| a.request_id) })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let (given_up, kept): (Vec<_>, Vec<_>) =
        calls.into_iter().enumerate().partition(|(i, _)| i % 2 == 0);
    for (_, call) in &given_up {
        call.abort();
    }
    let mut ids = std::collections::BTreeSet::new();
    for (_, call) in kept {
        let id = call.await.expect("it ends").expect("it is allowed");
        assert!(ids.insert(id), "two questions with one id");
    }
    assert_eq!(ids.len(), 50);
    assert_eq!(driver.compose(&question()).await.map(|_| ()), Ok(()));
    assert!(listening.accepted.load(Ordering::Relaxed) <= 3);
}

/// Calls that are dropped while they connect leave nothing locked behind.
#[tokio::test(flavor = "multi_thread")]
async fn given_up_while_connecting() {
    let listening = Listening::start(Liar::honest());
    let path = listening.settings().socket_path;
    let driver = connect(listening.settings()).await;
    drop(listening);
    // The path answers, but nobody shakes hands.
    let folder = path.parent().expect("a folder").to_owned();
    std::fs::create_dir_all(&folder).expect("a folder");
    let silent = UnixListener::bind(&path).expect("bound");
    for _ in 0..10 {
        let asked = question();
        let call = driver.compose(&asked);
        assert!(
            tokio::time::timeout(Duration::from_millis(20), call)
                .await
                .is_err()
        );
    }
    drop(silent);
    std::fs::remove_dir_all(&folder).expect("removed");
    let gone = driver.compose(&question()).await;
    assert!(
        matches!(gone, Err(Refusal::Unavailable(Fault::Unreachable(_)))),
        "{gone:?}"
    );
}

/// A socket that accepts and stays silent holds nobody up for longer than a deadline,
/// the task that watches trust included: once another driver has its place, questions
/// are answered, while the silent one still holds what connected to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_socket_is_got_over() {
    let first = Listening::start(Liar::honest());
    let mut asking = first.settings();
    asking.timeout = Duration::from_millis(200);
    let path = asking.socket_path.clone();
    let driver = connect(asking).await;
    drop(first);
    let folder = path.parent().expect("a folder");
    std::fs::create_dir_all(folder).expect("a folder");
    let silent = UnixListener::bind(&path).expect("bound");
    // The watcher's try is the first to meet it.
    tokio::time::sleep(Duration::from_millis(400)).await;
    std::fs::remove_file(&path).expect("removed");
    let second = Listening::start(Liar::honest());
    std::fs::rename(second.settings().socket_path, &path).expect("moved");
    let begin = Instant::now();
    let answer = eventually(|| driver.compose_now(), Result::is_ok).await;
    assert_eq!(answer, Ok(()));
    assert!(begin.elapsed() < PATIENCE / 2, "held up");
    drop(silent);
    std::fs::remove_dir_all(folder).expect("removed");
}

trait ComposeNow {
    async fn compose_now(&self) -> Result<(), Refusal>;
}

impl ComposeNow for Driver {
    async fn compose_now(&self) -> Result<(), Refusal> {
        self.compose(&question()).await.map(|_| ())
    }
}

/// A driver that floods its trust stream is read at our pace, and what it says last
/// but one is not dwelt on.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_trust_is_read_slowly() {
    let mut liar = Liar::honest();
    liar.trust = || {
        let states = (1..).map(|epoch| {
            Ok(TrustState {
                epoch,
                ..Default::default()
            })
        });
        Box::pin(tokio_stream::iter(states))
    };
    let listening = Listening::start(liar);
    let driver = connect(listening.settings()).await;
    let mut trust = driver.trust();
    let begin = Instant::now();
    let mut changes = 0;
    while begin.elapsed() < Duration::from_secs(1) {
        if tokio::time::timeout(Duration::from_millis(200), trust.changed())
            .await
            .is_ok()
        {
            changes += 1;
        }
    }
    assert!((2..=12).contains(&changes), "{changes} states in a second");
    assert_eq!(driver.compose_now().await, Ok(()));
}

/// A driver that ends its trust stream at once is asked for it ever less often.
#[tokio::test(flavor = "multi_thread")]
async fn a_trust_stream_that_ends_is_no_storm() {
    let mut liar = Liar::honest();
    liar.trust = || {
        Box::pin(tokio_stream::iter([Ok(TrustState {
            epoch: 1,
            ..Default::default()
        })]))
    };
    let watched = Arc::clone(&liar.watched);
    let listening = Listening::start(liar);
    let driver = connect(listening.settings()).await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(2) {
        assert_eq!(driver.compose_now().await, Ok(()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let watched = watched.load(Ordering::Relaxed);
    assert!((2..=5).contains(&watched), "{watched} streams in 2 s");
    assert!(listening.accepted.load(Ordering::Relaxed) <= 6);
}

/// Where nothing was sent, a question looks for the driver once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_looks_for_its_driver_again() {
    let right = Listening::start(Liar::honest());
    let behind = right.settings().socket_path;
    let place = folder();
    let path = place.path().join("s.sock");
    let listener = UnixListener::bind(&path).expect("bound");
    // How many connections to close unread, before one is a line to the driver.
    let closing = Arc::new(AtomicUsize::new(0));
    let left = Arc::clone(&closing);
    let (lines, mut opened) = tokio::sync::mpsc::unbounded_channel();
    let accepting = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            if left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
            {
                continue;
            }
            let mut driver = tokio::net::UnixStream::connect(&behind)
                .await
                .expect("it listens");
            let line = tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut driver).await;
            });
            lines.send(line).expect("the test goes on");
        }
    });
    let link = connect(settings(&path)).await;
    for (close, want) in [(0, true), (1, true), (usize::MAX, false)] {
        assert_eq!(link.compose_now().await, Ok(()), "before {close}");
        closing.store(close, Ordering::Relaxed);
        while let Ok(line) = opened.try_recv() {
            line.abort();
            let _ = line.await;
        }
        let answer = link.compose_now().await;
        assert_eq!(answer.is_ok(), want, "{close} closed: {answer:?}");
        closing.store(0, Ordering::Relaxed);
    }
    accepting.abort();
}

/// While only observing, a gateway starts whatever is at the socket, and has the driver
/// once it is there.
#[tokio::test(flavor = "multi_thread")]
async fn observing_keeps_no_gateway_from_starting() {
    let place = folder();
    let path = place.path().join("s.sock");
    let mut asking = settings(&path);
    asking.mode = Mode::Observe;
    asking.timeout = Duration::from_millis(200);
    let begin = Instant::now();
    let driver = Driver::connect(asking.clone()).await.expect("it starts");
    assert!(begin.elapsed() < asking.start_timeout, "it was waited for");
    let question = question();
    assert!(driver.compose(&question).await.is_err());
    let mut liar = Liar::honest();
    liar.capabilities = |c| c.recipes.clear();
    let other = Listening::start(liar);
    std::fs::rename(other.settings().socket_path, &path).expect("moved");
    let started = Driver::connect(asking.clone()).await;
    assert!(
        started.is_ok(),
        "a driver of another contract keeps it from starting"
    );
    let mut enforcing = asking;
    enforcing.mode = Mode::Enforce;
    assert!(Driver::connect(enforcing).await.is_err());
    std::fs::remove_file(&path).expect("removed");
    let right = Listening::start(Liar::honest());
    std::fs::rename(right.settings().socket_path, &path).expect("moved");
    assert!(driver.compose(&question).await.is_ok());
}

/// What stands at the path is looked at on every connection: a link to the right
/// driver, a file, a driver of another contract.
#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_was_replaced_is_looked_at_again() {
    type Change = fn(&mut openshell_policy_signing::proto::GetCapabilitiesResponse);
    let others: [Change; 2] = [|c| c.recipes.clear(), |c| c.peer = None];
    let right = Listening::start(Liar::honest());
    let right_path = right.settings().socket_path;
    let place = folder();
    let path = place.path().join("s.sock");
    for turn in 0..4 {
        let first = Listening::start(Liar::honest());
        std::fs::rename(first.settings().socket_path, &path).expect("moved");
        let driver = connect(settings(&path)).await;
        assert_eq!(driver.compose_now().await, Ok(()));
        drop(first);
        std::fs::remove_file(&path).expect("removed");
        let mut other = Liar::honest();
        if let Some(change) = others.get(turn) {
            other.capabilities = *change;
        }
        let asked = Arc::clone(&other.asked);
        let other = Listening::start(other);
        match turn {
            2 => std::os::unix::fs::symlink(&right_path, &path).expect("linked"),
            3 => std::fs::write(&path, "").expect("written"),
            _ => std::fs::rename(other.settings().socket_path, &path).expect("moved"),
        }
        for _ in 0..3 {
            let answer = driver.compose_now().await;
            let told_apart = match &answer {
                Err(Refusal::Unavailable(Fault::Incompatible(_))) => turn < 2,
                Err(Refusal::Unavailable(Fault::Unreachable(_))) => turn >= 2,
                _ => false,
            };
            assert!(told_apart, "turn {turn}: {answer:?}");
        }
        assert_eq!(
            asked.load(Ordering::Relaxed),
            0,
            "turn {turn}: it was asked"
        );
        let _ = std::fs::remove_file(&path);
    }
    let linked = place.path().join("link.sock");
    std::os::unix::fs::symlink(&right_path, &linked).expect("linked");
    let refused = Driver::connect(settings(&linked)).await.err();
    assert!(
        matches!(refused, Some(ConnectError::Foreign(_))),
        "{refused:?}"
    );
}
