// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The client against a driver that breaks the protocol below gRPC: the right answer in
//! frames that do not add up to one is none.

mod common;

use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use common::lab::PATIENCE;
use common::liar::{folder, question, right_answer, right_capabilities, settings};
use h2::SendStream;
use h2::server::SendResponse;
use openshell_policy_signing::proto::VerifyRequest;
use openshell_policy_signing::{Driver, Fault, PolicySigner as _, Refusal};
use prost::Message;
use tokio::net::{UnixListener, UnixStream};
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response};

/// What the driver makes of the stream on which the right answer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Right,
    NoStatus,
    NoAnswer,
    StatusAfterwards,
    NeverEnds,
    EndlessAnswers,
    Drip,
    Truncated,
    Compressed,
    Reset,
    HangsUp,
    AnotherProtocol,
}

fn frame(message: &impl Message) -> Bytes {
    let body = message.encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(body.len()).expect("it is small"));
    frame.put_slice(&body);
    frame.freeze()
}

fn status(code: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(
        "grpc-status".parse().expect("a name"),
        HeaderValue::from_static(code),
    )])
}

fn head(respond: &mut SendResponse<Bytes>, http: u16) -> SendStream<Bytes> {
    let response = Response::builder()
        .status(http)
        .header("content-type", "application/grpc")
        .body(())
        .expect("a response");
    respond.send_response(response, false).expect("sent")
}

async fn body(request: Request<h2::RecvStream>) -> Vec<u8> {
    let mut stream = request.into_body();
    let mut bytes = Vec::new();
    while let Some(Ok(chunk)) = stream.data().await {
        let _ = stream.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

/// Answers one question; what it cannot send any more is not wanted any more.
async fn answer(wire: Wire, request: Request<h2::RecvStream>, mut respond: SendResponse<Bytes>) {
    let asked = body(request).await;
    let asked = VerifyRequest::decode(&asked[5..]).expect("a question");
    let right = frame(&right_answer(&asked, &question()));
    let http = if wire == Wire::AnotherProtocol {
        503
    } else {
        200
    };
    let mut stream = head(&mut respond, http);
    match wire {
        Wire::Right => {
            let _ = stream.send_data(right, false);
            let _ = stream.send_trailers(status("0"));
        }
        Wire::NoStatus | Wire::AnotherProtocol => drop(stream.send_data(right, true)),
        Wire::NoAnswer => drop(stream.send_trailers(status("0"))),
        Wire::StatusAfterwards => {
            let _ = stream.send_data(right, false);
            let _ = stream.send_trailers(status("14"));
        }
        Wire::NeverEnds => {
            let _ = stream.send_data(right, false);
            std::future::pending::<()>().await;
        }
        Wire::EndlessAnswers => {
            while stream.send_data(right.clone(), false).is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Wire::Drip => {
            for i in 0..right.len() {
                let _ = stream.send_data(right.slice(i..=i), false);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Wire::Truncated => {
            let _ = stream.send_data(right.slice(..right.len() - 1), false);
            let _ = stream.send_trailers(status("0"));
        }
        Wire::Compressed => {
            let mut marked = BytesMut::from(&right[..]);
            marked[0] = 1;
            let _ = stream.send_data(marked.freeze(), false);
            let _ = stream.send_trailers(status("0"));
        }
        Wire::Reset => {
            let _ = stream.send_data(right, false);
            tokio::time::sleep(Duration::from_millis(20)).await;
            stream.send_reset(h2::Reason::NO_ERROR);
        }
        Wire::HangsUp => unreachable!("it never reads a question"),
    }
}

async fn serve(wire: Wire, stream: UnixStream) {
    let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        if path.ends_with("/GetCapabilities") {
            let mut stream = head(&mut respond, 200);
            let _ = stream.send_data(frame(&right_capabilities()), false);
            let _ = stream.send_trailers(status("0"));
        } else if path.ends_with("/WatchTrust") {
            tokio::spawn(async move {
                let _open = head(&mut respond, 200);
                std::future::pending::<()>().await;
            });
        } else if wire == Wire::HangsUp {
            connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM);
        } else {
            tokio::spawn(answer(wire, request, respond));
        }
    }
}

async fn ask(wire: Wire) -> Result<(), Refusal> {
    let folder = folder();
    let path = folder.path().join("s.sock");
    let listener = UnixListener::bind(&path).expect("bound");
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(wire, stream));
        }
    });
    let mut settings = settings(&path);
    settings.timeout = Duration::from_secs(1);
    let driver = Driver::connect(settings).await.expect("it shakes hands");
    let begin = Instant::now();
    let answer = driver.compose(&question()).await.map(|_| ());
    assert!(begin.elapsed() < PATIENCE / 2, "{wire:?} held up");
    task.abort();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_no_answer() {
    assert_eq!(ask(Wire::Right).await, Ok(()));
    for wire in [Wire::NeverEnds, Wire::EndlessAnswers, Wire::Drip] {
        let late = Err(Refusal::Unavailable(Fault::Late));
        assert_eq!(ask(wire).await, late, "{wire:?}");
    }
    for wire in [
        Wire::NoStatus,
        Wire::NoAnswer,
        Wire::StatusAfterwards,
        Wire::Truncated,
        Wire::Compressed,
        Wire::Reset,
        Wire::HangsUp,
        Wire::AnotherProtocol,
    ] {
        let answer = ask(wire).await;
        assert!(
            matches!(answer, Err(Refusal::Unavailable(_))),
            "{wire:?}: {answer:?}"
        );
    }
}
