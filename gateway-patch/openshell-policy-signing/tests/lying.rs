// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The client against a driver that lies: whatever it says that is not a clear yes
//! about this question, within the deadline, is none.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::liar::{Liar, Lie, Listening, folder, question, sandbox, settings};
use openshell_policy_signing::proto::{
    DocumentResult, Finding, GetCapabilitiesResponse, NearestMiss, Reason, TrustCondition, Verdict,
    VerifyResponse,
};
use openshell_policy_signing::{
    Composition, ConnectError, Document, Driver, Fault, Layer, PolicySigner, Question, Recipe,
    Refusal, Role,
};
use serde_json::json;
use tokio::net::{UnixListener, UnixStream};
use tonic::Status;

async fn ask(liar: Liar) -> Result<(), Refusal> {
    let question = liar.question.clone();
    let listening = Listening::start(liar);
    let driver = Driver::connect(listening.settings())
        .await
        .expect("it shakes hands");
    driver.compose(&question).await.map(|_| ())
}

/// A question about a source and two profiles.
fn layered() -> Question {
    let policy = json!({"version": 1});
    let layer = |id: &str| Layer {
        provider: id.to_owned(),
        workspace: String::new(),
        no_layer: None,
        profile: Document::new(Role::ProviderProfile, json!({"id": id})).expect("a document"),
    };
    let composition = Composition {
        source: Some(Document::new(Role::SandboxPolicy, policy.clone()).expect("a document")),
        layers: vec![layer("a"), layer("b")],
        effective: Some(Document::effective(policy).expect("well formed")),
        ..Default::default()
    };
    Question::compose(sandbox(), Recipe::V2026_08, composition)
}

#[tokio::test]
async fn the_truth_is_a_yes() {
    assert_eq!(ask(Liar::honest()).await, Ok(()));
}

const LIES: &[(&str, Lie)] = &[
    ("another id", |r| {
        let _: () = r.request_id = "another".into();
        Ok(())
    }),
    ("no id", |r| {
        let _: () = r.request_id.clear();
        Ok(())
    }),
    ("unspecified", |r| {
        let _: () = r.verdict = Verdict::Unspecified.into();
        Ok(())
    }),
    ("unknown verdict", |r| {
        let _: () = r.verdict = 77;
        Ok(())
    }),
    ("unknown reason", |r| {
        let _: () = r.reason = 7777;
        Ok(())
    }),
    ("a reason to refuse", |r| {
        let _: () = r.reason = Reason::TrustStale.into();
        Ok(())
    }),
    ("another question", |r| {
        let _: () = r.asked_sha256 = vec![0; 32].into();
        Ok(())
    }),
    ("another document", |r| {
        let _: () = r.documents[0].sha256 = vec![0; 32].into();
        Ok(())
    }),
    ("fewer documents", |r| {
        let _: () = r.documents.clear();
        Ok(())
    }),
    ("another effective", |r| {
        let _: () = r.effective_sha256 = vec![0; 32].into();
        Ok(())
    }),
    ("no effective", |r| {
        let _: () = r.effective_sha256.clear();
        Ok(())
    }),
    ("a short digest", |r| {
        let _: () = r.request_sha256.truncate(31);
        Ok(())
    }),
    ("unrecorded", |r| {
        let _: () = r.receipt = None;
        Ok(())
    }),
    ("without trust", |r| {
        let _: () = r.trust = None;
        Ok(())
    }),
    ("with a nearest miss", |r| {
        let _: () = r.nearest_miss = Some(NearestMiss::default());
        Ok(())
    }),
    ("under trust that decides nothing", |r| {
        let _: () = r.trust.get_or_insert_default().condition = TrustCondition::Refused.into();
        Ok(())
    }),
    ("under trust of an unknown condition", |r| {
        let _: () = r.trust.get_or_insert_default().condition = 77;
        Ok(())
    }),
    ("a document twice", |r| {
        let _: () = r.documents[1] = r.documents[0].clone();
        Ok(())
    }),
    ("documents in another order", |r| {
        let _: () = r.documents.swap(1, 2);
        Ok(())
    }),
    ("one document more", |r| {
        let effective = r.effective_sha256.clone();
        let _: () = r.documents.push(DocumentResult {
            sha256: effective,
            ..Default::default()
        });
        Ok(())
    }),
    ("a digest with a byte more", |r| {
        let longer = [&r.documents[0].sha256[..], &[0]].concat();
        let _: () = r.documents[0].sha256 = longer.into();
        Ok(())
    }),
    ("the id in other letters", |r| {
        let _: () = r.request_id = r.request_id.replace('-', "_");
        Ok(())
    }),
    ("nothing at all", |r| {
        let _: () = *r = VerifyResponse::default();
        Ok(())
    }),
];

