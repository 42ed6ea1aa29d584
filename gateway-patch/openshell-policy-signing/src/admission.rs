// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Writes after which a sandbox obeys other settings than before: what people approve is
//! all settings together, so the document that follows from the write is asked about.

use openshell_policy_document::Role;
use serde_json::Value;
use tonic::{Code, Status};
use tracing::warn;

use crate::hook::Hook;
use crate::target::Sandbox;

const POLICY: &str = "admit_policy";
const SETTINGS: &str = "admit_setting";

const WITHOUT: &str = "a sandbox without a policy never starts: create it with one";

/// Whoever would sign for a generated name signs for one that the next try has not.
const GENERATED: &str = "its name was generated and the next try will have another: name the sandbox, and have its policy approved for that name";

const UNSETTLED: &str = "it is about the settings that the sandbox would obey: have them approved for it, or put back the one that nobody approved";

/// A sandbox that is about to be created. It is not `Debug`: bodies are not for logs.
#[derive(Clone)]
pub struct Creation {
    /// Where it will be; its id may be empty.
    pub sandbox: Sandbox,
    /// Whether the gateway made its name up.
    pub name_is_generated: bool,
    /// The policy that it is created with, in `ProtoJSON`.
    pub policy: Option<Value>,
    /// Whether the policy of the global settings stands in that one's place.
    pub source_is_global: bool,
    /// The settings document that it will obey, plain JSON.
    pub settings: Value,
}

impl Hook {
    /// A1: may this sandbox be created? Early feedback: its own policy is asked about, and
    /// the settings that it will obey, since either of them would keep it from starting.
    pub async fn admit_sandbox(&self, creation: Creation) -> Result<(), Status> {
        let place = &creation.sandbox;
        match creation.policy {
            None if !creation.source_is_global => {
                let refused = self.missing(POLICY, place, WITHOUT);
                refused.map_err(|status| saying(&status, WITHOUT))?;
            }
            None => (),
            Some(policy) => {
                let admitted = self.admit(POLICY, place, Role::SandboxPolicy, policy, "");
                admitted.await.map_err(|status| {
                    if creation.name_is_generated {
                        saying(&status, GENERATED)
                    } else {
                        status
                    }
                })?;
            }
        }
        let settings = creation.settings;
        let admitted = self.admit(SETTINGS, place, Role::Settings, settings, "");
        admitted.await.map_err(|status| saying(&status, UNSETTLED))
    }

    /// A6: may this write be stored, after which the place obeys other settings? One that
    /// leaves it refused is refused, unless it was refused before: else two wrong settings
    /// could never be mended, one at a time. While a gateway has no sandbox the place is the
    /// gateway's own, without workspace and name, where only what was approved for every
    /// place is allowed.
    pub async fn admit_settings(
        &self,
        place: &Sandbox,
        was: Value,
        becomes: Value,
    ) -> Result<(), Status> {
        if was == becomes {
            return Ok(());
        }
        let admit = async |message| {
            self.admit(SETTINGS, place, Role::Settings, message, "")
                .await
        };
        let Err(refused) = admit(becomes).await else {
            return Ok(());
        };
        if refused.code() != Code::FailedPrecondition {
            return Err(refused);
        }
        match admit(was).await {
            Err(before) if before.code() == Code::FailedPrecondition => {
                warn!(sandbox_id = ?place.id, name = ?place.name,
                    "the settings of this place were refused before the change, and are after it");
                Ok(())
            }
            _ => Err(refused),
        }
    }
}

