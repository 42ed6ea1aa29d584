// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! What came of the questions, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::refusal::{Fault, Refusal};

/// What came of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A yes.
    Allowed,
    /// A no.
    Denied,
    /// No driver answered.
    Unreachable,
    /// The driver speaks another contract.
    Incompatible,
    /// The deadline passed.
    Late,
    /// An answer that is none.
    Malformed,
    /// The driver could not decide.
    DriverFault,
}

impl Outcome {
    /// All of them, for whoever sets up metrics.
    pub const ALL: [Self; 7] = [
        Self::Allowed,
        Self::Denied,
        Self::Unreachable,
        Self::Incompatible,
        Self::Late,
        Self::Malformed,
        Self::DriverFault,
    ];

    /// The label for metrics and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Unreachable => "unreachable",
            Self::Incompatible => "incompatible",
            Self::Late => "late",
            Self::Malformed => "malformed",
            Self::DriverFault => "driver_fault",
        }
    }

    pub(crate) const fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Denied(_) => Self::Denied,
            Refusal::Unavailable(Fault::Unreachable(_)) => Self::Unreachable,
            Refusal::Unavailable(Fault::Incompatible(_)) => Self::Incompatible,
            Refusal::Unavailable(Fault::Late) => Self::Late,
            Refusal::Unavailable(Fault::Malformed(_)) => Self::Malformed,
            Refusal::Unavailable(Fault::Driver { .. }) => Self::DriverFault,
        }
    }
}

/// How often each outcome came.
#[derive(Debug, Default)]
pub struct Outcomes([AtomicU64; 7]);

impl Outcomes {
    pub(crate) fn count(&self, outcome: Outcome) {
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The count of one outcome.
    pub fn get(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize].load(Ordering::Relaxed)
    }
}
