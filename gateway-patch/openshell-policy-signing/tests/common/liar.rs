// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! A driver that makes of a right answer what a test wants.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openshell_policy_signing::proto::policy_signing_driver_server::{
    PolicySigningDriver, PolicySigningDriverServer,
};
use openshell_policy_signing::proto::{
    AttestRequest, AttestResponse, DocumentResult, GetCapabilitiesRequest, GetCapabilitiesResponse,
    PeerMetadata, Reason, Receipt, TrustState, Verdict, VerifyRequest, VerifyResponse,
    WatchTrustRequest,
};
use openshell_policy_signing::{
    Composition, DOCUMENT_VECTORS_SHA256, Document, Mode, PolicySigningConfig, Question, Recipe,
    Role, Sandbox, Settings, Target,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::Router;
use tonic::{Request, Response, Status};

/// What the driver makes of a right answer.
pub type Lie = fn(&mut VerifyResponse) -> Result<(), Status>;

type Trust = std::pin::Pin<Box<dyn Stream<Item = Result<TrustState, Status>> + Send + 'static>>;

#[derive(Clone)]
pub struct Liar {
    pub lie: Lie,
    pub question: Question,
    pub pause: Duration,
    pub envelope: Result<usize, tonic::Code>,
    pub capabilities: fn(&mut GetCapabilitiesResponse),
    pub trust: fn() -> Trust,
    pub asked: Arc<AtomicUsize>,
    pub watched: Arc<AtomicUsize>,
}

impl Liar {
    pub fn who(lie: Lie) -> Self {
        Self {
            lie,
            question: question(),
            pause: Duration::ZERO,
            envelope: Ok(100),
            capabilities: |_| (),
            trust: || Box::pin(tokio_stream::pending()),
            asked: Arc::default(),
            watched: Arc::default(),
        }
    }

    pub fn honest() -> Self {
        Self::who(|_| Ok(()))
    }

    async fn answer(&self, request: &VerifyRequest) -> Result<VerifyResponse, Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.pause).await;
        let mut response = right_answer(request, &self.question);
        (self.lie)(&mut response)?;
        Ok(response)
    }
}

/// What an honest driver that allows the question answers.
pub fn right_answer(request: &VerifyRequest, question: &Question) -> VerifyResponse {
    let sum = |bytes: &[u8]| Sha256::digest(bytes).to_vec().into();
    let result = |body| DocumentResult {
        sha256: sum(body),
        ..Default::default()
    };
    VerifyResponse {
        request_id: request.request_id.clone(),
        verdict: Verdict::Allow.into(),
        reason: Reason::Allowed.into(),
        documents: request.documents.iter().map(|d| result(&d.body)).collect(),
        request_sha256: vec![1; 32].into(),
        effective_sha256: sum(&request.effective),
        asked_sha256: question.asked_sha256().to_vec().into(),
        receipt: Some(Receipt {
            log_index: 1,
            entry_sha256: vec![1; 32].into(),
        }),
        trust: Some(TrustState {
            epoch: 1,
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub fn right_capabilities() -> GetCapabilitiesResponse {
    GetCapabilitiesResponse {
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
        recipes: Recipe::ALL.map(|recipe| recipe.name().to_owned()).into(),
        vectors_sha256: DOCUMENT_VECTORS_SHA256.to_vec().into(),
        ..Default::default()
    }
}

#[tonic::async_trait]
impl PolicySigningDriver for Liar {
    async fn get_capabilities(
        &self,
        _: Request<GetCapabilitiesRequest>,
    ) -> Result<Response<GetCapabilitiesResponse>, Status> {
        let mut capabilities = right_capabilities();
        (self.capabilities)(&mut capabilities);
        Ok(Response::new(capabilities))
    }

    async fn verify(
        &self,
        request: Request<VerifyRequest>,
    ) -> Result<Response<VerifyResponse>, Status> {
        self.answer(request.get_ref()).await.map(Response::new)
    }

    async fn attest(
        &self,
        request: Request<AttestRequest>,
    ) -> Result<Response<AttestResponse>, Status> {
        let request = request.into_inner();
        assert!((16..=64).contains(&request.nonce.len()));
        let size = self.envelope.map_err(|code| Status::new(code, ""))?;
        let response = self.answer(&request.request.unwrap_or_default()).await?;
        Ok(Response::new(AttestResponse {
            response: Some(response),
            envelope: vec![b'x'; size].into(),
        }))
    }

    type WatchTrustStream = Trust;

    async fn watch_trust(
        &self,
        _: Request<WatchTrustRequest>,
    ) -> Result<Response<Self::WatchTrustStream>, Status> {
        self.watched.fetch_add(1, Ordering::Relaxed);
        Ok(Response::new((self.trust)()))
    }
}

pub fn sandbox() -> Target {
    let sandbox = Sandbox {
        workspace: "prod".into(),
        id: "sb-1".into(),
        name: "web-1".into(),
    };
    Target::of("gw-1", &sandbox)
}

pub fn question() -> Question {
    let policy = json!({"version": 1});
    let composition = Composition {
        source: Some(Document::new(Role::SandboxPolicy, policy.clone()).expect("a document")),
        effective: Some(Document::effective(policy).expect("well formed")),
        ..Default::default()
    };
    Question::compose(sandbox(), Recipe::V2026_08, composition)
}

pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("sd-")
        .tempdir_in("/tmp") // a socket's path must be short
        .expect("a folder")
}

/// How a gateway asks whoever listens here, as the user of this test.
pub fn settings(socket: &Path) -> Settings {
    let folder = socket.parent().expect("a folder");
    let config = PolicySigningConfig {
        socket_path: socket.to_owned(),
        gateway_id: "gw-1".into(),
        driver_uid: std::fs::metadata(folder).expect("a folder").uid(),
        mode: Mode::Enforce,
        timeout: "1s".into(),
        settings_dir: None,
    };
    let mut settings = config.settings(Recipe::V2026_08).expect("it is complete");
    settings.start_timeout = Duration::from_secs(5);
    settings
}

/// A liar that listens, in a folder and on a thread of its own. With this value its
/// connections end.
pub struct Listening {
    pub folder: tempfile::TempDir,
    /// How many connections were made.
    pub accepted: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Listening {
    pub fn start(liar: Liar) -> Self {
        let folder = folder();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let _inside = runtime.enter();
        let listener = UnixListener::bind(folder.path().join("s.sock")).expect("bound");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let incoming = UnixListenerStream::new(listener).map(move |stream| {
            count.fetch_add(1, Ordering::Relaxed);
            stream
        });
        let router: Router =
            tonic::transport::Server::builder().add_service(PolicySigningDriverServer::new(liar));
        runtime.spawn(router.serve_with_incoming(incoming));
        Self {
            folder,
            accepted,
            runtime: Some(runtime),
        }
    }

    pub fn settings(&self) -> Settings {
        settings(&self.folder.path().join("s.sock"))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