/// A refusal that also says what its caller can do.
fn saying(status: &Status, what: &str) -> Status {
    match status.code() {
        code @ Code::FailedPrecondition => {
            Status::new(code, format!("{}; {what}", status.message()))
        }
        code => Status::new(code, status.message()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Fault, Mode, Recipe, Refusal, Scripted};
    use serde_json::json;

    fn hook(mode: Mode, answers: Vec<Result<crate::Allowed, Refusal>>) -> (Hook, Arc<Scripted>) {
        let signer = Arc::new(Scripted::new(answers));
        let asked = Arc::clone(&signer);
        (
            Hook::new(asked as _, "gw-1", Recipe::V2026_08, mode),
            signer,
        )
    }

    fn settings(mode: &str) -> Value {
        json!({"policySource": "SANDBOX_POLICY", "policyValidationFailureMode": mode})
    }

    fn creation() -> Creation {
        Creation {
            sandbox: Sandbox {
                workspace: "prod".into(),
                name: "web-1".into(),
                ..Default::default()
            },
            name_is_generated: false,
            policy: Some(json!({"version": 1})),
            source_is_global: false,
            settings: settings("fail_closed"),
        }
    }

    fn code(result: &Result<(), Status>) -> Code {
        match result {
            Ok(()) => Code::Ok,
            Err(status) => status.code(),
        }
    }

    #[tokio::test]
    async fn a_sandbox_is_created_with_settings_that_were_approved() {
        let no = || Scripted::no("ATTESTATION_MISSING");
        let late = || Err(Refusal::Unavailable(Fault::Late));
        // The answers about policy and settings, and what comes of them.
        for (policy, its_settings, want, asked, says) in [
            (Scripted::yes(), Scripted::yes(), Code::Ok, 2, ""),
            (no(), Scripted::yes(), Code::FailedPrecondition, 1, ""),
            (
                Scripted::yes(),
                no(),
                Code::FailedPrecondition,
                2,
                UNSETTLED,
            ),
            (Scripted::yes(), late(), Code::Unavailable, 2, ""),
        ] {
            let (hook, signer) = hook(Mode::Enforce, vec![policy, its_settings]);
            let result = hook.admit_sandbox(creation()).await;
            assert_eq!(code(&result), want);
            let questions = signer.asked();
            assert_eq!(questions.len(), asked);
            assert!(questions.iter().all(|q| q.target().name == "web-1"));
            if let Err(status) = result {
                assert_eq!(status.message().contains("the settings"), !says.is_empty());
                assert!(status.message().ends_with(says), "{status}");
            }
        }
        let (observing, signer) = hook(Mode::Observe, vec![no(), no()]);
        assert_eq!(code(&observing.admit_sandbox(creation()).await), Code::Ok);
        assert_eq!(signer.asked().len(), 2);
    }

    #[tokio::test]
    async fn below_a_global_policy_only_the_settings_are_asked_about() {
        for (source_is_global, want, asked) in
            [(true, Code::Ok, 1), (false, Code::FailedPrecondition, 0)]
        {
            let (hook, signer) = hook(Mode::Enforce, vec![Scripted::yes()]);
            let bare = Creation {
                policy: None,
                source_is_global,
                ..creation()
            };
            assert_eq!(code(&hook.admit_sandbox(bare).await), want);
            assert_eq!(signer.asked().len(), asked);
        }
    }

    #[tokio::test]
    async fn settings_may_not_get_worse() {
        let no = || Scripted::no("ATTESTATION_MISSING");
        let late = || Err(Refusal::Unavailable(Fault::Late));
        let nobody = Sandbox::default();
        for (answers, want) in [
            (vec![Scripted::yes()], Code::Ok),
            (vec![no(), Scripted::yes()], Code::FailedPrecondition),
            (vec![no(), no()], Code::Ok), // refused before
            (vec![no(), late()], Code::FailedPrecondition),
            (vec![late()], Code::Unavailable),
        ] {
            let count = answers.len();
            let (hook, signer) = hook(Mode::Enforce, answers);
            let (was, becomes) = (settings("fail_closed"), settings("fail_open"));
            let result = hook.admit_settings(&nobody, was.clone(), becomes).await;
            assert_eq!(code(&result), want);
            assert_eq!(signer.asked().len(), count);
            let same = hook.admit_settings(&nobody, was.clone(), was).await;
            assert_eq!(code(&same), Code::Ok);
            assert_eq!(signer.asked().len(), count, "nothing changed");
        }
    }
}