#[tokio::test]
async fn no_lie_is_a_yes() {
    let question = layered();
    let asked_of = |lie| Liar {
        question: question.clone(),
        ..Liar::who(lie)
    };
    assert_eq!(ask(asked_of(|_| Ok(()))).await, Ok(()));
    for (name, lie) in LIES {
        let answer = ask(asked_of(*lie)).await;
        assert!(
            matches!(answer, Err(Refusal::Unavailable(Fault::Malformed(_)))),
            "{name}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_huge_answer_is_none() {
    let answer = ask(Liar::who(|r| {
        let finding = Finding {
            detail: "x".repeat(512),
            ..Default::default()
        };
        r.findings = vec![finding; 600]; // over 256 KiB
        Ok(())
    }))
    .await;
    assert!(matches!(answer, Err(Refusal::Unavailable(_))), "{answer:?}");
}

#[tokio::test]
async fn a_late_yes_is_none() {
    let mut liar = Liar::honest();
    liar.pause = Duration::from_millis(1200);
    assert_eq!(ask(liar).await, Err(Refusal::Unavailable(Fault::Late)));
}

#[tokio::test]
async fn a_status_is_no_yes() {
    let lies: [Lie; 4] = [
        |_| Err(Status::ok("yes")),
        |_| Err(Status::unavailable("no")),
        |_| Err(Status::internal("no")),
        |_| Err(Status::unknown("no")),
    ];
    for lie in lies {
        let answer = ask(Liar::who(lie)).await;
        assert!(matches!(answer, Err(Refusal::Unavailable(_))), "{answer:?}");
    }
}

/// The connection closes before the handshake, and under the question.
#[tokio::test]
async fn an_early_close_is_no_yes() {
    let folder = folder();
    let listener = UnixListener::bind(folder.path().join("s.sock")).expect("bound");
    let closer = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let mut settings = settings(&folder.path().join("s.sock"));
    settings.start_timeout = Duration::from_millis(300);
    let error = Driver::connect(settings).await.err();
    assert!(
        matches!(error, Some(ConnectError::NotThere(_))),
        "{error:?}"
    );
    closer.abort();

    // A driver that answers the handshake and then hangs up under the question.
    let mut liar = Liar::honest();
    liar.pause = Duration::from_millis(400);
    let asked_of = Arc::clone(&liar.asked);
    let listening = Listening::start(liar);
    let (before, behind) = (
        folder.path().join("p.sock"),
        listening.settings().socket_path,
    );
    let listener = UnixListener::bind(&before).expect("bound");
    let line = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut driver = UnixStream::connect(&behind).await.expect("it listens");
            let _ = tokio::io::copy_bidirectional(&mut client, &mut driver).await;
        }
    });
    let mut settings = listening.settings();
    settings.socket_path = before;
    let driver = Driver::connect(settings).await.expect("it shakes hands");
    let asked = question();
    let ((), answer) = tokio::join!(
        async {
            while asked_of.load(Ordering::Relaxed) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            line.abort();
        },
        driver.compose(&asked)
    );
    assert!(
        matches!(answer, Err(Refusal::Unavailable(Fault::Unreachable(_)))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_driver_of_another_contract_is_refused() {
    let changes: [fn(&mut GetCapabilitiesResponse); 3] = [
        |c| c.peer = None,
        |c| c.canonical_form = "other/v2".into(),
        |c| c.recipes = vec!["other".into()],
    ];
    for change in changes {
        let mut liar = Liar::honest();
        liar.capabilities = change;
        let listening = Listening::start(liar);
        let error = Driver::connect(listening.settings()).await.err();
        assert!(
            matches!(error, Some(ConnectError::Incompatible(_))),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn receipts() {
    let attest = async |envelope, lie: Lie| {
        let mut liar = Liar::who(lie);
        liar.envelope = envelope;
        let listening = Listening::start(liar);
        let driver = Driver::connect(listening.settings())
            .await
            .expect("it shakes hands");
        driver
            .attest(&question(), vec![7; 16].into())
            .await
            .map(|attested| attested.envelope.map(|e| e.len()))
    };
    assert_eq!(attest(Ok(100), |_| Ok(())).await, Ok(Some(100)));
    // The largest answer there is, and beside it the largest receipt.
    let large = |r: &mut VerifyResponse| {
        let finding = Finding {
            detail: "x".repeat(512),
            ..Default::default()
        };
        let _: () = r.findings = vec![finding; 480];
        Ok(())
    };
    assert_eq!(attest(Ok(65_536), large).await, Ok(Some(65_536)));
    // A driver without receipts: its word alone.
    assert_eq!(
        attest(Err(tonic::Code::Unimplemented), |_| Ok(())).await,
        Ok(None)
    );
    for (envelope, lie) in [
        (Ok(0), (|_| Ok(())) as Lie),
        (Ok(65_537), |_| Ok(())),
        (Ok(100), |r| {
            let _: () = r.verdict = 0;
            Ok(())
        }),
        (Ok(100), |r| {
            let _: () = *r = VerifyResponse::default();
            Ok(())
        }),
        (Err(tonic::Code::Internal), |_| Ok(())),
        (Err(tonic::Code::Unimplemented), |r| {
            let _: () = r.asked_sha256.clear();
            Ok(())
        }),
    ] {
        let answer = attest(envelope, lie).await;
        assert!(
            matches!(answer, Err(Refusal::Unavailable(_))),
            "{envelope:?}: {answer:?}"
        );
    }
}
