// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The real signer: the driver at the other end of the socket.

use std::error::Error;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tonic::{Code, Status, TimeoutExpired};
use tracing::{info, warn};

use crate::answer::{self, Allowed, Attested};
use crate::config::{Mode, Settings};
use crate::connection::{ConnectError, Connection, MAX_REQUEST};
use crate::link::Link;
use crate::proto::{AttestRequest, AttestResponse, VerifyRequest, VerifyResponse};
use crate::question::Question;
use crate::refusal::{self, Fault, Refusal};
use crate::signer::PolicySigner;
use crate::watch::{self, TrustView, Watcher};

/// How long a gateway that starts waits between two tries.
const START_PAUSE: Duration = Duration::from_millis(250);

/// How long a question waits before it looks for the driver once more.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// A client of one driver. It connects again whenever a connection was lost, looks at
/// the socket and the driver anew each time, and waits for nothing longer than the
/// deadline of the call.
pub struct Driver {
    link: Arc<Link>,
    watcher: Watcher,
    timeout: Duration,
    ids: Ids,
}

impl Driver {
    /// Connects and shakes hands. A driver that is not there yet is waited for; one
    /// that is not the right one is an error at once. While only observing neither
    /// keeps a gateway from starting: it is said loudly, and tried again.
    pub async fn connect(settings: Settings) -> Result<Self, ConnectError> {
        let timeout = settings.timeout;
        let link = Arc::new(Link::new(settings));
        match (reach(&link).await, link.settings.mode) {
            (Ok(()), mode) => {
                info!(socket = %link.settings.socket_path.display(), gateway_id = %link.settings.gateway_id,
                    ?mode, "policy signing driver connected");
            }
            (Err(error), Mode::Observe) => {
                warn!(%error, socket = %link.settings.socket_path.display(),
                    "no policy signing driver; the gateway starts without one because mode = \"observe\", and tries again");
            }
            (Err(error), Mode::Enforce) => return Err(error),
        }
        let watcher = watch::start(Arc::clone(&link));
        Ok(Self {
            link,
            watcher,
            timeout,
            ids: Ids::new(),
        })
    }

    /// The driver's trust as it last said; none before it said anything.
    pub fn trust(&self) -> tokio::sync::watch::Receiver<Option<TrustView>> {
        self.watcher.trust()
    }

    async fn verify(&self, question: &Question) -> Result<Allowed, Refusal> {
        let (request, deadline) = self.prepare(question);
        let id = request.request_id.clone();
        let response: VerifyResponse = ask(&self.link, request, deadline)
            .await
            .map_err(|refusal| refusal.asked_as(&id))?;
        answer::check(question, &id, &response)
    }

    fn prepare(&self, question: &Question) -> (VerifyRequest, Instant) {
        let mut request = question.request.clone(); // bodies are shared, not copied
        request.request_id = self.ids.next();
        (request, Instant::now() + self.timeout)
    }
}

#[tonic::async_trait]
impl PolicySigner for Driver {
    async fn admit(&self, question: &Question) -> Result<Allowed, Refusal> {
        self.verify(question).await
    }

    async fn compose(&self, question: &Question) -> Result<Allowed, Refusal> {
        self.verify(question).await
    }

    async fn attest(&self, question: &Question, nonce: Bytes) -> Result<Attested, Refusal> {
        let (request, deadline) = self.prepare(question);
        let id = request.request_id.clone();
        let attest = AttestRequest {
            request: Some(request.clone()),
            nonce,
        };
        match ask::<AttestRequest>(&self.link, attest, deadline).await {
            Err(Refusal::Unavailable(Fault::Driver {
                code: Code::Unimplemented,
                ..
            })) => {
                // The driver gives no receipts: its word alone.
                let response = ask::<VerifyRequest>(&self.link, request, deadline)
                    .await
                    .map_err(|refusal| refusal.asked_as(&id))?;
                let allowed = answer::check(question, &id, &response)?;
                Ok(Attested {
                    allowed,
                    envelope: None,
                })
            }
            other => {
                let AttestResponse { response, envelope } =
                    other.map_err(|refusal| refusal.asked_as(&id))?;
                let response = response.unwrap_or_default();
                let allowed = answer::check(question, &id, &response)?;
                let envelope = Some(answer::check_envelope(envelope)?);
                Ok(Attested { allowed, envelope })
            }
        }
    }
}

