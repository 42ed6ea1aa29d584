// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! What counts as a yes.

use bytes::Bytes;
use tracing::warn;

use crate::proto::{Reason, TrustCondition, Verdict, VerifyResponse};
use crate::question::Question;
use crate::refusal::{Denial, Fault, Refusal};

/// The most bytes of a receipt's envelope.
const MAX_ENVELOPE: usize = 64 << 10;

/// A yes to one question, told by the driver and held against the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The id under which it was asked.
    pub request_id: String,
    /// The digest under which the driver recorded it.
    pub request_sha256: [u8; 32],
    /// The sequence number of the driver's journal entry.
    pub log_index: u64,
    /// The epoch of the trust that decided.
    pub epoch: u64,
    /// Whether that trust is past an expiry but within its allowance.
    pub stale: bool,
    /// How many rules in shadow mode would have refused.
    pub shadow_findings: usize,
}

/// A yes with the driver's signed receipt, if it gives any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The yes.
    pub allowed: Allowed,
    /// A DSSE envelope; none from a driver that gives no receipts.
    pub envelope: Option<Bytes>,
}

/// Takes an answer for a yes only if it says so, in every way it can, about exactly
/// what was asked.
pub(crate) fn check(
    question: &Question,
    request_id: &str,
    response: &VerifyResponse,
) -> Result<Allowed, Refusal> {
    if response.request_id != request_id {
        return Err(malformed("it has another request_id"));
    }
    match Verdict::try_from(response.verdict) {
        Ok(Verdict::Allow) => {}
        Ok(Verdict::Deny) => return Err(denial(response).asked_as(request_id)),
        Ok(Verdict::Unspecified) => return Err(malformed("it has no verdict")),
        Err(_) => return Err(malformed("its verdict is unknown")),
    }
    if Reason::try_from(response.reason) != Ok(Reason::Allowed) {
        return Err(malformed("it allows for a reason that does not"));
    }
    check_asked(question, response)?;
    let same_documents = response.documents.len() == question.documents.len()
        && response
            .documents
            .iter()
            .zip(&question.documents)
            .all(|(got, want)| got.sha256[..] == want[..]);
    if !same_documents {
        return Err(malformed("it is about other documents"));
    }
    let effective = question.effective.as_ref().map_or(&[][..], |sum| &sum[..]);
    if response.effective_sha256[..] != *effective {
        return Err(malformed("it is about another effective policy"));
    }
    let request_sha256 = <[u8; 32]>::try_from(&response.request_sha256[..])
        .map_err(|_| malformed("its request_sha256 is none"))?;
    let receipt = response
        .receipt
        .as_ref()
        .filter(|receipt| receipt.entry_sha256.len() == 32)
        .ok_or_else(|| malformed("it allows but was not recorded"))?;
    let trust = response
        .trust
        .as_ref()
        .filter(|trust| trust.epoch > 0)
        .ok_or_else(|| malformed("it allows without trust"))?;
    // An answer need not say in which condition trust is; if it does, trust decides.
    if !matches!(
        TrustCondition::try_from(trust.condition),
        Ok(TrustCondition::Unspecified | TrustCondition::Fresh | TrustCondition::Stale)
    ) {
        return Err(malformed("it allows under trust that decides nothing"));
    }
    if response.nearest_miss.is_some() {
        return Err(malformed("it allows and says what was amiss"));
    }
    Ok(Allowed {
        request_id: request_id.to_owned(),
        request_sha256,
        log_index: receipt.log_index,
        epoch: trust.epoch,
        stale: trust.stale,
        shadow_findings: response.shadow_findings.len(),
    })
}

/// A driver of an earlier release does not know of providers without a profile, and its
/// digest shows that it left them out: then it answered what it was asked before there
/// was such a part, and gateway and driver are upgraded apart. One that knows of them
/// never says that digest.
fn check_asked(question: &Question, response: &VerifyResponse) -> Result<(), Refusal> {
    if response.asked_sha256[..] == question.asked {
        return Ok(());
    }
    let before = question.asked_before;
    if before.is_some_and(|before| response.asked_sha256[..] == before) {
        warn!(
            "the policy signing driver is of an earlier release and did not judge that an attached provider has no profile"
        );
        return Ok(());
    }
    Err(malformed("it answers another question"))
}

