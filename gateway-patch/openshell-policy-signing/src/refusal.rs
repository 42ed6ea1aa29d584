// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Everything that is not a yes, and the status that a gateway answers with.

use std::fmt;

use tonic::Status;

/// The most bytes of a hint in the gateway's log.
const MAX_HINT: usize = 1024;

/// Why a policy is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It may not be enforced, says the driver, or it has no canonical form.
    Denied(Denial),
    /// Nobody could decide.
    Unavailable(Fault),
}

/// A refusal that asking again does not mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The stable reason, e.g. `ATTESTATION_MISSING`.
    pub reason: String,
    /// What would have changed the answer, with the names of people and commands for
    /// them: for the operator's log alone. Free of bodies, empty for nothing known.
    pub hint: String,
    /// The id under which the driver was asked; empty when it was not.
    pub request_id: String,
    /// Where the driver recorded the decision.
    pub log_index: Option<u64>,
}

/// Why nobody could decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// There is no driver at the socket, or not the one allowed.
    Unreachable(String),
    /// A driver answers that speaks another contract: one of the two has to be upgraded.
    Incompatible(String),
    /// No answer within the deadline.
    Late,
    /// An answer that is no answer to the question; says what is wrong with it.
    Malformed(&'static str),
    /// The driver said that it cannot decide now: its code and stable reason.
    Driver {
        /// The gRPC code.
        code: tonic::Code,
        /// `OVERLOADED`, `AUDIT_UNAVAILABLE`, …; empty when it gave none.
        reason: String,
    },
}

impl Denial {
    pub(crate) fn new(reason: &str, hint: &str, log_index: Option<u64>) -> Self {
        Self {
            reason: reason.to_owned(),
            hint: printable(hint),
            request_id: String::new(),
            log_index,
        }
    }
}

impl Refusal {
    /// The same with the id under which the driver was asked.
    pub(crate) fn asked_as(mut self, request_id: &str) -> Self {
        if let Self::Denied(denial) = &mut self {
            request_id.clone_into(&mut denial.request_id);
        }
        self
    }

    /// What a gateway's caller is told, who may be a sandbox: the reason, and the id by
    /// which an operator finds the rest. Who would have to approve, and where the
    /// driver is, is none of its business.
    pub fn for_caller(&self) -> String {
        match self {
            Self::Denied(denial) if denial.request_id.is_empty() => {
                format!("refused by policy signing: {}", denial.reason)
            }
            Self::Denied(denial) => format!(
                "refused by policy signing: {}; request {}",
                denial.reason, denial.request_id
            ),
            Self::Unavailable(Fault::Unreachable(_)) => {
                "policy signing could not decide: the driver is unreachable".to_owned()
            }
            Self::Unavailable(Fault::Incompatible(_)) => {
                "policy signing could not decide: the driver speaks another contract".to_owned()
            }
            Self::Unavailable(_) => self.to_string(),
        }
    }
}

/// One line without control characters, at most `MAX_HINT` bytes.
fn printable(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > MAX_HINT {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

impl fmt::Display for Refusal {
    /// For the operator's log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(denial) => {
                f.write_str(&self.for_caller())?;
                if !denial.hint.is_empty() {
                    write!(f, "; {}", denial.hint)?;
                }
                Ok(())
            }
            Self::Unavailable(fault) => write!(f, "policy signing could not decide: {fault}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "the driver is unreachable: {why}"),
            Self::Incompatible(why) => write!(f, "the driver speaks another contract: {why}"),
            Self::Late => f.write_str("the driver did not answer in time"),
            Self::Malformed(what) => write!(f, "the driver's answer is not one: {what}"),
            Self::Driver { code, reason } if reason.is_empty() => {
                write!(f, "the driver answered {code:?}")
            }
            Self::Driver { code, reason } => write!(f, "the driver answered {code:?}: {reason}"),
        }
    }
}

impl std::error::Error for Refusal {}
impl std::error::Error for Fault {}

impl From<Refusal> for Status {
    /// `FAILED_PRECONDITION`, or `UNAVAILABLE`, with what is for a caller.
    fn from(refusal: Refusal) -> Self {
        match &refusal {
            Refusal::Denied(_) => Self::failed_precondition(refusal.for_caller()),
            Refusal::Unavailable(_) => Self::unavailable(refusal.for_caller()),
        }
    }
}

/// `google.rpc.Status`, as far as its details matter.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

