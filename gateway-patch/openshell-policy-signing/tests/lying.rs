// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The client against a driver that lies: whatever it says that is not a clear yes
//! about this question, within the deadline, is none.

use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openshell_policy_signing::proto::policy_signing_driver_server::{
    PolicySigningDriver, PolicySigningDriverServer,
};
use openshell_policy_signing::proto::{
    AttestRequest, AttestResponse, DocumentResult, Finding, GetCapabilitiesRequest,
    GetCapabilitiesResponse, NearestMiss, PeerMetadata, Reason, Receipt, TrustState, Verdict,
    VerifyRequest, VerifyResponse, WatchTrustRequest,
};
use openshell_policy_signing::{
    Composition, ConnectError, Document, Driver, Fault, Mode, PolicySigner, PolicySigningConfig,
    Question, RECIPE, Refusal, Role, Sandbox, Settings, Target, document_vectors_sha256,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::Stream;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::server::Router;
use tonic::{Request, Response, Status};

/// What the driver makes of a right answer.
type Lie = fn(&mut VerifyResponse) -> Result<(), Status>;

#[derive(Clone)]
struct Liar {
    lie: Lie,
    pause: Duration,
    envelope: Result<usize, tonic::Code>,
    capabilities: fn(&mut GetCapabilitiesResponse),
    asked: Arc<AtomicUsize>,
}

impl Liar {
    fn who(lie: Lie) -> Self {
        Self {
            lie,
            pause: Duration::ZERO,
            envelope: Ok(100),
            capabilities: |_| (),
            asked: Arc::default(),
        }
    }

    async fn answer(
        &self,
        request: &VerifyRequest,
        asked: &[u8; 32],
    ) -> Result<VerifyResponse, Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.pause).await;
        let sum = |bytes: &[u8]| Sha256::digest(bytes).to_vec().into();
        let result = |body| DocumentResult {
            sha256: sum(body),
            ..Default::default()
        };
        let mut response = VerifyResponse {
            request_id: request.request_id.clone(),
            verdict: Verdict::Allow.into(),
            reason: Reason::Allowed.into(),
            documents: request.documents.iter().map(|d| result(&d.body)).collect(),
            request_sha256: vec![1; 32].into(),
            effective_sha256: sum(&request.effective),
            asked_sha256: asked.to_vec().into(),
            receipt: Some(Receipt {
                log_index: 1,
                entry_sha256: vec![1; 32].into(),
            }),
            trust: Some(TrustState {
                epoch: 1,
                ..Default::default()
            }),
            ..Default::default()
        };
        (self.lie)(&mut response)?;
        Ok(response)
    }
}

#[tonic::async_trait]
impl PolicySigningDriver for Liar {
    async fn get_capabilities(
        &self,
        _: Request<GetCapabilitiesRequest>,
    ) -> Result<Response<GetCapabilitiesResponse>, Status> {
        let mut capabilities = GetCapabilitiesResponse {
            peer: Some(PeerMetadata {
                protocol_version: 1,
                supported_capabilities: vec!["openshell.policy-signing.contract".into()],
                ..Default::default()
            }),
            surfaces: vec![
                "openshell.sandbox.v1.SandboxPolicy".into(),
                "openshell.v1.ProviderProfile".into(),
                "sigdriver.v1.GatewaySettings".into(),
            ],
            canonical_form: "openshell-protojson-jcs/v1".into(),
            recipes: vec![RECIPE.into()],
            limits: None,
            document_vectors_sha256: document_vectors_sha256().to_vec().into(),
        };
        (self.capabilities)(&mut capabilities);
        Ok(Response::new(capabilities))
    }

    async fn verify(
        &self,
        request: Request<VerifyRequest>,
    ) -> Result<Response<VerifyResponse>, Status> {
        let asked = *question().asked_sha256();
        self.answer(request.get_ref(), &asked)
            .await
            .map(Response::new)
    }

    async fn attest(
        &self,
        request: Request<AttestRequest>,
    ) -> Result<Response<AttestResponse>, Status> {
        let request = request.into_inner();
        assert!((16..=64).contains(&request.nonce.len()));
        let size = self.envelope.map_err(|code| Status::new(code, ""))?;
        let asked = *question().asked_sha256();
        let response = self
            .answer(&request.request.unwrap_or_default(), &asked)
            .await?;
        Ok(Response::new(AttestResponse {
            response: Some(response),
            envelope: vec![b'x'; size].into(),
        }))
    }

