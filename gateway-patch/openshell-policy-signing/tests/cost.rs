// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! What the hook costs a call: the same gateway with and without it, both reached over
//! gRPC on the loopback interface as a sandbox reaches them, the real driver behind one.
//! Two short rounds show that it can be measured; `HOOK_COST_ROUNDS=21` measures it:
//!
//! ```sh
//! HOOK_COST_ROUNDS=21 cargo test --release --test cost -- --nocapture
//! ```

mod common;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use common::gateway::{Gateway, Rows};
use common::lab::{self, Lab, eventually};
use openshell_policy_signing::{Hook, Mode, Outcome, Role, Sandbox};
use serde_json::{Value, json};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

const CALLS: usize = 300;
const PATH: &str = "/fake.Gateway/GetSandboxConfig";

/// The call and its answer, as far as they matter here.
#[derive(Clone, PartialEq, prost::Message)]
struct Config {
    #[prost(bytes = "vec", tag = "1")]
    policy: Vec<u8>,
}

#[derive(Clone)]
struct Served(Arc<Gateway>);

impl NamedService for Served {
    const NAME: &'static str = "fake.Gateway";
}

impl UnaryService<Config> for Served {
    type Response = Config;
    type Future = BoxFuture<Response<Config>, Status>;
    fn call(&mut self, _: Request<Config>) -> Self::Future {
        let gateway = Arc::clone(&self.0);
        Box::pin(async move {
            let config = gateway.get_sandbox_config().await?;
            let policy = config.policy.to_string().into_bytes();
            Ok(Response::new(Config { policy }))
        })
    }
}

impl Service<http::Request<Body>> for Served {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = self.clone();
        Box::pin(async move {
            let codec = ProstCodec::<Config, Config>::default();
            Ok(tonic::server::Grpc::new(codec).unary(method, request).await)
        })
    }
}

/// Serves a gateway and connects to it.
async fn serve(gateway: Arc<Gateway>) -> Channel {
    let any = "127.0.0.1:0".parse().expect("an address");
    let incoming = TcpIncoming::bind(any).expect("bound");
    let incoming = incoming.with_nodelay(Some(true));
    let address = incoming.local_addr().expect("it has one");
    tokio::spawn(
        Server::builder()
            .add_service(Served(gateway))
            .serve_with_incoming(incoming),
    );
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
    endpoint.connect().await.expect("it listens")
}

async fn call(channel: &Channel) -> Duration {
    let mut client = tonic::client::Grpc::new(channel.clone());
    let begin = Instant::now();
    client.ready().await.expect("connected");
    let path = http::uri::PathAndQuery::from_static(PATH);
    let codec = ProstCodec::<Config, Config>::default();
    let request = Request::new(Config::default());
    let answer = client.unary(request, path, codec).await.expect("served");
    assert!(!answer.into_inner().policy.is_empty());
    begin.elapsed()
}

fn profile(id: &str) -> Value {
    json!({
        "id": id,
        "credentials": [{"name": "token", "envVars": ["TOKEN"], "authStyle": "bearer"}],
        "endpoints": [{"host": format!("{id}.example"), "port": 443, "protocol": "rest"}],
        "binaries": [{"path": "/usr/bin/git"}],
    })
}

/// A sandbox with four providers.
fn rows() -> Rows {
    let ids = ["a", "b", "c", "d"];
    Rows {
        sandbox: Sandbox {
            workspace: "prod".into(),
            id: "sb-1".into(),
            name: "web-1".into(),
        },
        policy: lab::policy("api.example"),
        global_policy: None,
        profiles: BTreeMap::from(ids.map(|id| (id.to_owned(), profile(id)))),
        providers: ids.map(|id| (id.to_owned(), id.to_owned())).into(),
        providers_v2_enabled: true,
        validation_failure_mode: "keep_last_good".to_owned(),
    }
}

/// Median and quartiles.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let at = |quarter: usize| values[(values.len() - 1) * quarter / 4];
    format!("{:.2} [{:.2}-{:.2}]", at(2), at(1), at(3))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hook_adds_to_a_call() {
    let rounds = std::env::var("HOOK_COST_ROUNDS").map_or(2, |n| n.parse().expect("a number"));
    let mut lab = Lab::new();
    lab.approve(
        &lab::document(Role::SandboxPolicy, rows().policy),
        "alice",
        1,
    );
    lab.approve(
        &lab::document(Role::Settings, lab::settings(true)),
        "alice",
        2,
    );
    for profile in rows().profiles.into_values() {
        lab.approve(&lab::document(Role::ProviderProfile, profile), "dave", 1);
    }
    let _daemon = lab.start();
    let hook = Hook::connect(lab.settings(Mode::Enforce)).await;
    let with = Arc::new(Gateway::new(Some(hook.expect("the driver")), rows()));
    let approved = eventually(|| with.get_sandbox_config(), Result::is_ok).await;
    approved.expect("everything is approved");
    let allowed = || {
        let hook = with.hook.as_ref().expect("it is on");
        hook.outcomes().get(Outcome::Allowed)
    };
    let before = allowed();

    let sides = [
        serve(Arc::new(Gateway::new(None, rows()))).await,
        serve(Arc::clone(&with)).await,
    ];
    let (mut ratios, mut added) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..rounds {
        let mut times = [Vec::new(), Vec::new()];
        for turn in 0..2 {
            let side = (turn + round) % 2;
            for _ in 0..CALLS {
                times[side].push(call(&sides[side]).await);
            }
            times[side].sort();
        }
        for (i, rank) in [CALLS / 2, CALLS * 99 / 100].into_iter().enumerate() {
            let [without, with] = [&times[0], &times[1]].map(|t| t[rank].as_secs_f64());
            ratios[i].push(with / without);
            added[i].push((with - without) * 1e6);
        }
    }
    assert_eq!(allowed() - before, (rounds * CALLS) as u64, "not all asked");
    for (i, name) in ["p50", "p99"].into_iter().enumerate() {
        let ratio = spread(std::mem::take(&mut ratios[i]));
        let microseconds = spread(std::mem::take(&mut added[i]));
        println!("{name}: with / without {ratio}, added {microseconds} µs, {rounds} rounds");
    }
}