/// Connects for the first time, and waits for a driver that starts beside the gateway;
/// while only observing no longer than for one answer.
async fn reach(link: &Link) -> Result<(), ConnectError> {
    let settings = &link.settings;
    let deadline = Instant::now()
        + match settings.mode {
            Mode::Enforce => settings.start_timeout,
            Mode::Observe => settings.timeout,
        };
    loop {
        let error = match timeout_at(deadline, link.connection()).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => ConnectError::NotThere("it accepts but does not answer".to_owned()),
        };
        if !matches!(error, ConnectError::NotThere(_)) || Instant::now() >= deadline {
            return Err(error);
        }
        sleep_until((Instant::now() + START_PAUSE).min(deadline)).await;
    }
}

/// Request ids: unlike any other process's, counted within this one.
struct Ids {
    prefix: String,
    next: AtomicU64,
}

impl Ids {
    fn new() -> Self {
        // Keyed at random; ids tell answers apart, they keep no secret.
        let prefix = std::hash::RandomState::new().build_hasher().finish();
        Self {
            prefix: format!("{prefix:016x}"),
            next: AtomicU64::new(1),
        }
    }

    fn next(&self) -> String {
        format!(
            "{}-{}",
            self.prefix,
            self.next.fetch_add(1, Ordering::Relaxed)
        )
    }
}

fn no_connection(error: ConnectError) -> Refusal {
    warn!(%error, "no connection to the policy signing driver");
    Refusal::Unavailable(match error {
        ConnectError::Incompatible(why) => Fault::Incompatible(why),
        other => Fault::Unreachable(other.to_string()),
    })
}

fn lost(status: &Status) -> Refusal {
    let why = format!("the connection broke ({:?})", status.code());
    Refusal::Unavailable(Fault::Unreachable(why))
}

/// Asks within the deadline. A connection that had broken before is replaced and
/// the question asked once more: deciding twice is harmless. Where there was none, so
/// that nothing was sent, it is looked for once more too: a driver may be restarting.
async fn ask<Q: Call>(link: &Link, request: Q, deadline: Instant) -> Result<Q::Answer, Refusal> {
    if request.encoded_len() > MAX_REQUEST {
        return Err(refusal::too_large());
    }
    let asked = timeout_at(deadline, async {
        let mut again = link.current().is_some();
        let mut look_again = true;
        loop {
            let connection = match link.connection().await {
                Err(ConnectError::NotThere(_)) if std::mem::take(&mut look_again) => {
                    sleep(RETRY_PAUSE).await;
                    continue;
                }
                connection => connection.map_err(no_connection)?,
            };
            let result = request.clone().call(&connection, deadline).await;
            match result {
                Ok(answer) => return Ok(answer),
                Err(status) if broken(&status) => {
                    link.forget(&connection);
                    if !std::mem::take(&mut again) {
                        return Err(lost(&status));
                    }
                }
                Err(status) => return Err(refusal::from_status(&status)),
            }
        }
    });
    match asked.await {
        // The timer is looked at after the answer: where the thread was held up, an
        // answer can be both there and late.
        Ok(result) if result.is_err() || Instant::now() <= deadline => result,
        _ => Err(Refusal::Unavailable(Fault::Late)),
    }
}

/// Tells a connection that failed from a driver that answered or is slow: only the
/// first has a cause on this side that is no timer.
fn broken(status: &Status) -> bool {
    let Some(cause) = status.source() else {
        return false;
    };
    let slow = std::iter::successors(Some(cause), |cause| (*cause).source())
        .any(<dyn Error>::is::<TimeoutExpired>);
    !slow && status.code() != Code::DeadlineExceeded
}

/// A request and how it is sent.
#[tonic::async_trait]
trait Call: prost::Message + Clone {
    type Answer: Send;
    async fn call(self, on: &Connection, deadline: Instant) -> Result<Self::Answer, Status>;
}

/// A request that carries its deadline, so that the driver does not work in vain.
fn until<T>(message: T, deadline: Instant) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(deadline.saturating_duration_since(Instant::now()));
    request
}

#[tonic::async_trait]
impl Call for VerifyRequest {
    type Answer = VerifyResponse;
    async fn call(self, on: &Connection, deadline: Instant) -> Result<VerifyResponse, Status> {
        let response = on.client().verify(until(self, deadline)).await?;
        Ok(response.into_inner())
    }
}

#[tonic::async_trait]
impl Call for AttestRequest {
    type Answer = AttestResponse;
    async fn call(self, on: &Connection, deadline: Instant) -> Result<AttestResponse, Status> {
        if !on.attests() {
            return Err(Status::unimplemented("")); // it said so on this connection
        }
        let result = on.attesting_client().attest(until(self, deadline)).await;
        if let Err(status) = &result
            && status.code() == Code::Unimplemented
        {
            info!("policy signing driver gives no receipts");
            on.attests.store(false, Ordering::Relaxed);
        }
        Ok(result?.into_inner())
    }
}