/// The stable reason of a call fault; empty when there is none that is ours.
fn fault_reason(status: &Status) -> String {
    use prost::Message as _;
    let details = RpcStatus::decode(status.details()).unwrap_or_default();
    let info = details
        .details
        .iter()
        .filter(|any| any.type_url == "type.googleapis.com/google.rpc.ErrorInfo")
        .find_map(|any| ErrorInfo::decode(any.value.as_slice()).ok())
        .filter(|info| info.domain == "sigdriver.dev")
        .unwrap_or_default();
    let known = info.reason.len() <= 64
        && info
            .reason
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if known { info.reason } else { String::new() }
}

/// A question that is over the contract's limit, which asking again does not mend.
pub(crate) fn too_large() -> Refusal {
    Refusal::Denied(Denial::new(
        "REQUEST_TOO_LARGE",
        "the policy and its parts are over the driver's limit",
        None,
    ))
}

/// What a status of the driver means. One that says that the request can never be
/// right is a denial; all others are faults.
pub(crate) fn from_status(status: &Status) -> Refusal {
    use tonic::Code;
    let reason = fault_reason(status);
    match status.code() {
        Code::InvalidArgument if !reason.is_empty() => Refusal::Denied(Denial::new(
            &reason,
            "the driver does not take a request like this; its log says which limit it breaks",
            None,
        )),
        Code::ResourceExhausted => too_large(),
        Code::DeadlineExceeded | Code::Cancelled => Refusal::Unavailable(Fault::Late),
        code => Refusal::Unavailable(Fault::Driver { code, reason }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;
    use tonic::Code;

    fn with_info(code: Code, reason: &str, domain: &str) -> Status {
        let info = ErrorInfo {
            reason: reason.into(),
            domain: domain.into(),
        };
        let details = RpcStatus {
            details: vec![prost_types::Any {
                type_url: "type.googleapis.com/google.rpc.ErrorInfo".into(),
                value: info.encode_to_vec(),
            }],
        };
        Status::with_details(code, "foreign text", details.encode_to_vec().into())
    }

    #[test]
    fn statuses_of_the_driver() {
        let ours = |code, reason| from_status(&with_info(code, reason, "sigdriver.dev"));
        assert!(matches!(ours(Code::InvalidArgument, "REQUEST_INVALID"),
            Refusal::Denied(d) if d.reason == "REQUEST_INVALID"));
        assert!(matches!(ours(Code::Unavailable, "OVERLOADED"),
            Refusal::Unavailable(Fault::Driver { reason, .. }) if reason == "OVERLOADED"));
        // A reason of somebody else, or no reason at all, is not repeated.
        for status in [
            with_info(Code::InvalidArgument, "REQUEST_INVALID", "elsewhere"),
            with_info(Code::InvalidArgument, "rm -rf", "sigdriver.dev"),
            Status::new(Code::InvalidArgument, "foreign text"),
        ] {
            assert_eq!(
                from_status(&status),
                Refusal::Unavailable(Fault::Driver {
                    code: Code::InvalidArgument,
                    reason: String::new()
                })
            );
        }
        assert_eq!(
            from_status(&Status::deadline_exceeded("")),
            Refusal::Unavailable(Fault::Late)
        );
    }

    #[test]
    fn what_the_gateway_answers() {
        let denied = Refusal::Denied(Denial::new("THRESHOLD", "ask\nbob\u{7}", Some(7)));
        for (refusal, message) in [
            (denied.clone(), "refused by policy signing: THRESHOLD"),
            (
                denied.asked_as("ab-7"),
                "refused by policy signing: THRESHOLD; request ab-7",
            ),
        ] {
            assert_eq!(refusal.to_string(), format!("{message}; ask bob "));
            let status = Status::from(refusal);
            assert_eq!(status.code(), Code::FailedPrecondition);
            assert_eq!(status.message(), message);
        }
        for fault in [
            Fault::Unreachable("/secret/path".into()),
            Fault::Incompatible("/secret/recipe".into()),
            Fault::Late,
            Fault::Malformed("another request_id"),
            Fault::Driver {
                code: Code::Internal,
                reason: String::new(),
            },
        ] {
            let status = Status::from(Refusal::Unavailable(fault));
            assert_eq!(status.code(), Code::Unavailable);
            assert!(!status.message().contains("/secret"));
        }
        let long = Denial::new("THRESHOLD", &"é".repeat(1000), None);
        assert!(long.hint.len() <= MAX_HINT + '…'.len_utf8());
    }
}
