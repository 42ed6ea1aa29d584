// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Who is asked.

use bytes::Bytes;

use crate::answer::{Allowed, Attested};
use crate::question::Question;
use crate::refusal::Refusal;

/// Somebody who decides questions: the driver, or in a gateway's tests a double.
#[tonic::async_trait]
pub trait PolicySigner: Send + Sync {
    /// May this document be stored?
    async fn admit(&self, question: &Question) -> Result<Allowed, Refusal>;
    /// May this effective policy be served?
    async fn compose(&self, question: &Question) -> Result<Allowed, Refusal>;
    /// The same, with a receipt that holds the nonce of whoever will check it.
    async fn attest(&self, question: &Question, nonce: Bytes) -> Result<Attested, Refusal>;
}

/// A double that answers what it was told, in order, and then refuses.
#[cfg(any(test, feature = "test-support"))]
#[derive(Debug, Default)]
pub struct Scripted {
    answers: std::sync::Mutex<std::collections::VecDeque<Result<Allowed, Refusal>>>,
    asked: std::sync::Mutex<Vec<Question>>,
}

#[cfg(any(test, feature = "test-support"))]
impl Scripted {
    /// A double with answers for the next questions.
    pub fn new(answers: impl IntoIterator<Item = Result<Allowed, Refusal>>) -> Self {
        Self {
            answers: std::sync::Mutex::new(answers.into_iter().collect()),
            asked: std::sync::Mutex::default(),
        }
    }

    /// A yes.
    #[allow(clippy::unnecessary_wraps)] // an answer as `new` takes it
    pub fn yes() -> Result<Allowed, Refusal> {
        Ok(Allowed {
            request_id: "scripted".to_owned(),
            request_sha256: [0; 32],
            log_index: 0,
            epoch: 1,
            stale: false,
            shadow_findings: 0,
        })
    }

    /// A no.
    pub fn no(reason: &str) -> Result<Allowed, Refusal> {
        Err(Refusal::Denied(crate::Denial {
            reason: reason.to_owned(),
            hint: String::new(),
            request_id: "scripted".to_owned(),
            log_index: None,
        }))
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Question> {
        self.asked
            .lock()
            .map_or_else(|_| Vec::new(), |asked| asked.clone())
    }

    fn answer(&self, question: &Question) -> Result<Allowed, Refusal> {
        let lost = || Refusal::Unavailable(crate::Fault::Late);
        self.asked
            .lock()
            .map_err(|_| lost())?
            .push(question.clone());
        let next = self.answers.lock().map_err(|_| lost())?.pop_front();
        next.unwrap_or_else(|| Err(lost()))
    }
}

#[cfg(any(test, feature = "test-support"))]
#[tonic::async_trait]
impl PolicySigner for Scripted {
    async fn admit(&self, question: &Question) -> Result<Allowed, Refusal> {
        self.answer(question)
    }
    async fn compose(&self, question: &Question) -> Result<Allowed, Refusal> {
        self.answer(question)
    }
    async fn attest(&self, question: &Question, nonce: Bytes) -> Result<Attested, Refusal> {
        self.answer(question).map(|allowed| Attested {
            allowed,
            envelope: Some(nonce), // so that a test sees it arrive
        })
    }
}