    type WatchTrustStream =
        std::pin::Pin<Box<dyn Stream<Item = Result<TrustState, Status>> + Send + 'static>>;

    async fn watch_trust(
        &self,
        _: Request<WatchTrustRequest>,
    ) -> Result<Response<Self::WatchTrustStream>, Status> {
        Ok(Response::new(Box::pin(tokio_stream::pending())))
    }
}

fn question() -> Question {
    let policy = json!({"version": 1});
    let sandbox = Sandbox {
        workspace: "prod".into(),
        id: "sb-1".into(),
        name: "web-1".into(),
    };
    let composition = Composition {
        source: Some(Document::new(Role::SandboxPolicy, policy.clone()).expect("a document")),
        effective: Some(Document::effective(policy).expect("well formed")),
        ..Default::default()
    };
    Question::compose(Target::of("gw-1", &sandbox), composition)
}

/// A liar that listens, in a folder of its own.
struct Listening {
    folder: tempfile::TempDir,
    task: tokio::task::JoinHandle<()>,
}

impl Listening {
    fn start(liar: Liar) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("sd-")
            .tempdir_in("/tmp")
            .expect("a folder");
        let listener = UnixListener::bind(folder.path().join("s.sock")).expect("bound");
        let router: Router =
            tonic::transport::Server::builder().add_service(PolicySigningDriverServer::new(liar));
        let task = tokio::spawn(async move {
            let _ = router
                .serve_with_incoming(UnixListenerStream::new(listener))
                .await;
        });
        Self { folder, task }
    }

    fn settings(&self) -> Settings {
        let config = PolicySigningConfig {
            socket_path: self.folder.path().join("s.sock"),
            gateway_id: "gw-1".into(),
            driver_uid: std::fs::metadata(self.folder.path())
                .expect("a folder")
                .uid(),
            mode: Mode::Enforce,
            timeout: "1s".into(),
        };
        let mut settings = config.settings().expect("it is complete");
        settings.start_timeout = Duration::from_secs(5);
        settings
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn ask(liar: Liar) -> Result<(), Refusal> {
    let listening = Listening::start(liar);
    let driver = Driver::connect(listening.settings())
        .await
        .expect("it shakes hands");
    driver.compose(&question()).await.map(|_| ())
}

#[tokio::test]
async fn the_truth_is_a_yes() {
    assert_eq!(ask(Liar::who(|_| Ok(()))).await, Ok(()));
}

#[tokio::test]
async fn no_lie_is_a_yes() {
    let lies: [(&str, Lie); 16] = [
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
        ("nothing at all", |r| {
            let _: () = *r = VerifyResponse::default();
            Ok(())
        }),
    ];
    for (name, lie) in lies {
        let answer = ask(Liar::who(lie)).await;
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
    let mut liar = Liar::who(|_| Ok(()));
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
    let folder = tempfile::Builder::new()
        .prefix("sd-")
        .tempdir_in("/tmp")
        .expect("a folder");
    let listener = UnixListener::bind(folder.path().join("s.sock")).expect("bound");
    let closer = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let uid = std::fs::metadata(folder.path()).expect("a folder").uid();
    let config = PolicySigningConfig {
        socket_path: folder.path().join("s.sock"),
        gateway_id: "gw-1".into(),
        driver_uid: uid,
        mode: Mode::Enforce,
        timeout: "1s".into(),
    };
    let mut settings = config.settings().expect("it is complete");
    settings.start_timeout = Duration::from_millis(300);
    let error = Driver::connect(settings).await.err();
    assert!(
        matches!(error, Some(ConnectError::NotThere(_))),
        "{error:?}"
    );
    closer.abort();

    // A driver that answers the handshake and then hangs up under the question.
    let mut liar = Liar::who(|_| Ok(()));
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
    let changes: [fn(&mut GetCapabilitiesResponse); 4] = [
        |c| c.peer = None,
        |c| c.canonical_form = "other/v2".into(),
        |c| c.recipes = vec!["other".into()],
        |c| c.document_vectors_sha256 = vec![0; 32].into(),
    ];
    for change in changes {
        let mut liar = Liar::who(|_| Ok(()));
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