fn denial(response: &VerifyResponse) -> Refusal {
    let reason = match Reason::try_from(response.reason) {
        Ok(Reason::Allowed | Reason::Unspecified) => {
            return malformed("it denies for a reason that does not");
        }
        Ok(reason) => reason
            .as_str_name()
            .trim_start_matches("REASON_")
            .to_owned(),
        // A newer driver's reason: still a refusal.
        Err(_) => format!("REASON_{}", response.reason),
    };
    let hint = response
        .nearest_miss
        .as_ref()
        .map_or_else(String::new, |miss| {
            let mut hint = miss.text.clone();
            if !miss.command.is_empty() {
                hint = format!("{hint} (run: {})", miss.command);
            }
            hint
        });
    let log_index = response.receipt.as_ref().map(|receipt| receipt.log_index);
    Refusal::Denied(Denial::new(&reason, &hint, log_index))
}

/// Takes the envelope that came with a yes.
pub(crate) fn check_envelope(envelope: Bytes) -> Result<Bytes, Refusal> {
    if envelope.is_empty() {
        return Err(malformed("it allows without a receipt"));
    }
    if envelope.len() > MAX_ENVELOPE {
        return Err(malformed("its receipt is over 64 KiB"));
    }
    Ok(envelope)
}

const fn malformed(what: &'static str) -> Refusal {
    Refusal::Unavailable(Fault::Malformed(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{DocumentResult, NearestMiss, Receipt, TrustState};
    use crate::{Composition, Document, Recipe, Role, Sandbox, Target};
    use proptest::prelude::*;
    use serde_json::json;

    fn question() -> Question {
        let policy = json!({"version": 1});
        let sandbox = Sandbox {
            workspace: "prod".into(),
            id: "sb-1".into(),
            name: "web-1".into(),
        };
        let composition = Composition {
            source: Some(Document::new(Role::SandboxPolicy, policy.clone()).unwrap()),
            effective: Some(Document::effective(policy).unwrap()),
            ..Default::default()
        };
        Question::compose(Target::of("gw-1", &sandbox), Recipe::V2026_08, composition)
    }

    fn yes(question: &Question) -> VerifyResponse {
        VerifyResponse {
            request_id: "r-1".into(),
            verdict: Verdict::Allow.into(),
            reason: Reason::Allowed.into(),
            documents: question
                .documents
                .iter()
                .map(|sum| DocumentResult {
                    sha256: sum.to_vec().into(),
                    ..Default::default()
                })
                .collect(),
            request_sha256: vec![1; 32].into(),
            effective_sha256: question
                .effective
                .map_or_else(Bytes::new, |sum| sum.to_vec().into()),
            asked_sha256: question.asked.to_vec().into(),
            receipt: Some(Receipt {
                log_index: 9,
                entry_sha256: vec![2; 32].into(),
            }),
            trust: Some(TrustState {
                epoch: 3,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_yes_is_a_yes() {
        let question = question();
        let allowed = check(&question, "r-1", &yes(&question)).expect("nothing is amiss");
        assert_eq!((allowed.log_index, allowed.epoch), (9, 3));
    }

    /// Each guard of `check`, by the one change that only it sees.
    #[test]
    fn everything_else_is_none() {
        type Change = fn(&mut VerifyResponse);
        let changes: [(&str, Change); 17] = [
            ("another id", |r| r.request_id.push('x')),
            ("no verdict", |r| r.verdict = 0),
            ("an unknown verdict", |r| r.verdict = 3),
            ("a negative verdict", |r| r.verdict = -1),
            ("no reason", |r| r.reason = 0),
            ("another reason", |r| r.reason = Reason::Threshold.into()),
            ("an unknown reason", |r| r.reason = 9999),
            ("another question", |r| r.asked_sha256 = vec![0; 32].into()),
            ("no question", |r| r.asked_sha256 = Bytes::new()),
            ("another document", |r| {
                r.documents[0].sha256 = vec![0; 32].into();
            }),
            ("one document more", |r| {
                r.documents.push(DocumentResult::default());
            }),
            ("no documents", |r| r.documents.clear()),
            ("another effective", |r| {
                r.effective_sha256 = vec![0; 32].into();
            }),
            ("no request digest", |r| {
                r.request_sha256 = vec![1; 31].into();
            }),
            ("no receipt", |r| r.receipt = None),
            ("no trust", |r| r.trust = Some(TrustState::default())),
            ("a nearest miss", |r| {
                r.nearest_miss = Some(NearestMiss::default());
            }),
        ];
        let question = question();
        for (name, change) in changes {
            let mut response = yes(&question);
            change(&mut response);
            assert!(
                matches!(
                    check(&question, "r-1", &response),
                    Err(Refusal::Unavailable(Fault::Malformed(_)))
                ),
                "{name}"
            );
        }
        let mut short = yes(&question);
        short.receipt = Some(Receipt {
            log_index: 9,
            entry_sha256: vec![2; 31].into(),
        });
        assert!(check(&question, "r-1", &short).is_err());
    }

    /// The digest without the newest part is taken only where that part was asked.
    #[test]
    fn an_earlier_release_answers_the_rest() {
        let ask = |without: &[&str]| {
            let policy = json!({"version": 1});
            let composition = Composition {
                source: Some(Document::new(Role::SandboxPolicy, policy.clone()).unwrap()),
                effective: Some(Document::effective(policy).unwrap()),
                without_profile: without.iter().map(ToString::to_string).collect(),
                ..Default::default()
            };
            let target = Target::of("gw-1", &Sandbox::default());
            Question::compose(target, Recipe::V2026_08, composition)
        };
        let (less, question, other) = (ask(&[]), ask(&["mailer"]), ask(&["other"]));
        for (asked, answered, taken) in [
            (&question, &question, true),
            (&question, &less, true), // by a driver that does not know it
            (&question, &other, false),
            (&less, &question, false),
            (&less, &less, true),
        ] {
            assert_eq!(check(asked, "r-1", &yes(answered)).is_ok(), taken);
        }
    }

    #[test]
    fn a_no_keeps_its_reason() {
        let question = question();
        let mut response = yes(&question);
        response.verdict = Verdict::Deny.into();
        assert!(matches!(
            check(&question, "r-1", &response),
            Err(Refusal::Unavailable(_))
        ));
        for (number, name) in [
            (Reason::Threshold.into(), "THRESHOLD"),
            (9999, "REASON_9999"),
        ] {
            response.reason = number;
            response.nearest_miss = Some(NearestMiss {
                text: "one signature is missing".into(),
                command: "sigdriver sign".into(),
                ..Default::default()
            });
            let Err(Refusal::Denied(denial)) = check(&question, "r-1", &response) else {
                panic!("{name} is a denial");
            };
            assert_eq!(denial.reason, name);
            assert_eq!(
                denial.hint,
                "one signature is missing (run: sigdriver sign)"
            );
            assert_eq!(denial.request_id, "r-1");
            assert_eq!(denial.log_index, Some(9));
        }
    }

    #[test]
    fn envelopes() {
        assert!(check_envelope(Bytes::new()).is_err());
        assert!(check_envelope(vec![1; MAX_ENVELOPE].into()).is_ok());
        assert!(check_envelope(vec![1; MAX_ENVELOPE + 1].into()).is_err());
    }

    proptest! {
        /// No bytes that a driver could send are a yes by accident.
        #[test]
        fn noise_is_no_yes(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            if let Ok(response) = <VerifyResponse as prost::Message>::decode(&bytes[..]) {
                prop_assert!(check(&question(), "r-1", &response).is_err());
            }
        }

        /// One flipped bit in an encoded yes is a yes only where it says nothing
        /// about what was asked and decided.
        #[test]
        fn a_flipped_bit_never_moves_the_answer(bit in any::<prop::sample::Index>()) {
            use prost::Message as _;
            let question = question();
            let right = check(&question, "r-1", &yes(&question)).expect("nothing is amiss");
            let mut bytes = yes(&question).encode_to_vec();
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(response) = VerifyResponse::decode(&bytes[..])
                && let Ok(allowed) = check(&question, "r-1", &response) {
                    prop_assert_eq!(allowed.request_id, right.request_id);
                    prop_assert_eq!(&response.asked_sha256[..], &question.asked[..]);
                    prop_assert_eq!(response.verdict, i32::from(Verdict::Allow));
                }
        }
    }
}
