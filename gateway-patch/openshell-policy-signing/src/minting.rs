// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Where a credential is about to be minted. The gateway's refresh state is a row: it
//! says where a client's secret is sent, and the approved profile says where it may be.

use openshell_policy_document::Role;
use serde_json::Value;
use tonic::Status;

use crate::hook::Hook;
use crate::refusal::{Denial, Refusal};
use crate::target::Sandbox;

/// Where Google's service accounts get tokens if nothing else is said.
const GOOGLE: &str = "https://oauth2.googleapis.com/token";
const GOOGLE_STRATEGY: &str = "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_GOOGLE_SERVICE_ACCOUNT_JWT";
const AWS_STRATEGY: &str = "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_AWS_STS_ASSUME_ROLE";

/// A credential that is about to be minted, by the worker or because somebody asked
/// for a rotation: all from the row that it will be minted from.
#[derive(Debug, Clone, Default)]
pub struct Minting {
    /// The provider's workspace.
    pub workspace: String,
    /// The profile in use, in `ProtoJSON`; none for a provider without one.
    pub profile: Option<Value>,
    /// The workspace that the profile is scoped to; empty for one of the gateway.
    pub profile_workspace: String,
    /// The credential of the profile, by its name or one of its environment variables:
    /// a refresh state may use either.
    pub credential: String,
    /// How it is minted, as `ProtoJSON` names it.
    pub strategy: String,
    /// Where the request goes, tenants and defaults resolved; empty for a strategy that
    /// has no URL.
    pub token_url: String,
    /// What the token will be good for.
    pub scopes: Vec<String>,
}

/// Before a secret leaves to mint a credential: the profile must be approved, and the
/// row must do what it says. A refusal is `FAILED_PRECONDITION`.
///
/// What no profile says is not compared: the AWS role and its region are the row's.
pub async fn before_minting(hook: Option<&Hook>, minting: &Minting) -> Result<(), Status> {
    const SEAM: &str = "mint_credential";
    let Some(hook) = hook else { return Ok(()) };
    let place = Sandbox {
        workspace: minting.workspace.clone(),
        ..Default::default()
    };
    let Some(profile) = &minting.profile else {
        return hook.refused(SEAM, &place, mismatch("no profile says where it is minted"));
    };
    let role = Role::ProviderProfile;
    let scope = &minting.profile_workspace;
    hook.admit(SEAM, &place, role, profile.clone(), scope)
        .await?;
    match minting.differs(profile) {
        Some(what) => hook.refused(SEAM, &place, mismatch(what)),
        None => Ok(()),
    }
}

impl Minting {
    /// Reports whether a credential of the profile is the one that is minted.
    fn is_of(&self, credential: &Value) -> bool {
        let variables = credential["envVars"].as_array();
        credential["name"] == *self.credential
            || variables.is_some_and(|all| all.iter().any(|one| *one == *self.credential))
    }

    /// In what the row differs from the profile.
    fn differs(&self, profile: &Value) -> Option<&'static str> {
        let credentials = profile["credentials"].as_array();
        let mut named = credentials
            .into_iter()
            .flatten()
            .filter(|credential| self.is_of(credential));
        let refresh = match (named.next(), named.next()) {
            (Some(one), None) => &one["refresh"],
            _ => return Some("the profile has no such credential, or two"),
        };
        if refresh["strategy"] != *self.strategy {
            return Some("it is minted in another way than the profile says");
        }
        let approved = match refresh["tokenUrl"].as_str().unwrap_or_default().trim() {
            "" if self.strategy == GOOGLE_STRATEGY => GOOGLE,
            "" if self.strategy != AWS_STRATEGY => {
                return Some("the profile does not say where it is minted");
            }
            url => url,
        };
        if self.token_url.trim() != approved {
            return Some("it is minted elsewhere than the profile says");
        }
        let scopes = refresh["scopes"].as_array().map_or(&[][..], Vec::as_slice);
        let wider = |scope: &String| scopes.iter().all(|approved| *approved != **scope);
        if !scopes.is_empty() && (self.scopes.is_empty() || self.scopes.iter().any(wider)) {
            return Some("it is minted for more than the profile says");
        }
        None
    }
}

