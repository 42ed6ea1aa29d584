// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The places where a supervisor from `OpenShell` 0.1.0 on takes a configuration,
//! against what they take from it.
//!
//! | seam | where | what it does |
//! |---|---|---|
//! | R1 [`Intake::polled`] | a configuration is fetched, for a start or by a poll | asks with a nonce, judges the answer |
//! | R2 [`Intake::pushed`] | one was pushed: with the session, or after a change | judges it, or asks back |
//! | R3 [`Intake::before_start`] | a workload starts, or a generation is loaded | compares with what was judged |
//!
//! A push answers no question, unless the supervisor gave a nonce ahead of it
//! ([`Intake::offer`]) and the push has a receipt beside it. Every other push only says
//! that there is something to ask for: what is enforced then is the answer, whatever was
//! pushed.

use std::fmt;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use openshell_policy_document::{Document, DocumentError};

use crate::gate::{Answer, Gate, GateError, Question};
use crate::statement::Statement;
use crate::time::Time;

/// A configuration as it was decoded: what polling answers and what is pushed.
pub trait Configuration {
    /// The canonical form of its policy, if it has one.
    fn policy(&self) -> Result<Option<Document>, DocumentError>;
    /// Whether it tells the sandbox that it may go on.
    fn admitted(&self) -> bool;
    /// Why the gateway does not admit it.
    fn error(&self) -> &str;
    /// The sandbox's workspace.
    fn workspace(&self) -> &str;
    /// The settings document of what came with it.
    fn settings(&self, statement: &Statement) -> Option<Document>;
}

/// A configuration, and the receipt that came beside it.
#[derive(Debug, Clone)]
pub struct Arrived<C> {
    /// The configuration.
    pub configuration: C,
    /// The receipt, if there was one.
    pub receipt: Option<Vec<u8>>,
}

/// The gateway, as a supervisor reaches it.
pub trait Gateway: Sync {
    /// What it answers with.
    type Configuration: Configuration + Send;
    /// Why there is no answer.
    type Error: Send;
    /// Asks for the sandbox's configuration, with a nonce where there is one. It ends
    /// by a deadline of the supervisor's: a gateway may hold an answer for ever.
    fn ask(
        &self,
        nonce: Option<&[u8]>,
    ) -> impl Future<Output = Result<Arrived<Self::Configuration>, Self::Error>> + Send;
    /// The clock of the node.
    fn now(&self) -> Time {
        Time::now()
    }
}

/// What comes of a configuration that arrived.
#[derive(Debug)]
pub enum Taken<C> {
    /// Receipts are not required: the supervisor goes on as it did.
    Unjudged(C),
    /// A driver allowed exactly this, here and now.
    Allowed(C),
    /// The gateway has none, and says why. Nothing else of what it sent counts: a
    /// sandbox that runs follows the failure mode that it was allowed with.
    Withheld(String),
}

/// Why nothing new is enforced. What runs goes on.
#[derive(Debug)]
pub enum NotTaken<E> {
    /// It has no receipt that counts: to be said loudly.
    Gate(GateError),
    /// The gateway did not answer.
    Gateway(E),
}

impl<E> NotTaken<E> {
    /// The stable reason, where the gate refused.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Gate(error) => Some(error.reason()),
            Self::Gateway(_) => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for NotTaken<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate(error) => error.fmt(f),
            Self::Gateway(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for NotTaken<E> {}

impl<E> From<GateError> for NotTaken<E> {
    fn from(error: GateError) -> Self {
        Self::Gate(error)
    }
}

/// The way in of one sandbox's configurations. Without a gate everything is let through
/// unjudged, and no nonce goes out.
#[derive(Debug)]
pub struct Intake {
    gate: Option<Gate>,
    sandbox: String,
    name: String,
    /// The question that the next push may answer.
    standing: Mutex<Option<Question>>,
}

impl Intake {
    /// The way in of the sandbox with this id and name.
    pub fn new(gate: Option<Gate>, sandbox: &str, name: &str) -> Self {
        Self {
            gate,
            sandbox: sandbox.to_owned(),
            name: name.to_owned(),
            standing: Mutex::new(None),
        }
    }

    /// R1: asks for a configuration and judges the answer.
    pub async fn polled<G: Gateway>(
        &self,
        gateway: &G,
    ) -> Result<Taken<G::Configuration>, NotTaken<G::Error>> {
        let Some(gate) = &self.gate else {
            let answer = gateway.ask(None).await.map_err(NotTaken::Gateway)?;
            return Ok(Taken::Unjudged(answer.configuration));
        };
        let question = gate.ask()?;
        let answer = gateway.ask(Some(question.nonce())).await;
        let answer = answer.map_err(NotTaken::Gateway)?;
        Ok(self.judge(gate, gateway.now(), question, answer)?)
    }

    /// A nonce for the next push, to go out with the session or with what came of the
    /// last push. The one before counts no more.
    pub fn offer(&self) -> Result<Option<Vec<u8>>, GateError> {
        let Some(gate) = &self.gate else {
            return Ok(None);
        };
        let question = gate.ask()?;
        let nonce = question.nonce().to_vec();
        *self.standing() = Some(question);
        Ok(Some(nonce))
    }

    /// R2: judges a configuration that was pushed. Without a receipt, or without a
    /// question that it could be for, the gateway is asked, and its answer judged.
    pub async fn pushed<G: Gateway>(
        &self,
        gateway: &G,
        push: Arrived<G::Configuration>,
    ) -> Result<Taken<G::Configuration>, NotTaken<G::Error>> {
        let Some(gate) = &self.gate else {
            return Ok(Taken::Unjudged(push.configuration));
        };
        let question = self.standing().take(); // a nonce answers for one push
        match question {
            Some(question) if push.receipt.is_some() => {
                Ok(self.judge(gate, gateway.now(), question, push)?)
            }
            _ => self.polled(gateway).await,
        }
    }

    /// R3: what a workload is about to start with, or a generation to load, must be what
    /// was judged last, as the supervisor has made it since.
    pub fn before_start(&self, about_to: &impl Configuration) -> Result<(), GateError> {
        match &self.gate {
            None => Ok(()),
            Some(gate) => gate.enforce(&policy(about_to)?),
        }
    }

    /// A policy that comes from elsewhere than the gateway has no receipt.
    pub fn local(&self, what: &'static str) -> Result<(), GateError> {
        match &self.gate {
            None => Ok(()),
            Some(_) => Err(GateError::Unreceipted(what)),
        }
    }

    fn judge<C: Configuration>(
        &self,
        gate: &Gate,
        now: Time,
        question: Question,
        arrived: Arrived<C>,
    ) -> Result<Taken<C>, GateError> {
        let configuration = arrived.configuration;
        if !configuration.admitted() && matches!(configuration.policy(), Ok(None)) {
            return Ok(Taken::Withheld(configuration.error().to_owned()));
        }
        let answer = Answer {
            receipt: arrived.receipt.as_deref(),
            workspace: configuration.workspace(),
            sandbox: &self.sandbox,
            name: &self.name,
            effective: &policy(&configuration)?,
        };
        gate.judge_at(now, question, &answer, |statement| {
            configuration.settings(statement)
        })?;
        Ok(Taken::Allowed(configuration))
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Option<Question>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn policy(configuration: &impl Configuration) -> Result<Document, GateError> {
    match configuration.policy() {
        Ok(Some(policy)) => Ok(policy),
        Ok(None) => Err(GateError::Unreceipted("the gateway sent no policy")),
        Err(_) => Err(GateError::Unreceipted("the policy has no canonical form")),
    }
}