fn mismatch(what: &str) -> Refusal {
    Refusal::Denied(Denial::new("COMPOSITION_MISMATCH", what, None))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Mode, Outcome, Recipe, Scripted};
    use serde_json::json;
    use tonic::Code;

    const OAUTH: &str = "PROVIDER_CREDENTIAL_REFRESH_STRATEGY_OAUTH2_CLIENT_CREDENTIALS";

    fn approved() -> Minting {
        Minting {
            workspace: "prod".into(),
            profile: Some(json!({"id": "forge", "credentials": [
                {"name": "other", "refresh": {"strategy": OAUTH, "tokenUrl": "https://other.example"}},
                {"name": "token", "refresh": {"strategy": OAUTH, "tokenUrl": "https://login.forge.example/token",
                    "scopes": ["read", "write"]}},
            ]})),
            credential: "token".into(),
            strategy: OAUTH.into(),
            token_url: "https://login.forge.example/token".into(),
            scopes: vec!["read".into()],
            ..Default::default()
        }
    }

    fn hook(mode: Mode, answers: Vec<Result<crate::Allowed, Refusal>>) -> (Hook, Arc<Scripted>) {
        let signer = Arc::new(Scripted::new(answers));
        let hook = Hook::new(Arc::clone(&signer) as _, "gw-1", Recipe::V2026_08, mode);
        (hook, signer)
    }

    async fn mint(minting: &Minting) -> Result<(), Code> {
        let (hook, _) = hook(Mode::Enforce, vec![Scripted::yes()]);
        before_minting(Some(&hook), minting)
            .await
            .map_err(|status| status.code())
    }

    /// Each edit of a row, one away from what is minted.
    #[tokio::test]
    async fn a_row_that_differs_sends_no_secret() {
        type Edit = fn(&mut Minting);
        let edits: [(&str, Edit); 10] = [
            ("another host", |m| {
                m.token_url = "https://evil.example/token".into();
            }),
            ("another path", |m| m.token_url.push('2')),
            ("another credential's URL", |m| {
                m.token_url = "https://other.example".into();
            }),
            ("a tenant's URL", |m| {
                m.token_url = "https://login.microsoftonline.com/evil/oauth2/v2.0/token".into();
            }),
            ("no URL", |m| m.token_url = String::new()),
            ("another strategy", |m| m.strategy = GOOGLE_STRATEGY.into()),
            ("AWS, which has no URL", |m| {
                m.strategy = AWS_STRATEGY.into();
                m.token_url = String::new();
            }),
            ("a wider scope", |m| m.scopes.push("admin".into())),
            ("whatever scopes there are", |m| m.scopes.clear()),
            ("a credential that the profile has not", |m| {
                m.credential = "x".into();
            }),
        ];
        assert_eq!(mint(&approved()).await, Ok(()));
        for (name, edit) in edits {
            let mut row = approved();
            edit(&mut row);
            assert_eq!(mint(&row).await, Err(Code::FailedPrecondition), "{name}");
            // The control: without a hook it is sent.
            assert!(before_minting(None, &row).await.is_ok(), "{name}");
        }
    }

    #[tokio::test]
    async fn a_credential_goes_by_its_variables_too() {
        let mut row = approved();
        row.credential = "FORGE_TOKEN".into();
        assert_eq!(mint(&row).await, Err(Code::FailedPrecondition));
        let credentials = |m: &mut Minting, i: usize| {
            m.profile.as_mut().expect("approved")["credentials"][i]["envVars"] =
                json!(["A", "FORGE_TOKEN"]);
        };
        credentials(&mut row, 1);
        assert_eq!(mint(&row).await, Ok(()));
        // Where two have it nobody can say which is meant.
        credentials(&mut row, 0);
        assert_eq!(mint(&row).await, Err(Code::FailedPrecondition));
    }

    #[tokio::test]
    async fn strategies_without_a_url_of_their_own() {
        let with = |strategy: &str, url: &str| Minting {
            profile: Some(
                json!({"id": "p", "credentials": [{"name": "token", "refresh": {"strategy": strategy}}]}),
            ),
            strategy: strategy.into(),
            token_url: url.into(),
            ..approved()
        };
        for (strategy, url, want) in [
            (GOOGLE_STRATEGY, GOOGLE, Ok(())),
            (
                GOOGLE_STRATEGY,
                "https://evil.example",
                Err(Code::FailedPrecondition),
            ),
            (AWS_STRATEGY, "", Ok(())),
            (
                AWS_STRATEGY,
                "https://evil.example",
                Err(Code::FailedPrecondition),
            ),
            (OAUTH, "", Err(Code::FailedPrecondition)),
            (OAUTH, GOOGLE, Err(Code::FailedPrecondition)),
        ] {
            assert_eq!(mint(&with(strategy, url)).await, want, "{strategy} {url}");
        }
    }

    #[tokio::test]
    async fn the_profile_must_be_approved() {
        let (denying, signer) = hook(Mode::Enforce, vec![Scripted::no("THRESHOLD")]);
        let refused = before_minting(Some(&denying), &approved()).await;
        assert!(refused.is_err_and(|status| status.message().contains("THRESHOLD")));
        assert_eq!(signer.asked().len(), 1);
        let mut none = approved();
        none.profile = None;
        let (hook, signer) = self::hook(Mode::Enforce, vec![Scripted::yes()]);
        assert!(before_minting(Some(&hook), &none).await.is_err());
        assert!(signer.asked().is_empty());
        assert_eq!(hook.outcomes().get(Outcome::Denied), 1);
        let (watching, _) = self::hook(Mode::Observe, vec![Scripted::yes()]);
        assert!(before_minting(Some(&watching), &none).await.is_ok());
    }
}
